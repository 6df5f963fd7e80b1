//! What is said about queries that are wrong, word for word and with the caret under the place.

use std::fmt::Write as _;

use weir_query::{QueryErrorKind, limits, parse, parse_scope, run};
use weir_types::metric;

use crate::memory::{Memory, at, between};

/// The errors of queries, one after the other.
fn rendered<'a>(queries: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for query in queries {
        let error = parse(query).expect_err(query);
        let _ = writeln!(text, "{}", error.render(query));
    }
    text
}

#[test]
fn errors_of_tokens() {
    insta::assert_snapshot!(rendered([
        "avg(a) + 5000msec",
        "sum(a) + 5foo",
        "sum(a) + .5",
        "sum(a) + 1e999",
        "sum(a{name:\"x})",
        "sum(a) $ 3",
        "sum(a) + $5",
        "sum(“a”)",
        "sum(a) − 1",
        "5 = 5",
        "sum(`a)",
    ]));
}

#[test]
fn errors_of_expressions() {
    insta::assert_snapshot!(rendered([
        "",
        "   ",
        "sum(",
        "sum(llm.request.count",
        "sum(llm.request.count))",
        "(sum(a)",
        "sum(a) +",
        "sum(a) + * 2",
        "+ sum(a)",
        "sum(a) sum(b)",
        "sum(a), sum(b)",
        "sum(a) > 5",
        "rate(llm.request.error) > 0.05 over 5m",
        "sum(a) over 5m",
        "sum(a) && sum(b)",
        "sum(a) group by model",
        "\"sum\"",
        "{team:a}",
        "!a",
        "sum(a) - sum(b) by model * sum(c) by model",
        "sum(a) + sum(b) by model / 2",
    ]));
}

#[test]
fn errors_of_names() {
    insta::assert_snapshot!(rendered([
        "summ(a)",
        "p100(llm.request.duration)",
        "p50th(llm.request.duration)",
        "anomaly(sum(a), 'agile', 3)",
        "foo:llm.request.duration{*}",
        "smu:llm.request.duration{*}",
        "sum:a{*}.as_rat()",
        "sum:a{*}.rollup(sum, 60)",
        "avg(last_5m):avg:a{*}",
        "sum(llm.request.count) by modle",
        "sum(llm.request.count) where {taem:payments}",
        "sum(llm.request.count{colour:red})",
    ]));
}

#[test]
fn errors_of_arguments() {
    insta::assert_snapshot!(rendered([
        "sum()",
        "sum(5)",
        "sum(sum(a))",
        "sum(a + b)",
        "rate()",
        "rate(llm.request.count)",
        "rate(avg(llm.request.error))",
        "rate(sum(llm.request.error) / 2)",
        "rate(llm.request.error{error_type:x OR team:y})",
        "per_second(avg(llm.request.duration))",
        "ratio(a)",
        "ratio(a, b, c)",
        "ratio(1, 2)",
        "top(5, sum(a) by team, model)",
        "top(0, sum(a) by team)",
        "top(2.5, sum(a) by team)",
        "top(sum(a) by team, 5)",
        "top(5, sum(a))",
        "timeshift(sum(a), 1h)",
        "timeshift(sum(a), -30s)",
        "timeshift(sum(a), -1usd)",
        "timeshift(sum(a), -2000d)",
        "week_before(5)",
        "avg:a{*}.as_rate()",
        "count(v: v < 5):a{*}",
        "count(v: w > 5):a{*}",
        "count(v: v > x):a{*}",
    ]));
}

#[test]
fn errors_of_units_and_groups() {
    insta::assert_snapshot!(rendered([
        "sum(llm.cost.usd) + avg(llm.request.duration)",
        "1 + (sum(llm.cost.usd) - sum(llm.tokens.total)) * 2",
        "rate(llm.request.error) + sum(llm.request.count)",
        "avg(llm.request.duration) + 5usd",
        "sum(llm.cost.usd) / sum(llm.tokens.total) + sum(llm.cost.usd)",
        "per_second(llm.request.count) + sum(llm.request.count)",
        "count(v: v > 5usd):llm.request.duration{*}",
        "(sum(a) by model) / (sum(b) by team)",
        "5 by model",
        "sum(a) by model by team",
        "sum(a) by model, model",
        "sum(a) by",
        "sum(a) by {}",
        "5 where {team:a}",
        "sum(a) where {team:a} where {env:prod}",
        "sum(a) where team:a",
        "sum(a) by {a, b, c, d, e, f, g, h, i}",
        "p95(llm.request.count)",
        "count(v: v > 5):llm.request.error{*}",
    ]));
}

#[test]
fn errors_of_scopes() {
    let mut text = String::new();
    for scope in [
        "team",
        "team:",
        "team payments",
        "team:a b",
        "team:a AND",
        "team:a AND OR env:b",
        "team:(a OR b)",
        "team IN payments",
        "team IN (a b)",
        "team NOT payments",
        "team = a",
        "team > a",
        "team:a && env:b",
        "team:a || env:b",
        "\"payments\"",
        "(team:a",
        "team:a)",
        "{team:a",
        "{team:a} {env:b}",
        "NOT",
        "-team:a",
        ",team:a",
        "team:\"a",
    ] {
        let error = parse_scope(scope).expect_err(scope);
        let _ = writeln!(text, "{}", error.render(scope));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_place_on_a_later_line_and_after_wide_letters_is_found() {
    insta::assert_snapshot!(rendered([
        "sum(llm.request.count)\n  / smu(llm.cost.usd)",
        "sum(größe) +\tsumm(a)"
    ]));
}

#[test]
fn a_misspelt_metric_of_weirs_own_is_refused() {
    let mut store = Memory::new();
    store.add(metric::LLM_REQUEST_COUNT, at("2026-03-02T00:00:00Z"), &[], &[1.0]);
    let ctx = between("2026-03-02T00:00:00Z", "2026-03-02T01:00:00Z", None, None);
    let mut text = String::new();
    for source in ["p95(llm.request.duraton)", "sum(tokn_spend)", "1 / sum(custom.llm.cache_hti)"] {
        let error = run(&parse(source).unwrap(), &ctx, &store).unwrap_err();
        let _ = writeln!(text, "{}", error.render(source));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn large_queries_are_refused_and_do_no_harm() {
    let deep = |open: &str, inner: &str, close: &str| {
        format!("{}{inner}{}", open.repeat(limits::DEPTH_MAX + 1), close.repeat(limits::DEPTH_MAX + 1))
    };
    for query in [
        "x".repeat(limits::QUERY_BYTES_MAX + 1),
        vec!["1"; limits::NODES_MAX].join("+"),
        deep("(", "1", ")"),
        deep("-", "1", ""),
        deep("default_zero(", "a", ")"),
        format!("sum(a{{{}}})", deep("(", "team:a", ")")),
        format!("sum(a{{{}}})", deep("!", "team:a", "")),
        format!("sum(a{{{}}})", deep("NOT ", "team:a", "")),
    ] {
        let error = parse(&query).unwrap_err();
        assert_eq!(error.kind, QueryErrorKind::Limit, "{}", error.message);
        let _ = error.render(&query);
    }
    let long = vec!["1"; limits::NODES_MAX / 2].join("+");
    assert!(parse(&long).is_ok());
}
