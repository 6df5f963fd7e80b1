//! Records as rows: Arrow batches with the columns of the tables, in their order.

use duckdb::arrow::array::RecordBatch;
use duckdb::arrow::error::ArrowError;
use weir_types::{
    CellDelta, Content, Event, Point, PolicyDecision, Score, ScoreValue, Span, Tags, TraceId, metric,
};

use crate::arrow::Columns;
use crate::names;

/// A score with the tags by which it is grouped.
pub(crate) struct ScoreRow<'a> {
    pub score: &'a Score,
    /// That of its span.
    pub trace_id: TraceId,
    /// What it waits for.
    pub awaits: Option<&'static str>,
    pub cell_tags: Tags,
}

pub(crate) fn spans(rows: &[&Span]) -> Result<RecordBatch, ArrowError> {
    let columns = Columns::of(rows)
        .time("start_time", |s| s.start)
        .int("duration_us", |s| Some(saturated(s.duration_us)))
        .shown("trace_id", |s| Some(s.trace_id))
        .shown("span_id", |s| Some(s.span_id))
        .shown("parent_id", |s| s.parent_id)
        .text("kind", |s| Some(s.kind.as_str()))
        .text("name", |s| Some(&s.name))
        .text("source", |s| Some(s.source.as_str()))
        .text("status", |s| Some(s.status.as_str()))
        .text("error_type", |s| s.error_type.as_deref())
        .text("error_message", |s| s.error_message.as_deref())
        .small_int("http_status", |s| s.http_status)
        .text("provider", |s| s.provider.as_deref())
        .text("model", |s| s.model.as_deref())
        .text("response_model", |s| s.response_model.as_deref())
        .text("team", |s| s.team.as_deref())
        .text("app", |s| s.app.as_deref())
        .text("agent", |s| s.agent.as_deref())
        .text("session", |s| s.session.as_deref())
        .text("user", |s| s.user.as_deref())
        .text("env", |s| s.env.as_deref())
        .text("service", |s| s.service.as_deref())
        .text("key_id", |s| s.key_id.as_deref());
    with_usage(columns).finish()
}

fn with_usage<'a>(columns: Columns<'a, &'a Span>) -> Columns<'a, &'a Span> {
    columns
        .int("input_tokens", |s| s.tokens.input.map(saturated))
        .int("output_tokens", |s| s.tokens.output.map(saturated))
        .int("cache_read_tokens", |s| s.tokens.cache_read.map(saturated))
        .int("cache_write_tokens", |s| s.tokens.cache_write.map(saturated))
        .int("reasoning_tokens", |s| s.tokens.reasoning.map(saturated))
        .int("cost_nano_usd", |s| s.cost.map(|cost| cost.0))
        .flag("tokens_estimated", |s| s.tokens_estimated)
        .text("price_version", |s| s.price_version.as_deref())
        .int("ttft_us", |s| s.ttft_us.map(saturated))
        .flag("stream", |s| s.stream)
        .text("finish_reason", |s| s.finish_reason.as_deref())
        .text("cache", |s| s.cache.map(weir_types::CacheStatus::as_str))
        .int("saved_nano_usd", |s| s.saved.map(|saved| saved.0))
        .shown("policy", |s| policy_json(&s.policy))
        .text("input", |s| exposed(s.input.as_ref()))
        .text("output", |s| exposed(s.output.as_ref()))
        .text("documents", |s| exposed(s.documents.as_ref()))
        .text("tools", |s| exposed(s.tools.as_ref()))
        .text("attributes", |s| exposed(s.attributes.as_ref()))
        .text("client", |s| s.client.as_deref())
        .text("response_id", |s| s.response_id.as_deref())
        .shown("same_as", |s| s.same_as)
}

/// The number and the columns that joining changes of some rows of `spans`.
pub(crate) fn joined_spans<T>(
    rows: &[T],
    number: impl Fn(&T) -> i64,
    span: impl Fn(&T) -> &Span,
) -> Result<RecordBatch, ArrowError> {
    let rows: Vec<_> = rows.iter().map(|row| (number(row), span(row))).collect();
    Columns::of(&rows)
        .int("row_number", |(number, _)| Some(*number))
        .shown("same_as", |(_, s)| s.same_as)
        .int("input_tokens", |(_, s)| s.tokens.input.map(saturated))
        .int("output_tokens", |(_, s)| s.tokens.output.map(saturated))
        .int("cache_read_tokens", |(_, s)| s.tokens.cache_read.map(saturated))
        .int("cache_write_tokens", |(_, s)| s.tokens.cache_write.map(saturated))
        .int("reasoning_tokens", |(_, s)| s.tokens.reasoning.map(saturated))
        .int("cost_nano_usd", |(_, s)| s.cost.map(|cost| cost.0))
        .flag("tokens_estimated", |(_, s)| s.tokens_estimated)
        .text("price_version", |(_, s)| s.price_version.as_deref())
        .text("attributes", |(_, s)| exposed(s.attributes.as_ref()))
        .text("team", |(_, s)| s.team.as_deref())
        .text("app", |(_, s)| s.app.as_deref())
        .text("agent", |(_, s)| s.agent.as_deref())
        .text("session", |(_, s)| s.session.as_deref())
        .text("user", |(_, s)| s.user.as_deref())
        .text("env", |(_, s)| s.env.as_deref())
        .text("service", |(_, s)| s.service.as_deref())
        .finish()
}

pub(crate) fn scores(rows: &[ScoreRow<'_>]) -> Result<RecordBatch, ArrowError> {
    let columns = Columns::of(rows)
        .time("time", |r| r.score.time)
        .shown("trace_id", |r| Some(r.trace_id))
        .shown("span_id", |r| r.score.span_id)
        .text("name", |r| Some(&r.score.name))
        .float("value", |r| match r.score.value {
            ScoreValue::Number(number) => Some(number),
            ScoreValue::Label(_) => None,
        })
        .text("label", |r| match &r.score.value {
            ScoreValue::Number(_) => None,
            ScoreValue::Label(label) => Some(label),
        })
        .text("judge", |r| Some(&r.score.judge))
        .text("rationale", |r| exposed(r.score.rationale.as_ref()))
        .map("tags", |r| Some(r.score.tags.iter().collect()));
    with_cell_tags(columns, |r| &r.cell_tags).text("awaits", |r| r.awaits).finish()
}

pub(crate) fn points(rows: &[&Point]) -> Result<RecordBatch, ArrowError> {
    Columns::of(rows)
        .time("time", |p| p.time)
        .text("name", |p| Some(&p.name))
        .text("kind", |p| Some(names::of_point_kind(p.kind)))
        .float("value", |p| Some(p.value))
        .map("tags", |p| Some(p.tags.iter().collect()))
        .finish()
}

pub(crate) fn events(rows: &[&Event]) -> Result<RecordBatch, ArrowError> {
    Columns::of(rows)
        .time("time", |e| e.time)
        .text("title", |e| Some(&e.title))
        .text("text", |e| Some(&e.text))
        .text("level", |e| Some(e.level.as_str()))
        .text("source", |e| Some(&e.source))
        .map("tags", |e| Some(e.tags.iter().collect()))
        .finish()
}

/// Rows of `cells_1m` or `cells_1h`.
pub(crate) fn cells(rows: &[CellDelta]) -> Result<RecordBatch, ArrowError> {
    let columns = Columns::of(rows).text("metric", |c| Some(&c.key.metric)).time("time", |c| c.minute);
    with_cell_tags(columns, |c| &c.key.tags)
        .map("tags", |c| {
            let others: Vec<_> =
                c.key.tags.iter().filter(|(key, _)| !metric::CELL_TAGS.contains(&key.as_str())).collect();
            (!others.is_empty()).then_some(others)
        })
        .int("count", |c| Some(saturated(c.cell.count)))
        .sum("sum", |c| c.cell.sum_nano)
        .float("min", |c| c.cell.min)
        .float("max", |c| c.cell.max)
        .bytes("histogram", |c| (!c.cell.histogram.is_empty()).then(|| c.cell.histogram.encode()))
        .finish()
}

/// The columns of [`metric::CELL_TAGS`].
pub(super) fn with_cell_tags<'a, T>(
    columns: Columns<'a, T>,
    tags: impl Fn(&'a T) -> &'a Tags,
) -> Columns<'a, T> {
    metric::CELL_TAGS.into_iter().fold(columns, |columns, key| columns.text(key, |row| tags(row).get(key)))
}

/// Policy decisions as compact JSON; `None` when there are none.
fn policy_json(policy: &[PolicyDecision]) -> Option<String> {
    // Structs of texts are always JSON.
    (!policy.is_empty()).then(|| serde_json::to_string(policy).unwrap_or_default())
}

fn exposed(content: Option<&Content>) -> Option<&str> {
    content.map(Content::expose)
}

/// The tables have signed numbers, for the sake of subtraction in SQL.
fn saturated(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
