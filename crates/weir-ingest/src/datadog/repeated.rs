//! Calls that are told twice: LangChain's span of a model and, within it, the SDK's span of the same call both state the
//! tokens. The innermost is the call; those around it point to it and state none, so that a call counts once.
//!
//! Spans of one trace come in one payload, so what is together here is looked at together and nothing else.

use std::collections::HashMap;

use weir_types::{Span, SpanId, TokenUsage, TraceId};

use super::attributes::{Attributes, with_member};

/// Steps from a span to those around it. Chains within chains nest a dozen deep; a cycle ends here.
const STEPS_MAX: usize = 64;

/// Moves usage that an inner call states too from tokens to attributes.
pub(super) fn settle(spans: &mut [Span]) {
    let places: HashMap<(TraceId, SpanId), usize> =
        spans.iter().enumerate().map(|(place, span)| ((span.trace_id, span.span_id), place)).collect();
    let mut repeats = HashMap::new();
    for call in spans.iter().filter(|span| states_usage(span)) {
        let mut around = call.parent_id;
        for _ in 0..STEPS_MAX {
            let Some(place) = around.and_then(|id| places.get(&(call.trace_id, id)).copied()) else { break };
            if spans[place].span_id == call.span_id {
                break;
            }
            if states_usage(&spans[place]) {
                repeats.entry(place).or_insert(call.span_id);
            }
            around = spans[place].parent_id;
        }
    }
    // Of several that repeat each other the innermost holds the usage.
    let held: HashMap<usize, SpanId> = repeats
        .iter()
        .map(|(place, inner)| (*place, innermost(*inner, spans, &places, &repeats, *place)))
        .collect();
    for (place, inner) in held {
        repeat(&mut spans[place], inner);
    }
}

fn innermost(
    mut inner: SpanId,
    spans: &[Span],
    places: &HashMap<(TraceId, SpanId), usize>,
    repeats: &HashMap<usize, SpanId>,
    place: usize,
) -> SpanId {
    for _ in 0..STEPS_MAX {
        let next = places.get(&(spans[place].trace_id, inner)).and_then(|at| repeats.get(at));
        match next {
            Some(next) if *next != inner => inner = *next,
            _ => break,
        }
    }
    inner
}

fn states_usage(span: &Span) -> bool {
    span.kind.is_model_call() && !span.tokens.is_unknown()
}

fn repeat(span: &mut Span, inner: SpanId) {
    let tokens = std::mem::take(&mut span.tokens);
    let mut usage = Attributes::default();
    for (name, count) in members(&tokens) {
        if let Some(count) = count {
            usage.json(name, &count.to_string());
        }
    }
    if let Some(cost) = span.cost.take() {
        usage.json("total_cost", &cost.as_usd().to_string());
    }
    span.same_as = Some(inner);
    if let Some(usage) = usage.finish() {
        span.attributes = Some(with_member(span.attributes.as_ref(), "reported_usage", usage.expose()));
    }
}

fn members(tokens: &TokenUsage) -> [(&'static str, Option<u64>); 5] {
    [
        ("input_tokens", tokens.input),
        ("output_tokens", tokens.output),
        ("cache_read_input_tokens", tokens.cache_read),
        ("cache_write_input_tokens", tokens.cache_write),
        ("reasoning_output_tokens", tokens.reasoning),
    ]
}

#[cfg(test)]
mod tests {
    use weir_types::{NanoUsd, Source, SpanKind, UnixMicros};

    use super::*;

    fn id(n: u8) -> SpanId {
        SpanId::from_bytes([n; 8])
    }

    fn span(n: u8, parent: Option<u8>, kind: SpanKind, tokens: Option<u64>) -> Span {
        let trace_id = TraceId::from_bytes([9; 16]);
        let mut span = Span::new(trace_id, id(n), kind, Source::Datadog, UnixMicros(1));
        span.parent_id = parent.map(id);
        span.tokens.input = tokens;
        span
    }

    #[test]
    fn only_the_innermost_call_keeps_its_tokens() {
        let mut spans = [
            span(1, None, SpanKind::Llm, Some(5)),
            span(2, Some(1), SpanKind::Llm, Some(5)),
            span(3, Some(2), SpanKind::Http, None),
            span(4, Some(3), SpanKind::Llm, Some(5)),
        ];
        spans[0].cost = Some(NanoUsd(1_500_000_000));
        settle(&mut spans);
        assert_eq!(spans.each_ref().map(|span| span.same_as), [Some(id(4)), Some(id(4)), None, None]);
        assert_eq!(spans.each_ref().map(|span| span.tokens.input), [None, None, None, Some(5)]);
        let kept = spans[0].attributes.as_ref().unwrap().expose();
        assert_eq!(kept, r#"{"reported_usage":{"input_tokens":5,"total_cost":1.5}}"#);
        assert_eq!(spans[0].cost, None);
    }

    #[test]
    fn neighbours_and_calls_without_tokens_within_are_left_alone() {
        let mut spans = [
            span(1, None, SpanKind::Llm, Some(5)),
            span(2, Some(1), SpanKind::Llm, None),
            span(3, None, SpanKind::Embedding, Some(2)),
        ];
        let before = spans.clone();
        settle(&mut spans);
        assert_eq!(spans, before);
    }

    #[test]
    fn spans_that_cause_each_other_end() {
        let mut spans = [
            span(1, Some(2), SpanKind::Llm, Some(5)),
            span(2, Some(1), SpanKind::Llm, Some(5)),
            span(3, Some(3), SpanKind::Llm, Some(5)),
        ];
        settle(&mut spans);
        assert_eq!(spans[2].tokens.input, Some(5));
    }
}
