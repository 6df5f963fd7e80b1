//! Opening and closing: the one place where the parts of the store are put together.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::watch;
use weir_types::{
    AlertStore, AuditLog, Browse, BudgetStore, CellFeed, Clock, Documents, KeyAdmin, KeyDirectory,
    RecordSink, Scan, UnixMicros,
};

use crate::browse::DuckBrowse;
use crate::cell_feed::{CellTap, DuckCellFeed};
use crate::duck::{Duck, Marks};
use crate::journal::{Journal, JournalConfig};
use crate::lock::DirLock;
use crate::recorder::{self, Catalog, Handover, Progress, Shared};
use crate::scan::{Answers, DuckScan};
use crate::state::{KeyStore, SilenceCheck};
use crate::stats::{Counters, StoreStats};
use crate::{StoreConfig, StoreError, thread};

/// A store that is open. Close it with [`Store::close`]; when it is merely dropped nothing is lost, but what is in the
/// journal only goes into DuckDB at the next start.
pub struct Store {
    shared: Arc<Shared>,
    keys: KeyStore,
    /// Taken when the store closes.
    threads: Option<Threads>,
    _lock: DirLock,
}

struct Threads {
    recorder: thread::Owned,
    journal: thread::Owned,
}

impl Store {
    /// Opens the store in `config.data_dir`, and goes on where it was left: what is in the journal and not in DuckDB is
    /// brought there in the background.
    ///
    /// DuckDB itself is opened when it is first needed. When it cannot be, records are kept in the journal, and
    /// [`Self::stats`] says why.
    pub async fn open(config: StoreConfig, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let lock = DirLock::acquire(&config.data_dir)?;
        let keys = KeyStore::open(&config.data_dir, Arc::clone(&clock)).await?;
        let opening = tokio::task::spawn_blocking(move || Self::start(config, clock, keys, lock));
        opening.await.map_err(|_| StoreError::Closed)?
    }

    fn start(
        config: StoreConfig,
        clock: Arc<dyn Clock>,
        keys: KeyStore,
        lock: DirLock,
    ) -> Result<Self, StoreError> {
        let counters = Arc::new(Counters::default());
        let duck = Arc::new(Duck::new(config.data_dir.join("weir.duckdb"), config.clone()));
        let dir = config.data_dir.join("journal");
        let floor = first_position(&dir, &duck, clock.now())?;
        let handover = Arc::new(Handover::default());
        let journal_config =
            JournalConfig { dir, durability: config.durability, bytes_max: config.journal_bytes_max };
        let (journal, journal_thread, has_frames) =
            Journal::open(journal_config, floor, Arc::clone(&handover), Arc::clone(&counters))?;
        let stored_position = if has_frames { 0 } else { journal.last_position() };
        if has_frames {
            handover.spill();
        }
        let shared = Arc::new(Shared {
            config,
            clock,
            journal,
            handover,
            duck,
            catalog: Arc::new(Catalog::default()),
            tap: Arc::new(CellTap::default()),
            answers: Arc::new(Answers::default()),
            counters,
            progress: watch::Sender::new(Progress { stored_position, ..Progress::default() }),
            marks_are_checked: AtomicBool::new(false),
        });
        let recording = Arc::clone(&shared);
        let recorder = thread::Owned::start("weir-recorder", move || recorder::run(&recording))?;
        Ok(Self { shared, keys, threads: Some(Threads { recorder, journal: journal_thread }), _lock: lock })
    }

    /// Where records go in.
    pub fn sink(&self) -> Arc<dyn RecordSink> {
        Arc::clone(&self.shared.journal) as Arc<dyn RecordSink>
    }

    /// Answers the query language's scans.
    pub fn scan(&self) -> Arc<dyn Scan> {
        let limit = std::time::Duration::from_millis(self.shared.config.query_time_max_ms);
        let Shared { duck, catalog, answers, .. } = &*self.shared;
        Arc::new(DuckScan::new(Arc::clone(duck), Arc::clone(catalog), Arc::clone(answers), limit))
    }

    /// Tells what happens to cells.
    pub fn cell_feed(&self) -> Arc<dyn CellFeed> {
        Arc::new(DuckCellFeed::new(Arc::clone(&self.shared.tap), Arc::clone(&self.shared.duck)))
    }

    /// Answers questions about single spans, and SQL.
    pub fn browse(&self) -> Arc<dyn Browse> {
        let limit = std::time::Duration::from_millis(self.shared.config.query_time_max_ms);
        Arc::new(DuckBrowse::new(Arc::clone(&self.shared.duck), limit))
    }

    /// Finds virtual keys.
    pub fn keys(&self) -> Arc<dyn KeyDirectory> {
        Arc::new(self.keys.clone())
    }

    /// Makes, lists and revokes virtual keys.
    pub fn key_admin(&self) -> Arc<dyn KeyAdmin> {
        Arc::new(self.keys.clone())
    }

    /// Keeps what people arrange in the dashboard.
    pub fn documents(&self) -> Arc<dyn Documents> {
        Arc::new(self.keys.documents())
    }

    /// Keeps budgets that are made or changed while Weir runs.
    pub fn budgets(&self) -> Arc<dyn BudgetStore> {
        Arc::new(self.keys.budgets())
    }

    /// Keeps what monitors found and what was told.
    pub fn alerts(&self) -> Arc<dyn AlertStore> {
        self.alerts_with_check(Arc::new(|_| Ok(())))
    }

    /// The same, and silences are made only where this check allows them. The state store cannot read scopes and rules.
    pub fn alerts_with_check(&self, check: SilenceCheck) -> Arc<dyn AlertStore> {
        Arc::new(self.keys.alerts(check))
    }

    /// Keeps who changed what.
    pub fn audit(&self) -> Arc<dyn AuditLog> {
        Arc::new(self.keys.audit())
    }

    /// Returns when everything that was appended before the call is in DuckDB, or with the reason when an attempt to
    /// bring it there failed; the records are in the journal then, and are tried again.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let position = self.shared.journal.last_position();
        let mut progress = self.shared.progress.subscribe();
        let failures = progress.borrow_and_update().failures;
        self.shared.handover.set_hurried(true);
        let waited = progress.wait_for(|p| p.stored_position >= position || p.failures > failures).await;
        self.shared.handover.set_hurried(false);
        let stored = waited.map_err(|_| StoreError::Closed)?.stored_position >= position;
        if stored {
            return Ok(());
        }
        let cause =
            self.shared.counters.commit_error().unwrap_or_else(|| "the last attempt failed".to_owned());
        Err(StoreError::NotStored { waiting_for: position, cause })
    }

    /// Rolls up cells and forgets what is too old, now. The recorder does so by itself every few seconds.
    pub async fn run_upkeep(&self) -> Result<(), StoreError> {
        let mut progress = self.shared.progress.subscribe();
        let before = progress.borrow_and_update().upkeeps;
        self.shared.handover.ask_for_upkeep();
        let waited = progress.wait_for(|p| p.upkeeps > before).await;
        match &waited.map_err(|_| StoreError::Closed)?.upkeep_error {
            None => Ok(()),
            Some(message) => Err(StoreError::Duck { action: "roll up and expire", message: message.clone() }),
        }
    }

    /// How the store is doing.
    pub fn stats(&self) -> StoreStats {
        let Shared { config, journal, counters, progress, .. } = &*self.shared;
        StoreStats {
            journal_bytes: journal.bytes(),
            journal_bytes_max: config.journal_bytes_max,
            journal_position: journal.last_position(),
            synced_position: journal.synced_position(),
            stored_position: progress.borrow().stored_position,
            appended: counters.appended.get(),
            stored: counters.stored.get(),
            commits: counters.commits.get(),
            commit_errors: counters.commit_errors.get(),
            commit_error: counters.commit_error(),
            append_errors: counters.append_errors.get(),
            sync_errors: counters.sync_errors.get(),
            torn_tails: counters.torn_tails.get(),
            quarantined_bytes: counters.quarantined_bytes.get(),
            undecodable_frames: counters.undecodable_frames.get(),
            dropped_bodies: counters.dropped_bodies.get(),
            dropped_records: counters.dropped_records.get(),
            spills: counters.spills.get(),
            records_over_tag_limit: counters.records_over_tag_limit.get(),
            repeated_spans: counters.repeated_spans.get(),
            joined_spans: counters.joined_spans.get(),
            rolled_up_hours: counters.rolled_up_hours.get(),
            expired_rows: counters.expired_rows.get(),
            upkeep_errors: counters.upkeep_errors.get(),
        }
    }

    /// Refuses further appends, brings what is in the journal into DuckDB, and closes the files. An error says what could
    /// not be brought there; it is in the journal, and nothing is lost.
    pub async fn close(mut self) -> Result<(), StoreError> {
        self.shared.journal.close();
        let flushed = self.flush().await;
        self.keys.close().await;
        let is_clear = flushed.is_ok();
        let stopping = tokio::task::spawn_blocking(move || self.stop(is_clear));
        stopping.await.map_err(|_| StoreError::Closed)??;
        flushed
    }

    fn stop(&mut self, is_clear: bool) -> Result<(), StoreError> {
        let Some(threads) = self.threads.take() else { return Ok(()) };
        self.shared.journal.close();
        self.shared.handover.stop();
        threads.recorder.join();
        let cleared = if is_clear { self.shared.journal.clear() } else { Ok(()) };
        self.shared.journal.stop_sync();
        threads.journal.join();
        self.shared.duck.close();
        cleared
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Only the threads: the lock on the folder must not go before whoever writes to it.
        if let Err(error) = self.stop(false) {
            tracing::error!(%error, "the store was not closed cleanly");
        }
    }
}

/// The least position that the journal may begin with. Where the journal was removed and DuckDB was not, it must begin
/// after what DuckDB has; where DuckDB cannot say, the time in microseconds is more than any count of appends before.
fn first_position(dir: &Path, duck: &Duck, now: UnixMicros) -> Result<u64, StoreError> {
    std::fs::create_dir_all(dir).map_err(StoreError::journal("create", dir))?;
    if !duck.exists() || !crate::journal::list_segments(dir)?.is_empty() {
        return Ok(1);
    }
    let load = |connection| Marks::load(&connection).map_err(StoreError::duck("read its marks"));
    match duck.connect().and_then(load) {
        Ok(marks) => Ok(marks.journal_position + 1),
        Err(error @ StoreError::NewerSchema { .. }) => Err(error),
        Err(error) => {
            tracing::error!(%error, "records stay in the journal until DuckDB can be opened");
            Ok(u64::try_from(now.0).unwrap_or(1).max(1))
        }
    }
}
