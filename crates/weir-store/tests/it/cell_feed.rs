//! What the judge is told of cells: what was there at one moment, and everything since, is what is there now.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use weir_store::Store;
use weir_types::{
    CellBatch, CellDelta, CellFeed, CellSnapshot, NanoUsd, Need, Record, ScanRequest, ScanSource, Scope,
    Source, Span, SpanKind, TagKey, TimeRange, TokenUsage, UnixMicros, metric,
};

use crate::support::{START, open, span_id, trace_id};

/// Metrics whose cells a call has.
const METRICS: [&str; 4] =
    [metric::LLM_REQUEST_COUNT, metric::LLM_REQUEST_DURATION, metric::LLM_TOKENS_INPUT, metric::LLM_COST_USD];

/// A metric, the values of its tags, and a minute.
type Place = (&'static str, Vec<Option<Arc<str>>>, UnixMicros);

/// How many values, their sum, and how many of them the histogram has.
type Amount = (i128, i128, i128);

/// Cells as somebody knows them who was told of them.
#[derive(Debug, Clone, Default, PartialEq)]
struct Known {
    position: u64,
    cells: BTreeMap<Place, Amount>,
}

impl Known {
    /// What the store says now.
    async fn read(feed: &Arc<dyn CellFeed>) -> Self {
        let request = |name: &str| ScanRequest {
            metric: Arc::from(name),
            scope: Scope::All,
            by: metric::CELL_TAGS.into_iter().map(TagKey::new).collect(),
            range: TimeRange { from: START, to: START.saturating_add_us(UnixMicros::DAY) },
            step_us: Some(UnixMicros::MINUTE),
            origin: START,
            need: Need::Histogram,
            source: ScanSource::Cells,
        };
        let (feed, requests) = (Arc::clone(feed), METRICS.map(request));
        let snapshot = tokio::task::spawn_blocking(move || feed.snapshot(&requests)).await.unwrap();
        let CellSnapshot { position, answers, .. } = snapshot.unwrap();
        let mut known = Self { position, ..Self::default() };
        for (name, rows) in METRICS.into_iter().zip(answers) {
            for row in rows {
                known.change(&(name, row.group, row.bucket), &row.cell, 1);
            }
        }
        known
    }

    /// Takes in what happened since; what it knows already is left out.
    fn take_in(&mut self, batches: &[Arc<CellBatch>]) {
        let position = self.position;
        for batch in batches.iter().filter(|batch| batch.position > position) {
            for (deltas, sign) in [(&batch.added, 1), (&batch.removed, -1)] {
                for CellDelta { key, minute, cell } in deltas {
                    let Some(name) = METRICS.into_iter().find(|name| **name == *key.metric) else { continue };
                    let tags = metric::CELL_TAGS.iter().map(|tag| key.tags.get(tag).map(Arc::from)).collect();
                    self.change(&(name, tags, *minute), cell, sign);
                }
            }
        }
    }

    fn change(&mut self, place: &Place, cell: &weir_types::Cell, sign: i128) {
        let amount = self.cells.entry(place.clone()).or_default();
        amount.0 += sign * i128::from(cell.count);
        amount.1 += sign * cell.sum_nano;
        amount.2 += sign * i128::from(cell.histogram.count());
        if *amount == (0, 0, 0) {
            self.cells.remove(place);
        }
    }
}

/// A call in the minute of its number, as somebody saw it.
fn call(number: u64, source: Source) -> Span {
    let start = START.saturating_add_us(number.cast_signed() * UnixMicros::MINUTE);
    let mut span = Span::new(trace_id(number), span_id(number), SpanKind::Llm, source, start);
    (span.duration_us, span.model, span.cost) =
        (900_000 + number, Some(Arc::from("gpt-4o")), Some(NanoUsd(7)));
    span.team = Some(Arc::from(if number.is_multiple_of(2) { "payments" } else { "search" }));
    span.tokens = TokenUsage { input: Some(number), output: Some(1), ..TokenUsage::default() };
    span
}

async fn store(store: &Store, spans: impl IntoIterator<Item = Span>) {
    let records: Vec<Record> = spans.into_iter().map(|span| Record::Span(Box::new(span))).collect();
    store.sink().append(&records).unwrap();
    store.flush().await.unwrap();
}

async fn listened_to(dir: &Path) -> (Store, Arc<dyn CellFeed>) {
    let store = open(dir).await;
    let feed = store.cell_feed();
    assert_eq!(feed.take(), Some(Vec::new()), "before the first call nothing is kept");
    (store, feed)
}

#[tokio::test]
async fn a_snapshot_and_what_happened_since_are_a_later_snapshot_wherever_the_snapshot_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let (opened, feed) = listened_to(dir.path()).await;
    store(&opened, (0..10).map(|number| call(number, Source::Gateway))).await;
    // The batches of these ten wait while a snapshot has them already.
    let mut early = Known::read(&feed).await;
    assert!(early.cells.len() >= 30, "{early:?}");
    store(&opened, (5..15).map(|number| call(100 + number, Source::Gateway))).await;
    let first = feed.take().unwrap();
    // Between taking and the snapshot more is committed.
    store(&opened, (0..10).map(|number| call(200 + number, Source::Gateway))).await;
    let mut late = Known::read(&feed).await;
    store(&opened, (0..3).map(|number| call(300 + number, Source::Gateway))).await;
    let second = feed.take().unwrap();
    for known in [&mut early, &mut late] {
        known.take_in(&first);
        known.take_in(&second);
    }
    let now = Known::read(&feed).await;
    assert_eq!(early.cells, now.cells);
    assert_eq!(late.cells, now.cells);
    assert!(second.last().unwrap().position <= now.position);
    opened.close().await.unwrap();
}

#[tokio::test]
async fn what_a_second_report_of_a_call_takes_away_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let (opened, feed) = listened_to(dir.path()).await;
    // A client tells of calls with other tokens than those that the gateway saw of them afterwards.
    store(&opened, (1..6).map(|number| call(number, Source::Otlp))).await;
    let mut known = Known::read(&feed).await;
    let seen = (1..6).map(|number| {
        let mut span = call(number, Source::Gateway);
        span.span_id = span_id(1_000 + number);
        span.parent_id = Some(span_id(number));
        span.tokens.input = Some(50 + number);
        span
    });
    store(&opened, seen).await;
    let batches = feed.take().unwrap();
    let removed: usize =
        batches.iter().filter(|batch| batch.position > known.position).map(|batch| batch.removed.len()).sum();
    assert!(removed > 0, "{batches:#?}");
    known.take_in(&batches);
    assert_eq!(known.cells, Known::read(&feed).await.cells);
    opened.close().await.unwrap();
}

#[tokio::test]
async fn who_reads_anew_after_a_restart_knows_what_was_recovered() {
    let dir = tempfile::tempdir().unwrap();
    let (opened, feed) = listened_to(dir.path()).await;
    store(&opened, (0..4).map(|number| call(number, Source::Gateway))).await;
    let before = Known::read(&feed).await;
    opened.close().await.unwrap();
    let (opened, feed) = listened_to(dir.path()).await;
    let mut known = Known::read(&feed).await;
    assert_eq!(known.cells, before.cells);
    store(&opened, (50..54).map(|number| call(number, Source::Gateway))).await;
    known.take_in(&feed.take().unwrap());
    assert_eq!(known.cells, Known::read(&feed).await.cells);
    opened.close().await.unwrap();
}
