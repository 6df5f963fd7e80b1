//! What one tick does to one group.

use std::sync::Arc;

use weir_types::{AlertState, Judgement, Tags, TransitionReason, UnixMicros};

use crate::engine::digest::TickDigest;
use crate::engine::group::GroupState;
use crate::engine::machine::{Bounds, Change, Seen};
use crate::engine::reading::{Outcome, Reading};

/// A change of one group, before it is told.
pub(in crate::engine) struct GroupChange {
    pub(in crate::engine) group: Tags,
    pub(in crate::engine) change: Change,
    pub(in crate::engine) alert_id: Arc<str>,
    pub(in crate::engine) seq: u64,
    /// The numbers that it was judged by.
    pub(in crate::engine) numbers: Judgement,
}

/// A group that is gone, of which people know that it was not well.
pub(in crate::engine) struct Farewell {
    pub(in crate::engine) group: Tags,
    pub(in crate::engine) state: GroupState,
}

/// What a tick made of a monitor.
#[derive(Default)]
pub(in crate::engine) struct Judged1 {
    pub(in crate::engine) digest: TickDigest,
    pub(in crate::engine) changes: Vec<GroupChange>,
    /// Groups whose kept state changed.
    pub(in crate::engine) touched: Vec<Tags>,
    /// Groups that are no more.
    pub(in crate::engine) dropped: Vec<Tags>,
    /// Those of them that people should hear of.
    pub(in crate::engine) farewells: Vec<Farewell>,
}

/// A tick as the groups of one monitor see it.
pub(super) struct Step<'a> {
    pub(super) monitor: &'a str,
    pub(super) bounds: &'a Bounds,
    pub(super) at: UnixMicros,
    /// How long ago the tick before it was, in microseconds.
    pub(super) by_us: i64,
}

impl Step<'_> {
    /// Takes a group that has values a tick further. It does not alert before it was there for `new_group_delay_us`.
    pub(super) fn read(
        &self,
        tags: &Tags,
        state: &mut GroupState,
        reading: &Reading,
        new_group_delay_us: i64,
        judged: &mut Judged1,
    ) {
        state.judgement = reading.judgement;
        state.is_learning = reading.is_learning;
        state.last_seen = self.at;
        if state.silent_since.take().is_some() {
            judged.touched.push(tags.clone());
        }
        let seen = match reading.outcome {
            Outcome::Value(value) if reading.is_learning => guessed(self.bounds, state, value),
            Outcome::Value(value) => Seen::Value(value),
            Outcome::Estimate { value, bound } => Seen::Estimate { value, bound },
            Outcome::Insufficient | Outcome::Missing => Seen::Nothing,
        };
        let is_new = self.at < state.matures_at(new_group_delay_us);
        self.take(tags, state, seen, !is_new, judged);
    }

    /// Takes a group a tick further.
    pub(super) fn take(
        &self,
        tags: &Tags,
        state: &mut GroupState,
        seen: Seen,
        may_worsen: bool,
        judged: &mut Judged1,
    ) {
        state.was_judged = !matches!(seen, Seen::Nothing | Seen::NoData);
        let before = state.machine.clone();
        let change = state.machine.step(self.bounds, self.at, self.by_us, seen, may_worsen);
        if let Some(change) = change {
            note(self.monitor, self.at, tags, state, change, judged);
        }
        if change.is_some() || state.machine != before {
            judged.touched.push(tags.clone());
        }
    }
}

/// A guess may warn and does not page.
fn guessed(bounds: &Bounds, state: &GroupState, value: f64) -> Seen {
    let known = state.machine.state();
    let would_page = known < AlertState::Alert && bounds.target(known, value) == AlertState::Alert;
    if would_page { Seen::State(AlertState::Warn) } else { Seen::Value(value) }
}

/// Ends what a group is, for a reason outside of its values.
pub(super) fn close(
    monitor: &str,
    at: UnixMicros,
    tags: &Tags,
    state: &mut GroupState,
    reason: TransitionReason,
    judged: &mut Judged1,
) {
    if let Some(change) = state.machine.close(at, reason) {
        note(monitor, at, tags, state, change, judged);
    }
}

fn note(
    monitor: &str,
    at: UnixMicros,
    tags: &Tags,
    state: &mut GroupState,
    change: Change,
    judged: &mut Judged1,
) {
    let alert_id = state.note(monitor, tags, at, change);
    state.changed = state.judgement;
    judged.changes.push(GroupChange {
        group: tags.clone(),
        change,
        alert_id,
        seq: state.seq,
        numbers: state.judgement,
    });
}

/// Says goodbye to a group that is dropped, where people know that it was not well.
pub(super) fn drop_group(tags: Tags, state: GroupState, judged: &mut Judged1) {
    judged.dropped.push(tags.clone());
    if state.told != AlertState::Ok {
        judged.farewells.push(Farewell { group: tags, state });
    }
}
