//! Messages: units, both kinds of braces, blocks, and what cannot be known.

use weir_monitor::{Comparison, Definitions, Facts, NoticeState, Variable, load};

/// The message of a monitor with this condition, filled with a value.
fn message(condition: &str, text: &str, value: f64, state: NoticeState) -> Result<String, String> {
    let file = format!("[[monitors]]\nname = 'm'\ncondition = {condition:?}\nmessage = {text:?}\n");
    let monitors =
        Definitions::read("own.toml", &file).map_err(|error| vec![error]).and_then(|own| load(&[own]));
    let monitors = monitors.map_err(|errors| errors.iter().map(ToString::to_string).collect::<String>())?;
    let template = &monitors.iter().find(|monitor| monitor.name == "m").expect("it was loaded").message;
    let number = |variable| match variable {
        Variable::Value => Some(value),
        Variable::Threshold => Some(5_000.0),
        _ => None,
    };
    Ok(template.render(&Facts {
        state,
        comparison: Some(Comparison::Above),
        number: &number,
        tag: &|key| Some(format!("<{key}>")),
    }))
}

fn alert(condition: &str, text: &str, value: f64) -> String {
    message(condition, text, value, NoticeState::Alert).expect("it can be filled")
}

#[test]
fn a_value_is_converted_to_the_unit_that_follows_it() {
    for (condition, text, value, expected) in [
        ("rate(llm.request.error) > 0.05", "error rate at {value}%", 0.0534, "error rate at 5.34%"),
        ("rate(llm.request.error) > 0.05", "error rate at {value}", 0.0534, "error rate at 0.0534"),
        ("week_over_week_change(token_spend) > 30%", "up {value}% on last week", 42.0, "up 42% on last week"),
        ("p95(llm.request.duration) > 5s", "at {value}ms", 5230.0, "at 5230ms"),
        ("p95(llm.request.duration) > 5s", "at {value} s", 5230.0, "at 5.23 s"),
        ("p95(llm.request.duration) > 5s", "{value} slow", 5230.0, "5230 slow"),
        ("sum(llm.cost.usd) > 5usd", "spent ${value}", 12.5, "spent $12.5"),
        ("max(custom.x) > 0", "{value}% of {value}ms", 0.4, "0.4% of 0.4ms"),
    ] {
        assert_eq!(alert(condition, text, value), expected);
    }
}

#[test]
fn a_unit_that_the_value_does_not_have_is_refused() {
    for (condition, text) in [
        ("p95(llm.request.duration) > 5s", "{value}%"),
        ("rate(llm.request.error) > 0.05", "{value}ms"),
        ("rate(llm.request.error) > 0.05", "${value}"),
        ("sum(llm.cost.usd) > 5usd", "{value}%"),
    ] {
        assert!(message(condition, text, 1.0, NoticeState::Alert).is_err(), "{condition}: {text}");
    }
}

#[test]
fn datadogs_spellings_are_read_too() {
    let condition = "p95(llm.request.duration) by model_name > 5s";
    for text in ["{model_name} {value}", "{{model_name.name}} {{value}}", "{{{model}}} {{{ value }}}"] {
        assert_eq!(alert(condition, text, 7_000.0), "<model> 7000");
    }
    assert_eq!(
        alert(condition, "{{value}} {{comparator}} {{threshold}} @pagerduty", 7.0),
        "7 > 5000 @pagerduty"
    );
}

#[test]
fn blocks_are_for_one_kind_of_notice() {
    let condition = "p95(llm.request.duration) > 5s";
    let text =
        "{{#is_alert}}down {{value}}{{else}}not {{^is_recovery}}yet {{/is_recovery}}down{{/is_alert}}!";
    let said = |state| message(condition, text, 7.0, state).unwrap();
    assert_eq!(said(NoticeState::Alert), "down 7!");
    assert_eq!(said(NoticeState::Warning), "not yet down!");
    assert_eq!(said(NoticeState::Recovery), "not down!");
}

#[test]
fn braces_that_hold_no_name_are_text() {
    let text = r#"{"text": {}} { value } {1}"#;
    assert_eq!(alert("sum(llm.request.count) > 5", text, 7.0), text);
}

#[test]
fn what_a_monitor_cannot_know_is_refused_with_what_was_meant() {
    for (text, expected) in [
        ("{valeu}", "did you mean `value`?"),
        ("{{modle.name}}", "did you mean `model`?"),
        ("{baseline}", "there are value, threshold, warn_threshold, model"),
        ("{{#is_alrt}}x{{/is_alrt}}", "did you mean `is_alert`?"),
        ("{{#is_alert}}x", "never closed"),
        ("{{#is_alert}}x{{/is_warning}}", "closes a block that"),
        ("x{{/is_alert}}", "never opened"),
        ("x{{else}}", "outside of a block"),
    ] {
        let refused =
            message("sum(llm.request.count) by model > 5", text, 1.0, NoticeState::Alert).unwrap_err();
        assert!(refused.contains(expected), "{text}: {refused}");
    }
}

#[test]
fn no_beginning_of_a_message_panics() {
    let text = "é{{#is_alert}}{{{model}}}{value}%{{else}}ü{{/is_alert}}{{[model].name}}{";
    for (end, _) in text.char_indices() {
        let _ = message("sum(llm.request.count) by model > 5", &text[..end], 1.0, NoticeState::Alert);
    }
}

/// What a monitor with this condition says at a value of which nobody wrote how to say it.
fn unwritten(condition: &str, value: f64, state: NoticeState) -> String {
    message(condition, "", value, state).unwrap_or_else(|error| panic!("{condition}: {error}"))
}

#[test]
fn a_monitor_without_a_message_says_what_it_saw_in_its_unit() {
    let said = |condition: &str, value: f64| unwritten(condition, value, NoticeState::Alert);
    for (condition, value, expected) in [
        (
            "p95(llm.request.duration) by model_name > 5000ms",
            6_120.0,
            "m for model <model>: 6.12s (threshold > 5s)",
        ),
        ("p95(llm.request.duration) > 500ms", 612.0, "m: 612ms (threshold > 5000ms)"),
        ("rate(llm.request.error) > 0.05 over 5m", 0.0534, "m: 5.34% (threshold > 500000%)"),
        ("sum(llm.cost.usd) by team > 10usd", 12.5, "m for team <team>: $12.5 (threshold > $5000)"),
        ("sum(llm.tokens.total) > 10", 12.0, "m: 12 tokens (threshold > 5000 tokens)"),
        (
            "avg(custom.quality) by app, team < 0.5",
            0.25,
            "m for app <app>, team <team>: 0.25 (threshold > 5000)",
        ),
    ] {
        assert_eq!(said(condition, value), expected, "{condition}");
    }
    let anomaly = said("anomaly(sum(llm.tokens.total) by agent_id, 'agile', 3) > 0", 9_000.0);
    assert!(anomaly.contains("unusual at 9000 tokens, expected unknown tokens"), "{anomaly}");
    let quiet = unwritten("p95(llm.request.duration) by model > 5s", 1.0, NoticeState::NoData);
    assert_eq!(quiet, "m for model <model>: no values");
}

#[test]
fn every_kind_of_condition_has_something_to_say() {
    for condition in [
        "week_over_week_change(token_spend) > 30%",
        "avg(last_30m):outliers(avg:custom.load{*} by {host}, 'dbscan', 7) > 0",
        "avg(last_1d):forecast(avg:custom.load{*}, 'linear', 1, interval='60m', history='1w') >= 0.9",
        "pct_change(avg(last_1h),last_1w):avg:custom.load{*} < -30",
        "sum(last_5m):sum:llm.request.error{*} by {model}.as_count() / sum:llm.request.count{*} by {model}.as_count() > 0.1",
        "events(\"source:ci\").rollup(\"count\").by(\"app\").last(\"15m\") > 3",
        "error_budget(\"answers\").over(\"7d\") > 75",
        "@error-rate-spike && @p95-latency-per-model",
        "per_second(llm.request.count) > 20req/s",
    ] {
        assert!(unwritten(condition, 1.0, NoticeState::Warning).starts_with('m'), "{condition}");
    }
}
