//! Monitors on the wire: what they are, how they are, what they saw, and what a definition would have done.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use weir_types::{JudgedSeries, Judgement, MonitorStatus, UnixMicros, Verification, VerificationOutcome};

use super::{GroupItem, StateName, TagMap, TransitionItem, UnitName};

/// All monitors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorList {
    /// In the order of their definitions.
    pub monitors: Vec<MonitorItem>,
}

/// A monitor as it is now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorItem {
    /// Its name.
    pub name: String,
    /// The condition as it was written.
    pub condition: String,
    /// What the condition means, as several lines for people.
    pub explanation: String,
    /// The expression whose values are judged, for a chart; `null` where the condition is not on metrics.
    pub expression: Option<String>,
    /// The message as it was written.
    pub message: String,
    /// `warning` or `critical`: how bad it is when the threshold is crossed.
    pub severity: String,
    /// Whether it is evaluated.
    pub is_enabled: bool,
    /// Where it is defined: `bundled`, `weir.toml`, a file, or `dashboard`.
    pub defined_in: String,
    /// The entry with the keys of `[[monitors]]`: all that was said in all places.
    pub entry: serde_json::Value,
    /// The entry that was saved from the dashboard, where one was.
    pub saved: serde_json::Value,
    /// The unit of values.
    #[schema(inline = false)]
    pub unit: UnitName,
    /// Which side is bad: `>`, `>=`, `<`, `<=`; `null` for composites.
    pub comparison: Option<String>,
    /// Where a warning starts.
    pub warning: Option<f64>,
    /// Where an alert starts.
    pub critical: Option<f64>,
    /// Whether thresholds are about how unusual values are and belong in no chart of values.
    pub judges_the_unusual: bool,
    /// The tags it is grouped by.
    pub by: Vec<String>,
    /// The worst state of its groups.
    pub state: StateName,
    /// How many groups are in each state.
    pub counts: StateCounts,
    /// When a group of it changed last, in Unix milliseconds.
    pub changed_at_ms: Option<i64>,
    /// The last tick that it was evaluated at, in Unix milliseconds; `null` when it never was.
    pub evaluated_at_ms: Option<i64>,
    /// How long after their time values are waited for, in milliseconds.
    pub delay_ms: i64,
    /// Why it could not be evaluated last time.
    pub error: Option<String>,
    /// What else people should know: dead, too many groups, still learning.
    pub remarks: Vec<String>,
    /// The silences in force that all of its groups are under.
    pub silenced_by: Vec<String>,
}

/// How many groups are in each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StateCounts {
    /// All is well.
    pub ok: u64,
    /// Values stopped to come.
    pub no_data: u64,
    /// Worth a look.
    pub warn: u64,
    /// Needs a person.
    pub alert: u64,
}

/// A monitor and its groups.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorDetail {
    /// The monitor.
    pub monitor: MonitorItem,
    /// Its groups: those that are not well first.
    pub groups: Vec<GroupItem>,
    /// How many groups there are in all; more than `groups` has when the list was cut.
    pub total: u64,
}

/// What a monitor saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorSeries {
    /// The unit of values.
    #[schema(inline = false)]
    pub unit: UnitName,
    /// One for each group.
    pub series: Vec<JudgedSeriesItem>,
}

/// What a monitor saw of one group: columns of equal length, one place for each instant.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct JudgedSeriesItem {
    /// The tags of the group.
    pub tags: TagMap,
    /// The group as one text, for the parameter `group`.
    pub group: String,
    /// The ends of the windows, in Unix milliseconds.
    pub at_ms: Vec<i64>,
    /// The states.
    pub states: Vec<StateName>,
    /// What was judged.
    pub values: Vec<Option<f64>>,
    /// What was expected; `null` where the monitor has no band.
    pub baseline: Option<Vec<Option<f64>>>,
    /// The lower edge of the band.
    pub lower: Option<Vec<Option<f64>>>,
    /// The upper edge of the band.
    pub upper: Option<Vec<Option<f64>>>,
    /// The shares of points outside of the band.
    pub fraction: Option<Vec<Option<f64>>>,
}

/// A definition to be saved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MonitorRequest {
    /// The entry, with the keys of `[[monitors]]`. Without a condition it changes the monitor of its name.
    pub entry: serde_json::Value,
    /// Who does it, for the audit log.
    #[serde(default)]
    pub by: Option<String>,
}

/// A definition to be tried on what was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewRequest {
    /// The entry, with the keys of `[[monitors]]`. Without a condition it changes the monitor of its name.
    pub entry: serde_json::Value,
    /// The first instant; seven days before `to` unless said.
    #[serde(default)]
    #[schema(example = "now-7d")]
    pub from: Option<String>,
    /// The first instant after the range; now unless said.
    #[serde(default)]
    pub to: Option<String>,
}

/// What a definition would have done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PreviewAnswer {
    /// What the condition means, as several lines for people.
    pub explanation: String,
    /// The unit of values; `null` for composites.
    pub unit: Option<UnitName>,
    /// Which side is bad.
    pub comparison: Option<String>,
    /// Where a warning starts.
    pub warning: Option<f64>,
    /// Where an alert starts.
    pub critical: Option<f64>,
    /// Whether thresholds are about how unusual values are and belong in no chart of values.
    pub judges_the_unusual: bool,
    /// The groups that changed most or were worst.
    pub series: Vec<JudgedSeriesItem>,
    /// How many groups there are in all.
    pub groups: u64,
    /// What would have been said, in order.
    pub transitions: Vec<TransitionItem>,
    /// Alerts in a week.
    pub alerts_per_week: f64,
    /// Alerts that lasted under ten minutes.
    pub flaps: u64,
    /// The share of the time in which some group was not well.
    pub firing_share: f64,
    /// What is wrong with it: never fires, always fires, matches nothing.
    pub verdicts: Vec<String>,
    /// A threshold that would have made one alert a week, where one can be found.
    pub suggested_threshold: Option<f64>,
}

/// Whether what was judged comes out again from what is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VerificationAnswer {
    /// The monitor.
    pub monitor: String,
    /// How many minutes were compared.
    pub compared: u64,
    /// How many minutes were judged by another definition, and are not compared.
    pub of_other_definitions: u64,
    /// `same`, `differs`, or `nothing` where there was nothing to compare.
    pub result: String,
    /// The first minute that differs.
    pub first_ms: Option<i64>,
    /// How many minutes differ.
    pub minutes: Option<u64>,
    /// What differs in the first of them.
    pub what: Option<String>,
    /// What that can come from, or why there was nothing to compare.
    pub why: Option<String>,
}

impl VerificationAnswer {
    /// What came of a monitor.
    pub fn new(monitor: &str, verification: &Verification) -> Self {
        let Verification { compared, of_other_definitions, outcome } = verification;
        let answer = Self {
            monitor: monitor.to_owned(),
            compared: *compared,
            of_other_definitions: *of_other_definitions,
            result: "same".to_owned(),
            first_ms: None,
            minutes: None,
            what: None,
            why: None,
        };
        match outcome {
            VerificationOutcome::Same => answer,
            VerificationOutcome::Nothing(why) => {
                Self { result: "nothing".to_owned(), why: Some(why.to_string()), ..answer }
            }
            VerificationOutcome::Differs { first, minutes, what, why } => Self {
                result: "differs".to_owned(),
                first_ms: Some(first.as_millis()),
                minutes: Some(*minutes),
                what: Some(what.to_string()),
                why: Some(why.to_string()),
                ..answer
            },
        }
    }
}

/// A condition to be explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConditionRequest {
    /// The condition, in Weir's own form or as a Datadog monitor query.
    #[schema(example = "p95(llm.request.duration) by model > 5s over 10m")]
    pub condition: String,
}

/// What a condition means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConditionAnswer {
    /// Text of several lines for people, with every default filled in.
    pub explanation: String,
    /// The expression whose values are judged; `null` where it is not on metrics.
    pub expression: Option<String>,
    /// The unit of what is judged; `null` where it is not on metrics.
    pub unit: Option<UnitName>,
    /// What a monitor with this condition says that is given no message; `NAME` stands for its name.
    #[schema(example = "NAME for model {{[model].name}}: {value}s (threshold {comparator} {threshold}s)")]
    pub message: String,
}

/// What is read from a condition for those who draw it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Levels {
    /// Which side is bad.
    pub comparison: Option<String>,
    /// Where a warning starts.
    pub warning: Option<f64>,
    /// Where an alert starts.
    pub critical: Option<f64>,
    /// See [`MonitorItem::judges_the_unusual`].
    pub judges_the_unusual: bool,
}

impl MonitorItem {
    /// The monitor, with what the API knows beside it.
    pub(crate) fn new(
        status: &MonitorStatus,
        expression: Option<String>,
        changed_at: Option<UnixMicros>,
        silenced_by: Vec<String>,
    ) -> Self {
        let [ok, no_data, warn, alert] = status.counts;
        Self {
            name: status.name.to_string(),
            condition: status.condition.to_string(),
            explanation: status.explanation.to_string(),
            expression,
            message: status.message.to_string(),
            severity: status.severity.to_string(),
            is_enabled: status.is_enabled,
            defined_in: status.defined_in.to_string(),
            entry: status.entry.clone(),
            saved: status.saved.clone().unwrap_or_default(),
            unit: UnitName(status.unit),
            comparison: status.comparison.as_deref().map(str::to_owned),
            warning: status.warning,
            critical: status.critical,
            judges_the_unusual: status.judges_the_unusual,
            by: status.by.iter().map(ToString::to_string).collect(),
            state: status.state.into(),
            counts: StateCounts { ok, no_data, warn, alert },
            changed_at_ms: changed_at.map(UnixMicros::as_millis),
            evaluated_at_ms: status.evaluated_at.map(UnixMicros::as_millis),
            delay_ms: status.delay_us / 1_000,
            error: status.error.as_deref().map(str::to_owned),
            remarks: status.remarks.iter().map(ToString::to_string).collect(),
            silenced_by,
        }
    }
}

impl JudgedSeriesItem {
    /// The series with its group as one text.
    pub(crate) fn new(series: &JudgedSeries, group: String) -> Self {
        let column = |number: fn(&Judgement) -> Option<f64>| -> Vec<Option<f64>> {
            series.points.iter().map(|point| number(&point.judgement)).collect()
        };
        let band = |number: fn(&Judgement) -> Option<f64>| {
            Some(column(number)).filter(|values| values.iter().any(Option::is_some))
        };
        Self {
            tags: (&series.group).into(),
            group,
            at_ms: series.points.iter().map(|point| point.at.as_millis()).collect(),
            states: series.points.iter().map(|point| point.state.into()).collect(),
            values: column(|judgement| judgement.value),
            baseline: band(|judgement| judgement.baseline),
            lower: band(|judgement| judgement.lower),
            upper: band(|judgement| judgement.upper),
            fraction: band(|judgement| judgement.fraction),
        }
    }
}
