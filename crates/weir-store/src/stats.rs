//! What the store counts about itself, for `/metrics`, the status page and tests.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use weir_types::Record;

/// A number of records of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecordCounts {
    /// Spans.
    pub spans: u64,
    /// Scores.
    pub scores: u64,
    /// Points.
    pub points: u64,
    /// Events.
    pub events: u64,
}

impl RecordCounts {
    /// Counts one record.
    pub(crate) fn count(&mut self, record: &Record) {
        match record {
            Record::Span(_) => self.spans += 1,
            Record::Score(_) => self.scores += 1,
            Record::Point(_) => self.points += 1,
            Record::Event(_) => self.events += 1,
        }
    }

    /// All kinds together.
    pub fn total(&self) -> u64 {
        self.spans + self.scores + self.points + self.events
    }
}

/// How the store is doing. Counts are since it was opened, positions and sizes are absolute.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoreStats {
    /// How large the journal is.
    pub journal_bytes: u64,
    /// How large it may become.
    pub journal_bytes_max: u64,
    /// The position of the last append; 0 before the first. One append is one position, however many records it has.
    pub journal_position: u64,
    /// The position up to which everything is on the disk.
    pub synced_position: u64,
    /// The position up to which everything is in DuckDB.
    pub stored_position: u64,
    /// How many records were appended.
    pub appended: RecordCounts,
    /// How many records were committed to DuckDB.
    pub stored: RecordCounts,
    /// How many transactions were committed.
    pub commits: u64,
    /// How many transactions failed; they are tried again.
    pub commit_errors: u64,
    /// Why the last transaction failed; `None` once one succeeds.
    pub commit_error: Option<String>,
    /// How many appends failed, and their records with them.
    pub append_errors: u64,
    /// How many times the journal could not be brought to the disk.
    pub sync_errors: u64,
    /// How many torn ends were cut off segments; they were never acknowledged.
    pub torn_tails: u64,
    /// How many bytes of damaged segments were set aside.
    pub quarantined_bytes: u64,
    /// How many frames of the journal could not be read as records, and were left out.
    pub undecodable_frames: u64,
    /// How many spans were kept without their bodies, because the journal was nearly full.
    pub dropped_bodies: u64,
    /// How many records were refused, because the journal was full.
    pub dropped_records: u64,
    /// How many records went to a cell of `__other__`, because their metric has too many tag sets.
    pub records_over_tag_limit: u64,
    /// How many spans were reported again, and not stored again.
    pub repeated_spans: u64,
    /// How many spans were found to be other reports of a call that is stored.
    pub joined_spans: u64,
    /// How many hours were rolled up.
    pub rolled_up_hours: u64,
    /// How many rows retention deleted.
    pub expired_rows: u64,
    /// How many times retention, roll-up or compaction failed; they are tried again.
    pub upkeep_errors: u64,
}

/// A counter that threads share.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Default)]
pub(crate) struct KindCounters {
    spans: Counter,
    scores: Counter,
    points: Counter,
    events: Counter,
}

impl KindCounters {
    pub(crate) fn add(&self, counts: RecordCounts) {
        self.spans.add(counts.spans);
        self.scores.add(counts.scores);
        self.points.add(counts.points);
        self.events.add(counts.events);
    }

    pub(crate) fn get(&self) -> RecordCounts {
        RecordCounts {
            spans: self.spans.get(),
            scores: self.scores.get(),
            points: self.points.get(),
            events: self.events.get(),
        }
    }
}

/// Everything that is counted; the fields are those of [`StoreStats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub appended: KindCounters,
    pub stored: KindCounters,
    pub commits: Counter,
    pub commit_errors: Counter,
    pub append_errors: Counter,
    pub sync_errors: Counter,
    pub torn_tails: Counter,
    pub quarantined_bytes: Counter,
    pub undecodable_frames: Counter,
    pub dropped_bodies: Counter,
    pub dropped_records: Counter,
    pub records_over_tag_limit: Counter,
    pub repeated_spans: Counter,
    pub joined_spans: Counter,
    pub rolled_up_hours: Counter,
    pub expired_rows: Counter,
    pub upkeep_errors: Counter,
    commit_error: Mutex<Option<String>>,
}

impl Counters {
    /// Notes how the last transaction went.
    pub(crate) fn set_commit_error(&self, error: Option<String>) {
        *lock(&self.commit_error) = error;
    }

    pub(crate) fn commit_error(&self) -> Option<String> {
        lock(&self.commit_error).clone()
    }
}

/// Locks, also when a thread panicked with the lock held: everything behind the store's locks is valid between any two
/// statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
