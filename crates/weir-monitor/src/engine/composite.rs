//! Composites: the states of other monitors, joined group by group.
//!
//! Severities are those of Datadog: an alert is worse than a warning, a warning than missing data, that than all being
//! well; `&&` is the milder of two, `||` the worse, and of missing data the negation is missing data. Groups meet when
//! they agree on the tags that both have, by key and value; a monitor without groups meets every group. A group that
//! some monitor of the composite does not have is not judged.

use std::collections::BTreeMap;
use std::sync::Arc;

use weir_types::{AlertState, Tags};

use crate::condition::{Composite, MonitorRef};

/// The states of a monitor's groups.
pub(super) type States = BTreeMap<Tags, AlertState>;

/// The groups of a composite and their states.
pub(super) fn evaluate(composite: &Composite, inputs: &BTreeMap<Arc<str>, States>) -> States {
    let names = composite.names().into_iter();
    let inputs: BTreeMap<&str, &States> = names.filter_map(|name| Some((name, inputs.get(name)?))).collect();
    // The groups of the monitor that tells most apart are those of the composite.
    let finest = inputs.values().max_by_key(|states| states.keys().map(Tags::len).max().unwrap_or(0));
    let Some(finest) = finest else { return States::new() };
    let groups = finest.keys().filter_map(|group| {
        let state = state_of(composite, &|name| state_in(inputs.get(name)?, group))?;
        Some((group.clone(), state))
    });
    groups.collect()
}

/// The worst state of the groups that agree with a group.
fn state_in(states: &States, group: &Tags) -> Option<AlertState> {
    let agrees = |other: &Tags| {
        other.iter().all(|(key, value)| group.get(key.as_str()).is_none_or(|own| *own == **value))
    };
    states.iter().filter(|(other, _)| agrees(other)).map(|(_, state)| *state).max()
}

fn state_of(composite: &Composite, state: &impl Fn(&str) -> Option<AlertState>) -> Option<AlertState> {
    Some(match composite {
        Composite::Monitor(MonitorRef::Name(name)) => state(name)?,
        Composite::Monitor(MonitorRef::Id(_)) => return None,
        Composite::Not(inner) => match state_of(inner, state)? {
            AlertState::Ok => AlertState::Alert,
            AlertState::NoData => AlertState::NoData,
            AlertState::Warn | AlertState::Alert => AlertState::Ok,
        },
        Composite::And(a, b) => state_of(a, state)?.min(state_of(b, state)?),
        Composite::Or(a, b) => state_of(a, state)?.max(state_of(b, state)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::Judged;

    fn states(groups: &[(&[(&str, &str)], AlertState)]) -> States {
        groups.iter().map(|(tags, state)| (tags.iter().copied().collect(), *state)).collect()
    }

    fn judged(text: &str, inputs: &[(&str, States)]) -> States {
        let Judged::Composite(composite) = crate::parse_condition(text).unwrap().judged else {
            panic!("{text}")
        };
        evaluate(
            &composite,
            &inputs.iter().map(|(name, states)| (Arc::from(*name), states.clone())).collect(),
        )
    }

    #[test]
    fn severities_follow_datadogs_table() {
        use AlertState::{Alert, NoData, Ok, Warn};
        for (a, b, and, or) in [
            (Alert, Warn, Warn, Alert),
            (Alert, NoData, NoData, Alert),
            (Warn, NoData, NoData, Warn),
            (NoData, Ok, Ok, NoData),
            (Alert, Ok, Ok, Alert),
        ] {
            let inputs = [("a", states(&[(&[], a)])), ("b", states(&[(&[], b)]))];
            assert_eq!(judged("@a && @b", &inputs)[&Tags::new()], and, "{a:?} && {b:?}");
            assert_eq!(judged("@a || @b", &inputs)[&Tags::new()], or, "{a:?} || {b:?}");
        }
        for (state, not) in [(Alert, Ok), (Warn, Ok), (Ok, Alert), (NoData, NoData)] {
            assert_eq!(judged("!@a", &[("a", states(&[(&[], state)]))])[&Tags::new()], not, "!{state:?}");
        }
    }

    #[test]
    fn groups_meet_by_key_and_value() {
        let inputs = [
            (
                "slow",
                states(&[
                    (&[("app", "x"), ("model", "m")], AlertState::Alert),
                    (&[("app", "y"), ("model", "m")], AlertState::Ok),
                ]),
            ),
            ("failing", states(&[(&[("app", "x")], AlertState::Warn), (&[("app", "z")], AlertState::Alert)])),
            ("deploying", states(&[(&[], AlertState::Alert)])),
        ];
        let joined = judged("@slow && @failing && @deploying", &inputs);
        let expected = states(&[(&[("app", "x"), ("model", "m")], AlertState::Warn)]);
        assert_eq!(joined, expected, "app y has no state of its own in failing, and z none in slow");
    }
}
