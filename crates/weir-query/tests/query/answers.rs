//! Queries and their answers over five minutes of two teams.

use weir_query::{parse, run, run_instant};
use weir_types::metric::{self, Unit};
use weir_types::{ScanError, UnixMicros};

use crate::memory::{Memory, at, between, drawn, listed, minutes};

const START: &str = "2026-03-02T00:00:00Z";
const END: &str = "2026-03-02T00:05:00Z";

/// Minute, team, model, durations in ms, errors, dollars.
type Calls = (i64, &'static str, &'static str, &'static [f64], &'static [&'static str], f64);

/// Calls of two teams with two models.
const CALLS: [Calls; 6] = [
    (0, "pay", "gpt", &[100.0, 200.0, 300.0, 400.0], &["timeout"], 1.0),
    (0, "search", "claude", &[1000.0, 1000.0], &[], 4.0),
    (1, "pay", "gpt", &[100.0], &[], 0.5),
    (1, "pay", "claude", &[500.0], &[], 0.5),
    (3, "pay", "gpt", &[200.0, 200.0], &["timeout", "rate_limit"], 2.0),
    (3, "search", "gpt", &[50.0, 150.0], &[], 0.25),
];

fn store() -> Memory {
    let mut store = Memory::new();
    for (minute, team, model, durations, errors, usd) in CALLS {
        let time = minutes(at(START), minute).saturating_add_us(30 * UnixMicros::SECOND);
        let tags = [("team", team), ("model", model), ("session", if minute == 0 { "s0" } else { "s1" })];
        store.add(metric::LLM_REQUEST_COUNT, time, &tags, &vec![1.0; durations.len()]);
        store.add(metric::LLM_REQUEST_DURATION, time, &tags, durations);
        store.add(metric::LLM_COST_USD, time, &tags, &[usd]);
        for error in errors {
            let tags = [&tags[..], &[("error_type", *error)]].concat();
            store.add(metric::LLM_REQUEST_ERROR, time, &tags, &[1.0]);
        }
    }
    let cached = [("team", "pay"), ("model", "gpt")];
    store.add(metric::LLM_TOKENS_INPUT, at(START), &cached, &[1000.0]);
    store.add(metric::LLM_TOKENS_CACHED, at(START), &cached, &[250.0]);
    store.add(metric::CACHE_HIT, at(START), &cached, &[1.0]);
    store.add(metric::CACHE_MISS, minutes(at(START), 1), &cached, &[1.0]);
    store.add(metric::CACHE_HIT, minutes(at(START), 1), &cached, &[1.0, 1.0, 1.0]);
    store.add("custom.rag.retrieval_relevance", at(START), &[("index", "docs"), ("app", "faq")], &[0.5, 0.7]);
    store.carry("custom.rag.retrieval_relevance", &["app", "index"]);
    store
}

#[track_caller]
fn check(query: &str, unit: Unit, expected: &str) {
    let store = store();
    let parsed = parse(query).unwrap_or_else(|error| panic!("{}", error.render(query)));
    let answer = run(&parsed, &between(START, END, Some(1), None), &store)
        .unwrap_or_else(|error| panic!("{}", error.render(query)));
    assert_eq!(drawn(&answer.series), expected, "{query}");
    assert_eq!(answer.unit, unit, "{query}");
    assert_eq!(answer.step_us, UnixMicros::MINUTE);
}

#[track_caller]
fn check_instant(query: &str, expected: &str) {
    let parsed = parse(query).unwrap_or_else(|error| panic!("{}", error.render(query)));
    let answer = run_instant(&parsed, &between(START, END, None, None), &store()).unwrap();
    assert_eq!(listed(&answer.values), expected, "{query}");
}

#[test]
fn aggregators_take_one_value_of_everything_in_a_step() {
    check("sum(llm.request.count)", Unit::Count, "all: 6 2 . 4 .");
    check("count(llm.request.duration)", Unit::Count, "all: 6 2 . 4 .");
    check("min(llm.request.duration)", Unit::Millis, "all: 100 100 . 50 .");
    check("max(llm.request.duration)", Unit::Millis, "all: 1000 500 . 200 .");
    check("avg(llm.request.duration)", Unit::Millis, "all: 500 300 . 150 .");
    check("sum(llm.cost.usd)", Unit::Usd, "all: 5 1 . 2.25 .");
}

#[test]
fn groups_are_listed_in_the_order_of_their_tags() {
    check("sum(llm.request.count) by team", Unit::Count, "team=pay: 4 2 . 2 .\nteam=search: 2 . . 2 .");
    check(
        "sum(llm.request.count) by model, team",
        Unit::Count,
        "model=claude,team=pay: . 1 . . .\nmodel=claude,team=search: 2 . . . .\n\
         model=gpt,team=pay: 4 1 . 2 .\nmodel=gpt,team=search: . . . 2 .",
    );
}

#[test]
fn both_forms_and_all_spellings_ask_the_same() {
    let canonical = parse("p95(llm.request.duration{team:payments}) by model").unwrap();
    for same in [
        "p95(llm.request.duration) by model where {team:payments}",
        "p95(llm.request.duration) where {team:payments} by model",
        "p95:llm.request.duration{team:payments} by {model}",
        "P95(llm.request.duration{ team : payments }) BY model_name",
        "p95(llm.request.duration{team:\"payments\"} by model)",
        "(p95(llm.request.duration) by {model}) where {team:payments}",
        "p95.00(llm.request.duration{(team:payments)}) by `model`",
    ] {
        assert_eq!(parse(same).unwrap_or_else(|error| panic!("{}", error.render(same))), canonical, "{same}");
    }
    assert_eq!(parse("token_spend").unwrap(), parse("sum(llm.cost.usd)").unwrap());
    assert_eq!(
        parse("sum:llm.request.count{*}.as_count()").unwrap(),
        parse("sum(llm.request.count)").unwrap()
    );
    assert_eq!(
        parse("sum:llm.request.count{*}.as_rate()").unwrap(),
        parse("per_second(llm.request.count)").unwrap()
    );
    assert_eq!(parse("p999(llm.request.duration)").unwrap(), parse("p99.9(llm.request.duration)").unwrap());
}

#[test]
fn the_conditions_of_the_first_monitors_are_queries_but_for_their_thresholds() {
    for (written, canonical) in [
        ("week_over_week_change(token_spend)", "week_over_week_change(llm.cost.usd)"),
        ("p95(llm.request.duration) by model_name", "p95(llm.request.duration) by model"),
        ("rate(llm.request.error)", "rate(llm.request.error)"),
        ("avg(custom.llm.faithfulness_score) by app", "avg(custom.llm.faithfulness_score) by app"),
        ("sum(llm.tokens.total) by agent_id", "sum(llm.tokens.total) by agent"),
        ("max(custom.llm.injection_risk_score)", "max(custom.llm.injection_risk_score)"),
        (
            "avg(custom.rag.retrieval_relevance) by index, query_category",
            "avg(custom.rag.retrieval_relevance) by {index, query_category}",
        ),
        ("sum:m{*} by {dc} / week_before(sum:m{*} by {dc})", "sum(m) / week_before(sum(m)) by dc"),
    ] {
        assert_eq!(parse(written).unwrap().to_string(), canonical);
    }
}

#[test]
fn scopes_narrow_what_is_counted() {
    check("sum(llm.request.count) where {team:pay}", Unit::Count, "all: 4 2 . 2 .");
    check("sum(llm.request.count{!team:pay})", Unit::Count, "all: 2 . . 2 .");
    check("sum(llm.request.count{model:g*}) where {team IN (pay, x)}", Unit::Count, "all: 4 1 . 2 .");
    check("sum(llm.request.count{team:pay, model:claude OR team:search})", Unit::Count, "all: . 1 . . .");
    check("sum(llm.request.count{session:s0})", Unit::Count, "all: 6 . . . .");
    check("sum(llm.request.count{*})", Unit::Count, "all: 6 2 . 4 .");
}

#[test]
fn arithmetic_follows_precedence_and_units() {
    check("sum(llm.cost.usd) / sum(llm.request.count)", Unit::Usd, "all: 0.833333 0.5 . 0.5625 .");
    check("1 + 2 * sum(llm.request.count) - 1", Unit::Count, "all: 12 4 . 8 .");
    check("(1 + 2) * sum(llm.request.count)", Unit::Count, "all: 18 6 . 12 .");
    check("-sum(llm.request.count) - -1", Unit::Count, "all: -5 -1 . -3 .");
    check("8 / 2 / 2 * sum(llm.request.count)", Unit::Count, "all: 12 4 . 8 .");
    check("10 - 4 - sum(llm.request.count)", Unit::Count, "all: 0 4 . 2 .");
    check("100 * sum(llm.request.error) / sum(llm.request.count)", Unit::Percent, "all: 16.666667 . . 50 .");
    check("rate(llm.request.error) + 50%", Unit::Ratio, "all: 0.666667 0.5 . 1 .");
    check("avg(llm.request.duration) + 1s", Unit::Millis, "all: 1500 1300 . 1150 .");
}

#[test]
fn sides_meet_on_equal_tags_and_a_total_meets_every_group() {
    check(
        "sum(llm.request.count) by team / sum(llm.request.count)",
        Unit::Ratio,
        "team=pay: 0.666667 1 . 0.5 .\nteam=search: 0.333333 . . 0.5 .",
    );
    check(
        "sum(llm.request.count) by {team, model} / sum(llm.request.count) by team",
        Unit::Ratio,
        "team=pay,model=claude: . 0.5 . . .\nteam=pay,model=gpt: 1 0.5 . 1 .\n\
         team=search,model=claude: 1 . . . .\nteam=search,model=gpt: . . . 1 .",
    );
}

#[test]
fn functions_answer() {
    check("per_second(llm.request.count)", Unit::PerSecond, "all: 0.1 0.033333 . 0.066667 .");
    check("default_zero(sum(llm.request.count))", Unit::Count, "all: 6 2 0 4 0");
    check("ratio(llm.tokens.cached, llm.tokens.input)", Unit::Ratio, "all: 0.25 . . . .");
    check("rate(custom.llm.cache_hit)", Unit::Ratio, "all: 1 0.75 . . .");
    check("top(1, sum(llm.cost.usd) by team)", Unit::Usd, "team=search: 4 . . 0.25 .");
    check("bottom(1, sum(llm.cost.usd) by team)", Unit::Usd, "team=pay: 1 1 . 2 .");
    check("top(5, sum(llm.cost.usd) by team)", Unit::Usd, "team=search: 4 . . 0.25 .\nteam=pay: 1 1 . 2 .");
    check("timeshift(sum(llm.request.count), -2m)", Unit::Count, "all: . . 6 2 .");
    check("count(v: v > 0.35s):llm.request.duration{*}", Unit::Count, "all: 3 1 . 0 .");
    check("avg(custom.rag.retrieval_relevance) by index", Unit::None, "index=docs: 0.6 . . . .");
}

#[test]
fn a_single_value_is_taken_over_the_whole_range() {
    check_instant("sum(llm.request.count) by team", "team=pay: 8\nteam=search: 4");
    check_instant("avg(llm.request.duration)", "all: 350");
    check_instant("rate(llm.request.error) by team", "team=pay: 0.375\nteam=search: 0");
    check_instant("per_second(llm.request.count)", "all: 0.04");
    check_instant("top(1, sum(llm.cost.usd) by team)", "team=search: 4.25");
    check_instant("2 * 3", "all: 6");
}

#[test]
fn a_constant_is_a_line() {
    check("5000ms", Unit::Millis, "all: 5000 5000 5000 5000 5000");
    check("1.5h / 1m", Unit::Ratio, "all: 90 90 90 90 90");
}

#[test]
fn notes_tell_what_was_left_out_and_what_is_odd() {
    let ctx = between(START, END, Some(1), None);
    let notes = |query: &str| run(&parse(query).unwrap(), &ctx, &store()).unwrap().notes;
    assert_eq!(notes("top(1, sum(llm.cost.usd) by team)"), ["top(1, …) left out 1 series"]);
    assert_eq!(
        notes("sum(acme.orders) / (1 + count(acme.orders))"),
        ["no value of acme.orders has been seen yet"]
    );
    assert_eq!(
        notes("avg(custom.rag.retreival_relevance)"),
        [
            "no value of custom.rag.retreival_relevance has been seen yet; did you mean `custom.rag.retrieval_relevance`?"
        ]
    );
    let note = &notes("avg(llm.request.error)")[0];
    assert!(note.contains("rate(llm.request.error)"), "{note}");
    assert!(notes("sum(llm.request.count)").is_empty());
}

#[test]
fn the_largest_series_are_kept_when_there_are_too_many() {
    let mut store = Memory::new();
    for i in 0..weir_query::limits::SERIES_MAX + 7 {
        store.add(
            metric::LLM_REQUEST_COUNT,
            at(START),
            &[("team", &format!("t{i:04}"))],
            &vec![1.0; i / 100 + 1],
        );
    }
    let query = parse("sum(llm.request.count) by team").unwrap();
    let answer = run(&query, &between(START, END, Some(1), None), &store).unwrap();
    assert_eq!(answer.series.len(), weir_query::limits::SERIES_MAX);
    assert_eq!(answer.notes, ["only the 500 largest of 507 series are listed; choose with top(n, …)"]);
    let last = answer.series.last().unwrap();
    assert_eq!(last.tags[0].1.as_deref(), Some("t0506"), "the largest are at the end");
}

#[test]
fn failures_of_the_store_point_at_the_metric() {
    let source = "1 + sum(llm.cost.usd)";
    let query = parse(source).unwrap();
    for (failure, kind) in [
        (ScanError::Store("disk".into()), weir_query::QueryErrorKind::Store),
        (ScanError::TimedOut { seconds: 10 }, weir_query::QueryErrorKind::Timeout),
        (ScanError::TooManyRows { max: 5 }, weir_query::QueryErrorKind::Limit),
    ] {
        let text = failure.to_string();
        let error = run(&query, &between(START, END, None, None), &Memory::failing(failure)).unwrap_err();
        assert_eq!((&error.message, error.kind), (&text, kind));
        assert_eq!(&source[error.span], "llm.cost.usd");
    }
}
