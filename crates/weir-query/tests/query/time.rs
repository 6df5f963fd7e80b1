//! Steps, local days, and looking back over changes of clocks.

use weir_query::{QueryErrorKind, parse, run, run_instant};
use weir_types::{UnixMicros, metric};

use crate::memory::{Memory, at, between, drawn, listed};

/// One call in each hour of March and early April 2026, with a cost of a dollar, two from `doubled_from` on.
fn hourly(doubled_from: &str) -> Memory {
    let mut store = Memory::new();
    let mut time = at("2026-03-01T00:00:00Z");
    while time < at("2026-04-12T00:00:00Z") {
        let usd = if time >= at(doubled_from) { 2.0 } else { 1.0 };
        store.add(metric::LLM_COST_USD, time, &[("team", "a")], &[usd]);
        time = time.saturating_add_us(UnixMicros::HOUR);
    }
    store
}

#[test]
fn local_days_have_23_or_25_hours_when_clocks_change() {
    let store = hourly("2026-04-12T00:00:00Z");
    let ctx = between("2026-03-27T23:00:00Z", "2026-03-30T22:00:00Z", Some(24 * 60), Some("Europe/Berlin"));
    let answer = run(&parse("sum(llm.cost.usd)").unwrap(), &ctx, &store).unwrap();
    assert_eq!(drawn(&answer.series), "all: 24 23 24");
    assert_eq!(answer.series[0].points[1].0, at("2026-03-28T23:00:00Z"));
    let utc = between("2026-03-28T00:00:00Z", "2026-03-31T00:00:00Z", Some(24 * 60), None);
    assert_eq!(
        drawn(&run(&parse("sum(llm.cost.usd)").unwrap(), &utc, &store).unwrap().series),
        "all: 24 24 24"
    );
}

#[test]
fn a_week_before_compares_the_same_time_of_day() {
    let mut store = Memory::new();
    // A job at 9:00 in Berlin, on the Wednesdays before and after clocks were put forward.
    store.add(metric::LLM_REQUEST_COUNT, at("2026-03-25T08:00:00Z"), &[], &[1.0; 3]);
    store.add(metric::LLM_REQUEST_COUNT, at("2026-04-01T07:00:00Z"), &[], &[1.0; 4]);
    let query = parse("sum(llm.request.count) - week_before(sum(llm.request.count))").unwrap();
    let berlin = between("2026-04-01T07:00:00Z", "2026-04-01T08:00:00Z", Some(30), Some("Europe/Berlin"));
    assert_eq!(drawn(&run(&query, &berlin, &store).unwrap().series), "all: 1 .");
    let utc = between("2026-04-01T07:00:00Z", "2026-04-01T08:00:00Z", Some(30), None);
    assert_eq!(drawn(&run(&query, &utc, &store).unwrap().series), "");
}

#[test]
fn a_week_before_a_local_day_is_a_local_day() {
    let store = hourly("2026-04-12T00:00:00Z");
    let ctx = between("2026-04-03T22:00:00Z", "2026-04-06T22:00:00Z", Some(24 * 60), Some("Europe/Berlin"));
    let query = parse("week_before(sum(llm.cost.usd))").unwrap();
    assert_eq!(drawn(&run(&query, &ctx, &store).unwrap().series), "all: 24 23 24");
}

#[test]
fn windows_within_a_skipped_hour_do_not_turn_around() {
    let mut store = Memory::new();
    for quarter in 0..4 * 24 {
        let time = at("2026-03-28T23:00:00Z").saturating_add_us(quarter * 15 * UnixMicros::MINUTE);
        store.add(metric::LLM_COST_USD, time, &[], &[1.0]);
    }
    // The week before, 02:00 to 03:00 did not happen in Berlin: it is compared with the hour after it.
    let ctx = between("2026-04-04T23:00:00Z", "2026-04-05T02:00:00Z", Some(15), Some("Europe/Berlin"));
    let query = parse("week_before(sum(llm.cost.usd))").unwrap();
    assert_eq!(drawn(&run(&query, &ctx, &store).unwrap().series), "all: 1 1 1 1 1 1 1 1 1 1 1 1");
}

#[test]
fn the_top_by_change_looks_back_from_the_end_of_the_range_and_not_of_its_last_step() {
    let mut store = Memory::new();
    for (day, a, b) in [("2026-03-04", 1.0, 1.0), ("2026-03-11", 2.0, 1.0)] {
        store.add(metric::LLM_COST_USD, at(&format!("{day}T12:00:00Z")), &[("team", "a")], &[a]);
        store.add(metric::LLM_COST_USD, at(&format!("{day}T12:00:00Z")), &[("team", "b")], &[b]);
    }
    // Team b spends much later on the last day, after the range.
    store.add(metric::LLM_COST_USD, at("2026-03-14T20:00:00Z"), &[("team", "b")], &[100.0]);
    let query = parse("top(1, week_over_week_change(token_spend) by team)").unwrap();
    let ctx = between("2026-03-12T00:00:00Z", "2026-03-14T15:00:00Z", Some(24 * 60), None);
    assert_eq!(drawn(&run(&query, &ctx, &store).unwrap().series), "team=a: 100 100 100");
}

#[test]
fn week_over_week_is_the_change_of_two_sums_in_percent() {
    let store = hourly("2026-03-16T00:00:00Z");
    let query = parse("week_over_week_change(token_spend)").unwrap();
    let instant = |to: &str| {
        let ctx = between("2026-03-15T00:00:00Z", to, None, None);
        listed(&run_instant(&query, &ctx, &store).unwrap().values)
    };
    assert_eq!(instant("2026-03-16T00:00:00Z"), "all: 0");
    assert_eq!(instant("2026-03-19T12:00:00Z"), "all: 50", "half a week at twice the price");
    assert_eq!(instant("2026-03-23T00:00:00Z"), "all: 100");
    assert_eq!(instant("2026-03-23T00:59:00Z"), "all: 100", "windows end on whole hours");
}

#[test]
fn week_over_week_as_a_series_has_its_value_at_each_point() {
    let store = hourly("2026-03-16T00:00:00Z");
    let query = parse("week_over_week_change(token_spend) by team").unwrap();
    let ctx = between("2026-03-16T00:00:00Z", "2026-03-24T00:00:00Z", Some(24 * 60), None);
    let answer = run(&query, &ctx, &store).unwrap();
    let expected: Vec<String> =
        (0..8).map(|day| ((f64::from(day.min(7)) / 7.0 * 100.0 * 1e6).round() / 1e6).to_string()).collect();
    assert_eq!(drawn(&answer.series), format!("team=a: {}", expected.join(" ")));
    // Steps shorter than an hour would repeat values, so none is chosen.
    let chosen =
        run(&query, &between("2026-03-16T00:00:00Z", "2026-03-16T06:00:00Z", None, None), &store).unwrap();
    assert_eq!(chosen.step_us, UnixMicros::HOUR);
}

#[test]
fn there_is_no_change_against_nothing() {
    let mut store = Memory::new();
    store.add(metric::LLM_COST_USD, at("2026-03-20T00:00:00Z"), &[], &[1.0]);
    let ctx = between("2026-03-15T00:00:00Z", "2026-03-23T00:00:00Z", None, None);
    let answer = run_instant(&parse("week_over_week_change(token_spend)").unwrap(), &ctx, &store).unwrap();
    assert_eq!(listed(&answer.values), "");
}

#[test]
fn day_over_day_is_the_same_with_one_day() {
    let store = hourly("2026-03-16T00:00:00Z");
    let ctx = between("2026-03-15T00:00:00Z", "2026-03-16T12:00:00Z", None, None);
    let answer = run_instant(&parse("day_over_day_change(token_spend)").unwrap(), &ctx, &store).unwrap();
    assert_eq!(listed(&answer.values), "all: 50");
}

#[test]
fn shifts_by_a_day_follow_the_calendar_and_by_hours_do_not() {
    let mut store = Memory::new();
    store.add(metric::LLM_REQUEST_COUNT, at("2026-03-28T11:00:00Z"), &[], &[1.0]);
    let ctx = between("2026-03-29T10:00:00Z", "2026-03-29T12:00:00Z", Some(60), Some("Europe/Berlin"));
    let drawn_of = |query: &str| drawn(&run(&parse(query).unwrap(), &ctx, &store).unwrap().series);
    assert_eq!(drawn_of("day_before(sum(llm.request.count))"), "all: 1 .");
    assert_eq!(drawn_of("timeshift(sum(llm.request.count), -1d)"), "all: 1 .");
    assert_eq!(drawn_of("timeshift(sum(llm.request.count), -24h)"), "all: . 1");
    assert_eq!(drawn_of("timeshift(sum(llm.request.count), -86400)"), "all: . 1");
    assert_eq!(drawn_of("hour_before(timeshift(sum(llm.request.count), -23h))"), "all: . 1");
}

#[test]
fn the_first_step_is_whole() {
    let mut store = Memory::new();
    store.add(metric::LLM_REQUEST_COUNT, at("2026-03-02T00:01:00Z"), &[], &[1.0]);
    let ctx = between("2026-03-02T00:07:00Z", "2026-03-02T00:20:00Z", Some(10), None);
    let answer = run(&parse("sum(llm.request.count)").unwrap(), &ctx, &store).unwrap();
    assert_eq!(drawn(&answer.series), "all: 1 .");
    assert_eq!(answer.series[0].points[0].0, at("2026-03-02T00:00:00Z"));
}

#[test]
fn ranges_steps_and_zones_that_make_no_sense_are_refused() {
    let query = parse("sum(llm.request.count)").unwrap();
    let store = Memory::new();
    let refused = |ctx| run(&query, &ctx, &store).unwrap_err();
    let (from, to) = ("2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z");
    assert_eq!(refused(between(to, from, None, None)).kind, QueryErrorKind::Range);
    assert_eq!(refused(between("1969-01-01T00:00:00Z", to, None, None)).kind, QueryErrorKind::Range);
    assert_eq!(refused(between(from, "2300-01-01T00:00:00Z", None, None)).kind, QueryErrorKind::Range);
    assert_eq!(refused(between(from, to, None, Some("Mars/Olympus"))).kind, QueryErrorKind::Range);
    assert_eq!(refused(between("2026-01-01T00:00:00Z", to, Some(1), None)).kind, QueryErrorKind::Limit);
    for step_us in [0, -60_000_000, 1, 90 * UnixMicros::SECOND, i64::MIN, i64::MAX] {
        let mut ctx = between(from, to, None, None);
        ctx.step_us = Some(step_us);
        assert_eq!(refused(ctx).kind, QueryErrorKind::Range, "{step_us}");
    }
}

#[test]
fn the_longest_range_is_answered() {
    let query = parse("sum(llm.request.count) - week_before(sum(llm.request.count))").unwrap();
    let ctx = between("1970-01-01T00:00:00Z", "2199-12-31T00:00:00Z", None, Some("America/New_York"));
    let error = run(&query, &ctx, &Memory::new()).unwrap_err();
    assert_eq!(error.kind, QueryErrorKind::Limit, "hours of two centuries are too many buckets");
    let utc = between("1970-01-01T00:00:00Z", "2199-12-31T00:00:00Z", None, None);
    assert!(run(&query, &utc, &Memory::new()).is_ok());
}
