//! The gate of `confidence`: bad luck with few values wakes nobody, and ends no alert.

use weir_monitor::{explain, parse_condition};

use crate::world::{World, monitors};

fn one(condition: &str) -> World {
    World::new(&format!(
        "[[monitors]]\nname = \"m\"\ncondition = \"{condition}\"\nmessage = \"{{value}}\"\nseverity = \"critical\""
    ))
}

/// Calls of a minute, some of which failed.
fn calls(world: &World, minute: i64, count: usize, failed: usize) {
    world.add(minute, "llm.request.count", &[("model", "a")], &vec![1.0; count]);
    world.add(minute, "llm.request.error", &[("model", "a")], &vec![1.0; failed]);
}

#[test]
fn a_rate_gets_worse_when_its_lower_bound_has_crossed_and_better_when_it_is_back_itself() {
    // One of ten is 10 %, and may truly be 2 %; twenty of two hundred are at least 7 %.
    for (confidence, expected) in [("", "AAA.A"), ("confidence 0.95", ".AA..")] {
        let mut world = one(&format!("rate(llm.request.error) > 0.05 over 1m min_samples 1 {confidence}"));
        for (minute, (count, failed)) in (0..).zip([(10, 1), (200, 20), (10, 1), (10, 0), (10, 1)]) {
            calls(&world, minute, count, failed);
        }
        assert_eq!(world.states("m", 5), expected, "{confidence}");
    }
}

#[test]
fn a_ratio_of_two_numbers_of_calls_is_a_rate() {
    let mut world =
        one("sum(llm.request.error) / sum(llm.request.count) > 5% over 1m min_samples 1 confidence 95%");
    calls(&world, 0, 10, 1);
    calls(&world, 1, 200, 20);
    assert_eq!(world.states("m", 2), ".A");
}

#[test]
fn an_average_is_as_sure_as_its_values_are_many_and_close() {
    let mut world = one("avg(score) by app < 0.75 over 1m min_samples 1 confidence 0.95");
    let app = [("app", "a")];
    // Far apart, two alone, close together, and few again.
    world.add(0, "score", &app, &[0.95, 0.9, 0.3, 0.7]);
    world.add(1, "score", &app, &[0.6, 0.6]);
    world.add(2, "score", &app, &[0.6, 0.62, 0.58, 0.61, 0.6]);
    world.add(3, "score", &app, &[0.6, 0.6]);
    world.add(4, "score", &app, &[0.8, 0.8]);
    assert_eq!(world.states_of("m", &app, 5), "..AA.");
}

#[test]
fn a_percentile_is_bounded_by_the_rank_of_a_value() {
    let mut world = one("p90(gauge) > 100 over 1m min_samples 1 confidence 0.95");
    // Three of twenty are over the threshold, and the 90th percentile may be the 16th; then all but fifteen are.
    let values = |over: usize| [vec![50.0; 20 - over], vec![200.0; over]].concat();
    world.add(0, "gauge", &[], &values(3));
    world.add(1, "gauge", &[], &values(5));
    world.add(2, "gauge", &[], &values(1));
    assert_eq!(world.states("m", 3), ".A.");
}

#[test]
fn a_key_sets_it_without_copying_the_monitor_and_a_restart_keeps_it() {
    let definition = "[[monitors]]\nname = \"m\"\ncondition = \"avg(gauge) > 10 over 2m min_samples 1\"\nmessage = \"{value}\"\n\
                      [[monitors]]\nname = \"m\"\nconfidence = 0.99";
    let mut world = World::new(definition);
    world.add(0, "gauge", &[], &[9.0, 14.0, 10.0]);
    assert_eq!(world.states("m", 1), ".");
    world.restart();
    world.add(1, "gauge", &[], &[12.0; 40]);
    assert_eq!(world.states("m", 2), "A");
}

#[test]
fn what_it_cannot_be_said_of_is_refused() {
    for (condition, why) in [
        ("sum(llm.cost.usd) > 5 confidence 0.95", "no saying how sure"),
        ("max(gauge) > 5 confidence 0.95", "no saying how sure"),
        ("rate(llm.request.error) * 100 > 5 confidence 0.95", "no saying how sure"),
        ("sum(llm.tokens.cached) / sum(llm.tokens.input) < 0.1 confidence 0.95", "no saying how sure"),
        ("avg(gauge) > 5 confidence 1", "at least 0.5 and less than 1"),
        ("avg(gauge) > 5 confidence 0.3", "at least 0.5 and less than 1"),
        ("avg(gauge) > 5 confidence 5ms", "at least 0.5 and less than 1"),
    ] {
        let error = parse_condition(condition).map(|_| ()).unwrap_err().render(condition);
        assert!(error.contains(why), "{condition}: {error}");
    }
}

#[test]
fn an_explanation_says_it() {
    let monitors = monitors(
        "[[monitors]]\nname = \"m\"\ncondition = \"avg(gauge) > 10\"\nmessage = \"m\"\nconfidence = 0.95",
    );
    let text = explain(&monitors[0].condition);
    assert!(text.contains("a worse state counts when its bound is crossed with 95 % confidence"), "{text}");
}
