//! A score: someone's judgement of a span.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Content, SpanId, Tags, TraceId, UnixMicros};

/// What a judge said: a number, or one of a set of labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ScoreValue {
    /// A number, usually 0 to 1.
    Number(f64),
    /// A label.
    Label(Arc<str>),
}

/// A judgement of a span. It may arrive before its span, and joins it by id.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// When the judgement was made.
    pub time: UnixMicros,
    /// The trace it is about.
    pub trace_id: TraceId,
    /// The span it is about; `None` for the trace as a whole.
    pub span_id: Option<SpanId>,
    /// Whether the judge numbers traces in another way than spans do, so that the span's id alone says which span is
    /// meant. Once that span is stored, the trace is the span's.
    pub by_span_alone: bool,
    /// The metric it is a sample of, such as `custom.llm.faithfulness_score`.
    pub name: Arc<str>,
    /// What was said.
    pub value: ScoreValue,
    /// Who judged: an evaluator with its version, an SDK, a user.
    pub judge: Arc<str>,
    /// Why, in the judge's words.
    pub rationale: Option<Content>,
    /// Tags by which scores are grouped (app, index, …).
    pub tags: Tags,
}
