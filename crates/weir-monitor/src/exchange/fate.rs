//! What becomes of each option of a monitor on its way between Datadog and Weir: one row for each, in both directions.
//!
//! The tables are code and reference at once: importers and exporters ask them, and [`reference`] prints them for
//! `docs/reference/monitors.md`, which a test compares. A key that definitions gain is one more row; a test fails
//! until it has one.

mod reference;

use serde_json::{Map, Value};

use super::loss::Losses;
use crate::condition::{length_of_text, shown_length};
use crate::definition::{Amount, Entry, NoData};

pub use reference::reference;

/// Takes a value of Datadog's into an entry; `false` when the value is not one that it can take.
type Take = fn(&mut Entry, &Value) -> bool;

/// Puts a value of an entry into the options of a Datadog monitor; `false` when Datadog cannot have it.
type Put = fn(&mut Map<String, Value>, &Value) -> bool;

/// What becomes of an option.
#[derive(Clone, Copy)]
pub(super) enum Fate<F> {
    /// It is kept, as this.
    Kept(&'static str, F),
    /// It is read or written elsewhere, as this.
    Elsewhere(&'static str),
    /// It says nothing about what is watched for.
    Ignored(&'static str),
    /// It is lost: why, and what to do instead.
    Lost(&'static str, &'static str),
}

/// An option of a Datadog monitor.
pub(super) struct FromDatadog {
    /// The option: `name`, or `options.name`.
    pub(super) path: &'static str,
    /// Values that mean the same as leaving it out, as JSON, beside null and empty ones.
    usual: &'static [&'static str],
    fate: Fate<Take>,
}

/// A key of a definition, or a clause of its condition.
pub(super) struct FromWeir {
    pub(super) key: &'static str,
    datadog: Fate<Put>,
    prometheus: Fate<()>,
}

const fn read(path: &'static str, usual: &'static [&'static str], fate: Fate<Take>) -> FromDatadog {
    FromDatadog { path, usual, fate }
}

const fn write(key: &'static str, datadog: Fate<Put>, prometheus: Fate<()>) -> FromWeir {
    FromWeir { key, datadog, prometheus }
}

const NONE: &[&str] = &[];
const OFF: &[&str] = &["false"];
const EITHER: &[&str] = &["true", "false"];
const ZERO: &[&str] = &["0"];

const BOOKKEEPING: Fate<Take> = Fate::Ignored("Datadog's own record of the monitor");
const DISPLAY: Fate<Take> = Fate::Ignored("how notices look, not when they are sent");

/// Every option that Datadog's API documents for monitors.
#[rustfmt::skip] // One row a line, so that the table can be read as one.
pub(super) const FROM_DATADOG: &[FromDatadog] = &[
    read("name", NONE, Fate::Elsewhere("`name`: as a word, the text as a comment")),
    read("type", NONE, Fate::Ignored("the query says it")),
    read("query", NONE, Fate::Elsewhere("`condition`, word for word; ids of a composite as `@names`")),
    read("message", NONE, Fate::Elsewhere("`message`")),
    read("tags", NONE, Fate::Kept("`labels`", tags)),
    read("priority", NONE, Fate::Kept("label `priority`", |entry, value| label(entry, "priority", number(value).map(|number| number.to_string())))),
    read("draft_status", &["\"published\""], Fate::Kept("`enabled = false`", |entry, value| {
        entry.enabled = Some(false);
        value == "draft"
    })),
    read("restricted_roles", NONE, Fate::Lost("who may change a monitor is not part of its definition", "guard the file")),
    read("restriction_policy", NONE, Fate::Lost("who may change a monitor is not part of its definition", "guard the file")),
    read("assets", NONE, Fate::Lost("monitors have no attached runbooks", "put the link into the message")),
    read("id", NONE, Fate::Ignored("composites name monitors by name")),
    read("created", NONE, BOOKKEEPING),
    read("created_at", NONE, BOOKKEEPING),
    read("creator", NONE, BOOKKEEPING),
    read("modified", NONE, BOOKKEEPING),
    read("deleted", NONE, BOOKKEEPING),
    read("org_id", NONE, BOOKKEEPING),
    read("multi", EITHER, BOOKKEEPING),
    read("overall_state", NONE, BOOKKEEPING),
    read("overall_state_modified", NONE, BOOKKEEPING),
    read("state", NONE, BOOKKEEPING),
    read("matching_downtimes", NONE, BOOKKEEPING),
    read("options.thresholds.critical", NONE, Fate::Elsewhere("the number of the condition, which it must equal")),
    read("options.thresholds.warning", NONE, Fate::Kept("`warning`", |entry, value| amount(&mut entry.warning, value))),
    read("options.thresholds.critical_recovery", NONE, Fate::Kept("`recovery`", |entry, value| amount(&mut entry.recovery, value))),
    read("options.thresholds.warning_recovery", NONE, Fate::Lost("there is one recovery, that of the alert", "give warnings a `keep_firing` when they flap")),
    read("options.thresholds.ok", NONE, Fate::Lost("only service checks have it", "")),
    read("options.thresholds.unknown", NONE, Fate::Lost("only service checks have it", "")),
    read("options.threshold_windows.trigger_window", NONE, Fate::Elsewhere("`alert_window` of the query, which it must equal")),
    read("options.threshold_windows.recovery_window", NONE, Fate::Elsewhere("an anomaly recovers over the window that it alerts over; another window is lost")),
    read("options.on_missing_data", &["\"default\""], Fate::Kept("`no_data`: `show`, `notify`, `ok`", no_data)),
    read("options.notify_no_data", OFF, Fate::Kept("`no_data = \"notify\"`", |entry, _| { entry.no_data = Some(NoData::Notify); true })),
    read("options.no_data_timeframe", NONE, Fate::Kept("`no_data_for`, where `no_data` is kept", |entry, value| length(&mut entry.no_data_for, value, 60.0))),
    read("options.renotify_interval", ZERO, Fate::Kept("`renotify`", |entry, value| length(&mut entry.renotify, value, 60.0))),
    read("options.renotify_occurrences", ZERO, Fate::Kept("`renotify_max`", |entry, value| { entry.renotify_max = whole(value); entry.renotify_max.is_some() })),
    read("options.renotify_statuses", NONE, Fate::Lost("whatever is not well is told again", "let routes of the receiver choose")),
    read("options.escalation_message", NONE, Fate::Lost("repeats say the message", "put it into the message")),
    read("options.evaluation_delay", ZERO, Fate::Kept("`evaluation_delay`", |entry, value| length(&mut entry.evaluation_delay, value, 1.0))),
    read("options.new_group_delay", &["60"], Fate::Kept("`new_group_delay`", |entry, value| length(&mut entry.new_group_delay, value, 1.0))),
    read("options.new_host_delay", &["0", "300"], Fate::Lost("Datadog has replaced it", "use `new_group_delay`")),
    read("options.require_full_window", NONE, Fate::Kept("`require_full_window`", |entry, value| { entry.require_full_window = value.as_bool(); value.is_boolean() })),
    read("options.timeout_h", ZERO, Fate::Lost("an alert ends when values are good again, not after a time", "")),
    read("options.group_retention_duration", NONE, Fate::Kept("`group_retention`", |entry, value| text(&mut entry.group_retention, value))),
    read("options.notify_by", NONE, Fate::Lost("every group of `by` is notified on its own", "group the query by fewer tags")),
    read("options.groupby_simple_monitor", OFF, Fate::Lost("every group of `by` is notified on its own", "leave `by` out")),
    read("options.scheduling_options.evaluation_window.timezone", &["\"UTC\""], Fate::Kept("`tz`", |entry, value| text(&mut entry.tz, value))),
    read("options.scheduling_options.evaluation_window.day_starts", &["\"00:00\""], Fate::Lost("days start at midnight", "")),
    read("options.scheduling_options.evaluation_window.hour_starts", ZERO, Fate::Lost("hours start at minute 0", "")),
    read("options.scheduling_options.evaluation_window.month_starts", &["1"], Fate::Lost("months start on the first", "")),
    read("options.scheduling_options.custom_schedule", NONE, Fate::Lost("monitors have an interval and no calendar", "see `every`")),
    read("options.variables", NONE, Fate::Lost("queries are not put together from variables", "write one condition of metrics")),
    read("options.silenced", NONE, Fate::Lost("a mute is not part of a definition", "leave it out with `enabled = false`")),
    read("options.notification_preset_name", &["\"show_all\""], DISPLAY),
    read("options.include_tags", EITHER, DISPLAY),
    read("options.enable_logs_sample", EITHER, DISPLAY),
    read("options.enable_samples", EITHER, DISPLAY),
    read("options.notify_audit", OFF, Fate::Lost("changes of definitions are not notified", "watch the repository of the file")),
    read("options.locked", EITHER, BOOKKEEPING),
    read("options.min_location_failed", NONE, Fate::Lost("only synthetic tests have it", "")),
    read("options.min_failure_duration", ZERO, Fate::Lost("only synthetic tests have it", "")),
    read("options.synthetics_check_id", NONE, Fate::Lost("only synthetic tests have it", "")),
    read("options.device_ids", NONE, Fate::Lost("only synthetic tests have it", "")),
    read("options.aggregation", NONE, BOOKKEEPING),
    read("options.avalanche_window", NONE, BOOKKEEPING),
    read("options.queryConfig", NONE, BOOKKEEPING),
];

/// Every key of a definition and every clause of a condition.
#[rustfmt::skip] // As above.
pub(super) const FROM_WEIR: &[FromWeir] = &[
    write("name", Fate::Elsewhere("`name`"), Fate::Elsewhere("`alert`")),
    write("condition", Fate::Elsewhere("`query`"), Fate::Elsewhere("`expr`")),
    write("severity", Fate::Elsewhere("`thresholds`; a warning without an alert becomes an alert"), Fate::Elsewhere("label `severity`")),
    write("message", Fate::Elsewhere("`message`"), Fate::Elsewhere("annotation `description`")),
    write("enabled", Fate::Elsewhere("left out when `false`"), Fate::Elsewhere("left out when `false`")),
    write("threshold", Fate::Elsewhere("the number of the query, and `thresholds`"), Fate::Elsewhere("the number of `expr`")),
    write("warning", Fate::Elsewhere("`thresholds.warning`"), Fate::Elsewhere("a rule of its own")),
    write("critical", Fate::Elsewhere("`thresholds.critical`"), Fate::Elsewhere("a rule of its own")),
    write("recovery", Fate::Elsewhere("`thresholds.critical_recovery`"), Fate::Lost("rules have no recovery threshold", "`keep_firing` becomes `keep_firing_for`")),
    write("for", Fate::Lost("an alert starts with the first evaluation that crosses the threshold", "lengthen the window, or aggregate it with min"), Fate::Elsewhere("`for`")),
    write("keep_firing", Fate::Lost("an alert ends with the first evaluation that is good", "set a recovery threshold"), Fate::Elsewhere("`keep_firing_for`")),
    write("every", Fate::Lost("how often a monitor is evaluated follows from its window", ""), Fate::Elsewhere("`interval` of a group of its own")),
    write("min_samples", Fate::Lost("it judges however few values there are", "join it with a monitor on the number of values in a composite"), Fate::Elsewhere("`and` the number of values, where a metric has one; else lost")),
    write("tz", Fate::Elsewhere("`timezone` of anomalies and of `scheduling_options`; else lost"), Fate::Lost("PromQL knows UTC only", "")),
    write("no_data", Fate::Kept("`on_missing_data`; `zero` and `last` are its `default`, for totals and for all else", |options, value| {
        let word = match value.as_str() {
            Some("notify") => "show_and_notify_no_data",
            Some("show") => "show_no_data",
            Some("ok") => "resolve",
            _ => "default",
        };
        options.insert("on_missing_data".to_owned(), word.into());
        true
    }), Fate::Lost("a rule is silent without data", "add a rule with `absent(…)`")),
    write("no_data_for", Fate::Lost("Datadog chooses the time", ""), Fate::Lost("a rule is silent without data", "add `for` to a rule with `absent(…)`")),
    write("new_group_delay", Fate::Kept("`new_group_delay`", |options, value| seconds(options, "new_group_delay", value, 1)), Fate::Lost("new series are judged at once", "use `for`")),
    write("group_retention", Fate::Kept("`group_retention_duration`", |options, value| {
        options.insert("group_retention_duration".to_owned(), value.clone());
        true
    }), Fate::Lost("series end five minutes after their last value", "")),
    write("max_groups", Fate::Lost("Datadog limits groups itself", ""), Fate::Lost("`limit` of a group fails its rules", "aggregate by fewer labels")),
    write("renotify", Fate::Kept("`renotify_interval`", |options, value| seconds(options, "renotify_interval", value, 60)), Fate::Lost("rules do not repeat", "set `repeat_interval` of Alertmanager's route")),
    write("renotify_max", Fate::Kept("`renotify_occurrences`", |options, value| {
        options.insert("renotify_occurrences".to_owned(), value.clone());
        true
    }), Fate::Lost("rules do not repeat", "")),
    write("evaluation_delay", Fate::Kept("`evaluation_delay`", |options, value| seconds(options, "evaluation_delay", value, 1)), Fate::Lost("it is a setting of a group of rules", "set `query_offset` of the group")),
    write("confidence", Fate::Lost("it compares values as they are", "lengthen the window"), Fate::Lost("it compares values as they are", "lengthen the window")),
    write("budget", Fate::Lost("its bands keep to no number of alerts", "widen `bounds`"), Fate::Lost("its rules have no bands", "")),
    write("require_full_window", Fate::Kept("`require_full_window`", |options, value| {
        options.insert("require_full_window".to_owned(), value.clone());
        true
    }), Fate::Lost("a window that has begun to fill is judged", "")),
    write("notify", Fate::Elsewhere("`@name` in the message"), Fate::Lost("who is notified is a matter of Alertmanager", "write a route")),
    write("labels", Fate::Elsewhere("`tags`; a label `priority` of 1 to 5 is `priority`"), Fate::Elsewhere("`labels`")),
    write("action", Fate::Lost("Datadog does not act on the gateway", "keep the monitor in Weir too"), Fate::Lost("Prometheus does not act on the gateway", "keep the monitor in Weir too")),
    write("offset", Fate::Elsewhere("`evaluation_delay`"), Fate::Elsewhere("`offset`")),
];

/// `["team:web"]` as labels; a tag without a colon has no counterpart.
fn tags(entry: &mut Entry, value: &Value) -> bool {
    let list: Vec<&str> = value.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut is_whole = !list.is_empty();
    for tag in list {
        let pair = tag.split_once(':').filter(|(key, value)| !key.is_empty() && !value.is_empty());
        is_whole &= pair.is_some_and(|(key, value)| label(entry, key, Some(value.to_owned())));
    }
    is_whole
}

/// Gives an entry a label; `false` when it has another of that name, or there is no value.
pub(super) fn label(entry: &mut Entry, key: &str, value: Option<String>) -> bool {
    let Some(value) = value else { return false };
    let labels = entry.labels.get_or_insert_default();
    labels.get(key).is_none_or(|known| *known == value) && {
        labels.insert(key.to_owned(), value);
        true
    }
}

fn no_data(entry: &mut Entry, value: &Value) -> bool {
    entry.no_data = match value.as_str() {
        Some("show_no_data") => Some(NoData::Show),
        Some("show_and_notify_no_data") => Some(NoData::Notify),
        Some("resolve") => Some(NoData::Ok),
        _ => None,
    };
    entry.no_data.is_some()
}

fn whole(value: &Value) -> Option<u32> {
    let number = number(value).filter(|number| number.fract() == 0.0 && (0.0..=1e9).contains(number))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and in range")]
    Some(number as u32)
}

/// A number of times `unit` seconds as a length of time.
fn length(place: &mut Option<String>, value: &Value, unit_seconds: f64) -> bool {
    #[expect(clippy::cast_possible_truncation, reason = "a year is less than what an i64 holds")]
    let us = number(value)
        .map(|number| number * unit_seconds)
        .filter(|seconds| (0.0..=31_536_000.0).contains(seconds))
        .map(|seconds| (seconds.round() as i64) * 1_000_000);
    *place = us.map(|us| if us == 0 { "0s".to_owned() } else { shown_length(us) });
    place.is_some()
}

/// Puts a length of time into an option, in units of so many seconds.
fn seconds(options: &mut Map<String, Value>, name: &str, value: &Value, unit_seconds: i64) -> bool {
    let text = value.as_str().unwrap_or_default();
    let us = if text.trim_start_matches('0').chars().all(|c| "smh".contains(c)) {
        Some(0)
    } else {
        length_of_text(text)
    };
    let Some(us) = us.filter(|us| us % (unit_seconds * 1_000_000) == 0) else { return false };
    options.insert(name.to_owned(), Value::from(us / 1_000_000 / unit_seconds));
    true
}

fn amount(place: &mut Option<Amount>, value: &Value) -> bool {
    *place = number(value).map(Amount::Number);
    place.is_some()
}

fn text(place: &mut Option<String>, value: &Value) -> bool {
    *place = value.as_str().map(str::to_owned);
    place.is_some()
}

/// A number, which Terraform writes as a text.
pub(super) fn number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    number.filter(|number| number.is_finite())
}

/// A number as JSON has it: whole ones without a point.
#[expect(clippy::cast_possible_truncation, reason = "whole and small enough, checked just before")]
pub(super) fn json_number(number: f64) -> Value {
    const WHOLE_MAX: f64 = 9e15;
    if number.fract() == 0.0 && number.abs() < WHOLE_MAX {
        Value::from(number as i64)
    } else {
        Value::from(number)
    }
}

/// Takes every option of a Datadog monitor as the table says, and notes what is lost.
pub(super) fn take(entry: &mut Entry, monitor: &Value, losses: &mut Losses) {
    let mut leaves = Vec::new();
    flatten(monitor, String::new(), 0, &mut leaves);
    for (path, value) in leaves {
        let Some(row) = FROM_DATADOG.iter().find(|row| row.path == path) else {
            if !is_empty(value) {
                losses.add(shown(&path, value), "this option is not known here", "");
            }
            continue;
        };
        let is_usual = is_empty(value) || row.usual.contains(&value.to_string().as_str());
        match row.fate {
            Fate::Elsewhere(_) | Fate::Ignored(_) => {}
            _ if is_usual => {}
            Fate::Kept(as_key, take) => {
                if !take(entry, value) {
                    losses.add(shown(&path, value), format!("no value that {as_key} takes"), "");
                }
            }
            Fate::Lost(why, instead) => losses.add(shown(&path, value), why, instead),
        }
    }
    // The time says nothing where missing data does not matter.
    if entry.no_data.is_none() {
        entry.no_data_for = None;
    }
}

/// Puts what an entry says into the options of a Datadog monitor, and notes what is lost. `written` are its keys and the
/// clauses of its condition.
pub(super) fn put(options: &mut Map<String, Value>, written: &Map<String, Value>, losses: &mut Losses) {
    for (key, value) in written {
        let row = FROM_WEIR.iter().find(|row| row.key == key);
        match row.map(|row| row.datadog) {
            Some(Fate::Kept(_, put)) if put(options, value) => {}
            Some(Fate::Elsewhere(_) | Fate::Ignored(_)) => {}
            Some(Fate::Lost(why, instead)) => losses.add(shown(key, value), why, instead),
            Some(Fate::Kept(as_option, _)) => {
                losses.add(shown(key, value), format!("no value that {as_option} takes"), "");
            }
            None => losses.add(shown(key, value), "Datadog's monitors have no such option", ""),
        }
    }
}

/// Notes what rules of Prometheus have no place for.
pub(super) fn lost_to_prometheus(written: &Map<String, Value>, losses: &mut Losses) {
    for (key, value) in written {
        match FROM_WEIR.iter().find(|row| row.key == key).map(|row| row.prometheus) {
            Some(Fate::Lost(why, instead)) => losses.add(shown(key, value), why, instead),
            Some(_) => {}
            None => losses.add(shown(key, value), "rules of Prometheus have no such key", ""),
        }
    }
}

/// The values of a monitor that are no objects, each with its path. Objects that are not taken apart are values too.
fn flatten<'a>(value: &'a Value, path: String, depth: usize, leaves: &mut Vec<(String, &'a Value)>) {
    const DEPTH_MAX: usize = 4;
    let has_parts = |path: &str| FROM_DATADOG.iter().any(|row| row.path.starts_with(&format!("{path}.")));
    match value {
        Value::Object(fields) if depth < DEPTH_MAX && (depth == 0 || has_parts(&path)) => {
            for (name, field) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(field, path, depth + 1, leaves);
            }
        }
        _ => leaves.push((path, value)),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// An option and its value, for the list; long values are cut.
pub(super) fn shown(path: &str, value: &Value) -> String {
    const CHARS_MAX: usize = 80;
    let name = path.strip_prefix("options.").unwrap_or(path);
    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut = if value.chars().count() > CHARS_MAX { "…" } else { "" };
    format!("{name} {}{cut}", value.chars().take(CHARS_MAX).collect::<String>())
}
