//! Time: integer microseconds since the Unix epoch, UTC, and where they come from.

use serde::{Deserialize, Serialize};

/// An instant, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMicros(pub i64);

impl UnixMicros {
    /// Microseconds in a second.
    pub const SECOND: i64 = 1_000_000;
    /// Microseconds in a minute.
    pub const MINUTE: i64 = 60 * Self::SECOND;
    /// Microseconds in an hour.
    pub const HOUR: i64 = 60 * Self::MINUTE;
    /// Microseconds in a day of 24 hours.
    pub const DAY: i64 = 24 * Self::HOUR;

    /// The start of the step that holds this instant; steps are aligned to the epoch. `step_us` must be positive.
    #[must_use]
    pub const fn floor_to(self, step_us: i64) -> Self {
        Self(self.0 - self.0.rem_euclid(step_us))
    }

    /// The instant this many microseconds later (earlier when negative), kept within range.
    #[must_use]
    pub const fn saturating_add_us(self, us: i64) -> Self {
        Self(self.0.saturating_add(us))
    }

    /// Milliseconds since the epoch, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }
}

/// A half-open range of time: `from` is in it, `to` is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TimeRange {
    /// The first instant in the range.
    pub from: UnixMicros,
    /// The first instant after the range.
    pub to: UnixMicros,
}

impl TimeRange {
    /// The length in microseconds; zero when `to` is not after `from`.
    pub const fn len_us(&self) -> i64 {
        let length = self.to.0.saturating_sub(self.from.0);
        if length > 0 { length } else { 0 }
    }

    /// Whether no instant is in the range.
    pub const fn is_empty(&self) -> bool {
        self.len_us() == 0
    }

    /// The same range, this many microseconds earlier.
    #[must_use]
    pub const fn earlier_by(&self, us: i64) -> Self {
        Self { from: self.from.saturating_add_us(-us), to: self.to.saturating_add_us(-us) }
    }
}

/// Where the time comes from. Code whose behaviour depends on time takes a `Clock`, so that a test can turn it.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> UnixMicros;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixMicros {
        let since_epoch =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        UnixMicros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floor_works_before_the_epoch_too() {
        assert_eq!(UnixMicros(-1).floor_to(UnixMicros::MINUTE), UnixMicros(-UnixMicros::MINUTE));
        assert_eq!(UnixMicros(59_999_999).floor_to(UnixMicros::MINUTE), UnixMicros(0));
    }
}
