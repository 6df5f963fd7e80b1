//! Reports of one call that nothing links but what they say: tracers that hear of calls by callbacks (LangChain's, for one) do
//! not make their span the current one, so the gateway's span is a sibling of theirs, and of a stream they do not know the
//! provider's identifier.
//!
//! A client's span and a gateway's are then one call when they are in one trace, the gateway's was while the client's was, they
//! agree about the model, and what both state of the usage is equal. Every span is joined once, the earliest first, each
//! with the one that started nearest to it. Between calls that are equal in all of this it does not matter who gets whom: as
//! many are joined as were reported twice.

use std::collections::{BTreeMap, BTreeSet};

use weir_types::{Span, SpanId, UnixMicros};

use super::{Spans, is_own_call, is_told_call, models_agree};

/// How far clocks of one trace's hosts may be apart.
const CLOCKS_US: i64 = UnixMicros::SECOND;

impl Spans<'_> {
    /// Gives a holder to clients' spans of calls that have none yet.
    pub(super) fn join_alike(&self, holders: &mut [Option<usize>]) {
        let taken: BTreeSet<usize> = holders.iter().copied().flatten().collect();
        let is_alone = |at: usize| holders[at].is_none() && self.caller(at).is_none();
        let mut own = BTreeMap::<_, BTreeSet<_>>::new();
        let mut told = BTreeSet::new();
        for (at, span) in self.all.iter().enumerate() {
            if is_own_call(span) && is_alone(at) && !taken.contains(&at) {
                own.entry(span.trace_id).or_default().insert((span.start, span.span_id, at));
            } else if is_told_call(span) && holders[at].is_none() {
                told.insert((span.start, span.span_id, at));
            }
        }
        for (start, _, at) in told {
            let span = self.all[at];
            let Some(own) = own.get_mut(&span.trace_id) else { continue };
            let from = (start.saturating_add_us(-CLOCKS_US), SpanId::from_bytes([0; 8]), 0);
            let nearest = own
                .range(from..)
                .take_while(|(own_start, ..)| own_start.0 <= end(span).saturating_add(CLOCKS_US))
                .filter(|(.., own)| are_alike(span, self.all[*own]))
                .min_by_key(|(own_start, own_id, _)| (own_start.0.abs_diff(start.0), *own_id))
                .copied();
            if let Some(nearest) = nearest {
                own.remove(&nearest);
                holders[at] = Some(nearest.2);
            }
        }
    }
}

/// Whether a gateway's span that started in time may be the same call as a client's.
fn are_alike(told: &Span, own: &Span) -> bool {
    let is_counted = !told.tokens_estimated && !own.tokens_estimated;
    let agree = |told: Option<u64>, own: Option<u64>| {
        !is_counted || told.zip(own).is_none_or(|(told, own)| told == own)
    };
    told.kind == own.kind
        && end(own) <= end(told).saturating_add(CLOCKS_US)
        && (told.model.is_some() || told.response_model.is_some())
        && models_agree(told, own)
        && agree(told.tokens.input, own.tokens.input)
        && agree(told.tokens.output, own.tokens.output)
}

fn end(span: &Span) -> i64 {
    span.start.0.saturating_add_unsigned(span.duration_us)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use weir_types::{Source, SpanKind, TokenUsage, TraceId};

    use super::super::resolve;
    use super::*;

    fn id(number: u64) -> SpanId {
        SpanId::from_bytes(number.to_be_bytes())
    }

    /// A call within the span 99, from `start` to `end` in seconds.
    fn call(source: Source, number: u64, (start, end): (i64, i64), input: Option<u64>) -> Span {
        let start_us = UnixMicros(start * UnixMicros::SECOND);
        let mut span = Span::new(TraceId::from_bytes([7; 16]), id(number), SpanKind::Llm, source, start_us);
        span.parent_id = Some(id(99));
        span.duration_us = (end - start).unsigned_abs() * 1_000_000;
        span.model = Some(Arc::from("gpt-4o"));
        span.tokens = TokenUsage { input, output: input.map(|_| 7), ..TokenUsage::default() };
        span
    }

    fn told(number: u64, time: (i64, i64), input: Option<u64>) -> Span {
        call(Source::Otlp, number, time, input)
    }

    fn own(number: u64, time: (i64, i64), input: Option<u64>) -> Span {
        call(Source::Gateway, number, time, input)
    }

    fn same_as(spans: &[Span]) -> Vec<Option<SpanId>> {
        resolve(&spans.iter().collect::<Vec<_>>()).into_iter().map(|verdict| verdict.same_as).collect()
    }

    #[test]
    fn siblings_at_one_time_with_equal_usage_are_one_call() {
        assert_eq!(same_as(&[told(1, (10, 20), Some(60)), own(2, (11, 19), Some(60))]), [Some(id(2)), None]);
        assert_eq!(
            same_as(&[told(1, (10, 20), None), own(2, (11, 19), Some(60))]),
            [Some(id(2)), None],
            "a stream"
        );
    }

    #[test]
    fn what_differs_is_two_calls() {
        let first = told(1, (10, 20), Some(60));
        let mut other_model = own(2, (11, 19), Some(60));
        other_model.model = Some(Arc::from("o3"));
        let mut other_trace = own(2, (11, 19), Some(60));
        other_trace.trace_id = TraceId::from_bytes([8; 16]);
        let mut embedding = own(2, (11, 19), Some(60));
        embedding.kind = SpanKind::Embedding;
        for (second, what) in [
            (own(2, (11, 19), Some(61)), "usage"),
            (own(2, (5, 15), Some(60)), "begun before"),
            (own(2, (15, 25), Some(60)), "ended after"),
            (other_model, "model"),
            (other_trace, "trace"),
            (embedding, "kind"),
        ] {
            assert_eq!(same_as(&[first.clone(), second]), [None, None], "{what}");
        }
    }

    #[test]
    fn equal_calls_side_by_side_are_joined_one_to_one() {
        let reports = [
            told(1, (10, 20), Some(60)),
            told(2, (10, 20), Some(60)),
            own(3, (11, 19), Some(60)),
            own(4, (12, 19), Some(60)),
            own(5, (13, 19), Some(60)),
        ];
        assert_eq!(same_as(&reports), [Some(id(3)), Some(id(4)), None, None, None], "one is told by nobody");
        assert_eq!(same_as(&reports[..3]), [Some(id(3)), None, None], "one went around the gateway");
    }

    #[test]
    fn a_call_that_is_linked_to_another_report_is_not_taken_from_it() {
        let mut linked = own(3, (12, 18), Some(60));
        linked.parent_id = Some(id(2));
        let reports = [told(1, (10, 20), Some(60)), told(2, (11, 19), Some(60)), linked];
        assert_eq!(same_as(&reports), [None, Some(id(3)), None]);
    }

    #[test]
    fn a_wrapper_that_alone_knows_the_usage_is_joined_for_all_within_it() {
        let mut inner = told(2, (11, 19), None);
        inner.parent_id = Some(id(1));
        let reports = [told(1, (10, 20), Some(60)), inner, own(3, (12, 18), Some(60))];
        assert_eq!(same_as(&reports), [Some(id(3)), Some(id(3)), None]);
    }
}
