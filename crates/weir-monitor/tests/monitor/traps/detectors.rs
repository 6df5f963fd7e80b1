//! Conditions that judge the unusual, through the engine.

use std::sync::Arc;

use crate::memory::Memory;
use crate::world::{World, delta};

const DAY: i64 = 24 * 60;

fn one(condition: &str, keys: &str) -> String {
    format!("[[monitors]]\nname = \"m\"\ncondition = \"{condition}\"\nmessage = \"{{value}}\"\n{keys}")
}

/// Calls that follow the day, with a little noise that is the same each time; `factor` of a minute multiplies them.
fn daily(days: std::ops::Range<i64>, factor: impl Fn(i64) -> f64) -> Arc<Memory> {
    let memory = Arc::new(Memory::default());
    for n in (days.start * DAY..days.end * DAY).step_by(5) {
        let angle =
            f64::from(i32::try_from(n.rem_euclid(DAY)).unwrap()) / f64::from(1440) * std::f64::consts::TAU;
        let noise = f64::from(i32::try_from((n / 5 * 7_919).rem_euclid(101)).unwrap()) - 50.0;
        let value = (1_000.0 + 500.0 * angle.sin() + noise).max(0.0) * factor(n);
        memory.add(&delta(n, "llm.tokens.total", &[("agent", "a")], &[value]));
    }
    memory
}

const AGENT: &[(&str, &str)] = &[("agent", "a")];

/// The states of the hour after the 21st day, of which minutes 20 to 40 are multiplied.
fn anomaly_states(condition: &str, factor: f64) -> (String, String) {
    let start = 21 * DAY;
    let memory = daily(0..22, |n| if (start + 20..start + 40).contains(&n) { factor } else { 1.0 });
    let mut world = World::at(&one(condition, ""), memory, start);
    let states = world.states_of("m", AGENT, start + 60);
    let story = world.story().replace(&format!("{start}"), "start");
    (states, story)
}

#[test]
fn an_anomaly_is_what_leaves_the_band_that_was_learned() {
    let condition = "anomaly(sum(llm.tokens.total) by agent_id, 'agile', 3) > 0";
    let (states, story) = anomaly_states(condition, 3.0);
    assert_eq!(
        states.trim_start_matches('.').len(),
        states.len() - 24,
        "at the end of the interval: {states}\n{story}"
    );
    assert!(states.ends_with('.'), "and it ends: {states}");
    let (quiet, story) = anomaly_states(condition, 1.0);
    assert_eq!(quiet, ".".repeat(60), "{story}");
}

#[test]
fn a_direction_counts_one_side_of_the_band() {
    let condition = |direction: &str| {
        format!("anomaly(sum(llm.tokens.total) by agent_id, 'agile', 3, direction='{direction}') > 0")
    };
    for (direction, factor, is_alert) in [
        ("above", 3.0, true),
        ("above", 0.1, false),
        ("below", 0.1, true),
        ("below", 3.0, false),
        ("both", 3.0, true),
        ("both", 0.1, true),
    ] {
        let (states, story) = anomaly_states(&condition(direction), factor);
        // The agile band follows, and so takes the way back for unusual too.
        let states = &states[..44];
        assert_eq!(states.contains('A'), is_alert, "{direction} x{factor}: {states}\n{story}");
    }
}

#[test]
fn a_threshold_is_the_share_of_points_that_must_lie_outside() {
    // All points of a quarter of an hour, or a third of them.
    let all = anomaly_states("anomaly(sum(llm.tokens.total) by agent_id, 'agile', 3) >= 1", 3.0).0;
    let third = anomaly_states("anomaly(sum(llm.tokens.total) by agent_id, 'agile', 3) >= 0.3", 3.0).0;
    let first = |states: &str| states.find('A').unwrap_or(usize::MAX);
    assert!(first(&third) < first(&all) && all.contains('A'), "{third}\n{all}");
}

#[test]
fn what_is_guessed_from_little_history_warns_and_does_not_page() {
    let memory = daily(0..1, |n| if n > DAY - 60 { 20.0 } else { 1.0 });
    let condition = "anomaly(sum(llm.tokens.total) by agent_id, 'agile', 3) > 0";
    let mut world = World::at(&one(condition, ""), memory, DAY - 120);
    let states = world.states_of("m", AGENT, DAY - 30);
    assert!(states.contains('w') && !states.contains('A'), "{states}");
}

#[test]
fn an_outlier_is_a_group_unlike_the_others() {
    let memory = Arc::new(Memory::default());
    for n in 0..40 {
        for (host, value) in [("a", 10.0), ("b", 11.0), ("c", 10.5), ("d", if n < 20 { 10.0 } else { 90.0 })]
        {
            let wave = f64::from(i32::try_from(n % 3).unwrap());
            memory.add(&delta(n, "load", &[("host", host)], &[value + wave]));
        }
    }
    let condition = "avg(last_10m):outliers(avg:load{*} by {host}, 'dbscan', 3) > 0";
    let definition =
        format!("[[monitors]]\nname = \"m\"\ncondition = \"{condition}\"\nmessage = \"{{host.name}}\"\n");
    let mut world = World::at(&definition, memory, 10);
    world.tick_to(40);
    let alerting: Vec<String> = world
        .engine
        .groups("m")
        .unwrap()
        .iter()
        .filter(|group| group.state == weir_types::AlertState::Alert)
        .map(|group| group.group.get("host").unwrap().to_owned())
        .collect();
    assert_eq!(alerting, ["d"], "{}", world.story());
}

#[test]
fn a_forecast_alerts_before_the_value_is_there() {
    let memory = Arc::new(Memory::default());
    for n in 0..9 * DAY {
        memory.add(&delta(n, "disk", &[], &[f64::from(i32::try_from(n).unwrap()) / 14_400.0]));
    }
    // It grows by a tenth a day: 0.9 is reached after nine days, and a forecast over a day says so after eight.
    let condition = "max(last_1d):forecast(avg:disk{*}, 'linear', 1, interval='60m', history='1w') >= 0.9";
    let mut world = World::at(&one(condition, ""), memory, 6 * DAY);
    world.tick_to(7 * DAY);
    assert_eq!(world.state("m", &[]), '.');
    world.tick_to(8 * DAY + 240);
    assert_eq!(world.state("m", &[]), 'A', "{}", world.story());
}
