//! Where the API and the store meet: lists of spans, one trace, values of tags, and SQL.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{NanoUsd, Scope, Score, Span, SpanId, TagKey, TimeRange, TraceId, UnixMicros};

/// Which spans a question is about.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanSelection {
    /// When they started.
    pub range: TimeRange,
    /// Their tags; `kind`, `status`, `source`, `cache` and `name` count as tags here.
    pub scope: Scope,
    /// A text that the input or the output contains, without regard to case.
    pub text: Option<String>,
    /// Their numbers.
    pub bounds: SpanBounds,
    /// Only spans without a parent.
    pub roots: bool,
}

impl SpanSelection {
    /// Every span of a range.
    pub fn all(range: TimeRange) -> Self {
        Self { range, scope: Scope::All, text: None, bounds: SpanBounds::default(), roots: false }
    }
}

/// Bounds on the numbers of spans. A span that does not state a number is out of every bound on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpanBounds {
    /// The shortest, in microseconds.
    pub duration_us_min: Option<u64>,
    /// The longest, in microseconds.
    pub duration_us_max: Option<u64>,
    /// The cheapest.
    pub cost_min: Option<NanoUsd>,
    /// The fewest tokens, input and output together.
    pub tokens_min: Option<u64>,
}

/// By what a list of spans is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SpanSort {
    /// When they started.
    #[default]
    Start,
    /// How long they took.
    Duration,
    /// What they cost.
    Cost,
    /// Input and output tokens together.
    Tokens,
    /// The time to the first token.
    TimeToFirstToken,
}

/// By what a list of traces is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TraceSort {
    /// When their first span started.
    #[default]
    Start,
    /// From the start of the first to the end of the last span.
    Duration,
    /// What their calls cost together.
    Cost,
    /// Tokens of their calls together.
    Tokens,
    /// How many spans they have.
    Spans,
}

/// By what a list is sorted, and from which end. What does not state the number comes last from either end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortOrder<K> {
    /// By what.
    pub by: K,
    /// Greatest first.
    pub descending: bool,
}

impl<K: Default> Default for SortOrder<K> {
    /// Newest first.
    fn default() -> Self {
        Self { by: K::default(), descending: true }
    }
}

/// Which page of which spans to list.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanFilter {
    /// Which spans.
    pub which: SpanSelection,
    /// In which order.
    pub order: SortOrder<SpanSort>,
    /// Where the page before ended, as it said; in the same order.
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

/// Which page of which traces to list.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceFilter {
    /// Traces with at least one of these spans.
    pub which: SpanSelection,
    /// In which order.
    pub order: SortOrder<TraceSort>,
    /// Where the page before ended, as it said; in the same order.
    pub after: Option<String>,
    /// How many to return.
    pub limit: usize,
}

/// One page of traces.
#[derive(Debug, Clone, PartialEq)]
pub struct TracePage {
    /// The traces.
    pub traces: Vec<TraceSummary>,
    /// Where this page ended; `None` when there is nothing after it.
    pub next: Option<String>,
}

/// A trace in a list: what its first span says, and sums over its calls.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceSummary {
    /// The trace's first span (the earliest one without a parent, or else the earliest), as in lists of spans.
    pub first: SpanSummary,
    /// When its first span started.
    pub start: UnixMicros,
    /// From there to the end of its last span.
    pub duration_us: u64,
    /// How many spans it has.
    pub spans: u64,
    /// How many of them failed.
    pub errors: u64,
    /// Calls to models; each is counted once, however many spans report it.
    pub model_calls: u64,
    /// Tokens that those calls read; `None` when none states it.
    pub input_tokens: Option<u64>,
    /// Tokens that they wrote.
    pub output_tokens: Option<u64>,
    /// What they cost; `None` when none has a price.
    pub cost: Option<NanoUsd>,
    /// The models that were asked, by name.
    pub models: Vec<String>,
    /// Tags that its first span lacks are those of the first span that has them.
    pub tags: TraceTags,
}

/// Whose a trace is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TraceTags {
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
}

/// The values of one tag, among several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetGroup {
    /// The tag.
    pub tag: TagKey,
    /// Its most frequent values.
    pub values: Vec<Facet>,
    /// How many values it has in all.
    pub distinct: u64,
}

/// Spans of a part of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanCount {
    /// The start of the part.
    pub start: UnixMicros,
    /// Spans that did what was asked.
    pub ok: u64,
    /// Spans that failed.
    pub error: u64,
}

/// Two sets of spans side by side.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contrast {
    /// Spans of the one set.
    pub selected: u64,
    /// Spans of the other.
    pub rest: u64,
    /// How many of the one were looked at.
    pub selected_seen: u64,
    /// How many of the other were looked at: a sample when there are very many.
    pub rest_seen: u64,
    /// Every tag, and every scalar attribute as `attributes.name`, with its values.
    pub tags: Vec<ContrastTag>,
}

/// The values of one tag in two sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContrastTag {
    /// The tag.
    pub tag: String,
    /// How often each value was seen on either side; `None` where the tag is absent.
    pub values: Vec<ContrastValue>,
}

/// A value in two sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContrastValue {
    /// The value.
    pub value: Option<String>,
    /// Spans of the one set.
    pub selected: u64,
    /// Spans of the other.
    pub rest: u64,
}

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
    /// One page of spans.
    fn spans(&self, filter: &SpanFilter) -> Result<SpanPage, BrowseError>;

    /// One span, whole.
    fn span(&self, trace_id: TraceId, span_id: SpanId) -> Result<Option<Span>, BrowseError>;

    /// The spans of a trace in the order of their starts, whole, with the scores of the trace.
    fn trace(&self, trace_id: TraceId) -> Result<(Vec<Span>, Vec<Score>), BrowseError>;

    /// Several traces at once: their spans that started within the range, whole and in the order of their starts, and their
    /// scores made since it began. One pass over the range, however many traces are asked for.
    fn traces_within(
        &self,
        traces: &[TraceId],
        range: TimeRange,
    ) -> Result<(Vec<Span>, Vec<Score>), BrowseError> {
        let (mut spans, mut scores) = (Vec::new(), Vec::new());
        for trace in traces {
            let (whole, judged) = self.trace(*trace)?;
            spans.extend(whole.into_iter().filter(|span| range.from <= span.start && span.start < range.to));
            scores.extend(judged.into_iter().filter(|score| score.time >= range.from));
        }
        Ok((spans, scores))
    }

    /// One page of traces.
    fn traces(&self, filter: &TraceFilter) -> Result<TracePage, BrowseError>;

    /// How many spans started in each part of the range. Parts are `step_us` long and aligned to the epoch; those without
    /// spans are absent.
    fn span_counts(&self, which: &SpanSelection, step_us: i64) -> Result<Vec<SpanCount>, BrowseError>;

    /// The most frequent values of several tags, and how many spans there are, in one pass.
    fn facet_groups(
        &self,
        tags: &[TagKey],
        which: &SpanSelection,
        limit: usize,
    ) -> Result<(Vec<FacetGroup>, u64), BrowseError>;

    /// The spans of `base` that are also in `selected`, side by side with the others of `base`.
    fn contrast(&self, base: &SpanSelection, selected: &SpanSelection) -> Result<Contrast, BrowseError>;

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

    /// Who saw the calls that started within a range. A store that cannot tell says that there were none.
    fn coverage(&self, _range: TimeRange) -> Result<crate::Coverage, BrowseError> {
        Ok(crate::Coverage::default())
    }
}
