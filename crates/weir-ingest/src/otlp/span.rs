//! One OTLP span becomes one of Weir's.
//!
//! Nothing here fails: what cannot be understood stays in the span's attributes, where a person finds it. Only a span
//! without identity or time is refused, because nothing could refer to it.

use std::collections::HashMap;
use std::sync::Arc;

use weir_types::limits::{CONTENT_BYTES_MAX, TAG_VALUE_BYTES_MAX};
use weir_types::{Content, Source, Span, SpanId, SpanKind, SpanStatus, TokenUsage, TraceId, UnixMicros};

use super::facts::Facts;
use super::mapping::Field;
use super::resource::Origin;
use super::value::{self, separate, write_json, write_object, write_text};
use super::wire;

/// Bytes of a span's name, and of what an error says.
const LINE_BYTES_MAX: usize = 2_048;

/// Bytes of what a span says beyond its fields. It is JSON and cannot be cut in the middle, so what is over is left out
/// attribute by attribute.
const ATTRIBUTES_BYTES_MAX: usize = 256 * 1024;

/// How far ahead of Weir's clock a span may start. A clock that is wrong by more is wrong by years.
pub(crate) const AHEAD_MAX_US: i64 = UnixMicros::DAY;

/// Why a span, a point or a record of a log was refused, in a word for counting and in words for the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The word.
    pub(crate) reason: &'static str,
    /// The words: what it was, and what was expected.
    pub(crate) text: String,
}

impl Refused {
    /// A refusal.
    pub(crate) fn new(reason: &'static str, text: impl Into<String>) -> Self {
        Self { reason, text: text.into() }
    }
}

/// Converts one span. `now` bounds its start.
pub(crate) fn convert(span: &wire::Span, origin: &Origin, now: UnixMicros) -> Result<Span, Refused> {
    let (trace_id, span_id) = (trace_id(&span.trace_id)?, span_id(&span.span_id)?);
    let start = start(span.start_time_unix_nano, now)?;
    let facts = Facts::of(span);
    let kind = kind(&facts);
    let mut made = Span::new(trace_id, span_id, kind, origin.source, start);
    made.duration_us = span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano) / 1_000;
    made.parent_id = span_id_or_none(&span.parent_span_id);
    made.name = line(
        &facts.text(Field::ToolName).filter(|_| kind == SpanKind::Tool).unwrap_or(span.name.as_str().into()),
    );
    outcome(&mut made, span, &facts);
    model(&mut made, &facts);
    attribution(&mut made, &facts, origin);
    timing(&mut made, span, &facts);
    let usage = usage(&mut made, &facts);
    let cuts = contents(&mut made, &facts);
    made.attributes = Some(attributes(&facts, origin, usage, &cuts));
    Ok(made)
}

/// The id of a trace, which must be 16 bytes and not all zero.
pub(crate) fn trace_id(bytes: &[u8]) -> Result<TraceId, Refused> {
    let found = <[u8; 16]>::try_from(bytes).ok().filter(|bytes| *bytes != [0; 16]);
    let refuse = || {
        Refused::new(
            "bad_trace_id",
            format!("a trace_id of {} bytes, expected 16, not all zero", bytes.len()),
        )
    };
    found.map(TraceId::from_bytes).ok_or_else(refuse)
}

/// The id of a span, which must be 8 bytes and not all zero.
pub(crate) fn span_id(bytes: &[u8]) -> Result<SpanId, Refused> {
    let refuse = || {
        Refused::new("bad_span_id", format!("a span_id of {} bytes, expected 8, not all zero", bytes.len()))
    };
    span_id_or_none(bytes).ok_or_else(refuse)
}

fn span_id_or_none(bytes: &[u8]) -> Option<SpanId> {
    <[u8; 8]>::try_from(bytes).ok().filter(|bytes| *bytes != [0; 8]).map(SpanId::from_bytes)
}

/// An instant of the wire.
pub(crate) fn instant(nanos: u64) -> UnixMicros {
    UnixMicros(i64::try_from(nanos / 1_000).unwrap_or(i64::MAX))
}

fn start(nanos: u64, now: UnixMicros) -> Result<UnixMicros, Refused> {
    if nanos == 0 {
        return Err(Refused::new("no_time", "no start_time_unix_nano"));
    }
    let start = instant(nanos);
    let ahead = start.0.saturating_sub(now.0);
    if ahead > AHEAD_MAX_US {
        let days = ahead / UnixMicros::DAY;
        return Err(Refused::new("future", format!("it starts {days} days ahead of this Weir's clock")));
    }
    Ok(start)
}

/// What the dialect says; else what the attributes amount to.
fn kind(facts: &Facts<'_>) -> SpanKind {
    if let Some(kind) = facts.kind() {
        return kind;
    }
    let has_model = facts.has(Field::Model) || facts.has(Field::ResponseModel);
    if facts.has(Field::Documents) {
        SpanKind::Retrieval
    } else if has_model && (facts.has(Field::InputTokens) || facts.has(Field::OutputTokens)) {
        SpanKind::Llm
    } else if facts.has(Field::HttpMethod) {
        SpanKind::Http
    } else if !facts.json(Field::Documents).is_empty() {
        SpanKind::Retrieval
    } else {
        SpanKind::Other
    }
}

fn outcome(made: &mut Span, span: &wire::Span, facts: &Facts<'_>) {
    let status = span.status.as_ref();
    let exception = |key: &str| {
        let pairs = facts.exception.map(|event| event.attributes.as_slice()).unwrap_or_default();
        let pair = pairs.iter().find(|pair| pair.key == key)?;
        value::text(pair.value.as_ref()?.value.as_ref()?)
    };
    made.http_status = facts.count(Field::HttpStatus).and_then(|status| u16::try_from(status).ok());
    made.error_type = facts.text(Field::ErrorType).map(|text| tag(&text));
    let has_failed = status.is_some_and(|status| status.code == wire::STATUS_ERROR);
    if has_failed || made.error_type.is_some() {
        made.status = SpanStatus::Error;
        made.error_type =
            made.error_type.take().or_else(|| exception("exception.type").map(|text| tag(&text)));
        let message = status.map(|status| status.message.as_str()).filter(|message| !message.is_empty());
        made.error_message =
            exception("exception.message").or(message.map(Into::into)).map(|message| line(&message));
    }
}

fn model(made: &mut Span, facts: &Facts<'_>) {
    let short = |text: &str| Some(tag(text)).filter(|text| !text.is_empty());
    made.provider = facts.text(Field::Provider).and_then(|name| short(&provider(&name)));
    made.model = facts.text(Field::Model).and_then(|name| short(&name));
    made.response_model = facts.text(Field::ResponseModel).and_then(|name| short(&name));
    made.response_id = facts.text(Field::ResponseId).and_then(|id| short(&id));
    made.finish_reason = facts.text(Field::FinishReason).and_then(|reason| short(&reason));
    made.stream = facts.truth(Field::IsStream).unwrap_or(false);
    if !made.kind.is_model_call() {
        return;
    }
    // Dialects that keep question and answer whole name the model and the answer's id there alone.
    if made.model.is_none() || facts.has(Field::ModelParameters) {
        let question = facts.question();
        if let Some(asked) = question.model.as_deref().and_then(short) {
            // The dialect's one name of the model is then the one that answered.
            made.response_model = made.response_model.take().or_else(|| made.model.take());
            made.model = Some(asked);
        }
        made.stream |= question.stream.unwrap_or(false);
    }
    if made.response_id.is_none() {
        let answer = facts.answer();
        made.response_id = answer.id.as_deref().and_then(short);
        made.response_model = made.response_model.take().or_else(|| answer.model.as_deref().and_then(short));
    }
}

/// The provider's name as the price list and the gateway spell it.
fn provider(name: &str) -> String {
    /// OpenTelemetry's names of clouds and makers, and those of the gateway.
    const NAMES: [(&str, &str); 10] = [
        ("az.ai.inference", "azure_ai"),
        ("az.ai.openai", "azure"),
        ("azure.ai.inference", "azure_ai"),
        ("azure.ai.openai", "azure"),
        ("aws.bedrock", "bedrock"),
        ("gcp.gemini", "gemini"),
        ("gcp.gen_ai", "gemini"),
        ("gcp.vertex_ai", "vertex"),
        ("mistral_ai", "mistral"),
        ("x_ai", "xai"),
    ];
    let name = name.to_ascii_lowercase();
    if let Some((_, known)) = NAMES.iter().find(|(given, _)| *given == name) {
        return (*known).to_owned();
    }
    // The Vercel AI SDK appends which of the provider's interfaces it uses: `openai.chat`, `anthropic.messages`.
    name.split('.').next().unwrap_or_default().to_owned()
}

fn attribution(made: &mut Span, facts: &Facts<'_>, origin: &Origin) {
    let own = |field| facts.text(field).map(|text| tag(&text));
    made.service = own(Field::Service).or_else(|| origin.service.clone());
    made.app = own(Field::App).or_else(|| origin.app.clone()).or_else(|| made.service.clone());
    made.env = own(Field::Env).or_else(|| origin.env.clone());
    made.team = own(Field::Team).or_else(|| origin.team.clone());
    made.session = own(Field::Session).or_else(|| origin.session.clone());
    made.user = own(Field::User).or_else(|| origin.user.clone());
    made.agent = own(Field::Agent).or_else(|| (made.kind == SpanKind::Agent).then(|| tag(&made.name)));
    made.client.clone_from(&origin.client);
}

fn timing(made: &mut Span, span: &wire::Span, facts: &Facts<'_>) {
    let seconds = facts.number(Field::FirstTokenSeconds).map(|seconds| seconds * 1e6);
    let stated = seconds.or_else(|| Some(facts.number(Field::FirstTokenMillis)? * 1e3));
    let stated = stated.and_then(|micros| value::whole(micros.round()));
    let observed = || Some(facts.first_token_at?.checked_sub(span.start_time_unix_nano)? / 1_000);
    made.ttft_us = stated.or_else(observed);
    made.stream |= made.ttft_us.is_some();
    let operation = facts.text(Field::Kind);
    made.stream |= operation.is_some_and(|name| name.ends_with(".doStream"));
}

/// Sets tokens and cost where the span is a call; what any other span says of them repeats calls within it, and is returned
/// to be kept for people, so that no token is counted twice.
fn usage(made: &mut Span, facts: &Facts<'_>) -> Option<TokenUsage> {
    let tokens = facts.tokens();
    if made.kind.is_model_call() {
        made.tokens = tokens;
        made.cost = facts.cost();
        return None;
    }
    (!tokens.is_unknown()).then_some(tokens)
}

/// What was cut.
#[derive(Default)]
struct Cuts {
    input: bool,
    output: bool,
}

fn contents(made: &mut Span, facts: &Facts<'_>) -> Cuts {
    let mut cuts = Cuts::default();
    let input = with_system(&facts.json(Field::SystemInstructions), facts.json(Field::Input));
    let output = match made.kind {
        // What comes out is a vector of a thousand numbers, which nobody reads.
        SpanKind::Embedding => String::new(),
        _ => with_tool_calls(facts.json(Field::Output), &facts.json(Field::OutputToolCalls)),
    };
    (made.input, cuts.input) = bounded(input);
    (made.output, cuts.output) = bounded(output);
    made.tools = bounded(facts.json(Field::Tools)).0;
    let documents = facts.json(Field::Documents);
    if documents.is_empty() && made.kind == SpanKind::Retrieval {
        // MLflow's retrievers answer with the documents themselves.
        made.documents = made.output.clone().filter(|output| output.expose().starts_with('['));
    } else {
        made.documents = bounded(documents).0;
    }
    cuts
}

/// The system's instructions as the first of the messages.
fn with_system(system: &str, input: String) -> String {
    if system.is_empty() {
        return input;
    }
    let parts = if system.starts_with('[') { "parts" } else { "content" };
    let system = format!("{{\"role\":\"system\",\"{parts}\":{system}}}");
    match input.strip_prefix('[') {
        Some(rest) if !rest.trim_start().starts_with(']') => format!("[{system},{rest}"),
        None if !input.is_empty() => format!("[{system},{{\"role\":\"user\",\"content\":{input}}}]"),
        _ => format!("[{system}]"),
    }
}

/// An answer of text and tool calls in one message.
fn with_tool_calls(text: String, calls: &str) -> String {
    if calls.is_empty() || calls == "[]" {
        return text;
    }
    let text = if text.is_empty() { "null".to_owned() } else { text };
    format!("[{{\"role\":\"assistant\",\"content\":{text},\"tool_calls\":{calls}}}]")
}

fn bounded(mut text: String) -> (Option<Content>, bool) {
    let is_cut = text.len() > CONTENT_BYTES_MAX;
    text.truncate(text.floor_char_boundary(CONTENT_BYTES_MAX));
    ((!text.is_empty()).then(|| Content::new(text)), is_cut)
}

/// What the span says beyond its fields, as one JSON object.
fn attributes(facts: &Facts<'_>, origin: &Origin, usage: Option<TokenUsage>, cuts: &Cuts) -> Content {
    let mut out = String::with_capacity(512);
    out.push('{');
    out.push_str(&origin.attributes);
    for pair in &facts.rest {
        let Some(value) = pair.value.as_ref().and_then(|value| value.value.as_ref()) else { continue };
        member(&pair.key, &mut out, |out| write_json(value, out));
    }
    if !facts.other_events.is_empty() {
        member("events", &mut out, |out| {
            out.push('[');
            for (at, event) in facts.other_events.iter().enumerate() {
                separate(at, out);
                out.push_str("{\"name\":");
                write_text(&event.name, out);
                out.push_str(",\"attributes\":");
                write_object(&event.attributes, out);
                out.push('}');
            }
            out.push(']');
        });
    }
    if let Some(usage) = usage {
        member("reported_usage", &mut out, |out| write_usage(&usage, out));
    }
    for (name, is_cut) in [("input_truncated", cuts.input), ("output_truncated", cuts.output)] {
        if is_cut {
            member(name, &mut out, |out| out.push_str("true"));
        }
    }
    out.push('}');
    Content::new(out)
}

/// Writes one member, unless the object would be over its limit.
fn member(name: &str, out: &mut String, write: impl FnOnce(&mut String)) {
    let before = out.len();
    if before > 1 {
        out.push(',');
    }
    write_text(name, out);
    out.push(':');
    write(out);
    if out.len() > ATTRIBUTES_BYTES_MAX {
        out.truncate(before);
    }
}

fn write_usage(usage: &TokenUsage, out: &mut String) {
    let parts = [
        ("input_tokens", usage.input),
        ("output_tokens", usage.output),
        ("cache_read_tokens", usage.cache_read),
        ("cache_write_tokens", usage.cache_write),
        ("reasoning_tokens", usage.reasoning),
    ];
    let stated: HashMap<&str, u64> =
        parts.into_iter().filter_map(|(name, count)| Some((name, count?))).collect();
    out.push_str(&serde_json::to_string(&stated).unwrap_or_default());
}

/// A tag's value, cut at the length that the store keeps.
pub(crate) fn tag(text: &str) -> Arc<str> {
    Arc::from(&text[..text.floor_char_boundary(TAG_VALUE_BYTES_MAX)])
}

fn line(text: &str) -> Arc<str> {
    Arc::from(&text[..text.floor_char_boundary(LINE_BYTES_MAX)])
}

/// Whoever reports a span: by OpenTelemetry unless MLflow's exporter says otherwise.
pub(crate) fn source(is_mlflow: bool) -> Source {
    if is_mlflow { Source::Mlflow } else { Source::Otlp }
}
