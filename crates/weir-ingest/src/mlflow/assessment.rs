//! Assessments: what people and judges say about a trace. They are scores.

use std::hash::{DefaultHasher, Hash, Hasher as _};

use serde_json::{Value, json};
use weir_types::{Content, Score, ScoreValue, Tags, TraceId, UnixMicros};

use super::answer::timestamp;
use super::error::MlflowError;
use super::known::text_of;
use crate::otlp::tag;

/// Reads an assessment and says what to answer.
pub(crate) fn read(id: TraceId, sent: &Value, now: UnixMicros) -> Result<(Score, Value), MlflowError> {
    let name = sent["assessment_name"].as_str().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| MlflowError::Invalid("assessment_name is missing".to_owned()))?;
    let stated = if sent["feedback"].is_null() { &sent["expectation"] } else { &sent["feedback"] };
    let value = value(&stated["value"]).ok_or_else(|| {
        MlflowError::Invalid(format!("assessment {:?} has no value; an error is no assessment", tag(name)))
    })?;
    let source = &sent["source"];
    let judge = source["source_id"].as_str().or(source["source_type"].as_str()).unwrap_or("mlflow");
    let score = Score {
        time: now,
        trace_id: id,
        // MLflow writes the id of a span as 16 hexadecimal digits.
        span_id: sent["span_id"].as_str().and_then(|id| id.parse().ok()),
        by_span_alone: false,
        name: tag(name),
        value,
        judge: tag(judge),
        rationale: sent["rationale"].as_str().map(Content::new),
        tags: Tags::new(),
    };
    let mut echo = sent.clone();
    echo["assessment_id"] = json!(id_of(&score));
    echo["trace_id"] = json!(text_of(id));
    echo["create_time"] = json!(timestamp(now));
    echo["last_update_time"] = json!(timestamp(now));
    Ok((score, echo))
}

/// A score as an assessment.
pub(crate) fn json_of(score: &Score) -> Value {
    let value = match &score.value {
        ScoreValue::Number(number) => json!(number),
        ScoreValue::Label(label) => json!(label),
    };
    json!({
        "assessment_id": id_of(score),
        "assessment_name": score.name,
        "trace_id": text_of(score.trace_id),
        "span_id": score.span_id.map(|id| id.to_string()),
        "source": { "source_type": "CODE", "source_id": score.judge },
        "create_time": timestamp(score.time),
        "last_update_time": timestamp(score.time),
        "feedback": { "value": value },
        "rationale": score.rationale.as_ref().map(Content::expose),
    })
}

/// Numbers stay numbers, yes and no become 1 and 0, and texts become labels. A list or an object is no value that can be
/// compared, so its JSON is the label.
fn value(value: &Value) -> Option<ScoreValue> {
    match value {
        Value::Null => None,
        Value::Bool(value) => Some(ScoreValue::Number(f64::from(u8::from(*value)))),
        Value::Number(number) => number.as_f64().map(ScoreValue::Number),
        Value::String(label) => Some(ScoreValue::Label(tag(label))),
        other => Some(ScoreValue::Label(tag(&other.to_string()))),
    }
}

/// Scores have no id of their own; what they say is one.
fn id_of(score: &Score) -> String {
    let mut hasher = DefaultHasher::new();
    (score.time, score.trace_id, score.span_id, &score.name, &score.judge).hash(&mut hasher);
    format!("a-{:016x}", hasher.finish())
}
