//! Connections: one for the recorder, some for readers, all of one database instance.

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use duckdb::arrow::array::StructArray;
use duckdb::{Connection, params_from_iter};

use crate::duck::open;
use crate::duck::params::Params;
use crate::duck::watchdog::{Deadline, QueryError, Watchdog};
use crate::stats::lock;
use crate::{StoreConfig, StoreError};

/// Idle connections that are kept; each costs some kilobytes.
const IDLE_MAX: usize = 4;

/// How long readers may take to let go of a database that has become invalid.
const RESET_WAIT: Duration = Duration::from_secs(5);

/// The database file.
pub(crate) struct Duck {
    path: PathBuf,
    config: StoreConfig,
    database: Mutex<Slot>,
    watchdog: Arc<Watchdog>,
}

/// Whether the file is open.
enum Slot {
    /// Not now; the next use opens it.
    Empty,
    Open(Arc<Database>),
    /// The store is closed, and with it goes the lock on the folder: nothing may open the file any more.
    Closed,
}

/// One opened instance of the file. It is closed when the last connection is.
struct Database {
    root: Mutex<Connection>,
    idle: Mutex<Vec<Connection>>,
}

impl Duck {
    pub(crate) fn new(path: PathBuf, config: StoreConfig) -> Self {
        Self { path, config, database: Mutex::new(Slot::Empty), watchdog: Arc::new(Watchdog::default()) }
    }

    /// Whether there is a file.
    pub(crate) fn exists(&self) -> bool {
        self.path.exists()
    }

    /// A connection for the recorder; opens the file when it is not open.
    pub(crate) fn connect(&self) -> Result<Connection, StoreError> {
        let database = self.database()?;
        let root = lock(&database.root);
        root.try_clone().map_err(StoreError::duck("connect"))
    }

    /// A connection for reading that may be used for this long.
    pub(crate) fn reader(&self, limit: Duration) -> Result<Reader, QueryError> {
        let database = self.database().map_err(QueryError::Unavailable)?;
        let idle = lock(&database.idle).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => lock(&database.root).try_clone()?,
        };
        let deadline =
            self.watchdog.watch(connection.interrupt_handle(), limit).map_err(QueryError::Unavailable)?;
        let has_failed = Cell::new(false);
        Ok(Reader { deadline: Some(deadline), connection: Some(connection), database, has_failed })
    }

    /// Drops the instance, so that the next use opens the file anew. The caller has dropped its own connection. Does
    /// nothing when a reader does not let go in time: two instances of one file must never be.
    pub(crate) fn reset(&self) {
        let mut slot = lock(&self.database);
        let Slot::Open(database) = std::mem::replace(&mut *slot, Slot::Empty) else { return };
        lock(&database.idle).clear();
        let until = Instant::now() + RESET_WAIT;
        while Arc::strong_count(&database) > 1 && Instant::now() < until {
            self.watchdog.interrupt_all();
            std::thread::park_timeout(Duration::from_millis(10));
        }
        if Arc::strong_count(&database) > 1 {
            *slot = Slot::Open(database);
        }
    }

    /// Ends what runs and closes the file, unless a reader is still at work; then that reader closes it.
    pub(crate) fn close(&self) {
        self.reset();
        self.watchdog.stop();
        *lock(&self.database) = Slot::Closed;
    }

    fn database(&self) -> Result<Arc<Database>, StoreError> {
        let mut slot = lock(&self.database);
        match &*slot {
            Slot::Open(database) => return Ok(Arc::clone(database)),
            Slot::Closed => return Err(StoreError::Closed),
            Slot::Empty => {}
        }
        let root = open::open(&self.path, &self.config)?;
        let database = Arc::new(Database { root: Mutex::new(root), idle: Mutex::new(Vec::new()) });
        *slot = Slot::Open(Arc::clone(&database));
        Ok(database)
    }
}

/// A connection for one question, with its deadline. Goes back to the pool when it is dropped, unless something failed:
/// a query that was interrupted can leave its transaction open and aborted, and whoever came next would be refused.
pub(crate) struct Reader {
    deadline: Option<Deadline>,
    connection: Option<Connection>,
    database: Arc<Database>,
    has_failed: Cell<bool>,
}

impl Reader {
    /// The connection. There is one until the reader is dropped.
    pub(crate) fn connection(&self) -> &Connection {
        self.connection.as_ref().expect("a reader has its connection until it is dropped")
    }

    /// Runs a statement and shows its result chunk by chunk, without holding all of it.
    pub(crate) fn for_each_chunk<E: From<QueryError>>(
        &self,
        sql: &str,
        params: &Params,
        mut visit: impl FnMut(&StructArray) -> Result<(), E>,
    ) -> Result<(), E> {
        let judge = |error| E::from(self.judge(error));
        let mut statement = self.connection().prepare(sql).map_err(judge)?;
        drop(statement.stream_arrow(params_from_iter(params.values())).map_err(judge)?);
        while let Some(chunk) = statement.step().map_err(judge)? {
            let seen = visit(&chunk).and_then(|()| self.check_deadline().map_err(E::from));
            seen.inspect_err(|_| self.has_failed.set(true))?;
        }
        Ok(())
    }

    /// Runs a statement and reads each row.
    pub(crate) fn rows<T>(
        &self,
        sql: &str,
        params: &Params,
        read: impl FnMut(&duckdb::Row<'_>) -> duckdb::Result<T>,
    ) -> Result<Vec<T>, QueryError> {
        let run = || -> duckdb::Result<Vec<T>> {
            let mut statement = self.connection().prepare(sql)?;
            statement.query_map(params_from_iter(params.values()), read)?.collect()
        };
        run().map_err(|error| self.judge(error))
    }

    /// Runs reads that must see one state of the tables.
    pub(crate) fn in_snapshot<T, E>(
        &self,
        fail: impl Fn(duckdb::Error) -> E,
        read: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.connection().execute_batch("BEGIN TRANSACTION READ ONLY").map_err(&fail)?;
        let result = read();
        let ended = self.connection().execute_batch("ROLLBACK");
        if result.is_err() || ended.is_err() {
            self.has_failed.set(true);
        }
        result.and_then(|value| ended.map(|()| value).map_err(fail))
    }

    /// Whether it was the deadline that caused an error.
    pub(crate) fn judge(&self, error: duckdb::Error) -> QueryError {
        self.has_failed.set(true);
        self.deadline().judge(error)
    }

    /// Whether the time is over; for work between steps of a query.
    pub(crate) fn check_deadline(&self) -> Result<(), QueryError> {
        self.deadline().check().inspect_err(|_| self.has_failed.set(true))
    }

    fn deadline(&self) -> &Deadline {
        self.deadline.as_ref().expect("a reader has its deadline until it is dropped")
    }

    /// Drops the connection with the reader, because of the state it may be in.
    pub(crate) fn discard(mut self) {
        drop(self.deadline.take());
        drop(self.connection.take());
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // The deadline first: nothing may interrupt whoever has the connection next.
        drop(self.deadline.take());
        let is_reusable = !self.has_failed.get() && !std::thread::panicking();
        if let Some(connection) = self.connection.take().filter(|_| is_reusable) {
            let mut idle = lock(&self.database.idle);
            if idle.len() < IDLE_MAX {
                idle.push(connection);
            }
        }
    }
}
