//! Values that do not come, and time in which nobody looked.

use crate::world::World;

fn one(keys: &str) -> World {
    World::new(&format!(
        "[[monitors]]\nname = \"m\"\ncondition = \"max(gauge) by host > 10 over 2m\"\nmessage = \"{{host.name}} {{value}}\"\n{keys}"
    ))
}

const A: &[(&str, &str)] = &[("host", "a")];

/// The states of a group that has a bad value in each minute of the first five, and none after.
fn states_after_silence(keys: &str, to: i64) -> (String, String) {
    let mut world = one(keys);
    for n in 0..5 {
        world.add(n, "gauge", A, &[11.0]);
    }
    let states = world.states_of("m", A, to);
    (states, world.story())
}

#[test]
fn each_policy_takes_silence_for_what_it_says() {
    // The last value leaves the window at the seventh tick.
    for (policy, expected) in [
        ("last", "AAAAAAAAAAAA"),
        ("ok", "AAAAAA......"),
        ("zero", "AAAAAA......"),
        // Twice the window after the last tick with a value.
        ("show", "AAAAAAAAA???"),
        ("notify", "AAAAAAAAA???"),
    ] {
        let (states, story) = states_after_silence(&format!("no_data = \"{policy}\""), 12);
        assert_eq!(states, expected, "{policy}\n{story}");
    }
    let (states, _) = states_after_silence("no_data = \"notify\"\nno_data_for = \"1m\"", 12);
    assert_eq!(states, "AAAAAA??????");
}

#[test]
fn silence_is_told_where_that_is_wanted_and_is_no_recovery_elsewhere() {
    insta::assert_snapshot!(states_after_silence("no_data = \"notify\"", 12).1);
    insta::assert_snapshot!(states_after_silence("no_data = \"show\"", 12).1);
}

#[test]
fn values_that_return_end_the_silence_with_what_they_say() {
    let mut world = one("no_data = \"notify\"");
    for n in [0, 1, 10, 11, 20, 21] {
        world.add(n, "gauge", A, &[if n < 20 { 11.0 } else { 1.0 }]);
    }
    assert_eq!(world.states_of("m", A, 24), "AAAAAA????AAAAAA????....", "{}", world.story());
    insta::assert_snapshot!(world.story());
}

#[test]
fn counts_are_zero_and_other_values_the_last_where_nothing_is_written() {
    let mut world = World::new(
        r#"
        [[monitors]]
        name = "sum"
        condition = "sum(gauge) > 10 over 1m"
        message = "{value}"

        [[monitors]]
        name = "few"
        condition = "count(gauge) < 1 over 1m"
        message = "{value}"

        [[monitors]]
        name = "avg"
        condition = "avg(gauge) > 10 over 1m min_samples 1"
        message = "{value}"
        "#,
    );
    world.add(0, "gauge", &[], &[11.0]);
    world.tick_to(3);
    assert_eq!((world.state("sum", &[]), world.state("few", &[]), world.state("avg", &[])), ('.', 'A', 'A'));
}

#[test]
fn a_metric_that_never_was_makes_no_group_and_no_alert() {
    let mut world = World::new(
        r#"
        [[monitors]]
        name = "few"
        condition = "count(gauge) < 1 over 1m"
        no_data = "notify"
        message = "{value}"
        "#,
    );
    world.tick_to(10);
    assert_eq!(world.story(), "");
}

#[test]
fn time_away_says_nothing_and_only_its_end_is_told() {
    for policy in ["zero", "ok", "notify", "last"] {
        let mut world = one(&format!("no_data = \"{policy}\""));
        for n in 0..5 {
            world.add(n, "gauge", A, &[11.0]);
        }
        world.tick_to(5);
        // Weir is away for an hour, in which nothing could come; then values are there again.
        for n in 65..75 {
            world.add(n, "gauge", A, &[12.0]);
        }
        world.away_to(66);
        world.tick_to(70);
        assert_eq!(
            world.story(),
            "   1m m {host=a} ok -> alert (crossed) a 11\n      told: Trigger (crossed) a 11",
            "{policy}"
        );
    }
}

#[test]
fn of_what_happened_while_weir_was_away_only_the_final_state_is_told() {
    let mut world = one("");
    for n in 0..5 {
        world.add(n, "gauge", A, &[1.0]);
    }
    world.tick_to(5);
    // What came late is judged in order: an alert that began and ended is written down and wakes nobody; the one that
    // lasts does.
    for (n, value) in [(6, 11.0), (7, 11.0), (10, 1.0), (11, 1.0), (14, 13.0), (15, 13.0), (16, 13.0)] {
        world.add(n, "gauge", A, &[value]);
    }
    world.away_to(16);
    insta::assert_snapshot!(world.story());
}

#[test]
fn silence_counts_from_before_a_restart() {
    let run = |is_restarted: bool| {
        let mut world = one("no_data = \"notify\"\nno_data_for = \"10m\"\ngroup_retention = \"30m\"");
        for n in 0..5 {
            world.add(n, "gauge", A, &[1.0]);
        }
        world.tick_to(10);
        if is_restarted {
            world.restart();
        }
        world.tick_to(60);
        world.story()
    };
    assert_eq!(run(true), run(false));
    assert!(run(false).contains("  16m m {host=a} ok -> no_data"), "{}", run(false));
}
