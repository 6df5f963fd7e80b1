//! Evaluations: someone's judgement of a span, as `LLMObs.submit_evaluation` sends it.
//!
//! ```text
//! {data: {attributes: {metrics: [{label, metric_type, score_value | categorical_value | boolean_value | json_value,
//!     join_on: {span: {span_id, trace_id}} or {tag: {key, value}}, ml_app, timestamp_ms, tags[], reasoning, assessment}]}}}
//! ```
//!
//! Version 1 states `span_id` and `trace_id` beside the rest. A judgement that names its span by a tag has no ids; a
//! number among those is kept as a gauge that carries the tag, because only the span's program knows which one it means.

use std::sync::Arc;

use serde_json::value::RawValue;
use weir_types::{
    Content, Point, PointKind, Record, Score, ScoreValue, SpanId, TagKey, Tags, TraceId, UnixMicros, limits,
};

use super::batch::Batch;
use super::ids;
use super::llmobs::{cut, tag, tags};
use super::object::Object;

/// The records of a payload. An evaluation without a name, a value or a span is refused and the others are kept; what is
/// no JSON is an error. `now` stands in where an evaluation states no time.
pub fn decode(payload: &[u8], now: UnixMicros) -> Result<Batch, serde_json::Error> {
    let raw: &RawValue = serde_json::from_slice(payload)?;
    let mut batch = Batch::default();
    for metric in Object::of(raw).object("data").object("attributes").list("metrics") {
        match record(&Object::of(metric), now) {
            Ok(record) => batch.records.push(record),
            Err(reason) => batch.refuse(reason),
        }
    }
    Ok(batch)
}

fn record(metric: &Object<'_>, now: UnixMicros) -> Result<Record, &'static str> {
    let name: Arc<str> = metric.text("label").map(|label| tag(&label)).ok_or("no_label")?;
    let value = value(metric).ok_or("bad_value")?;
    let time = metric.count("timestamp_ms").and_then(|ms| i64::try_from(ms).ok());
    let time = time.map_or(now, |ms| UnixMicros(ms.saturating_mul(1_000)));
    let (mut tags, judge) = tags_and_judge(metric);
    if let Some((trace_id, span_id)) = span_of(metric) {
        let rationale =
            metric.text("reasoning").map(|text| Content::new(cut(&text, limits::CONTENT_BYTES_MAX)));
        let span_id = Some(span_id);
        return Ok(Record::Score(Box::new(Score {
            time,
            trace_id,
            span_id,
            // LLM Observability gives traces ids of its own; spans are kept under the APM trace's.
            by_span_alone: true,
            name,
            value,
            judge,
            rationale,
            tags,
        })));
    }
    let joined = metric.object("join_on").object("tag");
    match (joined.text("key"), joined.text("value"), value) {
        (Some(key), Some(joined), ScoreValue::Number(value)) => {
            tags.set(TagKey::new(&key), tag(&joined));
            Ok(Record::Point(Box::new(Point { time, name, kind: PointKind::Gauge, value, weight: 1, tags })))
        }
        _ => Err("no_span"),
    }
}

fn span_of(metric: &Object<'_>) -> Option<(TraceId, SpanId)> {
    let joined = metric.object("join_on").object("span");
    let ids = |object: &Object<'_>| {
        let trace_id = ids::trace_id_of_text(&object.text("trace_id")?)?;
        Some((trace_id, ids::span_id_of_text(&object.text("span_id")?)?))
    };
    ids(&joined).or_else(|| ids(metric))
}

/// A truth is a number too: the share of those that hold is what is asked for.
fn value(metric: &Object<'_>) -> Option<ScoreValue> {
    let number = || metric.number("score_value").or_else(|| metric.number("numerical_value"));
    let label = |name: &str| metric.text(name).map(|text| ScoreValue::Label(tag(&text)));
    let json = || metric.raw("json_value").map(|raw| ScoreValue::Label(tag(raw.get())));
    let truth = || metric.truth("boolean_value").map(|truth| ScoreValue::Number(f64::from(u8::from(truth))));
    number().map(ScoreValue::Number).or_else(truth).or_else(|| label("categorical_value")).or_else(json)
}

fn tags_and_judge(metric: &Object<'_>) -> (Tags, Arc<str>) {
    let (mut kept, mut judge) = (Tags::new(), "datadog");
    for (key, value) in tags(metric.raw("tags")) {
        match &*key {
            "ddtrace.version" => judge = "ddtrace",
            _ if value.is_empty() || key.is_empty() => {}
            _ => kept.set(TagKey::new(&key), tag(&value)),
        }
    }
    for (key, name) in [("app", "ml_app"), ("assessment", "assessment")] {
        if let Some(value) = metric.text(name) {
            kept.set(TagKey::new(key), tag(&value));
        }
    }
    (kept, Arc::from(judge))
}
