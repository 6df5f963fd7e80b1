//! The queue between the journal and the recorder: records that are in the journal and still in memory.
//!
//! It is bounded, and nothing is dropped when it is full: from then on records are only in the journal's files, and
//! the recorder reads them from there until it has caught up. The same path serves the start after a crash.
//!
//! Invariant: `push` is called in the order of positions, under the journal's lock; what the queue holds is without
//! gaps, and everything after it is in the files.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use weir_types::Record;

use crate::stats::lock;

/// Records that may wait in memory; about a second of the highest rate.
const RECORDS_MAX: usize = 32_768;
/// Bytes, as encoded, that may wait in memory.
const BYTES_MAX: usize = 32 * 1024 * 1024;

/// The records of one append.
#[derive(Debug)]
pub(crate) struct Entry {
    pub position: u64,
    pub records: Vec<Record>,
    pub bytes: usize,
}

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a reason of its own to wake the recorder")]
struct Waiting {
    entries: VecDeque<Entry>,
    records: usize,
    bytes: usize,
    /// Whether records after `entries` are only in the files.
    spilled: bool,
    /// Whether someone waits for everything to be stored.
    hurried: bool,
    upkeep_asked: bool,
    stop: bool,
}

/// What the recorder finds.
#[derive(Debug)]
pub(crate) enum Taken {
    /// Records, in order.
    Entries(Vec<Entry>),
    /// None in memory; the next ones are in the files.
    InFiles,
    /// None at all until the deadline.
    Nothing,
}

/// The queue.
#[derive(Debug, Default)]
pub(crate) struct Handover {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    /// A hint that copying records for the queue is in vain.
    full: AtomicBool,
}

impl Handover {
    /// Whether records given to [`Self::push`] have a chance to be taken.
    pub(crate) fn has_room(&self) -> bool {
        !self.full.load(Ordering::Relaxed)
    }

    /// Hands over the records of one append; `None` when the caller kept no copy.
    pub(crate) fn push(&self, position: u64, records: Option<Vec<Record>>, bytes: usize) {
        let mut waiting = lock(&self.waiting);
        let was_idle = waiting.entries.is_empty() && !waiting.spilled;
        let fits = waiting.records < RECORDS_MAX && waiting.bytes + bytes <= BYTES_MAX;
        match records {
            Some(records) if !waiting.spilled && (fits || waiting.entries.is_empty()) => {
                waiting.records += records.len();
                waiting.bytes += bytes;
                waiting.entries.push_back(Entry { position, records, bytes });
            }
            _ => {
                waiting.spilled = true;
                self.full.store(true, Ordering::Relaxed);
            }
        }
        let many = waiting.records >= super::BATCH_RECORDS_MAX;
        drop(waiting);
        // A wake-up is a system call: only when the recorder sleeps without a deadline, or should not wait for it.
        if was_idle || many {
            self.changed.notify_one();
        }
    }

    /// Waits for this many records, until the deadline when there is one. Returns early when there is a reason not to
    /// wait; says whether there are records.
    pub(crate) fn wait(&self, deadline: Option<Instant>, enough: usize) -> bool {
        let mut waiting = lock(&self.waiting);
        loop {
            let ready = waiting.records >= enough
                || waiting.spilled
                || waiting.upkeep_asked
                || waiting.stop
                || (waiting.hurried && waiting.records > 0);
            let now = Instant::now();
            if ready || deadline.is_some_and(|deadline| deadline <= now) {
                return waiting.records > 0;
            }
            waiting = match deadline {
                None => self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    self.changed
                        .wait_timeout(waiting, deadline - now)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
        }
    }

    /// Lets time pass, unless the recorder is to end.
    pub(crate) fn pause(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut waiting = lock(&self.waiting);
        while !waiting.stop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            waiting = self.changed.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Takes up to this many records (one append at least), without waiting.
    pub(crate) fn take(&self, records_max: usize) -> Taken {
        let mut waiting = lock(&self.waiting);
        let mut entries = Vec::new();
        let mut records = 0;
        while let Some(entry) =
            waiting.entries.pop_front_if(|e| records == 0 || records + e.records.len() <= records_max)
        {
            records += entry.records.len();
            waiting.records -= entry.records.len();
            waiting.bytes -= entry.bytes;
            entries.push(entry);
        }
        match (entries.is_empty(), waiting.spilled) {
            (false, _) => Taken::Entries(entries),
            (true, true) => Taken::InFiles,
            (true, false) => Taken::Nothing,
        }
    }

    /// Ends the time of reading from files. Called under the journal's lock when the last frame has been read.
    pub(crate) fn rejoin(&self) {
        let mut waiting = lock(&self.waiting);
        waiting.spilled = false;
        self.full.store(false, Ordering::Relaxed);
    }

    /// Forgets what is in memory, so that the recorder reads it from the files.
    pub(crate) fn spill(&self) {
        let mut waiting = lock(&self.waiting);
        waiting.entries.clear();
        (waiting.records, waiting.bytes, waiting.spilled) = (0, 0, true);
    }

    /// Whether someone waits for records to be stored, so that the recorder does not wait for more of them.
    pub(crate) fn set_hurried(&self, hurried: bool) {
        lock(&self.waiting).hurried = hurried;
        self.changed.notify_one();
    }

    /// Asks for roll-up and retention now.
    pub(crate) fn ask_for_upkeep(&self) {
        lock(&self.waiting).upkeep_asked = true;
        self.changed.notify_one();
    }

    /// Whether someone asked for roll-up and retention; forgets it.
    pub(crate) fn take_upkeep_request(&self) -> bool {
        std::mem::take(&mut lock(&self.waiting).upkeep_asked)
    }

    /// Asks the recorder to end.
    pub(crate) fn stop(&self) {
        lock(&self.waiting).stop = true;
        self.changed.notify_one();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        lock(&self.waiting).stop
    }
}
