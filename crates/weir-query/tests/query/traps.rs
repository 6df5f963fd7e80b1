//! The traps of monitoring languages, each decided and held by a test.

use weir_query::{parse, run, run_instant};
use weir_types::metric;

use crate::memory::{Memory, at, between, drawn, listed, minutes};

const START: &str = "2026-03-02T00:00:00Z";

fn asked(store: &Memory, query: &str, steps: i64) -> String {
    let parsed = parse(query).unwrap_or_else(|error| panic!("{}", error.render(query)));
    let mut ctx = between(START, START, Some(1), None);
    ctx.range.to = minutes(at(START), steps);
    drawn(&run(&parsed, &ctx, store).unwrap().series)
}

fn requests(store: &mut Memory, minute: i64, tags: &[(&str, &str)], count: usize, errors: &[&str]) {
    let time = minutes(at(START), minute);
    store.add(metric::LLM_REQUEST_COUNT, time, tags, &vec![1.0; count]);
    for error in errors {
        store.add(metric::LLM_REQUEST_ERROR, time, &[tags, &[("error_type", *error)]].concat(), &[1.0]);
    }
}

#[test]
fn a_rate_is_errors_by_requests_and_no_errors_are_the_rate_zero() {
    let mut store = Memory::new();
    requests(&mut store, 0, &[], 10, &["timeout"]);
    requests(&mut store, 1, &[], 10, &[]);
    assert_eq!(asked(&store, "rate(llm.request.error)", 3), "all: 0.1 0 .");
    // The plain quotient does not guess.
    assert_eq!(asked(&store, "sum(llm.request.error) / sum(llm.request.count)", 3), "all: 0.1 . .");
}

#[test]
fn a_rate_over_time_is_not_an_average_of_rates() {
    let mut store = Memory::new();
    requests(&mut store, 0, &[], 1, &["timeout"]);
    requests(&mut store, 1, &[], 99, &[]);
    let mut ctx = between(START, START, None, None);
    ctx.range.to = minutes(at(START), 2);
    let answer = run_instant(&parse("rate(llm.request.error)").unwrap(), &ctx, &store).unwrap();
    assert_eq!(listed(&answer.values), "all: 0.01");
}

#[test]
fn a_group_without_errors_has_the_rate_zero() {
    let mut store = Memory::new();
    requests(&mut store, 0, &[("model", "a")], 4, &["timeout"]);
    requests(&mut store, 0, &[("model", "b")], 4, &[]);
    assert_eq!(asked(&store, "rate(llm.request.error) by model", 1), "model=a: 0.25\nmodel=b: 0");
}

#[test]
fn rates_by_error_type_add_up_to_the_whole_rate() {
    let mut store = Memory::new();
    requests(&mut store, 0, &[("model", "a")], 10, &["timeout", "timeout", "rate_limit"]);
    requests(&mut store, 0, &[("model", "b")], 10, &[]);
    assert_eq!(asked(&store, "rate(llm.request.error)", 1), "all: 0.15");
    assert_eq!(
        asked(&store, "rate(llm.request.error) by error_type", 1),
        "error_type=rate_limit: 0.05\nerror_type=timeout: 0.1"
    );
    assert_eq!(asked(&store, "rate(llm.request.error{error_type:timeout}) where {model:a}", 1), "all: 0.2");
    assert_eq!(asked(&store, "rate(llm.request.error{error_type:timeout OR error_type:x})", 1), "all: 0.1");
}

#[test]
fn a_hit_rate_knows_groups_that_only_hit_or_only_miss() {
    let mut store = Memory::new();
    store.add(metric::CACHE_HIT, at(START), &[("model", "a")], &[1.0]);
    store.add(metric::CACHE_MISS, at(START), &[("model", "b")], &[1.0]);
    assert_eq!(asked(&store, "rate(custom.llm.cache_hit) by model", 1), "model=a: 1\nmodel=b: 0");
    assert_eq!(asked(&store, "rate(custom.llm.cache_miss) by model", 1), "model=a: 0\nmodel=b: 1");
}

#[test]
fn a_ratio_takes_a_missing_part_as_zero_and_a_missing_whole_as_missing() {
    let mut store = Memory::new();
    requests(&mut store, 0, &[], 4, &["timeout"]);
    requests(&mut store, 1, &[], 4, &[]);
    store.add(metric::LLM_REQUEST_ERROR, minutes(at(START), 2), &[], &[1.0]);
    assert_eq!(asked(&store, "ratio(llm.request.error, llm.request.count)", 3), "all: 0.25 0 .");
}

#[test]
fn what_top_leaves_out_is_not_zero() {
    let mut store = Memory::new();
    requests(&mut store, 0, &[("team", "a")], 4, &[]);
    requests(&mut store, 0, &[("team", "b")], 2, &[]);
    let share = "top(1, default_zero(sum(llm.request.count) by team)) / sum(llm.request.count) by team";
    assert_eq!(asked(&store, share, 1), "team=a: 1");
}

#[test]
fn among_equals_top_keeps_the_first_by_tag() {
    let mut store = Memory::new();
    store.add("x", at(START), &[("team", "b")], &[1.0]);
    store.add("y", at(START), &[("team", "a")], &[1.0]);
    store.carry("x", &["team"]);
    store.carry("y", &["team"]);
    let query = "top(1, default_zero(sum(x) by team) + default_zero(sum(y) by team))";
    assert_eq!(asked(&store, query, 1), "team=a: 1");
}

#[test]
fn without_a_histogram_nothing_is_known_of_its_values() {
    let mut store = Memory::without_histograms();
    store.add("m", at(START), &[], &[1.0, 100.0]);
    assert_eq!(asked(&store, "count(v: v > 50):m{*}", 1), "all: .");
    assert_eq!(asked(&store, "p95(m)", 1), "all: .");
    assert_eq!(asked(&store, "max(m)", 1), "all: 100");
}

#[test]
fn only_totals_are_spread_over_seconds() {
    for (query, is_total) in [
        ("per_second(2 * sum(a))", true),
        ("per_second(sum(a) / 4)", true),
        ("per_second(sum(a) - count(b))", true),
        ("per_second(sum(a) / sum(b))", false),
        ("per_second(sum(a) * sum(b))", false),
        ("per_second(sum(a) + 1)", false),
        ("per_second(4 / sum(a))", false),
        ("per_second(per_second(a))", false),
    ] {
        assert_eq!(parse(query).is_ok(), is_total, "{query}");
    }
}

#[test]
fn an_average_is_sum_by_count_and_not_an_average_of_averages() {
    let mut store = Memory::new();
    store.add(metric::LLM_REQUEST_DURATION, at(START), &[("model", "a")], &[100.0]);
    store.add(metric::LLM_REQUEST_DURATION, at(START), &[("model", "b")], &[200.0, 200.0, 200.0]);
    assert_eq!(asked(&store, "avg(llm.request.duration)", 1), "all: 175");
}

#[test]
fn a_percentile_comes_from_all_values_and_not_from_percentiles() {
    let mut store = Memory::new();
    // 95 quick calls in one minute and 5 slow ones in the next: the p90 of both minutes together is quick.
    store.add(metric::LLM_REQUEST_DURATION, at(START), &[], &[100.0; 95]);
    store.add(metric::LLM_REQUEST_DURATION, minutes(at(START), 1), &[], &[10_000.0; 5]);
    let mut ctx = between(START, START, Some(2), None);
    ctx.range.to = minutes(at(START), 2);
    let answer = run(&parse("p90(llm.request.duration)").unwrap(), &ctx, &store).unwrap();
    let value = answer.series[0].points[0].1.unwrap();
    assert!((value - 100.0).abs() <= 1.1, "{value}");
}

#[test]
fn dividing_by_zero_or_by_nothing_makes_no_value() {
    let mut store = Memory::new();
    for (minute, value) in [(0, 0.0), (1, 2.0)] {
        store.add("a", minutes(at(START), minute), &[], &[10.0]);
        store.add("b", minutes(at(START), minute), &[], &[value]);
    }
    store.add("a", minutes(at(START), 2), &[], &[10.0]);
    assert_eq!(asked(&store, "sum(a) / sum(b)", 4), "all: . 5 . .");
    assert_eq!(asked(&store, "sum(a) / 0", 4), "all: . . . .");
    assert_eq!(asked(&store, "1 / 0", 2), "all: . .");
}

#[test]
fn missing_is_not_zero_unless_it_is_said_to_be() {
    let mut store = Memory::new();
    requests(&mut store, 1, &[("team", "a")], 3, &[]);
    requests(&mut store, 0, &[("team", "b")], 1, &["timeout"]);
    assert_eq!(asked(&store, "sum(llm.request.count) by team", 2), "team=a: . 3\nteam=b: 1 .");
    assert_eq!(asked(&store, "default_zero(sum(llm.request.count)) by team", 2), "team=a: 0 3\nteam=b: 1 0");
    // A team that has no errors at all has no series of errors; it counts as zero against its requests.
    let share = "default_zero(sum(llm.request.error) by team) / sum(llm.request.count) by team";
    assert_eq!(asked(&store, share, 2), "team=a: . 0\nteam=b: 1 .");
    let reversed = "sum(llm.request.count) by team - default_zero(sum(llm.request.error) by team)";
    assert_eq!(asked(&store, reversed, 2), "team=a: . 3\nteam=b: 0 .");
    assert_eq!(asked(&store, "default_zero(sum(llm.cost.usd))", 2), "all: 0 0");
    assert_eq!(asked(&store, "sum(llm.cost.usd)", 2), "");
}

#[test]
fn a_series_without_the_tag_is_a_group_of_its_own() {
    let mut store = Memory::new();
    requests(&mut store, 0, &[("team", "a")], 1, &[]);
    requests(&mut store, 0, &[], 2, &[]);
    assert_eq!(asked(&store, "sum(llm.request.count) by team", 1), "team=-: 2\nteam=a: 1");
}

#[test]
fn the_top_by_percentile_is_ranked_by_the_percentile_of_the_whole_range() {
    let mut store = Memory::new();
    // `spiky` has the highest single minute, `slow` the higher median over both.
    store.add(metric::LLM_REQUEST_DURATION, at(START), &[("model", "spiky")], &[9_000.0]);
    store.add(metric::LLM_REQUEST_DURATION, minutes(at(START), 1), &[("model", "spiky")], &[10.0; 9]);
    store.add(metric::LLM_REQUEST_DURATION, at(START), &[("model", "slow")], &[500.0; 5]);
    let best = asked(&store, "top(1, p50(llm.request.duration) by model)", 2);
    assert!(best.starts_with("model=slow:"), "{best}");
}

#[test]
fn a_step_that_is_not_over_is_divided_by_the_time_that_it_has_lasted() {
    let mut store = Memory::new();
    requests(&mut store, 0, &[], 60, &[]);
    requests(&mut store, 1, &[], 30, &[]);
    let ctx = between(START, "2026-03-02T00:01:30Z", Some(1), None);
    let answer = run(&parse("per_second(llm.request.count)").unwrap(), &ctx, &store).unwrap();
    assert_eq!(drawn(&answer.series), "all: 1 1");
}

#[test]
fn a_clause_applies_to_the_whole_expression_on_its_left() {
    for (short, long) in [
        ("sum(a) / sum(b) by model", "(sum(a) by model) / (sum(b) by model)"),
        ("sum(a) by model / sum(b) by model", "(sum(a) by model) / (sum(b) by model)"),
        ("sum(a) / sum(b) where {x:y}", "sum(a{x:y}) / sum(b{x:y})"),
        ("sum(a{p:q}) / sum(b) where {x:y}", "sum(a{p:q AND x:y}) / sum(b{x:y})"),
        ("sum(a) where {x:y} / sum(b) where {p:q}", "sum(a{x:y}) / sum(b{p:q})"),
        ("sum:a{*} by {model} / sum:b{*}", "(sum(a) by model) / sum(b)"),
        ("sum:a{*} / sum:b{*} by {model}", "sum(a) / (sum(b) by model)"),
        ("per_second(sum(a)) by model", "per_second(sum(a) by model)"),
        ("sum(a) * 2 by model", "2 * sum(a) by model"),
    ] {
        let (short_tree, long_tree) = (parse(short).unwrap(), parse(long).unwrap());
        if short != "sum(a) * 2 by model" {
            assert_eq!(short_tree, long_tree, "{short}");
        }
        assert_eq!(short_tree.expr().leaves().len(), long_tree.expr().leaves().len());
    }
}

#[test]
fn exclude_null_leaves_out_groups_that_lack_a_tag_and_abs_takes_the_sign() {
    let mut store = Memory::new();
    requests(&mut store, 0, &[("model", "a")], 3, &[]);
    requests(&mut store, 0, &[], 5, &[]);
    assert_eq!(asked(&store, "sum(llm.request.count) by model", 1), "model=-: 5\nmodel=a: 3");
    assert_eq!(asked(&store, "exclude_null(sum(llm.request.count) by model)", 1), "model=a: 3");
    assert_eq!(asked(&store, "exclude_null(sum(llm.request.count))", 1), "all: 8");
    assert_eq!(asked(&store, "abs(10 - 2 * sum(llm.request.count))", 1), "all: 6");
}
