//! Spans that are stored: finding those that a batch may concern, and changing them, within the recorder's transaction.
//!
//! Every statement says when the rows start, so that DuckDB skips all others.

use std::collections::BTreeSet;
use std::sync::Arc;

use duckdb::{Connection, params_from_iter};
use weir_types::{Span, SpanId, TimeRange, TraceId, UnixMicros};

use crate::StoreError;
use crate::arrow::Columns;
use crate::browse::{joining_columns, read_span, whole_columns};
use crate::duck::Params;
use crate::recorder::rows;

/// Values in one statement.
const VALUES_MAX: usize = 2_000;

/// A row of `spans`. Its number holds within a transaction.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StoredSpan {
    pub row: i64,
    pub span: Span,
}

/// The spans of traces that may matter to a join, without what was said in them.
pub(super) fn of_traces(
    connection: &Connection,
    traces: &BTreeSet<TraceId>,
    range: TimeRange,
) -> Result<Vec<StoredSpan>, StoreError> {
    let kinds = "kind IN ('llm', 'embedding', 'rerank', 'http', 'task', 'other') AND trace_id";
    let ids: Vec<_> = traces.iter().map(ToString::to_string).collect();
    find(connection, &joining_columns(), kinds, &ids, range)
}

/// The calls with these answers, without what was said in them.
pub(super) fn of_responses(
    connection: &Connection,
    responses: &BTreeSet<Arc<str>>,
    range: TimeRange,
) -> Result<Vec<StoredSpan>, StoreError> {
    let kinds = "kind IN ('llm', 'embedding', 'rerank') AND response_id";
    let ids: Vec<_> = responses.iter().map(ToString::to_string).collect();
    find(connection, &joining_columns(), kinds, &ids, range)
}

/// These spans, whole.
pub(super) fn by_ids(
    connection: &Connection,
    ids: &BTreeSet<(TraceId, SpanId)>,
    range: TimeRange,
) -> Result<Vec<StoredSpan>, StoreError> {
    let spans: Vec<_> = ids.iter().map(|(_, span)| span.to_string()).collect();
    let mut found = find(connection, &whole_columns(), "span_id", &spans, range)?;
    found.retain(|stored| ids.contains(&(stored.span.trace_id, stored.span.span_id)));
    Ok(found)
}

fn find(
    connection: &Connection,
    columns: &str,
    key: &str,
    values: &[String],
    range: TimeRange,
) -> Result<Vec<StoredSpan>, StoreError> {
    let find = |values: &[String]| -> duckdb::Result<Vec<StoredSpan>> {
        let mut params = Params::default();
        let (from, to) = (params.time(range.from), params.time(range.to));
        let values: Vec<_> = values.iter().map(|value| params.text(value)).collect();
        let sql = format!(
            "SELECT {columns}, rowid AS row_number FROM spans \
             WHERE start_time >= {from} AND start_time < {to} AND {key} IN ({})",
            values.join(", ")
        );
        let mut statement = connection.prepare(&sql)?;
        let rows = statement.query_map(params_from_iter(params.values()), |row| {
            Ok(StoredSpan { row: row.get("row_number")?, span: read_span(row)? })
        })?;
        rows.collect()
    };
    let mut found = Vec::new();
    for values in values.chunks(VALUES_MAX) {
        found.extend(find(values).map_err(StoreError::duck("look for reports of the same calls"))?);
    }
    Ok(found)
}

/// Columns that reconciling changes.
const CHANGED: [&str; 17] = [
    "same_as",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "cost_nano_usd",
    "tokens_estimated",
    "price_version",
    "attributes",
    "team",
    "app",
    "agent",
    "session",
    "\"user\"",
    "env",
    "service",
];

/// Changes rows to what their spans are now.
pub(super) fn update(connection: &Connection, changed: &[StoredSpan]) -> Result<(), StoreError> {
    let Some(range) = range_of(changed.iter().map(|stored| stored.span.start)) else { return Ok(()) };
    let update = || -> duckdb::Result<()> {
        let columns = CHANGED.join(", ");
        connection.execute_batch(&format!(
            "CREATE TEMP TABLE IF NOT EXISTS changed_spans AS SELECT rowid AS row_number, {columns} FROM spans LIMIT 0"
        ))?;
        let rows = rows::joined_spans(changed, |s| s.row, |s| &s.span);
        let rows = rows.map_err(|error| duckdb::Error::ToSqlConversionFailure(Box::new(error)))?;
        let mut appender = connection.appender_to_catalog_and_db("changed_spans", "temp", "main")?;
        appender.append_record_batch(rows)?;
        appender.flush()?;
        let changes: Vec<_> = CHANGED.iter().map(|column| format!("{column} = changed.{column}")).collect();
        let mut params = Params::default();
        let (from, to) = (params.time(range.from), params.time(range.to));
        let sql = format!(
            "UPDATE spans SET {} FROM temp.changed_spans AS changed WHERE spans.rowid = changed.row_number \
             AND spans.start_time >= {from} AND spans.start_time < {to}",
            changes.join(", ")
        );
        connection.execute(&sql, params_from_iter(params.values()))?;
        connection.execute_batch("DELETE FROM temp.changed_spans")
    };
    update().map_err(StoreError::duck("join reports of the same calls"))
}

/// Deletes rows of a table by their numbers.
pub(in crate::recorder) fn delete(
    connection: &Connection,
    table: &str,
    time: &str,
    doomed: &[(i64, UnixMicros)],
) -> Result<(), StoreError> {
    let Some(range) = range_of(doomed.iter().map(|(_, time)| *time)) else { return Ok(()) };
    let delete = || -> duckdb::Result<()> {
        connection.execute_batch("CREATE TEMP TABLE IF NOT EXISTS doomed_rows (row_number BIGINT)")?;
        let rows = Columns::of(doomed).int("row_number", |(row, _)| Some(*row)).finish();
        let rows = rows.map_err(|error| duckdb::Error::ToSqlConversionFailure(Box::new(error)))?;
        let mut appender = connection.appender_to_catalog_and_db("doomed_rows", "temp", "main")?;
        appender.append_record_batch(rows)?;
        appender.flush()?;
        let mut params = Params::default();
        let (from, to) = (params.time(range.from), params.time(range.to));
        let sql = format!(
            "DELETE FROM {table} WHERE {time} >= {from} AND {time} < {to} \
             AND rowid IN (SELECT row_number FROM temp.doomed_rows)"
        );
        connection.execute(&sql, params_from_iter(params.values()))?;
        connection.execute_batch("DELETE FROM temp.doomed_rows")
    };
    delete().map_err(StoreError::duck("replace rows"))
}

/// The range that holds these instants.
fn range_of(times: impl Iterator<Item = UnixMicros> + Clone) -> Option<TimeRange> {
    let (from, last) = (times.clone().min()?, times.max()?);
    Some(TimeRange { from, to: last.saturating_add_us(1) })
}
