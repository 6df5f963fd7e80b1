//! Forgets what is older than the configuration says, a day at a time.

use duckdb::{Connection, params_from_iter};
use weir_types::UnixMicros;

use crate::StoreError;
use crate::duck::{Marks, Params};
use crate::recorder::{Shared, in_transaction};

/// How far earlier runs came, so that the next need not look again.
#[derive(Debug, Default)]
pub(crate) struct Retired {
    /// When retention last ran.
    ran_at: Option<UnixMicros>,
    /// Spans before this time have no bodies.
    bodies_before: Option<UnixMicros>,
}

/// How often the tables are looked at. A day more or less is nobody's concern, an hour less so.
const INTERVAL_US: i64 = UnixMicros::HOUR;

const CLEAR_BODIES: &str =
    "UPDATE spans SET input = NULL, output = NULL, documents = NULL, tools = NULL, attributes = NULL";

/// Rows that were cleared before a restart are not written again.
const HAS_BODIES: &str = "coalesce(input, output, documents, tools, attributes) IS NOT NULL";

/// Deletes rows, bodies and cells whose time has come.
pub(crate) fn expire(
    connection: &Connection,
    marks: &mut Marks,
    retired: &mut Retired,
    shared: &Shared,
) -> Result<(), StoreError> {
    let now = shared.clock.now();
    if retired.ran_at.is_some_and(|at| (at.0..at.0.saturating_add(INTERVAL_US)).contains(&now.0)) {
        return Ok(());
    }
    let retention = &shared.config.retention;
    let before = |days: u32| now.saturating_add_us(i64::from(days).saturating_mul(-UnixMicros::DAY));
    let by_day = ByDay { connection, shared };
    for (table, column) in [
        ("spans", "start_time"),
        ("traces", "last_start_time"),
        ("scores", "time"),
        ("points", "time"),
        ("events", "time"),
    ] {
        let delete = format!("DELETE FROM {table}");
        by_day.run(&delete, "TRUE", table, column, None, before(retention.spans_days))?;
    }
    let bodies_before = before(retention.bodies_days);
    by_day.run(CLEAR_BODIES, HAS_BODIES, "spans", "start_time", retired.bodies_before, bodies_before)?;
    retired.bodies_before = Some(bodies_before);
    forget_minutes(connection, marks, shared, before(retention.cells_1m_days))?;
    let hours_before = before(retention.cells_1h_days).floor_to(UnixMicros::HOUR);
    by_day.run("DELETE FROM cells_1h", "TRUE", "cells_1h", "time", None, hours_before)?;
    retired.ran_at = Some(now);
    Ok(())
}

/// Deletes minutes, and notes that they are gone in the same transaction. Minutes that are in no hour yet stay.
fn forget_minutes(
    connection: &Connection,
    marks: &mut Marks,
    shared: &Shared,
    before: UnixMicros,
) -> Result<(), StoreError> {
    let Some(rolled_up_to) = marks.rolled_up_to else { return Ok(()) };
    let before = before.floor_to(UnixMicros::HOUR).min(rolled_up_to);
    if before <= marks.minutes_from {
        return Ok(());
    }
    let forgotten = Marks { minutes_from: before, ..*marks };
    let mut deleted = 0;
    in_transaction(connection, || {
        let delete = connection
            .execute("DELETE FROM cells_1m WHERE time < ?", [timestamp(before)])
            .and_then(|rows| forgotten.save(connection).map(|()| rows));
        deleted = delete.map_err(StoreError::duck("delete old minute cells"))?;
        Ok(())
    })?;
    *marks = forgotten;
    shared.counters.expired_rows.add(deleted as u64);
    Ok(())
}

/// Runs one change for each day that has rows.
struct ByDay<'a> {
    connection: &'a Connection,
    shared: &'a Shared,
}

impl ByDay<'_> {
    fn run(
        &self,
        change: &str,
        which: &str,
        table: &str,
        column: &str,
        from: Option<UnixMicros>,
        before: UnixMicros,
    ) -> Result<(), StoreError> {
        let mut from = from;
        while !self.shared.handover.is_stopped() {
            let first =
                self.first(table, column, from, before).map_err(StoreError::duck("look for old rows"))?;
            let Some(first) = first else { break };
            let until = first.floor_to(UnixMicros::DAY).saturating_add_us(UnixMicros::DAY).min(before);
            let rows = self
                .connection
                .execute(
                    &format!("{change} WHERE {column} >= ? AND {column} < ? AND {which}"),
                    [timestamp(first), timestamp(until)],
                )
                .map_err(StoreError::duck("delete old rows"))?;
            self.shared.counters.expired_rows.add(rows as u64);
            from = Some(until);
        }
        Ok(())
    }

    fn first(
        &self,
        table: &str,
        column: &str,
        from: Option<UnixMicros>,
        before: UnixMicros,
    ) -> duckdb::Result<Option<UnixMicros>> {
        let mut params = Params::default();
        let mut sql =
            format!("SELECT epoch_us(min({column})) FROM {table} WHERE {column} < {}", params.time(before));
        if let Some(from) = from {
            sql = format!("{sql} AND {column} >= {}", params.time(from));
        }
        let first: Option<i64> =
            self.connection.query_row(&sql, params_from_iter(params.values()), |row| row.get(0))?;
        Ok(first.map(UnixMicros))
    }
}

fn timestamp(time: UnixMicros) -> duckdb::types::Value {
    duckdb::types::Value::Timestamp(duckdb::types::TimeUnit::Microsecond, time.0)
}
