//! What a backtest counts of one group.

use crate::engine::Had;
use weir_types::{AlertState, JudgedPoint, Judgement, Tags, TimeRange, UnixMicros};

/// An alert that is over sooner than this helped nobody.
const FLAP_US: i64 = 10 * UnixMicros::MINUTE;

/// What one group of a monitor would have done.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupBacktest {
    /// The group.
    pub group: Tags,
    /// How often it would have left what is well.
    pub alerts: u64,
    /// Alerts that were over within ten minutes.
    pub flaps: u64,
    /// For how many ticks it was judged.
    pub ticks: u64,
    /// For how many of them it was not well.
    pub firing_ticks: u64,
    /// For how many of them it had no value.
    pub missing_ticks: u64,
    /// For how many of them it had enough values.
    pub judged_ticks: u64,
    /// The least value that was judged.
    pub least: Option<f64>,
    /// The greatest value that was judged.
    pub greatest: Option<f64>,
    /// Points for a chart, in order: of each part of the range the worst.
    pub points: Vec<JudgedPoint>,
}

impl GroupBacktest {
    /// The share of its ticks in which it was not well.
    pub fn firing_share(&self) -> f64 {
        share(self.firing_ticks, self.ticks)
    }

    /// The share of its ticks in which it had no value.
    pub fn missing_share(&self) -> f64 {
        share(self.missing_ticks, self.ticks)
    }
}

pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// What is compared with the threshold: for those that judge the unusual that is the share of points, and elsewhere the
/// value.
pub(super) fn judged_value(judgement: &Judgement) -> Option<f64> {
    judgement.fraction.or(judgement.value)
}

/// Counts.
pub(super) struct Tally {
    pub(super) report: GroupBacktest,
    /// The value of each tick in which there was one.
    pub(super) values: Vec<f64>,
    alert_since: Option<UnixMicros>,
    part_us: i64,
    from: UnixMicros,
    is_upward: bool,
}

impl Tally {
    pub(super) fn new(group: Tags, range: TimeRange, points_max: usize, is_upward: bool) -> Self {
        let parts = i64::try_from(points_max.max(1)).unwrap_or(i64::MAX);
        let part_us = (range.len_us() / parts).max(UnixMicros::MINUTE);
        let report = GroupBacktest {
            group,
            alerts: 0,
            flaps: 0,
            ticks: 0,
            firing_ticks: 0,
            missing_ticks: 0,
            judged_ticks: 0,
            least: None,
            greatest: None,
            points: Vec::new(),
        };
        Self { report, values: Vec::new(), alert_since: None, part_us, from: range.from, is_upward }
    }

    /// Takes in a tick.
    pub(super) fn note(&mut self, at: UnixMicros, state: AlertState, judgement: &Judgement, had: Had) {
        self.report.ticks += 1;
        let is_firing = state >= AlertState::Warn;
        self.report.firing_ticks += u64::from(is_firing);
        self.report.missing_ticks += u64::from(had == Had::Nothing);
        if let Some(value) = judged_value(judgement).filter(|_| had == Had::Ground) {
            self.report.judged_ticks += 1;
            self.report.least = Some(self.report.least.map_or(value, |least| least.min(value)));
            self.report.greatest = Some(self.report.greatest.map_or(value, |greatest| greatest.max(value)));
            self.values.push(value);
        }
        match (is_firing, self.alert_since) {
            (true, None) => {
                self.report.alerts += 1;
                self.alert_since = Some(at);
            }
            (false, Some(since)) => {
                self.report.flaps += u64::from(at.0.saturating_sub(since.0) < FLAP_US);
                self.alert_since = None;
            }
            _ => {}
        }
        self.show(JudgedPoint { at, judgement: *judgement, state });
    }

    /// Keeps the worst point of each part of the range.
    fn show(&mut self, point: JudgedPoint) {
        let part = |at: UnixMicros| at.0.saturating_sub(self.from.0 + 1).div_euclid(self.part_us);
        let Some(last) = self.report.points.last_mut().filter(|last| part(last.at) == part(point.at)) else {
            self.report.points.push(point);
            return;
        };
        let bad = |point: &JudgedPoint| {
            let value = judged_value(&point.judgement).unwrap_or(f64::NAN);
            if self.is_upward { value } else { -value }
        };
        let is_worse = (point.state, bad(&point)) > (last.state, bad(last)) || bad(last).is_nan();
        if is_worse {
            *last = point;
        }
    }
}
