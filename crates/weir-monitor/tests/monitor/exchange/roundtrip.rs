//! There and back: a query comes out as it came in, and what is printed from a tree means what the tree means.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use weir_monitor::{Condition, Judged, System, datadog_spelling, export, parse_condition};

use super::{imported, loaded};

const QUERIES: &str = include_str!("../../../../../testdata/monitors/datadog.txt");
const WILD: &str = include_str!("../../../../../testdata/monitors/wild.txt");

fn lines() -> impl Iterator<Item = &'static str> {
    QUERIES.lines().chain(WILD.lines()).filter(|line| !line.is_empty() && !line.starts_with("# "))
}

/// The queries of an export.
fn queries(json: &str) -> Vec<String> {
    let list: Vec<serde_json::Value> = serde_json::from_str(json).expect("exports are JSON");
    list.iter().map(|monitor| monitor["query"].as_str().expect("each has a query").to_owned()).collect()
}

/// A query, imported and exported again; `None` when Weir does not understand it.
fn there_and_back(query: &str) -> Option<String> {
    let json = serde_json::json!({ "name": "m", "query": query, "message": "m" });
    let import = imported(System::Datadog, &json.to_string());
    if import.monitors.is_empty() {
        return None;
    }
    let back = queries(&export(System::Datadog, &loaded(&import.to_toml())).text);
    assert_eq!(back.len(), 1, "{query}");
    back.into_iter().next()
}

#[test]
fn every_query_of_datadogs_that_is_understood_comes_out_as_it_came_in() {
    let mut count = 0;
    for line in lines() {
        if let Some(back) = there_and_back(line) {
            // Datadog wants a scope; one that is not written is everything.
            assert_eq!(back, line.replace("depth >", "depth{*} >"));
            count += 1;
        }
    }
    assert!(count >= 150, "{count}");
}

/// The same condition but for what is a matter of spelling.
fn alike(condition: &Condition) -> String {
    let mut condition = condition.clone();
    if let Judged::Metric(rule) = &mut condition.judged {
        // Whether a setting was written or is a default is not part of what it means.
        return format!(
            "{} {:?} {:?} {:?} {} {} {:?} {:?}",
            rule.query,
            rule.window.value,
            rule.reading,
            rule.zero_fill,
            rule.rules.comparison,
            rule.rules.threshold.0,
            rule.rules.tz.as_deref().map(str::to_lowercase),
            format!("{:?}", rule.shape).replace("is_written: true", "").replace("is_written: false", ""),
        );
    }
    format!("{condition:?}")
}

/// Prints a Datadog query from its tree and reads it again.
fn assert_printed_means_the_same(query: &str) {
    let Ok(condition) = parse_condition(query) else { return };
    let Some(printed) = datadog_spelling(query, &condition) else { return };
    let again = parse_condition(&printed);
    let again = again.unwrap_or_else(|error| panic!("{query}\n{}", error.render(&printed)));
    assert_eq!(alike(&again), alike(&condition), "{query}\n{printed}");
}

#[test]
fn what_is_printed_from_the_tree_of_a_query_means_the_same() {
    lines().for_each(assert_printed_means_the_same);
}

/// One of several texts.
fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(texts).prop_map(str::to_owned)
}

fn scope() -> impl Strategy<Value = String> {
    one_of(&[
        "*",
        "env:prod",
        "!env:dev",
        "env:prod,service:web",
        "env:prod,!host:web-canary",
        "env:prod AND NOT host:web-*",
        "env IN (prod,staging)",
        "env:prod AND queue NOT IN (tmp*,test)",
        "env:prod AND (queue:mail OR queue:sms)",
        "model_name:gpt-4o",
        "url:/a/b.c",
    ])
}

fn by() -> impl Strategy<Value = String> {
    one_of(&["", " by {host}", " by {model_name}", " by {host,device}", " by {kube_namespace,pod_name}"])
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        (0..1_000_000_i32).prop_map(|n| n.to_string()),
        (-1_000..0_i32).prop_map(|n| n.to_string()),
        (1..1_000_i32).prop_map(|n| (f64::from(n) / 1_000.0).to_string()),
        (1..100_000_i32).prop_map(|n| (f64::from(n) / 8.0).to_string()),
    ]
}

/// A metric, aggregated and grouped: what Datadog calls a query.
fn series(by: String) -> impl Strategy<Value = String> {
    let aggregator = one_of(&["avg", "sum", "min", "max"]);
    let metric = one_of(&["app.a", "system.cpu.user", "trace.web.hits"]);
    let method = one_of(&["", "", "", ".fill(zero)", ".rollup({}, 120)", ".rollup({}, 3600)"]);
    (aggregator, metric, scope(), method).prop_map(move |(aggregator, metric, scope, method)| {
        format!("{aggregator}:{metric}{{{scope}}}{by}{}", method.replace("{}", &aggregator))
    })
}

fn count(by: String) -> impl Strategy<Value = String> {
    (one_of(&["app.errors", "app.hits"]), scope())
        .prop_map(move |(metric, scope)| format!("sum:{metric}{{{scope}}}{by}.as_count()"))
}

fn window() -> impl Strategy<Value = String> {
    one_of(&["last_1m", "last_5m", "last_15m", "last_1h", "last_4h", "last_1d", "last_7d", "last_30m"])
}

/// A Datadog monitor query, drawn from the forms of its reference.
fn query() -> impl Strategy<Value = String> {
    let aggregator = || one_of(&["avg", "sum", "min", "max"]);
    let comparison = || one_of(&[">", ">=", "<", "<="]);
    let parts = (aggregator(), window(), comparison(), number(), by());
    (parts, 0..10_u8, one_of(&["+", "-", "*", "/"])).prop_flat_map(
        |((aggregator, window, comparison, number, by), form, operator)| {
            let end = format!("{comparison} {number}");
            let pair = (series(by.clone()), series(by.clone()), count(by.clone()), count(by.clone()));
            pair.prop_map(move |(a, b, hits, all)| match form {
                0 => format!("{aggregator}({window}):{a} {end}"),
                1 => format!("{aggregator}({window}):{a} {operator} {b} {end}"),
                2 => format!("sum({window}):{hits} / {all} {end}"),
                3 => format!("sum({window}):100 * ({hits} {operator} {all}) {end}"),
                4 => format!("change({aggregator}({window}),last_1h):{a} {end}"),
                5 => format!("pct_change({aggregator}({window}),last_1w):{a} {end}"),
                6 => format!("{aggregator}({window}):{a} / week_before({b}) {end}"),
                7 => format!("percentile({window}):p95:app.latency{{*}}{by} {end}"),
                8 => format!(
                    "avg(last_12h):anomalies({a}, 'robust', 3, direction='below', alert_window='last_30m', interval=120, \
                     count_default_zero='true', seasonality='daily', timezone='europe/berlin') >= 0.8"
                ),
                _ => format!("{aggregator}({window}):default_zero(timeshift({a}, -3600)) {end}"),
            })
        },
    )
}

proptest! {
    #[test]
    fn any_query_of_datadogs_comes_out_as_it_came_in_and_means_the_same_when_it_is_printed(query in query()) {
        if let Some(back) = there_and_back(&query) {
            prop_assert_eq!(&back, &query);
        }
        assert_printed_means_the_same(&query);
    }
}

/// Otherwise the law above would hold for nothing.
#[test]
fn nearly_all_drawn_queries_are_understood() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let drawn = (0..200).map(|_| query().new_tree(&mut runner).expect("a query").current());
    let refused: Vec<String> = drawn.filter(|query| parse_condition(query).is_err()).collect();
    assert!(refused.len() <= 20, "{refused:#?}");
}
