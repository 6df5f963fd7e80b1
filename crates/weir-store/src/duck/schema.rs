//! The tables, by numbered migrations, and the recorder's marks in them.

use duckdb::Connection;
use weir_types::UnixMicros;

use crate::StoreError;

/// Every migration, in order; the first is number 1. A published one is never changed.
const MIGRATIONS: [&str; 3] = [
    include_str!("../../migrations/duckdb/0001_first.sql"),
    include_str!("../../migrations/duckdb/0002_awaited_spans.sql"),
    include_str!("../../migrations/duckdb/0003_hours_by_metric.sql"),
];

/// Brings the tables to the newest version.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let fail = StoreError::duck;
    connection
        .execute_batch("CREATE TABLE IF NOT EXISTS schema_migrations (version BIGINT NOT NULL, applied_at TIMESTAMP NOT NULL)")
        .map_err(fail("prepare its schema"))?;
    let found: i64 = connection
        .query_row("SELECT coalesce(max(version), 0) FROM schema_migrations", [], |row| row.get(0))
        .map_err(fail("read its schema's version"))?;
    for (version, sql) in (1i64..).zip(MIGRATIONS) {
        if version <= found {
            continue;
        }
        let transaction = connection.transaction().map_err(fail("begin a migration"))?;
        transaction.execute_batch(sql).map_err(fail("change its schema"))?;
        transaction
            .execute("INSERT INTO schema_migrations VALUES (?, now()::TIMESTAMP)", [version])
            .map_err(fail("note a migration"))?;
        transaction.commit().map_err(fail("commit a migration"))?;
    }
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > known { Err(StoreError::NewerSchema { found, known }) } else { Ok(()) }
}

/// Where the recorder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Marks {
    /// Everything up to this position of the journal is in the tables.
    pub journal_position: u64,
    /// Hours before this time are whole in `cells_1h`; `None` before the first roll-up.
    pub rolled_up_to: Option<UnixMicros>,
    /// Minutes before this time are gone from `cells_1m`.
    pub minutes_from: UnixMicros,
}

impl Marks {
    pub(crate) fn load(connection: &Connection) -> duckdb::Result<Self> {
        let sql = "SELECT journal_position, rolled_up_to_us, minutes_from_us FROM recorder_marks";
        connection.query_row(sql, [], |row| {
            Ok(Self {
                journal_position: u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0),
                rolled_up_to: row.get::<_, Option<i64>>(1)?.map(UnixMicros),
                minutes_from: UnixMicros(row.get(2)?),
            })
        })
    }

    /// Writes the marks; to be called within the transaction that makes them true.
    pub(crate) fn save(&self, connection: &Connection) -> duckdb::Result<()> {
        let sql = "UPDATE recorder_marks SET journal_position = ?, rolled_up_to_us = ?, minutes_from_us = ?";
        let position = i64::try_from(self.journal_position).unwrap_or(i64::MAX);
        let rolled_up_to = self.rolled_up_to.map(|time| time.0);
        connection.execute(sql, duckdb::params![position, rolled_up_to, self.minutes_from.0]).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(connection: &Connection, sql: &str) -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }

    #[test]
    fn the_columns_of_spans_are_those_that_users_were_promised() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
        let promised = "start_time, duration_us, trace_id, span_id, parent_id, kind, name, source, status, \
            error_type, error_message, http_status, provider, model, response_model, team, app, agent, session, user, \
            env, service, key_id, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, \
            reasoning_tokens, cost_nano_usd, tokens_estimated, price_version, ttft_us, stream, finish_reason, cache, \
            saved_nano_usd, policy, input, output, documents, tools, attributes, client, response_id, same_as";
        let columns = names(&connection, "SELECT column_name FROM (DESCRIBE spans)");
        assert_eq!(columns.join(", "), promised);
        let tables = names(&connection, "SELECT table_name FROM duckdb_tables() ORDER BY 1");
        for table in ["cells_1h", "cells_1m", "events", "points", "scores", "spans"] {
            assert!(tables.iter().any(|name| name == table), "{table} is missing");
        }
    }

    #[test]
    fn a_newer_schema_is_refused_with_both_versions() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection.execute_batch("INSERT INTO schema_migrations VALUES (99, now()::TIMESTAMP)").unwrap();
        let refused = migrate(&mut connection);
        assert!(
            matches!(refused, Err(StoreError::NewerSchema { found: 99, known }) if usize::try_from(known) == Ok(MIGRATIONS.len()))
        );
    }
}
