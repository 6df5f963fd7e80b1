//! A clock that only moves when a test turns it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use weir_types::{Clock, UnixMicros};

/// A clock turned by hand. Clones show the same time.
#[derive(Debug, Clone)]
pub struct TestClock(Arc<AtomicI64>);

impl TestClock {
    /// A clock that stands at this instant.
    pub fn at(now: UnixMicros) -> Self {
        Self(Arc::new(AtomicI64::new(now.0)))
    }

    /// Turns the clock forward.
    pub fn advance(&self, by: Duration) {
        let us = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.0.fetch_add(us, Ordering::SeqCst);
    }

    /// Sets the clock, backwards too.
    pub fn set(&self, now: UnixMicros) {
        self.0.store(now.0, Ordering::SeqCst);
    }
}

impl Default for TestClock {
    /// 2025-11-14T09:30:00Z: a whole minute, so that cells are easy to reason about.
    fn default() -> Self {
        Self::at(UnixMicros(1_763_112_600_000_000))
    }
}

impl Clock for TestClock {
    fn now(&self) -> UnixMicros {
        UnixMicros(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_stands_until_it_is_turned() {
        let clock = TestClock::default();
        let shared = clock.clone();
        let before = clock.now();
        assert_eq!(before.floor_to(UnixMicros::MINUTE), before);
        shared.advance(Duration::from_millis(1_500));
        assert_eq!(clock.now().0 - before.0, 1_500_000);
    }
}
