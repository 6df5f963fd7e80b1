//! A restart changes nothing: an engine that stops anywhere and goes on from what was kept comes to the same states, says
//! the same things and has the same digests as one that never stopped.

use proptest::prelude::*;
use weir_monitor::{Telling, TickReport};
use weir_types::{Transition, UnixMicros};

use crate::world::{START, World};

const DEFINITIONS: &str = r#"
    [[monitors]]
    name = "hold"
    condition = "max(gauge) by host > 10 over 2m for 3m keep_firing 2m crit 20 recover 15"
    message = "{host.name} {value}"
    new_group_delay = "2m"
    group_retention = "20m"
    renotify = "5m"

    [[monitors]]
    name = "sum"
    condition = "sum(gauge) by host > 60 over 15m every 3m for 6m"
    message = "{host.name} {value}"

    [[monitors]]
    name = "rare"
    condition = "max(gauge) by host > 10 over 2m every 30m"
    message = "{host.name} {value}"
    new_group_delay = "3m"
    group_retention = "20m"

    [[monitors]]
    name = "silent"
    condition = "avg(gauge) by host > 12 over 3m min_samples 2"
    message = "{host.name} {value}"
    no_data = "notify"
    no_data_for = "7m"

    [[monitors]]
    name = "ratio"
    condition = "sum(gauge{host:a}) / sum(gauge) > 0.6 over 5m"
    message = "{value}"
    no_data = "ok"

    [[monitors]]
    name = "points"
    condition = "max(last_10m):sum:gauge{*} by {host} > 30"
    message = "{host.name} {value}"

    [[monitors]]
    name = "p90"
    condition = "p90(gauge) > 15 over 90m min_samples 5"
    message = "{value}"
    confidence = 0.9

    [[monitors]]
    name = "unusual"
    condition = "anomaly(sum(gauge) by host, 'agile', 2, interval='1m', alert_window='5m', direction='both') > 0"
    message = "{host.name} {value}"

    [[monitors]]
    name = "today"
    condition = "sum(gauge) > 500 over current_day tz 'Asia/Kolkata'"
    message = "{value}"

    [[monitors]]
    name = "patient"
    condition = "max(gauge) by host > 10 over 2m every 3m for 6m"
    message = "{host.name} {value}"
    evaluation_delay = "7m"
    group_retention = "20m"

    [[monitors]]
    name = "both"
    condition = "@hold && !@silent"
    message = "both"
"#;

/// A value of a host in a minute; `None` is none.
type Minute = [Option<u8>; 3];

fn minutes() -> impl Strategy<Value = Vec<Minute>> {
    // Stretches of minutes that are alike: good, bad, worse or silent for each host.
    let value = prop_oneof![
        4 => (1u8..9).prop_map(Some),
        3 => (11u8..30).prop_map(Some),
        2 => Just(None),
    ];
    let stretch =
        (prop::array::uniform3(value), 1usize..14).prop_map(|(values, length)| vec![values; length]);
    prop::collection::vec(stretch, 4..14).prop_map(|stretches| stretches.concat())
}

/// Everything that ticks said, but for the digests.
fn said(reports: &[TickReport]) -> (Vec<Transition>, Vec<Telling>) {
    let transitions = reports.iter().flat_map(|report| report.transitions.clone());
    let tellings = reports.iter().flat_map(|report| report.tellings.clone());
    (transitions.collect(), tellings.collect())
}

/// How groups are; the numbers of a tick are read again at the next.
fn states(world: &World, monitor: &str) -> Vec<impl PartialEq + std::fmt::Debug + use<>> {
    let groups = world.engine.groups(monitor).unwrap();
    groups
        .into_iter()
        .map(|group| (group.group, group.state, group.since, group.pending, group.alert_id))
        .collect()
}

fn run(minutes: &[Minute], restarts: &[usize]) -> World {
    let mut world = World::new(DEFINITIONS);
    for (n, values) in minutes.iter().enumerate() {
        let now = i64::try_from(n).unwrap();
        for (host, value) in ["a", "b", "c"].into_iter().zip(values) {
            if let Some(value) = value {
                world.add(now, "gauge", &[("host", host)], &[f64::from(*value), f64::from(*value) / 2.0]);
            }
        }
        world.tick_to(now + 1);
        if restarts.contains(&n) {
            world.restart();
        }
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn stopping_and_going_on_is_as_never_having_stopped(
        minutes in minutes(),
        restarts in prop::collection::vec(0usize..90, 1..6),
    ) {
        let (whole, parts) = (run(&minutes, &[]), run(&minutes, &restarts));
        for (a, b) in whole.reports.iter().zip(&parts.reports) {
            let at = (a.at.0 - START.0) / UnixMicros::MINUTE;
            for (a, b) in a.digests.iter().zip(&b.digests) {
                prop_assert_eq!(a, b, "minute {}, restarts after {:?}\n{}\n---\n{}", at, restarts, whole.story(), parts.story());
            }
        }
        prop_assert_eq!(whole.engine.chain(), parts.engine.chain());
        prop_assert_eq!(said(&whole.reports), said(&parts.reports));
        for monitor in whole.engine.monitors() {
            prop_assert_eq!(states(&whole, &monitor.name), states(&parts, &monitor.name));
        }
    }
}
