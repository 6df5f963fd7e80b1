//! The recorder: the only writer of DuckDB. One thread moves records from the journal into the tables.
//!
//! It gathers what was appended within the commit interval and brings it in one transaction: rows, minute cells, and
//! the position of the journal up to which everything is in. After a crash it reads that position and goes on from
//! there in the journal's files, so that every record is in the tables once.
//!
//! Behaviour on failure: a transaction that fails is rolled back and tried again, with growing pauses, for as long as
//! it takes; meanwhile the journal keeps the records and appends go on. What goes wrong is in the statistics.

mod awaiting;
mod batch;
mod catalog;
mod coverage_points;
mod files;
mod fold;
mod handover;
mod judged;
mod reconcile;
mod retention;
mod roll_up;
mod rows;
mod tag_limit;
mod upkeep;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use duckdb::Connection;
use tokio::sync::watch;
use weir_types::{CellBatch, CellDelta, Clock, UnixMicros};

use crate::cell_feed::CellTap;
use crate::duck::{Duck, Marks};
use crate::journal::Journal;
use crate::recorder::awaiting::{Arrivals, Awaiting};
use crate::recorder::batch::{Batch, MetricTag};
use crate::recorder::files::FileSource;
use crate::recorder::handover::Taken;
use crate::recorder::judged::Judged;
use crate::recorder::reconcile::{Changes, Reconciler};
use crate::recorder::tag_limit::TagLimit;
use crate::recorder::upkeep::Upkeep;
use crate::scan::Answers;
use crate::stats::Counters;
use crate::{StoreConfig, StoreError};

pub(crate) use catalog::Catalog;
pub(crate) use fold::Fold;
pub(crate) use fold::VALUE_NANO_MAX;
pub(crate) use handover::Handover;
pub(crate) use roll_up::{CellColumns, Tier, unreadable};

/// Records in one transaction; more do not make it cheaper for each.
pub(crate) const BATCH_RECORDS_MAX: usize = 8_192;

/// The first and the longest pause after a failed transaction.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// How often the clock is looked at for roll-up and retention.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(15);

/// What the recorder tells those who wait for it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    /// Everything up to this position is in the tables.
    pub stored_position: u64,
    /// How many attempts failed so far.
    pub failures: u64,
    /// How often upkeep was finished, and the error of the last time.
    pub upkeeps: u64,
    pub upkeep_error: Option<String>,
}

/// What the recorder shares with the rest of the store.
pub(crate) struct Shared {
    pub config: StoreConfig,
    pub clock: Arc<dyn Clock>,
    pub journal: Arc<Journal>,
    pub handover: Arc<Handover>,
    pub duck: Arc<Duck>,
    pub catalog: Arc<Catalog>,
    pub tap: Arc<CellTap>,
    /// What was answered from the tables as they are.
    pub answers: Arc<Answers>,
    pub counters: Arc<Counters>,
    pub progress: watch::Sender<Progress>,
    /// Whether the tables' position was compared with the journal's.
    pub marks_are_checked: AtomicBool,
}

/// The thread's body: records until it is told to stop, and begins anew should it ever panic.
pub(crate) fn run(shared: &Arc<Shared>) {
    loop {
        let recorder = Recorder::new(Arc::clone(shared));
        if std::panic::catch_unwind(AssertUnwindSafe(|| recorder.run())).is_err() {
            tracing::error!("the recorder panicked and starts anew from the journal's files");
            shared.failed("the recorder panicked".to_owned());
            shared.handover.spill();
            shared.handover.pause(PAUSE_MAX);
        }
        if shared.handover.is_stopped() {
            return;
        }
    }
}

impl Shared {
    fn failed(&self, error: String) {
        self.counters.commit_errors.add(1);
        self.counters.set_commit_error(Some(error));
        self.progress.send_modify(|progress| progress.failures += 1);
    }
}

/// The recorder's own state.
struct Recorder {
    shared: Arc<Shared>,
    connection: Option<Connection>,
    marks: Marks,
    /// How many attempts failed since the last one that did not.
    failures_in_a_row: u32,
    files: FileSource,
    reconciler: Reconciler,
    awaiting: Awaiting,
    tag_limit: TagLimit,
    upkeep: Upkeep,
    upkeep_due_at: Instant,
}

impl Recorder {
    fn new(shared: Arc<Shared>) -> Self {
        let files = FileSource::new(shared.journal.dir().to_owned(), Arc::clone(&shared.counters));
        Self {
            shared,
            connection: None,
            marks: Marks::default(),
            failures_in_a_row: 0,
            files,
            reconciler: Reconciler::new(),
            awaiting: Awaiting::default(),
            tag_limit: TagLimit::default(),
            upkeep: Upkeep::default(),
            upkeep_due_at: Instant::now(),
        }
    }

    fn run(mut self) {
        self.compare_marks();
        while !self.shared.handover.is_stopped() {
            self.keep_up();
            self.wait_for_records();
            if self.shared.handover.is_stopped() {
                return;
            }
            match self.next_batch() {
                Ok(Some(batch)) => self.store(&batch),
                Ok(None) => {}
                Err(error) => self.fail(&error, PAUSE_MAX),
            }
        }
    }

    /// Where the journal was found with records in it: compares DuckDB's position with it, even when the store closes at
    /// once. Once more was appended, a journal that was behind could not be told from one that was not.
    fn compare_marks(&mut self) {
        let found_records =
            self.shared.progress.borrow().stored_position < self.shared.journal.opened_at_position();
        let compared = if found_records && self.shared.duck.exists() { self.connect() } else { Ok(()) };
        if let Err(error) = compared {
            self.fail(&error, PAUSE_MIN);
        }
    }

    /// Waits until there are records, and then for others that share their transaction.
    fn wait_for_records(&mut self) {
        let handover = &self.shared.handover;
        // Without the file being open there is nothing to keep up, and no reason to wake.
        let due_at = self.connection.is_some().then_some(self.upkeep_due_at);
        if handover.wait(due_at, 1) {
            let interval = Duration::from_millis(self.shared.config.commit_interval_ms);
            handover.wait(Some(Instant::now() + interval), BATCH_RECORDS_MAX);
        }
    }

    /// What is to be stored next: from memory, or from the journal's files when memory did not hold it.
    fn next_batch(&mut self) -> Result<Option<Batch>, StoreError> {
        match self.shared.handover.take(BATCH_RECORDS_MAX) {
            Taken::Nothing => Ok(None),
            Taken::Entries(entries) => {
                let position = entries.last().map_or(0, |entry| entry.position);
                let records = entries.into_iter().flat_map(|entry| entry.records).collect();
                Ok(Some(Batch { position, records }))
            }
            Taken::InFiles => {
                self.connect()?;
                // What was appended before this moment is found now, or it cannot be read at all.
                let last = self.shared.journal.last_position();
                let batch = self.files.read(self.marks.journal_position, BATCH_RECORDS_MAX)?;
                if batch.is_none() {
                    self.skip_to(last)?;
                    self.rejoin();
                }
                Ok(batch)
            }
        }
    }

    /// The files hold nothing more that can be read, up to this position.
    fn skip_to(&mut self, position: u64) -> Result<(), StoreError> {
        if self.files.is_stuck() {
            // The segment in use is damaged: what is appended after the damage could not be read either.
            self.files.skip_damage()?;
            self.shared.journal.leave_segment();
        }
        self.marks.journal_position = self.marks.journal_position.max(position);
        self.shared.progress.send_modify(|progress| progress.stored_position = self.marks.journal_position);
        Ok(())
    }

    /// From here on records come from memory, unless some were appended just now.
    fn rejoin(&self) {
        let stored = self.marks.journal_position;
        self.shared.journal.while_still(|last| {
            if stored >= last {
                self.shared.handover.rejoin();
            }
        });
    }

    /// Stores a batch, however long it takes; returns early only when the store closes.
    fn store(&mut self, batch: &Batch) {
        let mut pause = PAUSE_MIN;
        while let Err(error) = self.try_store(batch) {
            self.fail(&error, pause);
            pause = (pause * 2).min(PAUSE_MAX);
            if self.shared.handover.is_stopped() {
                return;
            }
        }
        if let Err(error) = self.shared.journal.remove_stored(self.marks.journal_position) {
            tracing::warn!(%error, "stored segments of the journal stay for now");
        }
        let position = self.marks.journal_position;
        self.shared.progress.send_modify(|progress| progress.stored_position = position);
    }

    fn try_store(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.connect()?;
        if self.marks.journal_position >= batch.position {
            // A commit that was reported as failed had succeeded.
            self.shared.tap.lose_track();
            self.succeeded(batch, 0);
            return Ok(());
        }
        let Self { shared, connection: Some(connection), reconciler, awaiting, tag_limit, .. } = self else {
            return Err(StoreError::Closed);
        };
        let marks = Marks { journal_position: batch.position, ..self.marks };
        let keys = reconciler.keys(batch);
        let written = in_transaction(connection, || {
            let changes = reconciler.changes(connection, batch, &keys)?;
            let (batch, others) = match &changes {
                Some(changes) => (&changes.batch, changes.added.as_slice()),
                None => (batch, [].as_slice()),
            };
            let judged = Judged::of(connection, batch)?;
            let arrivals = awaiting.arrivals(connection, batch)?;
            let mut cells = batch.cells(&judged, others, &arrivals);
            let over_limit = tag_limit.apply(&mut cells, shared.clock.now());
            let new_tags = shared.catalog.unknown(&cells);
            if let Some(changes) = &changes {
                changes.change_rows(connection)?;
            }
            arrivals.change_rows(connection)?;
            batch.write(connection, &judged, &cells, &new_tags, &marks)?;
            let mut removed = Fold::new(UnixMicros::MINUTE);
            if let Some(changes) = &changes {
                changes.removed_to(&mut removed);
            }
            arrivals.removed_to(&mut removed);
            let removed = removed.finish();
            reconcile::take_away(connection, &removed, &marks)?;
            marks.save(connection).map_err(StoreError::duck("save the journal's position"))?;
            Ok(Written { cells, removed, new_tags, over_limit, changes, judged, arrivals })
        })?;
        let kept = written.changes.as_ref().map_or(batch, |changes| &changes.batch);
        awaiting.note(kept, &written.judged, &written.arrivals);
        reconciler.note(&keys, written.changes.as_ref());
        self.upkeep.note(&written.cells, &marks);
        self.marks = marks;
        self.shared.catalog.add(written.new_tags);
        let Written { cells: mut added, removed, .. } = written;
        if self.shared.tap.is_listened_to() {
            added.extend(batch.event_cells());
        }
        self.shared.tap.put(CellBatch { position: batch.position, added, removed });
        if let Some(changes) = &written.changes {
            self.shared.counters.repeated_spans.add(changes.repeated());
            self.shared.counters.joined_spans.add(changes.joined);
        }
        self.succeeded(batch, written.over_limit);
        Ok(())
    }

    /// Counts a batch that is in the tables.
    fn succeeded(&mut self, batch: &Batch, over_limit: u64) {
        self.shared.answers.forget();
        self.failures_in_a_row = 0;
        let counters = &self.shared.counters;
        counters.commits.add(1);
        counters.stored.add(batch.counts());
        counters.records_over_tag_limit.add(over_limit);
        counters.set_commit_error(None);
    }

    /// Makes sure that there is a connection, and that the marks are those of the tables: after a failure nobody knows
    /// what of it was committed.
    fn connect(&mut self) -> Result<(), StoreError> {
        let connection = match self.connection.take() {
            Some(connection) if self.failures_in_a_row == 0 => {
                self.connection = Some(connection);
                return Ok(());
            }
            Some(connection) => connection,
            None => self.shared.duck.connect()?,
        };
        let mut marks = Marks::load(&connection).map_err(StoreError::duck("read its marks"))?;
        if !self.shared.marks_are_checked.load(Ordering::Relaxed) {
            self.check_marks(&connection, &mut marks)?;
        }
        // Damaged parts of the journal that were skipped stay skipped.
        self.marks =
            Marks { journal_position: marks.journal_position.max(self.marks.journal_position), ..marks };
        self.shared.catalog.load(&connection).map_err(StoreError::duck("read the names of metrics"))?;
        self.reconciler.load(&connection)?;
        self.awaiting.load(&connection)?;
        self.shared.progress.send_modify(|progress| progress.stored_position = self.marks.journal_position);
        self.shared.counters.set_commit_error(None);
        self.connection = Some(connection);
        Ok(())
    }

    /// Before anything of this journal is stored: where DuckDB is ahead of the journal, as after an old journal was put
    /// back, its position is that of another journal. What is new here would be taken for stored.
    fn check_marks(&self, connection: &Connection, marks: &mut Marks) -> Result<(), StoreError> {
        let opened_at = self.shared.journal.opened_at_position();
        if marks.journal_position > opened_at {
            tracing::warn!(
                stored = marks.journal_position,
                journal = opened_at,
                "DuckDB is ahead of the journal"
            );
            marks.journal_position = opened_at;
            marks.save(connection).map_err(StoreError::duck("correct its marks"))?;
        }
        self.shared.marks_are_checked.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Rolls up and forgets, when it is time to look at the clock again or someone asks for it.
    fn keep_up(&mut self) {
        let asked = self.shared.handover.take_upkeep_request();
        if !asked && (self.connection.is_none() || Instant::now() < self.upkeep_due_at) {
            return;
        }
        let result = self.connect().and_then(|()| {
            let Some(connection) = &self.connection else { return Err(StoreError::Closed) };
            self.upkeep.run(connection, &mut self.marks, &self.shared)
        });
        self.upkeep_due_at = Instant::now() + UPKEEP_INTERVAL;
        self.shared.answers.forget();
        match &result {
            Ok(()) => self.failures_in_a_row = 0,
            Err(error) => {
                tracing::warn!(%error, "roll-up or retention failed; it is tried again");
                self.shared.counters.upkeep_errors.add(1);
                self.let_go();
            }
        }
        self.shared.progress.send_modify(|progress| {
            progress.upkeeps += u64::from(asked);
            progress.upkeep_error = result.err().map(|error| error.to_string());
        });
    }

    fn fail(&mut self, error: &StoreError, pause: Duration) {
        tracing::error!(%error, retry_ms = pause.as_millis(), "records stay in the journal for now");
        self.shared.failed(error.to_string());
        self.let_go();
        self.shared.handover.pause(pause);
    }

    /// After an error. The first may be that of one statement, and the connection is tried again; after the second the
    /// database may be in any state, and the next use opens it anew, which ends what readers do.
    fn let_go(&mut self) {
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        if self.failures_in_a_row > 1 {
            self.connection = None;
            self.shared.duck.reset();
        }
    }
}

/// What a transaction brought.
struct Written {
    cells: Vec<CellDelta>,
    removed: Vec<CellDelta>,
    new_tags: Vec<MetricTag>,
    over_limit: u64,
    changes: Option<Changes>,
    judged: Judged,
    arrivals: Arrivals,
}

/// Runs changes as one transaction: all of them or none.
fn in_transaction<T>(
    connection: &Connection,
    change: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    connection.execute_batch("BEGIN TRANSACTION").map_err(StoreError::duck("begin a transaction"))?;
    let result = change().and_then(|value| {
        let committed = connection.execute_batch("COMMIT").map_err(StoreError::duck("commit a transaction"));
        committed.map(|()| value)
    });
    if result.is_err() {
        // After a failed commit there is nothing to roll back; either way the error that counts is the first one.
        let _ = connection.execute_batch("ROLLBACK");
    }
    result
}
