//! Alerts in SQLite: what the judge keeps, the outbox of notices and deliveries, silences.
//!
//! Everything that belongs together is written in one transaction that takes the right to write at its start, so that
//! two writers wait for each other instead of failing half-way. Whatever is written twice after a crash meets a unique
//! key and is dropped. Rows go in as one JSON array for each table, because a tick may change thousands of groups and a
//! statement for each would take seconds.

mod history;
mod judge;
mod outbox;
mod silences;

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::sqlite::SqlitePool;
use sqlx::{Sqlite, Transaction};
use weir_types::{
    Acknowledgement, AlertResult, AlertStore, AlertStoreError, Clock, Delivery, DeliveryQueue, KeptJudge,
    NewDelivery, Notice, OpenNotice, SavedMonitor, Silence, Telling, TickCommit, Transition,
    TransitionFilter, UnixMicros,
};

/// Says what is wrong with a silence that is to be made, where the state store itself cannot tell: its scope and rule.
pub type SilenceCheck = Arc<dyn Fn(&Silence) -> Result<(), String> + Send + Sync>;

/// The alerts of one data directory.
pub(crate) struct AlertDb {
    pool: SqlitePool,
    clock: Arc<dyn Clock>,
    check: SilenceCheck,
}

impl AlertDb {
    pub(crate) fn new(pool: SqlitePool, clock: Arc<dyn Clock>, check: SilenceCheck) -> Self {
        Self { pool, clock, check }
    }

    /// A transaction that may write from its start.
    async fn writing(&self) -> Result<Transaction<'static, Sqlite>, AlertStoreError> {
        self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed)
    }
}

impl AlertStore for AlertDb {
    fn kept(&self) -> AlertResult<'_, KeptJudge> {
        Box::pin(self.read_kept())
    }

    fn commit<'a>(&'a self, commit: &'a TickCommit) -> AlertResult<'a, ()> {
        Box::pin(self.write_tick(commit))
    }

    fn transitions<'a>(&'a self, filter: &'a TransitionFilter) -> AlertResult<'a, Vec<Transition>> {
        Box::pin(self.read_transitions(filter))
    }

    fn digests<'a>(
        &'a self,
        monitor: &'a str,
        from: UnixMicros,
        to: UnixMicros,
    ) -> AlertResult<'a, Vec<(UnixMicros, Arc<str>)>> {
        Box::pin(self.read_digests(monitor, from, to))
    }

    fn saved_monitors(&self) -> AlertResult<'_, Vec<SavedMonitor>> {
        Box::pin(self.read_saved_monitors())
    }

    fn save_monitor<'a>(&'a self, name: &'a str, entry: &'a Value) -> AlertResult<'a, ()> {
        Box::pin(self.write_saved_monitor(name, entry))
    }

    fn forget_monitor<'a>(&'a self, name: &'a str) -> AlertResult<'a, ()> {
        Box::pin(self.delete_saved_monitor(name))
    }

    fn open_notices(&self, limit: usize) -> AlertResult<'_, Vec<OpenNotice>> {
        Box::pin(self.read_open_notices(limit))
    }

    fn active_alerts(&self, limit: usize) -> AlertResult<'_, Vec<Notice>> {
        Box::pin(self.read_active_alerts(limit))
    }

    fn tellings<'a>(&'a self, alert_ids: &'a [Arc<str>]) -> AlertResult<'a, Vec<Telling>> {
        Box::pin(self.read_tellings(alert_ids))
    }

    fn last_told<'a>(&'a self, group_keys: &'a [Arc<str>]) -> AlertResult<'a, Vec<(Arc<str>, UnixMicros)>> {
        Box::pin(self.read_last_told(group_keys))
    }

    fn first_receipt<'a>(&'a self, group_key: &'a str) -> AlertResult<'a, Option<Arc<str>>> {
        Box::pin(self.read_first_receipt(group_key))
    }

    fn dispatch<'a>(&'a self, notices: &'a [Arc<str>], deliveries: &'a [NewDelivery]) -> AlertResult<'a, ()> {
        Box::pin(self.write_deliveries(notices, deliveries))
    }

    fn due(&self, now: UnixMicros, limit: usize) -> AlertResult<'_, Vec<(Delivery, Arc<str>)>> {
        Box::pin(self.read_due(now, limit))
    }

    fn queue(&self) -> AlertResult<'_, DeliveryQueue> {
        Box::pin(self.read_queue())
    }

    fn attempted<'a>(&'a self, delivery: &'a Delivery) -> AlertResult<'a, ()> {
        Box::pin(self.write_attempt(delivery))
    }

    fn deliveries<'a>(&'a self, monitor: Option<&'a str>, limit: usize) -> AlertResult<'a, Vec<Delivery>> {
        Box::pin(self.read_deliveries(monitor, limit))
    }

    fn silences(&self) -> AlertResult<'_, Vec<Silence>> {
        Box::pin(self.read_silences())
    }

    fn silence(&self, silence: Silence) -> AlertResult<'_, Silence> {
        Box::pin(self.write_silence(silence))
    }

    fn end_silence<'a>(&'a self, id: &'a str) -> AlertResult<'a, ()> {
        Box::pin(self.write_end_of_silence(id))
    }

    fn acknowledge(&self, acknowledgement: Acknowledgement) -> AlertResult<'_, ()> {
        Box::pin(self.write_acknowledgement(acknowledgement))
    }

    fn acknowledgements(&self) -> AlertResult<'_, Vec<Acknowledgement>> {
        Box::pin(self.read_acknowledgements())
    }

    fn forget_old(&self) -> AlertResult<'_, ()> {
        Box::pin(self.delete_old())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn failed(error: sqlx::Error) -> AlertStoreError {
    AlertStoreError::Store(error.to_string())
}

/// Anything of ours as JSON text.
fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, AlertStoreError> {
    serde_json::to_string(value).map_err(|error| AlertStoreError::Store(error.to_string()))
}

/// What was written by [`json`].
fn parsed<T: DeserializeOwned>(text: &str) -> Result<T, AlertStoreError> {
    serde_json::from_str(text)
        .map_err(|error| AlertStoreError::Store(format!("what it keeps is no longer understood: {error}")))
}

fn limit_of(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
