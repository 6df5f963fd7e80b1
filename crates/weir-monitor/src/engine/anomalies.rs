//! Bands of a monitor's groups: each interval that is over is judged by the band of its group and then learned.

use std::collections::{BTreeMap, VecDeque};

use weir_query::{Query, QueryError, Zone, run_window};
use weir_types::metric::Unit;
use weir_types::{Judgement, Scan, TimeRange, UnixMicros};

use super::reading::{Group, Outcome, Reading};
use crate::condition::Anomaly;
use crate::detect::{Band, BandModel, BandPoint, BandSpec, SeasonSlot};

/// How long bands look back when they are made anew: six weeks, as far as there are cells.
const HISTORY_US: i64 = 42 * UnixMicros::DAY;

/// The band of one group, and the points that were judged in the alert window.
#[derive(Debug, Clone)]
struct Learned {
    band: Band,
    judged: VecDeque<(UnixMicros, BandPoint, u64)>,
    seen_at: UnixMicros,
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Anomalies {
    model: BandModel,
    interval_us: i64,
    alert_window_us: i64,
    zero_fill: bool,
    /// The end of the last interval that was judged.
    judged_to: Option<UnixMicros>,
    groups: BTreeMap<Group, Learned>,
}

impl Anomalies {
    pub(super) fn new(anomaly: &Anomaly, unit: Unit) -> Self {
        let interval_us = anomaly.interval_us.value.max(UnixMicros::MINUTE);
        Self {
            model: BandModel::new(&BandSpec::of(anomaly, unit)),
            interval_us,
            alert_window_us: anomaly.alert_window_us.value.max(interval_us),
            zero_fill: anomaly.count_default_zero.value,
            judged_to: None,
            groups: BTreeMap::new(),
        }
    }

    /// The time that bands are made of when they are made anew at an instant.
    pub(super) fn history(&self, at: UnixMicros) -> TimeRange {
        let to = at.floor_to(self.interval_us);
        TimeRange { from: to.saturating_add_us(-HISTORY_US).floor_to(self.interval_us), to }
    }

    /// Whether nothing was judged and learned yet.
    pub(super) fn is_new(&self) -> bool {
        self.judged_to.is_none()
    }

    /// The distance of points in microseconds.
    pub(super) fn interval_us(&self) -> i64 {
        self.interval_us
    }

    /// Starts at an instant: intervals that end before it are not looked at.
    pub(super) fn start_at(&mut self, at: UnixMicros) {
        self.judged_to = Some(at.floor_to(self.interval_us));
    }

    /// Judges and learns the intervals that are over at an instant.
    pub(super) fn move_to(
        &mut self,
        end: UnixMicros,
        query: &Query,
        zone: &Zone,
        group_retention_us: i64,
        scan: &dyn Scan,
    ) -> Result<(), QueryError> {
        let last = end.floor_to(self.interval_us);
        let mut start = self.judged_to.unwrap_or(last.saturating_add_us(-self.interval_us));
        while start < last {
            let interval = TimeRange { from: start, to: start.saturating_add_us(self.interval_us) };
            self.observe(interval, query, zone, scan)?;
            start = interval.to;
            self.judged_to = Some(start);
        }
        let forget_before = last.saturating_add_us(-group_retention_us);
        self.groups.retain(|_, learned| learned.seen_at >= forget_before);
        Ok(())
    }

    fn observe(
        &mut self,
        interval: TimeRange,
        query: &Query,
        zone: &Zone,
        scan: &dyn Scan,
    ) -> Result<(), QueryError> {
        let answer = run_window(query, interval, zone, scan)?;
        let offset_s = i32::try_from(zone.offset_us(interval.from) / UnixMicros::SECOND).unwrap_or(0);
        let slot = SeasonSlot::at(interval.from, offset_s);
        let mut values: BTreeMap<Group, (f64, u64)> = answer
            .values
            .into_iter()
            .filter_map(|value| Some((value.group, (value.value?, value.samples))))
            .collect();
        let keep_from = interval.to.saturating_add_us(-self.alert_window_us);
        let model = &self.model;
        for (group, learned) in &mut self.groups {
            let seen = values.remove(group);
            learned.observe(model, slot, interval.to, seen, self.zero_fill, keep_from);
        }
        for (group, seen) in values {
            let mut learned =
                Learned { band: Band::new(model), judged: VecDeque::new(), seen_at: interval.to };
            learned.observe(model, slot, interval.to, Some(seen), self.zero_fill, keep_from);
            self.groups.insert(group, learned);
        }
        Ok(())
    }

    /// For each group the share of judged points of the alert window that lie outside of the band.
    pub(super) fn readings(&self) -> Vec<Reading> {
        let groups = self.groups.iter().map(|(group, learned)| {
            let judged = learned.judged.len();
            let outside = learned.judged.iter().filter(|(_, point, _)| point.is_outside).count();
            let Some((_, point, samples)) = learned.judged.back() else {
                return Reading {
                    group: group.clone(),
                    outcome: Outcome::Insufficient,
                    judgement: Judgement::default(),
                    is_learning: true,
                };
            };
            // Of the points outside the most unusual one says what happened.
            let worst = learned.judged.iter().filter(|(_, point, _)| point.is_outside);
            let shown = worst
                .max_by(|(_, a, _), (_, b, _)| a.score.total_cmp(&b.score))
                .map_or(point, |(_, point, _)| point);
            let fraction = outside as f64 / judged as f64;
            let judgement = Judgement {
                value: Some(shown.value),
                threshold: None,
                samples: *samples,
                baseline: Some(shown.baseline),
                lower: Some(shown.lower),
                upper: Some(shown.upper),
                score: Some(shown.score),
                fraction: Some(fraction),
            };
            Reading {
                group: group.clone(),
                outcome: Outcome::Value(fraction),
                judgement,
                is_learning: shown.is_learning,
            }
        });
        groups.collect()
    }
}

impl Learned {
    fn observe(
        &mut self,
        model: &BandModel,
        slot: SeasonSlot,
        end: UnixMicros,
        seen: Option<(f64, u64)>,
        zero_fill: bool,
        keep_from: UnixMicros,
    ) {
        if seen.is_some() {
            self.seen_at = end;
        }
        let seen = seen.or(zero_fill.then_some((0.0, 0)));
        while self.judged.front().is_some_and(|(at, _, _)| *at <= keep_from) {
            self.judged.pop_front();
        }
        let point = self.band.observe(model, slot, seen.map(|(value, _)| value));
        if let (Some(point), Some((_, samples))) = (point, seen) {
            self.judged.push_back((end, point, samples));
        }
    }
}
