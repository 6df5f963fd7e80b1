//! The windows of time that an expression is evaluated in: one for each point of a series.
//!
//! Functions that look at other times (`week_before`, `week_over_week_change`) evaluate what they are given on a grid
//! of their own, with as many windows, so that points meet by their place in the grid. The store knows equal buckets
//! only; [`Grid::buckets`] finds the longest that every window is made of, and cells of buckets are merged into
//! windows. That is exact, because cells merge exactly, and it is what makes local days of 23 and 25 hours right.

use weir_types::{TimeRange, UnixMicros};

use crate::calendar::Calendar;

/// One window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    /// The time in it.
    pub(crate) range: TimeRange,
    /// The instant that functions over trailing time look back from.
    pub(crate) as_of: UnixMicros,
    /// How much of it has been asked for, in microseconds: the last window of a range that ends now is not over yet.
    pub(crate) covered_us: i64,
}

/// The windows of one evaluation, in the order of points.
#[derive(Debug, Clone)]
pub(crate) struct Grid {
    pub(crate) windows: Vec<Window>,
    pub(crate) calendar: Calendar,
    /// No value at or after this instant is asked for, although the last window may reach further.
    pub(crate) to: UnixMicros,
}

/// The equal buckets that the windows of a grid are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Buckets {
    /// From the first bucket to the end of the data.
    pub(crate) range: TimeRange,
    /// Their length; `None` when one bucket is all.
    pub(crate) step_us: Option<i64>,
}

/// How far back a function looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shift {
    /// Days of the local calendar.
    Days(i64),
    /// A fixed time.
    Micros(i64),
}

impl Grid {
    /// The same windows, earlier.
    #[must_use]
    pub(crate) fn shifted(&self, shift: Shift) -> Self {
        let earlier = |at: UnixMicros| match shift {
            Shift::Days(days) => self.calendar.days_before(at, days),
            Shift::Micros(us) => at.saturating_add_us(-us),
        };
        let windows = self.windows.iter().map(|window| {
            let from = earlier(window.range.from);
            // A short window keeps its length: clocks that change within it would turn it around.
            let is_short = window.range.len_us() <= UnixMicros::HOUR;
            let to = if is_short {
                from.saturating_add_us(window.range.len_us())
            } else {
                earlier(window.range.to)
            };
            let range = TimeRange { from, to };
            let is_whole = window.covered_us == window.range.len_us();
            let covered_us = if is_whole { range.len_us() } else { window.covered_us };
            Window { range, as_of: earlier(window.as_of), covered_us }
        });
        Self { windows: windows.collect(), calendar: self.calendar.clone(), to: earlier(self.to) }
    }

    /// For each window the last `days` local days before it was looked at.
    #[must_use]
    pub(crate) fn trailing(&self, days: i64) -> Self {
        let windows = self.windows.iter().map(|window| {
            let to = window.as_of.floor_to(UnixMicros::HOUR);
            let range = TimeRange { from: self.calendar.days_before(to, days), to };
            Window { range, as_of: to, covered_us: range.len_us() }
        });
        let windows: Vec<_> = windows.collect();
        let to = windows.iter().map(|window| window.range.to).max().unwrap_or(self.to);
        Self { windows, calendar: self.calendar.clone(), to }
    }

    /// One window over all of them.
    #[must_use]
    pub(crate) fn whole(&self) -> Self {
        let from = self.windows.iter().map(|window| window.range.from).min().unwrap_or(self.to);
        let to = self.windows.iter().map(|window| window.range.to).max().unwrap_or(self.to);
        let range = TimeRange { from, to };
        let as_of = self.to.min(to);
        let covered_us = TimeRange { from, to: as_of }.len_us();
        Self {
            windows: vec![Window { range, as_of, covered_us }],
            calendar: self.calendar.clone(),
            to: self.to,
        }
    }

    /// The longest equal buckets that every window is made of.
    pub(crate) fn buckets(&self) -> Buckets {
        let whole = self.whole().windows[0].range;
        let edges = self.windows.iter().flat_map(|window| [window.range.from, window.range.to]);
        let step_us =
            edges.fold(0, |step, edge| greatest_common_divisor(step, edge.0.saturating_sub(whole.from.0)));
        // Only the end of the time that is asked for is cut, to a whole minute, or hour where buckets are hours.
        let grain_us = if step_us % UnixMicros::HOUR == 0 { UnixMicros::HOUR } else { UnixMicros::MINUTE };
        let to = UnixMicros(
            ceil_to(self.to.0.saturating_sub(whole.from.0), grain_us).saturating_add(whole.from.0),
        );
        let range = TimeRange { from: whole.from, to: to.min(whole.to) };
        Buckets {
            range,
            step_us: (step_us < whole.len_us()).then_some(step_us).filter(|step_us| *step_us > 0),
        }
    }
}

/// Finds the windows of a grid that a bucket lies in. Windows may overlap (trailing ones do), and where clocks were put
/// forward a week before they may be out of order.
pub(crate) struct WindowIndex<'a> {
    windows: &'a [Window],
    /// The windows by their start.
    order: Vec<usize>,
    longest_us: i64,
}

impl<'a> WindowIndex<'a> {
    pub(crate) fn new(grid: &'a Grid) -> Self {
        let windows = &grid.windows[..];
        let mut order: Vec<usize> = (0..windows.len()).collect();
        order.sort_by_key(|at| windows[*at].range.from);
        let longest_us = windows.iter().map(|window| window.range.len_us()).max().unwrap_or(0);
        Self { windows, order, longest_us }
    }

    /// The places in the grid of the windows that hold a bucket which starts at `bucket`.
    pub(crate) fn holding(&self, bucket: UnixMicros) -> impl Iterator<Item = usize> + '_ {
        let started = self.order.partition_point(|at| self.windows[*at].range.from <= bucket);
        let earliest = bucket.saturating_add_us(-self.longest_us);
        let candidates = self.order[..started].iter().rev().copied();
        candidates
            .take_while(move |at| self.windows[*at].range.from > earliest)
            .filter(move |at| self.windows[*at].range.to > bucket)
    }
}

fn greatest_common_divisor(mut a: i64, mut b: i64) -> i64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.abs()
}

/// The least multiple of `step` that is not less than `value`.
pub(crate) fn ceil_to(value: i64, step: i64) -> i64 {
    value.saturating_add(step - 1).div_euclid(step).saturating_mul(step)
}
