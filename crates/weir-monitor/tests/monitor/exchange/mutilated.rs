//! Files that nobody wrote: cut, joined, with words of one another. Nothing panics, and what is imported loads and can be exported.

use proptest::prelude::*;
use weir_monitor::{Definitions, System, export, import, load};

use super::{DATADOG, RULES, TERRAFORM};

const SYSTEMS: [System; 3] = [System::Datadog, System::Terraform, System::Prometheus];

/// Words that mean something to one of the parsers.
const WORDS: [&str; 24] = [
    "{{",
    "}}",
    "{",
    "}",
    "\"",
    "'",
    "\\",
    "[",
    "]",
    "(",
    ")",
    "> 0",
    "sum",
    "by",
    "offset 1h",
    "[5m]",
    "{{#is_alert}}",
    "{{value}}",
    "null",
    "1e308",
    "@a && 101",
    "- alert: x",
    "\n",
    "é",
];

fn assert_harmless(system: System, text: &str) {
    let Ok(imported) = import(system, "file", text) else { return };
    let toml = imported.to_toml();
    let read = Definitions::read("file", &toml).unwrap_or_else(|error| panic!("{error}\n{toml}\n{text}"));
    let monitors = load(&[read]).unwrap_or_else(|errors| panic!("{errors:?}\n{toml}\n{text}"));
    for system in SYSTEMS {
        export(system, &monitors);
    }
}

/// A text with a part of it replaced.
fn spliced(text: &str, from: f64, length: usize, with: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
    let at = (from * chars.len() as f64) as usize;
    let end = (at + length).min(chars.len());
    chars[..at].iter().chain(with.chars().collect::<Vec<_>>().iter()).chain(&chars[end..]).collect()
}

proptest! {
    #[test]
    fn no_mutilated_file_panics_and_whatever_is_imported_loads(
        which in 0..3_usize,
        cuts in prop::collection::vec((0.0..1.0f64, 0..12_usize, prop::sample::select(&WORDS[..])), 1..4),
    ) {
        let mut text = [DATADOG, TERRAFORM, RULES][which].to_owned();
        for (from, length, with) in cuts {
            text = spliced(&text, from, length, with);
        }
        assert_harmless(SYSTEMS[which], &text);
    }

    #[test]
    fn no_value_of_a_rule_or_a_monitor_panics(
        from in 0.0..1.0f64,
        length in 0..12_usize,
        with in prop::sample::select(&WORDS[..]),
        rule in prop::sample::select(&[
            "histogram_quantile(0.95, sum by (le, k) (rate(m_bucket{a=~\"x.*|y\"}[5m]))) > 0.5",
            "100 * sum by (k) (increase(m_total[1h] offset 1w)) / sum by (k) (increase(n_total[1h])) <= 3",
            "{{ $labels.k }} is at {{ $value | humanizePercentage }} {{ printf \"%.2f\" $value }}",
        ][..]),
        query in prop::sample::select(&[
            "avg(last_4h):anomalies(avg:m{a:b} by {k}, 'agile', 2, direction='both', interval=60) >= 0.5",
            "sum(last_5m):sum:m{a:b,!c:d} by {k}.as_count() / sum:n{*} by {k}.as_count() > 0.05",
            "{{#is_alert}}{{k.name}} {{value}}% {{/is_alert}}{{#is_match \"k\" \"x\"}}y{{else}}z{{/is_match}} @a",
        ][..]),
    ) {
        let (rule, query) = (spliced(rule, from, length, with), spliced(query, from, length, with));
        let rules = serde_json::json!({ "groups": [{ "name": "g", "rules": [
            { "alert": "A", "expr": rule, "annotations": { "summary": rule } },
            { "alert": "B", "expr": "sum by (k) (increase(m[5m])) > 1", "annotations": { "summary": rule } },
        ] }] });
        assert_harmless(System::Prometheus, &rules.to_string());
        let fixed = "avg(last_5m):avg:m{*} by {k} > 5";
        let monitors = serde_json::json!([
            { "name": query, "query": query, "message": query },
            { "name": "B", "query": fixed, "message": query, "options": { "thresholds": { "critical": 5, "warning": 9 } } },
        ]);
        assert_harmless(System::Datadog, &monitors.to_string());
    }
}
