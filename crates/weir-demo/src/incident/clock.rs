//! A clock that is turned forward where people would wait: a window of days cannot be waited for.
//!
//! Invariant: it never goes back, except where the machine's clock does. Durations are not measured by it: calls, timeouts
//! and pauses go by monotonic time, which nobody turns.

use std::sync::atomic::{AtomicI64, Ordering};

use weir_types::{Clock, SystemClock, UnixMicros};

/// See the module.
pub struct IncidentClock {
    ahead_us: AtomicI64,
}

impl IncidentClock {
    /// A clock that starts so many microseconds before the machine's and is turned from there.
    pub const fn behind(behind_us: i64) -> Self {
        Self { ahead_us: AtomicI64::new(behind_us.saturating_neg()) }
    }

    /// Turns the clock forward by so many microseconds.
    pub fn turn(&self, by_us: i64) {
        self.ahead_us.fetch_add(by_us.max(0), Ordering::SeqCst);
    }

    /// Turns the clock forward to an instant, unless it is later already.
    pub fn turn_to(&self, to: UnixMicros) {
        self.turn(to.0.saturating_sub(self.now().0));
    }
}

impl Clock for IncidentClock {
    fn now(&self) -> UnixMicros {
        SystemClock.now().saturating_add_us(self.ahead_us.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_turned_forward_only() {
        let clock = IncidentClock::behind(UnixMicros::DAY);
        assert!(clock.now() < SystemClock.now());
        clock.turn(UnixMicros::HOUR);
        let before = clock.now();
        clock.turn(-UnixMicros::HOUR);
        clock.turn_to(UnixMicros(0));
        assert!(clock.now() >= before);
        let later = SystemClock.now().saturating_add_us(UnixMicros::DAY);
        clock.turn_to(later);
        assert!(clock.now() >= later);
    }
}
