//! The sum of many histograms, on the way from their bytes: what a percentile over a month is made of.
//!
//! A [`Histogram`] keeps its buckets in a sorted list, so each bucket that is added to it has to be looked for. Tens of
//! thousands of cells with a hundred buckets each are added for one chart, and looking was most of the work. Here counts
//! stand in an array by bucket: adding one is an index, and the list is made once, at the end.
//!
//! The array spans the buckets that were met, [`WINDOW_MAX`] at the most, whatever the values are; buckets further away,
//! which no latency or count has, go into a list as before. The sum is the same to the last bit either way.

use super::{Buckets, Histogram, HistogramError, Reader, add_to};

/// Buckets that an array spans: 64 doublings of the value, from a nanosecond to six centuries. 16 KiB at the most.
const WINDOW_MAX: usize = 2_048;

/// Buckets that an array is made longer by at least, so that it does not grow one by one: a doubling of the value.
const GROWTH: usize = 32;

/// Histograms added up.
#[derive(Debug, Clone, Default)]
pub struct HistogramSum {
    zero: u64,
    positive: Window,
    negative: Window,
}

/// Counts of one sign.
#[derive(Debug, Clone, Default)]
struct Window {
    /// The bucket of the first count.
    first: i32,
    counts: Vec<u64>,
    /// Buckets that are too far away.
    far: Buckets,
}

impl HistogramSum {
    /// The sum of none.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a histogram as [`Histogram::encode`] wrote it. On an error the sum may hold a part of it.
    pub fn add_encoded(&mut self, bytes: &[u8]) -> Result<(), HistogramError> {
        let mut reader = Reader { bytes, at: 0 };
        self.zero = self.zero.saturating_add(reader.varint()?);
        reader.each_bucket(|bucket, n| self.positive.add(bucket, n))?;
        reader.each_bucket(|bucket, n| self.negative.add(bucket, n))?;
        reader.end()
    }

    /// Adds `n` values to a bucket of positive values.
    pub fn add_bucket(&mut self, bucket: i16, n: u64) {
        if n > 0 {
            self.positive.add(bucket, n);
        }
    }

    /// Adds `n` values to a bucket of negative values.
    pub fn add_negative_bucket(&mut self, bucket: i16, n: u64) {
        if n > 0 {
            self.negative.add(bucket, n);
        }
    }

    /// Adds `n` times zero.
    pub fn add_zeros(&mut self, n: u64) {
        self.zero = self.zero.saturating_add(n);
    }

    /// The sum.
    pub fn finish(self) -> Histogram {
        let Self { zero, positive, negative } = self;
        Histogram { zero, positive: positive.finish(), negative: negative.finish() }
    }
}

impl Window {
    fn add(&mut self, bucket: i16, n: u64) {
        let place = i32::from(bucket).wrapping_sub(self.first).cast_unsigned() as usize;
        match self.counts.get_mut(place) {
            Some(count) => *count = count.saturating_add(n),
            None => self.add_outside(bucket, n),
        }
    }

    /// Adds to a bucket that the array does not hold yet.
    #[cold]
    fn add_outside(&mut self, bucket: i16, n: u64) {
        match self.place_for(i32::from(bucket)) {
            Some(place) => self.counts[place] = self.counts[place].saturating_add(n),
            None => add_to(&mut self.far, bucket, n),
        }
    }

    /// Makes the array longer, so that it has this bucket; `None` when that is too long.
    fn place_for(&mut self, bucket: i32) -> Option<usize> {
        if self.counts.is_empty() {
            self.first = bucket;
        }
        let below = usize::try_from(self.first - bucket).unwrap_or(0);
        let place = usize::try_from(bucket - self.first).unwrap_or(0);
        let length = (self.counts.len() + below).max(place + 1);
        if length > WINDOW_MAX {
            return None;
        }
        let room = WINDOW_MAX - self.counts.len();
        if below > 0 {
            let below = below.max(GROWTH).min(room);
            self.counts.splice(0..0, std::iter::repeat_n(0, below));
            // No more than the length of an array.
            self.first -= i32::try_from(below).unwrap_or(0);
        } else {
            self.counts.resize(length.max(self.counts.len() + GROWTH).min(WINDOW_MAX), 0);
        }
        usize::try_from(bucket - self.first).ok()
    }

    fn finish(self) -> Buckets {
        let mut buckets = Buckets::with_capacity(self.counts.iter().filter(|n| **n > 0).count());
        for (bucket, n) in (self.first..).zip(self.counts).filter(|(_, n)| *n > 0) {
            // A bucket was an `i16` when its count was added.
            buckets.extend(i16::try_from(bucket).ok().map(|bucket| (bucket, n)));
        }
        for (bucket, n) in self.far {
            add_to(&mut buckets, bucket, n);
        }
        buckets
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bucket() -> impl Strategy<Value = i16> {
        prop_oneof![6 => -60i16..60, 1 => any::<i16>()]
    }

    proptest! {
        #[test]
        fn adding_bytes_up_is_merging_histograms_one_by_one(
            parts in prop::collection::vec(
                (prop::collection::vec((bucket(), any::<bool>(), prop_oneof![1u64..300, Just(u64::MAX / 8)]), 0..120), 0u64..3),
                0..8,
            ),
        ) {
            let (mut merged, mut sum, mut by_bucket) = (Histogram::new(), HistogramSum::new(), HistogramSum::new());
            for (buckets, zeros) in &parts {
                let mut one = Histogram::new();
                one.record_n(0.0, *zeros);
                by_bucket.add_zeros(*zeros);
                for &(bucket, negative, n) in buckets {
                    if negative {
                        add_to(&mut one.negative, bucket, n);
                        by_bucket.add_negative_bucket(bucket, n);
                    } else {
                        one.record_bucket(bucket, n);
                        by_bucket.add_bucket(bucket, n);
                    }
                }
                sum.add_encoded(&one.encode()).unwrap();
                let mut by_bytes = merged.clone();
                by_bytes.merge_encoded(&one.encode()).unwrap();
                merged.merge(&one);
                prop_assert_eq!(&by_bytes, &merged);
            }
            prop_assert_eq!(sum.finish(), merged.clone());
            prop_assert_eq!(by_bucket.finish(), merged);
        }

        #[test]
        fn bytes_are_refused_for_the_same_reason_as_by_a_histogram(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let refused = HistogramSum::new().add_encoded(&bytes);
            prop_assert_eq!(refused, Histogram::new().merge_encoded(&bytes));
        }
    }

    #[test]
    fn an_array_never_spans_more_than_its_limit() {
        let mut sum = HistogramSum::new();
        for bucket in [0, 5_000, -2_000, i16::MAX, 40, i16::MIN, -2_015] {
            sum.add_bucket(bucket, 1);
            assert!(sum.positive.counts.len() <= WINDOW_MAX, "after {bucket}");
        }
        let buckets: Vec<_> = sum.finish().positive_buckets().iter().map(|(bucket, _)| *bucket).collect();
        assert_eq!(buckets, [i16::MIN, -2_015, -2_000, 0, 40, 5_000, i16::MAX]);
    }
}
