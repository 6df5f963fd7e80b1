//! Files of rules: groups of alerts, YAML.

use serde_json::{Map, Value};

use super::promql::{self, Node};
use super::translate::{Refusal, Translator, refusal};
use crate::condition::{Comparison, Judged};
use crate::definition::{self, Amount, Entry, Severity};
use crate::exchange::Imported;
use crate::exchange::loss::Losses;
use crate::exchange::name::Names;
use crate::exchange::{fate, message};
use crate::parse_condition;

/// Reads a file of rules.
pub(in crate::exchange) fn import(text: &str, losses: &mut Losses) -> Result<Vec<Imported>, String> {
    // Snippets of errors would repeat the file; the place is in the text.
    let options = serde_saphyr::options! { with_snippet: false };
    let file: Value = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| format!("it is no YAML: {error}"))?;
    // A rule file, or the object that the operator of Kubernetes wraps it in.
    let groups = file.pointer("/groups").or_else(|| file.pointer("/spec/groups")).and_then(Value::as_array);
    let Some(groups) = groups else { return Err("it holds no `groups` of rules".to_owned()) };
    let mut names = Names::new();
    let mut monitors: Vec<Imported> = Vec::new();
    for group in groups {
        let group_name = word(group, "name");
        let interval = word(group, "interval");
        losses.of(&format!("group {group_name}"));
        for (key, value) in group.as_object().into_iter().flatten() {
            if !matches!(key.as_str(), "name" | "interval" | "rules") {
                losses.add(fate::shown(key, value), "groups of rules have no such setting here", "");
            }
        }
        for rule in group.get("rules").and_then(Value::as_array).into_iter().flatten() {
            let Some(alert) = rule.get("alert").and_then(Value::as_str) else {
                losses.of(&format!("group {group_name}"));
                losses.add(
                    format!("rule {}", word(rule, "record")),
                    "recording rules are not needed: Weir keeps values for each minute",
                    "",
                );
                continue;
            };
            let origin = format!("{alert}, of the group {group_name}");
            let name = names.give(alert);
            losses.of(&name);
            match entry(&name, rule, &interval, losses) {
                Ok(entry) => {
                    let pair = monitors.iter_mut().filter(|known| known.origin == origin).find_map(|known| {
                        let joined = joined(&known.entry, &entry, losses)?;
                        Some((known, joined))
                    });
                    match pair {
                        Some((known, joined)) => known.entry = joined,
                        None => monitors.push(Imported { entry, origin }),
                    }
                }
                Err(refused) => {
                    losses.of(&origin);
                    losses.add("the rule is not imported", refused.why, refused.instead);
                }
            }
        }
    }
    Ok(monitors)
}

fn word(value: &Value, key: &str) -> String {
    match value.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

/// Two rules of one alert that differ in their number and severity are one monitor with a warning and an alert.
fn joined(known: &Entry, new: &Entry, losses: &mut Losses) -> Option<Entry> {
    let (warning, critical) = match (known.severity, new.severity) {
        (Some(Severity::Warning), Some(Severity::Critical)) => (known, new),
        (Some(Severity::Critical), Some(Severity::Warning)) => (new, known),
        _ => return None,
    };
    let mut rules = Vec::new();
    for entry in [warning, critical] {
        let condition = parse_condition(entry.condition.as_deref()?).ok()?;
        let Judged::Metric(rule) = condition.judged else { return None };
        rules.push(rule);
    }
    let [mild, severe] = &rules[..] else { return None };
    let number = mild.rules.threshold.0;
    let is_alike = mild.query == severe.query
        && mild.window == severe.window
        && mild.rules.comparison == severe.rules.comparison
        && severe.rules.comparison.holds(severe.rules.threshold.0, number)
        && (&warning.r#for, &warning.keep_firing, &warning.every, warning.min_samples)
            == (&critical.r#for, &critical.keep_firing, &critical.every, critical.min_samples);
    if !is_alike {
        return None;
    }
    losses.of(&known.name);
    if warning.message != critical.message {
        let text = warning.message.clone().unwrap_or_default();
        losses.add(
            fate::shown("message of the warning", &Value::from(text)),
            "a monitor has one message, and that of the alert is taken",
            "tell them apart with `{{#is_warning}}…{{/is_warning}}`",
        );
    }
    Some(Entry { name: known.name.clone(), warning: Some(Amount::Number(number)), ..critical.clone() })
}

/// What a comparison of PromQL is.
fn comparison(operator: &str) -> Option<Comparison> {
    Some(match operator {
        ">" => Comparison::Above,
        ">=" => Comparison::AtLeast,
        "<" => Comparison::Below,
        "<=" => Comparison::AtMost,
        _ => return None,
    })
}

fn entry(name: &str, rule: &Value, interval: &str, losses: &mut Losses) -> Result<Entry, Refusal> {
    let expr = word(rule, "expr");
    let node = promql::parse(&expr);
    let node =
        node.map_err(|why| Refusal { why: format!("{expr}: {why}"), instead: "check it with promtool" })?;
    let mut translator = Translator { told_apart_by: named_labels(rule), ..Translator::default() };
    let (node, min_samples) = gate(&node);
    let (text, comparison, number) = compared(node, &mut translator, losses)?;
    let query = weir_query::parse(&text)
        .map_err(|error| Refusal { why: error.render(&text), instead: "write the condition by hand" })?;
    let window = crate::condition::shown_length(translator.window_us.unwrap_or(60_000_000));
    let condition = format!("{query} {comparison} {number} over {window}");
    let mut entry = Entry { name: name.to_owned(), condition: Some(condition), ..Entry::default() };
    // A rule judges however few values there are, so no gate but its own comes along.
    entry.min_samples = Some(match min_samples {
        Some(gate) => samples(gate, &translator, losses)?,
        None => 0,
    });
    times(&mut entry, rule, interval, losses);
    labels(&mut entry, rule, losses);
    let parsed = parse_condition(entry.condition.as_deref().unwrap_or_default());
    let condition = parsed.map_err(|error| Refusal {
        why: error.render(entry.condition.as_deref().unwrap_or_default()),
        instead: "write the condition by hand",
    })?;
    if entry.min_samples == Some(0)
        && matches!(&condition.judged, Judged::Metric(rule) if rule.rules.min_samples.value == 0)
    {
        entry.min_samples = None;
    }
    entry.message = Some(message::from_prometheus(&annotations(rule, losses), name, &condition, losses));
    match definition::monitor("", &entry, None) {
        Ok(_) => Ok(entry),
        Err(error) => refusal(error.to_string(), "write the condition by hand"),
    }
}

/// Takes `… and sum(increase(m_count[5m])) >= 20` apart: a judgement, and from how many values on it is one.
fn gate(node: &Node) -> (&Node, Option<&Node>) {
    match node {
        Node::Binary { operator, left, right, .. } if operator == "and" => match &**right {
            Node::Binary { operator, right: number, left: of, .. }
                if operator == ">="
                    && matches!(**number, Node::Number(_))
                    && matches!(**of, Node::Aggregate { .. }) =>
            {
                (left, Some(right))
            }
            _ => (node, None),
        },
        _ => (node, None),
    }
}

fn samples(gate: &Node, judged: &Translator, losses: &mut Losses) -> Result<u32, Refusal> {
    let mut translator = Translator::default();
    let mut aside = Losses::default();
    let Node::Binary { left, right, .. } = gate else { return refusal("it has no gate", "") };
    let value = translator.whole(left, &mut aside)?;
    let metric = value.leaf.as_ref().map(|leaf| leaf.metric.as_str());
    let is_of_it = metric.is_some_and(|metric| judged.metrics.iter().any(|known| known == metric));
    match **right {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and in range")]
        Node::Number(number)
            if is_of_it
                && number.fract() == 0.0
                && (1.0..1e9).contains(&number)
                && translator.window_us == judged.window_us =>
        {
            losses.add(
                format!("and {} >= {number}", value.text),
                "it is taken for the least number of values: `min_samples`",
                "",
            );
            Ok(number as u32)
        }
        _ => refusal(
            "`and` joins two conditions",
            "make a monitor of each, and a composite of both: `@a && @b`",
        ),
    }
}

/// The judged expression, how it is compared, and with what.
fn compared(
    node: &Node,
    translator: &mut Translator,
    losses: &mut Losses,
) -> Result<(String, Comparison, f64), Refusal> {
    let Node::Binary { operator, left, right, is_bool: false, .. } = node else {
        return match node {
            Node::Binary { operator, .. } if matches!(operator.as_str(), "and" | "or" | "unless") => refusal(
                format!("`{operator}` joins two conditions"),
                "make a monitor of each, and a composite of both: `@a && @b`",
            ),
            Node::Call { name, .. } if name.starts_with("absent") => {
                refusal("absence has no counterpart in conditions", "write `sum(METRIC) < 1`")
            }
            _ => refusal("it is no comparison with a number", "compare a value with a number"),
        };
    };
    let is_up = matches!(&**left, Node::Selector(selector) if selector.metric == "up");
    let own = match operator.as_str() {
        "==" if is_up && **right == Node::Number(0.0) => {
            losses.add("== 0", "`up` is 0 or 1, so it is taken for `< 1`", "");
            let value = translator.whole(left, losses)?;
            return Ok((value.text, Comparison::Below, 1.0));
        }
        "==" | "!=" => {
            return refusal(format!("`{operator}` has no counterpart"), "compare with >, >=, < or <=");
        }
        "and" | "or" | "unless" => {
            return refusal(
                format!("`{operator}` joins two conditions"),
                "make a monitor of each, and a composite of both: `@a && @b`",
            );
        }
        operator => comparison(operator),
    };
    let Some(own) = own else {
        return refusal("it is no comparison with a number", "compare a value with a number");
    };
    if let Some(number) = constant(right) {
        let value = translator.whole(left, losses)?;
        return Ok((value.text, own, number));
    }
    if let Some(number) = constant(left) {
        let value = translator.whole(right, losses)?;
        let flipped = match own {
            Comparison::Above => Comparison::Below,
            Comparison::AtLeast => Comparison::AtMost,
            Comparison::Below => Comparison::Above,
            Comparison::AtMost => Comparison::AtLeast,
        };
        return Ok((value.text, flipped, number));
    }
    // Two values: their difference is compared with nothing.
    let difference = Node::Binary {
        operator: "-".to_owned(),
        is_bool: false,
        matching: None,
        left: left.clone(),
        right: right.clone(),
    };
    let value = translator.whole(&difference, losses)?;
    losses.add("two values are compared", "a condition compares with a number, so their difference is", "");
    Ok((value.text, own, 0.0))
}

/// The number that an expression of numbers is.
fn constant(node: &Node) -> Option<f64> {
    let value = match node {
        Node::Number(number) => *number,
        Node::Negate(inner) => -constant(inner)?,
        Node::Binary { operator, left, right, .. } => {
            let (left, right) = (constant(left)?, constant(right)?);
            match operator.as_str() {
                "+" => left + right,
                "-" => left - right,
                "*" => left * right,
                "/" => left / right,
                "^" => left.powf(right),
                _ => return None,
            }
        }
        _ => return None,
    };
    value.is_finite().then_some(value)
}

/// `for`, `keep_firing_for` and the interval of the group.
fn times(entry: &mut Entry, rule: &Value, interval: &str, losses: &mut Losses) {
    let length = |text: &str| match promql::parse(text) {
        Ok(Node::Number(seconds)) if (1.0..1e9).contains(&seconds) =>
        {
            #[expect(clippy::cast_possible_truncation, reason = "bounded just before")]
            Some((seconds * 1e6) as i64)
        }
        _ => None,
    };
    for (key, place) in [("for", &mut entry.r#for), ("keep_firing_for", &mut entry.keep_firing)] {
        *place = length(&word(rule, key)).map(crate::condition::shown_length);
    }
    match length(interval) {
        Some(us) if us % 60_000_000 == 0 => entry.every = Some(crate::condition::shown_length(us)),
        Some(_) => {
            losses.add(format!("interval {interval}"), "conditions are evaluated on whole minutes", "");
        }
        None => {}
    }
    for (key, value) in rule.as_object().into_iter().flatten() {
        if !["alert", "expr", "for", "keep_firing_for", "labels", "annotations"].contains(&key.as_str()) {
            losses.add(fate::shown(key, value), "rules have no such key", "");
        }
    }
}

fn labels(entry: &mut Entry, rule: &Value, losses: &mut Losses) {
    for (label, value) in rule.get("labels").and_then(Value::as_object).into_iter().flatten() {
        let text = value.as_str().unwrap_or_default().to_lowercase();
        match (label.as_str(), text.as_str()) {
            ("severity", "critical" | "page" | "error" | "high") => entry.severity = Some(Severity::Critical),
            ("severity", "warning" | "warn") => entry.severity = Some(Severity::Warning),
            ("severity", "info" | "none" | "low" | "ticket") => {
                entry.severity = Some(Severity::Warning);
                losses.add(fate::shown("severity", value), "there are two levels, so it is a warning", "");
            }
            _ if fate::label(entry, label, value.as_str().map(str::to_owned)) => {}
            _ => losses.add(fate::shown(&format!("label {label}"), value), "no value that a label takes", ""),
        }
    }
}

/// The labels that the annotations name.
fn named_labels(rule: &Value) -> Vec<String> {
    let mut labels: Vec<String> = Vec::new();
    for text in rule.get("annotations").and_then(Value::as_object).into_iter().flatten() {
        for part in text.1.as_str().unwrap_or_default().split("$labels.").skip(1) {
            let label: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if !label.is_empty() && !labels.contains(&label) {
                labels.push(label);
            }
        }
    }
    labels
}

/// The text of the annotations.
fn annotations(rule: &Value, losses: &mut Losses) -> String {
    let empty = Map::new();
    let annotations = rule.get("annotations").and_then(Value::as_object).unwrap_or(&empty);
    let mut parts: Vec<&str> = Vec::new();
    for key in ["summary", "title", "message", "description"] {
        let text = annotations.get(key).and_then(Value::as_str).map(str::trim).unwrap_or_default();
        if !text.is_empty() && !parts.contains(&text) {
            parts.push(text);
        }
    }
    for (key, value) in annotations {
        match key.as_str() {
            "summary" | "title" | "message" | "description" => {}
            "runbook_url" | "runbook" | "dashboard" | "dashboard_url" => {
                parts.extend(value.as_str().map(str::trim));
            }
            _ => losses.add(
                fate::shown(&format!("annotation {key}"), value),
                "a monitor has one message",
                "put it into the message",
            ),
        }
    }
    parts.join("\n")
}
