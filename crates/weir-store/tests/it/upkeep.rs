//! Checkpoints: rarely while records come in, and one when none do, so that a restart has nothing to read again.

use std::sync::Arc;

use weir_store::{Store, StoreConfig};
use weir_types::{Record, UnixMicros};

use crate::support::{START, TurnedClock, config, numbers, record, span, sql, stored};

/// Bytes of DuckDB's own log.
fn log_bytes(dir: &std::path::Path) -> u64 {
    std::fs::metadata(dir.join("weir.duckdb.wal")).map_or(0, |log| log.len())
}

#[tokio::test]
async fn when_no_records_come_the_log_is_brought_into_the_tables() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TurnedClock::at(START);
    let store = Store::open(config(dir.path()), Arc::clone(&clock) as _).await.unwrap();
    for round in 0..3 {
        store.sink().append(&[record(round)]).unwrap();
        store.flush().await.unwrap();
    }
    // The first look sees what came, the second that nothing did.
    store.run_upkeep().await.unwrap();
    store.run_upkeep().await.unwrap();
    assert_eq!(log_bytes(dir.path()), 0);
    drop(store);
    let store = Store::open(config(dir.path()), clock as _).await.unwrap();
    assert_eq!(stored(&store).await, [0, 1, 2]);
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_reader_that_is_at_work_delays_the_checkpoint_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(config(dir.path()), TurnedClock::at(START)).await.unwrap();
    store.sink().append(&[record(1)]).unwrap();
    store.flush().await.unwrap();
    store.run_upkeep().await.unwrap();
    let browse = store.browse();
    let limits = weir_types::SqlLimits { time_max: std::time::Duration::from_secs(2), rows_max: 1 };
    let long = "SELECT count(*) FROM range(1000000000000), spans";
    let reading = tokio::task::spawn_blocking(move || browse.sql(long, limits));
    store.run_upkeep().await.unwrap();
    store.sink().append(&[record(2)]).unwrap();
    store.flush().await.unwrap();
    assert_eq!(store.stats().upkeep_errors, 0);
    assert!(reading.await.unwrap().is_err(), "it was stopped by its limit");
    store.run_upkeep().await.unwrap();
    store.run_upkeep().await.unwrap();
    assert_eq!(log_bytes(dir.path()), 0);
    assert_eq!(stored(&store).await, [1, 2]);
}

#[tokio::test]
async fn the_log_grows_to_a_quarter_of_the_memory_limit_before_it_is_checkpointed() {
    let dir = tempfile::tempdir().unwrap();
    let memory_limit_bytes = 64 * 1024 * 1024;
    let config = StoreConfig { memory_limit_bytes, ..config(dir.path()) };
    let clock = TurnedClock::at(START.saturating_add_us(UnixMicros::HOUR));
    let store = Store::open(config, clock).await.unwrap();
    let threshold = sql(&store, "SELECT current_setting('checkpoint_threshold')").await;
    assert_eq!(threshold.rows[0][0], "16.0 MiB");
}

#[tokio::test]
async fn the_hours_of_a_day_that_is_over_lie_by_metric() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TurnedClock::at(START.saturating_add_us(2 * UnixMicros::DAY));
    let store = Store::open(config(dir.path()), Arc::clone(&clock) as _).await.unwrap();
    let first = START.floor_to(UnixMicros::DAY);
    let start_of = |hour: u64| first.saturating_add_us(hour.cast_signed() * UnixMicros::HOUR);
    // In one append, so in one transaction: what comes after an hour was rolled up is added at the end.
    let records: Vec<_> = (0..36).map(|hour| Record::Span(Box::new(span(hour, start_of(hour))))).collect();
    store.sink().append(&records).unwrap();
    store.flush().await.unwrap();
    store.run_upkeep().await.unwrap();
    let first_day = format!("time < make_timestamp({})", first.0 + UnixMicros::DAY);
    let turns = format!(
        "SELECT count(*) FILTER (WHERE metric_before IS NOT NULL AND (metric, time) < (metric_before, time_before)) FROM (SELECT metric, time, \
         lag(metric) OVER (ORDER BY rowid) AS metric_before, lag(time) OVER (ORDER BY rowid) AS time_before \
         FROM cells_1h WHERE {first_day})"
    );
    assert_eq!(numbers(&store, &turns).await, [0]);
    let calls = |table: &str| {
        format!("SELECT sum(\"count\")::BIGINT FROM {table} WHERE metric = 'llm.request.count'")
    };
    assert_eq!(numbers(&store, &calls("cells_1h")).await, [36]);
    assert_eq!(numbers(&store, &calls("cells_1m")).await, [36]);
    store.close().await.unwrap();
}
