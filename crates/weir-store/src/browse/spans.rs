//! Lists of spans, newest first, and the spans and scores of a trace.
//!
//! A page is looked for in windows of time that grow towards the past: the newest spans are usually enough, and a filter
//! that matches rarely still finds its page without sorting everything.

use std::fmt::Write as _;

use weir_types::{BrowseError, Score, Span, SpanFilter, SpanId, SpanPage, TimeRange, TraceId, UnixMicros};

use crate::browse::span_row::{SCORE_COLUMNS, read_score, read_span, summary_columns, whole_columns};
use crate::duck::{Params, QueryError, Reader};
use crate::tag_sql::{TagTable, like_literal};

/// The most spans in a page.
const LIMIT_MAX: usize = 1_000;

/// The first window; each further one is this many times as long.
const WINDOW_US: i64 = UnixMicros::HOUR;
const WINDOW_GROWTH: i64 = 8;

/// The place of a span in the order of lists.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cursor {
    start: UnixMicros,
    span_id: SpanId,
    trace_id: TraceId,
}

impl Cursor {
    fn of(span: &Span) -> Self {
        Self { start: span.start, span_id: span.span_id, trace_id: span.trace_id }
    }

    fn parse(text: &str) -> Result<Self, BrowseError> {
        let parse = || {
            let mut parts = text.split('.');
            let cursor = Self {
                start: UnixMicros(parts.next()?.parse().ok()?),
                span_id: parts.next()?.parse().ok()?,
                trace_id: parts.next()?.parse().ok()?,
            };
            parts.next().is_none().then_some(cursor)
        };
        parse().ok_or_else(|| {
            BrowseError::Invalid(format!("`after` is {text:?}, which is not the `next` of a page of spans"))
        })
    }

    fn show(&self) -> String {
        format!("{}.{}.{}", self.start.0, self.span_id, self.trace_id)
    }
}

/// One page of spans.
pub(crate) fn page(reader: &Reader, filter: &SpanFilter) -> Result<SpanPage, BrowseError> {
    let limit = filter.limit.clamp(1, LIMIT_MAX);
    let after = filter.after.as_deref().map(Cursor::parse).transpose()?;
    let Some(range) = existing(reader, filter.range, after.as_ref())? else {
        return Ok(SpanPage { spans: Vec::new(), next: None });
    };
    let mut spans = Vec::new();
    let mut window = WINDOW_US;
    let mut to = range.to;
    while spans.len() <= limit && to > range.from {
        let from = to.saturating_add_us(-window).max(range.from);
        // One more than asked for tells whether there is a next page.
        let wanted = limit + 1 - spans.len();
        spans.extend(window_of(reader, filter, TimeRange { from, to }, after.as_ref(), wanted)?);
        (to, window) = (from, window.saturating_mul(WINDOW_GROWTH));
    }
    let more = spans.len() > limit;
    spans.truncate(limit);
    let next = if more { spans.last().map(|span| Cursor::of(span).show()) } else { None };
    Ok(SpanPage { spans, next })
}

/// The part of a range in which there are spans to list; `None` when there is none.
fn existing(
    reader: &Reader,
    range: TimeRange,
    after: Option<&Cursor>,
) -> Result<Option<TimeRange>, QueryError> {
    // The cursor's own instant may hold further spans.
    let to = after.map_or(range.to, |cursor| range.to.min(cursor.start.saturating_add_us(1)));
    let mut params = Params::default();
    let sql = format!(
        "SELECT epoch_us(min(start_time)), epoch_us(max(start_time)) FROM spans \
         WHERE start_time >= {} AND start_time < {}",
        params.time(range.from),
        params.time(to),
    );
    let found = reader
        .rows(&sql, &params, |row| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?)))?;
    Ok(match found.first() {
        Some((Some(first), Some(last))) => {
            Some(TimeRange { from: UnixMicros(*first), to: UnixMicros(last.saturating_add(1)) })
        }
        _ => None,
    })
}

fn window_of(
    reader: &Reader,
    filter: &SpanFilter,
    window: TimeRange,
    after: Option<&Cursor>,
    limit: usize,
) -> Result<Vec<Span>, QueryError> {
    let mut params = Params::default();
    let mut conditions = vec![
        format!("start_time >= {}", params.time(window.from)),
        format!("start_time < {}", params.time(window.to)),
        TagTable::Spans(None).scope_sql(&filter.scope, &mut params),
    ];
    if let Some(cursor) = after {
        let time = params.time(cursor.start);
        let span = params.text(&cursor.span_id.to_string());
        let trace = params.text(&cursor.trace_id.to_string());
        conditions.push(format!(
            "(start_time < {time} OR (start_time = {time} AND (span_id, trace_id) < ({span}, {trace})))"
        ));
    }
    if let Some(text) = filter.text.as_deref().filter(|text| !text.is_empty()) {
        conditions.push(text_condition(text, &mut params));
    }
    let sql = format!(
        "SELECT {} FROM spans WHERE {} ORDER BY start_time DESC, span_id DESC, trace_id DESC LIMIT {limit}",
        summary_columns(),
        conditions.join(" AND "),
    );
    reader.rows(&sql, &params, read_span)
}

/// Whether input or output contain a text. They are JSON, so a text may be in them as it is, or escaped as JSON needs it,
/// or with everything escaped that is not ASCII, as some clients do.
fn text_condition(text: &str, params: &mut Params) -> String {
    let mut spellings = vec![text.to_owned(), json_escaped(text), ascii_escaped(text)];
    spellings.dedup();
    let conditions: Vec<_> = spellings
        .iter()
        .flat_map(|spelling| {
            let pattern = params.text(&format!("%{}%", like_literal(spelling)));
            ["input", "output"].map(|column| format!("{column} ILIKE {pattern} ESCAPE '\\'"))
        })
        .collect();
    format!("({})", conditions.join(" OR "))
}

fn json_escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn ascii_escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in json_escaped(text).chars() {
        if character.is_ascii() {
            escaped.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing into memory does not fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    escaped
}

/// The spans of a trace, or one of them, in the order of their starts.
pub(crate) fn of_trace(
    reader: &Reader,
    trace_id: TraceId,
    span_id: Option<SpanId>,
) -> Result<Vec<Span>, QueryError> {
    let mut params = Params::default();
    let mut condition = format!("trace_id = {}", params.text(&trace_id.to_string()));
    if let Some(span_id) = span_id {
        condition = format!("{condition} AND span_id = {}", params.text(&span_id.to_string()));
    }
    let sql = format!("SELECT {} FROM spans WHERE {condition} ORDER BY start_time, span_id", whole_columns());
    reader.rows(&sql, &params, read_span)
}

/// The scores of a trace, oldest first.
pub(crate) fn scores_of_trace(reader: &Reader, trace_id: TraceId) -> Result<Vec<Score>, QueryError> {
    let mut params = Params::default();
    let trace = params.text(&trace_id.to_string());
    let sql = format!("SELECT {SCORE_COLUMNS} FROM scores WHERE trace_id = {trace} ORDER BY time, name");
    reader.rows(&sql, &params, read_score)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_round_trips_and_anything_else_is_refused() {
        let cursor = Cursor {
            start: UnixMicros(-5),
            span_id: SpanId::from_bytes([3; 8]),
            trace_id: TraceId::from_bytes([4; 16]),
        };
        assert_eq!(Cursor::parse(&cursor.show()), Ok(cursor.clone()));
        for text in ["", "1", "1.2.3", &format!("{}.x", cursor.show())] {
            assert!(matches!(Cursor::parse(text), Err(BrowseError::Invalid(_))), "{text}");
        }
    }

    #[test]
    fn texts_are_spelt_as_json_may_spell_them() {
        assert_eq!(json_escaped("a\"b\n"), "a\\\"b\\n");
        assert_eq!(ascii_escaped("é😀"), "\\u00e9\\ud83d\\ude00");
    }
}
