//! Which trace a span that an evaluation is about belongs to.
//!
//! LLM Observability gives its traces ids of their own and names those in evaluations, while spans are kept under the id
//! of the APM trace, which is the one that travels with calls in `traceparent`. Spans told lately are remembered here, so
//! that a later evaluation gets the trace of its span. An evaluation that comes first, or long after, keeps the id that it
//! states; its span's id, which is the same in both, is what joins it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use weir_types::{SpanId, TraceId};

/// Spans that are remembered, at about 60 bytes each.
const SPANS_MAX: usize = 65_536;

/// Spans told lately.
#[derive(Debug, Default)]
pub(super) struct Joins(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    traces: HashMap<SpanId, TraceId>,
    order: VecDeque<SpanId>,
}

impl Joins {
    /// Remembers spans, and forgets as many of the oldest.
    pub(super) fn remember(&self, spans: impl IntoIterator<Item = (SpanId, TraceId)>) {
        // Two collections that a panic could leave unequal would only mean a join that is missed.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (span_id, trace_id) in spans {
            if known.traces.insert(span_id, trace_id).is_none() {
                known.order.push_back(span_id);
            }
            if known.order.len() > SPANS_MAX
                && let Some(oldest) = known.order.pop_front()
            {
                known.traces.remove(&oldest);
            }
        }
    }

    /// The trace of a span that was told lately.
    pub(super) fn trace_of(&self, span_id: SpanId) -> Option<TraceId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).traces.get(&span_id).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten_and_no_more_than_the_limit_is_kept() {
        let id = |n: u64| SpanId::from_bytes((n + 1).to_be_bytes());
        let trace = TraceId::from_bytes([1; 16]);
        let joins = Joins::default();
        let count = SPANS_MAX as u64 + 10;
        joins.remember((0..count).chain(0..3).map(|n| (id(n), trace)));
        assert_eq!(joins.trace_of(id(count - 1)), Some(trace));
        assert_eq!(joins.trace_of(id(5)), None);
        assert_eq!(joins.0.lock().unwrap().traces.len(), SPANS_MAX);
    }
}
