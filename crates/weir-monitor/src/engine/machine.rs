//! The state of one group, and what a reading makes of it: the pure heart of a monitor.
//!
//! A worse state counts when it has held for `for`, a better one when it has held for `keep_firing`; both are counted in
//! event time from tick to tick, so a restart does not begin them anew. A reading that is no ground for a judgement
//! (too few samples, a window that is not full, values that are missing, a question that failed) moves no clock and
//! changes no state: an error never looks like an alert, and never like a recovery.

use serde::{Deserialize, Serialize};
use weir_types::{AlertState, TransitionReason, UnixMicros};

use crate::condition::Comparison;

/// Where states begin and end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// Which side is bad.
    pub comparison: Comparison,
    /// Where a warning begins.
    pub warning: Option<f64>,
    /// Where an alert begins.
    pub critical: Option<f64>,
    /// Where the worst of the two ends; where it begins when absent.
    pub recovery: Option<f64>,
    /// How long a worse state must hold, in microseconds.
    pub for_us: i64,
    /// How long a better state must hold, in microseconds.
    pub keep_firing_us: i64,
}

impl Bounds {
    /// The state that a value belongs to for a group that is in `state`: a state that was reached ends where its
    /// recovery says, with the inclusiveness of the comparison flipped.
    pub fn target(&self, state: AlertState, value: f64) -> AlertState {
        let crosses = |bound: Option<f64>| bound.is_some_and(|bound| self.comparison.holds(value, bound));
        let is_back = self.recovery.is_none_or(|bound| self.comparison.recovery().holds(value, bound));
        // The recovery belongs to the alert where there is one, and to the warning otherwise.
        let (holds_alert, holds_warning) = match self.critical {
            Some(_) => (state == AlertState::Alert && !is_back, false),
            None => (false, state == AlertState::Warn && !is_back),
        };
        if holds_alert || crosses(self.critical) {
            AlertState::Alert
        } else if holds_warning || crosses(self.warning) {
            AlertState::Warn
        } else {
            AlertState::Ok
        }
    }

    /// The state that an estimate belongs to: worse only when the bound has crossed too, which is how far towards the good
    /// side the truth may be; better when the value is back.
    pub fn target_of_estimate(&self, state: AlertState, value: f64, bound: f64) -> AlertState {
        // A group without values before this is as one that was well.
        let known = if state == AlertState::NoData { AlertState::Ok } else { state };
        self.target(known, value).min(self.target(known, bound).max(known))
    }

    /// The threshold that a state is about.
    pub fn threshold_of(&self, state: AlertState) -> Option<f64> {
        match state {
            AlertState::Alert => self.critical.or(self.warning),
            AlertState::Ok | AlertState::NoData | AlertState::Warn => self.warning.or(self.critical),
        }
    }
}

/// What one tick saw of a group, as far as its state depends on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Seen {
    /// A value.
    Value(f64),
    /// A value that is an estimate.
    Estimate {
        /// The value.
        value: f64,
        /// How far towards the good side the truth may be.
        bound: f64,
    },
    /// A state that does not come from a value: of composites, or by a policy for missing values.
    State(AlertState),
    /// No ground for a judgement.
    Nothing,
    /// No values for so long that this is a state of its own.
    NoData,
}

/// How long a better or worse state has held, in microseconds of event time; `None` when it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Clocks {
    /// At least a warning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    warn: Option<i64>,
    /// An alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alert: Option<i64>,
    /// Less than an alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    below_alert: Option<i64>,
    /// Less than a warning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    below_warn: Option<i64>,
}

impl Clocks {
    /// Moves the clocks that may change `state`; the others stand still at nothing, so that a group at rest does not
    /// change from tick to tick.
    fn turn(&mut self, state: AlertState, target: AlertState, by_us: i64) {
        let turn = |clock: &mut Option<i64>, holds: bool| {
            *clock = holds.then(|| clock.map_or(0, |held| held.saturating_add(by_us)));
        };
        turn(&mut self.warn, state < AlertState::Warn && target >= AlertState::Warn);
        turn(&mut self.alert, state < AlertState::Alert && target >= AlertState::Alert);
        turn(&mut self.below_alert, state >= AlertState::Alert && target < AlertState::Alert);
        turn(&mut self.below_warn, state >= AlertState::Warn && target < AlertState::Warn);
    }
}

/// The state of one group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    state: AlertState,
    since: UnixMicros,
    clocks: Clocks,
}

/// A change of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// What it was.
    pub from: AlertState,
    /// What it is.
    pub to: AlertState,
    /// Why.
    pub reason: TransitionReason,
}

impl Machine {
    /// A group that is well.
    pub fn new(at: UnixMicros) -> Self {
        Self { state: AlertState::Ok, since: at, clocks: Clocks::default() }
    }

    /// A group in a state that was reached before.
    pub fn resumed(state: AlertState, since: UnixMicros) -> Self {
        Self { state, ..Self::new(since) }
    }

    /// The state.
    pub fn state(&self) -> AlertState {
        self.state
    }

    /// Since when.
    pub fn since(&self) -> UnixMicros {
        self.since
    }

    /// The state that it will have when what holds now goes on to hold, and for how long that has held.
    pub fn pending(&self) -> Option<(AlertState, i64)> {
        let is_worse =
            |state: AlertState, held: Option<i64>| held.filter(|_| state > self.state).map(|us| (state, us));
        let better = || match (self.state, self.clocks.below_warn, self.clocks.below_alert) {
            (AlertState::Alert | AlertState::Warn, Some(us), _) => Some((AlertState::Ok, us)),
            (AlertState::Alert, None, Some(us)) => Some((AlertState::Warn, us)),
            _ => None,
        };
        is_worse(AlertState::Alert, self.clocks.alert)
            .or_else(|| is_worse(AlertState::Warn, self.clocks.warn))
            .or_else(better)
    }

    /// Takes in what a tick saw, `by_us` after the tick before it. `may_worsen` is false while the group is too new to
    /// alert.
    pub fn step(
        &mut self,
        bounds: &Bounds,
        at: UnixMicros,
        by_us: i64,
        seen: Seen,
        may_worsen: bool,
    ) -> Option<Change> {
        let target = match seen {
            Seen::Nothing => return None,
            Seen::NoData => {
                self.clocks = Clocks::default();
                return self.become_state(AlertState::NoData, at, TransitionReason::NoData);
            }
            Seen::Value(value) => bounds.target(self.state, value),
            Seen::Estimate { value, bound } => bounds.target_of_estimate(self.state, value, bound),
            Seen::State(state) => state,
        };
        self.clocks.turn(self.state, target, by_us);
        if self.state == AlertState::NoData {
            // Values are back: it is what they say at once, because nothing is known of before.
            let to = if may_worsen { target } else { AlertState::Ok };
            return self.become_state(to, at, TransitionReason::DataReturned);
        }
        let has_held = |clock: Option<i64>, needed_us: i64| clock.is_some_and(|held_us| held_us >= needed_us);
        let clocks = self.clocks;
        if may_worsen && self.state < AlertState::Alert && has_held(clocks.alert, bounds.for_us) {
            return self.become_state(AlertState::Alert, at, TransitionReason::Crossed);
        }
        if may_worsen && self.state < AlertState::Warn && has_held(clocks.warn, bounds.for_us) {
            return self.become_state(AlertState::Warn, at, TransitionReason::Crossed);
        }
        if self.state >= AlertState::Warn && has_held(clocks.below_warn, bounds.keep_firing_us) {
            return self.become_state(AlertState::Ok, at, TransitionReason::Recovered);
        }
        if self.state == AlertState::Alert && has_held(clocks.below_alert, bounds.keep_firing_us) {
            return self.become_state(AlertState::Warn, at, TransitionReason::Recovered);
        }
        None
    }

    /// Ends whatever it is, for a reason outside of its values.
    pub fn close(&mut self, at: UnixMicros, reason: TransitionReason) -> Option<Change> {
        self.clocks = Clocks::default();
        self.become_state(AlertState::Ok, at, reason)
    }

    fn become_state(&mut self, to: AlertState, at: UnixMicros, reason: TransitionReason) -> Option<Change> {
        if to == self.state {
            return None;
        }
        let change = Change { from: self.state, to, reason };
        self.state = to;
        self.since = at;
        Some(change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        comparison: Comparison::Above,
        warning: Some(5.0),
        critical: Some(10.0),
        recovery: None,
        for_us: 0,
        keep_firing_us: 0,
    };

    fn minute(n: i64) -> UnixMicros {
        UnixMicros(n * UnixMicros::MINUTE)
    }

    /// The states after each value, a tick a minute; `None` is a tick without ground.
    fn states(bounds: &Bounds, values: &[Option<f64>]) -> String {
        let mut machine = Machine::new(minute(0));
        let step = |(n, value): (i64, &Option<f64>)| {
            let seen = value.map_or(Seen::Nothing, Seen::Value);
            machine.step(bounds, minute(n), UnixMicros::MINUTE, seen, true);
            match machine.state() {
                AlertState::Ok => '.',
                AlertState::NoData => '?',
                AlertState::Warn => 'w',
                AlertState::Alert => 'A',
            }
        };
        (1..).zip(values).map(step).collect()
    }

    fn some(values: &[f64]) -> Vec<Option<f64>> {
        values.iter().copied().map(Some).collect()
    }

    #[test]
    fn warning_and_alert_begin_above_their_bounds_and_not_at_them() {
        assert_eq!(states(&BOUNDS, &some(&[5.0, 5.1, 10.0, 10.1, 10.0, 5.0])), ".wwAw.");
    }

    #[test]
    fn each_comparison_is_undone_by_its_opposite() {
        for (comparison, at_bound) in [
            (Comparison::Above, AlertState::Ok),
            (Comparison::AtLeast, AlertState::Alert),
            (Comparison::Below, AlertState::Ok),
            (Comparison::AtMost, AlertState::Alert),
        ] {
            let bounds = Bounds { comparison, warning: None, critical: Some(10.0), ..BOUNDS };
            assert_eq!(bounds.target(AlertState::Ok, 10.0), at_bound, "{comparison}");
            // With a recovery at 8 (or 12) the value at it has recovered for strict comparisons' opposites alone.
            let recovery = if comparison.is_upward() { 8.0 } else { 12.0 };
            let with_recovery = Bounds { recovery: Some(recovery), ..bounds };
            let is_strict = matches!(comparison, Comparison::Above | Comparison::Below);
            let expected = if is_strict { AlertState::Ok } else { AlertState::Alert };
            assert_eq!(
                with_recovery.target(AlertState::Alert, recovery),
                expected,
                "{comparison} at its recovery"
            );
        }
    }

    #[test]
    fn an_alert_holds_until_its_recovery() {
        let bounds = Bounds { recovery: Some(7.0), ..BOUNDS };
        assert_eq!(states(&bounds, &some(&[11.0, 8.0, 7.1, 7.0, 8.0, 4.0])), "AAAww.");
    }

    #[test]
    fn a_worse_state_must_hold_and_too_few_samples_stop_its_clock() {
        let bounds = Bounds { for_us: 2 * UnixMicros::MINUTE, ..BOUNDS };
        assert_eq!(states(&bounds, &some(&[11.0, 11.0, 11.0])), "..A");
        assert_eq!(states(&bounds, &some(&[11.0, 4.0, 11.0, 11.0, 11.0])), "....A");
        // A tick without ground neither counts nor begins the clock anew.
        assert_eq!(states(&bounds, &[Some(11.0), None, Some(11.0), Some(11.0)]), "...A");
    }

    #[test]
    fn a_warning_that_becomes_an_alert_on_the_way_keeps_its_clock() {
        let bounds = Bounds { for_us: 2 * UnixMicros::MINUTE, ..BOUNDS };
        assert_eq!(states(&bounds, &some(&[6.0, 6.0, 11.0, 11.0, 11.0])), "..wwA");
    }

    #[test]
    fn a_better_state_must_hold_for_keep_firing() {
        let bounds = Bounds { keep_firing_us: 2 * UnixMicros::MINUTE, ..BOUNDS };
        assert_eq!(states(&bounds, &some(&[11.0, 4.0, 11.0, 4.0, 4.0, 4.0])), "AAAAA.");
        assert_eq!(states(&bounds, &some(&[11.0, 6.0, 4.0, 6.0])), "AAAw");
    }

    #[test]
    fn no_data_is_a_state_and_its_end_is_what_values_say() {
        let mut machine = Machine::new(minute(0));
        machine.step(&BOUNDS, minute(1), UnixMicros::MINUTE, Seen::Value(11.0), true);
        let change = machine.step(&BOUNDS, minute(2), UnixMicros::MINUTE, Seen::NoData, true).unwrap();
        assert_eq!(
            (change.from, change.to, change.reason),
            (AlertState::Alert, AlertState::NoData, TransitionReason::NoData)
        );
        assert_eq!(machine.step(&BOUNDS, minute(3), UnixMicros::MINUTE, Seen::NoData, true), None);
        let change = machine.step(&BOUNDS, minute(4), UnixMicros::MINUTE, Seen::Value(6.0), true).unwrap();
        assert_eq!((change.to, change.reason), (AlertState::Warn, TransitionReason::DataReturned));
    }

    #[test]
    fn an_estimate_gets_worse_by_its_bound_and_better_by_itself() {
        use AlertState::{Alert, Ok, Warn};
        let bounds = Bounds { recovery: Some(8.0), ..BOUNDS };
        let mut machine = Machine::new(minute(0));
        let mut states = |estimates: &[(f64, f64)]| -> Vec<AlertState> {
            let step = |(value, bound): &(f64, f64)| {
                let seen = Seen::Estimate { value: *value, bound: *bound };
                machine.step(&bounds, minute(1), UnixMicros::MINUTE, seen, true);
                machine.state()
            };
            estimates.iter().map(step).collect()
        };
        assert_eq!(states(&[(12.0, f64::NEG_INFINITY), (12.0, 4.0), (12.0, 6.0)]), [Ok, Ok, Warn]);
        // Unsure of an alert it stays a warning, unsure of a warning an alert.
        assert_eq!(
            states(&[(12.0, 1.0), (12.0, 10.5), (12.0, 1.0), (9.0, 1.0)]),
            [Warn, Alert, Alert, Alert]
        );
        assert_eq!(states(&[(7.0, 1.0), (4.0, 1.0)]), [Warn, Ok]);
    }

    #[test]
    fn after_missing_values_an_estimate_counts_as_that_of_a_group_that_was_well() {
        let target = |value, bound| BOUNDS.target_of_estimate(AlertState::NoData, value, bound);
        assert_eq!(
            [target(12.0, 4.0), target(12.0, 11.0), target(4.0, 1.0)],
            [AlertState::Ok, AlertState::Alert, AlertState::Ok]
        );
    }

    #[test]
    fn a_new_group_gets_no_worse_until_it_may() {
        let mut machine = Machine::new(minute(0));
        assert_eq!(machine.step(&BOUNDS, minute(1), UnixMicros::MINUTE, Seen::Value(11.0), false), None);
        assert!(machine.step(&BOUNDS, minute(2), UnixMicros::MINUTE, Seen::Value(11.0), true).is_some());
    }
}
