//! What is not well, in the words of Prometheus: labels, annotations, firing or pending. `/metrics` and the routes that
//! Grafana and `amtool` know are made from it.

use std::fmt::Write as _;

use weir_types::{AlertState, GroupStatus, MonitorStatus, Monitors, TagKey, UnixMicros};

use crate::hush::{Hush, labels_of};
use crate::wire::{GroupItem, Labels};

/// Alerts on `/metrics`: more series of alerts than this are a failure of the monitors, and shall not become one of the
/// scraper. What is left out is counted.
const EXPOSED_MAX: usize = 10_000;

/// A group that is not well, or is about to be.
pub(crate) struct Standing {
    /// Its monitor.
    pub monitor: MonitorStatus,
    /// What the API shows of it.
    pub group: GroupItem,
    /// Since when, or since when it would be.
    pub since: UnixMicros,
    /// `alertname`, `severity`, the group's tags and the monitor's labels.
    pub labels: Labels,
    /// Whether it is so; it is about to be otherwise.
    pub is_firing: bool,
}

impl Standing {
    /// Everything that is not well or about to be.
    pub fn all(monitors: &dyn Monitors, hush: &Hush) -> Vec<Self> {
        Self::among(&monitors.list(), monitors, hush)
    }

    /// The same of monitors that were listed.
    pub fn among(listed: &[MonitorStatus], monitors: &dyn Monitors, hush: &Hush) -> Vec<Self> {
        let of_monitor = |monitor: &MonitorStatus| -> Vec<Self> {
            // A monitor that was removed between the two questions has no alerts.
            let groups = monitors.groups(&monitor.name).unwrap_or_default();
            groups.iter().filter_map(|group| Self::of(monitor, group, hush)).collect()
        };
        listed.iter().flat_map(of_monitor).collect()
    }

    fn of(monitor: &MonitorStatus, status: &GroupStatus, hush: &Hush) -> Option<Self> {
        let (state, since) = match (status.state, status.pending) {
            (AlertState::Ok, Some((AlertState::Ok, _)) | None) => return None,
            (AlertState::Ok, Some(pending)) => pending,
            (state, _) => (state, status.since),
        };
        let mut labels = rule_labels(monitor, severity(state));
        labels.insert("alertname".to_owned(), monitor.name.to_string());
        labels.extend(status.group.iter().map(|(key, value)| (label_name(key), value.to_string())));
        Some(Self {
            monitor: monitor.clone(),
            group: hush.group(monitor, status),
            since,
            labels,
            is_firing: status.state != AlertState::Ok,
        })
    }

    /// `firing` or `pending`.
    pub fn state(&self) -> &'static str {
        if self.is_firing { "firing" } else { "pending" }
    }

    /// What is said to it.
    pub fn annotations(&self) -> Labels {
        let mut annotations = Labels::from([("condition".to_owned(), self.monitor.condition.to_string())]);
        let mut add = |name: &str, text: String| {
            if !text.is_empty() {
                annotations.insert(name.to_owned(), text);
            }
        };
        add("summary", self.group.message.clone());
        add("trace_ids", self.group.exemplars.join(" "));
        annotations
    }
}

/// The labels of all alerts of a monitor, but for its name.
pub(crate) fn rule_labels(monitor: &MonitorStatus, severity: &str) -> Labels {
    let written = labels_of(monitor);
    let mut labels: Labels =
        written.iter().map(|(key, value)| (label_name(key), value.to_string())).collect();
    labels.insert("severity".to_owned(), severity.to_owned());
    labels
}

fn severity(state: AlertState) -> &'static str {
    match state {
        AlertState::Alert => "critical",
        AlertState::Warn => "warning",
        AlertState::NoData => "no_data",
        AlertState::Ok => "none",
    }
}

/// The name of a tag as a label: Prometheus knows letters, digits and `_` only.
fn label_name(key: &TagKey) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = key.as_str().chars().map(plain).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// The lines of `/metrics` that Prometheus itself would write for its own alerts.
pub(crate) fn exposed(standing: &[Standing], monitors: &[MonitorStatus]) -> String {
    let mut text = String::new();
    let shown = standing.get(..EXPOSED_MAX).unwrap_or(standing);
    // Writing to a string cannot fail.
    let _ = writeln!(text, "# HELP ALERTS Groups of monitors that are not well, or about to be.");
    let _ = writeln!(text, "# TYPE ALERTS gauge");
    for one in shown {
        let labels = labelled(one, Some(one.state()));
        let _ = writeln!(text, "ALERTS{{{labels}}} 1");
    }
    let _ = writeln!(text, "# HELP ALERTS_FOR_STATE Since when, in Unix seconds.");
    let _ = writeln!(text, "# TYPE ALERTS_FOR_STATE gauge");
    for one in shown {
        let labels = labelled(one, None);
        let _ = writeln!(text, "ALERTS_FOR_STATE{{{labels}}} {}", one.since.as_millis() / 1_000);
    }
    let _ = writeln!(text, "# HELP weir_alerts_left_out Alerts over the number that is exposed.");
    let _ = writeln!(text, "# TYPE weir_alerts_left_out gauge");
    let _ = writeln!(text, "weir_alerts_left_out {}", standing.len() - shown.len());
    let name = "weir_monitor_late_values_total";
    let _ = writeln!(text, "# HELP {name} Values that came after a monitor had judged their minute.");
    let _ = writeln!(text, "# TYPE {name} counter");
    for monitor in monitors {
        let _ = writeln!(text, "{name}{{monitor=\"{}\"}} {}", escaped(&monitor.name), monitor.late_values);
    }
    text
}

fn labelled(one: &Standing, state: Option<&str>) -> String {
    let state = state.map(|state| ("alertstate".to_owned(), state.to_owned()));
    let pairs = one.labels.clone().into_iter().chain(state).collect::<Labels>();
    let written = pairs.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
    written.collect::<Vec<_>>().join(",")
}

/// A value as Prometheus' text format quotes it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
