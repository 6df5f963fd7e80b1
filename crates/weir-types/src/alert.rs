//! Alerts: what monitors found. Where they are kept is [`AlertStore`](crate::AlertStore).
//!
//! The judge folds cells into states. When the state of a group changes it commits the new state, the [`Transition`] and,
//! where people shall hear of it, a [`Notice`], in one transaction of the state store: after a crash either all of it is
//! there or nothing. The notifier takes notices from the store, decides who gets them and keeps one
//! [`Delivery`](crate::Delivery) for each message and receiver until the receiver has it.
//!
//! Ids are functions of what they name, never random: whatever is done twice after a crash has the same id the second
//! time, so that a receiver that knows ids shows it once.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Tags, TraceId, UnixMicros};

/// How a group of a monitor is. The order is by how much it needs a person, as Datadog's composites take it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// All is well.
    #[default]
    Ok,
    /// Values stopped to come.
    NoData,
    /// Worth a look.
    Warn,
    /// Needs a person.
    Alert,
}

impl AlertState {
    /// The one spelling of this state.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NoData => "no_data",
            Self::Warn => "warn",
            Self::Alert => "alert",
        }
    }

    /// The state with this spelling.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Ok, Self::NoData, Self::Warn, Self::Alert].into_iter().find(|state| state.as_str() == text)
    }
}

/// Why a state changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransitionReason {
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

impl TransitionReason {
    /// The one spelling of this reason.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Crossed => "crossed",
            Self::Recovered => "recovered",
            Self::NoData => "no_data",
            Self::DataReturned => "data_returned",
            Self::GroupExpired => "group_expired",
            Self::DefinitionChanged => "definition_changed",
            Self::Revised => "revised",
        }
    }
}

/// The numbers of one judgement, in the units of the monitor's condition. What there is none of is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Judgement {
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

/// A change of the state of one group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transition {
    /// The monitor.
    pub monitor: Arc<str>,
    /// Which definition of the monitor judged: the first 16 hexadecimal digits of a hash of it.
    pub revision: Arc<str>,
    /// The group: the tags by which the condition groups. Empty where it does not.
    pub group: Tags,
    /// 1 for the first change of this group, and one more with each. A group that was closed and came back may begin
    /// again.
    pub seq: u64,
    /// The alert that it belongs to; see [`Notice::alert_id`].
    pub alert_id: Arc<str>,
    /// The end of the time that was judged.
    pub at: UnixMicros,
    /// What it was.
    pub from: AlertState,
    /// What it is.
    pub to: AlertState,
    /// Why.
    pub reason: TransitionReason,
    /// The numbers.
    pub judgement: Judgement,
    /// What the monitor says to it; empty where nothing is said.
    pub message: Arc<str>,
    /// Traces of calls that show it, the most telling first.
    pub exemplars: Vec<TraceId>,
    /// More lines for people: what a change of cost is made of, for example.
    pub details: Vec<Arc<str>>,
}

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// The state became worse.
    Trigger,
    /// The state became better, and is not well yet.
    Improve,
    /// All is well again.
    Recover,
    /// It is still so.
    Repeat,
}

/// Something that people shall hear: a transition and what goes with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// Stable: a hash of alert, sequence number and kind (and for repeats, the time). Two notices with one id are one.
    pub id: Arc<str>,
    /// Stable from the change that left `Ok` to the one that returned to it: a hash of monitor, group and of
    /// number and instant of that first change. Receivers group what is sent by it.
    pub alert_id: Arc<str>,
    /// What it is about.
    pub kind: NoticeKind,
    /// The change, or for repeats the last one.
    pub transition: Transition,
    /// Since when the group is not well.
    pub since: UnixMicros,
    /// The unit of the judgement's value, as [`crate::metric::Unit`] is written in JSON.
    pub unit: Arc<str>,
    /// Labels by which routes choose, beyond the tags of the group: those of the monitor's definition.
    pub labels: Tags,
    /// Receivers that the definition names; empty where the routes decide.
    pub notify: Vec<Arc<str>>,
    /// Where the dashboard shows it, from the root: `/monitors/p95-latency-per-model?group=…`.
    pub path: Arc<str>,
    /// The metric that was judged, where it is made of scores: its traces are opened at what was said of them.
    #[serde(default)]
    pub score: Option<Arc<str>>,
    /// Whether it was judged while Weir caught up after it had been away.
    pub is_catching_up: bool,
}
