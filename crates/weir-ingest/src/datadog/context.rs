//! Spans of an APM trace as records: those that LLM Observability speaks about in full, the others as context.

use serde_json::value::RawValue;
use weir_types::{Source, Span, SpanKind, SpanStatus, TokenUsage, TraceId, UnixMicros};

use super::apm::ApmSpan;
use super::attributes::{Attributes, with_member};
use super::ids;
use super::llmobs::{self, ERROR_STACK, Frame, arc, kind_of, provider_of, set_failure, stack_json, tag};
use super::msgpack::{MsgpackError, Reader, write_json};
use super::object::{Object, count_of};

/// The high half of the trace's id, in hexadecimal, on the first span of what is sent of a trace.
const TRACE_ID_HIGH: &str = "_dd.p.tid";

/// Set on spans that were sent as events of LLM Observability too, and better.
const IS_SENT_AS_EVENT: &str = "_dd.llmobs.submitted";

/// Why an APM span is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dropped {
    /// Its trace or itself has no id.
    NoId,
    /// The same span comes as an event, which says more.
    SentAsEvent,
}

/// A span, and the reason why its LLM part is missing, if it could not be read.
pub(super) type Converted = (Span, Option<MsgpackError>);

/// The high half of the ids of a trace.
pub(super) fn trace_id_high(trace: &[ApmSpan<'_>]) -> u64 {
    let high = trace.iter().find_map(|span| span.meta(TRACE_ID_HIGH));
    high.and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or_default()
}

/// One span as a record.
pub(super) fn span(apm: &ApmSpan<'_>, high: u64, tracer: &'static str) -> Result<Converted, Dropped> {
    let trace_id = ids::trace_id(high, apm.trace_id).ok_or(Dropped::NoId)?;
    let frame = frame(apm, trace_id, tracer).ok_or(Dropped::NoId)?;
    if apm.llmobs.is_none() && apm.meta(IS_SENT_AS_EVENT).is_some() {
        return Err(Dropped::SentAsEvent);
    }
    let Some(bytes) = apm.llmobs else { return Ok((context(apm, &frame), None)) };
    let mut json = Vec::with_capacity(bytes.len() + bytes.len() / 4);
    if let Err(error) = write_json(&mut Reader::new(bytes), &mut json) {
        return Ok((context(apm, &frame), Some(error)));
    }
    let payload: Option<&RawValue> = serde_json::from_slice(&json).ok();
    let payload = payload.map(Object::of).unwrap_or_default();
    let mut span = llmobs::span(&frame, &payload);
    complete(&mut span, apm);
    Ok((span, None))
}

fn frame(apm: &ApmSpan<'_>, trace_id: TraceId, tracer: &'static str) -> Option<Frame> {
    Some(Frame {
        trace_id,
        span_id: ids::span_id(apm.span_id)?,
        parent_id: ids::span_id(apm.parent_id),
        start: UnixMicros(apm.start_ns / 1_000),
        duration_us: u64::try_from(apm.duration_ns / 1_000).unwrap_or_default(),
        tracer,
    })
}

/// Adds what only the APM side of an LLM span says.
fn complete(span: &mut Span, apm: &ApmSpan<'_>) {
    if span.service.is_none() && !apm.service.is_empty() {
        span.service = Some(tag(&apm.service));
    }
    if span.env.is_none() {
        span.env = apm.meta("env").map(tag);
    }
    // `_llmobs` names the model that answered; the integration also wrote which was asked for.
    if let Some(requested) = requested_model(apm) {
        span.response_model = span.model.replace(tag(requested)).filter(|_| span.kind.is_model_call());
    }
    if apm.is_error && span.status == SpanStatus::Ok {
        set_error(span, apm);
        if let Some(stack) = apm.meta("error.stack") {
            span.attributes = Some(with_member(span.attributes.as_ref(), ERROR_STACK, &stack_json(stack)));
        }
    }
    span.http_status = http_status(apm);
}

/// `openai.request.model`, `anthropic.request.model`, …: what an integration was asked for.
fn requested_model<'a>(apm: &'a ApmSpan<'_>) -> Option<&'a str> {
    let is_request = |key: &str| key.ends_with(".request.model") && !key.starts_with("gen_ai.");
    apm.meta.iter().find(|(key, value)| is_request(key) && !value.is_empty()).map(|(_, value)| &**value)
}

/// A span about which nothing is known but what APM says.
fn context(apm: &ApmSpan<'_>, frame: &Frame) -> Span {
    let kind = context_kind(apm);
    let mut span = Span::new(frame.trace_id, frame.span_id, kind, Source::Datadog, frame.start);
    span.parent_id = frame.parent_id;
    span.duration_us = frame.duration_us;
    // A route says more than `flask.request`; a statement of SQL would be too much for a name.
    let name = if kind == SpanKind::Http && !apm.resource.is_empty() { &apm.resource } else { &apm.name };
    if !name.is_empty() {
        span.name = tag(name);
    }
    span.service = (!apm.service.is_empty()).then(|| tag(&apm.service));
    span.env = apm.meta("env").map(tag);
    span.client = Some(apm.meta("component").map_or_else(|| arc(frame.tracer), tag));
    span.http_status = http_status(apm);
    if kind.is_model_call() {
        set_shadow(&mut span, apm);
    }
    let mut attributes = Attributes::default();
    if !apm.resource.is_empty() && span.name != arc(&apm.resource) {
        attributes.text("resource", &apm.resource);
    }
    if !apm.kind.is_empty() {
        attributes.text("type", &apm.kind);
    }
    attributes.object("meta", shown_meta(apm));
    if apm.is_error {
        set_error(&mut span, apm);
        if let Some(stack) = apm.meta("error.stack") {
            attributes.json(ERROR_STACK, &stack_json(stack));
        }
    }
    span.attributes = attributes.finish();
    span
}

fn context_kind(apm: &ApmSpan<'_>) -> SpanKind {
    match (apm.meta("_dd.llmobs.span_kind"), &*apm.kind) {
        (Some(word), _) => kind_of(word),
        (None, "http" | "web") => SpanKind::Http,
        _ => SpanKind::Other,
    }
}

/// What integrations write about a call on its APM span when LLM Observability is off.
fn set_shadow(span: &mut Span, apm: &ApmSpan<'_>) {
    let count = |name: &str| apm.metric(name).and_then(count_of);
    span.tokens = TokenUsage {
        input: count("_dd.llmobs.input_tokens"),
        output: count("_dd.llmobs.output_tokens"),
        cache_read: count("_dd.llmobs.cache_read_input_tokens"),
        cache_write: count("_dd.llmobs.cache_write_input_tokens"),
        reasoning: None,
    };
    let answered = apm.meta("_dd.llmobs.model_name").map(tag);
    span.model = requested_model(apm).map(tag).or_else(|| answered.clone());
    span.response_model = answered;
    let provider = apm.meta("_dd.llmobs.model_provider").filter(|provider| *provider != "unknown");
    span.provider = provider.or_else(|| apm.meta("component")).map(|provider| tag(&provider_of(provider)));
}

/// Tags that a person may want to see: not the tracer's own, and none that is a field.
fn shown_meta(apm: &ApmSpan<'_>) -> Attributes {
    const OWN: [&str; 8] =
        ["_dd.", "error.", "runtime-id", "language", "env", "component", "llmobs_", "_sampling"];
    let mut shown = Attributes::default();
    for (key, value) in &apm.meta {
        if !OWN.iter().any(|own| key.starts_with(own)) {
            shown.text(key, value);
        }
    }
    shown
}

fn set_error(span: &mut Span, apm: &ApmSpan<'_>) {
    let message = apm.meta("error.message").or_else(|| apm.meta("error.msg"));
    set_failure(span, apm.meta("error.type"), message);
}

fn http_status(apm: &ApmSpan<'_>) -> Option<u16> {
    let text = apm.meta("http.status_code").and_then(|status| status.parse().ok());
    text.or_else(|| {
        apm.metric("http.status_code").and_then(count_of).and_then(|status| status.try_into().ok())
    })
}
