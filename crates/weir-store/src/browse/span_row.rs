//! A row of `spans` or `scores` as a record.

use std::sync::Arc;

use duckdb::Row;
use duckdb::types::{FromSql, Value};
use weir_types::{
    CacheStatus, Content, NanoUsd, PolicyDecision, Score, ScoreValue, Source, Span, SpanId, SpanKind,
    SpanStatus, Tags, TokenUsage, TraceId, UnixMicros,
};

/// How many characters of input and output a list shows.
const PREVIEW_CHARS: usize = 1000;

/// The columns of a whole span, in the order in which [`read_span`] reads them.
pub(crate) fn whole_columns() -> String {
    columns("input", "output", "documents", "tools", "attributes")
}

/// The columns of a span by which reports of one call are joined: all but what was said.
pub(crate) fn joining_columns() -> String {
    let nothing = "NULL::VARCHAR";
    columns(nothing, nothing, nothing, nothing, "attributes")
}

/// The columns of a span in a list.
pub(crate) fn summary_columns() -> String {
    let preview = |column: &str| format!("left({column}, {PREVIEW_CHARS})");
    columns(&preview("input"), &preview("output"), "NULL::VARCHAR", "NULL::VARCHAR", "NULL::VARCHAR")
}

fn columns(input: &str, output: &str, documents: &str, tools: &str, attributes: &str) -> String {
    format!(
        "epoch_us(start_time), duration_us, trace_id, span_id, parent_id, kind, name, source, status, error_type, \
         error_message, http_status, provider, model, response_model, team, app, agent, session, \"user\", env, \
         service, key_id, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, \
         cost_nano_usd, tokens_estimated, price_version, ttft_us, stream, finish_reason, cache, saved_nano_usd, \
         policy, {input}, {output}, {documents}, {tools}, {attributes}, client, response_id, same_as"
    )
}

/// Reads columns one after the other.
struct Cursor<'a, 'b> {
    row: &'a Row<'b>,
    next: usize,
}

impl Cursor<'_, '_> {
    fn get<T: FromSql>(&mut self) -> duckdb::Result<T> {
        self.next += 1;
        self.row.get(self.next - 1)
    }

    fn text(&mut self) -> duckdb::Result<Option<Arc<str>>> {
        Ok(self.get::<Option<String>>()?.map(Into::into))
    }

    fn content(&mut self) -> duckdb::Result<Option<Content>> {
        Ok(self.get::<Option<String>>()?.map(Content::new))
    }

    fn count(&mut self) -> duckdb::Result<Option<u64>> {
        Ok(self.get::<Option<i64>>()?.and_then(|number| u64::try_from(number).ok()))
    }

    /// A text that is parsed; one that does not parse was not written by Weir, and is taken for absent.
    fn parsed<T>(&mut self, parse: impl FnOnce(&str) -> Option<T>) -> duckdb::Result<Option<T>> {
        Ok(self.get::<Option<String>>()?.and_then(|text| parse(&text)))
    }
}

/// Reads a row of [`whole_columns`] or [`summary_columns`].
pub(crate) fn read_span(row: &Row<'_>) -> duckdb::Result<Span> {
    let mut c = Cursor { row, next: 0 };
    let mut span = Span {
        start: UnixMicros(c.get()?),
        duration_us: c.count()?.unwrap_or(0),
        trace_id: c.parsed(|text| text.parse().ok())?.unwrap_or(TraceId::from_bytes([0; 16])),
        span_id: c.parsed(|text| text.parse().ok())?.unwrap_or(SpanId::from_bytes([0; 8])),
        parent_id: c.parsed(|text| text.parse().ok())?,
        kind: c.parsed(SpanKind::parse)?.unwrap_or(SpanKind::Other),
        name: c.text()?.unwrap_or_default(),
        source: c.parsed(Source::parse)?.unwrap_or(Source::Gateway),
        status: c.parsed(SpanStatus::parse)?.unwrap_or(SpanStatus::Error),
        error_type: c.text()?,
        error_message: c.text()?,
        http_status: c.get()?,
        provider: c.text()?,
        model: c.text()?,
        response_model: c.text()?,
        team: c.text()?,
        app: c.text()?,
        agent: c.text()?,
        session: c.text()?,
        user: c.text()?,
        env: c.text()?,
        service: c.text()?,
        key_id: c.text()?,
        tokens: TokenUsage {
            input: c.count()?,
            output: c.count()?,
            cache_read: c.count()?,
            cache_write: c.count()?,
            reasoning: c.count()?,
        },
        cost: c.get::<Option<i64>>()?.map(NanoUsd),
        tokens_estimated: c.get()?,
        price_version: c.text()?,
        ttft_us: c.count()?,
        stream: c.get()?,
        finish_reason: c.text()?,
        cache: c.parsed(CacheStatus::parse)?,
        saved: c.get::<Option<i64>>()?.map(NanoUsd),
        policy: c.parsed(|text| serde_json::from_str::<Vec<PolicyDecision>>(text).ok())?.unwrap_or_default(),
        input: c.content()?,
        output: c.content()?,
        documents: c.content()?,
        tools: c.content()?,
        attributes: c.content()?,
        client: None,
        response_id: None,
        same_as: None,
    };
    // The columns that came last, in their order.
    span.client = c.text()?;
    span.response_id = c.text()?;
    span.same_as = c.parsed(|text| text.parse().ok())?;
    Ok(span)
}

/// The columns of a score, in the order in which [`read_score`] reads them.
pub(crate) const SCORE_COLUMNS: &str =
    "epoch_us(time), trace_id, span_id, name, value, label, judge, rationale, tags";

/// Reads a row of [`SCORE_COLUMNS`].
pub(crate) fn read_score(row: &Row<'_>) -> duckdb::Result<Score> {
    let mut c = Cursor { row, next: 0 };
    Ok(Score {
        time: UnixMicros(c.get()?),
        trace_id: c.parsed(|text| text.parse().ok())?.unwrap_or(TraceId::from_bytes([0; 16])),
        span_id: c.parsed(|text| text.parse().ok())?,
        by_span_alone: false,
        name: c.text()?.unwrap_or_default(),
        value: match (c.get::<Option<f64>>()?, c.text()?) {
            (Some(number), _) => ScoreValue::Number(number),
            (None, label) => ScoreValue::Label(label.unwrap_or_default()),
        },
        judge: c.text()?.unwrap_or_default(),
        rationale: c.content()?,
        tags: read_tags(c.get::<Value>()?),
    })
}

fn read_tags(value: Value) -> Tags {
    let Value::Map(pairs) = value else { return Tags::new() };
    pairs
        .iter()
        .filter_map(|(key, value)| match (key, value) {
            (Value::Text(key), Value::Text(value)) => Some((key.clone(), value.clone())),
            _ => None,
        })
        .collect()
}
