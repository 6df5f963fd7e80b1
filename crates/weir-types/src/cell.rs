//! A cell: what happened to one metric within one minute (or hour) for one set of tags.

use std::sync::Arc;

use crate::{Histogram, Tags, UnixMicros};

/// Which series a cell belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CellKey {
    /// The metric's canonical name.
    pub metric: Arc<str>,
    /// The tags.
    pub tags: Tags,
}

/// What was seen. Cells of any times and tags merge exactly, because every part is an integer, a least or a greatest.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cell {
    /// How many values.
    pub count: u64,
    /// Their sum in units of 1e-9 of the metric's unit; integers, so that sums do not depend on order.
    pub sum_nano: i128,
    /// The least value; `None` when there are none.
    pub min: Option<f64>,
    /// The greatest value; `None` when there are none.
    pub max: Option<f64>,
    /// How the values are spread. Empty for metrics that are only counted or summed.
    pub histogram: Histogram,
}

impl Cell {
    /// Units of `sum_nano` in one unit of the metric.
    pub const NANO: f64 = 1e9;

    /// Adds one value, with its place in the histogram.
    pub fn record(&mut self, value: f64) {
        if value.is_finite() {
            self.histogram.record(value);
            self.add(1, to_nano(value), value);
        }
    }

    /// Adds one value of a metric that is only counted and summed: exact, and without a histogram.
    pub fn record_exact(&mut self, sum_nano: i128) {
        self.add(1, sum_nano, sum_nano as f64 / Self::NANO);
    }

    /// Adds one value whose sum is known exactly; with its place in the histogram where the metric has one.
    pub fn record_sample(&mut self, value: f64, sum_nano: i128, has_histogram: bool) {
        if has_histogram {
            self.histogram.record(value);
        }
        self.add(1, sum_nano, value);
    }

    /// Adds another cell to this one.
    pub fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.sum_nano = self.sum_nano.saturating_add(other.sum_nano);
        self.min = least(self.min, other.min);
        self.max = greatest(self.max, other.max);
        self.histogram.merge(&other.histogram);
    }

    /// The sum in the metric's unit.
    pub fn sum(&self) -> f64 {
        self.sum_nano as f64 / Self::NANO
    }

    /// The mean; `None` when there are no values.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum() / self.count as f64)
    }

    /// The value at quantile `q`, within 1.08 % and never outside of what was seen; `None` without a histogram.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let estimate = self.histogram.quantile(q)?;
        Some(estimate.max(self.min.unwrap_or(estimate)).min(self.max.unwrap_or(estimate)))
    }

    fn add(&mut self, count: u64, sum_nano: i128, value: f64) {
        self.count = self.count.saturating_add(count);
        self.sum_nano = self.sum_nano.saturating_add(sum_nano);
        self.min = least(self.min, Some(value));
        self.max = greatest(self.max, Some(value));
    }
}

/// A part of a cell that one batch contributes.
#[derive(Debug, Clone, PartialEq)]
pub struct CellDelta {
    /// The series.
    pub key: CellKey,
    /// The start of the minute.
    pub minute: UnixMicros,
    /// What the batch saw.
    pub cell: Cell,
}

#[expect(clippy::cast_possible_truncation, reason = "float to integer casts saturate")]
fn to_nano(value: f64) -> i128 {
    (value * Cell::NANO).round() as i128
}

fn least(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    a.into_iter().chain(b).reduce(f64::min)
}

fn greatest(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    a.into_iter().chain(b).reduce(f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_cells_equal_one_cell_of_all_values() {
        let (mut a, mut b, mut all) = (Cell::default(), Cell::default(), Cell::default());
        for i in 0..100 {
            let value = f64::from(i) * 1.7;
            let part = if i % 3 == 0 { &mut a } else { &mut b };
            part.record(value);
            all.record(value);
        }
        b.merge(&a);
        assert_eq!(b, all);
    }

    #[test]
    fn a_quantile_never_leaves_what_was_seen() {
        let mut cell = Cell::default();
        cell.record(100.0);
        assert_eq!(cell.quantile(0.99), Some(100.0));
    }
}
