//! Alerts: what monitors found, and where judge, state store, notifier and API meet.
//!
//! The judge folds cells into states. When the state of a group changes it commits the new state, the [`Transition`] and,
//! where people shall hear of it, a [`Notice`], in one transaction of the state store: after a crash either all of it is
//! there or nothing. The notifier takes notices from the store, decides who gets them and keeps one [`Delivery`] for each
//! receiver until the receiver has it.
//!
//! Ids are functions of what they name, never random: whatever is done twice after a crash has the same id the second
//! time, so that a receiver that knows ids shows it once.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{BoxFuture, Tags, TraceId, UnixMicros};

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
    /// 1 for the first change of this group, and one more with each.
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
    /// Stable from the change that left `Ok` to the one that returned to it: a hash of monitor, group and the sequence
    /// number of that first change. Receivers group what is sent by it.
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
    /// Whether it was judged while Weir caught up after it had been away.
    pub is_catching_up: bool,
}

/// What the judge keeps of one group between two ticks, as JSON of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptGroup {
    /// The monitor.
    pub monitor: Arc<str>,
    /// The group.
    pub group: Tags,
    /// The state, as the judge writes it.
    pub state: Arc<str>,
}

/// Everything that the judge kept.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct KeptJudge {
    /// The last tick that was committed; `None` before the first.
    pub tick: Option<UnixMicros>,
    /// The hash of the chain of ticks.
    pub chain: Arc<str>,
    /// The groups.
    pub groups: Vec<KeptGroup>,
}

/// What one tick changed, written in one transaction.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TickCommit {
    /// The tick.
    pub tick: UnixMicros,
    /// The hash of the chain of ticks, this one included.
    pub chain: Arc<str>,
    /// For each monitor that was evaluated the hash of its states, as hexadecimal text; kept for `verify`.
    pub digests: Vec<(Arc<str>, Arc<str>)>,
    /// Groups whose kept state changed.
    pub kept: Vec<KeptGroup>,
    /// Groups that are no more.
    pub dropped: Vec<(Arc<str>, Tags)>,
    /// Changes, in order.
    pub transitions: Vec<Transition>,
    /// What people shall hear, in order.
    pub notices: Vec<Notice>,
}

/// Which transitions are asked for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TransitionFilter {
    /// Of this monitor.
    pub monitor: Option<Arc<str>>,
    /// Of this group.
    pub group: Option<Tags>,
    /// Not before.
    pub from: Option<UnixMicros>,
    /// Before.
    pub to: Option<UnixMicros>,
    /// The newest so many.
    pub limit: usize,
}

/// How far a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// To be sent, or sent again.
    Pending,
    /// The receiver has it.
    Delivered,
    /// Given up; the error says why.
    Failed,
    /// Silenced or inhibited: not sent.
    Suppressed,
}

/// One message to one receiver, as the log of notifications shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Stable: a hash of the receiver and of what is told.
    pub id: Arc<str>,
    /// The receiver's name in the configuration.
    pub receiver: Arc<str>,
    /// The notices that it tells.
    pub notices: Vec<Arc<str>>,
    /// The monitors that they are of.
    pub monitors: Vec<Arc<str>>,
    /// How far it is.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was made.
    pub created_at: UnixMicros,
    /// When it is tried next; `None` when it is done.
    pub next_at: Option<UnixMicros>,
    /// When the receiver had it.
    pub delivered_at: Option<UnixMicros>,
    /// What went wrong last, or by what it is suppressed.
    pub error: Option<Arc<str>>,
}

/// That somebody looks after an alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// The alert.
    pub alert_id: Arc<str>,
    /// Who.
    pub by: Arc<str>,
    /// A word to others.
    pub note: Arc<str>,
    /// When.
    pub at: UnixMicros,
}

/// A time in which some alerts are not sent: a silence when it is once, a downtime when it recurs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Silence {
    /// Its own name, `sil_…`.
    pub id: Arc<str>,
    /// Which alerts, in the scope language over the group's tags, the monitor's labels and `monitor`:
    /// `monitor:p95-* AND team:payments`.
    pub scope: Arc<str>,
    /// From when.
    pub starts_at: UnixMicros,
    /// Until when; the first time when it recurs.
    pub ends_at: UnixMicros,
    /// How it recurs: an RRULE of RFC 5545, such as `FREQ=WEEKLY;BYDAY=SA`.
    pub rrule: Option<Arc<str>>,
    /// The time zone that the rule is counted in; UTC when absent.
    pub tz: Option<Arc<str>>,
    /// Who made it.
    pub by: Arc<str>,
    /// Why.
    pub note: Arc<str>,
    /// When it was made.
    pub created_at: UnixMicros,
}

/// Why the state store could not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AlertStoreError {
    /// There is no such thing.
    #[error("there is no {what} {id:?}")]
    NotFound {
        /// What was looked for.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// What was asked for makes no sense; the text says why.
    #[error("{0}")]
    Invalid(String),
    /// The state store failed.
    #[error("the state store failed: {0}")]
    Store(String),
}

/// What an alert store answers with.
pub type AlertResult<'a, T> = BoxFuture<'a, Result<T, AlertStoreError>>;

/// Keeps what monitors found and what was told. Implemented by the state store; used by the judge's task, the notifier
/// and the API.
pub trait AlertStore: Send + Sync {
    /// What the judge kept.
    fn kept(&self) -> AlertResult<'_, KeptJudge>;

    /// Writes what a tick changed, all or nothing. A tick that was committed before changes nothing.
    fn commit<'a>(&'a self, commit: &'a TickCommit) -> AlertResult<'a, ()>;

    /// Changes of state, the newest first.
    fn transitions<'a>(&'a self, filter: &'a TransitionFilter) -> AlertResult<'a, Vec<Transition>>;

    /// The digests of a monitor's states in a range of ticks (`from` included, `to` not), in order.
    fn digests<'a>(
        &'a self,
        monitor: &'a str,
        from: UnixMicros,
        to: UnixMicros,
    ) -> AlertResult<'a, Vec<(UnixMicros, Arc<str>)>>;

    /// Notices for which no deliveries were made yet, the oldest first.
    fn open_notices(&self, limit: usize) -> AlertResult<'_, Vec<Notice>>;

    /// Writes deliveries and that these notices are dealt with, all or nothing. A delivery whose id is there is not
    /// written again. Notices and their rendered bodies are kept with the deliveries until those are done.
    fn dispatch<'a>(&'a self, notices: &'a [Arc<str>], deliveries: &'a [NewDelivery]) -> AlertResult<'a, ()>;

    /// Deliveries that are due at an instant, the oldest first, each with its body.
    fn due(&self, now: UnixMicros, limit: usize) -> AlertResult<'_, Vec<(Delivery, Arc<str>)>>;

    /// When the next delivery is due.
    fn next_due(&self) -> AlertResult<'_, Option<UnixMicros>>;

    /// Writes how an attempt ended.
    fn attempted<'a>(&'a self, delivery: &'a Delivery) -> AlertResult<'a, ()>;

    /// The log of notifications, the newest first; of one monitor when one is given.
    fn deliveries<'a>(&'a self, monitor: Option<&'a str>, limit: usize) -> AlertResult<'a, Vec<Delivery>>;

    /// Silences that are or will be.
    fn silences(&self) -> AlertResult<'_, Vec<Silence>>;

    /// Makes a silence; its id and when it was made are filled in.
    fn silence(&self, silence: Silence) -> AlertResult<'_, Silence>;

    /// Ends a silence.
    fn end_silence<'a>(&'a self, id: &'a str) -> AlertResult<'a, ()>;

    /// Acknowledges an alert.
    fn acknowledge(&self, acknowledgement: Acknowledgement) -> AlertResult<'_, ()>;

    /// All acknowledgements of alerts that are not over.
    fn acknowledgements(&self) -> AlertResult<'_, Vec<Acknowledgement>>;
}

/// A delivery to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDelivery {
    /// What it is.
    pub delivery: Delivery,
    /// What is sent, as the receiver's kind wants it.
    pub body: Arc<str>,
}
