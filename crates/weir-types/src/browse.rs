//! Where the API and the store meet: lists of spans, one trace, values of tags, and SQL.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Scope, Score, Span, SpanId, TagKey, TimeRange, TraceId};

/// Which spans to list, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanFilter {
    /// When they started.
    pub range: TimeRange,
    /// Their tags; `kind`, `status`, `source`, `cache` and `name` count as tags here.
    pub scope: Scope,
    /// A text that the input or the output contains, without regard to case.
    pub text: Option<String>,
    /// Where the page before ended, as it said.
    pub after: Option<String>,
    /// How many to return.
    pub limit: usize,
}

/// One page of spans without their contents.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanPage {
    /// The spans.
    pub spans: Vec<SpanSummary>,
    /// Where this page ended; `None` when there is nothing after it.
    pub next: Option<String>,
}

/// A span in a list: whole but for `documents`, `tools` and `attributes`, and with the beginnings of input and output.
pub type SpanSummary = Span;

/// A value of a tag and how many spans have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facet {
    /// The value.
    pub value: String,
    /// How many spans.
    pub count: u64,
}

/// A result of SQL.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// The columns in order.
    pub columns: Vec<Column>,
    /// The rows; values as JSON, integers beyond 2^53 and decimals as text.
    pub rows: Vec<Vec<serde_json::Value>>,
    /// Whether rows were left out because of [`SqlLimits::rows_max`].
    pub truncated: bool,
}

/// A column of a [`Table`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The name.
    pub name: String,
    /// The type, as the store names it.
    #[serde(rename = "type")]
    pub data_type: String,
}

/// What a statement may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqlLimits {
    /// The longest it may run.
    pub time_max: Duration,
    /// The most rows it may return.
    pub rows_max: usize,
}

/// Why a question could not be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrowseError {
    /// The statement or the cursor is wrong; the text says how.
    #[error("{0}")]
    Invalid(String),
    /// It took longer than allowed.
    #[error("the statement ran longer than {seconds} s and was stopped")]
    TimedOut {
        /// The limit.
        seconds: u64,
    },
    /// The store failed.
    #[error("the store failed: {0}")]
    Store(String),
}

/// Reads the store row by row. Calls block; run them off the async threads.
pub trait Browse: Send + Sync {
    /// One page of spans, newest first.
    fn spans(&self, filter: &SpanFilter) -> Result<SpanPage, BrowseError>;

    /// One span, whole.
    fn span(&self, trace_id: TraceId, span_id: SpanId) -> Result<Option<Span>, BrowseError>;

    /// The spans of a trace in the order of their starts, whole, with the scores of the trace.
    fn trace(&self, trace_id: TraceId) -> Result<(Vec<Span>, Vec<Score>), BrowseError>;

    /// The values of a tag among spans of the range and scope, most frequent first.
    fn facets(
        &self,
        tag: &TagKey,
        range: TimeRange,
        scope: &Scope,
        limit: usize,
    ) -> Result<Vec<Facet>, BrowseError>;

    /// Runs one read-only SQL statement.
    fn sql(&self, statement: &str, limits: SqlLimits) -> Result<Table, BrowseError>;

    /// The first and last start of all spans; `None` when there are none.
    fn extent(&self) -> Result<Option<TimeRange>, BrowseError>;
}
