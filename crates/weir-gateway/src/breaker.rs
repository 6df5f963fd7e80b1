//! The circuit breaker of one upstream: passive health with half-open probes.
//!
//! An upstream that failed several calls in a row is left alone for a while, so that callers get a fallback or an
//! answer at once instead of a timeout, and the upstream gets air. After that one call is let through as a probe; its
//! success closes the breaker, its failure opens it for twice as long.
//!
//! What counts: a *call* that was given up at this upstream counts once, however often it was retried. Failures are
//! connections that fail, timeouts, and 502, 503, 504 and 529. A plain 500 is often one request's own fault and a 429
//! one key's; neither says that the upstream is down, so they change nothing. Any other answer is a success.
//!
//! Invariants: one state for all workers, its lock held for a few instructions and never across an await. A probe that
//! never reports (its client went away) holds the door for no longer than the breaker was open before it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use weir_types::UnixMicros;

use crate::config::BreakerConfig;

/// What an upstream's answer says about its health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// It works.
    Healthy,
    /// It does not.
    Failing,
    /// Neither.
    None,
}

impl Evidence {
    /// What a status says.
    pub(crate) fn of_status(status: u16) -> Self {
        match status {
            502 | 503 | 504 | 529 => Self::Failing,
            429 | 500 => Self::None,
            _ => Self::Healthy,
        }
    }
}

/// Whether an upstream takes calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// It takes calls; so many in a row have failed.
    Closed {
        /// Failures in a row.
        failures: u32,
    },
    /// It is left alone.
    Open {
        /// When one call will be let through.
        until: UnixMicros,
    },
    /// One call was let through and has not reported yet.
    Probing {
        /// When another one will be let through if it never does.
        until: UnixMicros,
    },
}

/// The call was not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeftAlone {
    /// In how many milliseconds a call may be let through.
    pub(crate) retry_in_ms: u64,
}

pub(crate) struct Breaker {
    config: BreakerConfig,
    inner: Mutex<Inner>,
}

struct Inner {
    state: BreakerState,
    /// For how long the breaker was, or will next be, open.
    open_ms: u64,
}

impl Breaker {
    pub(crate) fn new(config: BreakerConfig) -> Self {
        let inner = Inner { state: BreakerState::Closed { failures: 0 }, open_ms: config.open_ms };
        Self { config, inner: Mutex::new(inner) }
    }

    /// Lets a call through, or says when to come back.
    pub(crate) fn admit(&self, now: UnixMicros) -> Result<(), LeftAlone> {
        let mut inner = self.lock();
        match inner.state {
            BreakerState::Closed { .. } => Ok(()),
            BreakerState::Open { until } | BreakerState::Probing { until } if now < until => {
                let wait_us = u64::try_from(until.0 - now.0).unwrap_or(0);
                Err(LeftAlone { retry_in_ms: wait_us.div_ceil(1_000) })
            }
            BreakerState::Open { .. } | BreakerState::Probing { .. } => {
                inner.state = BreakerState::Probing { until: later(now, inner.open_ms) };
                Ok(())
            }
        }
    }

    /// Takes note of how a call ended here.
    pub(crate) fn report(&self, evidence: Evidence, now: UnixMicros) {
        match evidence {
            Evidence::None => {}
            Evidence::Healthy => self.succeeded(),
            Evidence::Failing => self.failed(now),
        }
    }

    pub(crate) fn state(&self) -> BreakerState {
        self.lock().state
    }

    fn succeeded(&self) {
        let mut inner = self.lock();
        inner.state = BreakerState::Closed { failures: 0 };
        inner.open_ms = self.config.open_ms;
    }

    fn failed(&self, now: UnixMicros) {
        let mut inner = self.lock();
        match inner.state {
            BreakerState::Closed { failures } => {
                let failures = failures.saturating_add(1);
                let opens = self.config.failures_max > 0 && failures >= self.config.failures_max;
                inner.state = if opens {
                    BreakerState::Open { until: later(now, inner.open_ms) }
                } else {
                    BreakerState::Closed { failures }
                };
            }
            BreakerState::Probing { .. } => {
                inner.open_ms = inner.open_ms.saturating_mul(2).min(self.config.open_max_ms);
                inner.state = BreakerState::Open { until: later(now, inner.open_ms) };
            }
            // A call that began before the breaker opened; it says nothing new.
            BreakerState::Open { .. } => {}
        }
    }

    /// The state is valid after every instruction, so a panic elsewhere cannot have spoilt it.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn later(now: UnixMicros, ms: u64) -> UnixMicros {
    now.saturating_add_us(i64::try_from(ms.saturating_mul(1_000)).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = UnixMicros::SECOND;

    fn breaker() -> Breaker {
        Breaker::new(BreakerConfig { failures_max: 3, open_ms: 1_000, open_max_ms: 3_000 })
    }

    fn fail(breaker: &Breaker, times: u32, now: i64) {
        for _ in 0..times {
            breaker.report(Evidence::Failing, UnixMicros(now));
        }
    }

    #[test]
    fn opens_after_failures_in_a_row_only() {
        let breaker = breaker();
        fail(&breaker, 2, 0);
        breaker.report(Evidence::Healthy, UnixMicros(0));
        fail(&breaker, 2, 0);
        assert_eq!(breaker.admit(UnixMicros(0)), Ok(()));
        fail(&breaker, 1, 0);
        assert_eq!(breaker.admit(UnixMicros(1)), Err(LeftAlone { retry_in_ms: 1_000 }));
    }

    #[test]
    fn one_probe_goes_through_and_its_success_closes() {
        let breaker = breaker();
        fail(&breaker, 3, 0);
        assert_eq!(breaker.admit(UnixMicros(SECOND)), Ok(()));
        assert!(breaker.admit(UnixMicros(SECOND)).is_err(), "a second call is not a probe");
        breaker.report(Evidence::Healthy, UnixMicros(SECOND));
        assert_eq!(breaker.state(), BreakerState::Closed { failures: 0 });
    }

    #[test]
    fn each_failed_probe_doubles_the_pause_up_to_its_limit() {
        let breaker = breaker();
        fail(&breaker, 3, 0);
        let mut now = SECOND;
        for pause_s in [2, 3, 3] {
            assert_eq!(breaker.admit(UnixMicros(now)), Ok(()));
            fail(&breaker, 1, now);
            assert!(breaker.admit(UnixMicros(now + pause_s * SECOND - 1)).is_err());
            now += pause_s * SECOND;
        }
    }

    #[test]
    fn a_probe_that_never_reports_does_not_close_the_door_for_good() {
        let breaker = breaker();
        fail(&breaker, 3, 0);
        assert_eq!(breaker.admit(UnixMicros(SECOND)), Ok(()));
        assert!(breaker.admit(UnixMicros(2 * SECOND - 1)).is_err());
        assert_eq!(breaker.admit(UnixMicros(2 * SECOND)), Ok(()));
    }

    #[test]
    fn errors_of_one_request_or_one_key_change_nothing() {
        let breaker = breaker();
        for status in [429, 500].repeat(10) {
            breaker.report(Evidence::of_status(status), UnixMicros(0));
        }
        assert_eq!(breaker.state(), BreakerState::Closed { failures: 0 });
    }
}
