//! Time limits for queries: one thread that interrupts what runs too long.
//!
//! A query holds a [`Deadline`] while it runs. An interrupt that comes too late must not hit the next query of the same
//! connection, so interrupting and ending a deadline exclude each other. A query that is cancelled ([`Cancel`]) is one whose
//! deadline is now.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use duckdb::InterruptHandle;
use weir_types::{Cancel, Hook};

use crate::stats::lock;
use crate::{StoreError, thread};

/// Why a query gave no answer.
#[derive(Debug)]
pub(crate) enum QueryError {
    /// It ran longer than this many seconds.
    TimedOut { seconds: u64 },
    /// DuckDB refused or failed.
    Failed(duckdb::Error),
    /// Nobody waits for the answer any more.
    Abandoned,
    /// The file could not be opened.
    Unavailable(StoreError),
}

impl std::fmt::Display for QueryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TimedOut { seconds } => write!(f, "it took longer than {seconds} s"),
            Self::Abandoned => f.write_str("nobody waits for the answer any more"),
            Self::Failed(error) => write!(f, "{error}"),
            Self::Unavailable(error) => write!(f, "{error}"),
        }
    }
}

impl From<duckdb::Error> for QueryError {
    fn from(error: duckdb::Error) -> Self {
        Self::Failed(error)
    }
}

#[derive(Default)]
struct Running {
    /// By deadline; the number keeps equal ones apart.
    queries: BTreeMap<(Instant, u64), Arc<InterruptHandle>>,
    next_number: u64,
    stop: bool,
}

/// Interrupts queries at their deadlines. Its thread starts with the first query.
#[derive(Default)]
pub(crate) struct Watchdog {
    running: Mutex<Running>,
    changed: Condvar,
    thread: Mutex<Option<thread::Owned>>,
}

/// A query under watch.
pub(crate) struct Deadline {
    watchdog: Arc<Watchdog>,
    key: (Instant, u64),
    limit: Duration,
    /// The token under which the query runs, and what it does to this watch when it is cancelled.
    cancel: Option<(Cancel, Hook)>,
}

impl Watchdog {
    /// Watches the query that is about to run on the connection of this handle.
    pub(crate) fn watch(
        self: &Arc<Self>,
        handle: Arc<InterruptHandle>,
        limit: Duration,
    ) -> Result<Deadline, StoreError> {
        self.start()?;
        let mut running = lock(&self.running);
        let key = (Instant::now() + limit, running.next_number);
        running.next_number += 1;
        let is_first = running.queries.first_key_value().is_none_or(|(first, _)| key < *first);
        running.queries.insert(key, handle);
        drop(running);
        if is_first {
            self.changed.notify_one();
        }
        let cancel = Cancel::current().map(|cancel| {
            let watchdog = Arc::clone(self);
            let hook = cancel.on_cancel(move || watchdog.expire(key));
            (cancel, hook)
        });
        Ok(Deadline { watchdog: Arc::clone(self), key, limit, cancel })
    }

    /// Makes a query's deadline now: it is interrupted until it ends.
    fn expire(&self, key: (Instant, u64)) {
        let mut running = lock(&self.running);
        if let Some(handle) = running.queries.remove(&key) {
            running.queries.insert((Instant::now().min(key.0), key.1), handle);
        }
        drop(running);
        self.changed.notify_one();
    }

    /// Interrupts everything, now.
    pub(crate) fn interrupt_all(&self) {
        for handle in lock(&self.running).queries.values() {
            handle.interrupt();
        }
    }

    /// Ends the thread.
    pub(crate) fn stop(&self) {
        lock(&self.running).stop = true;
        self.changed.notify_one();
        if let Some(thread) = lock(&self.thread).take() {
            thread.join();
        }
    }

    fn start(self: &Arc<Self>) -> Result<(), StoreError> {
        let mut thread = lock(&self.thread);
        if thread.is_none() {
            let watchdog = Arc::clone(self);
            *thread = Some(thread::Owned::start("weir-watchdog", move || watchdog.run())?);
        }
        Ok(())
    }

    fn run(&self) {
        let mut running = lock(&self.running);
        while !running.stop {
            let now = Instant::now();
            for (_, handle) in running.queries.range(..=(now, u64::MAX)) {
                handle.interrupt();
            }
            // A query that is between two steps does not notice an interrupt; it is told again until it ends.
            let next = running.queries.first_key_value().map(|((at, _), _)| (*at).max(now + REPEAT) - now);
            running = match next {
                Some(wait) => {
                    self.changed.wait_timeout(running, wait).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(running).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

/// How often an overdue query is told to end.
const REPEAT: Duration = Duration::from_millis(20);

impl Deadline {
    /// Judges an error of the query: whether it was the deadline that ended it.
    pub(crate) fn judge(&self, error: duckdb::Error) -> QueryError {
        if self.is_abandoned() {
            return QueryError::Abandoned;
        }
        if Instant::now() >= self.key.0 {
            QueryError::TimedOut { seconds: self.limit.as_secs() }
        } else {
            QueryError::Failed(error)
        }
    }

    fn is_abandoned(&self) -> bool {
        self.cancel.as_ref().is_some_and(|(cancel, _)| cancel.is_cancelled())
    }

    /// Whether the time is over; for work between steps of a query.
    pub(crate) fn check(&self) -> Result<(), QueryError> {
        if self.is_abandoned() {
            return Err(QueryError::Abandoned);
        }
        if Instant::now() < self.key.0 {
            return Ok(());
        }
        Err(QueryError::TimedOut { seconds: self.limit.as_secs() })
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        // The hook first: after it nothing changes the key of this watch.
        drop(self.cancel.take());
        // A deadline that was brought forward has another key; there are few.
        lock(&self.watchdog.running).queries.retain(|(_, number), _| *number != self.key.1);
    }
}
