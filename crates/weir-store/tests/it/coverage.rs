//! Who sees which calls: the counts, and the metric that is made of them.

use std::sync::Arc;

use weir_store::Store;
use weir_types::{Coverage, NanoUsd, Record, SeenBy, Source, Span, TimeRange, UnixMicros};

use crate::support::{START, TurnedClock, config, numbers, span, sql};

/// A call that a client told of; it is the parent of the gateway's call of the same number.
fn told(number: u64) -> Span {
    let mut told = span(number + 1_000, START);
    (told.source, told.service, told.client) = (Source::Otlp, Some("checkout".into()), Some("tracer".into()));
    (told.trace_id, told.app) = (span(number, START).trace_id, Some("shop".into()));
    told
}

fn own(number: u64, is_traced: bool) -> Span {
    let mut own = span(number, START.saturating_add_us(UnixMicros::SECOND));
    own.client = Some("openai-python".into());
    own.parent_id = is_traced.then(|| told(number).span_id);
    own
}

async fn store_calls(store: &Store) {
    let spans = [own(1, true), told(1), own(2, false), own(3, false), told(4)];
    let records: Vec<_> = spans.into_iter().map(|span| Record::Span(Box::new(span))).collect();
    store.sink().append(&records).unwrap();
    store.flush().await.unwrap();
}

async fn coverage(store: &Store, range: TimeRange) -> Coverage {
    let browse = store.browse();
    tokio::task::spawn_blocking(move || browse.coverage(range)).await.unwrap().unwrap()
}

#[tokio::test]
async fn each_call_is_counted_once_by_who_saw_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(config(dir.path()), TurnedClock::at(START)).await.unwrap();
    let range = TimeRange { from: START, to: START.saturating_add_us(UnixMicros::MINUTE) };
    assert_eq!(coverage(&store, range).await, Coverage::default(), "nothing was ever stored");
    store_calls(&store).await;
    let found = coverage(&store, range).await;
    assert_eq!(found.calls, SeenBy { both: 1, gateway_only: 2, telemetry_only: 1 });
    assert_eq!((found.calls.ratio(), found.calls.traced_ratio()), (Some(0.75), Some(0.5)));
    assert_eq!(found.without_app, 2);
    let rows: Vec<_> = found
        .rows
        .iter()
        .map(|row| (row.service.as_deref(), row.client.as_deref(), row.calls.total(), row.tokens, row.cost))
        .collect();
    let cost = |nano| Some(NanoUsd(nano));
    let expected = [
        (None, Some("openai-python"), 2, Some(7), cost(20)),
        (Some("checkout"), Some("openai-python"), 1, Some(2), cost(10)),
        (Some("checkout"), Some("tracer"), 1, Some(1_005), cost(10)),
    ];
    assert_eq!(rows, expected);
    let before = TimeRange { from: START.saturating_add_us(-UnixMicros::HOUR), to: START };
    assert_eq!(coverage(&store, before).await.calls, SeenBy::default());
}

#[tokio::test]
async fn a_window_with_calls_gets_its_points_once_and_one_without_gets_none() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TurnedClock::at(START);
    let store = Store::open(config(dir.path()), Arc::clone(&clock) as _).await.unwrap();
    store_calls(&store).await;
    store.run_upkeep().await.unwrap();
    for _ in 0..4 {
        clock.turn(6 * UnixMicros::MINUTE);
        store.run_upkeep().await.unwrap();
        store.run_upkeep().await.unwrap();
        store.flush().await.unwrap();
    }
    let points = sql(&store, "SELECT name, value, epoch_us(time) FROM points ORDER BY name").await.rows;
    let expected: [Vec<serde_json::Value>; 2] =
        [("weir.coverage.ratio", 0.75), ("weir.coverage.traced_ratio", 0.5)]
            .map(|(name, value)| vec![name.into(), value.into(), START.0.into()]);
    assert_eq!(points, expected);
    assert_eq!(numbers(&store, "SELECT count(*) FROM cells_1m WHERE metric LIKE 'weir.%'").await, [2]);
}
