//! How the file is opened.

use std::path::Path;

use duckdb::{Config, Connection};

use crate::duck::schema;
use crate::{StoreConfig, StoreError};

/// Opens the file, brings its tables up to date and locks its settings.
pub(crate) fn open(path: &Path, config: &StoreConfig) -> Result<Connection, StoreError> {
    let settings = settings(config).map_err(StoreError::duck("take its settings"))?;
    let mut connection =
        Connection::open_with_flags(path, settings).map_err(StoreError::duck("open its file"))?;
    schema::migrate(&mut connection)?;
    connection
        .execute_batch("SET lock_configuration = true")
        .map_err(StoreError::duck("lock its settings"))?;
    Ok(connection)
}

fn settings(config: &StoreConfig) -> duckdb::Result<Config> {
    Config::default()
        .threads(i64::from(config.threads.max(1)))?
        .with("memory_limit", format!("{}B", config.memory_limit_bytes))?
        // More spilled intermediate results than that mean that a query is too large, not that the disk is too small.
        .with("max_temp_directory_size", format!("{}B", config.memory_limit_bytes.saturating_mul(4)))?
        // Until a checkpoint rows are in memory and in DuckDB's own log. Each checkpoint compresses its last, partly
        // filled row group again: with DuckDB's default of 16 MiB that costs more than all other work together.
        .with("checkpoint_threshold", format!("{}B", config.memory_limit_bytes / 4))?
        // No files, no network, no extensions: SQL of users runs in this process.
        .with("enable_external_access", "false")?
        .with("autoinstall_known_extensions", "false")?
        .with("autoload_known_extensions", "false")?
        .with("allow_community_extensions", "false")?
        // Memory goes back to the system sooner than after 128 MiB.
        .with("allocator_flush_threshold", "16MB")
}
