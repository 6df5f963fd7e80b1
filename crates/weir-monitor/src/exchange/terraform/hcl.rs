//! Monitors as HCL: `resource "datadog_monitor" "name" { … }`.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::super::datadog::{Written, written};
use super::super::loss::Losses;
use super::super::name::word;
use crate::condition::{Composite, Judged, MonitorRef};
use crate::definition::Monitor;

/// Writes monitors as resources.
pub(in crate::exchange) fn export(monitors: &[Monitor], losses: &mut Losses) -> String {
    let labels = labels(monitors);
    let mut text = String::new();
    for monitor in monitors {
        let Some(written) = written(monitor, losses) else { continue };
        let query = match &monitor.condition.judged {
            Judged::Composite(composite) => references(composite, &labels, 0, losses),
            _ => quoted(&written.query),
        };
        if !text.is_empty() {
            text.push('\n');
        }
        let label = labels.get(monitor.name.as_str()).map_or("monitor", String::as_str);
        resource(&mut text, label, &query, &written);
    }
    text
}

/// A label for each monitor: what Terraform calls a resource.
fn labels(monitors: &[Monitor]) -> HashMap<&str, String> {
    let mut labels: HashMap<&str, String> = HashMap::new();
    for monitor in monitors {
        let base = word(&monitor.name, '_');
        let base =
            if base.starts_with(|c: char| c.is_alphabetic()) { base } else { format!("monitor_{base}") };
        let mut label = base.clone();
        let mut number = 2_u32;
        while labels.values().any(|taken| *taken == label) {
            label = format!("{base}_{number}");
            number += 1;
        }
        labels.insert(&monitor.name, label);
    }
    labels
}

/// A composite whose monitors are resources: `"${datadog_monitor.a.id} && !${datadog_monitor.b.id}"`.
fn references(
    composite: &Composite,
    labels: &HashMap<&str, String>,
    power: u8,
    losses: &mut Losses,
) -> String {
    format!("\"{}\"", joined(composite, labels, power, losses))
}

fn joined(composite: &Composite, labels: &HashMap<&str, String>, power: u8, losses: &mut Losses) -> String {
    let wrapped = |own: u8, text: String| if own < power { format!("({text})") } else { text };
    match composite {
        Composite::Monitor(MonitorRef::Id(id)) => id.to_string(),
        Composite::Monitor(MonitorRef::Name(name)) => {
            if let Some(label) = labels.get(name.as_str()) {
                format!("${{datadog_monitor.{label}.id}}")
            } else {
                losses.add(
                    format!("@{name}"),
                    "it is not among the monitors that are exported",
                    "export it too",
                );
                format!("${{datadog_monitor.{}.id}}", word(name, '_'))
            }
        }
        Composite::Not(inner) => format!("!{}", joined(inner, labels, 3, losses)),
        Composite::And(a, b) => {
            let (a, b) = (joined(a, labels, 2, losses), joined(b, labels, 3, losses));
            wrapped(2, format!("{a} && {b}"))
        }
        Composite::Or(a, b) => {
            let (a, b) = (joined(a, labels, 1, losses), joined(b, labels, 2, losses));
            wrapped(1, format!("{a} || {b}"))
        }
    }
}

// Writing to a String cannot fail, here and below.
fn resource(text: &mut String, label: &str, query: &str, written: &Written) {
    let _ = writeln!(text, "resource \"datadog_monitor\" \"{label}\" {{");
    let mut arguments = vec![
        ("name".to_owned(), quoted(&written.name)),
        ("type".to_owned(), quoted(written.kind)),
        ("query".to_owned(), query.to_owned()),
        ("message".to_owned(), quoted(&written.message)),
    ];
    if !written.tags.is_empty() {
        arguments.push(("tags".to_owned(), shown(&Value::from(written.tags.clone()))));
    }
    if let Some(priority) = written.priority {
        arguments.push(("priority".to_owned(), quoted(&priority.to_string())));
    }
    let mut blocks = Vec::new();
    for (name, value) in &written.options {
        if value.is_object() {
            blocks.push((name.as_str(), value));
        } else {
            arguments.push((name.clone(), shown(value)));
        }
    }
    let width = arguments.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in &arguments {
        let _ = writeln!(text, "  {name:<width$} = {value}");
    }
    let number = |(name, value): &(&'static str, f64)| ((*name).to_owned(), Value::from(value.to_string()));
    let thresholds = Value::Object(written.thresholds.iter().map(number).collect());
    if !written.thresholds.is_empty() {
        block(text, "monitor_thresholds", &thresholds, 1);
    }
    if let Some((trigger, recovery)) = &written.windows {
        let windows = serde_json::json!({ "trigger_window": trigger, "recovery_window": recovery });
        block(text, "monitor_threshold_windows", &windows, 1);
    }
    for (name, value) in blocks {
        block(text, name, value, 1);
    }
    text.push_str("}\n");
}

/// A block; the values of a monitor nest two levels.
fn block(text: &mut String, name: &str, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    let _ = writeln!(text, "\n{indent}{name} {{");
    let fields = value.as_object().into_iter().flatten();
    let width = fields.clone().filter(|(_, value)| !value.is_object()).map(|(name, _)| name.len()).max();
    for (name, value) in fields {
        if value.is_object() {
            block(text, name, value, depth + 1);
        } else {
            let _ = writeln!(text, "{indent}  {name:<width$} = {}", shown(value), width = width.unwrap_or(0));
        }
    }
    let _ = writeln!(text, "{indent}}}");
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// A text in quotes, in which nothing is interpolated.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '$' | '%' if chars.peek() == Some(&'{') => {
                quoted.push(c);
                quoted.push(c);
            }
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
