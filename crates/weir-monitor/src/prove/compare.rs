//! What a test expects, against what it found: each difference with its line, what was expected and what was found.

use weir_types::{NoticeKind, Tags};

use super::case::{Case, ExpectedGroup, ExpectedNotification};
use super::expect::{FoundState, is_as_expected, is_like};
use super::run::Problem;
use crate::engine::Telling;
use weir_types::AlertState;

/// A group as it is written in tests: `model=a,team=x`.
pub(super) fn written(group: &Tags) -> String {
    group.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// The same group, whatever the order and the names of its tags.
fn canonical(group: &str) -> String {
    let tags = group.split(',').filter_map(|tag| tag.split_once('='));
    let tags: Tags =
        tags.map(|(key, value)| (weir_types::metric::canonical_tag(key.trim()), value.trim())).collect();
    written(&tags)
}

/// What is not as it was expected of the states of groups.
pub(super) fn states(case: &Case, found: &[(String, Vec<FoundState>)]) -> Vec<Problem> {
    let well = vec![FoundState { state: AlertState::Ok, at_us: 0 }];
    let named: Vec<String> = case
        .expected
        .iter()
        .filter(|expected| expected.group != "*")
        .map(|expected| canonical(&expected.group))
        .collect();
    let mut problems = Vec::new();
    for expected in &case.expected {
        let own: Vec<(&str, &Vec<FoundState>)> = if expected.group == "*" {
            let others = found.iter().filter(|(group, _)| !named.contains(group));
            others.map(|(group, states)| (&**group, states)).collect()
        } else {
            let own = canonical(&expected.group);
            // A group that was never judged was never anything but well.
            let states = found.iter().find(|(group, _)| *group == own).map_or(&well, |(_, states)| states);
            vec![(&*expected.group, states)]
        };
        if own.is_empty() && expected.states.len() > 1 {
            problems.push(different(expected.line, "group *", &expected.text, "no group at all"));
        }
        let wrong = own.into_iter().filter(|(_, states)| !is_as_expected(&expected.states, states));
        problems.extend(wrong.map(|(group, states)| state_problem(expected, group, states)));
    }
    problems
}

fn state_problem(expected: &ExpectedGroup, group: &str, states: &[FoundState]) -> Problem {
    let found = states.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let about = if group.is_empty() { "states".to_owned() } else { format!("group {group}") };
    different(expected.line, &about, &expected.text, &found)
}

/// What is not as it was expected of what people hear.
pub(super) fn notifications(case: &Case, told: &[Telling]) -> Vec<Problem> {
    let Some(expected) = &case.notifications else { return Vec::new() };
    let mut problems = Vec::new();
    for place in 0..expected.len().max(told.len()) {
        let about = format!("notification {}", place + 1);
        match (expected.get(place), told.get(place)) {
            (Some(expected), Some(found)) if is_met(case, expected, found) => {}
            (Some(expected), found) => {
                let found = found.map_or_else(|| "nothing more".to_owned(), |found| shown(case, found));
                problems.push(different(expected.line, &about, &wanted(expected), &found));
            }
            (None, Some(found)) => {
                let line = expected.last().map_or(case.line, |last| last.line);
                problems.push(different(line, &about, "nothing more", &shown(case, found)));
            }
            (None, None) => {}
        }
    }
    problems
}

fn is_met(case: &Case, expected: &ExpectedNotification, told: &Telling) -> bool {
    let at_us = told.transition.at.0 - case.start.0;
    expected.when.is_none_or(|when| when.holds(at_us))
        && expected.kind.as_deref().is_none_or(|wanted| wanted == kind(told.kind))
        && expected.text.as_deref().is_none_or(|text| is_like(&told.transition.message, text))
}

/// An expected notification, as far as the test says something of it.
fn wanted(expected: &ExpectedNotification) -> String {
    let kind = expected.kind.clone().unwrap_or_else(|| "any kind".to_owned());
    let at = expected.at.as_ref().map_or_else(String::new, |at| format!(" at {at}"));
    let text = expected.text.as_ref().map_or_else(String::new, |text| format!(" {}", quoted(text)));
    format!("{kind}{at}{text}")
}

fn shown(case: &Case, told: &Telling) -> String {
    let state = FoundState { state: told.transition.to, at_us: told.transition.at.0 - case.start.0 };
    format!("{} at {} {}", kind(told.kind), state.at(), quoted(&told.transition.message))
}

/// On one line, however many a message has.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\n', "\\n"))
}

fn different(line: usize, about: &str, expected: &str, found: &str) -> Problem {
    Problem { line, text: format!("{about}\n  expected {expected}\n  found    {found}") }
}

fn kind(kind: NoticeKind) -> &'static str {
    let [trigger, improve, recover, repeat] = super::case::KINDS;
    match kind {
        NoticeKind::Trigger => trigger,
        NoticeKind::Improve => improve,
        NoticeKind::Recover => recover,
        NoticeKind::Repeat => repeat,
    }
}
