//! Traces as MLflow's client reads them: protobuf messages in JSON, so bytes are base64 and 64-bit numbers are text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use weir_types::{Content, Score, Span, SpanKind, SpanStatus, TraceId, UnixMicros};

use super::known::text_of;
use super::{assessment, experiments};

/// Characters of a preview, as MLflow cuts them.
const PREVIEW_CHARS_MAX: usize = 1_000;

/// A whole trace.
pub(crate) fn trace(id: TraceId, spans: &[Span], scores: &[Score]) -> Value {
    let json: Vec<Value> = spans.iter().map(|span| json_of_span(id, span)).collect();
    json!({ "trace_info": info(id, spans, scores), "spans": json })
}

/// What a trace is, without its spans. `spans` are all of it, or its first alone.
pub(crate) fn info(id: TraceId, spans: &[Span], scores: &[Score]) -> Value {
    let root = spans.iter().find(|span| span.parent_id.is_none()).or(spans.first());
    let Some(root) = root else { return Value::Null };
    let assessments: Vec<Value> = scores.iter().map(assessment::json_of).collect();
    let announced = attributes(root);
    let mut metadata = announced["mlflow.trace"]["metadata"].as_object().cloned().unwrap_or_default();
    metadata.entry("mlflow.trace.sizeStats").or_insert_with(|| json!("{}"));
    for (key, value) in [("mlflow.trace.session", &root.session), ("mlflow.trace.user", &root.user)] {
        if let Some(value) = value {
            metadata.entry(key).or_insert_with(|| json!(value));
        }
    }
    let mut tags = announced["mlflow.trace"]["tags"].as_object().cloned().unwrap_or_default();
    tags.insert("mlflow.traceName".to_owned(), json!(root.name));
    // By this tag a client knows that it finds the spans here and not in a store of files.
    tags.insert("mlflow.trace.spansLocation".to_owned(), json!("TRACKING_STORE"));
    let experiment = experiments::id_of(root.app.as_deref().unwrap_or("Default"));
    json!({
        "trace_id": text_of(id),
        "trace_location": { "type": "MLFLOW_EXPERIMENT", "mlflow_experiment": { "experiment_id": experiment } },
        "request_preview": preview(root.input.as_ref()),
        "response_preview": preview(root.output.as_ref()),
        "request_time": timestamp(root.start),
        "execution_duration": duration(root.duration_us),
        "state": if root.status == SpanStatus::Ok { "OK" } else { "ERROR" },
        "trace_metadata": metadata,
        "tags": tags,
        "assessments": assessments,
    })
}

fn attributes(span: &Span) -> Value {
    let text = span.attributes.as_ref().map_or("{}", Content::expose);
    serde_json::from_str(text).unwrap_or_default()
}

fn preview(content: Option<&Content>) -> String {
    content.map_or("", Content::expose).chars().take(PREVIEW_CHARS_MAX).collect()
}

/// RFC 3339 with microseconds.
pub(crate) fn timestamp(at: UnixMicros) -> String {
    let seconds = at.0.div_euclid(UnixMicros::SECOND);
    let micros = at.0.rem_euclid(UnixMicros::SECOND);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date(days);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{micros:06}Z",
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
}

/// The date of a day since 1970-01-01 (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn duration(micros: u64) -> String {
    format!("{}.{:06}s", micros / 1_000_000, micros % 1_000_000)
}

fn json_of_span(trace_id: TraceId, span: &Span) -> Value {
    let end = span.start.0.saturating_add(i64::try_from(span.duration_us).unwrap_or(i64::MAX));
    let nanos = |micros: i64| micros.saturating_mul(1_000).to_string();
    let pair = |key: &str, value: &Value| json!({ "key": key, "value": any_value(value) });
    let mut pairs = vec![
        pair("mlflow.traceRequestId", &json!(text_of(trace_id))),
        pair("mlflow.spanType", &json!(span_type(span.kind))),
    ];
    let contents = [
        ("mlflow.spanInputs", &span.input),
        ("mlflow.spanOutputs", &span.output),
        ("mlflow.chat.tools", &span.tools),
    ];
    for (key, content) in contents {
        pairs.extend(content.as_ref().map(|content| pair(key, &value_of(content))));
    }
    if let (Some(input), Some(output)) = (span.tokens.input, span.tokens.output) {
        let usage = json!({ "input_tokens": input, "output_tokens": output, "total_tokens": input + output });
        pairs.push(pair("mlflow.chat.tokenUsage", &usage));
    }
    if let Some(model) = span.response_model.as_ref().or(span.model.as_ref()) {
        pairs.push(pair("mlflow.llm.model", &json!(model)));
    }
    let status = match span.status {
        SpanStatus::Ok => json!({ "code": "STATUS_CODE_OK" }),
        SpanStatus::Error => json!({ "code": "STATUS_CODE_ERROR", "message": span.error_message }),
    };
    json!({
        "trace_id": STANDARD.encode(span.trace_id.as_bytes()),
        "span_id": STANDARD.encode(span.span_id.as_bytes()),
        "parent_span_id": span.parent_id.map(|id| STANDARD.encode(id.as_bytes())).unwrap_or_default(),
        "name": span.name,
        "start_time_unix_nano": nanos(span.start.0),
        "end_time_unix_nano": nanos(end),
        "attributes": pairs,
        "status": status,
    })
}

/// A content as JSON; one that was cut is a text.
fn value_of(content: &Content) -> Value {
    serde_json::from_str(content.expose()).unwrap_or_else(|_| json!(content.expose()))
}

/// A value as OTLP's `AnyValue`. The depth is bounded by the parser that made the value.
fn any_value(value: &Value) -> Value {
    match value {
        Value::Null => json!({}),
        Value::Bool(value) => json!({ "bool_value": value }),
        Value::Number(number) => match number.as_i64() {
            Some(number) => json!({ "int_value": number.to_string() }),
            None => json!({ "double_value": number.as_f64() }),
        },
        Value::String(text) => json!({ "string_value": text }),
        Value::Array(items) => {
            json!({ "array_value": { "values": items.iter().map(any_value).collect::<Vec<_>>() } })
        }
        Value::Object(members) => {
            let values = members.iter().map(|(key, value)| json!({ "key": key, "value": any_value(value) }));
            json!({ "kvlist_value": { "values": values.collect::<Vec<_>>() } })
        }
    }
}

fn span_type(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Llm => "CHAT_MODEL",
        SpanKind::Embedding => "EMBEDDING",
        SpanKind::Retrieval => "RETRIEVER",
        SpanKind::Rerank => "RERANKER",
        SpanKind::Tool => "TOOL",
        SpanKind::Agent => "AGENT",
        SpanKind::Workflow => "CHAIN",
        SpanKind::Task | SpanKind::Http | SpanKind::Other => "UNKNOWN",
        SpanKind::Guardrail => "GUARDRAIL",
        SpanKind::Evaluation => "EVALUATOR",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_as_rfc_3339() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000Z"),
            (1_767_225_599, "2025-12-31T23:59:59.000000Z"),
        ] {
            assert_eq!(timestamp(UnixMicros(seconds * UnixMicros::SECOND)), text);
        }
        assert_eq!(duration(138_500), "0.138500s");
    }
}
