//! The histogram of a cell: base-2 exponential buckets at scale 5.
//!
//! Bucket `i` holds values in `(2^(i/32), 2^((i+1)/32)]`, so an estimate is within 1.08 % of a value of the true rank.
//! This is the layout of OTLP exponential histograms and of Prometheus native histograms, and counts are integers: two
//! histograms add and subtract exactly, in any order, so cells merge over any time and any group. t-digests and
//! averaged percentiles do neither.
//!
//! Source: OpenTelemetry metrics data model, "ExponentialHistogram"; the error bound is that of `DDSketch` (Masson,
//! Rim and Lee, VLDB 2019) with gamma = 2^(1/32).

mod sum;

pub use sum::HistogramSum;

/// Why bytes are not a histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HistogramError {
    /// The bytes end within a number.
    #[error("histogram ends early, at byte {at}")]
    Truncated {
        /// Where the bytes end.
        at: usize,
    },
    /// A number that no encoder writes.
    #[error("histogram has a number out of range at byte {at}")]
    OutOfRange {
        /// Where the number ends.
        at: usize,
    },
    /// Bytes are left over.
    #[error("histogram is followed by {extra} stray bytes")]
    TrailingBytes {
        /// How many bytes are left.
        extra: usize,
    },
}

/// Buckets for each doubling of the value.
const BUCKETS_PER_DOUBLING: f64 = 32.0;

/// Counts of one sign, sorted by bucket; a bucket without values is absent.
type Buckets = Vec<(i16, u64)>;

/// A histogram of finite values. Equal histograms have equal bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Histogram {
    zero: u64,
    positive: Buckets,
    negative: Buckets,
}

impl Histogram {
    /// An empty histogram.
    pub const fn new() -> Self {
        Self { zero: 0, positive: Vec::new(), negative: Vec::new() }
    }

    /// The bucket of a positive finite value.
    #[expect(clippy::cast_possible_truncation, reason = "clamped to the range of i16 just before")]
    pub fn bucket_of(value: f64) -> i16 {
        let bucket = (value.log2() * BUCKETS_PER_DOUBLING).ceil() - 1.0;
        bucket.clamp(f64::from(i16::MIN), f64::from(i16::MAX)) as i16
    }

    /// The value that stands for a bucket: the one whose relative error is the same towards both edges.
    pub fn value_of(bucket: i16) -> f64 {
        let lower = (f64::from(bucket) / BUCKETS_PER_DOUBLING).exp2();
        let upper = ((f64::from(bucket) + 1.0) / BUCKETS_PER_DOUBLING).exp2();
        2.0 * lower / (1.0 + lower / upper)
    }

    /// Adds one value. A value that is not finite is not counted.
    pub fn record(&mut self, value: f64) {
        self.record_n(value, 1);
    }

    /// Adds a value that was seen `n` times. A value that is not finite is not counted.
    pub fn record_n(&mut self, value: f64, n: u64) {
        if !value.is_finite() || n == 0 {
            return;
        }
        if value > 0.0 {
            add_to(&mut self.positive, Self::bucket_of(value), n);
        } else if value < 0.0 {
            add_to(&mut self.negative, Self::bucket_of(-value), n);
        } else {
            self.zero = self.zero.saturating_add(n);
        }
    }

    /// Adds `n` values to a bucket of positive values: how rows that a store has bucketed already come in.
    pub fn record_bucket(&mut self, bucket: i16, n: u64) {
        if n > 0 {
            add_to(&mut self.positive, bucket, n);
        }
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        let sum = |buckets: &Buckets| buckets.iter().map(|(_, n)| n).sum::<u64>();
        self.zero + sum(&self.positive) + sum(&self.negative)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.zero == 0 && self.positive.is_empty() && self.negative.is_empty()
    }

    /// Adds another histogram to this one.
    pub fn merge(&mut self, other: &Self) {
        self.zero = self.zero.saturating_add(other.zero);
        merge_into(&mut self.positive, &other.positive, u64::saturating_add);
        merge_into(&mut self.negative, &other.negative, u64::saturating_add);
    }

    /// Takes another histogram, which must have been added before, away from this one.
    pub fn subtract(&mut self, other: &Self) {
        self.zero = self.zero.saturating_sub(other.zero);
        merge_into(&mut self.positive, &other.positive, u64::saturating_sub);
        merge_into(&mut self.negative, &other.negative, u64::saturating_sub);
    }

    /// The value at quantile `q` (0 to 1): an estimate, within 1.08 %, of the value at rank `floor(q * (n - 1))` of the
    /// `n` values in ascending order. `None` when there are no values.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "q is clamped to 0..=1")]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = (q.clamp(0.0, 1.0) * (count - 1) as f64).floor() as u64;
        let mut below = 0;
        for &(bucket, n) in self.negative.iter().rev() {
            below += n;
            if rank < below {
                return Some(-Self::value_of(bucket));
            }
        }
        below += self.zero;
        if rank < below {
            return Some(0.0);
        }
        for &(bucket, n) in &self.positive {
            below += n;
            if rank < below {
                return Some(Self::value_of(bucket));
            }
        }
        self.positive.last().map(|&(bucket, _)| Self::value_of(bucket))
    }

    /// An estimate of how many values are greater than a bound: exact up to the bucket that holds the bound.
    pub fn count_above(&self, bound: f64) -> u64 {
        let sum_if = |buckets: &Buckets, keep: &dyn Fn(f64) -> bool| {
            buckets.iter().filter(|(bucket, _)| keep(Self::value_of(*bucket))).map(|(_, n)| n).sum::<u64>()
        };
        let zeros = if bound < 0.0 { self.zero } else { 0 };
        sum_if(&self.negative, &|v| -v > bound) + zeros + sum_if(&self.positive, &|v| v > bound)
    }

    /// Each value that stands for a bucket, ascending, with the count of the bucket.
    pub fn values(&self) -> impl Iterator<Item = (f64, u64)> {
        let negative = self.negative.iter().rev().map(|(bucket, n)| (-Self::value_of(*bucket), *n));
        let zero = (self.zero > 0).then_some((0.0, self.zero));
        let positive = self.positive.iter().map(|(bucket, n)| (Self::value_of(*bucket), *n));
        negative.chain(zero).chain(positive)
    }

    /// The buckets of positive values, ascending, with their counts.
    pub fn positive_buckets(&self) -> &[(i16, u64)] {
        &self.positive
    }

    /// The bytes in which a histogram is stored: varints of the zero count, then for each sign the number of buckets
    /// and, for each bucket, the zig-zag distance from the one before and the count.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(4 + 3 * (self.positive.len() + self.negative.len()));
        put_varint(&mut bytes, self.zero);
        for buckets in [&self.positive, &self.negative] {
            put_varint(&mut bytes, buckets.len() as u64);
            let mut previous = 0i64;
            for &(bucket, n) in buckets {
                put_varint(&mut bytes, zig_zag(i64::from(bucket) - previous));
                put_varint(&mut bytes, n);
                previous = i64::from(bucket);
            }
        }
        bytes
    }

    /// Reads what [`Self::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, HistogramError> {
        let mut histogram = Self::new();
        histogram.merge_encoded(bytes)?;
        Ok(histogram)
    }

    /// Adds an encoded histogram to this one without building it first; the way cells are merged in bulk. On an error
    /// this histogram may hold a part of the other.
    pub fn merge_encoded(&mut self, bytes: &[u8]) -> Result<(), HistogramError> {
        let mut reader = Reader { bytes, at: 0 };
        self.zero = self.zero.saturating_add(reader.varint()?);
        reader.merge_buckets(&mut self.positive)?;
        reader.merge_buckets(&mut self.negative)?;
        reader.end()
    }
}

fn add_to(buckets: &mut Buckets, bucket: i16, n: u64) {
    match buckets.binary_search_by_key(&bucket, |(b, _)| *b) {
        Ok(at) => buckets[at].1 = buckets[at].1.saturating_add(n),
        Err(at) => buckets.insert(at, (bucket, n)),
    }
}

fn merge_into(buckets: &mut Buckets, other: &Buckets, combine: fn(u64, u64) -> u64) {
    let mut at = 0;
    for &(bucket, n) in other {
        at += buckets[at..].partition_point(|(b, _)| *b < bucket);
        match buckets.get_mut(at) {
            Some(own) if own.0 == bucket => own.1 = combine(own.1, n),
            _ => buckets.insert(at, (bucket, combine(0, n))),
        }
    }
    buckets.retain(|(_, n)| *n > 0);
}

fn zig_zag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

fn un_zig_zag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

fn put_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(low_seven_bits(value) | 0x80);
        value >>= 7;
    }
    bytes.push(low_seven_bits(value));
}

fn low_seven_bits(value: u64) -> u8 {
    (value & 0x7f) as u8
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    /// A number. Nearly all are below 128: distances to the next bucket, and counts of few values.
    #[inline]
    fn varint(&mut self) -> Result<u64, HistogramError> {
        match self.bytes.get(self.at) {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, HistogramError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.get(self.at).ok_or(HistogramError::Truncated { at: self.at })?;
            self.at += 1;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                break;
            }
            value |= part << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(HistogramError::OutOfRange { at: self.at })
    }

    /// Shows each bucket of one sign, ascending, with its count.
    #[inline]
    fn each_bucket(&mut self, mut add: impl FnMut(i16, u64)) -> Result<(), HistogramError> {
        let len = self.varint()?;
        let mut bucket = 0i64;
        for i in 0..len {
            let step = un_zig_zag(self.varint()?);
            let n = self.varint()?;
            bucket = bucket.saturating_add(step);
            let ascending = i == 0 || step > 0;
            let (Ok(index), true, true) = (i16::try_from(bucket), ascending, n > 0) else {
                return Err(HistogramError::OutOfRange { at: self.at });
            };
            add(index, n);
        }
        Ok(())
    }

    fn merge_buckets(&mut self, buckets: &mut Buckets) -> Result<(), HistogramError> {
        let mut at = 0;
        self.each_bucket(|index, n| {
            at += buckets[at..].partition_point(|(b, _)| *b < index);
            match buckets.get_mut(at) {
                Some(own) if own.0 == index => own.1 = own.1.saturating_add(n),
                _ => buckets.insert(at, (index, n)),
            }
        })
    }

    /// Nothing may be left.
    fn end(&self) -> Result<(), HistogramError> {
        match self.bytes.len() - self.at {
            0 => Ok(()),
            extra => Err(HistogramError::TrailingBytes { extra }),
        }
    }
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "ranks of short lists")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[f64]) -> Histogram {
        let mut histogram = Histogram::new();
        for value in values {
            histogram.record(*value);
        }
        histogram
    }

    #[test]
    fn powers_of_two_are_the_upper_edges_of_their_buckets() {
        for exponent in -20i16..20 {
            assert_eq!(Histogram::bucket_of(f64::from(exponent).exp2()), exponent * 32 - 1);
        }
    }

    #[test]
    fn values_that_are_not_finite_are_not_counted() {
        assert!(of(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY]).is_empty());
    }

    proptest! {
        #[test]
        fn quantiles_are_within_the_stated_error(
            mut values in prop::collection::vec(prop_oneof![1e-6..1e9f64, -1e6..-1e-6f64, Just(0.0)], 1..200),
            q in 0.0..=1.0f64,
        ) {
            let estimate = of(&values).quantile(q).unwrap();
            values.sort_by(f64::total_cmp);
            let exact = values[(q * (values.len() - 1) as f64).floor() as usize];
            prop_assert!((estimate - exact).abs() <= 0.010_83 * exact.abs(), "{estimate} against {exact}");
        }

        #[test]
        fn merging_is_recording_together_and_subtracting_undoes_it(
            a in prop::collection::vec(-1e3..1e6f64, 0..100),
            b in prop::collection::vec(-1e3..1e6f64, 0..100),
        ) {
            let mut merged = of(&a);
            merged.merge(&of(&b));
            prop_assert_eq!(&merged, &of(&[a.clone(), b.clone()].concat()));
            let mut by_bytes = of(&b);
            by_bytes.merge_encoded(&of(&a).encode()).unwrap();
            prop_assert_eq!(&by_bytes, &merged);
            merged.subtract(&of(&b));
            prop_assert_eq!(merged, of(&a));
        }

        #[test]
        fn encoding_round_trips(values in prop::collection::vec(-1e300..1e300f64, 0..100)) {
            let histogram = of(&values);
            prop_assert_eq!(Histogram::decode(&histogram.encode()), Ok(histogram));
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = Histogram::decode(&bytes);
        }
    }
}
