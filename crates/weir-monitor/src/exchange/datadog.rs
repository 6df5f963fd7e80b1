//! Datadog's monitors: one reading of them for the JSON of the API and for Terraform, and the same monitor written.
//!
//! A query that is Datadog's comes through word for word. Conditions in Weir's form are printed from their tree in
//! Datadog's spelling (`query`). `thresholds.critical` is the number of the query, or Datadog refuses the monitor.

mod query;
mod write;

use std::collections::HashMap;

use serde_json::Value;

use super::fate;
use super::loss::Losses;
use super::name::Names;
use super::{Imported, message};
use crate::condition::{Judged, MonitorRef, Rule, Shape, length_of_text};
use crate::definition::{self, Entry, Monitor, inputs};
use crate::error::MonitorError;
use crate::parse_condition;

/// A condition printed from its tree; see `query`.
pub(super) fn printed(text: &str, rule: &Rule, critical: f64, losses: &mut Losses) -> Result<String, String> {
    query::printed(text, rule, critical, losses).map(|spelled| spelled.text)
}

pub(super) use write::{Written, said, written};

/// Monitors of one file; Datadog's own limit for an organisation is lower.
const MONITORS_MAX: usize = 20_000;

/// A monitor as Datadog's API shapes it, and where it stood.
pub(super) struct Raw {
    pub(super) json: Value,
    pub(super) origin: String,
}

/// Reads a monitor, a list of them, or `{"monitors": […]}`.
pub(super) fn import(text: &str, losses: &mut Losses) -> Result<Vec<Imported>, String> {
    let json: Value = serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    let list = match json {
        Value::Array(list) => list,
        Value::Object(mut fields) => match fields.remove("monitors") {
            Some(Value::Array(list)) => list,
            None if fields.contains_key("query") => vec![Value::Object(fields)],
            _ => {
                return Err(
                    "it holds no monitor: one has a `query`, several are a list or `monitors`".to_owned()
                );
            }
        },
        _ => return Err("it holds no monitors".to_owned()),
    };
    let raws = list.into_iter().map(|json| {
        let id = json.get("id").filter(|id| id.is_u64()).map(|id| format!(" (Datadog monitor {id})"));
        let title = json.get("name").and_then(Value::as_str).unwrap_or("a monitor without a name");
        Raw { origin: format!("{title}{}", id.unwrap_or_default()), json }
    });
    import_raw(raws.collect(), losses)
}

/// Reads monitors that have the API's shape.
pub(super) fn import_raw(raws: Vec<Raw>, losses: &mut Losses) -> Result<Vec<Imported>, String> {
    if raws.len() > MONITORS_MAX {
        return Err(format!("it holds {} monitors; the most is {MONITORS_MAX}", raws.len()));
    }
    let mut names = Names::new();
    let named: Vec<(String, Raw)> = raws
        .into_iter()
        .map(|raw| (names.give(raw.json.get("name").and_then(Value::as_str).unwrap_or_default()), raw))
        .collect();
    let by_id: HashMap<u64, String> =
        named.iter().filter_map(|(name, raw)| Some((id(&raw.json)?, name.clone()))).collect();
    let mut monitors = Vec::new();
    for (name, raw) in &named {
        losses.of(name);
        match entry(name, &raw.json, &by_id, losses) {
            Ok(entry) => monitors.push(Imported { entry, origin: raw.origin.clone() }),
            Err(refusal) => {
                losses.of(&raw.origin);
                losses.add("the monitor is not imported", refusal.why, refusal.instead);
            }
        }
    }
    Ok(without_loose_ends(monitors, losses))
}

/// Ids are numbers in the API and texts in Terraform.
fn id(json: &Value) -> Option<u64> {
    let id = json.get("id")?;
    id.as_u64().or_else(|| id.as_str()?.parse().ok())
}

/// Why a monitor is not imported.
struct Refusal {
    why: String,
    instead: String,
}

impl Refusal {
    fn new(why: impl Into<String>, instead: impl Into<String>) -> Self {
        Self { why: why.into(), instead: instead.into() }
    }
}

fn entry(
    name: &str,
    json: &Value,
    by_id: &HashMap<u64, String>,
    losses: &mut Losses,
) -> Result<Entry, Refusal> {
    let Some(query) =
        json.get("query").and_then(Value::as_str).map(str::trim).filter(|query| !query.is_empty())
    else {
        return Err(Refusal::new(
            "it has no query",
            "of a Terraform plan import the state after it was applied: queries of composites are known then",
        ));
    };
    let condition = parse_condition(query)
        .map_err(|error| Refusal::new(error.render(query), "write it in Weir's form, and see the hint"))?;
    let mut entry = Entry { name: name.to_owned(), condition: Some(query.to_owned()), ..Entry::default() };
    if let Judged::Composite(composite) = &condition.judged {
        entry.condition = Some(with_names(query, &inputs(composite), by_id)?);
    }
    fate::take(&mut entry, json, losses);
    check_numbers(&mut entry, json, &condition.judged, losses);
    let written = json.get("message").and_then(Value::as_str).unwrap_or_default();
    entry.message = Some(message::from_datadog(written, name, &condition, losses));
    // The last word is that of the loader: what is imported loads.
    match definition::monitor("", &entry, None) {
        Ok(_) => Ok(entry),
        Err(MonitorError::Settings { message, .. }) => {
            Err(Refusal::new(message, "set the thresholds in order"))
        }
        Err(error) => Err(Refusal::new(error.to_string(), "")),
    }
}

/// A composite with names for ids.
fn with_names(query: &str, inputs: &[&MonitorRef], by_id: &HashMap<u64, String>) -> Result<String, Refusal> {
    for input in inputs {
        if let MonitorRef::Id(id) = input
            && !by_id.contains_key(id)
        {
            return Err(Refusal::new(
                format!("it needs the monitor {id}, which the file does not hold"),
                "export all of its monitors together",
            ));
        }
    }
    let mut text = String::new();
    let mut rest = query;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let digits = rest[at..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - at);
        let number = &rest[at..at + digits];
        text.push_str(&rest[..at]);
        match number.parse().ok().and_then(|id: u64| by_id.get(&id)) {
            Some(name) => {
                text.push('@');
                text.push_str(name);
            }
            None => text.push_str(number),
        }
        rest = &rest[at + digits..];
    }
    Ok(text + rest)
}

/// Numbers that must be those of the query, and settings that only some kinds of conditions have.
fn check_numbers(entry: &mut Entry, json: &Value, judged: &Judged, losses: &mut Losses) {
    let option = |path: &str| json.pointer(path).filter(|value| !value.is_null());
    let own = judged.compared().map(|(_, number)| number);
    let critical = option("/options/thresholds/critical");
    if let (Some(own), Some(critical)) = (own, critical)
        && fate::number(critical).is_none_or(|critical| critical.total_cmp(&own).is_ne())
    {
        losses.add(
            fate::shown("thresholds.critical", critical),
            format!("it is not the number of the query, {own}, which counts"),
            "Datadog itself refuses such a monitor",
        );
    }
    if let Some(rule) = judged.rule() {
        if let Shape::Anomaly(anomaly) = &rule.shape {
            for (name, why, instead) in [
                (
                    "trigger_window",
                    "it is not the alert_window of the query, which counts",
                    "Datadog itself refuses such a monitor",
                ),
                (
                    "recovery_window",
                    "an anomaly recovers over the window that it alerts over",
                    "use `keep_firing`",
                ),
            ] {
                let Some(window) = option(&format!("/options/threshold_windows/{name}")) else { continue };
                let us = window.as_str().and_then(|text| length_of_text(text.strip_prefix("last_")?));
                if us != Some(anomaly.alert_window_us.value) {
                    losses.add(fate::shown(name, window), why, instead);
                }
            }
        }
        return;
    }
    for (key, place) in [("warning", &mut entry.warning), ("recovery", &mut entry.recovery)] {
        if place.take().is_some() {
            losses.add(
                format!("thresholds.{key}"),
                "only conditions on metrics have a second level",
                "write a second monitor",
            );
        }
    }
    entry.tz = None;
}

/// Composites whose monitors were not imported are not imported either.
fn without_loose_ends(mut monitors: Vec<Imported>, losses: &mut Losses) -> Vec<Imported> {
    loop {
        let names: Vec<String> = monitors.iter().map(|imported| imported.entry.name.clone()).collect();
        let missing = |entry: &Entry| -> Option<String> {
            let condition = parse_condition(entry.condition.as_deref()?).ok()?;
            let Judged::Composite(composite) = condition.judged else { return None };
            inputs(&composite).into_iter().find_map(|input| match input {
                MonitorRef::Name(name) if !names.contains(name) => Some(name.clone()),
                _ => None,
            })
        };
        let Some((at, wanted)) =
            monitors.iter().enumerate().find_map(|(at, imported)| Some((at, missing(&imported.entry)?)))
        else {
            return monitors;
        };
        let gone = monitors.remove(at);
        losses.of(&gone.origin);
        losses.add(
            "the monitor is not imported",
            format!("it needs {wanted}, which could not be imported"),
            "write that one by hand, and this one after it",
        );
    }
}

/// The monitors as the API takes them, one after another in a list.
pub(super) fn export(monitors: &[Monitor], losses: &mut Losses) -> String {
    let list: Vec<Value> = monitors
        .iter()
        .filter_map(|monitor| {
            let written = written(monitor, losses)?;
            if matches!(monitor.condition.judged, Judged::Composite(_)) {
                losses.add(
                    "the monitors that it names",
                    "Datadog gives monitors ids, which are not known before they exist",
                    "create the others first, and write their ids for the @names; or use the export for Terraform",
                );
            }
            Some(written.json())
        })
        .collect();
    // Values of JSON print without failing.
    serde_json::to_string_pretty(&list).unwrap_or_default() + "\n"
}
