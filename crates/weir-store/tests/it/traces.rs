//! Lists of traces: sums over whole traces, each listed once, in any order and in pages of any length.

use std::sync::Arc;

use proptest::prelude::*;
use weir_types::{
    NanoUsd, Record, Scope, SortOrder, Span, SpanKind, SpanSelection, SpanStatus, TagKey, TimeRange,
    TraceFilter, TraceId, TraceSort, TraceSummary, UnixMicros,
};

use crate::support::{START, open, span, span_id, trace_id};

const ALWAYS: TimeRange = TimeRange { from: UnixMicros(0), to: UnixMicros(i64::MAX) };

fn all(limit: usize) -> TraceFilter {
    TraceFilter { which: SpanSelection::all(ALWAYS), order: SortOrder::default(), after: None, limit }
}

fn of_trace(trace: u64, number: u64, start_us: i64) -> Span {
    Span { trace_id: trace_id(trace), ..span(number, START.saturating_add_us(start_us)) }
}

fn every_page(browse: &dyn weir_types::Browse, mut filter: TraceFilter) -> Vec<TraceSummary> {
    let mut traces = Vec::new();
    loop {
        let page = browse.traces(&filter).unwrap();
        assert!(page.traces.len() <= filter.limit);
        traces.extend(page.traces);
        let Some(next) = page.next else { return traces };
        filter.after = Some(next);
    }
}

async fn store_with(spans: impl IntoIterator<Item = Span>) -> (weir_store::Store, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let records: Vec<_> = spans.into_iter().map(|span| Record::Span(Box::new(span))).collect();
    store.sink().append(&records).unwrap();
    store.flush().await.unwrap();
    (store, dir)
}

#[tokio::test]
async fn a_trace_says_what_its_first_span_says_and_sums_its_calls() {
    let root = Span {
        kind: SpanKind::Agent,
        name: Arc::from("plan a trip"),
        duration_us: 5_000_000,
        team: None,
        session: Some(Arc::from("s-1")),
        ..of_trace(1, 1, 10)
    };
    let call = Span { parent_id: Some(span_id(1)), team: Some("search".into()), ..of_trace(1, 2, 20) };
    let failed = Span {
        parent_id: Some(span_id(1)),
        model: Some("o3".into()),
        status: SpanStatus::Error,
        // A clock that is behind: the span without a parent is the first all the same.
        ..of_trace(1, 3, 0)
    };
    let repeated = Span { parent_id: Some(span_id(1)), same_as: Some(span_id(2)), ..of_trace(1, 4, 30) };
    let (store, _dir) = store_with([root, call, failed, repeated]).await;
    let traces = every_page(&*store.browse(), all(9));
    let [trace] = &traces[..] else { panic!("{traces:?}") };
    assert_eq!((&*trace.first.name, trace.first.span_id), ("plan a trip", span_id(1)));
    assert_eq!((trace.start, trace.duration_us), (START, 5_000_010));
    assert_eq!((trace.spans, trace.errors, trace.model_calls), (4, 1, 2));
    assert_eq!((trace.input_tokens, trace.output_tokens, trace.cost), (Some(5), Some(2), Some(NanoUsd(20))));
    assert_eq!(trace.models, ["gpt-4o", "o3"]);
    assert_eq!((trace.tags.team.as_deref(), trace.tags.session.as_deref()), (Some("search"), Some("s-1")));
}

#[tokio::test]
async fn one_matching_span_brings_its_whole_trace() {
    let failed = Span { status: SpanStatus::Error, ..of_trace(1, 2, 1_000_000) };
    let (store, _dir) = store_with([of_trace(1, 1, 0), failed, of_trace(2, 3, 0)]).await;
    let scope = Scope::Is(TagKey::new("status"), "error".into());
    let range = TimeRange { from: START.saturating_add_us(1), to: START.saturating_add_us(2_000_000) };
    for which in [
        SpanSelection { scope: scope.clone(), ..all(9).which },
        SpanSelection { scope, ..SpanSelection::all(range) },
        SpanSelection::all(range),
        SpanSelection { text: Some("question 2".into()), ..all(9).which },
    ] {
        let traces = every_page(&*store.browse(), TraceFilter { which, ..all(9) });
        let listed: Vec<_> = traces.iter().map(|t| (t.first.trace_id, t.spans, t.start)).collect();
        assert_eq!(listed, [(trace_id(1), 2, START)]);
    }
}

fn key(by: TraceSort, trace: &TraceSummary) -> Option<i64> {
    let signed = |number: u64| i64::try_from(number).ok();
    match by {
        TraceSort::Start => Some(trace.start.0),
        TraceSort::Duration => signed(trace.duration_us),
        TraceSort::Cost => trace.cost.map(|cost| cost.0),
        TraceSort::Tokens => {
            trace.input_tokens.zip(trace.output_tokens).and_then(|(input, output)| signed(input + output))
        }
        TraceSort::Spans => signed(trace.spans),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn each_trace_is_listed_once_in_its_place(
        spans in prop::collection::vec((0..12u64, 0..200i64, 0..5u64, prop::option::of(0..9i64)), 1..40),
        limit in 1..7usize,
    ) {
        // Traces start up to two hundred hours apart, and their spans within minutes of each other.
        let spans: Vec<_> = spans.iter().zip(0..).map(|(&(trace, minutes, duration, cost), number)| Span {
            duration_us: duration,
            cost: cost.map(NanoUsd),
            ..of_trace(trace, number, i64::try_from(trace * trace).unwrap() * UnixMicros::HOUR + minutes % 7 * UnixMicros::MINUTE)
        }).collect();
        let expected: std::collections::BTreeSet<TraceId> = spans.iter().map(|span| span.trace_id).collect();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (store, _dir) = runtime.block_on(store_with(spans));
        for by in [TraceSort::Start, TraceSort::Duration, TraceSort::Cost, TraceSort::Tokens, TraceSort::Spans] {
            for descending in [true, false] {
                let order = SortOrder { by, descending };
                let traces = every_page(&*store.browse(), TraceFilter { order, ..all(limit) });
                let ids: Vec<_> = traces.iter().map(|trace| trace.first.trace_id).collect();
                prop_assert_eq!(ids.len(), expected.len(), "{:?}", order);
                prop_assert_eq!(&ids.into_iter().collect::<std::collections::BTreeSet<_>>(), &expected);
                let absent = if descending { i64::MIN } else { i64::MAX };
                let keys: Vec<_> = traces.iter().map(|trace| key(by, trace).unwrap_or(absent)).collect();
                let is_sorted = keys.windows(2).all(|pair| if descending { pair[0] >= pair[1] } else { pair[0] <= pair[1] });
                prop_assert!(is_sorted, "{:?}: {:?}", order, keys);
            }
        }
    }
}
