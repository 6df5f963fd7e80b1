//! The merged cells of each group over one window, which moves along.

use std::collections::VecDeque;

use weir_types::{Cell, Histogram, TimeRange, UnixMicros};

use super::slots::{GroupNumber, SlotCells, Slots, SmallCell};

/// The finer and the coarser slots of a track.
#[derive(Clone, Copy)]
pub(super) struct Tiers<'a> {
    pub(super) minutes: &'a Slots,
    pub(super) hours: &'a Slots,
    /// From when on minutes and hours are complete.
    pub(super) minutes_from: UnixMicros,
    pub(super) hours_from: UnixMicros,
}

impl<'a> Tiers<'a> {
    /// The whole hours of a range that are read as such; empty at its end when there are none.
    fn whole_hours(self, range: TimeRange) -> TimeRange {
        let from = range.from.max(self.hours_from);
        let first = UnixMicros(from.0.saturating_add(UnixMicros::HOUR - 1)).floor_to(UnixMicros::HOUR);
        let last = range.to.floor_to(UnixMicros::HOUR);
        if first < last {
            TimeRange { from: first, to: last }
        } else {
            TimeRange { from: range.to, to: range.to }
        }
    }

    /// Whether all slots of a range are there.
    pub(super) fn cover(self, range: TimeRange) -> bool {
        let hours = self.whole_hours(range);
        let has_minutes = |from: UnixMicros, to: UnixMicros| from >= to || from >= self.minutes_from;
        has_minutes(range.from, hours.from) && has_minutes(hours.to, range.to)
    }

    /// The slots that a range is made of: whole hours where they fit, minutes at the edges.
    pub(super) fn between(self, range: TimeRange) -> impl Iterator<Item = (UnixMicros, &'a SlotCells)> {
        let TimeRange { from: hours_from, to: hours_to } = self.whole_hours(range);
        let before = self.minutes.between(range.from, hours_from);
        let hours = self.hours.between(hours_from, hours_to);
        let after = self.minutes.between(hours_to, range.to);
        before.chain(hours).chain(after)
    }
}

/// The best value of each start of a slot that no later one beats: the first is the best of the window.
#[derive(Debug, Clone, Default)]
struct Extremes {
    queue: VecDeque<(UnixMicros, f64)>,
}

impl Extremes {
    /// Adds a value that is not older than those before it.
    fn push(&mut self, at: UnixMicros, value: f64, beats: fn(f64, f64) -> bool) {
        while self.queue.back().is_some_and(|(_, last)| !beats(*last, value)) {
            self.queue.pop_back();
        }
        self.queue.push_back((at, value));
    }

    /// Adds a value wherever its time is.
    fn insert(&mut self, at: UnixMicros, value: f64, beats: fn(f64, f64) -> bool) {
        let place = self.queue.partition_point(|(start, _)| *start <= at);
        if self.queue.get(place).is_some_and(|(_, later)| !beats(value, *later)) {
            // A later value is as good, and it stays longer.
            return;
        }
        let mut first = place;
        while first > 0 && !beats(self.queue[first - 1].1, value) {
            first -= 1;
        }
        self.queue.drain(first..place);
        self.queue.insert(first, (at, value));
    }

    fn drop_before(&mut self, from: UnixMicros) {
        while self.queue.front().is_some_and(|(at, _)| *at < from) {
            self.queue.pop_front();
        }
    }

    fn best(&self) -> Option<f64> {
        self.queue.front().map(|(_, value)| *value)
    }
}

fn is_less(a: f64, b: f64) -> bool {
    a < b
}

fn is_greater(a: f64, b: f64) -> bool {
    a > b
}

/// What one group saw in the window.
#[derive(Debug, Clone, Default)]
struct Total {
    count: u64,
    sum_nano: i128,
    histogram: Histogram,
    least: Extremes,
    greatest: Extremes,
}

impl Total {
    fn add(&mut self, at: UnixMicros, cell: &SmallCell) {
        self.count = self.count.saturating_add(cell.count);
        self.sum_nano = self.sum_nano.saturating_add(cell.sum_nano);
        if let Some(histogram) = &cell.histogram {
            self.histogram.merge(histogram);
        }
        if self.least.queue.back().is_none_or(|(last, _)| *last <= at) {
            self.least.push(at, cell.min, is_less);
        } else {
            self.least.insert(at, cell.min, is_less);
        }
        if self.greatest.queue.back().is_none_or(|(last, _)| *last <= at) {
            self.greatest.push(at, cell.max, is_greater);
        } else {
            self.greatest.insert(at, cell.max, is_greater);
        }
    }

    fn subtract(&mut self, cell: &SmallCell) {
        self.count = self.count.saturating_sub(cell.count);
        self.sum_nano = self.sum_nano.saturating_sub(cell.sum_nano);
        if let Some(histogram) = &cell.histogram {
            self.histogram.subtract(histogram);
        }
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Rolling {
    range: TimeRange,
    /// What was read as whole hours: their least and greatest values leave all at once, so the window cannot start
    /// within one of them.
    hours: TimeRange,
    totals: Vec<Total>,
    /// How often anything was asked when it was last used; the least is dropped first.
    pub(super) used: u64,
}

impl Rolling {
    /// The window's cells, merged from the start.
    pub(super) fn over(range: TimeRange, tiers: Tiers<'_>) -> Self {
        // A window that starts within an hour is one that moves by minutes: read by the minute now it never has to be
        // read again.
        let in_minutes = Tiers { hours_from: UnixMicros(i64::MAX), ..tiers };
        let is_hourly = range.from.0 % UnixMicros::HOUR == 0 || !in_minutes.cover(range);
        let tiers = if is_hourly { tiers } else { in_minutes };
        let mut rolling = Self { range, hours: tiers.whole_hours(range), totals: Vec::new(), used: 0 };
        for (at, cells) in tiers.between(range) {
            for (group, cell) in cells {
                rolling.total(*group).add(at, cell);
            }
        }
        rolling
    }

    /// Whether moving to a range is less work than merging it from the start: it has moved on, by less than half of
    /// its length.
    pub(super) fn can_move_to(&self, range: TimeRange) -> bool {
        let (from_us, to_us) = (range.from.0 - self.range.from.0, range.to.0 - self.range.to.0);
        from_us >= 0 && to_us >= 0 && from_us + to_us <= range.len_us()
    }

    /// Whether moving to a range is exact: what leaves and what enters is kept, and no hour that was read as a whole
    /// leaves in parts.
    pub(super) fn moves_exactly_to(&self, range: TimeRange, tiers: Tiers<'_>) -> bool {
        let is_within_hour = range.from > self.hours.from
            && range.from < self.hours.to
            && range.from.0 % UnixMicros::HOUR != 0;
        let (leaving, entering) = self.difference(range);
        !is_within_hour && tiers.cover(leaving) && tiers.cover(entering)
    }

    /// What leaves and what enters on the way to a later range.
    fn difference(&self, range: TimeRange) -> (TimeRange, TimeRange) {
        let leaving = TimeRange { from: self.range.from, to: range.from };
        (leaving, TimeRange { from: self.range.to, to: range.to })
    }

    /// How far it would have to move.
    pub(super) fn distance_us(&self, range: TimeRange) -> i64 {
        (range.from.0 - self.range.from.0).abs() + (range.to.0 - self.range.to.0).abs()
    }

    /// Moves on: adds what enters and takes away what leaves.
    pub(super) fn move_to(&mut self, range: TimeRange, tiers: Tiers<'_>) {
        let (leaving, entering) = self.difference(range);
        for (at, cells) in tiers.between(entering) {
            for (group, cell) in cells {
                self.total(*group).add(at, cell);
            }
        }
        for (_, cells) in tiers.between(leaving) {
            for (group, cell) in cells {
                self.total(*group).subtract(cell);
            }
        }
        if !leaving.is_empty() {
            for total in &mut self.totals {
                total.least.drop_before(range.from);
                total.greatest.drop_before(range.from);
            }
        }
        let hours = tiers.whole_hours(entering);
        if !hours.is_empty() {
            let from = if self.hours.is_empty() { hours.from } else { self.hours.from };
            self.hours = TimeRange { from, to: hours.to };
        }
        self.range = range;
    }

    /// Adds a cell that came after the window had been there.
    pub(super) fn add_late(&mut self, at: UnixMicros, group: GroupNumber, cell: &SmallCell) {
        if (self.range.from..self.range.to).contains(&at) {
            self.total(group).add(at, cell);
        }
    }

    /// Takes a cell away again; the least and the greatest stay as bounds.
    pub(super) fn take_away(&mut self, at: UnixMicros, group: GroupNumber, cell: &SmallCell) {
        if (self.range.from..self.range.to).contains(&at) {
            self.total(group).subtract(cell);
        }
    }

    /// What a group saw; `None` when it has no values.
    pub(super) fn cell(&self, group: GroupNumber, with_histogram: bool) -> Option<Cell> {
        let total = self.totals.get(group as usize).filter(|total| total.count > 0)?;
        let histogram = if with_histogram { total.histogram.clone() } else { Histogram::new() };
        Some(Cell {
            count: total.count,
            sum_nano: total.sum_nano,
            min: total.least.best(),
            max: total.greatest.best(),
            histogram,
        })
    }

    fn total(&mut self, group: GroupNumber) -> &mut Total {
        let place = group as usize;
        if self.totals.len() <= place {
            self.totals.resize_with(place + 1, Total::default);
        }
        &mut self.totals[place]
    }
}
