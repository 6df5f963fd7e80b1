//! Why the store could not be opened, flushed or closed. Callers of the traits see the traits' own errors instead.

use std::io;
use std::path::{Path, PathBuf};

/// An error of the store itself.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The data directory cannot be made or used.
    #[error(
        "cannot use the data directory {path:?}: {source}; set `server.data_dir` to a folder that can be written"
    )]
    DataDir {
        /// The folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another process has the data directory open.
    #[error(
        "the data directory {path:?} is in use by another weir; stop it, or set `server.data_dir` to another folder"
    )]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// A file of the journal cannot be read or written.
    #[error("cannot {action} the journal file {path:?}: {source}")]
    Journal {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// DuckDB failed.
    #[error("DuckDB could not {action}: {message}")]
    Duck {
        /// What was tried.
        action: &'static str,
        /// What DuckDB said.
        message: String,
    },
    /// The data was written by a newer version.
    #[error(
        "the store has schema {found} and this weir knows up to {known}; use the newer version that wrote it, or another \
         `server.data_dir`"
    )]
    NewerSchema {
        /// The version in the file.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// The state store (SQLite) failed.
    #[error("the state store could not {action}: {message}")]
    State {
        /// What was tried.
        action: &'static str,
        /// What the database said.
        message: String,
    },
    /// Records are in the journal and could not be brought into DuckDB yet; they are not lost.
    #[error("records up to position {waiting_for} are in the journal but not in DuckDB: {cause}")]
    NotStored {
        /// The position that was waited for.
        waiting_for: u64,
        /// Why the last attempt failed.
        cause: String,
    },
    /// A thread of the store could not be started.
    #[error("cannot start the thread {name:?}: {source}")]
    Thread {
        /// The thread's name.
        name: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    pub(crate) fn journal(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Journal { action, path, source }
    }

    pub(crate) fn duck(action: &'static str) -> impl FnOnce(duckdb::Error) -> Self {
        move |error| Self::Duck { action, message: error.to_string() }
    }

    pub(crate) fn state(action: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |error| Self::State { action, message: error.to_string() }
    }
}
