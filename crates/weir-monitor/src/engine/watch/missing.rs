//! Groups without values: what they are taken for, and when they are given up.

use weir_types::{Judgement, TransitionReason, UnixMicros};

use super::step::{self, Judged1, Step};
use super::{Kind, Watch};
use crate::definition::NoData;
use crate::engine::Presence;
use crate::engine::group::GroupState;
use crate::engine::machine::Seen;
use weir_types::AlertState;

impl Watch {
    /// Takes the groups that had no value at this tick a tick further.
    pub(super) fn apply_missing(
        &mut self,
        at: UnixMicros,
        by_us: i64,
        presence: Presence,
        judged: &mut Judged1,
    ) {
        let (counts, window_us) = match &self.kind {
            Kind::Metric(metric) => (metric.counts(), metric.window_us()),
            _ => (false, 0),
        };
        let handling = &self.monitor.handling;
        let policy = handling.no_data.unwrap_or(if counts { NoData::Zero } else { NoData::Last });
        let no_data_for_us = handling.no_data_for_us.unwrap_or(2 * window_us);
        let step = Step { monitor: &self.monitor.name, bounds: &self.bounds, at, by_us };
        for (tags, state) in self.groups.values_mut().filter(|(_, state)| state.last_seen < at) {
            if presence == Presence::Away {
                // While Weir was away nobody knows whether values were missing, so that time does not count.
                state.last_seen = state.last_seen.saturating_add_us(by_us);
            }
            if state.silent_since != Some(state.last_seen) {
                state.silent_since = Some(state.last_seen);
                judged.touched.push(tags.clone());
            }
            let is_long_ago = at.0.saturating_sub(state.last_seen.0) >= no_data_for_us;
            state.judgement = Judgement::default();
            let seen = match policy {
                // While Weir was away nobody knows whether nothing happened.
                NoData::Zero if presence == Presence::Here => {
                    state.judgement.value = Some(0.0);
                    Seen::Value(0.0)
                }
                NoData::Ok if presence == Presence::Here => Seen::State(AlertState::Ok),
                NoData::Notify | NoData::Show if is_long_ago && presence == Presence::Here => Seen::NoData,
                NoData::Zero | NoData::Ok | NoData::Last | NoData::Notify | NoData::Show => Seen::Nothing,
            };
            step.take(tags, state, seen, true, judged);
        }
    }

    /// Closes groups that had no values for long, and drops them when people know.
    pub(super) fn expire(&mut self, at: UnixMicros, judged: &mut Judged1) {
        let retention_us = self.monitor.handling.group_retention_us;
        let monitor = &self.monitor.name;
        let is_expired = |state: &GroupState| at.0.saturating_sub(state.last_seen.0) >= retention_us;
        if !self.groups.values().any(|(_, state)| is_expired(state)) {
            return;
        }
        self.groups.retain(|_, (tags, state)| {
            // The one group of a condition without groups is there for as long as the monitor is.
            if !is_expired(state) || tags.is_empty() {
                return true;
            }
            if state.machine.state() != AlertState::Ok {
                step::close(monitor, at, tags, state, TransitionReason::GroupExpired, judged);
                judged.touched.push(tags.clone());
            }
            if state.is_at_rest() {
                judged.dropped.push(tags.clone());
            }
            !state.is_at_rest()
        });
    }
}
