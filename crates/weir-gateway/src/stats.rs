//! What the gateway says about itself, for `/metrics`, `/api/status` and the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use weir_types::{SinkError, SpanStatus, UnixMicros};

use crate::breaker::BreakerState;

/// Microseconds between two log lines about lost records.
const LOG_INTERVAL_US: i64 = 10 * UnixMicros::SECOND;

/// Counts since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GatewayStats {
    /// Calls that began.
    pub calls_started: u64,
    /// Calls that ended and were recorded, or lost.
    pub calls_ended: u64,
    /// Those of them that failed, for whatever reason.
    pub calls_failed: u64,
    /// Calls whose record the journal did not take.
    pub records_lost: u64,
    /// Calls that ended in a way nobody foresaw and were recorded as cancelled when their connection took the next one.
    /// Not zero means a fault in Weir.
    pub calls_leaked: u64,
    /// Open client connections.
    pub connections_open: u64,
}

/// How one provider is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamHealth {
    /// The provider's name.
    pub provider: Arc<str>,
    /// Whether it takes calls.
    pub breaker: BreakerState,
    /// Attempts since the start.
    pub attempts: u64,
    /// Those of them that brought no answer, or a status from 500.
    pub failures: u64,
}

#[derive(Default)]
pub(crate) struct Counters {
    started: AtomicU64,
    ended: AtomicU64,
    failed: AtomicU64,
    lost: AtomicU64,
    leaked: AtomicU64,
    pub(crate) connections_open: AtomicU64,
    logged_at: AtomicI64,
}

impl Counters {
    pub(crate) fn note_start(&self) {
        self.started.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn note_end(&self, status: SpanStatus) {
        self.ended.fetch_add(1, Ordering::Relaxed);
        if status == SpanStatus::Error {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn note_leak(&self) {
        self.leaked.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a record that was not taken, and says so in the log, but not for every one of them.
    pub(crate) fn note_lost(&self, error: &SinkError, now: UnixMicros) {
        let lost = self.lost.fetch_add(1, Ordering::Relaxed) + 1;
        let logged_at = self.logged_at.load(Ordering::Relaxed);
        let is_due = now.0.saturating_sub(logged_at) >= LOG_INTERVAL_US;
        let is_mine = || {
            self.logged_at.compare_exchange(logged_at, now.0, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        };
        if is_due && is_mine() {
            tracing::error!(lost, %error, "calls are answered but not recorded");
        }
    }

    pub(crate) fn snapshot(&self) -> GatewayStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        GatewayStats {
            calls_started: read(&self.started),
            calls_ended: read(&self.ended),
            calls_failed: read(&self.failed),
            records_lost: read(&self.lost),
            calls_leaked: read(&self.leaked),
            connections_open: read(&self.connections_open),
        }
    }
}
