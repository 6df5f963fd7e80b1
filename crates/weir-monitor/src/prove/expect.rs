//! Sequences of states, as tests expect and find them.

use std::fmt;

use weir_types::AlertState;

use crate::condition::{length_of_text, shown_length};

/// A time within a test, in microseconds from its start: at one, or between two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct When {
    from_us: i64,
    to_us: i64,
}

impl When {
    /// Reads `11m`, `..20m`, `18d..21d` or `11m..`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let length = |part: &str| {
            let part = part.trim();
            let zero = ["0", "0m", "0s", "0d"].contains(&part).then_some(0);
            zero.or_else(|| length_of_text(part))
                .ok_or_else(|| format!("`{part}` is no time of a test; times are written 11m, 2h, 18d"))
        };
        match text.split_once("..") {
            None => length(text).map(|at| Self { from_us: at, to_us: at }),
            Some((from, to)) => Ok(Self {
                from_us: if from.trim().is_empty() { 0 } else { length(from)? },
                to_us: if to.trim().is_empty() { i64::MAX } else { length(to)? },
            }),
        }
    }

    pub(super) fn holds(self, at_us: i64) -> bool {
        (self.from_us..=self.to_us).contains(&at_us)
    }
}

/// A state that a group has from some time on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ExpectedState {
    state: AlertState,
    when: Option<When>,
}

impl ExpectedState {
    /// Reads `OK`, `ALERT@11m`, `OK@..20m`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (name, when) = match text.split_once('@') {
            Some((name, when)) => (name, Some(When::parse(when)?)),
            None => (text, None),
        };
        let state = AlertState::parse(&name.trim().to_ascii_lowercase())
            .ok_or_else(|| format!("`{name}` is no state; there are OK, WARN, ALERT and NO_DATA"))?;
        Ok(Self { state, when })
    }
}

/// A state that a group had from some time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundState {
    /// The state.
    pub state: AlertState,
    /// Since when, in microseconds from the start of the test.
    pub at_us: i64,
}

impl FoundState {
    /// Since when, as it is written in tests.
    pub(super) fn at(self) -> String {
        if self.at_us == 0 { "0m".to_owned() } else { shown_length(self.at_us) }
    }
}

impl fmt::Display for FoundState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.state.as_str().to_ascii_uppercase(), self.at())
    }
}

/// Whether the states are those that were expected.
pub(super) fn is_as_expected(expected: &[ExpectedState], found: &[FoundState]) -> bool {
    expected.len() == found.len()
        && expected.iter().zip(found).all(|(expected, found)| {
            expected.state == found.state && expected.when.is_none_or(|when| when.holds(found.at_us))
        })
}

/// Whether a text is like a pattern, in which `*` stands for anything.
pub(super) fn is_like(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(states: &[(AlertState, i64)]) -> Vec<FoundState> {
        states
            .iter()
            .map(|(state, minutes)| FoundState { state: *state, at_us: minutes * 60_000_000 })
            .collect()
    }

    fn expected(text: &str) -> Vec<ExpectedState> {
        text.split(", ")
            .map(|part| ExpectedState::parse(part).unwrap_or_else(|error| panic!("{error}")))
            .collect()
    }

    #[test]
    fn a_sequence_is_whole_and_its_times_are_met() {
        let states = found(&[(AlertState::Ok, 0), (AlertState::Alert, 11), (AlertState::Ok, 20)]);
        for (text, holds) in [
            ("OK, ALERT, OK", true),
            ("OK@0m, ALERT@11m, OK@..20m", true),
            ("OK, ALERT@10m..12m, OK@20m..", true),
            ("OK, ALERT@12m, OK", false),
            ("OK, ALERT, OK@..19m", false),
            ("OK, ALERT", false),
            ("OK, WARN, OK", false),
        ] {
            assert_eq!(is_as_expected(&expected(text), &states), holds, "{text}");
        }
        assert_eq!(states[1].to_string(), "ALERT@11m");
    }

    #[test]
    fn a_star_stands_for_anything() {
        for (text, pattern, is) in [
            ("Model a at 12ms", "Model a at 12ms", true),
            ("Model a at 12ms", "Model * at *ms", true),
            ("Model a at 12ms", "*12ms", true),
            ("Model a at 12ms", "Model*", true),
            ("Model a at 12ms", "Model", false),
            ("Model a at 12ms", "*at 13ms", false),
            ("aa", "a*a*a", false),
        ] {
            assert_eq!(is_like(text, pattern), is, "{text} {pattern}");
        }
    }
}
