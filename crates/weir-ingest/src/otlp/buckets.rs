//! Histograms as clients send them, of either layout, and the values that stand for their buckets.
//!
//! A client's bucket becomes one value with a weight: the number of values that were counted in it. The value lies within
//! the bucket, and so that sums stay exact it is moved, in all buckets by the same share of their width, to where the values
//! add up to the sum that the client states.
//!
//! Exponential buckets of Weir's own scale or finer are merged into Weir's, so that nothing is lost but what Weir's
//! scale does not hold. A coarser bucket (a scale below [`OWN_SCALE`], or explicit bounds) spans several of Weir's, and all
//! of its values are in the one where its value lies: counts and sums are exact, and percentiles as coarse as they came.

use std::collections::BTreeMap;

use super::wire::{ExponentialPoint, HistogramPoint};

/// Counts of buckets.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Buckets {
    layout: Layout,
    /// Counts by bucket, negative values in buckets of their own.
    positive: BTreeMap<i32, u64>,
    negative: BTreeMap<i32, u64>,
    zero: u64,
    sum: Option<f64>,
}

#[derive(Debug, Clone, PartialEq)]
enum Layout {
    /// Upper bounds; the last bucket has none.
    Explicit(Vec<f64>),
    /// Buckets of the base `2^(2^-scale)`.
    Exponential(i32),
}

/// Why a histogram makes no sense.
pub(crate) type Nonsense = &'static str;

impl Buckets {
    /// Reads a histogram with bounds.
    pub(crate) fn explicit(point: &HistogramPoint) -> Result<Self, Nonsense> {
        let bounds = &point.explicit_bounds;
        if !bounds.is_sorted() || bounds.iter().any(|bound| !bound.is_finite()) {
            return Err("bounds must be finite and ascending");
        }
        let counts = &point.bucket_counts;
        // A histogram may come without buckets: then all that is known is how many there were and their sum.
        let counts = if counts.is_empty() { vec![point.count] } else { counts.clone() };
        if counts.len() != bounds.len() + 1 && !point.bucket_counts.is_empty() {
            return Err("there must be one bucket more than bounds");
        }
        let bounds = if point.bucket_counts.is_empty() { Vec::new() } else { bounds.clone() };
        let positive = (0..).zip(counts).filter(|(_, count)| *count > 0).collect();
        Ok(Self {
            layout: Layout::Explicit(bounds),
            positive,
            negative: BTreeMap::new(),
            zero: 0,
            sum: point.sum.filter(|sum| sum.is_finite()),
        })
    }

    /// Reads a histogram with exponential buckets.
    pub(crate) fn exponential(point: &ExponentialPoint) -> Result<Self, Nonsense> {
        /// The scales that the specification's reference implementations use.
        const SCALES: std::ops::RangeInclusive<i32> = -10..=20;
        if !SCALES.contains(&point.scale) {
            return Err("the scale must be from -10 to 20");
        }
        let counts = |buckets: &Option<super::wire::Buckets>| {
            let buckets = buckets.clone().unwrap_or_default();
            let indexes = (0..).map(|at: i32| buckets.offset.saturating_add(at));
            indexes.zip(buckets.bucket_counts).filter(|(_, count)| *count > 0).collect()
        };
        Ok(Self {
            layout: Layout::Exponential(point.scale),
            positive: counts(&point.positive),
            negative: counts(&point.negative),
            zero: point.zero_count,
            sum: point.sum.filter(|sum| sum.is_finite()),
        })
    }

    /// What was counted since `before`; `None` when that is no earlier state of the same histogram.
    pub(crate) fn since(&self, before: &Self) -> Option<Self> {
        let before = before.with_layout(&self.layout)?;
        Some(Self {
            layout: self.layout.clone(),
            positive: subtract(&self.positive, &before.positive)?,
            negative: subtract(&self.negative, &before.negative)?,
            zero: self.zero.checked_sub(before.zero)?,
            sum: self.sum.zip(before.sum).map(|(now, before)| now - before),
        })
    }

    /// An exponential histogram halves its resolution when its range grows, and neighbours become one bucket.
    fn with_layout(&self, layout: &Layout) -> Option<Self> {
        let (Layout::Exponential(from), Layout::Exponential(to)) = (&self.layout, layout) else {
            return (self.layout == *layout).then(|| self.clone());
        };
        let halvings = u32::try_from(from - to).ok()?;
        let coarser = |counts: &BTreeMap<i32, u64>| {
            let mut coarse = BTreeMap::new();
            for (index, count) in counts {
                *coarse.entry(index >> halvings).or_default() += count;
            }
            coarse
        };
        Some(Self {
            layout: layout.clone(),
            positive: coarser(&self.positive),
            negative: coarser(&self.negative),
            zero: self.zero,
            sum: self.sum,
        })
    }

    /// A value for each bucket that is not empty, and how many it stands for. `range` is the least and the greatest value,
    /// where they are known.
    pub(crate) fn values(&self, range: (Option<f64>, Option<f64>)) -> Vec<(f64, u64)> {
        match &self.layout {
            Layout::Exponential(scale) if *scale > OWN_SCALE => {
                let own = self.with_layout(&Layout::Exponential(OWN_SCALE));
                own.map_or_else(Vec::new, |own| own.values_of_buckets(range))
            }
            _ => self.values_of_buckets(range),
        }
    }

    fn values_of_buckets(&self, range: (Option<f64>, Option<f64>)) -> Vec<(f64, u64)> {
        let negative = self.negative.iter().rev().map(|(index, count)| {
            let (low, high) = self.edges(*index);
            (-high, -low, *count)
        });
        let zero = (self.zero > 0).then_some((0.0, 0.0, self.zero));
        let positive = self.positive.iter().map(|(index, count)| {
            let (low, high) = self.edges(*index);
            (low, high, *count)
        });
        let buckets: Vec<_> = negative
            .chain(zero)
            .chain(positive)
            .map(|(low, high, count)| finite(low, high, count, range))
            .collect();
        let share = self.share(&buckets);
        buckets.into_iter().map(|(low, high, count)| (low + share * (high - low), count)).collect()
    }

    /// Where in their buckets the values lie, from 0 (all at the lower edge) to 1.
    fn share(&self, buckets: &[(f64, f64, u64)]) -> f64 {
        const MIDDLE: f64 = 0.5;
        let least: f64 = buckets.iter().map(|(low, _, count)| low * *count as f64).sum();
        let width: f64 = buckets.iter().map(|(low, high, count)| (high - low) * *count as f64).sum();
        match self.sum {
            Some(sum) if width > 0.0 => {
                // An edge of an exponential bucket, once rounded, may lie in its neighbour.
                let margin = if matches!(self.layout, Layout::Exponential(_)) { EDGE } else { 0.0 };
                ((sum - least) / width).clamp(margin, 1.0 - margin)
            }
            _ => MIDDLE,
        }
    }

    fn edges(&self, index: i32) -> (f64, f64) {
        match &self.layout {
            Layout::Explicit(bounds) => {
                let at = usize::try_from(index).unwrap_or(usize::MAX);
                let low = at.checked_sub(1).and_then(|at| bounds.get(at)).copied();
                (low.unwrap_or(f64::NEG_INFINITY), bounds.get(at).copied().unwrap_or(f64::INFINITY))
            }
            Layout::Exponential(scale) => {
                let exponent = |index: i32| (f64::from(index) * f64::from(-scale).exp2()).exp2();
                (exponent(index), exponent(index.saturating_add(1)))
            }
        }
    }
}

/// A bucket without an end gets one: the least or greatest value where it is known, else the mean where the bucket is alone,
/// else its other end.
fn finite(low: f64, high: f64, count: u64, (min, max): (Option<f64>, Option<f64>)) -> (f64, f64, u64) {
    let within = |edge: f64| (low..=high).contains(&edge) && edge.is_finite();
    // Times and tokens are what is measured: nothing is below zero unless a bound or the least value says so.
    let default_low = if high > 0.0 { 0.0 } else { high };
    let bottom = min.filter(|min| within(*min)).unwrap_or(if low.is_finite() { low } else { default_low });
    let default_high = if bottom.is_finite() { bottom.abs().max(1.0) * OPEN_WIDTH } else { 0.0 };
    let top = max.filter(|max| within(*max)).unwrap_or(if high.is_finite() { high } else { default_high });
    (bottom, top.max(bottom), count)
}

/// The scale of Weir's own histograms.
const OWN_SCALE: i32 = 5;

/// How near to the edges of an exponential bucket its value may lie, as a share of the bucket's width.
const EDGE: f64 = 1e-6;

/// How far the last bucket may reach, as a multiple of its lower edge, when its end is not known. The stated sum then finds
/// the value within.
const OPEN_WIDTH: f64 = 4.0;

fn subtract(now: &BTreeMap<i32, u64>, before: &BTreeMap<i32, u64>) -> Option<BTreeMap<i32, u64>> {
    let mut change = now.clone();
    for (index, count) in before {
        let left = change.get(index).copied().unwrap_or(0).checked_sub(*count)?;
        if left == 0 {
            change.remove(index)
        } else {
            change.insert(*index, left)
        };
    }
    Some(change)
}

#[cfg(test)]
mod tests {
    use super::super::wire;
    use super::*;

    fn explicit(counts: &[u64], sum: f64) -> Buckets {
        let point = HistogramPoint {
            bucket_counts: counts.to_vec(),
            explicit_bounds: vec![1.0, 2.0, 4.0],
            sum: Some(sum),
            ..HistogramPoint::default()
        };
        Buckets::explicit(&point).unwrap()
    }

    fn exponential(scale: i32, offset: i32, counts: &[u64], sum: f64) -> Buckets {
        let positive = Some(wire::Buckets { offset, bucket_counts: counts.to_vec() });
        let point = ExponentialPoint { scale, positive, sum: Some(sum), ..ExponentialPoint::default() };
        Buckets::exponential(&point).unwrap()
    }

    fn sum(values: &[(f64, u64)]) -> f64 {
        values.iter().map(|(value, count)| value * *count as f64).sum()
    }

    #[test]
    fn values_lie_in_their_buckets_and_add_up_to_the_sum() {
        let values = explicit(&[1, 2, 1, 0], 7.5).values((None, None));
        assert_eq!(values.iter().map(|(_, count)| count).sum::<u64>(), 4);
        assert!((sum(&values) - 7.5).abs() < 1e-9, "{values:?}");
        for ((value, _), (low, high)) in values.iter().zip([(0.0, 1.0), (1.0, 2.0), (2.0, 4.0)]) {
            assert!((low..=high).contains(value), "{value} is not in {low}..{high}");
        }
    }

    #[test]
    fn an_exponential_histogram_may_become_coarser_between_two_points() {
        let before = exponential(1, 0, &[3, 5], 12.0);
        let now = exponential(0, 0, &[10, 1], 18.0);
        let change = now.since(&before).unwrap();
        assert_eq!(change, exponential(0, 0, &[2, 1], 6.0));
        assert!((sum(&change.values((None, None))) - 6.0).abs() < 1e-9);
        assert_eq!(before.since(&now), None, "finer than before means a restart");
    }

    #[test]
    fn exponential_histograms_of_a_finer_scale_are_merged_into_weirs_buckets_and_lose_nothing() {
        for (scale, offset, sum) in
            [(5, -40, 0.0), (8, 1_000, 1e12), (20, -3_000_000, 1.0), (5, 96, f64::NAN)]
        {
            let counts = [3, 0, 1, 5_000_000, 2, 0, 0, 9];
            let mut expected = weir_types::Histogram::new();
            for (index, count) in (offset..).zip(counts) {
                expected.record_bucket(i16::try_from(index >> (scale - 5)).unwrap(), count);
            }
            let mut imported = weir_types::Histogram::new();
            for (value, count) in exponential(scale, offset, &counts, sum).values((None, None)) {
                imported.record_n(value, count);
            }
            assert_eq!(imported, expected, "scale {scale}");
        }
    }

    #[test]
    fn less_than_before_is_a_restart() {
        assert_eq!(explicit(&[0, 1, 0, 0], 1.5).since(&explicit(&[1, 1, 0, 0], 2.0)), None);
    }

    #[test]
    fn a_histogram_without_buckets_is_its_mean() {
        let point = HistogramPoint { count: 4, sum: Some(10.0), ..HistogramPoint::default() };
        let values = Buckets::explicit(&point).unwrap().values((Some(1.0), Some(6.0)));
        assert_eq!(values, [(2.5, 4)]);
    }
}
