//! Where states begin and end, and how long that must hold.

use weir_types::UnixMicros;

use crate::world::World;

/// A world with one monitor without groups, whose value is the one that was seen in a minute.
fn one(condition: &str, keys: &str) -> World {
    World::new(&format!(
        "[[monitors]]\nname = \"m\"\ncondition = \"{condition}\"\nmessage = \"{{value}}\"\n{keys}"
    ))
}

/// The states, a character a minute, of a monitor that sees these values; `NAN` is none.
fn states(condition: &str, keys: &str, values: &[f64]) -> String {
    let mut world = one(condition, keys);
    for (n, value) in (0..).zip(values) {
        if !value.is_nan() {
            world.add(n, "gauge", &[], &[*value]);
        }
    }
    let count = i64::try_from(values.len()).unwrap();
    world.states("m", count)
}

#[test]
fn each_comparison_is_strict_or_not_and_its_recovery_is_the_other() {
    // The values are the threshold, one beyond it, the recovery, and one beyond that.
    for (condition, values, expected) in [
        ("max(gauge) > 10 over 1m recover 8", [10.0, 11.0, 9.0, 8.0, 10.0], ".AA.."),
        ("max(gauge) >= 10 over 1m recover 8", [10.0, 9.0, 8.0, 7.0, 9.0], "AAA.."),
        ("max(gauge) < 10 over 1m recover 12", [10.0, 9.0, 11.0, 12.0, 10.0], ".AA.."),
        ("max(gauge) <= 10 over 1m recover 12", [10.0, 11.0, 12.0, 13.0, 11.0], "AAA.."),
    ] {
        assert_eq!(states(condition, "", &values), expected, "{condition}");
    }
}

#[test]
fn warning_alert_and_recovery_are_three_bounds() {
    let condition = "max(gauge) > 5 over 1m crit 10 recover 7";
    assert_eq!(states(condition, "", &[5.0, 6.0, 10.0, 11.0, 8.0, 7.1, 7.0, 6.0, 5.0]), ".wwAAAww.");
}

#[test]
fn a_worse_state_must_hold_without_a_break() {
    let condition = "max(gauge) > 10 over 1m for 3m";
    assert_eq!(states(condition, "", &[11.0, 11.0, 11.0, 11.0, 1.0]), "...A.");
    assert_eq!(states(condition, "", &[11.0, 11.0, 11.0, 1.0, 11.0, 11.0, 11.0, 11.0]), ".......A");
}

#[test]
fn a_better_state_must_hold_for_keep_firing() {
    let condition = "max(gauge) > 10 over 1m keep_firing 2m";
    assert_eq!(states(condition, "", &[11.0, 1.0, 1.0, 11.0, 1.0, 1.0, 1.0]), "AAAAAA.");
}

#[test]
fn too_few_samples_stop_the_clock_and_change_nothing() {
    let mut world = one("avg(gauge) > 10 over 1m for 2m min_samples 3", "");
    for (n, count) in (0..).zip([3, 3, 1, 1, 3, 1, 3]) {
        let value = if n < 6 { 11.0 } else { 1.0 };
        world.add(n, "gauge", &[], &vec![value; count]);
    }
    // The third good tick is the one that alerts, however many were no ground between; one good value recovers.
    assert_eq!(world.states("m", 7), "....AA.");
}

#[test]
fn missing_values_stop_the_clock_under_last_and_begin_it_anew_under_ok_and_zero() {
    let gap = [11.0, 11.0, f64::NAN, 11.0, 11.0, 11.0];
    let condition = "max(gauge) > 10 over 1m for 2m";
    assert_eq!(states(condition, "no_data = \"last\"", &gap), "...AAA");
    assert_eq!(states(condition, "no_data = \"ok\"", &gap), ".....A");
    assert_eq!(states(condition, "no_data = \"zero\"", &gap), ".....A");
}

#[test]
fn a_monitor_is_evaluated_as_often_as_it_says_and_its_clocks_know() {
    let mut world = one("max(gauge) > 10 over 1m for 10m every 5m", "");
    for n in 0..40 {
        world.add(n, "gauge", &[], &[11.0]);
    }
    world.tick_to(40);
    insta::assert_snapshot!(world.story());
}

#[test]
fn people_are_told_again_until_it_is_enough() {
    let mut world = one("max(gauge) > 10 over 1m", "renotify = \"10m\"\nrenotify_max = 2");
    for n in 0..50 {
        world.add(n, "gauge", &[], &[if n < 45 { 11.0 + f64::from(i32::try_from(n).unwrap()) } else { 1.0 }]);
    }
    world.tick_to(50);
    insta::assert_snapshot!(world.story());
}

#[test]
fn a_monitor_that_waits_for_late_values_misses_none_of_their_minutes_over_a_restart() {
    for (keys, seen_us) in [("evaluation_delay = \"5m\"", 0), ("", 5 * UnixMicros::MINUTE)] {
        let mut world = one("max(gauge) > 10 over 1m", keys);
        for n in 0..40 {
            world.add(n, "gauge", &[], &[if n == 17 { 11.0 } else { 1.0 }]);
        }
        world.engine.set_delay("m", seen_us);
        let before = world.states("m", 20);
        world.restart();
        // What was seen of the delay is known only after the states are back.
        world.engine.set_delay("m", seen_us);
        // The minute of the alert was not judged before the restart, and is judged five minutes late after it.
        assert_eq!((before.trim(), &*world.states("m", 26)), ("...............", "..A..."), "{keys}");
    }
}
