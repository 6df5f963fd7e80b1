//! Monitors as rules: one rule for each level, in a group for each interval.

mod annotation;
mod expr;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::names;
use crate::condition::{Composite, Judged, MonitorRef, Reading, Rule, Shape, Window, shown_length};
use crate::definition::{Monitor, Severity};
use crate::exchange::datadog::said;
use crate::exchange::fate;
use crate::exchange::loss::Losses;
use crate::template::NoticeState;
use expr::{Printed, Printer};

/// Writes monitors as groups of rules.
pub(in crate::exchange) fn export(monitors: &[Monitor], losses: &mut Losses) -> String {
    let mut groups: BTreeMap<Option<i64>, String> = BTreeMap::new();
    for monitor in monitors {
        losses.of(&monitor.name);
        if !monitor.is_enabled {
            losses.add("the monitor is not exported", "it is off", "turn it on with `enabled = true`");
            continue;
        }
        match rules(monitor, losses) {
            Ok(rules) => {
                let every = match &monitor.condition.judged {
                    Judged::Metric(rule) if rule.rules.every_us.value > 60_000_000 => {
                        Some(rule.rules.every_us.value)
                    }
                    _ => None,
                };
                let group = groups.entry(every).or_default();
                group.push_str(&rules.concat());
            }
            Err(why) => losses.add("the monitor is not exported", why, "rebuild it by hand"),
        }
    }
    if groups.is_empty() {
        return "groups: []\n".to_owned();
    }
    losses.of("all rules");
    losses.add(
        "names of metrics",
        "dots are `_`, totals end in `_total`, histograms of milliseconds in `_milliseconds_bucket`",
        "what hands the metrics to Prometheus must name them so",
    );
    let mut text = String::from("groups:\n");
    // Writing to a String cannot fail.
    for (every, rules) in groups {
        match every.map(shown_length) {
            Some(every) => {
                let _ = writeln!(text, "  - name: weir-{every}\n    interval: {every}\n    rules:\n{rules}");
            }
            None => {
                let _ = writeln!(text, "  - name: weir\n    rules:\n{rules}");
            }
        }
    }
    text.trim_end().to_owned() + "\n"
}

/// The rules of a monitor; an error says why there can be none.
fn rules(monitor: &Monitor, losses: &mut Losses) -> Result<Vec<String>, String> {
    let rule = match &monitor.condition.judged {
        Judged::Metric(rule) => rule,
        Judged::Composite(composite) => {
            losses.add(
                "groups",
                "rules join alerts as wholes, not group by group",
                "add `on (…)` with the tags that they share",
            );
            let (expr, state) = (composite_expr(composite, 0)?, state(monitor.severity));
            let about = annotation::About { threshold: None, warning: None, comparison: None };
            return Ok(vec![one(
                monitor,
                &expr,
                monitor.severity,
                &annotation::text(&monitor.message, state, &about, losses),
                None,
            )]);
        }
        Judged::Events(query) => return Err(format!("Prometheus keeps no {}", query.source)),
        Judged::Budget(_) => return Err("its objective is not part of the condition".to_owned()),
    };
    let judged = judged(rule, losses)?;
    let gate = gate(rule, losses);
    fate::lost_to_prometheus(&said(monitor), losses);
    let levels = monitor.levels();
    let numbers = [
        (Severity::Warning, levels.and_then(|levels| levels.warning)),
        (Severity::Critical, levels.and_then(|levels| levels.critical)),
    ];
    let comparison = rule.rules.comparison;
    let mut rules = Vec::new();
    for (severity, number) in numbers {
        let Some(number) = number else { continue };
        let expr = format!("{} {comparison} {number}{gate}", judged.operand(10));
        let about = annotation::About {
            threshold: Some(number),
            warning: levels.and_then(|levels| levels.warning),
            comparison: Some(comparison),
        };
        let message = annotation::text(&monitor.message, state(severity), &about, losses);
        rules.push(one(monitor, &expr, severity, &message, Some(rule)));
    }
    Ok(rules)
}

fn state(severity: Severity) -> NoticeState {
    match severity {
        Severity::Warning => NoticeState::Warning,
        Severity::Critical => NoticeState::Alert,
    }
}

/// One rule as YAML. Texts in double quotes are JSON's, which YAML takes.
fn one(monitor: &Monitor, expr: &str, severity: Severity, message: &str, rule: Option<&Rule>) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "      - alert: {}", quoted(&monitor.name));
    let _ = writeln!(text, "        expr: {}", quoted(expr));
    if let Some(rules) = rule.map(|rule| &rule.rules) {
        for (key, us) in [("for", rules.for_us.value), ("keep_firing_for", rules.keep_firing_us.value)] {
            if us > 0 {
                let _ = writeln!(text, "        {key}: {}", shown_length(us));
            }
        }
    }
    let severity = if severity == Severity::Warning { "warning" } else { "critical" };
    let _ = writeln!(text, "        labels:\n          severity: {severity}");
    for (label, value) in monitor.entry.labels.iter().flatten().filter(|(label, _)| *label != "severity") {
        let _ = writeln!(text, "          {}: {}", names::plain(label), quoted(value));
    }
    let _ = writeln!(text, "        annotations:\n          description: {}", quoted(message));
    text
}

/// What is compared with the threshold.
fn judged(rule: &Rule, losses: &mut Losses) -> Result<Printed, String> {
    let Window::Last(window_us) = rule.window.value else {
        return Err("PromQL has no windows from the start of a day or a month".to_owned());
    };
    let offset_us = rule.rules.offset_us.value;
    let mut print = |window_us: i64, offset_us: i64| {
        Printer { window_us, offset_us, is_zero_filled: rule.zero_fill }.print(rule.query.expr(), losses)
    };
    let (unit_us, is_merged) = match rule.reading {
        Reading::Merged => (window_us, true),
        Reading::Points { interval_us, .. } => (interval_us, false),
    };
    let point = match &rule.shape {
        Shape::Value(_) => print(unit_us, offset_us)?,
        Shape::Change(change) => {
            let (now, before) = (print(unit_us, offset_us)?, print(unit_us, offset_us + change.shift_us)?);
            let difference = format!("({} - {})", now.operand(10), before.operand(11));
            if change.is_percent {
                Printed::binary(format!("100 * {difference} / {}", before.operand(21)))
            } else {
                Printed::atom(difference)
            }
        }
        Shape::Anomaly(_) => return Err("Prometheus learns no bands".to_owned()),
        Shape::Outliers(_) => return Err("Prometheus finds no outliers".to_owned()),
        Shape::Forecast(_) => return Err("predict_linear forecasts otherwise".to_owned()),
    };
    Ok(match rule.reading {
        Reading::Merged => point,
        Reading::Points { .. } if is_merged || window_us == unit_us => point,
        Reading::Points { aggregator, interval_us } => {
            let name = format!("{aggregator:?}").to_lowercase();
            let (window, interval) = (shown_length(window_us), shown_length(interval_us));
            Printed::atom(format!("{name}_over_time(({})[{window}:{interval}])", point.text()))
        }
    })
}

/// `and` the number of values, where there is a least one and a metric that has it.
fn gate(rule: &Rule, losses: &mut Losses) -> String {
    let least = rule.rules.min_samples.value;
    let Window::Last(window_us) = rule.window.value else { return String::new() };
    if least == 0 {
        return String::new();
    }
    let printer = Printer { window_us, offset_us: rule.rules.offset_us.value, is_zero_filled: false };
    if let Some(samples) = printer.samples(rule.query.expr()) {
        return format!(" and {samples} >= {least}");
    }
    losses.add(
        fate::shown("min_samples", &least.into()),
        "the number of values of this expression is in no metric",
        "",
    );
    String::new()
}

/// A composite of alerts that fire. Depth is that of the condition, which is bounded.
fn composite_expr(composite: &Composite, power: u8) -> Result<String, String> {
    let wrapped = |own: u8, text: String| if own < power { format!("({text})") } else { text };
    Ok(match composite {
        Composite::Monitor(MonitorRef::Name(name)) => {
            format!("max(ALERTS{{alertname={name:?},alertstate=\"firing\"}})")
        }
        Composite::Monitor(MonitorRef::Id(id)) => return Err(format!("the monitor {id} has no name")),
        // One where nothing fires, and nothing where something does.
        Composite::Not(inner) => format!("absent({})", composite_expr(inner, 0)?),
        Composite::And(a, b) => {
            wrapped(2, format!("{} and {}", composite_expr(a, 2)?, composite_expr(b, 3)?))
        }
        Composite::Or(a, b) => wrapped(1, format!("{} or {}", composite_expr(a, 1)?, composite_expr(b, 2)?)),
    })
}
