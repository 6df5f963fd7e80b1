//! What the tests share: reading a stream in any pieces, and facts as JSON to look at.

use std::path::PathBuf;

use bytes::Bytes;
use serde_json::{Value, json};
use weir_dialect::{
    Dialect, RequestFacts, ResponseFacts, StreamForward, StreamOptions, StreamReader, StreamStep,
};

/// The folder of the fixtures.
pub fn testdata() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/dialect")
}

/// What came of a stream.
pub struct Streamed {
    pub facts: ResponseFacts,
    pub forwarded: Vec<u8>,
    pub saw_terminal: bool,
    pub is_complete: bool,
    /// How many pushes said that they were the first with content.
    pub first_tokens: usize,
    /// What had been forwarded before the push that carried the terminal event.
    pub forwarded_before_terminal: Option<usize>,
}

/// Reads a stream from these pieces.
pub fn read_stream(dialect: Dialect, options: StreamOptions, pieces: &[&[u8]]) -> Streamed {
    let mut reader = StreamReader::new(dialect, options);
    let mut forwarded = Vec::new();
    let mut first_tokens = 0;
    let mut forwarded_before_terminal = None;
    let mut take = |step: StreamStep| {
        if step.terminal {
            forwarded_before_terminal.get_or_insert(forwarded.len());
        }
        first_tokens += usize::from(step.first_token);
        match step.forward {
            StreamForward::None => {}
            StreamForward::Same(bytes) => forwarded.extend_from_slice(&bytes),
            StreamForward::Parts(parts) => {
                parts.iter().for_each(|part| forwarded.extend_from_slice(part));
            }
        }
    };
    for piece in pieces {
        take(reader.push(Bytes::copy_from_slice(piece)));
    }
    take(reader.flush());
    Streamed {
        saw_terminal: reader.saw_terminal(),
        is_complete: reader.is_complete(),
        facts: reader.finish(),
        forwarded,
        first_tokens,
        forwarded_before_terminal,
    }
}

/// In which event, counted from one, the first content was seen.
pub fn first_token_in_event(dialect: Dialect, options: StreamOptions, stream: &[u8]) -> Option<usize> {
    let mut reader = StreamReader::new(dialect, options);
    let found = stream.iter().position(|byte| reader.push(Bytes::copy_from_slice(&[*byte])).first_token)?;
    Some(stream[..found].windows(5).filter(|window| window == b"data:").count())
}

/// A request's facts to look at.
pub fn request_json(dialect: Dialect, facts: &RequestFacts<'_>) -> Value {
    let parsed = |json: Option<&str>| json.map(|json| serde_json::from_str::<Value>(json).unwrap());
    json!({
        "model": facts.model,
        "stream": facts.stream,
        "include_usage": facts.include_usage,
        "max_output_tokens": facts.max_output_tokens,
        "choices": facts.choices,
        "user": facts.user,
        "safety_identifier": facts.safety_identifier,
        "service_tier": facts.service_tier,
        "metadata": facts.metadata,
        "metadata_tags": facts.metadata_tags,
        "input_json": parsed(facts.input_json(dialect).as_deref()),
        "tools": parsed(facts.tools),
    })
}

/// An answer's facts to look at.
pub fn facts_json(facts: &ResponseFacts) -> Value {
    let output = facts.output.as_deref().map(|output| serde_json::from_str::<Value>(output).unwrap());
    let mut detail = json!({
        "audio_input": facts.usage_detail.audio_input,
        "audio_output": facts.usage_detail.audio_output,
        "image_input": facts.usage_detail.image_input,
        "cache_write_5m": facts.usage_detail.cache_write_5m,
        "cache_write_30m": facts.usage_detail.cache_write_30m,
        "cache_write_1h": facts.usage_detail.cache_write_1h,
        "cache_write_12h": facts.usage_detail.cache_write_12h,
        "prediction_accepted": facts.usage_detail.prediction_accepted,
        "prediction_rejected": facts.usage_detail.prediction_rejected,
        "web_search_requests": facts.usage_detail.web_search_requests,
        "web_fetch_requests": facts.usage_detail.web_fetch_requests,
        "service_tier": facts.usage_detail.service_tier,
    });
    if let Value::Object(members) = &mut detail {
        members.retain(|_, value| !value.is_null());
    }
    json!({
        "response_id": facts.response_id,
        "response_model": facts.response_model,
        "tokens": facts.tokens,
        "usage_detail": detail,
        "finish_reason": facts.finish_reason,
        "output": output,
        "output_truncated": facts.output_truncated,
        "tool_calls": facts.tool_calls,
        "output_text_bytes": facts.output_text_bytes,
        "error": facts.error.as_ref().map(|error| json!({
            "kind": error.kind.as_str(), "message": error.message, "code": error.code,
        })),
    })
}
