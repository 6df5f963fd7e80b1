//! A span: one unit of work, such as an LLM call, a retrieval, a tool call, an agent step or a workflow.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Content, NanoUsd, SpanId, TokenUsage, TraceId, UnixMicros};

/// Declares a closed set whose members have one spelling, used in the store, on the wire and in queries alike.
macro_rules! named_set {
    ($(#[$doc:meta])* $name:ident { $($(#[$member_doc:meta])* $member:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$member_doc])* #[serde(rename = $text)] $member),+
        }

        impl $name {
            /// Every member, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$member),+];

            /// The one spelling of this member.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$member => $text),+ }
            }

            /// The member with this spelling.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$member),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

named_set!(
    /// What kind of work a span is.
    SpanKind {
        /// A call to a language model.
        Llm = "llm",
        /// Texts turned into vectors.
        Embedding = "embedding",
        /// Documents looked up.
        Retrieval = "retrieval",
        /// Documents put in order by a model.
        Rerank = "rerank",
        /// A tool that an agent or a model called.
        Tool = "tool",
        /// A step, or the whole run, of an agent.
        Agent = "agent",
        /// A fixed sequence of steps.
        Workflow = "workflow",
        /// A step of a workflow that is none of the others.
        Task = "task",
        /// A check of an input or an output.
        Guardrail = "guardrail",
        /// A judgement of another span.
        Evaluation = "evaluation",
        /// An HTTP exchange: context, or one attempt of a call.
        Http = "http",
        /// Anything else.
        Other = "other",
    }
);

impl SpanKind {
    /// Whether a span of this kind is a call to a model, counted by `llm.request.*`.
    pub const fn is_model_call(self) -> bool {
        matches!(self, Self::Llm | Self::Embedding | Self::Rerank)
    }
}

named_set!(
    /// How a span ended.
    SpanStatus {
        /// It did what was asked.
        Ok = "ok",
        /// It failed; `error_type` says why.
        Error = "error",
    }
);

named_set!(
    /// Who reported a span.
    Source {
        /// Weir's gateway saw the call itself.
        Gateway = "gateway",
        /// OpenTelemetry.
        Otlp = "otlp",
        /// A Datadog tracer.
        Datadog = "datadog",
        /// An MLflow client.
        Mlflow = "mlflow",
        /// Weir's own evaluators and their judge calls.
        Evaluator = "evaluator",
        /// A synthetic test.
        Probe = "probe",
    }
);

named_set!(
    /// What Weir's cache had to do with a call.
    CacheStatus {
        /// Served from the cache; the request was the same.
        Exact = "exact",
        /// Served from the cache; the request meant the same.
        Semantic = "semantic",
        /// Waited for the same call of another client.
        Coalesced = "coalesced",
        /// Looked for and not found.
        Miss = "miss",
        /// Not looked for, because the call or the client asked for that.
        Bypass = "bypass",
    }
);

/// The agent, and the application, that Weir's own calls to judges are of.
pub const EVALUATOR: &str = "weir-evaluator";

/// What one policy decided about a call. Kept on the span as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyDecision {
    /// Which policy: `budget`, `rate_limit`, `truncate`, `guard`, `route`, `retry`, …
    pub policy: Arc<str>,
    /// What it did: `allowed`, `rejected`, `truncated`, `rerouted`, …
    pub action: Arc<str>,
    /// Numbers and names that explain it to a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Arc<str>>,
    /// Money that this decision saved or, where the action is spelt `would_…`, would have saved. What the decisions of a
    /// span really saved adds up to [`Span::saved`].
    #[serde(default, rename = "saved_nano_usd", skip_serializing_if = "Option::is_none")]
    pub saved: Option<NanoUsd>,
}

impl PolicyDecision {
    /// Whether it changed the call. Of what only would have been done, nothing may be counted as done.
    pub fn is_done(&self) -> bool {
        !self.action.starts_with("would_")
    }
}

/// One unit of work. Every field that the source did not state is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// When the work began.
    pub start: UnixMicros,
    /// How long it took, in microseconds.
    pub duration_us: u64,
    /// The trace this span belongs to.
    pub trace_id: TraceId,
    /// This span's name within its trace.
    pub span_id: SpanId,
    /// The span that caused this one.
    pub parent_id: Option<SpanId>,
    /// What kind of work it is.
    pub kind: SpanKind,
    /// A short name for people: the operation, such as `chat gpt-4o`, or the tool's name.
    pub name: Arc<str>,
    /// Who reported it.
    pub source: Source,

    /// How it ended.
    pub status: SpanStatus,
    /// A short machine-readable cause: `rate_limit`, `timeout`, `cancelled`, an exception's class.
    pub error_type: Option<Arc<str>>,
    /// What the provider or the exception said, cut at a sensible length.
    pub error_message: Option<Arc<str>>,
    /// The status the client received; 499 where the client went away.
    pub http_status: Option<u16>,

    /// Who runs the model: `openai`, `anthropic`, `azure`, … or the provider's name in `weir.toml`.
    pub provider: Option<Arc<str>>,
    /// The model that was asked for.
    pub model: Option<Arc<str>>,
    /// The model that answered, as the provider names it.
    pub response_model: Option<Arc<str>>,

    /// The team charged for it.
    pub team: Option<Arc<str>>,
    /// The application it was made by.
    pub app: Option<Arc<str>>,
    /// The nearest agent.
    pub agent: Option<Arc<str>>,
    /// The conversation.
    pub session: Option<Arc<str>>,
    /// The end user.
    pub user: Option<Arc<str>>,
    /// The deployment: `prod`, `staging`, …
    pub env: Option<Arc<str>>,
    /// The service, as tracing names it.
    pub service: Option<Arc<str>>,
    /// The virtual key (its id, never the key).
    pub key_id: Option<Arc<str>>,
    /// The library that made the call or told of it, without its version: `openai-python`, `ddtrace`, …
    pub client: Option<Arc<str>>,
    /// The provider's own name of the answer, by which two reports of one call find each other.
    pub response_id: Option<Arc<str>>,
    /// The span that holds the tokens and the cost of the call that this span reports too. Such a span states none
    /// itself, and no metric is derived from it: a call counts once, however many saw it.
    pub same_as: Option<SpanId>,

    /// Tokens, as far as known.
    pub tokens: TokenUsage,
    /// Whether any of `tokens` was counted by Weir because the provider stated none.
    pub tokens_estimated: bool,
    /// What it cost; `None` when the model has no price.
    pub cost: Option<NanoUsd>,
    /// The price list by which `cost` was computed; `None` when the client stated the cost.
    pub price_version: Option<Arc<str>>,
    /// Time to the first token of a stream, in microseconds.
    pub ttft_us: Option<u64>,
    /// Whether the answer was streamed.
    pub stream: bool,
    /// Why the model stopped, in the provider's words.
    pub finish_reason: Option<Arc<str>>,

    /// What the cache had to do with it; `None` when no cache is configured.
    pub cache: Option<CacheStatus>,
    /// What policies saved on this call.
    pub saved: Option<NanoUsd>,
    /// What policies decided.
    pub policy: Vec<PolicyDecision>,

    /// What went in: JSON text, usually the messages.
    pub input: Option<Content>,
    /// What came out: JSON text, usually the message or messages.
    pub output: Option<Content>,
    /// Retrieved documents with their scores: a JSON array.
    pub documents: Option<Content>,
    /// Tools offered and tools called: JSON.
    pub tools: Option<Content>,
    /// Everything else the source said: a JSON object.
    pub attributes: Option<Content>,
}

impl Span {
    /// A span that says nothing yet beyond what every span must say.
    pub fn new(
        trace_id: TraceId,
        span_id: SpanId,
        kind: SpanKind,
        source: Source,
        start: UnixMicros,
    ) -> Self {
        Self {
            start,
            duration_us: 0,
            trace_id,
            span_id,
            parent_id: None,
            kind,
            name: Arc::from(kind.as_str()),
            source,
            status: SpanStatus::Ok,
            error_type: None,
            error_message: None,
            http_status: None,
            provider: None,
            model: None,
            response_model: None,
            team: None,
            app: None,
            agent: None,
            session: None,
            user: None,
            env: None,
            service: None,
            key_id: None,
            client: None,
            response_id: None,
            same_as: None,
            tokens: TokenUsage::default(),
            tokens_estimated: false,
            cost: None,
            price_version: None,
            ttft_us: None,
            stream: false,
            finish_reason: None,
            cache: None,
            saved: None,
            policy: Vec::new(),
            input: None,
            output: None,
            documents: None,
            tools: None,
            attributes: None,
        }
    }

    /// The value of one of the span's tags, by canonical name (`team`, `model`, `session`, `status`, …).
    pub fn tag(&self, key: &str) -> Option<&str> {
        let value = match key {
            "provider" => &self.provider,
            "model" => &self.model,
            "response_model" => &self.response_model,
            "team" => &self.team,
            "app" => &self.app,
            "agent" => &self.agent,
            "session" => &self.session,
            "user" => &self.user,
            "env" => &self.env,
            "service" => &self.service,
            "key_id" => &self.key_id,
            "client" => &self.client,
            "response_id" => &self.response_id,
            "error_type" => &self.error_type,
            "finish_reason" => &self.finish_reason,
            "name" => return Some(&self.name),
            "kind" => return Some(self.kind.as_str()),
            "status" => return Some(self.status.as_str()),
            "source" => return Some(self.source.as_str()),
            "cache" => return self.cache.map(CacheStatus::as_str),
            _ => return None,
        };
        value.as_deref()
    }
}
