//! Events of LLM Observability: what tracers send when APM tracing is off or there is no agent, and what people send to
//! the HTTP API themselves.
//!
//! ```text
//! [{event_type: "span", spans: […]}, …]                          from tracers
//! {data: {type: "span", attributes: {ml_app, session_id, tags, spans: […]}}}    from people
//! ```

use serde_json::value::RawValue;
use weir_types::{Span, UnixMicros};

use super::batch::Batch;
use super::llmobs::{self, Frame, tag};
use super::object::{Object, list};
use super::{ids, object};

/// The records of a payload. A span without ids or a start is refused and the others are kept; what is no JSON is an error.
pub fn decode(payload: &[u8], tracer: &'static str) -> Result<Batch, serde_json::Error> {
    let raw: &RawValue = serde_json::from_slice(payload)?;
    let events = if raw.get().starts_with('[') { list(raw) } else { vec![raw] };
    let (mut batch, mut spans) = (Batch::default(), Vec::new());
    for event in events {
        let event = Object::of(event);
        let attributes = event.object("data").object("attributes");
        let event = if attributes.is_empty() { event } else { attributes };
        for raw in event.list("spans") {
            match span(&Object::of(raw), &event, tracer) {
                Some(span) => spans.push(span),
                None => batch.refuse("no_id"),
            }
        }
    }
    batch.keep_spans(spans);
    Ok(batch)
}

fn span(payload: &Object<'_>, event: &Object<'_>, tracer: &'static str) -> Option<Span> {
    let own = payload.object("_dd");
    // The id that travels with calls is the APM trace's. Where there is none the two are the same.
    let trace_id = own.text("apm_trace_id").or_else(|| payload.text("trace_id"))?;
    let frame = Frame {
        trace_id: ids::trace_id_of_text(&trace_id)?,
        span_id: ids::span_id_of_text(&payload.text("span_id")?)?,
        parent_id: payload.text("parent_id").and_then(|id| ids::span_id_of_text(&id)),
        start: micros(payload, "start_ns").map(UnixMicros)?,
        duration_us: micros(payload, "duration").and_then(|us| us.try_into().ok()).unwrap_or_default(),
        tracer,
    };
    let mut span = llmobs::span(&frame, payload);
    // What is said once for all spans of the event.
    span.app = span.app.or_else(|| event.text("ml_app").map(|app| tag(&app)));
    span.session = span.session.or_else(|| event.text("session_id").map(|session| tag(&session)));
    Some(span)
}

/// A member in nanoseconds, as microseconds.
fn micros(payload: &Object<'_>, name: &str) -> Option<i64> {
    let nanos =
        payload.count(name).or_else(|| payload.number(name).map(f64::floor).and_then(object::count_of))?;
    i64::try_from(nanos / 1_000).ok()
}
