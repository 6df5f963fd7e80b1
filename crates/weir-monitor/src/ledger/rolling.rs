//! The merged cells of each group over one window, which moves along.

use std::collections::VecDeque;

use weir_types::{Cell, Histogram, TimeRange, UnixMicros};

use super::slots::{GroupNumber, SlotCells, Slots, SmallCell};

/// The finer and the coarser slots of a track.
#[derive(Clone, Copy)]
pub(super) struct Tiers<'a> {
    pub(super) minutes: &'a Slots,
    pub(super) hours: &'a Slots,
}

impl<'a> Tiers<'a> {
    /// The slots that a range is made of: whole hours where they fit, minutes at the edges.
    pub(super) fn between(self, range: TimeRange) -> impl Iterator<Item = (UnixMicros, &'a SlotCells)> {
        let first_hour = UnixMicros(range.from.0 + UnixMicros::HOUR - 1).floor_to(UnixMicros::HOUR);
        let last_hour = range.to.floor_to(UnixMicros::HOUR);
        let (hours_from, hours_to) =
            if first_hour < last_hour { (first_hour, last_hour) } else { (range.to, range.to) };
        let before = self.minutes.between(range.from, hours_from.min(range.to));
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
    totals: Vec<Total>,
    /// How often anything was asked when it was last used; the least is dropped first.
    pub(super) used: u64,
}

impl Rolling {
    /// The window's cells, merged from the start.
    pub(super) fn over(range: TimeRange, tiers: Tiers<'_>) -> Self {
        let mut rolling = Self { range, totals: Vec::new(), used: 0 };
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

    /// Whether what leaves it first is still kept.
    pub(super) fn starts_within(&self, minutes_from: UnixMicros, hours_from: UnixMicros) -> bool {
        let from = self.range.from;
        from >= minutes_from || from.0 % UnixMicros::HOUR == 0 && from >= hours_from
    }

    /// How far it would have to move.
    pub(super) fn distance_us(&self, range: TimeRange) -> i64 {
        (range.from.0 - self.range.from.0).abs() + (range.to.0 - self.range.to.0).abs()
    }

    /// Moves on: adds what enters and takes away what leaves.
    pub(super) fn move_to(&mut self, range: TimeRange, tiers: Tiers<'_>) {
        for (at, cells) in tiers.between(TimeRange { from: self.range.to, to: range.to }) {
            for (group, cell) in cells {
                self.total(*group).add(at, cell);
            }
        }
        if range.from > self.range.from {
            for (_, cells) in tiers.between(TimeRange { from: self.range.from, to: range.from }) {
                for (group, cell) in cells {
                    self.total(*group).subtract(cell);
                }
            }
            for total in &mut self.totals {
                total.least.drop_before(range.from);
                total.greatest.drop_before(range.from);
            }
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

    /// The groups with values, and what they saw.
    pub(super) fn groups(&self, with_histogram: bool) -> impl Iterator<Item = (usize, Cell)> {
        let seen = self.totals.iter().enumerate().filter(|(_, total)| total.count > 0);
        seen.map(move |(group, total)| {
            let histogram = if with_histogram { total.histogram.clone() } else { Histogram::new() };
            let cell = Cell {
                count: total.count,
                sum_nano: total.sum_nano,
                min: total.least.best(),
                max: total.greatest.best(),
                histogram,
            };
            (group, cell)
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
