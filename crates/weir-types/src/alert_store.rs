//! Where alerts are kept: the records that judge, notifier and API write and read, and the trait in which they meet.
//!
//! Notices and deliveries are an outbox in two stages. The judge leaves notices in the transaction that holds its new
//! state. The notifier turns them into deliveries, one for each receiver and each message, in a second transaction, and
//! then sends what is due. After a crash between any two of these steps the next step is done again, and what it makes
//! has the ids that it had before.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{BoxFuture, Notice, Tags, Transition, UnixMicros};

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
    /// Of each monitor that was ever judged the last time that was, and its digest; by monitor.
    pub judged: Vec<(Arc<str>, UnixMicros, Arc<str>)>,
    /// The groups, by monitor and group.
    pub groups: Vec<KeptGroup>,
}

/// What one tick changed, written in one transaction.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TickCommit {
    /// The tick.
    pub tick: UnixMicros,
    /// The hash of the chain of ticks, this one included.
    pub chain: Arc<str>,
    /// For each monitor that was evaluated which time was judged, which lies before the tick where values are waited for, and
    /// the hash of what was read and of its states, as hexadecimal text; kept for `verify`.
    pub digests: Vec<(Arc<str>, UnixMicros, Arc<str>)>,
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

/// A notice for which no deliveries were made yet.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenNotice {
    /// The notice.
    pub notice: Notice,
    /// When it was committed, by the clock on the wall: what a group of notices waits from. Not when it happened.
    pub committed_at: UnixMicros,
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

impl DeliveryState {
    /// Every state.
    pub const ALL: &'static [Self] = &[Self::Pending, Self::Delivered, Self::Failed, Self::Suppressed];

    /// The one spelling of this state.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Suppressed => "suppressed",
        }
    }

    /// The state with this spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.as_str() == text)
    }
}

/// One message to one receiver, as the log of notifications shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Stable: a hash of the receiver and of what is told.
    pub id: Arc<str>,
    /// The receiver's name in the configuration.
    pub receiver: Arc<str>,
    /// The group of messages that it belongs to: a hash of receiver, route and the tags that the route groups by.
    pub group_key: Arc<str>,
    /// 0 when the receiver hears of these notices for the first time, and one more with each repetition.
    pub round: u32,
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
    /// What the receiver calls the message, where later ones refer to it: the `ts` of a Slack message.
    pub receipt: Option<Arc<str>>,
}

/// A delivery to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDelivery {
    /// What it is.
    pub delivery: Delivery,
    /// What is sent, as the receiver's kind wants it; empty where nothing is sent. Never holds a secret.
    pub body: Arc<str>,
}

/// That a receiver was told of a notice, or why it was not.
#[derive(Debug, Clone, PartialEq)]
pub struct Telling {
    /// The alert.
    pub alert_id: Arc<str>,
    /// The notice.
    pub notice: Arc<str>,
    /// The receiver.
    pub receiver: Arc<str>,
    /// See [`Delivery::round`].
    pub round: u32,
    /// The delivery.
    pub delivery: Arc<str>,
    /// How far the delivery is.
    pub state: DeliveryState,
    /// When the delivery was made.
    pub created_at: UnixMicros,
    /// See [`Delivery::receipt`].
    pub receipt: Option<Arc<str>>,
}

/// How much there is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeliveryQueue {
    /// Deliveries that are not done.
    pub pending: u64,
    /// When the next of them is due.
    pub next_at: Option<UnixMicros>,
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
    /// Which alerts, in the scope language over the group's tags, the monitor's labels, `monitor` and `state`:
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

/// An entry of a monitor that was saved from the dashboard, over what files say.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedMonitor {
    /// The monitor.
    pub name: Arc<str>,
    /// The entry, with the keys of `[[monitors]]`.
    pub entry: Value,
    /// When it was saved.
    pub saved_at: UnixMicros,
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

    /// Writes what a tick changed, all or nothing. A tick that was committed before, or one before it, changes nothing.
    fn commit<'a>(&'a self, commit: &'a TickCommit) -> AlertResult<'a, ()>;

    /// Changes of state, the newest first.
    fn transitions<'a>(&'a self, filter: &'a TransitionFilter) -> AlertResult<'a, Vec<Transition>>;

    /// The digests of what a monitor judged in a range of time (`from` included, `to` not), in order.
    fn digests<'a>(
        &'a self,
        monitor: &'a str,
        from: UnixMicros,
        to: UnixMicros,
    ) -> AlertResult<'a, Vec<(UnixMicros, Arc<str>)>>;

    /// Entries of monitors that were saved from the dashboard, by name.
    fn saved_monitors(&self) -> AlertResult<'_, Vec<SavedMonitor>>;

    /// Saves an entry of a monitor, in place of what was saved before.
    fn save_monitor<'a>(&'a self, name: &'a str, entry: &'a Value) -> AlertResult<'a, ()>;

    /// Forgets the saved entry of a monitor.
    fn forget_monitor<'a>(&'a self, name: &'a str) -> AlertResult<'a, ()>;

    /// Notices for which no deliveries were made yet, in the order in which they were committed.
    fn open_notices(&self, limit: usize) -> AlertResult<'_, Vec<OpenNotice>>;

    /// The last notice of each alert that is not over, the alert that is so for longest first.
    fn active_alerts(&self, limit: usize) -> AlertResult<'_, Vec<Notice>>;

    /// Who was told what of these alerts, in the order in which it was told.
    fn tellings<'a>(&'a self, alert_ids: &'a [Arc<str>]) -> AlertResult<'a, Vec<Telling>>;

    /// When the last delivery of each of these groups was made that was not suppressed; groups without one are left out.
    fn last_told<'a>(&'a self, group_keys: &'a [Arc<str>]) -> AlertResult<'a, Vec<(Arc<str>, UnixMicros)>>;

    /// What the receiver called the first message of a group; `None` when it did not say.
    fn first_receipt<'a>(&'a self, group_key: &'a str) -> AlertResult<'a, Option<Arc<str>>>;

    /// Writes deliveries and that these notices are dealt with, all or nothing. A delivery whose id is there is not
    /// written again; one that tells a receiver of a notice that it was told in this round by another delivery is an
    /// error. Bodies are kept until their deliveries are done.
    fn dispatch<'a>(&'a self, notices: &'a [Arc<str>], deliveries: &'a [NewDelivery]) -> AlertResult<'a, ()>;

    /// Deliveries that are due at an instant, the oldest first, each with its body. A delivery waits for those made
    /// before it that tell the same receiver of the same alert, so that nobody hears of the end before the start.
    fn due(&self, now: UnixMicros, limit: usize) -> AlertResult<'_, Vec<(Delivery, Arc<str>)>>;

    /// How much there is to be sent.
    fn queue(&self) -> AlertResult<'_, DeliveryQueue>;

    /// Writes how an attempt ended. A delivery that is done stays as it is.
    fn attempted<'a>(&'a self, delivery: &'a Delivery) -> AlertResult<'a, ()>;

    /// The log of notifications, the newest first; of one monitor when one is given.
    fn deliveries<'a>(&'a self, monitor: Option<&'a str>, limit: usize) -> AlertResult<'a, Vec<Delivery>>;

    /// Silences that are or will be, those that start first first.
    fn silences(&self) -> AlertResult<'_, Vec<Silence>>;

    /// Makes a silence; its id and when it was made are filled in.
    fn silence(&self, silence: Silence) -> AlertResult<'_, Silence>;

    /// Ends a silence.
    fn end_silence<'a>(&'a self, id: &'a str) -> AlertResult<'a, ()>;

    /// Acknowledges an alert that is not over; who does so again replaces what was said before.
    fn acknowledge(&self, acknowledgement: Acknowledgement) -> AlertResult<'_, ()>;

    /// All acknowledgements of alerts that are not over.
    fn acknowledgements(&self) -> AlertResult<'_, Vec<Acknowledgement>>;

    /// Forgets what is older than it is kept. Called now and then by the notifier.
    fn forget_old(&self) -> AlertResult<'_, ()>;
}
