//! The law of the store: whatever is appended, in whatever batches, with whatever ends of the process and roll-ups in
//! between, scans of cells and of rows give what a fold over the records gives.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use proptest::prelude::*;
use weir_types::{
    Cell, CellDelta, Clock, Need, Record, ScanRequest, ScanRow, ScanSource, Scope, TagKey, TimeRange,
    UnixMicros, metric,
};

use crate::recorder::Fold;
use crate::{Store, StoreConfig, samples};

/// Some midnight.
const START: UnixMicros = UnixMicros(1_700_006_400_000_000);
/// All records start within this time.
const SPREAD_US: i64 = 5 * UnixMicros::HOUR;

struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> UnixMicros {
        UnixMicros(self.0.load(Ordering::Relaxed))
    }
}

/// What may happen to a store.
#[derive(Debug, Clone)]
enum Step {
    Append(Vec<Record>),
    /// Everything is brought into DuckDB.
    Flush,
    /// The store is closed and opened.
    Close,
    /// The process ends: what is not in DuckDB is only in the journal.
    Drop,
    /// Time passes, and what is due is rolled up.
    RollUp {
        minutes: i64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => prop::collection::vec(record(), 1..12).prop_map(Step::Append),
        2 => Just(Step::Flush),
        1 => Just(Step::Close),
        1 => Just(Step::Drop),
        2 => (1..200i64).prop_map(|minutes| Step::RollUp { minutes }),
    ]
}

/// A record of few hours and few tag values, so that many fall into one cell. No two spans tell of one call: what the
/// store counts once then is the law of `reconcile`, which has its own test.
fn record() -> impl Strategy<Value = Record> {
    (samples::record(), 0..SPREAD_US, 0..4u8).prop_map(|(mut record, offset, kind)| {
        let time = START.saturating_add_us(offset);
        match &mut record {
            Record::Span(span) => {
                span.start = time;
                span.response_id = span.response_id.take().map(|id| format!("{id} {}", span.span_id).into());
                if kind > 0 {
                    span.kind = weir_types::SpanKind::Llm;
                }
            }
            Record::Score(score) => score.time = time,
            Record::Point(point) => point.time = time,
            Record::Event(event) => event.time = time,
        }
        record
    })
}

async fn open(dir: &Path, clock: &Arc<TestClock>) -> Store {
    let config = StoreConfig { commit_interval_ms: 1, ..StoreConfig::at(dir) };
    Store::open(config, Arc::clone(clock) as Arc<dyn Clock>).await.unwrap()
}

async fn take(step: &Step, store: Store, dir: &Path, clock: &Arc<TestClock>) -> Store {
    match step {
        Step::Append(records) => store.sink().append(records).unwrap(),
        Step::Flush => store.flush().await.unwrap(),
        Step::Close => {
            store.close().await.unwrap();
            return open(dir, clock).await;
        }
        Step::Drop => {
            drop(store);
            return open(dir, clock).await;
        }
        Step::RollUp { minutes } => {
            clock.0.fetch_add(minutes * UnixMicros::MINUTE, Ordering::Relaxed);
            store.run_upkeep().await.unwrap();
        }
    }
    store
}

type Answer = BTreeMap<(Vec<Option<Arc<str>>>, UnixMicros), Cell>;

fn answer(rows: Vec<ScanRow>) -> Answer {
    let count = rows.len();
    let answer: Answer = rows.into_iter().map(|row| ((row.group, row.bucket), row.cell)).collect();
    assert_eq!(answer.len(), count, "each group and bucket is there once");
    answer
}

/// What the answer must be, from the cells of a fold over everything.
fn expected(deltas: &[CellDelta], request: &ScanRequest) -> Answer {
    let buckets = super::Buckets::of(request);
    let mut answer = Answer::new();
    for CellDelta { key, minute, cell } in deltas {
        let tag = |name: &str| key.tags.get(name);
        let within = request.range.from <= *minute && *minute < request.range.to;
        if key.metric != request.metric || !within || !request.scope.matches(&tag) {
            continue;
        }
        let group = request.by.iter().map(|key| tag(key.as_str()).map(Arc::from)).collect();
        let bucket = buckets.step_us.map_or(0, |step| (minute.0 - buckets.first.0) / step);
        let mut cell = cell.clone();
        if request.need == Need::Totals {
            cell.histogram = weir_types::Histogram::new();
        }
        answer.entry((group, buckets.start(bucket))).or_default().merge(&cell);
    }
    answer
}

/// Questions of every shape about one metric.
fn requests(metric: &Arc<str>) -> Vec<ScanRequest> {
    let at = |minutes: i64| START.saturating_add_us(minutes * UnixMicros::MINUTE);
    let tag = TagKey::new("team");
    let extra = match &**metric {
        metric::LLM_REQUEST_ERROR => "error_type",
        metric::LLM_COST_SAVED_USD | metric::LLM_COST_WOULD_SAVE_USD => "layer",
        metric::EVENTS => "words",
        _ => "model",
    };
    let plain = ScanRequest {
        metric: Arc::clone(metric),
        scope: Scope::All,
        by: Vec::new(),
        range: TimeRange { from: at(0), to: at(300) },
        step_us: None,
        origin: UnixMicros(0),
        need: Need::Histogram,
        source: ScanSource::Cells,
    };
    vec![
        ScanRequest {
            by: vec![tag.clone(), TagKey::new(extra)],
            step_us: Some(UnixMicros::HOUR),
            ..plain.clone()
        },
        ScanRequest { range: TimeRange { from: at(17), to: at(271) }, ..plain.clone() },
        ScanRequest {
            scope: Scope::Not(Box::new(Scope::Is(tag.clone(), Arc::from("a*")))),
            step_us: Some(2 * UnixMicros::HOUR),
            origin: at(60),
            ..plain.clone()
        },
        ScanRequest {
            scope: Scope::In(tag, vec![Arc::from("a"), Arc::from("*b")]),
            step_us: Some(25 * UnixMicros::MINUTE),
            need: Need::Totals,
            ..plain
        },
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn scans_of_cells_and_of_rows_give_what_a_fold_over_the_records_gives(
        steps in prop::collection::vec(step(), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let clock = Arc::new(TestClock(AtomicI64::new(START.0)));
            let mut store = open(dir.path(), &clock).await;
            let mut fold = Fold::new(UnixMicros::MINUTE);
            for step in &steps {
                if let Step::Append(records) = step {
                    for record in records {
                        fold.record(record, None);
                        if let Record::Event(event) = record {
                            fold.event(event);
                        }
                    }
                }
                store = take(step, store, dir.path(), &clock).await;
            }
            store.flush().await.unwrap();
            let deltas = fold.finish();
            let metrics: BTreeSet<_> = deltas.iter().map(|delta| Arc::clone(&delta.key.metric)).collect();
            let mut known = store.scan().metrics();
            known.retain(|name| !name.starts_with("weir.coverage."));
            let with_events = metrics.iter().cloned().chain([Arc::from(metric::EVENTS)]);
            assert_eq!(known, with_events.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>());
            for request in metrics.iter().flat_map(requests) {
                let expected = expected(&deltas, &request);
                assert_eq!(answer(store.scan().scan(&request).unwrap()), expected, "from cells: {request:?}");
                let of_rows = ScanRequest { source: ScanSource::Rows, ..request };
                assert_eq!(answer(store.scan().scan(&of_rows).unwrap()), expected, "from rows: {of_rows:?}");
            }
            store.close().await.unwrap();
        });
    }
}
