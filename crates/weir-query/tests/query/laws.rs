//! Laws that hold for every query: what is printed parses to the same tree, nothing panics, answers are finite.

use std::sync::Arc;

use proptest::prelude::*;
use weir_query::{
    Expr, QueryContext, complete, explain, parse, parse_scope, parse_unchecked, run, run_instant,
};
use weir_types::{Scope, TagKey, TimeRange, UnixMicros, metric};

use crate::memory::{Memory, at, minutes};

/// Names of tags, some of which need quoting outside of braces.
fn tag() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9_]{0,8}",
        Just("app.kubernetes.io/name".to_owned()),
        Just("a-b".to_owned()),
        Just("or".to_owned())
    ]
}

fn tag_value() -> impl Strategy<Value = Arc<str>> {
    prop_oneof!["[a-z0-9*./:@_-]{0,8}", any::<String>()].prop_map(|value| Arc::from(&*value))
}

fn scope() -> impl Strategy<Value = Scope> {
    let leaf = prop_oneof![
        Just(Scope::All),
        (tag(), tag_value()).prop_map(|(key, value)| Scope::Is(TagKey::new(&key), value)),
        (tag(), prop::collection::vec(tag_value(), 1..4))
            .prop_map(|(key, values)| Scope::In(TagKey::new(&key), values)),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|scope| Scope::Not(Box::new(scope))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Scope::And),
            prop::collection::vec(inner, 2..4).prop_map(Scope::Or),
        ]
    })
}

fn metric_name() -> impl Strategy<Value = String> {
    let derived = metric::DERIVED.map(|info| info.name.to_owned()).to_vec();
    prop_oneof![
        prop::sample::select(derived),
        "[a-z][a-z0-9_.]{0,12}[a-z0-9]",
        Just("`queue-depth / of \\` by`".to_owned()),
        Just("`by`".to_owned()),
    ]
    .prop_filter("keywords are written in backticks", |name| name != "by")
}

fn aggregated() -> impl Strategy<Value = String> {
    let aggregator = prop_oneof![
        prop::sample::select(vec!["sum", "avg", "min", "max", "count"]).prop_map(str::to_owned),
        (1u16..=9_999)
            .prop_map(|hundredths| weir_query::Percentile::from_hundredths(hundredths).unwrap().to_string()),
    ];
    let by = prop::collection::btree_set(tag(), 0..3).prop_map(|tags| {
        let tags: Vec<String> = tags.into_iter().collect();
        if tags.is_empty() { String::new() } else { format!(" by {{{}}}", tags.join(", ")) }
    });
    (aggregator, metric_name(), scope(), by, 0..4u8).prop_map(|(aggregator, metric, scope, by, form)| {
        match form {
            0 => format!("({aggregator}({metric}{{{scope}}}){by})"),
            1 => format!("{aggregator}:{metric}{{{scope}}}{by}"),
            2 => format!("count(v: v > 12.5ms):{metric}{{{scope}}}{by}"),
            _ => format!("({metric}{{{scope}}}{by})"),
        }
    })
}

/// Texts of queries that are well formed, whatever their units.
fn query() -> impl Strategy<Value = String> {
    let number = (0u32..100_000, prop::sample::select(weir_query::Suffix::ALL.to_vec()))
        .prop_map(|(value, suffix)| format!("{}{}", f64::from(value) / 8.0, suffix.as_str()));
    let leaf = prop_oneof![3 => aggregated(), 1 => number];
    leaf.prop_recursive(5, 24, 2, |inner| {
        let operator = prop::sample::select(vec!["+", "-", "*", "/"]);
        let function = prop::sample::select(vec![
            "default_zero",
            "week_before",
            "per_second",
            "rate",
            "week_over_week_change",
        ]);
        prop_oneof![
            (inner.clone(), operator, inner.clone()).prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
            (inner.clone(), prop::sample::select(vec!["+", "*"]), inner.clone())
                .prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            inner.clone().prop_map(|a| format!("-({a})")),
            (function, aggregated()).prop_map(|(f, a)| format!("{f}({a})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("ratio(({a}) + m, m + ({b}))")),
            (1u32..10, aggregated()).prop_map(|(n, a)| format!("top({n}, {a} + 1)")),
            aggregated().prop_map(|a| format!("timeshift({a}, -90m)")),
            (inner, tag()).prop_map(|(a, key)| format!("(({a}) + m by {{{key}}})")),
        ]
    })
}

/// Texts that are nearly queries.
fn nearly_a_query() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "sum",
        "(",
        ")",
        "{",
        "}",
        "by",
        "where",
        "llm.request.count",
        "llm.request.error",
        "team",
        ":",
        ",",
        "*",
        "/",
        "-",
        "+",
        "5",
        "ms",
        "%",
        "!",
        "AND",
        "OR",
        "NOT",
        "IN",
        "\"",
        "'",
        "`",
        "top",
        "rate",
        "timeshift",
        "p95",
        ".",
        "as_rate",
        ">",
        "&&",
        " ",
        "\n",
        "é",
        "count",
        "v",
        "week_before",
        "1h",
        "\\",
        "ratio",
        "1e",
        "😀",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// Queries that a generated one has once found wrong.
#[test]
fn queries_that_were_once_printed_wrongly_are_printed_right() {
    for text in [
        "(sum(a) by {x/y}) + -(count(v: v > 12.5ms):b by {x/y})",
        "sum(a) by model / (sum(a))",
        "sum(a) / (sum(b) by model)",
        "top(3, sum(a) by {model, team}) / 2",
    ] {
        let tree = parse_unchecked(text).unwrap();
        assert_eq!(parse_unchecked(&tree.to_string()).unwrap(), tree, "{text} is printed as {tree}");
    }
}

#[test]
fn most_generated_queries_are_queries() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let texts = (0..400).map(|_| query().new_tree(&mut runner).unwrap().current());
    let parsed: Vec<_> = texts.map(|text| (parse_unchecked(&text).is_ok(), parse(&text).is_ok())).collect();
    let grammatical = parsed.iter().filter(|(unchecked, _)| *unchecked).count();
    let sensible = parsed.iter().filter(|(_, checked)| *checked).count();
    assert!(grammatical > 300, "{grammatical} of 400 follow the grammar");
    assert!(sensible > 100, "{sensible} of 400 make sense");
}

fn store() -> Memory {
    let mut store = Memory::new();
    let start = at("2026-03-02T00:00:00Z");
    for minute in 0..30 {
        let team = if minute % 3 == 0 { "a" } else { "b" };
        for name in [metric::LLM_REQUEST_COUNT, metric::LLM_REQUEST_ERROR, metric::LLM_COST_USD, "m"] {
            store.add(name, minutes(start, minute), &[("team", team), ("model", "x")], &[1.0, 0.0, -3.5]);
        }
    }
    store
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_parses_to_the_same_tree(text in query()) {
        let tree: Expr = match parse_unchecked(&text) {
            Ok(tree) => tree,
            Err(error) => {
                // Only what clauses, arguments or sizes forbid may be refused: the grammar itself generated the text.
                prop_assert!(error.kind != weir_query::QueryErrorKind::Syntax || error.message.contains("already")
                    || error.message.contains("cannot be"), "{}", error.render(&text));
                return Ok(());
            }
        };
        let printed = tree.to_string();
        let again = parse_unchecked(&printed);
        prop_assert!(again.is_ok(), "{text}\n{printed}\n{}", again.unwrap_err().render(&printed));
        prop_assert_eq!(&again.unwrap(), &tree, "{}\n{}", text, printed);
    }

    #[test]
    fn a_printed_scope_parses_to_the_same_scope(scope in scope()) {
        let printed = scope.to_string();
        let again = parse_scope(&printed);
        prop_assert!(again.is_ok(), "{printed}\n{}", again.unwrap_err().render(&printed));
        prop_assert_eq!(again.unwrap(), scope, "{}", printed);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in prop_oneof![nearly_a_query(), any::<String>()], cursor in 0usize..64) {
        if let Err(error) = parse(&text) {
            prop_assert!(error.span.start <= error.span.end && error.span.end <= text.len());
            prop_assert!(!error.message.is_empty());
            let _ = error.render(&text);
        }
        if let Err(error) = parse_scope(&text) {
            prop_assert!(error.span.start <= error.span.end && error.span.end <= text.len());
        }
        for suggestion in complete(&text, cursor, &["m"], &["t"]) {
            prop_assert!(text.get(suggestion.replace).is_some(), "replaces whole characters");
        }
    }

    #[test]
    fn whatever_parses_is_answered_with_finite_values(
        text in prop_oneof![query(), nearly_a_query()],
        from in 0i64..60 * 24,
        length in 1i64..60 * 24 * 40,
        step in prop::option::of(1i64..5_000),
        tz in prop::option::of(prop::sample::select(vec!["Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu"])),
    ) {
        let Ok(query) = parse(&text) else { return Ok(()) };
        let from = minutes(at("2026-03-01T00:00:00Z"), from);
        let ctx = QueryContext {
            range: TimeRange { from, to: minutes(from, length) },
            step_us: step.map(|step| step * UnixMicros::MINUTE),
            tz: tz.map(str::to_owned),
        };
        let store = store();
        let _ = explain(&query, &ctx, &store);
        if let Ok(answer) = run(&query, &ctx, &store) {
            for series in &answer.series {
                prop_assert!(series.points.iter().all(|(_, value)| value.is_none_or(f64::is_finite)));
                prop_assert!(series.points.is_sorted_by_key(|(at, _)| *at));
                prop_assert!(series.points.first().is_some_and(|(at, _)| *at <= ctx.range.from));
            }
        }
        let _ = run_instant(&query, &ctx, &store);
    }

    #[test]
    fn totals_of_steps_are_the_total_of_the_range(
        values in prop::collection::vec((0i64..600, -100i32..100), 1..60),
        step in prop::sample::select(vec![1i64, 7, 30, 60, 120, 24 * 60]),
        tz in prop::option::of(prop::sample::select(vec!["Europe/Berlin", "America/New_York"])),
    ) {
        let mut store = Memory::new();
        let start = at("2026-03-29T00:00:00Z");
        for (minute, value) in &values {
            store.add("m", minutes(start, *minute), &[], &[f64::from(*value)]);
        }
        let ctx = QueryContext {
            range: TimeRange { from: start, to: minutes(start, 600) },
            step_us: Some(step * UnixMicros::MINUTE),
            tz: tz.map(str::to_owned),
        };
        let query = parse("sum(m)").unwrap();
        let answer = run(&query, &ctx, &store).unwrap();
        let total: f64 = answer.series[0].points.iter().filter_map(|(_, value)| *value).sum();
        let expected: i32 = values.iter().map(|(_, value)| value).sum();
        prop_assert!((total - f64::from(expected)).abs() < 1e-6);
    }
}
