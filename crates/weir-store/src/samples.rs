//! Records for tests: one plain span, and strategies that make any record.

use std::sync::Arc;

use proptest::option;
use proptest::prelude::*;
use weir_types::{
    CacheStatus, Content, Event, EventLevel, NanoUsd, Point, PointKind, PolicyDecision, Record, Score,
    ScoreValue, Source, Span, SpanId, SpanKind, SpanStatus, Tags, TokenUsage, TraceId, UnixMicros,
};

/// A successful call to `gpt-4o` by team `payments` that took 250 ms and cost 1,000 nano-dollars.
pub(crate) fn plain_span(start: UnixMicros) -> Span {
    let mut span = Span::new(
        TraceId::from_bytes([1; 16]),
        SpanId::from_bytes([2; 8]),
        SpanKind::Llm,
        Source::Gateway,
        start,
    );
    span.duration_us = 250_000;
    span.provider = Some(Arc::from("openai"));
    span.model = Some(Arc::from("gpt-4o"));
    span.team = Some(Arc::from("payments"));
    span.tokens = TokenUsage { input: Some(100), output: Some(20), ..TokenUsage::default() };
    span.cost = Some(NanoUsd(1_000));
    span
}

fn text() -> impl Strategy<Value = Arc<str>> {
    prop_oneof![Just(String::new()), "[a-c]{1,2}", "\\PC{0,12}", Just("a\0b'\"\\%_".to_owned())]
        .prop_map(Arc::from)
}

fn tag_set() -> impl Strategy<Value = Tags> {
    let key = prop_oneof![Just("team".to_owned()), Just("index".to_owned()), "[a-z.$\"']{1,6}"];
    prop::collection::vec((key, text()), 0..4).prop_map(|pairs| pairs.into_iter().collect())
}

fn content() -> impl Strategy<Value = Option<Content>> {
    option::of(text().prop_map(Content::new))
}

fn member<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    prop::sample::select(all)
}

fn finite() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), -1e6..1e6f64, 0.0..1.0f64]
}

fn span_id() -> impl Strategy<Value = SpanId> {
    (1..=u64::MAX).prop_map(|n| SpanId::from_bytes(n.to_be_bytes()))
}

fn trace_id() -> impl Strategy<Value = TraceId> {
    (1..=u128::MAX).prop_map(|n| TraceId::from_bytes(n.to_be_bytes()))
}

fn time() -> impl Strategy<Value = UnixMicros> {
    (1_600_000_000_000_000..1_900_000_000_000_000i64).prop_map(UnixMicros)
}

prop_compose! {
    fn usage()(
        input in option::of(0..1_000_000u64),
        output in option::of(0..100_000u64),
        cache_read in option::of(0..1_000u64),
        cache_write in option::of(0..1_000u64),
        reasoning in option::of(0..1_000u64),
    ) -> TokenUsage {
        TokenUsage { input, output, cache_read, cache_write, reasoning }
    }
}

prop_compose! {
    fn decision()(
        policy in text(),
        action in prop_oneof![text(), Just(Arc::from("truncated")), Just(Arc::from("would_truncate"))],
        detail in option::of(text()),
        saved in option::of(any::<i64>()),
    ) -> PolicyDecision {
        PolicyDecision { policy, action, detail, saved: saved.map(NanoUsd) }
    }
}

/// Sets what a span is and how it went.
fn with_outcome(span: Span) -> BoxedStrategy<Span> {
    let how = (member(SpanStatus::ALL), option::of(text()), option::of(text()), option::of(any::<u16>()));
    let tokens = (usage(), any::<bool>(), option::of(any::<i64>()), option::of(text()));
    let stream = (option::of(0..10_000_000u64), any::<bool>(), option::of(text()));
    let policy = (
        option::of(member(CacheStatus::ALL)),
        option::of(any::<i64>()),
        prop::collection::vec(decision(), 0..3),
    );
    (how, tokens, stream, policy)
        .prop_map(move |(how, tokens, stream, policy)| {
            let mut span = span.clone();
            (span.status, span.error_type, span.error_message, span.http_status) = how;
            let (usage, estimated, cost, price_version) = tokens;
            (span.tokens, span.tokens_estimated, span.price_version) = (usage, estimated, price_version);
            span.cost = cost.map(NanoUsd);
            (span.ttft_us, span.stream, span.finish_reason) = stream;
            (span.cache, span.saved, span.policy) = (policy.0, policy.1.map(NanoUsd), policy.2);
            span
        })
        .boxed()
}

/// Sets whose a span is and what was said.
fn with_names(span: Span) -> BoxedStrategy<Span> {
    let names = prop::collection::vec(option::of(text()), 13);
    (names, content(), content(), content(), content(), content())
        .prop_map(move |(names, input, output, documents, tools, attributes)| {
            let mut span = span.clone();
            let mut names = names.into_iter();
            for field in [
                &mut span.provider,
                &mut span.model,
                &mut span.response_model,
                &mut span.team,
                &mut span.app,
                &mut span.agent,
                &mut span.session,
                &mut span.user,
                &mut span.env,
                &mut span.service,
                &mut span.key_id,
                &mut span.client,
                &mut span.response_id,
            ] {
                *field = names.next().flatten();
            }
            (span.input, span.output, span.documents) = (input, output, documents);
            (span.tools, span.attributes) = (tools, attributes);
            span.same_as = span.team.is_some().then_some(span.span_id);
            span
        })
        .boxed()
}

/// Any span.
pub(crate) fn span() -> BoxedStrategy<Span> {
    (trace_id(), span_id(), option::of(span_id()), member(SpanKind::ALL), member(Source::ALL), time())
        .prop_flat_map(|(trace_id, span_id, parent_id, kind, source, start)| {
            let mut span = Span::new(trace_id, span_id, kind, source, start);
            span.parent_id = parent_id;
            (Just(span), 0..100_000_000_000u64, text())
        })
        .prop_map(|(mut span, duration_us, name)| {
            (span.duration_us, span.name) = (duration_us, name);
            span
        })
        .prop_flat_map(with_outcome)
        .prop_flat_map(with_names)
        .boxed()
}

prop_compose! {
    fn score()(
        time in time(),
        trace_id in trace_id(),
        span_id in option::of(span_id()),
        name in text(),
        value in prop_oneof![finite().prop_map(ScoreValue::Number), text().prop_map(ScoreValue::Label)],
        judge in text(),
        rationale in content(),
        tags in tag_set(),
        by_span_alone in any::<bool>(),
    ) -> Score {
        Score { time, trace_id, span_id, by_span_alone, name, value, judge, rationale, tags }
    }
}

prop_compose! {
    fn point()(
        time in time(),
        name in text(),
        kind in member(&[PointKind::Count, PointKind::Gauge, PointKind::Distribution, PointKind::Set]),
        value in finite(),
        tags in tag_set(),
    ) -> Point {
        Point { time, name, kind, value, tags }
    }
}

prop_compose! {
    fn event()(
        time in time(),
        title in text(),
        text in text(),
        level in member(&[EventLevel::Success, EventLevel::Info, EventLevel::Warning, EventLevel::Error]),
        source in text(),
        tags in tag_set(),
    ) -> Event {
        Event { time, title, text, level, source, tags }
    }
}

/// Any record.
pub(crate) fn record() -> BoxedStrategy<Record> {
    prop_oneof![
        4 => span().prop_map(|span| Record::Span(Box::new(span))),
        1 => score().prop_map(|score| Record::Score(Box::new(score))),
        1 => point().prop_map(|point| Record::Point(Box::new(point))),
        1 => event().prop_map(|event| Record::Event(Box::new(event))),
    ]
    .boxed()
}
