//! One group of a monitor: its machine, and what is kept beside it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use weir_types::{AlertState, Judgement, Tags, TraceId, Transition, TransitionReason, UnixMicros};

use super::machine::{Change, Machine};

/// See the module. What is serialised survives a restart; the rest is read anew at the next tick.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct GroupState {
    pub(super) machine: Machine,
    /// When it was seen first.
    pub(super) first_seen: UnixMicros,
    /// The number of its last change.
    pub(super) seq: u64,
    /// The alert, from the change that left `Ok` on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) alert: Option<Alert>,
    /// The state that people know.
    #[serde(default)]
    pub(super) told: AlertState,
    /// When they were told last, and how often since the last change.
    #[serde(default)]
    pub(super) told_at: UnixMicros,
    #[serde(default)]
    pub(super) repeats: u32,
    /// What was said last.
    #[serde(default)]
    pub(super) message: Arc<str>,
    /// The numbers of the last change.
    #[serde(default)]
    pub(super) changed: Judgement,
    #[serde(default)]
    pub(super) exemplars: Vec<TraceId>,
    /// When it had values last, when that is not the last tick. So a group that always has values is written down
    /// once, and one that has none keeps its clocks over a restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) silent_since: Option<UnixMicros>,
    /// Why it changed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<TransitionReason>,
    /// When it had values last.
    #[serde(skip)]
    pub(super) last_seen: UnixMicros,
    /// The numbers of the last tick.
    #[serde(skip)]
    pub(super) judgement: Judgement,
    /// Whether the last tick had ground for a judgement.
    #[serde(skip)]
    pub(super) was_judged: bool,
    #[serde(skip)]
    pub(super) is_learning: bool,
    /// A hash of its tags, for digests.
    #[serde(skip)]
    pub(super) key_hash: u64,
}

/// Something that is not well, from its beginning to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Alert {
    pub(super) id: Arc<str>,
    pub(super) since: UnixMicros,
}

impl GroupState {
    pub(super) fn new(at: UnixMicros, tags: &Tags) -> Self {
        let mut state = Self {
            machine: Machine::new(at),
            first_seen: at,
            seq: 0,
            alert: None,
            told: AlertState::Ok,
            told_at: at,
            repeats: 0,
            message: Arc::from(""),
            changed: Judgement::default(),
            exemplars: Vec::new(),
            silent_since: None,
            reason: None,
            last_seen: at,
            judgement: Judgement::default(),
            was_judged: false,
            is_learning: false,
            key_hash: 0,
        };
        state.resume(at, tags);
        state
    }

    /// A group as a change left it, seen last at an instant. What was told is taken for the same.
    pub(super) fn after(change: &Transition, at: UnixMicros) -> Self {
        let alert = Alert { id: Arc::clone(&change.alert_id), since: change.at };
        Self {
            machine: Machine::resumed(change.to, change.at),
            first_seen: UnixMicros(i64::MIN),
            seq: change.seq,
            alert: (change.to != AlertState::Ok).then_some(alert),
            told: change.to,
            told_at: change.at,
            changed: change.judgement,
            reason: Some(change.reason),
            ..Self::new(at, &change.group)
        }
    }

    /// Fills in what is not kept; `at` is the last tick.
    pub(super) fn resume(&mut self, at: UnixMicros, tags: &Tags) {
        self.last_seen = self.silent_since.unwrap_or(at);
        self.key_hash = super::digest::of_tags(tags);
    }

    /// Numbers a change and gives the alert its id. An alert that people know keeps its id until they are told of its
    /// end, whatever happened in between.
    pub(super) fn note(&mut self, monitor: &str, tags: &Tags, at: UnixMicros, change: Change) -> Arc<str> {
        self.seq += 1;
        self.reason = Some(change.reason);
        let is_known = self.told != AlertState::Ok;
        if self.alert.is_none() || change.from == AlertState::Ok && !is_known {
            self.alert = Some(Alert { id: alert_id(monitor, tags, self.seq, at), since: at });
        }
        let is_over = change.to == AlertState::Ok && !is_known;
        let alert = if is_over { self.alert.take() } else { self.alert.clone() };
        alert.map_or_else(|| Arc::from(""), |alert| alert.id)
    }

    /// When it is old enough to alert.
    pub(super) fn matures_at(&self, new_group_delay_us: i64) -> UnixMicros {
        self.first_seen.saturating_add_us(new_group_delay_us)
    }

    /// Whether nothing is to be remembered of it.
    pub(super) fn is_at_rest(&self) -> bool {
        self.machine.state() == AlertState::Ok
            && self.machine.pending().is_none()
            && self.told == AlertState::Ok
    }
}

/// A hash of monitor, group and the change that left `Ok`, by its number and its tick: 32 hexadecimal digits. The tick is in
/// it because a group that expired and comes back counts its changes anew.
fn alert_id(monitor: &str, tags: &Tags, seq: u64, at: UnixMicros) -> Arc<str> {
    let mut hash = Sha256::new();
    hash.update(monitor.as_bytes());
    for (key, value) in tags.iter() {
        hash.update([0]);
        hash.update(key.as_str().as_bytes());
        hash.update([1]);
        hash.update(value.as_bytes());
    }
    hash.update([2]);
    hash.update(seq.to_be_bytes());
    hash.update(at.0.to_be_bytes());
    Arc::from(super::digest::hex(&hash.finalize()[..16]))
}
