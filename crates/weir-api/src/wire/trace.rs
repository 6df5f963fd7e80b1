//! Lists of traces, and counts over time, on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use weir_types::{Content, NanoUsd, TraceSummary};

use super::{StatusName, ms_from_us};

/// One page of traces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TraceList {
    /// The traces.
    pub traces: Vec<TraceListItem>,
    /// Where the page ended: what to send as `after` for the next one; `null` when there is nothing more.
    pub next: Option<String>,
}

/// A trace in a list. Tokens and cost are those of its calls to models, each counted once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TraceListItem {
    /// The trace: 32 hexadecimal digits.
    #[schema(min_length = 32, max_length = 32)]
    pub trace_id: String,
    /// The name of its first span.
    pub name: String,
    /// When its first span started: Unix milliseconds with fractions.
    pub start_ms: f64,
    /// From there to the end of its last span, in milliseconds with fractions.
    pub duration_ms: f64,
    /// How many spans it has.
    pub spans: u64,
    /// How many of them failed.
    pub errors: u64,
    /// Calls to models.
    pub model_calls: u64,
    /// Tokens that models read.
    pub input_tokens: Option<u64>,
    /// Tokens that models wrote.
    pub output_tokens: Option<u64>,
    /// What the calls cost in US dollars, for display; `null` when none has a price.
    pub cost_usd: Option<f64>,
    /// The same in billionths of a US dollar, exactly.
    #[schema(pattern = "^-?[0-9]+$")]
    pub cost_nano_usd: Option<String>,
    /// The models that were asked, by name.
    pub models: Vec<String>,
    /// The application.
    pub app: Option<String>,
    /// The agent.
    pub agent: Option<String>,
    /// The team.
    pub team: Option<String>,
    /// The conversation.
    pub session: Option<String>,
    /// The end user.
    pub user: Option<String>,
    /// The service.
    pub service: Option<String>,
    /// How its first span ended.
    pub status: StatusName,
    /// The beginning of what went into the first span.
    pub input_preview: Option<String>,
    /// The beginning of what came out of it.
    pub output_preview: Option<String>,
}

/// How many spans started when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CountList {
    /// Every part of the range, earliest first; the first may begin before the range.
    pub buckets: Vec<CountItem>,
    /// How long each part is, in milliseconds.
    pub step_ms: i64,
}

/// Spans of one part of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CountItem {
    /// Its start in Unix milliseconds.
    pub start_ms: i64,
    /// Spans that did what was asked.
    pub ok: u64,
    /// Spans that failed.
    pub error: u64,
}

impl From<&TraceSummary> for TraceListItem {
    fn from(trace: &TraceSummary) -> Self {
        let text = |content: &Option<Content>| content.as_ref().map(|text| text.expose().to_owned());
        let tags = trace.tags.clone();
        Self {
            trace_id: trace.first.trace_id.to_string(),
            name: trace.first.name.to_string(),
            start_ms: ms_from_us(trace.start.0),
            duration_ms: trace.duration_us as f64 / 1_000.0,
            spans: trace.spans,
            errors: trace.errors,
            model_calls: trace.model_calls,
            input_tokens: trace.input_tokens,
            output_tokens: trace.output_tokens,
            cost_usd: trace.cost.map(NanoUsd::as_usd),
            cost_nano_usd: trace.cost.map(|cost| cost.0.to_string()),
            models: trace.models.clone(),
            app: tags.app,
            agent: tags.agent,
            team: tags.team,
            session: tags.session,
            user: tags.user,
            service: tags.service,
            status: StatusName(trace.first.status),
            input_preview: text(&trace.first.input),
            output_preview: text(&trace.first.output),
        }
    }
}
