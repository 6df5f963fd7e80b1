//! The language of conditions: every form of both dialects, and what is no condition.
//!
//! The texts are files, the meanings are snapshots: a change of what a query means shows as a change of a line.

#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "places in short lines")]

use std::fmt::Write as _;

use proptest::prelude::*;
use weir_monitor::{Condition, Judged, Reading, Rule, Window, explain, parse_condition};

const DATADOG: &str = include_str!("../../../../testdata/monitors/datadog.txt");
const WEIR: &str = include_str!("../../../../testdata/monitors/weir.txt");
const WILD: &str = include_str!("../../../../testdata/monitors/wild.txt");
const MALFORMED: &str = include_str!("../../../../testdata/monitors/malformed.txt");

fn lines(file: &str) -> impl Iterator<Item = &str> {
    file.lines().filter(|line| !line.is_empty() && !line.starts_with("# "))
}

/// What a condition means, in one line without its defaults.
fn meaning(condition: &Condition) -> String {
    match condition.judged.rule() {
        Some(rule) => rule_meaning(rule),
        None => format!("{:?}", condition.judged),
    }
}

fn rule_meaning(rule: &Rule) -> String {
    let rules = &rule.rules;
    let window = match rule.window.value {
        Window::Last(us) => format!("{} min", us / 60_000_000),
        Window::Current(period) => format!("current {period:?}"),
    };
    let reading = match rule.reading {
        Reading::Merged => "merged".to_owned(),
        Reading::Points { aggregator, interval_us } => {
            format!("{aggregator:?} of points of {} min", interval_us / 60_000_000)
        }
    };
    let mut text = format!("{} {} {} | {window}, {reading}", rule.query, rules.comparison, rules.threshold.0);
    let shape = format!("{:?}", rule.shape);
    if !shape.starts_with("Value") {
        let _ = write!(text, " | {}", plain(&shape));
    }
    if rule.zero_fill {
        text.push_str(" | gaps are zero");
    }
    for (name, bound) in [("warn", rules.warning), ("crit", rules.critical), ("recover", rules.recovery)] {
        if let Some(bound) = bound {
            let _ = write!(text, " | {name} {}", bound.0);
        }
    }
    text
}

/// Without the names of types and the marks of what was written, which `explain` shows.
fn plain(shape: &str) -> String {
    let mut text = shape.replace("Filled { value: ", "");
    for mark in [", is_written: true }", ", is_written: false }"] {
        text = text.replace(mark, "");
    }
    text
}

fn table(file: &str) -> String {
    let mut text = String::new();
    for line in lines(file) {
        match parse_condition(line) {
            Ok(condition) => {
                let _ = writeln!(text, "{line}\n    {}", meaning(&condition));
            }
            Err(error) => panic!("{}", error.render(line)),
        }
    }
    text
}

#[test]
fn datadog_monitor_queries_of_every_kind_mean_what_they_mean_there() {
    assert!(lines(DATADOG).count() >= 60);
    insta::assert_snapshot!(table(DATADOG));
}

#[test]
fn weirs_own_forms_mean_what_they_say() {
    assert!(lines(WEIR).count() >= 38);
    insta::assert_snapshot!(table(WEIR));
}

#[test]
fn what_is_no_condition_is_refused_at_the_place_of_the_mistake() {
    let mut text = String::new();
    for line in lines(MALFORMED) {
        let Err(error) = parse_condition(line) else { panic!("{line} was accepted") };
        assert!(error.span.end <= line.len(), "{line}: {:?}", error.span);
        let _ = writeln!(text, "{}", error.render(line));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn the_seeds_conditions_are_explained_with_every_default() {
    let explained: Vec<String> = lines(WEIR)
        .take(7)
        .map(|line| format!("{line}\n\n{}", explain(&parse_condition(line).unwrap())))
        .collect();
    insta::assert_snapshot!(explained.join("\n"));
}

#[test]
fn both_forms_of_one_question_make_the_same_expression() {
    let expression = |text: &str| match parse_condition(text).unwrap().judged {
        Judged::Metric(rule) => rule.query.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        expression("percentile(last_5m):p95:llm.request.duration{*} by {model_name} > 5000"),
        expression("p95(llm.request.duration) by model > 5s"),
    );
}

#[test]
fn no_beginning_of_a_condition_panics() {
    for line in lines(DATADOG).chain(lines(WEIR)).chain(lines(MALFORMED)) {
        for (end, _) in line.char_indices() {
            if let Err(error) = parse_condition(&line[..end]) {
                assert!(error.span.end <= end, "{}: {:?}", &line[..end], error.span);
                assert!(!error.render(&line[..end]).is_empty());
            }
        }
    }
}

proptest! {
    #[test]
    fn no_two_halves_of_conditions_panic(
        first in any::<prop::sample::Index>(),
        second in any::<prop::sample::Index>(),
        cut in 0.0..1.0f64,
        resumed in 0.0..1.0f64,
    ) {
        let all: Vec<&str> = lines(DATADOG).chain(lines(WEIR)).chain(lines(MALFORMED)).collect();
        let (first, second) = (first.get(&all), second.get(&all));
        let head = first.chars().take((cut * first.chars().count() as f64).round() as usize);
        let tail = second.chars().skip((resumed * second.chars().count() as f64).round() as usize);
        let text: String = head.chain(tail).collect();
        match parse_condition(&text) {
            Ok(condition) => prop_assert!(!explain(&condition).is_empty()),
            Err(error) => prop_assert!(error.span.end <= text.len() && !error.render(&text).is_empty(), "{text}"),
        }
    }
}

#[test]
fn a_condition_neither_nests_nor_grows_without_bound() {
    let deep = format!("{}@a", "(".repeat(10_000));
    let long = vec!["@a"; 1_000].join(" && ");
    let huge = "a".repeat(1_000_000);
    // Found by fuzzing: the limit is reached where nothing follows.
    let ended = format!("1 && {} ", "!".repeat(32));
    for text in [deep, long, huge, ended] {
        let Err(error) = parse_condition(&text) else { panic!("accepted") };
        assert!(error.span.end <= text.len(), "{:?}", error.span);
    }
}

#[test]
fn queries_from_the_wild_are_understood_or_refused_with_a_reason() {
    let mut text = String::new();
    let mut count = 0;
    for line in lines(WILD) {
        count += 1;
        match parse_condition(line) {
            Ok(condition) => {
                let _ = writeln!(text, "{line}\n    {}\n", meaning(&condition));
            }
            Err(error) => {
                assert!(error.hint.is_some(), "a refusal says what to do: {}", error.render(line));
                let _ = writeln!(text, "{}", error.render(line));
            }
        }
    }
    assert!(count >= 120, "{count}");
    insta::assert_snapshot!(text);
}

#[test]
fn every_query_from_the_wild_that_is_understood_can_be_explained() {
    for line in lines(WILD) {
        if let Ok(condition) = parse_condition(line) {
            assert!(explain(&condition).lines().count() >= 3, "{line}");
        }
    }
}
