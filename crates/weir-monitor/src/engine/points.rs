//! A window as points: the expression is evaluated for each interval, and the points become one value.
//!
//! A point is evaluated when its interval is over, and the newest few again at each tick, so that values that come a
//! little late are in them.

use std::collections::{BTreeMap, VecDeque};

use weir_query::{Query, QueryError, WindowAnswer, Zone, run_window};
use weir_types::{Scan, TimeRange, UnixMicros};

use super::reading::Group;
use crate::condition::{Change, PointAggregator};

/// Points that are evaluated again at each tick.
const FRESH: usize = 5;

/// One interval: where it ends, and for each group its value and samples.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub(super) end: UnixMicros,
    pub(super) values: BTreeMap<Group, (f64, u64)>,
}

/// The points of a window.
#[derive(Debug, Clone, Default)]
pub(super) struct Points {
    pub(super) points: VecDeque<Point>,
}

/// How a point is evaluated.
pub(super) struct PointQuery<'a> {
    pub(super) query: &'a Query,
    pub(super) zone: &'a Zone,
    pub(super) interval_us: i64,
    pub(super) change: Option<Change>,
}

impl Points {
    /// Moves on to the points whose intervals lie in a range.
    pub(super) fn move_to(
        &mut self,
        range: TimeRange,
        query: &PointQuery<'_>,
        scan: &dyn Scan,
    ) -> Result<(), QueryError> {
        let interval_us = query.interval_us;
        while self.points.front().is_some_and(|point| point.end.0 - interval_us < range.from.0) {
            self.points.pop_front();
        }
        self.points.truncate(self.points.len().saturating_sub(FRESH));
        let first = UnixMicros(range.from.0 + interval_us - 1).floor_to(interval_us);
        let mut start = self.points.back().map_or(first, |point| point.end);
        while start.0 + interval_us <= range.to.0 {
            let interval = TimeRange { from: start, to: start.saturating_add_us(interval_us) };
            let point = Self::evaluate(interval, query, scan)?;
            self.points.push_back(point);
            start = interval.to;
        }
        Ok(())
    }

    fn evaluate(interval: TimeRange, query: &PointQuery<'_>, scan: &dyn Scan) -> Result<Point, QueryError> {
        let now = run_window(query.query, interval, query.zone, scan)?;
        let mut values = by_group(now);
        if let Some(change) = query.change {
            let before = run_window(query.query, interval.earlier_by(change.shift_us), query.zone, scan)?;
            let before = by_group(before);
            values = values
                .into_iter()
                .filter_map(|(group, (value, samples))| {
                    let (earlier, _) = before.get(&group)?;
                    let difference = value - earlier;
                    let changed = if change.is_percent { difference / earlier * 100.0 } else { difference };
                    changed.is_finite().then_some((group, (changed, samples)))
                })
                .collect();
        }
        Ok(Point { end: interval.to, values })
    }

    /// Every group that has a value in some point.
    pub(super) fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> =
            self.points.iter().flat_map(|point| point.values.keys().cloned()).collect();
        groups.sort();
        groups.dedup();
        groups
    }

    /// The values of one group, a place for each point.
    pub(super) fn of(&self, group: &Group) -> Vec<Option<f64>> {
        self.points.iter().map(|point| point.values.get(group).map(|(value, _)| *value)).collect()
    }

    /// The samples of one group.
    pub(super) fn samples(&self, group: &Group) -> u64 {
        self.points.iter().filter_map(|point| point.values.get(group)).map(|(_, samples)| samples).sum()
    }
}

fn by_group(answer: WindowAnswer) -> BTreeMap<Group, (f64, u64)> {
    let values = answer.values.into_iter();
    values.filter_map(|value| Some((value.group, (value.value?, value.samples)))).collect()
}

/// One value of points; those without a value count as zero where `zero_fill` says so, and not at all otherwise.
pub(super) fn aggregate(aggregator: PointAggregator, points: &[Option<f64>], zero_fill: bool) -> Option<f64> {
    let filled: Vec<f64> = points
        .iter()
        .filter_map(|point| if zero_fill { Some(point.unwrap_or(0.0)) } else { *point })
        .collect();
    let values = || filled.iter().copied();
    if filled.is_empty() {
        return None;
    }
    match aggregator {
        PointAggregator::Sum => Some(values().sum()),
        PointAggregator::Avg => Some(values().sum::<f64>() / filled.len() as f64),
        PointAggregator::Min => values().reduce(f64::min),
        PointAggregator::Max => values().reduce(f64::max),
    }
}
