//! SQL of users: one statement, read-only, with limits.

use duckdb::arrow::array::Array as _;
use weir_types::{BrowseError, Column, Table};

use crate::browse::{guard, json};
use crate::duck::{QueryError, Reader};

/// Runs a statement, and takes at most this many rows of its result.
pub(crate) fn run(reader: Reader, statement: &str, rows_max: usize) -> Result<Table, BrowseError> {
    guard::check(reader.connection(), statement)?;
    let begun = reader.connection().execute_batch("BEGIN TRANSACTION READ ONLY");
    begun.map_err(|error| reader.judge(error))?;
    let result = read(&reader, statement, rows_max);
    // A connection that is not back in its own state is not used again.
    if reader.connection().execute_batch("ROLLBACK").is_err() {
        reader.discard();
    }
    result
}

fn read(reader: &Reader, statement: &str, rows_max: usize) -> Result<Table, BrowseError> {
    let judge = |error| match reader.judge(error) {
        // What DuckDB says about a user's statement is for the user.
        QueryError::Failed(error) => BrowseError::Invalid(message_of(&error)),
        other => other.into(),
    };
    let mut prepared = reader.connection().prepare(statement).map_err(judge)?;
    // The result is taken piece by piece, so that `rows_max` also bounds the memory.
    drop(prepared.stream_arrow([]).map_err(judge)?);
    let columns: Vec<_> = (0..prepared.column_count())
        .map(|index| Column {
            name: prepared.column_name(index).cloned().unwrap_or_default(),
            data_type: json::type_name(&prepared.column_logical_type(index)),
        })
        .collect();
    let mut rows = Vec::new();
    while let Some(chunk) = prepared.step().map_err(judge)? {
        for row in 0..chunk.len() {
            if rows.len() == rows_max {
                return Ok(Table { columns, rows, truncated: true });
            }
            rows.push(chunk.columns().iter().map(|column| json::value(&**column, row)).collect());
        }
        reader.check_deadline()?;
    }
    Ok(Table { columns, rows, truncated: false })
}

/// What DuckDB said, without the driver's words around it.
fn message_of(error: &duckdb::Error) -> String {
    match error {
        duckdb::Error::DuckDBFailure(_, Some(message)) => message.trim().to_owned(),
        other => other.to_string(),
    }
}
