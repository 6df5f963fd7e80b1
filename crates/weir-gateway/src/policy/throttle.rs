//! Letting so many calls through in a minute: a token bucket for each throttle in force.
//!
//! The bucket is kept as one number, the time at which it will be full again (the "generic cell rate algorithm"), so that
//! nothing has to fill it. It holds a tenth of a minute's calls: that is how many may come at once, and a minute sees
//! at most a tenth more calls than it should.
//!
//! Invariants: one state for all workers, its lock held for a few instructions and never across an await. There are never
//! more buckets than throttles in force, but for those that ended since the last new one came.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use weir_types::{ActivePolicy, UnixMicros};

/// Which part of a minute's calls may come at once.
const BURST_DIVISOR: u32 = 10;

/// The buckets of all throttles, by the policies' ids.
#[derive(Default)]
pub(crate) struct Throttles(Mutex<HashMap<Arc<str>, Bucket>>);

/// When the bucket is full again; a time in the past when it is.
#[derive(Clone, Copy)]
struct Bucket {
    full_at: UnixMicros,
}

impl Throttles {
    /// Takes a token of this policy's bucket, or says when there will be one. `in_force` are all policies; the buckets of
    /// others are thrown away.
    pub(super) fn admit(
        &self,
        policy: &ActivePolicy,
        calls_per_minute: u32,
        in_force: &[ActivePolicy],
        now: UnixMicros,
    ) -> Result<(), Duration> {
        if calls_per_minute == 0 {
            return Err(micros(policy.until.0.saturating_sub(now.0)));
        }
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !buckets.contains_key(&policy.id) {
            buckets.retain(|id, _| in_force.iter().any(|policy| policy.id == *id));
        }
        let bucket = buckets.entry(Arc::clone(&policy.id)).or_insert(Bucket { full_at: now });
        bucket.take(calls_per_minute, now)
    }
}

impl Bucket {
    fn take(&mut self, calls_per_minute: u32, now: UnixMicros) -> Result<(), Duration> {
        let interval = UnixMicros::MINUTE / i64::from(calls_per_minute);
        let capacity = i64::from((calls_per_minute / BURST_DIVISOR).max(1));
        // Missing tokens are what the time until the bucket is full stands for; one must be left.
        let missing_max = interval.saturating_mul(capacity - 1);
        let missing = self.full_at.0.saturating_sub(now.0).max(0);
        if missing > missing_max {
            return Err(micros(missing - missing_max));
        }
        self.full_at = UnixMicros(now.0 + missing + interval);
        Ok(())
    }
}

fn micros(duration: i64) -> Duration {
    Duration::from_micros(u64::try_from(duration).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of the calls that come every `every_us` for so long are let through.
    fn let_through(bucket: &mut Bucket, calls_per_minute: u32, from: i64, every_us: i64, calls: i64) -> i64 {
        (0..calls)
            .filter(|call| bucket.take(calls_per_minute, UnixMicros(from + call * every_us)).is_ok())
            .count()
            .try_into()
            .unwrap()
    }

    #[test]
    fn a_minute_of_calls_sees_the_rate_and_a_tenth_more_at_most() {
        for rate in [1, 7, 60, 1_000, 100_000] {
            let mut bucket = Bucket { full_at: UnixMicros(0) };
            let passed = let_through(&mut bucket, rate, 0, 97, UnixMicros::MINUTE / 97);
            let rate = i64::from(rate);
            assert!((rate..=rate + (rate / 10).max(1)).contains(&passed), "{passed} of {rate} a minute");
        }
    }

    #[test]
    fn a_bucket_fills_again_and_never_beyond_its_capacity() {
        let mut bucket = Bucket { full_at: UnixMicros(0) };
        assert_eq!(let_through(&mut bucket, 60, 0, 0, 100), 6);
        assert_eq!(bucket.take(60, UnixMicros(0)), Err(Duration::from_secs(1)));
        assert_eq!(let_through(&mut bucket, 60, 2 * UnixMicros::SECOND, 0, 100), 2);
        assert_eq!(let_through(&mut bucket, 60, UnixMicros::HOUR, 0, 100), 6);
    }

    #[test]
    fn a_clock_that_is_set_back_refuses_for_no_longer_than_it_was_set_back() {
        let mut bucket = Bucket { full_at: UnixMicros(0) };
        assert!(bucket.take(1, UnixMicros(UnixMicros::HOUR)).is_ok());
        let wait = bucket.take(1, UnixMicros(UnixMicros::HOUR - UnixMicros::SECOND)).unwrap_err();
        assert_eq!(wait, Duration::from_secs(61));
    }
}
