//! Even times: instants that are whole multiples of an interval, so that a restart does not shift them.

use std::time::Duration;

use weir_types::UnixMicros;

/// How soon it is seen that a time has come.
pub const WAKE_EVERY: Duration = Duration::from_secs(1);

/// Tells when the next one has come.
pub struct EvenTimes {
    every_us: i64,
    last: Option<i64>,
}

impl EvenTimes {
    /// Times this far apart; the first has come already.
    pub fn every(interval: Duration) -> Self {
        Self { every_us: i64::try_from(interval.as_micros()).unwrap_or(i64::MAX), last: None }
    }

    /// Whether one has come since it was last said so.
    pub fn has_come(&mut self, now: UnixMicros) -> bool {
        let current = Some(now.0.div_euclid(self.every_us));
        std::mem::replace(&mut self.last, current) != current
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_has_come_and_each_next_comes_once() {
        let mut times = EvenTimes::every(Duration::from_mins(1));
        let came = [59, 59, 60, 61, 200].map(|s| times.has_come(UnixMicros(s * UnixMicros::SECOND)));
        assert_eq!(came, [true, false, true, false, true]);
    }
}
