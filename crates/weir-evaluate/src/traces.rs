//! Where traces come from: the store of this process, or a running Weir that is asked over its API.

use std::collections::HashMap;
use std::sync::Arc;

use weir_types::{
    Browse, Scope, Score, SortOrder, Span, SpanFilter, SpanKind, SpanSelection, SpanSort, TagKey, TimeRange,
    TraceId, UnixMicros,
};

use crate::error::EvaluateError;

/// Spans of a page.
const PAGE: usize = 500;

/// Traces that are read at once.
pub(crate) const BATCH: usize = 50;

/// How long before and after a span with something to judge other spans of its trace are looked for, in microseconds.
pub(crate) const AROUND_US: i64 = UnixMicros::HOUR;

/// Kinds of spans that evaluators look at.
pub const KINDS: [SpanKind; 3] = [SpanKind::Llm, SpanKind::Retrieval, SpanKind::Rerank];

/// A trace with its scores.
pub type WholeTrace = (Vec<Span>, Vec<Score>);

/// Spans of a page of history.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Their traces with the start of a span of each, each trace once, oldest first.
    pub traces: Vec<(TraceId, UnixMicros)>,
    /// Where the page ended; `None` when there is nothing behind it.
    pub next: Option<String>,
}

/// Reads traces. Calls block.
pub trait Traces: Send + Sync {
    /// A page of the traces that have something to judge, oldest first.
    fn page(&self, range: TimeRange, after: Option<String>) -> Result<Page, EvaluateError>;

    /// These traces, whole; their spans started within the range.
    fn whole(&self, traces: &[TraceId], range: TimeRange) -> Result<Vec<WholeTrace>, EvaluateError>;
}

/// The store of this process.
pub struct StoredTraces(pub Arc<dyn Browse>);

impl Traces for StoredTraces {
    fn page(&self, range: TimeRange, after: Option<String>) -> Result<Page, EvaluateError> {
        let kinds = KINDS.map(|kind| Arc::from(kind.as_str())).to_vec();
        let scope = Scope::In(TagKey::new("kind"), kinds);
        let filter = SpanFilter {
            which: SpanSelection { scope, ..SpanSelection::all(range) },
            order: SortOrder { by: SpanSort::Start, descending: false },
            after,
            limit: PAGE,
        };
        let page = self.0.spans(&filter).map_err(|error| EvaluateError::Store(error.to_string()))?;
        Ok(Page {
            traces: each_once(page.spans.iter().map(|span| (span.trace_id, span.start))),
            next: page.next,
        })
    }

    fn whole(&self, traces: &[TraceId], range: TimeRange) -> Result<Vec<WholeTrace>, EvaluateError> {
        let read =
            self.0.traces_within(traces, range).map_err(|error| EvaluateError::Store(error.to_string()))?;
        let mut whole: HashMap<TraceId, WholeTrace> = HashMap::new();
        for span in read.0 {
            whole.entry(span.trace_id).or_default().0.push(span);
        }
        for score in read.1 {
            if let Some(trace) = whole.get_mut(&score.trace_id) {
                trace.1.push(score);
            }
        }
        // In the order asked for: whom sampling takes first must not depend on chance.
        Ok(traces.iter().filter_map(|id| whole.remove(id)).collect())
    }
}

/// Each trace once, where it was seen first.
pub fn each_once(traces: impl Iterator<Item = (TraceId, UnixMicros)>) -> Vec<(TraceId, UnixMicros)> {
    let mut seen = std::collections::HashSet::new();
    traces.filter(|(id, _)| seen.insert(*id)).collect()
}
