//! Spans, traces and scores on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use weir_types::{Content, NanoUsd, PolicyDecision, Score, ScoreValue, Span, TokenUsage};

use super::series::TagMap;
use super::{CacheName, KindName, SourceName, StatusName, ms_from_us};

/// One page of spans, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SpanList {
    /// The spans. `documents`, `tools` and `attributes` are `null` here, and `input` and `output` may be cut.
    pub spans: Vec<SpanItem>,
    /// Where the page ended: what to send as `after` for the next one; `null` when there is nothing more.
    pub next: Option<String>,
}

/// One trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TraceItem {
    /// Its spans, whole, in the order of their starts.
    pub spans: Vec<SpanItem>,
    /// What was judged about them.
    pub scores: Vec<ScoreItem>,
}

/// What a live stream did not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SkippedItem {
    /// How many spans went by unseen since this was last said.
    pub count: u64,
}

/// One unit of work. A field that its source did not state is `null`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SpanItem {
    /// When it began: Unix milliseconds with fractions.
    pub start_ms: f64,
    /// How long it took, in milliseconds with fractions.
    pub duration_ms: f64,
    /// The trace: 32 hexadecimal digits.
    #[schema(min_length = 32, max_length = 32)]
    pub trace_id: String,
    /// The span: 16 hexadecimal digits.
    #[schema(min_length = 16, max_length = 16)]
    pub span_id: String,
    /// The span that caused this one.
    pub parent_id: Option<String>,
    /// What kind of work it is.
    pub kind: KindName,
    /// A short name for people.
    pub name: String,
    /// Who reported it.
    pub source: SourceName,
    /// How it ended.
    pub status: StatusName,
    /// A short machine-readable cause.
    pub error_type: Option<String>,
    /// What the provider or the exception said.
    pub error_message: Option<String>,
    /// The status that the client received.
    pub http_status: Option<u16>,
    /// Who runs the model.
    pub provider: Option<String>,
    /// The model that was asked for.
    pub model: Option<String>,
    /// The model that answered.
    pub response_model: Option<String>,
    /// The team charged for it.
    pub team: Option<String>,
    /// The application.
    pub app: Option<String>,
    /// The nearest agent.
    pub agent: Option<String>,
    /// The conversation.
    pub session: Option<String>,
    /// The end user.
    pub user: Option<String>,
    /// The deployment.
    pub env: Option<String>,
    /// The service, as tracing names it.
    pub service: Option<String>,
    /// The id of the virtual key.
    pub key_id: Option<String>,
    /// The library that made the call or told of it.
    pub client: Option<String>,
    /// The provider's own name of the answer.
    pub response_id: Option<String>,
    /// The span that holds tokens and cost of the same call; `null` for a span that counts itself.
    pub same_as: Option<String>,
    /// Tokens, as far as known.
    pub tokens: TokenCounts,
    /// Whether any of `tokens` was counted by Weir because the provider stated none.
    pub tokens_estimated: bool,
    /// What it cost in US dollars, for display; `null` when the model has no price.
    pub cost_usd: Option<f64>,
    /// What it cost in billionths of a US dollar, exactly.
    #[schema(pattern = "^-?[0-9]+$")]
    pub cost_nano_usd: Option<String>,
    /// The price list by which the cost was computed.
    pub price_version: Option<String>,
    /// Time to the first token of a stream, in milliseconds with fractions.
    pub ttft_ms: Option<f64>,
    /// Whether the answer was streamed.
    pub stream: bool,
    /// Why the model stopped, in the provider's words.
    pub finish_reason: Option<String>,
    /// What Weir's cache had to do with it; `null` when there is none.
    pub cache: Option<CacheName>,
    /// What policies saved, in US dollars.
    pub saved_usd: Option<f64>,
    /// What policies decided.
    pub policy: Vec<PolicyItem>,
    /// What went in: JSON text, usually the messages.
    pub input: Option<String>,
    /// What came out: JSON text, usually the message.
    pub output: Option<String>,
    /// Retrieved documents: JSON text.
    pub documents: Option<String>,
    /// Tools offered and called: JSON text.
    pub tools: Option<String>,
    /// Everything else the source said: JSON text.
    pub attributes: Option<String>,
}

/// Tokens of one call; `input` includes cached tokens, `output` includes reasoning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenCounts {
    /// All tokens that the model read.
    pub input: Option<u64>,
    /// All tokens that the model wrote.
    pub output: Option<u64>,
    /// The part of `input` read from the provider's cache.
    pub cache_read: Option<u64>,
    /// The part of `input` written to the provider's cache.
    pub cache_write: Option<u64>,
    /// The part of `output` spent on reasoning.
    pub reasoning: Option<u64>,
}

/// What one policy decided about a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PolicyItem {
    /// Which policy.
    pub policy: String,
    /// What it did.
    pub action: String,
    /// What explains it to a person.
    pub detail: Option<String>,
    /// US dollars that it saved, or would have where `action` is spelt `would_…`.
    pub saved_usd: Option<f64>,
}

/// Someone's judgement of a span or a trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ScoreItem {
    /// When it was made: Unix milliseconds with fractions.
    pub time_ms: f64,
    /// The span it is about; `null` for the trace as a whole.
    pub span_id: Option<String>,
    /// The metric it is a sample of.
    pub name: String,
    /// The number, when the judge gave one.
    pub value: Option<f64>,
    /// The label, when the judge gave one.
    pub label: Option<String>,
    /// Who judged.
    pub judge: String,
    /// Why, in the judge's words.
    pub rationale: Option<String>,
    /// Tags by which scores are grouped.
    pub tags: TagMap,
}

impl From<&Span> for SpanItem {
    fn from(span: &Span) -> Self {
        let text = |field: &Option<std::sync::Arc<str>>| field.as_deref().map(str::to_owned);
        let content = |field: &Option<Content>| field.as_ref().map(|content| content.expose().to_owned());
        Self {
            start_ms: ms_from_us(span.start.0),
            duration_ms: span.duration_us as f64 / 1_000.0,
            trace_id: span.trace_id.to_string(),
            span_id: span.span_id.to_string(),
            parent_id: span.parent_id.map(|id| id.to_string()),
            kind: KindName(span.kind),
            name: span.name.to_string(),
            source: SourceName(span.source),
            status: StatusName(span.status),
            error_type: text(&span.error_type),
            error_message: text(&span.error_message),
            http_status: span.http_status,
            provider: text(&span.provider),
            model: text(&span.model),
            response_model: text(&span.response_model),
            team: text(&span.team),
            app: text(&span.app),
            agent: text(&span.agent),
            session: text(&span.session),
            user: text(&span.user),
            env: text(&span.env),
            service: text(&span.service),
            key_id: text(&span.key_id),
            client: text(&span.client),
            response_id: text(&span.response_id),
            same_as: span.same_as.map(|id| id.to_string()),
            tokens: TokenCounts::from(span.tokens),
            tokens_estimated: span.tokens_estimated,
            cost_usd: span.cost.map(NanoUsd::as_usd),
            cost_nano_usd: span.cost.map(|cost| cost.0.to_string()),
            price_version: text(&span.price_version),
            ttft_ms: span.ttft_us.map(|us| us as f64 / 1_000.0),
            stream: span.stream,
            finish_reason: text(&span.finish_reason),
            cache: span.cache.map(CacheName),
            saved_usd: span.saved.map(NanoUsd::as_usd),
            policy: span.policy.iter().map(PolicyItem::from).collect(),
            input: content(&span.input),
            output: content(&span.output),
            documents: content(&span.documents),
            tools: content(&span.tools),
            attributes: content(&span.attributes),
        }
    }
}

impl From<TokenUsage> for TokenCounts {
    fn from(tokens: TokenUsage) -> Self {
        let TokenUsage { input, output, cache_read, cache_write, reasoning } = tokens;
        Self { input, output, cache_read, cache_write, reasoning }
    }
}

impl From<&PolicyDecision> for PolicyItem {
    fn from(decision: &PolicyDecision) -> Self {
        Self {
            policy: decision.policy.to_string(),
            action: decision.action.to_string(),
            detail: decision.detail.as_deref().map(str::to_owned),
            saved_usd: decision.saved.map(NanoUsd::as_usd),
        }
    }
}

impl From<&Score> for ScoreItem {
    fn from(score: &Score) -> Self {
        let (value, label) = match &score.value {
            ScoreValue::Number(number) => (Some(*number), None),
            ScoreValue::Label(label) => (None, Some(label.to_string())),
        };
        let tags = score.tags.iter().map(|(key, value)| (key.to_string(), Some(value.to_string())));
        Self {
            time_ms: ms_from_us(score.time.0),
            span_id: score.span_id.map(|id| id.to_string()),
            name: score.name.to_string(),
            value,
            label,
            judge: score.judge.to_string(),
            rationale: score.rationale.as_ref().map(|text| text.expose().to_owned()),
            tags: TagMap(tags.collect()),
        }
    }
}
