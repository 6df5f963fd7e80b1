//! The lock on a data directory. The operating system holds it for the open file, so that it goes with the process,
//! however that ends.

use std::fs::{self, File, TryLockError};
use std::path::Path;

use crate::StoreError;

/// Holds the data directory for this process.
#[derive(Debug)]
pub(crate) struct DirLock {
    _file: File,
}

impl DirLock {
    /// Makes the folder when it is absent, and locks it.
    pub(crate) fn acquire(dir: &Path) -> Result<Self, StoreError> {
        let fail = |source| StoreError::DataDir { path: dir.to_owned(), source };
        fs::create_dir_all(dir).map_err(fail)?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(dir.join("weir.lock"))
            .map_err(fail)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: dir.to_owned() }),
            Err(TryLockError::Error(source)) => Err(fail(source)),
        }
    }
}
