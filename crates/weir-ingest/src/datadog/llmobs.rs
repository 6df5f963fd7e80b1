//! A span of LLM Observability: the same JSON whether it came as an event of its own or within an APM span.
//!
//! ```text
//! {name, ml_app, session_id, pagent_name, tags{} or [], metrics{}, span_links[],
//!  meta{span{kind}, model_name, model_provider, metadata{}, input{value|messages|documents|prompt},
//!       output{value|messages|documents}, tool_definitions[], agent_attribution{}, error{}}}
//! ```
//!
//! Tokens and cost are kept as such on calls to models alone. A workflow or an agent states the sum of what happened
//! within it, which would count twice; it stays readable as `reported_usage` in the attributes.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::value::RawValue;
use weir_types::{
    Content, NanoUsd, Source, Span, SpanId, SpanKind, SpanStatus, TokenUsage, TraceId, UnixMicros, limits,
};

use super::attributes::{Attributes, quoted};
use super::object::{Object, list, text};

/// Bytes of an error's message and of its traceback.
const MESSAGE_BYTES_MAX: usize = 2_048;
const STACK_BYTES_MAX: usize = 16 * 1024;

/// What tracers write where they do not know the provider.
const UNKNOWN: &str = "unknown";

/// What is known of a span before its payload is read.
#[derive(Debug)]
pub(super) struct Frame {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub parent_id: Option<SpanId>,
    pub start: UnixMicros,
    pub duration_us: u64,
    /// The tracer, for spans that no integration made.
    pub tracer: &'static str,
}

/// The span that a payload describes.
pub(super) fn span(frame: &Frame, payload: &Object<'_>) -> Span {
    let meta = payload.object("meta");
    let kind = kind(&meta);
    let mut span = Span::new(frame.trace_id, frame.span_id, kind, Source::Datadog, frame.start);
    span.parent_id = frame.parent_id;
    span.duration_us = frame.duration_us;
    if let Some(name) = payload.text("name") {
        span.name = arc(&name);
    }
    let mut attributes = Attributes::default();
    let (integration, tracer) = set_tags(&mut span, payload, &mut attributes);
    span.client = Some(integration.clone().unwrap_or_else(|| arc(tracer.unwrap_or(frame.tracer))));
    set_attribution(&mut span, payload, &meta);
    set_model(&mut span, &meta, integration.as_deref());
    set_usage(&mut span, &payload.object("metrics"), &mut attributes);
    set_metadata(&mut span, &meta, &mut attributes);
    set_contents(&mut span, &meta, &mut attributes);
    set_error(&mut span, payload, &meta.object("error"), &mut attributes);
    if let Some(links) = payload.raw("span_links") {
        attributes.json("span_links", links.get());
    }
    span.attributes = attributes.finish();
    span
}

fn kind(meta: &Object<'_>) -> SpanKind {
    // Older tracers write the kind beside the rest.
    let kind =
        meta.object("span").text("kind").or_else(|| meta.text("span.kind")).or_else(|| meta.text("kind"));
    kind.as_deref().map_or(SpanKind::Other, kind_of)
}

/// The kind that a tracer's word means.
pub(super) fn kind_of(word: &str) -> SpanKind {
    match word {
        // An experiment runs a task for each row of a data set.
        "experiment" | "step" => SpanKind::Task,
        _ => SpanKind::parse(word).unwrap_or(SpanKind::Other),
    }
}

/// Sets the fields that come as tags; returns which integration of which tracer made the span. Tags that are no fields
/// are attributes.
fn set_tags(
    span: &mut Span,
    payload: &Object<'_>,
    attributes: &mut Attributes,
) -> (Option<Arc<str>>, Option<&'static str>) {
    let (mut integration, mut tracer) = (None, None);
    let mut others = Attributes::default();
    for (key, value) in tags(payload.raw("tags")) {
        let value = cut(&value, limits::TAG_VALUE_BYTES_MAX);
        if value.is_empty() {
            continue;
        }
        match &*key {
            "service" => span.service = Some(arc(value)),
            "env" => span.env = Some(arc(value)),
            "ml_app" => span.app = Some(arc(value)),
            "session_id" => span.session = Some(arc(value)),
            "team" => span.team = Some(arc(value)),
            "user" | "user_id" | "user.id" | "usr.id" => span.user = Some(arc(value)),
            "integration" => integration = Some(arc(value)),
            "language" => tracer = tracer_of(value),
            // Said elsewhere, or by every span alike.
            "error"
            | "error_type"
            | "source"
            | "agent_service"
            | "prompt_tracking_instrumentation_method" => {}
            _ => others.text(&key, value),
        }
    }
    attributes.object("tags", others);
    (integration, tracer)
}

/// The name of Datadog's tracer for a language.
pub(super) fn tracer_of(language: &str) -> Option<&'static str> {
    match language {
        "python" => Some("ddtrace"),
        "javascript" | "nodejs" => Some("dd-trace-js"),
        "java" | "jvm" => Some("dd-trace-java"),
        "go" => Some("dd-trace-go"),
        "ruby" => Some("dd-trace-rb"),
        ".NET" | "dotnet" => Some("dd-trace-dotnet"),
        "php" => Some("dd-trace-php"),
        _ => None,
    }
}

/// Tags, as an object or as a list of `key:value`.
pub(super) fn tags(raw: Option<&RawValue>) -> Vec<(Cow<'_, str>, Cow<'_, str>)> {
    let Some(raw) = raw else { return Vec::new() };
    if raw.get().starts_with('{') {
        let object = Object::of(raw);
        let pair = |(key, value): (&str, _)| Some((Cow::Owned(key.to_owned()), text(value)?));
        return object.members().filter_map(pair).collect();
    }
    let split =
        |tag: Cow<'_, str>| tag.split_once(':').map(|(key, value)| (key.to_owned(), value.to_owned()));
    let pairs = list(raw).into_iter().filter_map(text).filter_map(split);
    pairs.map(|(key, value)| (Cow::Owned(key), Cow::Owned(value))).collect()
}

fn set_attribution(span: &mut Span, payload: &Object<'_>, meta: &Object<'_>) {
    if let Some(app) = payload.text("ml_app") {
        span.app = Some(tag(&app));
    }
    if let Some(session) = payload.text("session_id") {
        span.session = Some(tag(&session));
    }
    let nearest = || meta.object("agent_attribution").text("pagent_name");
    span.agent = match span.kind {
        SpanKind::Agent => Some(tag(&span.name)),
        _ => payload.text("pagent_name").or_else(nearest).map(|name| tag(&name)),
    };
}

fn set_model(span: &mut Span, meta: &Object<'_>, integration: Option<&str>) {
    span.model = meta.text("model_name").map(|name| tag(&name));
    let stated = meta.text("model_provider").filter(|provider| provider != UNKNOWN);
    let provider = stated.as_deref().or_else(|| {
        // Against an address that it does not know, a tracer does not know the provider; but whose API it is, it knows.
        integration.filter(|_| span.kind.is_model_call() && span.model.is_some())
    });
    span.provider = provider.map(|provider| tag(&provider_of(provider)));
}

/// A provider's name as the rest of Weir spells it.
pub(super) fn provider_of(name: &str) -> Cow<'_, str> {
    match name {
        "azure_openai" | "AzureOpenAI" | "azure" => Cow::Borrowed("azure"),
        "amazon_bedrock" | "aws" => Cow::Borrowed("bedrock"),
        "google" | "google_genai" => Cow::Borrowed("gemini"),
        "vertexai" => Cow::Borrowed("vertex"),
        "mistralai" => Cow::Borrowed("mistral"),
        _ => Cow::Owned(name.to_lowercase()),
    }
}

fn set_usage(span: &mut Span, metrics: &Object<'_>, attributes: &mut Attributes) {
    let tokens = TokenUsage {
        input: metrics.count("input_tokens"),
        output: metrics.count("output_tokens"),
        cache_read: metrics.count("cache_read_input_tokens"),
        cache_write: metrics.count("cache_write_input_tokens"),
        reasoning: metrics.count("reasoning_output_tokens"),
    };
    if let Some(seconds) = metrics.number("time_to_first_token") {
        span.ttft_us = super::object::count_of((seconds * 1e6).round());
    }
    if metrics.is_empty() {
        return;
    }
    if !span.kind.is_model_call() {
        let mut usage = Attributes::default();
        metrics.members().for_each(|(name, value)| usage.json(name, value.get()));
        attributes.object("reported_usage", usage);
        return;
    }
    span.tokens = tokens;
    let parts = || {
        let (input, output) = (metrics.number("input_cost"), metrics.number("output_cost"));
        (input.is_some() || output.is_some()).then(|| input.unwrap_or_default() + output.unwrap_or_default())
    };
    span.cost = metrics.number("total_cost").or_else(parts).map(NanoUsd::from_usd);
    let mut others = Attributes::default();
    for (name, value) in metrics.members().filter(|(name, _)| !KNOWN_METRICS.contains(name)) {
        others.json(name, value.get());
    }
    attributes.object("metrics", others);
}

/// Metrics that are fields of the span, or sums of such.
const KNOWN_METRICS: [&str; 8] = [
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cache_read_input_tokens",
    "cache_write_input_tokens",
    "reasoning_output_tokens",
    "time_to_first_token",
    "total_cost",
];

fn set_metadata(span: &mut Span, meta: &Object<'_>, attributes: &mut Attributes) {
    let metadata = meta.object("metadata");
    let reason = || metadata.text("finish_reason").or_else(|| metadata.text("stop_reason"));
    span.finish_reason = reason().map(|reason| tag(&reason));
    span.stream = metadata.truth("stream").unwrap_or_default() || span.ttft_us.is_some();
    if let Some(raw) = meta.raw("metadata").filter(|_| !metadata.is_empty()) {
        attributes.json("metadata", raw.get());
    }
    for name in ["agent_manifest", "expected_output", "intent"] {
        if let Some(raw) = meta.raw(name) {
            attributes.json(name, raw.get());
        }
    }
}

fn set_contents(span: &mut Span, meta: &Object<'_>, attributes: &mut Attributes) {
    let (input, output) = (meta.object("input"), meta.object("output"));
    span.input = content(&input, &["messages", "documents", "value"], "input_truncated", attributes);
    span.output = content(&output, &["messages", "value"], "output_truncated", attributes);
    let documents = match span.kind {
        SpanKind::Retrieval | SpanKind::Rerank => &["documents"][..],
        _ => &[],
    };
    span.documents = content(&output, documents, "documents_truncated", attributes);
    if let Some(tools) = meta.raw("tool_definitions") {
        span.tools = Some(bounded(tools.get(), "tools_truncated", attributes));
    }
    if let Some(prompt) = input.raw("prompt") {
        attributes.json("prompt", prompt.get());
    }
}

/// The first of these members, as JSON. A text that holds JSON itself is that JSON.
fn content(
    side: &Object<'_>,
    names: &[&str],
    cut_name: &str,
    attributes: &mut Attributes,
) -> Option<Content> {
    let raw = names.iter().find_map(|name| side.raw(name))?;
    let inner = text(raw).filter(|text| holds_json(text));
    Some(bounded(inner.as_deref().unwrap_or_else(|| raw.get()), cut_name, attributes))
}

fn holds_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[']) && serde_json::from_str::<&RawValue>(text).is_ok()
}

fn bounded(text: &str, cut_name: &str, attributes: &mut Attributes) -> Content {
    let kept = cut(text, limits::CONTENT_BYTES_MAX);
    if kept.len() < text.len() {
        attributes.json(cut_name, "true");
    }
    Content::new(kept)
}

fn set_error(span: &mut Span, payload: &Object<'_>, error: &Object<'_>, attributes: &mut Attributes) {
    let is_error = payload.text("status").is_some_and(|status| status == "error");
    if !is_error && error.is_empty() {
        return;
    }
    set_failure(span, error.text("type").as_deref(), error.text("message").as_deref());
    if let Some(stack) = error.text("stack") {
        attributes.json(ERROR_STACK, &stack_json(&stack));
    }
}

/// Where a traceback is kept.
pub(super) const ERROR_STACK: &str = "error_stack";

/// A traceback as JSON.
pub(super) fn stack_json(stack: &str) -> String {
    quoted(cut(stack, STACK_BYTES_MAX))
}

/// Marks a span as failed, as far as it is known how.
pub(super) fn set_failure(span: &mut Span, error_type: Option<&str>, message: Option<&str>) {
    span.status = SpanStatus::Error;
    span.error_type = error_type.map(tag);
    span.error_message = message.map(|message| arc(cut(message, MESSAGE_BYTES_MAX)));
}

/// A text as a tag's value.
pub(super) fn tag(text: &str) -> Arc<str> {
    arc(cut(text, limits::TAG_VALUE_BYTES_MAX))
}

pub(super) fn arc(text: &str) -> Arc<str> {
    Arc::from(text)
}

/// The first bytes of a text, whole characters.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}
