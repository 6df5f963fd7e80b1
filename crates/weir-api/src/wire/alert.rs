//! Alerts on the wire: how groups are, what changed, and who looks after it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use weir_types::{Acknowledgement, AlertState, Judgement, Tags, Transition, TransitionReason};

use super::{TagMap, UnitName};

/// How a group of a monitor is, by how much it needs a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StateName {
    /// All is well.
    Ok,
    /// Values stopped to come.
    NoData,
    /// Worth a look.
    Warn,
    /// Needs a person.
    Alert,
}

/// Why a state changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReasonName {
    /// The value crossed a threshold.
    Crossed,
    /// The value is back within what is allowed.
    Recovered,
    /// Values stopped to come.
    NoData,
    /// Values come again.
    DataReturned,
    /// The group was not seen for so long that it is closed.
    GroupExpired,
    /// The monitor was changed, switched off or removed.
    DefinitionChanged,
    /// Values that came late changed what had been judged.
    Revised,
}

/// The numbers of one judgement, in the monitor's unit; `null` where there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JudgementItem {
    /// What was judged; for an anomaly the metric itself.
    pub value: Option<f64>,
    /// The threshold of the state that the group is in, or would leave.
    pub threshold: Option<f64>,
    /// How many values were in the window.
    pub samples: u64,
    /// What was expected.
    pub baseline: Option<f64>,
    /// The lower edge of the band.
    pub lower: Option<f64>,
    /// The upper edge of the band.
    pub upper: Option<f64>,
    /// How unusual the value is: the negative decimal logarithm of its probability.
    pub score: Option<f64>,
    /// The share of points outside of the band.
    pub fraction: Option<f64>,
}

/// The state that a group will have when it stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PendingState {
    /// The state.
    pub state: StateName,
    /// Since when it would be so, in Unix milliseconds.
    pub since_ms: i64,
}

/// A group of a monitor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GroupItem {
    /// The tags by which the condition groups; empty where it does not.
    pub tags: TagMap,
    /// The same as one text, for the parameter `group`.
    pub key: String,
    /// Its state.
    pub state: StateName,
    /// Since when, in Unix milliseconds.
    pub since_ms: i64,
    /// The state that is to come; `null` where none is.
    pub pending: Option<PendingState>,
    /// The last numbers.
    pub judgement: JudgementItem,
    /// Whether too little is known yet for a full judgement.
    pub is_learning: bool,
    /// The alert, when it is not well.
    pub alert_id: Option<String>,
    /// What was said last.
    pub message: String,
    /// Traces that show it, the most telling first.
    pub exemplars: Vec<String>,
    /// Who looks after it.
    pub acknowledged: Option<AcknowledgementItem>,
    /// The silences in force that it is under: people are not told.
    pub silenced_by: Vec<String>,
}

/// Everything that is not well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlertList {
    /// The worst first, and of equals the newest.
    pub alerts: Vec<AlertItem>,
    /// How many are not well in all; more than there are `alerts` when the list was cut.
    pub total: u64,
}

/// A group that is not well, with what its monitor says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlertItem {
    /// The monitor.
    pub monitor: String,
    /// What it watches for.
    pub condition: String,
    /// The unit of the numbers.
    #[schema(inline = false)]
    pub unit: UnitName,
    /// The group.
    pub group: GroupItem,
}

/// That somebody looks after an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AcknowledgementItem {
    /// The alert.
    pub alert_id: String,
    /// Who.
    pub by: String,
    /// A word to others.
    pub note: String,
    /// When, in Unix milliseconds.
    pub at_ms: i64,
}

/// Who looks after an alert.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcknowledgeRequest {
    /// Who.
    #[serde(default)]
    pub by: Option<String>,
    /// A word to others.
    #[serde(default)]
    pub note: Option<String>,
}

/// Changes of state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TransitionList {
    /// The newest first.
    pub transitions: Vec<TransitionItem>,
}

/// A change of the state of one group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TransitionItem {
    /// The monitor.
    pub monitor: String,
    /// Which definition of it judged.
    pub revision: String,
    /// The group.
    pub tags: TagMap,
    /// The group as one text, for the parameter `group`.
    pub group: String,
    /// How many changes of this group there were, this one included.
    pub seq: u64,
    /// The alert that it belongs to.
    pub alert_id: String,
    /// The end of the time that was judged, in Unix milliseconds.
    pub at_ms: i64,
    /// What it was.
    pub from: StateName,
    /// What it is.
    pub to: StateName,
    /// Why.
    pub reason: ReasonName,
    /// The numbers.
    pub judgement: JudgementItem,
    /// What the monitor said to it.
    pub message: String,
    /// Traces of calls that show it, the most telling first.
    pub exemplars: Vec<String>,
    /// More lines for people: what a change of cost is made of, for example.
    pub details: Vec<String>,
}

impl From<AlertState> for StateName {
    fn from(state: AlertState) -> Self {
        match state {
            AlertState::Ok => Self::Ok,
            AlertState::NoData => Self::NoData,
            AlertState::Warn => Self::Warn,
            AlertState::Alert => Self::Alert,
        }
    }
}

impl From<TransitionReason> for ReasonName {
    fn from(reason: TransitionReason) -> Self {
        match reason {
            TransitionReason::Crossed => Self::Crossed,
            TransitionReason::Recovered => Self::Recovered,
            TransitionReason::NoData => Self::NoData,
            TransitionReason::DataReturned => Self::DataReturned,
            TransitionReason::GroupExpired => Self::GroupExpired,
            TransitionReason::DefinitionChanged => Self::DefinitionChanged,
            TransitionReason::Revised => Self::Revised,
        }
    }
}

impl From<&Judgement> for JudgementItem {
    fn from(judgement: &Judgement) -> Self {
        let Judgement { value, threshold, samples, baseline, lower, upper, score, fraction } = *judgement;
        Self { value, threshold, samples, baseline, lower, upper, score, fraction }
    }
}

impl From<&Tags> for TagMap {
    fn from(tags: &Tags) -> Self {
        Self(tags.iter().map(|(key, value)| (key.to_string(), Some(value.to_string()))).collect())
    }
}

impl From<&Acknowledgement> for AcknowledgementItem {
    fn from(acknowledgement: &Acknowledgement) -> Self {
        Self {
            alert_id: acknowledgement.alert_id.to_string(),
            by: acknowledgement.by.to_string(),
            note: acknowledgement.note.to_string(),
            at_ms: acknowledgement.at.as_millis(),
        }
    }
}

impl TransitionItem {
    /// The change with its group as one text.
    pub(crate) fn new(transition: &Transition, group: String) -> Self {
        Self {
            monitor: transition.monitor.to_string(),
            revision: transition.revision.to_string(),
            tags: (&transition.group).into(),
            group,
            seq: transition.seq,
            alert_id: transition.alert_id.to_string(),
            at_ms: transition.at.as_millis(),
            from: transition.from.into(),
            to: transition.to.into(),
            reason: transition.reason.into(),
            judgement: (&transition.judgement).into(),
            message: transition.message.to_string(),
            exemplars: transition.exemplars.iter().map(ToString::to_string).collect(),
            details: transition.details.iter().map(ToString::to_string).collect(),
        }
    }
}
