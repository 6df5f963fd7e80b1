//! The traps of exchanging monitors, each decided and held by a test.

use serde_json::{Value, json};
use weir_monitor::{Comparison, Judged, Loss, Reading, System, export, import, parse_condition};

use super::{imported, loaded};

/// The one monitor of Datadog's that a definition becomes, and what is lost.
fn datadog(definition: &str) -> (Value, Vec<Loss>) {
    let export = export(System::Datadog, &loaded(&format!("[[monitors]]\nname = 'm'\n{definition}")));
    let mut list: Vec<Value> = serde_json::from_str(&export.text).expect("exports are JSON");
    assert_eq!(list.len(), 1, "{:?}", export.losses);
    (list.remove(0), export.losses)
}

/// The definition that a monitor of Datadog's becomes, and what is lost.
fn from_datadog(monitor: &Value) -> (weir_monitor::Entry, Vec<Loss>) {
    let mut import = imported(System::Datadog, &monitor.to_string());
    assert_eq!(import.monitors.len(), 1, "{:?}", import.losses);
    (import.monitors.remove(0).entry, import.losses)
}

fn loses(losses: &[Loss], text: &str) -> bool {
    losses.iter().any(|loss| loss.what.contains(text) || loss.why.contains(text))
}

#[test]
fn a_ratio_is_said_in_percent_on_both_sides() {
    // Datadog prints the number as it is; Weir converts it to the unit that follows.
    let (monitor, _) =
        datadog("condition = 'rate(llm.request.error) > 0.05'\nmessage = 'error rate at {value}%'");
    assert_eq!(monitor["message"], "error rate at {{eval \"value*100\"}}%");
}

#[test]
fn a_change_is_percent_already_and_a_quotient_in_datadog() {
    let (monitor, losses) = datadog(
        "condition = 'week_over_week_change(token_spend) > 30% warn 20%'\nmessage = '{value}% over {threshold}%'",
    );
    let query =
        "sum(last_7d):sum:llm.cost.usd{*}.as_count() / week_before(sum:llm.cost.usd{*}.as_count()) > 1.3";
    assert_eq!(monitor["query"], query);
    assert_eq!(monitor["options"]["thresholds"], json!({ "critical": 1.3, "warning": 1.2 }));
    assert_eq!(monitor["message"], "{{eval \"value*100-100\"}}% over {{eval \"threshold*100-100\"}}%");
    assert!(loses(&losses, "UTC"), "{losses:?}");
}

#[test]
fn a_change_of_an_average_is_not_exported_as_one_of_points() {
    let text =
        "[[monitors]]\nname = 'm'\ncondition = 'week_over_week_change(avg(custom.x)) > 30%'\nmessage = 'm'";
    let export = export(System::Datadog, &loaded(text));
    assert_eq!(export.text, "[]\n");
    assert!(loses(&export.losses, "changes of totals only"), "{:?}", export.losses);
}

#[test]
fn the_value_of_an_anomaly_is_the_metric_here_and_the_share_of_points_there() {
    let definition = "condition = \"anomaly(sum(llm.tokens.total) by agent_id, 'agile', 3) > 0\"\n\
                      message = '{agent_id}: {value} for {baseline}, {fraction}'";
    let (monitor, losses) = datadog(definition);
    let message = monitor["message"].as_str().unwrap();
    assert!(message.starts_with("{{agent_id.name}}: (value: see the graph)"), "{message}");
    assert!(message.ends_with("{{value}}"), "{message}");
    assert!(loses(&losses, "{value} in the message") && loses(&losses, "{baseline} in the message"));
    let query = "avg(last_4h):anomalies(avg:app.x{*}, 'agile', 2) >= 0.5";
    let (entry, _) =
        from_datadog(&json!({ "name": "a", "query": query, "message": "{{value}} of the points" }));
    assert_eq!(entry.message.as_deref(), Some("{{fraction}} of the points"));
}

#[test]
fn any_point_of_an_anomaly_is_a_least_fraction_and_recovery_excludes_alert() {
    let (monitor, _) =
        datadog("condition = \"anomaly(sum(llm.tokens.total) by agent_id, 'agile', 3) > 0\"\nmessage = 'm'");
    let query = monitor["query"].as_str().unwrap();
    let start = "avg(last_4h):anomalies(sum:llm.tokens.total{*} by {agent_id}.as_count(), 'agile', 3, ";
    assert!(query.starts_with(start), "{query}");
    assert!(query.ends_with(" >= 0.01"), "{query}");
    assert!(query.contains("interval=180"), "five points in a quarter of an hour: {query}");
    assert_eq!(monitor["options"]["thresholds"]["critical"], 0.01);
    // At least trigger * (1 - threshold) + 1 minute, so that the same points do not alert and recover.
    let windows = json!({ "trigger_window": "last_15m", "recovery_window": "last_16m" });
    assert_eq!(monitor["options"]["threshold_windows"], windows);
}

#[test]
fn tags_are_spelled_as_the_condition_spells_them() {
    let (monitor, _) = datadog(
        "condition = 'p95(llm.request.duration{ml_app:chat}) by model_name > 5s'\nmessage = '{model} {model_name}'",
    );
    let query = "percentile(last_5m):p95:llm.request.duration{ml_app:chat} by {model_name} > 5000";
    assert_eq!(monitor["query"], query);
    assert_eq!(monitor["message"], "{{model_name.name}} {{model_name.name}}");
}

#[test]
fn thresholds_critical_is_the_number_of_the_query() {
    for (definition, number) in [
        ("condition = 'avg(last_5m):avg:app.x{*} > 5'\nthreshold = 7.5", "7.5"),
        ("condition = 'avg(last_5m):avg:app.x{*} > 5'\nseverity = 'warning'\ncritical = 9", "9"),
        ("condition = 'p95(llm.request.duration) > 5s crit 10s'", "10000"),
        ("condition = 'max(custom.x) < 0.5 warn 0.75'", "0.5"),
    ] {
        let (monitor, _) = datadog(&format!("{definition}\nmessage = 'm'"));
        let query = monitor["query"].as_str().unwrap();
        assert!(query.ends_with(&format!(" {number}")), "{query}");
        let critical = monitor["options"]["thresholds"]["critical"].as_f64();
        assert_eq!(critical, number.parse().ok(), "{query}");
    }
}

#[test]
fn a_threshold_that_is_not_the_querys_number_is_told_and_the_query_counts() {
    let options = json!({ "thresholds": { "critical": 6 } });
    let query = "avg(last_5m):avg:app.x{*} > 5";
    let monitor = json!({ "name": "a", "query": query, "message": "m", "options": options });
    let (entry, losses) = from_datadog(&monitor);
    assert_eq!((entry.condition.as_deref(), entry.threshold), (Some(query), None));
    assert!(loses(&losses, "it is not the number of the query"), "{losses:?}");
}

#[test]
fn decimals_have_a_leading_zero_in_both_directions() {
    let text = json!({ "name": "a", "query": "avg(last_5m):avg:app.x{*} > .9", "message": "m" }).to_string();
    let import = import(System::Datadog, "file", &text).unwrap();
    assert!(import.monitors.is_empty() && loses(&import.losses, "write `0.9`"), "{:?}", import.losses);
    let (monitor, _) = datadog("condition = 'max(custom.x) > 0.9'\nmessage = 'm'");
    assert!(monitor["query"].as_str().unwrap().ends_with("> 0.9"));
}

#[test]
fn a_recovery_turns_the_inclusiveness_around() {
    for (alert, recovery) in [
        (Comparison::Above, Comparison::AtMost),
        (Comparison::AtLeast, Comparison::Below),
        (Comparison::Below, Comparison::AtLeast),
        (Comparison::AtMost, Comparison::Above),
    ] {
        assert_eq!(alert.recovery(), recovery);
        assert!(alert.holds(5.0, 5.0) != recovery.holds(5.0, 5.0), "a value does one of both");
        // Datadog turns it around itself: only the number goes along.
        let good = if alert.is_upward() { "4" } else { "6" };
        let (monitor, _) =
            datadog(&format!("condition = 'max(custom.x) {alert} 5'\nrecovery = {good}\nmessage = 'm'"));
        assert_eq!(monitor["options"]["thresholds"]["critical_recovery"].to_string(), good);
    }
}

fn reading(query: &str) -> Reading {
    match parse_condition(query).map(|condition| condition.judged) {
        Ok(Judged::Metric(rule)) => rule.reading,
        other => panic!("{other:?}"),
    }
}

#[test]
fn as_count_sums_before_it_divides_and_as_rate_after() {
    let counts = "sum(last_5m):sum:e{*}.as_count() / sum:h{*}.as_count() > 0.6";
    let rates = "sum(last_5m):sum:e{*}.as_rate() / sum:h{*}.as_rate() > 0.6";
    assert_eq!(reading(counts), Reading::Merged);
    assert!(matches!(reading(rates), Reading::Points { .. }));
    // And a ratio of sums is exported as one.
    let (monitor, losses) = datadog("condition = 'sum(e) / sum(h) > 0.6'\nmessage = 'm'\nmin_samples = 0");
    assert_eq!(monitor["query"], counts);
    assert!(losses.is_empty(), "{losses:?}");
}

#[test]
fn a_percentage_change_is_taken_point_by_point_and_then_summed() {
    let query = "pct_change(sum(last_1d),last_1w):sum:llm.cost.usd{*} by {team} > 30";
    assert!(matches!(reading(query), Reading::Points { .. }));
    // Its text goes along: a change of totals is another question, which Weir asks with week_over_week_change.
    let (entry, losses) = from_datadog(&json!({ "name": "a", "query": query, "message": "m" }));
    assert_eq!(entry.condition.as_deref(), Some(query));
    assert!(losses.is_empty(), "{losses:?}");
}

#[test]
fn both_kinds_of_braces_are_placeholders_here_and_only_double_ones_in_datadog() {
    let query = "avg(last_5m):avg:app.x{*} by {host} > 5";
    let message = "{value} {{value}} {{host.name}} {\"a\": 1}";
    let (entry, _) = from_datadog(&json!({ "name": "a", "query": query, "message": message }));
    assert_eq!(entry.message.as_deref(), Some("{ value } {{value}} {{host.name}} {\"a\": 1}"));
}

#[test]
fn a_warning_without_an_alert_becomes_an_alert_and_is_told() {
    let (monitor, losses) = datadog("condition = 'max(custom.x) > 5'\nseverity = 'warning'\nmessage = 'm'");
    assert_eq!(monitor["options"]["thresholds"], json!({ "critical": 5 }));
    assert!(loses(&losses, "an alert at least"), "{losses:?}");
}

#[test]
fn an_average_of_points_is_another_number_and_is_told() {
    let (monitor, losses) = datadog("condition = 'avg(custom.x) < 0.75 over 15m'\nmessage = 'm'");
    assert_eq!(monitor["query"], "avg(last_15m):avg:custom.x{*} < 0.75");
    assert!(loses(&losses, "averages the points"), "{losses:?}");
    assert!(loses(&losses, "min_samples 10"), "{losses:?}");
}

#[test]
fn missing_data_and_repeats_go_along_in_datadogs_units() {
    let (monitor, losses) = datadog(
        "condition = 'max(custom.x) > 5'\nmessage = 'm'\nno_data = 'notify'\nrenotify = '1h'\nrenotify_max = 3\n\
         evaluation_delay = '2m'\nnew_group_delay = '90s'\ngroup_retention = '12h'\nrequire_full_window = true\n\
         notify = ['slack-ops']\nlabels = { team = 'web', priority = '2' }",
    );
    let options = &monitor["options"];
    for (name, wanted) in [
        ("on_missing_data", json!("show_and_notify_no_data")),
        ("renotify_interval", json!(60)),
        ("renotify_occurrences", json!(3)),
        ("evaluation_delay", json!(120)),
        ("new_group_delay", json!(90)),
        ("group_retention_duration", json!("12h")),
        ("require_full_window", json!(true)),
    ] {
        assert_eq!(options[name], wanted, "{name}");
    }
    assert_eq!((&monitor["tags"], &monitor["priority"]), (&json!(["team:web"]), &json!(2)));
    assert_eq!(monitor["message"], "m @slack-ops");
    assert!(losses.is_empty(), "{losses:?}");
    // And back.
    let (entry, losses) = from_datadog(&monitor);
    assert_eq!((entry.renotify.as_deref(), entry.renotify_max), (Some("1h"), Some(3)));
    let delays = (entry.evaluation_delay.as_deref(), entry.new_group_delay.as_deref());
    assert_eq!(delays, (Some("2m"), Some("90s")));
    assert_eq!(losses.len(), 1, "who is notified is for the configuration: {losses:?}");
}

#[test]
fn a_window_of_the_calendar_knows_its_time_zone() {
    let (monitor, _) = datadog(
        "condition = \"sum(llm.cost.usd) by team > 200usd over current_day tz 'Europe/Berlin'\"\nmessage = 'm'",
    );
    assert_eq!(monitor["query"], "sum(current_1d):sum:llm.cost.usd{*} by {team}.as_count() > 200");
    let window = json!({ "day_starts": "00:00", "timezone": "Europe/Berlin" });
    assert_eq!(monitor["options"]["scheduling_options"]["evaluation_window"], window);
}

#[test]
fn text_that_hcl_would_interpolate_is_escaped() {
    let text = "[[monitors]]\nname = '1-m'\ncondition = 'max(custom.x) > 5'\nmessage = '''${ x} %{ y} \"z\" \\\nend'''";
    let export = export(System::Terraform, &loaded(text));
    assert!(export.text.contains("resource \"datadog_monitor\" \"monitor_1_m\" {"), "{}", export.text);
    assert!(export.text.contains(r#""$${ x} %%{ y} \"z\" \\\nend""#), "{}", export.text);
}

#[test]
fn a_composite_refers_to_resources_in_terraform_and_to_names_in_json() {
    let text = "[[monitors]]\nname = 'a'\ncondition = 'max(custom.x) > 5'\nmessage = 'm'\n\
                [[monitors]]\nname = 'b-2'\ncondition = 'max(custom.y) > 5'\nmessage = 'm'\n\
                [[monitors]]\nname = 'c'\ncondition = '@a && !(@b-2 || @a)'\nmessage = 'm'";
    let hcl = export(System::Terraform, &loaded(text)).text;
    let wanted = "\"${datadog_monitor.a.id} && !(${datadog_monitor.b_2.id} || ${datadog_monitor.a.id})\"";
    assert!(hcl.contains(wanted), "{hcl}");
    let json = export(System::Datadog, &loaded(text));
    assert!(json.text.contains("\"@a && !(@b-2 || @a)\"") && loses(&json.losses, "ids"), "{}", json.text);
}
