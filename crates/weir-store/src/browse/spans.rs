//! Lists of spans, and the spans and scores of a trace.
//!
//! A page is made in two steps: the rows are found by narrow columns alone, and then only theirs are read whole. A list by
//! time is looked for in windows that grow: the newest spans are usually enough, and a filter that matches rarely still
//! finds its page without sorting everything.

use std::collections::HashMap;

use weir_types::{
    BrowseError, Score, SortOrder, Span, SpanFilter, SpanId, SpanPage, SpanSelection, SpanSort, TimeRange,
    TraceId, UnixMicros,
};

use crate::browse::order::{Place, SortKey as _, absent, direction};
use crate::browse::selection;
use crate::browse::span_row::{SCORE_COLUMNS, read_score, read_span, summary_columns, whole_columns};
use crate::duck::{Params, QueryError, Reader};

/// The most spans in a page.
const LIMIT_MAX: usize = 1_000;

/// The first window; each further one is this many times as long.
const WINDOW_US: i64 = UnixMicros::HOUR;
const WINDOW_GROWTH: i64 = 8;

/// A span's place in a list, and where its row is.
struct Found {
    row: Row,
    place: Place<2>,
}

/// Where a row is. DuckDB finds rows by number only by looking at all of them, but by time it skips most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub number: i64,
    pub start: UnixMicros,
}

/// Rows that are further apart are read one after the other, and what is between them is skipped.
pub(crate) const NEAR_US: i64 = 10 * UnixMicros::MINUTE;

/// One page of spans. To be run in a transaction: rows are found first and read after.
pub(crate) fn page(reader: &Reader, filter: &SpanFilter) -> Result<SpanPage, BrowseError> {
    let limit = filter.limit.clamp(1, LIMIT_MAX);
    let after = filter.after.as_deref().map(|text| Place::parse(text, filter.order)).transpose()?;
    let Some(range) = existing(reader, filter.which.range)? else {
        return Ok(SpanPage { spans: Vec::new(), next: None });
    };
    // One more than asked for tells whether there is a next page.
    let mut found = if filter.order.by == SpanSort::Start {
        by_start(reader, filter, range, after.as_ref(), limit + 1)?
    } else {
        let which = SpanSelection { range, ..filter.which.clone() };
        sorted(reader, &which, filter.order, after.as_ref(), limit + 1)?
    };
    let more = found.len() > limit;
    found.truncate(limit);
    let next = if more { found.last().map(|found| found.place.show(filter.order)) } else { None };
    let rows: Vec<_> = found.iter().map(|found| found.row).collect();
    Ok(SpanPage { spans: summaries(reader, &rows)?, next })
}

/// Looks for spans in windows of time, from the end that the list begins with.
fn by_start(
    reader: &Reader,
    filter: &SpanFilter,
    range: TimeRange,
    after: Option<&Place<2>>,
    wanted: usize,
) -> Result<Vec<Found>, QueryError> {
    let mut found = Vec::new();
    for window in windows(range, filter.order.descending, after.map(|place| UnixMicros(place.value))) {
        if found.len() >= wanted {
            break;
        }
        let which = SpanSelection { range: window, ..filter.which.clone() };
        found.extend(sorted(reader, &which, filter.order, after, wanted - found.len())?);
        reader.check_deadline()?;
    }
    Ok(found)
}

/// Windows that touch and cover a range, from its end or from its start, beginning at a place (the place's own instant
/// may hold further rows).
pub(crate) fn windows(
    range: TimeRange,
    from_end: bool,
    place: Option<UnixMicros>,
) -> impl Iterator<Item = TimeRange> {
    let mut rest = match place {
        None => range,
        Some(at) if from_end => TimeRange { to: range.to.min(at.saturating_add_us(1)), ..range },
        Some(at) => TimeRange { from: range.from.max(at), ..range },
    };
    let mut length = WINDOW_US;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let window = if from_end {
            TimeRange { from: rest.to.saturating_add_us(-length).max(rest.from), ..rest }
        } else {
            TimeRange { to: rest.from.saturating_add_us(length).min(rest.to), ..rest }
        };
        rest = if from_end {
            TimeRange { to: window.from, ..rest }
        } else {
            TimeRange { from: window.to, ..rest }
        };
        length = length.saturating_mul(WINDOW_GROWTH);
        Some(window)
    })
}

/// The part of a range in which there are spans; `None` when there is none.
pub(crate) fn existing(reader: &Reader, range: TimeRange) -> Result<Option<TimeRange>, QueryError> {
    let mut params = Params::default();
    let sql = format!(
        "SELECT epoch_us(min(start_time)), epoch_us(max(start_time)) FROM spans \
         WHERE start_time >= {} AND start_time < {}",
        params.time(range.from),
        params.time(range.to),
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

/// The first spans of an order behind a place. Only the columns that are sorted and filtered by are read.
fn sorted(
    reader: &Reader,
    which: &SpanSelection,
    order: SortOrder<SpanSort>,
    after: Option<&Place<2>>,
    limit: usize,
) -> Result<Vec<Found>, QueryError> {
    let mut params = Params::default();
    let mut condition = selection::condition(which, &mut params);
    let key = match order.by {
        SpanSort::Start | SpanSort::Duration | SpanSort::Tokens => order.by.sql(),
        SpanSort::Cost | SpanSort::TimeToFirstToken => {
            format!("coalesce({}, {})", order.by.sql(), absent(order))
        }
    };
    let (direction, beyond) = direction(order);
    // Rows that cannot be on the page are left out by the plain column, which DuckDB skips whole blocks by; the names that
    // tell equal values apart are long, and are read of the others only.
    let raw = order.by.sql();
    if let Some(place) = after.filter(|place| place.value != absent(order)) {
        condition = format!("{condition} AND ({raw} {beyond}= {} OR {raw} IS NULL)", place.value);
    }
    if let Some(last) = last_possible(reader, which, order, after, limit)? {
        let at_least = if order.descending { ">=" } else { "<=" };
        condition = format!("{condition} AND {raw} {at_least} {last}");
    }
    if let Some(Place { value, names: [span_id, trace_id] }) = after {
        let (span_id, trace_id) = (params.text(span_id), params.text(trace_id));
        condition = format!(
            "{condition} AND ({key} {beyond} {value} OR ({key} = {value} AND (span_id, trace_id) {beyond} ({span_id}, {trace_id})))"
        );
    }
    let sql = format!(
        "SELECT rowid, epoch_us(start_time), {key} AS value, span_id, trace_id FROM spans WHERE {condition} \
         ORDER BY value {direction}, span_id {direction}, trace_id {direction} LIMIT {limit}"
    );
    reader.rows(&sql, &params, |row| {
        Ok(Found {
            row: Row { number: row.get(0)?, start: UnixMicros(row.get(1)?) },
            place: Place { value: row.get(2)?, names: [row.get(3)?, row.get(4)?] },
        })
    })
}

/// A value that the last span of a page has at the furthest: that of the `limit`th span whose value is beyond the place's.
/// `None` when there are fewer, and where it is not worth a look of its own: windows of time are short, and a text is
/// dearer to look for than names are to read.
fn last_possible(
    reader: &Reader,
    which: &SpanSelection,
    order: SortOrder<SpanSort>,
    after: Option<&Place<2>>,
    limit: usize,
) -> Result<Option<i64>, QueryError> {
    if order.by == SpanSort::Start || which.text.is_some() {
        return Ok(None);
    }
    let mut params = Params::default();
    let mut condition = selection::condition(which, &mut params);
    let (raw, (direction, beyond)) = (order.by.sql(), direction(order));
    if let Some(place) = after {
        condition = format!("{condition} AND {raw} {beyond} {}", place.value);
    }
    let sql = format!(
        "SELECT {raw} FROM spans WHERE {condition} ORDER BY {raw} {direction} NULLS LAST LIMIT 1 OFFSET {}",
        limit.saturating_sub(1),
    );
    let values = reader.rows(&sql, &params, |row| row.get::<_, Option<i64>>(0))?;
    Ok(values.into_iter().next().flatten())
}

/// The spans of these rows as lists show them, in the order of the rows.
pub(crate) fn summaries(reader: &Reader, rows: &[Row]) -> Result<Vec<Span>, QueryError> {
    let mut by_row: HashMap<i64, Span> = HashMap::new();
    for near in near_in_time(rows, |row| row.start) {
        let mut params = Params::default();
        let (from, to) = (params.time(near[0].start), params.time(near[near.len() - 1].start));
        let sql = format!(
            "SELECT {}, rowid FROM spans WHERE start_time >= {from} AND start_time <= {to} AND rowid IN ({})",
            summary_columns(),
            listed(near.iter().map(|row| row.number)),
        );
        let read = |row: &duckdb::Row<'_>| Ok((row.get::<_, i64>("rowid")?, read_span(row)?));
        by_row.extend(reader.rows(&sql, &params, read)?);
    }
    Ok(rows.iter().filter_map(|row| by_row.remove(&row.number)).collect())
}

/// Things sorted by time and parted where there is nothing for [`NEAR_US`].
pub(crate) fn near_in_time<T: Copy>(things: &[T], start: impl Fn(&T) -> UnixMicros) -> Vec<Vec<T>> {
    let mut sorted = things.to_vec();
    sorted.sort_by_key(&start);
    sorted.chunk_by(|a, b| start(b).0.saturating_sub(start(a).0) <= NEAR_US).map(<[T]>::to_vec).collect()
}

/// Integers as a list of SQL.
pub(crate) fn listed(numbers: impl Iterator<Item = impl std::fmt::Display>) -> String {
    let texts: Vec<_> = numbers.map(|number| number.to_string()).collect();
    texts.join(", ")
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

/// Spans of several traces within a range, in the order of their starts, and scores of these traces since it began.
pub(crate) fn of_traces(
    reader: &Reader,
    traces: &[TraceId],
    range: TimeRange,
) -> Result<(Vec<Span>, Vec<Score>), QueryError> {
    let listed = |params: &mut Params| {
        let ids: Vec<_> = traces.iter().map(|id| params.text(&id.to_string())).collect();
        format!("trace_id IN ({})", ids.join(", "))
    };
    let mut params = Params::default();
    let (from, to, ids) = (params.time(range.from), params.time(range.to), listed(&mut params));
    let sql = format!(
        "SELECT {} FROM spans WHERE start_time >= {from} AND start_time < {to} AND {ids} ORDER BY start_time, span_id",
        whole_columns()
    );
    let spans = reader.rows(&sql, &params, read_span)?;
    let mut params = Params::default();
    let (from, ids) = (params.time(range.from), listed(&mut params));
    let sql =
        format!("SELECT {SCORE_COLUMNS} FROM scores WHERE time >= {from} AND {ids} ORDER BY time, name");
    Ok((spans, reader.rows(&sql, &params, read_score)?))
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
    fn windows_touch_and_cover_the_range_from_either_end() {
        let range = TimeRange { from: UnixMicros(5), to: UnixMicros(100 * UnixMicros::HOUR) };
        for from_end in [true, false] {
            let mut parts: Vec<_> = windows(range, from_end, None).collect();
            assert_eq!(parts[0].len_us(), UnixMicros::HOUR);
            if from_end {
                parts.reverse();
            }
            assert_eq!((parts[0].from, parts[parts.len() - 1].to), (range.from, range.to));
            assert!(parts.windows(2).all(|pair| pair[0].to == pair[1].from), "{parts:?}");
        }
        let at = UnixMicros(50 * UnixMicros::HOUR);
        let first = |from_end| windows(range, from_end, Some(at)).next().unwrap();
        assert_eq!((first(true).to, first(false).from), (at.saturating_add_us(1), at));
    }
}
