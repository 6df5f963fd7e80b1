//! Who sees which calls. A call that both sides saw is one row that counts, the gateway's, to which a client's row points;
//! so the three kinds are told apart by who reported the row that counts, and whether a client's row points to it.

use duckdb::{Connection, Row, params_from_iter};
use weir_types::{Coverage, CoverageRow, NanoUsd, SeenBy, TimeRange, UnixMicros};

use crate::derived::CALLS_SQL;
use crate::duck::Params;

/// Rows that are listed; a larger fleet is asked about by SQL.
const ROWS_MAX: usize = 1_000;

/// How far a client's report may start from the gateway's; clocks differ.
const APART_US: i64 = UnixMicros::HOUR;

/// Counts of the calls that started within a range, in all.
pub(crate) fn counts(connection: &Connection, range: TimeRange) -> duckdb::Result<SeenBy> {
    let mut params = Params::default();
    let sql = format!("SELECT {COUNTS} FROM ({})", calls(range, &mut params));
    connection.query_row(&sql, params_from_iter(params.values()), |row| seen_by(row, 0))
}

/// Counts of the calls that started within a range, by whose they are.
pub(crate) fn coverage(connection: &Connection, range: TimeRange) -> duckdb::Result<Coverage> {
    let mut params = Params::default();
    let sql = format!(
        "SELECT {COUNTS}, service, app, client, sum(tokens)::BIGINT, sum(cost_nano_usd)::BIGINT, \
         epoch_us(min(start_time)), epoch_us(max(start_time)) FROM ({}) GROUP BY service, app, client \
         ORDER BY count(*) DESC, service, app, client",
        calls(range, &mut params)
    );
    let mut coverage = Coverage::default();
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map(params_from_iter(params.values()), read)?;
    for row in rows {
        let row = row?;
        coverage.calls.both += row.calls.both;
        coverage.calls.gateway_only += row.calls.gateway_only;
        coverage.calls.telemetry_only += row.calls.telemetry_only;
        coverage.without_app += if row.app.is_none() { row.calls.total() } else { 0 };
        if coverage.rows.len() < ROWS_MAX {
            coverage.rows.push(row);
        }
    }
    Ok(coverage)
}

const COUNTS: &str = "count(*) FILTER (is_own AND is_told), count(*) FILTER (is_own AND NOT is_told), \
    count(*) FILTER (NOT is_own)";

/// Every call of a range once, with who saw it.
fn calls(range: TimeRange, params: &mut Params) -> String {
    let (from, to) = (params.time(range.from), params.time(range.to));
    let told_from = params.time(range.from.saturating_add_us(-APART_US));
    let told_to = params.time(range.to.saturating_add_us(APART_US));
    format!(
        "SELECT start_time, service, app, client, cost_nano_usd, source = 'gateway' AS is_own, \
         source = 'gateway' AND span_id IN (SELECT same_as FROM spans WHERE same_as IS NOT NULL \
         AND start_time >= {told_from} AND start_time < {told_to}) AS is_told, \
         CASE WHEN input_tokens IS NULL AND output_tokens IS NULL THEN NULL \
         ELSE coalesce(input_tokens, 0)::HUGEINT + coalesce(output_tokens, 0) END AS tokens \
         FROM spans WHERE {CALLS_SQL} AND source IN ('gateway', 'otlp', 'datadog', 'mlflow') \
         AND start_time >= {from} AND start_time < {to}"
    )
}

fn read(row: &Row<'_>) -> duckdb::Result<CoverageRow> {
    Ok(CoverageRow {
        calls: seen_by(row, 0)?,
        service: row.get(3)?,
        app: row.get(4)?,
        client: row.get(5)?,
        tokens: row.get::<_, Option<i64>>(6)?.and_then(|tokens| u64::try_from(tokens).ok()),
        cost: row.get::<_, Option<i64>>(7)?.map(NanoUsd),
        first_seen: UnixMicros(row.get(8)?),
        last_seen: UnixMicros(row.get(9)?),
    })
}

fn seen_by(row: &Row<'_>, first: usize) -> duckdb::Result<SeenBy> {
    let count = |index| -> duckdb::Result<u64> { Ok(u64::try_from(row.get::<_, i64>(index)?).unwrap_or(0)) };
    Ok(SeenBy { both: count(first)?, gateway_only: count(first + 1)?, telemetry_only: count(first + 2)? })
}
