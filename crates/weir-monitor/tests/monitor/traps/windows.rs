//! Which time is judged, and how it becomes one value.

use std::sync::Arc;

use crate::memory::Memory;
use crate::world::{World, delta};

const DAY: i64 = 24 * 60;

fn one(condition: &str) -> String {
    format!("[[monitors]]\nname = \"m\"\ncondition = \"{condition}\"\nmessage = \"{{value}}\"\n")
}

/// What a condition makes of the values of two metrics in the minutes before now; `NAN` is none.
fn judged(condition: &str, a: &[f64], b: &[f64]) -> Option<f64> {
    let mut world = World::new(&one(condition));
    for (metric, values) in [("a", a), ("b", b)] {
        for (n, value) in (0..).zip(values).filter(|(_, value)| !value.is_nan()) {
            world.add(n, metric, &[], &[*value]);
        }
    }
    world.tick_to(i64::try_from(a.len()).unwrap());
    world.value("m", &[])
}

#[test]
fn as_count_divides_sums_and_other_queries_divide_points() {
    let (errors, requests) = ([1.0, 2.0, 3.0, 4.0, 5.0], [5.0; 5]);
    let counted = judged("sum(last_5m):sum:a{*}.as_count() / sum:b{*}.as_count() > 100", &errors, &requests);
    assert_eq!(counted, Some(0.6), "the ratio of sums");
    let points = judged("sum(last_5m):sum:a{*} / sum:b{*} > 100", &errors, &requests);
    assert_eq!(points, Some(3.0), "the sum of ratios");
}

#[test]
fn points_that_cannot_be_divided_are_dropped() {
    let value = judged("sum(last_3m):sum:a{*} / sum:b{*} > 100", &[10.0; 3], &[0.0, 1.0, f64::NAN]);
    assert_eq!(value, Some(10.0));
}

#[test]
fn a_change_is_taken_of_each_point_before_points_are_aggregated() {
    let mut now = vec![f64::NAN; 63];
    now[..3].copy_from_slice(&[10.0, 10.0, 10.0]);
    now[60..].copy_from_slice(&[10.0, 20.0, 30.0]);
    for (condition, expected) in [
        ("pct_change(avg(last_3m),last_1h):sum:a{*} > 1000", 100.0),
        ("pct_change(sum(last_3m),last_1h):sum:a{*} > 1000", 300.0),
        ("pct_change(max(last_3m),last_1h):sum:a{*} > 1000", 200.0),
        ("change(avg(last_3m),last_1h):sum:a{*} > 1000", 10.0),
    ] {
        assert_eq!(judged(condition, &now, &[]), Some(expected), "{condition}");
    }
}

#[test]
fn the_greatest_point_is_any_point_and_the_least_is_all_of_them() {
    for (condition, values, is_alert) in [
        ("max(last_3m):avg:a{*} > 10", [1.0, 11.0, 1.0], true),
        ("min(last_3m):avg:a{*} > 10", [11.0, 11.0, 1.0], false),
        ("min(last_3m):avg:a{*} > 10", [11.0, 11.0, 11.0], true),
        ("min(last_3m):avg:a{*} < 10", [11.0, 1.0, 11.0], true),
        ("max(last_3m):avg:a{*} < 10", [1.0, 1.0, 11.0], false),
        ("max(last_3m):avg:a{*} < 10", [1.0, 1.0, 1.0], true),
    ] {
        let mut world = World::new(&one(condition));
        for (n, value) in (0..).zip(values) {
            world.add(n, "a", &[], &[value]);
        }
        world.tick_to(3);
        assert_eq!(world.state("m", &[]) == 'A', is_alert, "{condition} {values:?}");
    }
}

#[test]
fn an_offset_judges_earlier_time() {
    let mut world = World::new(&one("max(a) > 10 over 1m offset 3m"));
    world.add(0, "a", &[], &[1.0]);
    world.add(1, "a", &[], &[11.0]);
    world.add(2, "a", &[], &[1.0]);
    assert_eq!(world.states("m", 7), "   .A..");
}

#[test]
fn a_value_that_comes_late_counts_while_its_minute_is_in_the_window() {
    let mut world = World::new(&one("sum(a) > 10 over 5m"));
    world.add(0, "a", &[], &[1.0]);
    world.tick_to(4);
    world.add(1, "a", &[], &[11.0]);
    assert_eq!(world.states("m", 8), "AA..", "from the next tick on, until the minute leaves");
    world.add(1, "a", &[], &[1_000.0]);
    assert_eq!(world.states("m", 10), "..", "too late for any window");
}

#[test]
fn the_running_day_starts_at_local_midnight_and_may_have_23_hours() {
    // Clocks in Berlin were put forward on 29 March 2026. Midnight there is 23:00 UTC on the 28th, and then 22:00.
    let midnight = 27 * DAY + 11 * 60;
    let memory = Arc::new(Memory::default());
    for n in midnight - 2 * DAY..midnight + 2 * DAY {
        memory.add(&delta(n, "a", &[], &[1.0]));
    }
    let condition = "sum(a) > 1000000 over current_day tz 'Europe/Berlin'";
    let mut world = World::at(&one(condition), memory, midnight - 3);
    let mut totals = Vec::new();
    for n in [
        midnight - 1,
        midnight,
        midnight + 1,
        midnight + 23 * 60 - 1,
        midnight + 23 * 60,
        midnight + 23 * 60 + 1,
    ] {
        world.tick_to(n);
        totals.push(world.value("m", &[]).unwrap());
    }
    // At the end of a day it is that day that is judged.
    assert_eq!(totals, [1439.0, 1440.0, 1.0, 1379.0, 1380.0, 1.0]);
}

/// A hundred tokens in each hour from nine to five, in Berlin.
fn office_hours(days: std::ops::Range<i64>, factor: impl Fn(i64) -> f64) -> Arc<Memory> {
    let memory = Arc::new(Memory::default());
    for day in days {
        for hour in 9..17 {
            // Noon UTC is 13:00 in winter, and 14:00 from 29 March on, which is day 28.
            let offset = if day >= 28 { 2 } else { 1 };
            let n = day * DAY + (hour - offset - 12) * 60;
            memory.add(&delta(n, "llm.tokens.total", &[], &[100.0 * factor(day)]));
        }
    }
    memory
}

#[test]
fn week_over_week_is_right_when_clocks_change() {
    let memory = office_hours(10..40, |_| 1.0);
    let condition = |zone: &str| format!("week_over_week_change(sum(llm.tokens.total)) > 0.1% {zone}");
    // Sunday to Tuesday around the change: one clock's week against the other's.
    let story = |zone: &str| {
        let mut world = World::at(&one(&condition(zone)), Arc::clone(&memory), 27 * DAY);
        world.tick_to(30 * DAY);
        world.story()
    };
    assert_eq!(story("tz 'Europe/Berlin'"), "", "each day is like the one a week before");
    assert!(story("").contains("ok -> alert"), "by UTC the hours are shifted, and there the test bites");
}

#[test]
fn week_over_week_is_a_ratio_of_sums_and_waits_for_two_weeks() {
    let memory = office_hours(10..40, |day| if day >= 24 { 1.4 } else { 1.0 });
    let condition = "week_over_week_change(sum(llm.tokens.total)) > 30% tz 'Europe/Berlin'";
    let mut world = World::at(&one(condition), memory, 20 * DAY);
    world.tick_to(23 * DAY);
    assert!(world.engine.waits_for_full_window("m"), "thirteen days of values are not two weeks");
    world.tick_to(25 * DAY);
    assert!(!world.engine.waits_for_full_window("m"));
    assert_eq!(world.story(), "");
    // A week at 1.4 is over on the 31st day; the alert comes when the last seven days are 30 % more than those before.
    world.tick_to(32 * DAY);
    insta::assert_snapshot!(world.story());
}
