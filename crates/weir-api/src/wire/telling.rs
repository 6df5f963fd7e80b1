//! What follows from alerts, on the wire: who was told, when nobody is told, and what the gateway was told to do.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use weir_types::{ActionRecord, Delivery, DeliveryState, PolicyAction, Silence, UnixMicros};

/// The log of notifications.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NotificationList {
    /// The newest first.
    pub notifications: Vec<NotificationItem>,
}

/// How far a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStateName {
    /// To be sent, or sent again.
    Pending,
    /// The receiver has it.
    Delivered,
    /// Given up; `error` says why.
    Failed,
    /// Silenced or inhibited: not sent; `error` says by what.
    Suppressed,
}

/// One message to one receiver.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NotificationItem {
    /// Its id: what is sent twice has the same.
    pub id: String,
    /// The receiver's name in `weir.toml`.
    pub receiver: String,
    /// The monitors that it tells of.
    pub monitors: Vec<String>,
    /// How many changes it tells of.
    pub notices: u64,
    /// How far it is.
    pub state: DeliveryStateName,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was made, in Unix milliseconds.
    pub created_at_ms: i64,
    /// When it is tried next, in Unix milliseconds; `null` when it is done.
    pub next_at_ms: Option<i64>,
    /// When the receiver had it, in Unix milliseconds.
    pub delivered_at_ms: Option<i64>,
    /// What went wrong last, or by what it is suppressed.
    pub error: Option<String>,
}

/// Silences.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SilenceList {
    /// Those that are or will be, those that end first first.
    pub silences: Vec<SilenceItem>,
}

/// A time in which some alerts are not sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SilenceItem {
    /// Its own name, `sil_…`.
    pub id: String,
    /// Which alerts: a scope over the group's tags, the monitor's labels and `monitor`.
    pub scope: String,
    /// From when, in Unix milliseconds.
    pub starts_at_ms: i64,
    /// Until when, in Unix milliseconds; the first time when it recurs.
    pub ends_at_ms: i64,
    /// How it recurs: an RRULE of RFC 5545.
    pub rrule: Option<String>,
    /// The time zone that the rule is counted in; UTC when `null`.
    pub tz: Option<String>,
    /// Who made it.
    pub by: String,
    /// Why.
    pub note: String,
    /// When it was made, in Unix milliseconds.
    pub created_at_ms: i64,
    /// Whether it is in force now.
    pub is_in_force: bool,
}

/// A silence to be made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SilenceRequest {
    /// Which alerts: a scope over the group's tags, the monitor's labels and `monitor`.
    #[schema(example = "monitor:p95-* AND model:gpt-4o")]
    pub scope: String,
    /// From when: `now`, RFC 3339, or Unix milliseconds as text. Now when absent.
    #[serde(default)]
    pub starts_at: Option<String>,
    /// Until when; the first time when it recurs.
    #[schema(example = "now+2h")]
    pub ends_at: String,
    /// How it recurs: an RRULE of RFC 5545. Once when absent.
    #[serde(default)]
    #[schema(example = "FREQ=WEEKLY;BYDAY=SA,SU")]
    pub rrule: Option<String>,
    /// The time zone that the rule is counted in; UTC when absent.
    #[serde(default)]
    pub tz: Option<String>,
    /// Who makes it.
    #[serde(default)]
    pub by: Option<String>,
    /// Why.
    #[serde(default)]
    pub note: Option<String>,
}

/// What monitors told the gateway to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ActionList {
    /// The newest first: those in force and those that ended.
    pub actions: Vec<ActionItem>,
}

/// What a monitor told the gateway to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActionItem {
    /// The policy's id, as spans carry it.
    pub id: String,
    /// The monitor.
    pub monitor: String,
    /// Which calls, in the scope language.
    pub scope: String,
    /// What is done: `throttle`, `block`, `cheaper_model` or `cache_only`.
    pub kind: String,
    /// Calls in a minute, of a throttle.
    pub calls_per_minute: Option<u32>,
    /// The model that calls are sent to, of `cheaper_model`.
    pub model: Option<String>,
    /// Whether it is only noted what would have been done.
    pub is_dry_run: bool,
    /// When it was set, in Unix milliseconds.
    pub set_at_ms: i64,
    /// Until when at the latest, in Unix milliseconds.
    pub until_ms: i64,
    /// When it ended, in Unix milliseconds; `null` while it is in force.
    pub ended_at_ms: Option<i64>,
    /// Why it ended.
    pub ended_because: Option<String>,
}

impl From<DeliveryState> for DeliveryStateName {
    fn from(state: DeliveryState) -> Self {
        match state {
            DeliveryState::Pending => Self::Pending,
            DeliveryState::Delivered => Self::Delivered,
            DeliveryState::Failed => Self::Failed,
            DeliveryState::Suppressed => Self::Suppressed,
        }
    }
}

impl From<&Delivery> for NotificationItem {
    fn from(delivery: &Delivery) -> Self {
        Self {
            id: delivery.id.to_string(),
            receiver: delivery.receiver.to_string(),
            monitors: delivery.monitors.iter().map(ToString::to_string).collect(),
            notices: delivery.notices.len() as u64,
            state: delivery.state.into(),
            attempts: delivery.attempts,
            created_at_ms: delivery.created_at.as_millis(),
            next_at_ms: delivery.next_at.map(UnixMicros::as_millis),
            delivered_at_ms: delivery.delivered_at.map(UnixMicros::as_millis),
            error: delivery.error.as_deref().map(str::to_owned),
        }
    }
}

impl SilenceItem {
    /// The silence, and whether it is in force.
    pub(crate) fn new(silence: &Silence, is_in_force: bool) -> Self {
        Self {
            id: silence.id.to_string(),
            scope: silence.scope.to_string(),
            starts_at_ms: silence.starts_at.as_millis(),
            ends_at_ms: silence.ends_at.as_millis(),
            rrule: silence.rrule.as_deref().map(str::to_owned),
            tz: silence.tz.as_deref().map(str::to_owned),
            by: silence.by.to_string(),
            note: silence.note.to_string(),
            created_at_ms: silence.created_at.as_millis(),
            is_in_force,
        }
    }
}

impl From<&ActionRecord> for ActionItem {
    fn from(record: &ActionRecord) -> Self {
        let (kind, calls_per_minute, model) = match &record.action {
            PolicyAction::Throttle { calls_per_minute } => ("throttle", Some(*calls_per_minute), None),
            PolicyAction::Block => ("block", None, None),
            PolicyAction::CheaperModel { model } => ("cheaper_model", None, Some(model.to_string())),
            PolicyAction::CacheOnly => ("cache_only", None, None),
        };
        Self {
            id: record.id.to_string(),
            monitor: record.monitor.to_string(),
            scope: record.scope.to_string(),
            kind: kind.to_owned(),
            calls_per_minute,
            model,
            is_dry_run: record.is_dry_run,
            set_at_ms: record.set_at.as_millis(),
            until_ms: record.until.as_millis(),
            ended_at_ms: record.ended.as_ref().map(|(at, _)| at.as_millis()),
            ended_because: record.ended.as_ref().map(|(_, why)| why.to_string()),
        }
    }
}
