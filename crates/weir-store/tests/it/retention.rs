//! Forgetting, by a turned clock.

use std::sync::Arc;

use weir_store::{Retention, Store, StoreConfig};
use weir_types::{Need, Record, ScanRequest, ScanSource, Scope, TimeRange, UnixMicros, metric};

use crate::support::{START, TurnedClock, config, numbers, span, sql};

const DAY: i64 = UnixMicros::DAY;

/// A store with a span a day for ten days, the last of them today.
async fn ten_days(dir: &std::path::Path, retention: Retention) -> (Store, Arc<TurnedClock>) {
    let clock = TurnedClock::at(START.saturating_add_us(9 * DAY + DAY / 2));
    let config = StoreConfig { retention, ..config(dir) };
    let store = Store::open(config, Arc::clone(&clock) as _).await.unwrap();
    for day in 0..10u64 {
        let start = START.saturating_add_us(day.cast_signed() * DAY + UnixMicros::HOUR);
        store.sink().append(&[Record::Span(Box::new(span(day, start)))]).unwrap();
    }
    store.flush().await.unwrap();
    store.run_upkeep().await.unwrap();
    (store, clock)
}

async fn calls(store: &Store, step_us: Option<i64>) -> u64 {
    let scan = store.scan();
    let request = ScanRequest {
        metric: Arc::from(metric::LLM_REQUEST_COUNT),
        scope: Scope::All,
        by: Vec::new(),
        range: TimeRange { from: START, to: START.saturating_add_us(20 * DAY) },
        step_us,
        origin: UnixMicros(0),
        need: Need::Totals,
        source: ScanSource::Cells,
    };
    let rows = tokio::task::spawn_blocking(move || scan.scan(&request)).await.unwrap().unwrap();
    rows.iter().map(|row| row.cell.count).sum()
}

#[tokio::test]
async fn spans_bodies_and_cells_go_each_at_its_own_time() {
    let dir = tempfile::tempdir().unwrap();
    let retention = Retention { spans_days: 6, bodies_days: 3, cells_1m_days: 2, cells_1h_days: 8 };
    let (store, clock) = ten_days(dir.path(), retention).await;
    assert_eq!(numbers(&store, "SELECT input_tokens FROM spans ORDER BY 1").await, [4, 5, 6, 7, 8, 9]);
    let bodies = "SELECT input_tokens FROM spans WHERE input IS NOT NULL OR output IS NOT NULL ORDER BY 1";
    assert_eq!(numbers(&store, bodies).await, [7, 8, 9]);
    assert_eq!(numbers(&store, "SELECT count(DISTINCT time) FROM cells_1m").await, [2]);
    assert_eq!(numbers(&store, "SELECT count(DISTINCT time) FROM cells_1h").await, [8]);
    assert_eq!(calls(&store, None).await, 8, "what is gone from minutes is answered by hours");
    assert_eq!(calls(&store, Some(UnixMicros::MINUTE)).await, 8, "also for steps of a minute");
    clock.turn(DAY);
    store.run_upkeep().await.unwrap();
    assert_eq!(numbers(&store, "SELECT input_tokens FROM spans ORDER BY 1").await, [5, 6, 7, 8, 9]);
    assert_eq!(numbers(&store, bodies).await, [8, 9]);
    assert_eq!(calls(&store, None).await, 7);
    assert!(store.stats().expired_rows > 0);
}

#[tokio::test]
async fn what_comes_late_is_counted_also_where_the_hour_is_rolled_up_and_its_minutes_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    let retention = Retention { cells_1m_days: 2, ..Retention::default() };
    let (store, _clock) = ten_days(dir.path(), retention).await;
    for (number, day) in [(100, 0), (101, 9)] {
        let start = START.saturating_add_us(day * DAY + UnixMicros::HOUR);
        store.sink().append(&[Record::Span(Box::new(span(number, start)))]).unwrap();
    }
    store.flush().await.unwrap();
    for step in [None, Some(UnixMicros::HOUR), Some(UnixMicros::MINUTE)] {
        assert_eq!(calls(&store, step).await, 12, "{step:?}");
    }
}

#[tokio::test]
async fn many_small_rows_of_one_hour_are_merged_and_nothing_changes() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TurnedClock::at(START);
    let store = Store::open(config(dir.path()), Arc::clone(&clock) as _).await.unwrap();
    for number in 0..200 {
        store.sink().append(&[Record::Span(Box::new(span(number, START)))]).unwrap();
        store.flush().await.unwrap();
    }
    let rows = "SELECT count(*) FROM cells_1m";
    assert!(numbers(&store, rows).await[0] > 1_000);
    let totals = "SELECT metric, team, sum(\"count\"), sum(\"sum\"), min(\"min\"), max(\"max\") FROM cells_1m GROUP BY ALL ORDER BY ALL";
    let before = sql(&store, totals).await;
    // Merged when nothing was added since the look before.
    store.run_upkeep().await.unwrap();
    store.run_upkeep().await.unwrap();
    assert_eq!(numbers(&store, rows).await, [before.rows.len() as u64]);
    assert_eq!(sql(&store, totals).await, before);
}
