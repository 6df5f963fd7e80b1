//! Scores and their spans: whoever comes first, the score is joined to its span, and what is stored is the same.

use std::collections::BTreeSet;
use std::sync::Arc;

use weir_store::Store;
use weir_types::{Record, Score, ScoreValue, Span, TraceId, UnixMicros};

use crate::support::{START, TurnedClock, config, numbers, span, span_id, sql, trace_id};

/// An evaluation of the span of this number, as ddtrace names it: by a trace's id that no span has.
fn foreign(number: u64, value: f64) -> Score {
    Score {
        time: START.saturating_add_us(UnixMicros::SECOND),
        trace_id: TraceId::from_bytes([9; 16]),
        span_id: Some(span_id(number)),
        by_span_alone: true,
        name: Arc::from("faithfulness"),
        value: ScoreValue::Number(value),
        judge: Arc::from("ddtrace"),
        rationale: None,
        tags: [("index", "faq")].into_iter().collect(),
    }
}

fn of_span(span: &Span) -> Record {
    Record::Span(Box::new(span.clone()))
}

fn of_score(score: &Score) -> Record {
    Record::Score(Box::new(score.clone()))
}

const SCORES: &str = "SELECT * FROM scores ORDER BY ALL";
const CELLS: &str = "SELECT metric, time, agent, app, env, model, provider, service, team, tags, sum(\"count\")::BIGINT, \
     sum(\"sum\"), min(\"min\"), max(\"max\") FROM cells_1m WHERE metric = 'faithfulness' GROUP BY ALL ORDER BY ALL";

async fn contents(store: &Store) -> (Vec<Vec<serde_json::Value>>, Vec<Vec<serde_json::Value>>) {
    (sql(store, SCORES).await.rows, sql(store, CELLS).await.rows)
}

#[tokio::test]
async fn a_score_is_joined_by_its_spans_id_in_any_order_and_over_restarts() {
    let (first, second) = (span(1, START), span(2, START));
    let mut exact = foreign(2, 0.9);
    (exact.by_span_alone, exact.trace_id) = (false, trace_id(2));
    let records = [of_span(&first), of_span(&second), of_score(&foreign(1, 0.25)), of_score(&exact)];
    let mut seen = BTreeSet::new();
    for order in [[0, 1, 2, 3], [2, 3, 0, 1], [3, 1, 2, 0], [1, 2, 3, 0]] {
        for restarts in [0, 1, 2] {
            let dir = tempfile::tempdir().unwrap();
            let clock = TurnedClock::at(START);
            let mut store = Store::open(config(dir.path()), Arc::clone(&clock) as _).await.unwrap();
            for (at, index) in order.into_iter().enumerate() {
                store.sink().append(&[records[index].clone()]).unwrap();
                store.flush().await.unwrap();
                if restarts > 0 && at % restarts == 0 {
                    store.close().await.unwrap();
                    store = Store::open(config(dir.path()), Arc::clone(&clock) as _).await.unwrap();
                }
            }
            let (scores, cells) = contents(&store).await;
            assert_eq!(cells.len(), 2, "{order:?}: {cells:#?}");
            let traces = "SELECT trace_id FROM scores ORDER BY value";
            let traces = sql(&store, traces).await.rows;
            assert_eq!(traces, [[trace_id(1).to_string()], [trace_id(2).to_string()]]);
            assert_eq!(numbers(&store, "SELECT count(*) FROM scores WHERE team IS NULL").await, [0]);
            seen.insert(serde_json::to_string(&(scores, cells)).unwrap());
        }
    }
    assert_eq!(seen.len(), 1, "{seen:#?}");
}

#[tokio::test]
async fn cells_of_scores_that_wait_keep_the_bounds_of_those_that_still_do() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TurnedClock::at(START);
    let store = Store::open(config(dir.path()), Arc::clone(&clock) as _).await.unwrap();
    let scores: Vec<_> =
        [(1, 0.1), (2, 0.5), (3, 0.9)].map(|(of, value)| of_score(&foreign(of, value))).into();
    store.sink().append(&scores).unwrap();
    store.flush().await.unwrap();
    clock.turn(3 * UnixMicros::HOUR);
    store.run_upkeep().await.unwrap();
    store.sink().append(&[of_span(&span(1, START)), of_span(&span(3, START))]).unwrap();
    store.flush().await.unwrap();
    for table in ["cells_1m", "cells_1h"] {
        let cells = format!(
            "SELECT coalesce(team, '-'), sum(\"count\")::BIGINT, min(\"min\"), max(\"max\") FROM {table} \
             WHERE metric = 'faithfulness' GROUP BY team ORDER BY 1"
        );
        let cells = serde_json::to_value(sql(&store, &cells).await.rows).unwrap();
        assert_eq!(cells, serde_json::json!([["-", 1, 0.5, 0.5], ["search", 2, 0.1, 0.9]]), "{table}");
    }
    let waiting = "SELECT value FROM scores WHERE awaits = 'span_alone'";
    assert_eq!(sql(&store, waiting).await.rows, [[0.5]]);
}
