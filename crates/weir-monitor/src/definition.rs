//! Definitions of monitors: TOML files of `[[monitors]]`, the bundled seven among them.
//!
//! An entry with a condition defines a monitor. One without changes the monitor of its name that was defined before, so a
//! threshold is moved in two lines. Files are read in order, the bundled ones first; a name that is defined twice is a
//! mistake. All mistakes are reported at once.

mod entry;
mod handling;
mod saying;

use std::collections::BTreeMap;

use serde::Deserialize;
use weir_types::TagKey;
use weir_types::metric::Unit;

use crate::condition::{Composite, Condition, Judged, MonitorRef, Rule, Shape, not_of_this_kind};
use crate::error::MonitorError;
use crate::objective::{self, Slo, SloEntry};
use crate::parse_condition;
use crate::template::{self, Known, Template};

pub use entry::{Amount, Entry, Severity};
pub use handling::{Action, ActionEntry, Handling, NoData};
pub use saying::default_message;

/// The name of the bundled file, for messages.
pub(crate) const BUNDLED_FILE: &str = "monitors/seven.toml";

/// The seven monitors that every LLM production system needs.
pub(crate) const BUNDLED: &str = include_str!("../../../monitors/seven.toml");

/// A monitor.
#[derive(Debug, Clone, PartialEq)]
pub struct Monitor {
    /// Its name: what others call it.
    pub name: String,
    /// Its condition as written.
    pub text: String,
    /// Its condition with changes from outside.
    pub condition: Condition,
    /// How bad it is when the threshold is crossed.
    pub severity: Severity,
    /// What is said then, as it was written or as it is when nothing was.
    pub message_text: String,
    /// The same, to be filled in.
    pub message: Template,
    /// Whether it is evaluated.
    pub is_enabled: bool,
    /// The file that defines it.
    pub file: String,
    /// How it is handled beyond its condition.
    pub handling: Handling,
    /// Its definition as written, with what later entries changed.
    pub entry: Entry,
}

/// The levels of a condition on metrics: from where on it is a warning and from where on an alert.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Levels {
    /// From where on it is a warning.
    pub warning: Option<f64>,
    /// From where on it is an alert.
    pub critical: Option<f64>,
}

impl Monitor {
    /// The levels; `None` for conditions that are not on metrics.
    pub fn levels(&self) -> Option<Levels> {
        let rules = &self.condition.judged.rule()?.rules;
        Some(match self.severity {
            Severity::Warning => Levels {
                warning: Some(rules.threshold.0),
                critical: rules.critical.map(|critical| critical.0),
            },
            Severity::Critical => {
                Levels { warning: rules.warning.map(|warning| warning.0), critical: Some(rules.threshold.0) }
            }
        })
    }
}

/// The entries of one file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Definitions {
    /// The file's name, for messages.
    pub file: String,
    /// Its entries.
    pub entries: Vec<Entry>,
    /// Its service level objectives.
    pub slos: Vec<SloEntry>,
}

impl Definitions {
    /// Reads a file that holds `[[monitors]]`, `[[slos]]` and nothing else.
    pub fn read(file: &str, text: &str) -> Result<Self, MonitorError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            #[serde(default)]
            monitors: Vec<Entry>,
            #[serde(default)]
            slos: Vec<SloEntry>,
        }
        let parsed = toml::from_str::<File>(text);
        let parsed =
            parsed.map_err(|error| MonitorError::File { file: file.to_owned(), message: error.to_string() });
        let File { monitors, slos } = parsed?;
        Ok(Self { file: file.to_owned(), entries: monitors, slos })
    }
}

/// Loads definitions, file by file. The bundled monitors come first. Composites are checked to name monitors that exist,
/// and not themselves.
pub fn load(files: &[Definitions]) -> Result<Vec<Monitor>, Vec<MonitorError>> {
    load_with(files, None)
}

/// As [`load`], with entries over all others: those may change conditions too, because they are no second definition but
/// what somebody wants instead.
pub fn load_with(
    files: &[Definitions],
    over: Option<&Definitions>,
) -> Result<Vec<Monitor>, Vec<MonitorError>> {
    let (slos, mut errors) = objective::read(files.iter().flat_map(|definitions| &definitions.slos));
    let mut entries: Vec<(String, Entry)> = Vec::new();
    let bundled = Definitions::read(BUNDLED_FILE, BUNDLED).map_err(|error| vec![error])?;
    for Definitions { file, entries: written, .. } in std::iter::once(&bundled).chain(files) {
        for entry in written {
            errors.extend(add(&mut entries, file, entry.clone()).err());
        }
    }
    for entry in over.into_iter().flat_map(|over| &over.entries) {
        match entries.iter_mut().find(|(_, known)| known.name == entry.name) {
            Some((_, known)) => known.change(entry.clone()),
            None => errors.extend(add(&mut entries, over.map_or("", |over| &over.file), entry.clone()).err()),
        }
    }
    let mut monitors: Vec<Monitor> = Vec::new();
    for (file, entry) in &entries {
        match monitor(file, entry, Some(&slos)) {
            Ok(monitor) => monitors.push(monitor),
            Err(error) => errors.push(error),
        }
    }
    let names: Vec<&str> = entries.iter().map(|(_, entry)| entry.name.as_str()).collect();
    errors.extend(composite_errors(&monitors, &names));
    if errors.is_empty() { Ok(monitors) } else { Err(errors) }
}

fn add(entries: &mut Vec<(String, Entry)>, file: &str, entry: Entry) -> Result<(), MonitorError> {
    let settings = |message: String| MonitorError::Settings { monitor: entry.name.clone(), message };
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    if entry.name.is_empty() || !entry.name.chars().all(is_word) {
        return Err(settings("a name has letters, digits, `-` and `_` only".to_owned()));
    }
    let known = entries.iter().position(|(_, known)| known.name == entry.name);
    match (known, &entry.condition) {
        (None, Some(_)) => entries.push((file.to_owned(), entry)),
        (Some(at), None) => entries[at].1.change(entry),
        (Some(at), Some(_)) => {
            return Err(settings(format!(
                "it is defined twice, in {} and in {file}; leave the condition out to change it",
                entries[at].0
            )));
        }
        (None, None) => {
            let names = entries.iter().map(|(_, known)| known.name.as_str());
            let hint = weir_query::did_you_mean(&entry.name, names);
            let hint = hint.unwrap_or_else(|| "a new monitor has a condition".to_owned());
            return Err(settings(format!("there is nothing of that name to change; {hint}")));
        }
    }
    Ok(())
}

/// What an entry defines. Without objectives those that it names are taken on trust, and not evaluated.
pub(crate) fn monitor(file: &str, entry: &Entry, slos: Option<&[Slo]>) -> Result<Monitor, MonitorError> {
    let name = || entry.name.clone();
    let text = entry.condition.clone().unwrap_or_default();
    let at = |setting: &'static str, text: &str, error| MonitorError::Condition {
        monitor: name(),
        setting,
        text: text.to_owned(),
        error: Box::new(error),
    };
    let mut condition = parse_condition(&text).map_err(|error| at("condition", &text, error))?;
    if let (Judged::Budget(budget), Some(slos)) = (&mut condition.judged, slos) {
        objective::resolve(budget, slos).map_err(|error| at("condition", &text, error))?;
    }
    for (setting, written) in entry.settings() {
        let changed = match condition.judged.rule_mut() {
            Some(rule) => rule.set(setting, &written),
            None => Err(not_of_this_kind(&written)),
        };
        changed.map_err(|error| at(setting.key(), &written, error))?;
    }
    let severity =
        severity(entry, &condition).map_err(|message| MonitorError::Settings { monitor: name(), message })?;
    let written = entry.message.as_deref().map(str::trim).filter(|message| !message.is_empty());
    let message_text = written.map_or_else(|| default_message(&entry.name, &condition), str::to_owned);
    let message = template::parse(&message_text, &known(&condition))
        .map_err(|message| MonitorError::Message { monitor: name(), message })?;
    let is_grouped = !known(&condition).tags.is_empty();
    let handling = Handling::of(entry, is_grouped)
        .map_err(|message| MonitorError::Settings { monitor: name(), message })?;
    let is_enabled = entry.enabled.unwrap_or(true);
    let (file, entry) = (file.to_owned(), entry.clone());
    let name = name();
    Ok(Monitor { name, text, condition, severity, message_text, message, is_enabled, file, handling, entry })
}

/// How bad the threshold is: where an alert of its own is written it is a warning, and an alert otherwise.
fn severity(entry: &Entry, condition: &Condition) -> Result<Severity, String> {
    let Some(rule) = condition.judged.rule() else {
        return Ok(entry.severity.unwrap_or(Severity::Critical));
    };
    rule.rules.check_order()?;
    check_reach(rule)?;
    let (has_warning, has_critical) = (rule.rules.warning.is_some(), rule.rules.critical.is_some());
    match entry.severity {
        _ if has_warning && has_critical => {
            Err("warning, threshold and critical are three levels, and there are two".to_owned())
        }
        Some(Severity::Warning) if has_warning => {
            Err("the threshold is the warning already; write `critical` for the alert".to_owned())
        }
        Some(Severity::Critical) if has_critical => {
            Err("the threshold is the alert already; write `warning` for what comes before".to_owned())
        }
        Some(severity) => Ok(severity),
        None if has_critical => Ok(Severity::Warning),
        None => Ok(Severity::Critical),
    }
}

/// Refuses burn rates that are never reached: when all is bad the budget burns as fast as it can.
fn check_reach(rule: &Rule) -> Result<(), String> {
    let Some(burn) = rule.burn.filter(|burn| burn.short_us.is_some()) else { return Ok(()) };
    let (fastest, rules) = (burn.of(1.0), &rule.rules);
    let levels = [Some(rules.threshold), rules.warning, rules.critical];
    match levels.into_iter().flatten().find(|level| rules.comparison.is_upward() && level.0 > fastest) {
        Some(level) => Err(format!(
            "a burn rate of {} is never reached: where everything is bad it is {fastest:.1}",
            level.0
        )),
        None => Ok(()),
    }
}

/// What messages of a condition can know.
pub(crate) fn known(condition: &Condition) -> Known {
    let plain = |tags: &[String]| Known {
        value_unit: Unit::None,
        threshold_unit: Unit::None,
        has_band: false,
        has_numbers: true,
        tags: tags.iter().map(|tag| TagKey::new(tag)).collect(),
    };
    match (condition.judged.rule(), &condition.judged) {
        (Some(rule), _) => known_of_rule(rule),
        (None, Judged::Events(query)) => plain(&query.by),
        (None, Judged::Metric(_) | Judged::Budget(_)) => plain(&[]),
        (None, Judged::Composite(_)) => Known { has_numbers: false, ..plain(&[]) },
    }
}

fn known_of_rule(rule: &Rule) -> Known {
    let has_band = matches!(rule.shape, Shape::Anomaly(_));
    let mut tags: Vec<TagKey> = Vec::new();
    for leaf in rule.query.expr().leaves() {
        tags.extend(leaf.by.iter().filter(|key| !tags.contains(key)).cloned().collect::<Vec<_>>());
    }
    Known {
        value_unit: if has_band { rule.query.unit() } else { rule.judged_unit() },
        threshold_unit: rule.judged_unit(),
        has_band,
        has_numbers: true,
        tags,
    }
}

/// The monitors that a composite names.
pub(crate) fn inputs(composite: &Composite) -> Vec<&MonitorRef> {
    match composite {
        Composite::Monitor(monitor) => vec![monitor],
        Composite::Not(inner) => inputs(inner),
        Composite::And(a, b) | Composite::Or(a, b) => [inputs(a), inputs(b)].concat(),
    }
}

/// What is wrong with composites: monitors that do not exist among `names`, and circles.
fn composite_errors(monitors: &[Monitor], names: &[&str]) -> Vec<MonitorError> {
    let mut errors = Vec::new();
    let mut edges: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for monitor in monitors {
        let Judged::Composite(composite) = &monitor.condition.judged else { continue };
        for input in inputs(composite) {
            let unknown =
                |wanted: String, hint| MonitorError::Unknown { monitor: monitor.name.clone(), wanted, hint };
            match input {
                MonitorRef::Name(name) if names.contains(&name.as_str()) => {
                    edges.entry(&monitor.name).or_default().push(name);
                }
                MonitorRef::Name(name) => {
                    errors.push(unknown(
                        format!("@{name}"),
                        weir_query::did_you_mean(name, names.iter().copied()),
                    ));
                }
                MonitorRef::Id(id) => {
                    errors.push(unknown(
                        id.to_string(),
                        Some("ids are Datadog's; name monitors with @".to_owned()),
                    ));
                }
            }
        }
    }
    for start in edges.keys() {
        if let Some(path) = way_back(&edges, start) {
            errors.push(MonitorError::Circle { monitor: (*start).to_owned(), path: path.join(", ") });
        }
    }
    errors
}

/// The monitors on a way from `start` to itself, the shortest first; `None` when there is none.
fn way_back<'a>(edges: &BTreeMap<&'a str, Vec<&'a str>>, start: &'a str) -> Option<Vec<&'a str>> {
    let mut ways: Vec<Vec<&str>> = vec![vec![start]];
    let mut seen: Vec<&str> = Vec::new();
    let mut next = 0;
    while let Some(way) = ways.get(next).cloned() {
        next += 1;
        for to in way.last().and_then(|last| edges.get(last)).into_iter().flatten() {
            if *to == start {
                return Some(way);
            }
            if !seen.contains(to) {
                seen.push(to);
                ways.push([way.clone(), vec![*to]].concat());
            }
        }
    }
    None
}
