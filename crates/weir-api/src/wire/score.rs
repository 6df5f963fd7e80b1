//! Scores that people and programs send.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Scores to keep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScoreRequest {
    /// The scores, 1 to 1,000; all are kept or none.
    #[schema(min_items = 1, max_items = 1000)]
    pub scores: Vec<NewScore>,
}

/// A judgement of a call: a user's thumb, a person's review, an evaluator of one's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewScore {
    /// The trace: 32 hexadecimal digits. May be absent where `span_id` is not.
    #[serde(default)]
    pub trace_id: Option<String>,
    /// The span: 16 hexadecimal digits, such as the header `weir-span-id` of an answer. The trace as a whole when absent.
    #[serde(default)]
    pub span_id: Option<String>,
    /// The metric that it is a sample of, such as `custom.llm.user_feedback`.
    #[schema(max_length = 200)]
    pub name: String,
    /// The number. Either this or `label`.
    #[serde(default)]
    pub value: Option<f64>,
    /// The label.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub label: Option<String>,
    /// Who judges; `api` unless said.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub judge: Option<String>,
    /// Why.
    #[serde(default)]
    pub rationale: Option<String>,
    /// Tags by which scores are grouped, beside those of the span.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// When the judgement was made: RFC 3339 or Unix milliseconds; now unless said.
    #[serde(default)]
    pub time: Option<String>,
}

/// What was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScoresKept {
    /// How many scores.
    pub kept: u64,
}
