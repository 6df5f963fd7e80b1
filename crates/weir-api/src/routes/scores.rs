//! Scores: judgements that people and programs send.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use weir_types::{Content, Record, Score, ScoreValue, SpanId, TraceId, UnixMicros, limits};

use crate::Shared;
use crate::error::ApiError;
use crate::extract::JsonBody;
use crate::instant;
use crate::wire::{ErrorCode, NewScore, ScoreRequest, ScoresKept};

/// Scores of one request.
const SCORES_MAX: usize = 1_000;

/// Keeps scores of calls: users' feedback, reviews, evaluators of one's own.
#[utoipa::path(
    post,
    path = "/api/scores",
    tag = "spans",
    request_body = ScoreRequest,
    responses((status = 201, description = "All were kept.", body = ScoresKept), ApiError)
)]
pub(crate) async fn create_scores(
    State(shared): State<Shared>,
    JsonBody(request): JsonBody<ScoreRequest>,
) -> Result<(StatusCode, Json<ScoresKept>), ApiError> {
    if !(1..=SCORES_MAX).contains(&request.scores.len()) {
        return Err(invalid(format!("field `scores`: expected 1 to {SCORES_MAX} scores")));
    }
    let now = shared.clock.now();
    let records = request.scores.into_iter().enumerate().map(|(at, score)| {
        record(score, now).map_err(|message| invalid(format!("field `scores[{at}].{message}")))
    });
    let records: Vec<Record> = records.collect::<Result<_, _>>()?;
    shared.sink.append(&records).map_err(|error| {
        tracing::error!(%error, "scores were not kept");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal, "the scores could not be kept")
    })?;
    Ok((StatusCode::CREATED, Json(ScoresKept { kept: records.len() as u64 })))
}

fn invalid(message: String) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidBody, message)
}

/// The record, or the rest of a sentence that begins with the score's place.
fn record(new: NewScore, now: UnixMicros) -> Result<Record, String> {
    let is_short = |text: &str| !text.trim().is_empty() && text.len() <= limits::TAG_VALUE_BYTES_MAX;
    let span_id = new.span_id.as_deref().map(str::parse::<SpanId>).transpose();
    let span_id = span_id.map_err(|error| format!("span_id`: {error}"))?;
    let trace_id = new.trace_id.as_deref().map(str::parse::<TraceId>).transpose();
    let trace_id = trace_id.map_err(|error| format!("trace_id`: {error}"))?;
    let value = match (new.value, new.label) {
        (Some(value), None) if value.is_finite() => ScoreValue::Number(value),
        (None, Some(label)) if is_short(&label) => ScoreValue::Label(Arc::from(label)),
        _ => {
            return Err("value`: expected either a number `value`, or a `label` of 1 to 200 bytes".to_owned());
        }
    };
    if !is_short(&new.name) {
        return Err("name`: expected 1 to 200 bytes".to_owned());
    }
    let judge = new.judge.unwrap_or_else(|| "api".to_owned());
    if !is_short(&judge) {
        return Err("judge`: expected 1 to 200 bytes".to_owned());
    }
    let time = new.time.map(|text| instant::instant("time", &text, now)).transpose();
    let time = time.map_err(|_| "time`: expected RFC 3339 or Unix milliseconds".to_owned())?;
    let (trace_id, by_span_alone) = match (trace_id, span_id) {
        (Some(trace_id), _) => (trace_id, false),
        // The store puts the trace of the span in its place.
        (None, Some(span_id)) => (trace_of_span_alone(span_id), true),
        (None, None) => return Err("trace_id`: expected a `trace_id`, a `span_id`, or both".to_owned()),
    };
    Ok(Record::Score(Box::new(Score {
        time: time.unwrap_or(now),
        trace_id,
        span_id,
        by_span_alone,
        name: Arc::from(new.name),
        value,
        judge: Arc::from(judge),
        rationale: new.rationale.map(Content::new),
        tags: new.tags.into_iter().collect(),
    })))
}

/// A stand-in until the span is found: its own id, twice.
fn trace_of_span_alone(span_id: SpanId) -> TraceId {
    let mut bytes = [0; 16];
    let (first, second) = bytes.split_at_mut(8);
    first.copy_from_slice(span_id.as_bytes());
    second.copy_from_slice(span_id.as_bytes());
    TraceId::from_bytes(bytes)
}
