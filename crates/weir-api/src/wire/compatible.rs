//! Alerts and rules as Alertmanager and Prometheus write them, so that Grafana and `amtool` show Weir's monitors. Names and
//! cases are theirs; fields that Weir has nothing to say about are as they leave them when empty.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Labels or annotations by name.
pub type Labels = BTreeMap<String, String>;

/// An alert as Alertmanager's second API writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedAlert {
    /// What is said to it.
    pub annotations: Labels,
    /// Until when it is taken to be so, RFC 3339: five minutes from now, as Prometheus says while an alert goes on.
    pub ends_at: String,
    /// Its id.
    pub fingerprint: String,
    /// Who is told.
    pub receivers: Vec<ManagedReceiver>,
    /// Since when, RFC 3339.
    pub starts_at: String,
    /// Whether people are told.
    pub status: ManagedStatus,
    /// When it was judged last, RFC 3339.
    pub updated_at: String,
    /// Where the dashboard shows it.
    #[serde(rename = "generatorURL")]
    pub generator_url: String,
    /// `alertname`, `severity`, the group's tags and the monitor's labels.
    pub labels: Labels,
}

/// A receiver by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ManagedReceiver {
    /// The name.
    pub name: String,
}

/// Whether people are told of an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedStatus {
    /// Always empty: which alerts inhibit one is known when notifications are made.
    pub inhibited_by: Vec<String>,
    /// The silences that it is under.
    pub silenced_by: Vec<String>,
    /// As `silencedBy`, for those that recur.
    pub muted_by: Vec<String>,
    /// `active` or `suppressed`.
    pub state: String,
}

/// Alerts with the same name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ManagedGroup {
    /// The alerts.
    pub alerts: Vec<ManagedAlert>,
    /// `alertname`.
    pub labels: Labels,
    /// Who is told.
    pub receiver: ManagedReceiver,
}

/// A silence as Alertmanager's second API writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedSilence {
    /// Its id.
    pub id: String,
    /// Whether it is in force.
    pub status: ManagedSilenceState,
    /// Why: the note, and the scope where matchers cannot say it.
    pub comment: String,
    /// Who made it.
    pub created_by: String,
    /// Until when, RFC 3339.
    pub ends_at: String,
    /// Which alerts: the parts of the scope that matchers can say.
    pub matchers: Vec<ManagedMatcher>,
    /// From when, RFC 3339.
    pub starts_at: String,
    /// When it was made, RFC 3339.
    pub updated_at: String,
}

/// Whether a silence is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ManagedSilenceState {
    /// `active`, `pending` or `expired`.
    pub state: String,
}

/// A condition on one label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedMatcher {
    /// Whether the label shall have the value.
    pub is_equal: bool,
    /// Whether the value is a regular expression.
    pub is_regex: bool,
    /// The label.
    pub name: String,
    /// The value.
    pub value: String,
}

/// How Weir is doing, as Alertmanager says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedServer {
    /// There is none.
    pub cluster: ManagedCluster,
    /// Empty: Weir's configuration is not Alertmanager's.
    pub config: ManagedConfig,
    /// When Weir started, RFC 3339.
    pub uptime: String,
    /// What runs.
    pub version_info: VersionInfo,
}

/// That there is no cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ManagedCluster {
    /// `disabled`.
    pub status: String,
    /// None.
    pub peers: Vec<String>,
}

/// A configuration as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ManagedConfig {
    /// The text.
    pub original: String,
}

/// What runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionInfo {
    /// Weir's version.
    pub version: String,
    /// `weir`.
    pub branch: String,
    /// Empty.
    pub revision: String,
    /// Empty.
    pub build_date: String,
    /// Empty.
    pub build_user: String,
    /// Empty: Weir is not written in Go.
    pub go_version: String,
}

/// An answer of Prometheus' first API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RulesAnswer {
    /// `success`.
    pub status: String,
    /// The rules.
    pub data: RuleGroups,
}

/// Groups of rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RuleGroups {
    /// One for each place where monitors are defined.
    pub groups: Vec<RuleGroup>,
}

/// The monitors of one place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleGroup {
    /// Where they are defined.
    pub name: String,
    /// The same.
    pub file: String,
    /// The monitors.
    pub rules: Vec<RuleItem>,
    /// Seconds between two evaluations.
    pub interval: f64,
    /// Always 0: the time is not counted by place.
    pub limit: u64,
    /// Always 0.
    pub evaluation_time: f64,
    /// The last tick, RFC 3339.
    pub last_evaluation: String,
}

/// A monitor as an alerting rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleItem {
    /// `firing`, `pending` or `inactive`.
    pub state: String,
    /// The monitor.
    pub name: String,
    /// Its condition.
    pub query: String,
    /// Seconds that a worse state must hold.
    pub duration: f64,
    /// Seconds that a better state must hold.
    pub keep_firing_for: f64,
    /// `severity` and the monitor's labels.
    pub labels: Labels,
    /// The message as it was written.
    pub annotations: Labels,
    /// The groups that are not well.
    pub alerts: Vec<RuleAlert>,
    /// `ok`, `err` or `unknown`.
    pub health: String,
    /// Why it could not be evaluated; empty when it could.
    pub last_error: String,
    /// Always 0.
    pub evaluation_time: f64,
    /// The last tick, RFC 3339.
    pub last_evaluation: String,
    /// `alerting`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// A group that is not well, as Prometheus writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleAlert {
    /// As those of [`ManagedAlert`].
    pub labels: Labels,
    /// What is said to it.
    pub annotations: Labels,
    /// `firing` or `pending`.
    pub state: String,
    /// Since when, RFC 3339.
    pub active_at: String,
    /// The value, as text.
    pub value: String,
}

/// An answer of Prometheus' first API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RuleAlertsAnswer {
    /// `success`.
    pub status: String,
    /// The alerts.
    pub data: RuleAlerts,
}

/// What is not well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RuleAlerts {
    /// The alerts.
    pub alerts: Vec<RuleAlert>,
}

/// An answer of Prometheus' first API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BuildAnswer {
    /// `success`.
    pub status: String,
    /// What runs.
    pub data: VersionInfo,
}
