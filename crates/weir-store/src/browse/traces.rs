//! Lists of traces.
//!
//! Which traces make the page is found by narrow columns; only their rows are looked at again for what a list shows. By any
//! order but time the table `traces` is sorted, which the recorder keeps. By time a page is looked for in windows, as with
//! spans, grouped by a hash of the trace's id (a collision of 64 bits is not met).
//!
//! By time: a trace that starts in one window may go on in the next, so spans are gathered from [`SPREAD_US`] around a window. A
//! trace that is longer is listed where it starts, with its sums over [`LENGTH_US_MAX`]; only its spans of the first
//! [`SPREAD_US`] can bring it into a list that is filtered.

use std::collections::HashMap;

use weir_types::{
    BrowseError, NanoUsd, SortOrder, SpanSelection, TimeRange, TraceFilter, TracePage, TraceSort,
    TraceSummary, TraceTags, UnixMicros,
};

use crate::browse::order::{
    Place, SortKey as _, TRACE_END_SQL, TRACE_START_SQL, absent, direction, of_calls,
};
use crate::browse::selection;
use crate::browse::spans::{Row, existing, listed, near_in_time, summaries, windows};
use crate::duck::{Params, QueryError, Reader};
use crate::recorder::KEY_SQL;

/// The most traces in a page.
const LIMIT_MAX: usize = 500;

/// How far from a window spans of its traces are looked for.
const SPREAD_US: i64 = UnixMicros::HOUR;

/// How far from where a trace was met its other spans are added to it.
const LENGTH_US_MAX: i64 = UnixMicros::DAY;

/// A trace's place in a list.
struct Found {
    /// The hash of its id or, from the table `traces`, its key.
    id: u64,
    /// Where its spans are to be looked for.
    within: TimeRange,
    place: Place<1>,
}

/// One page of traces. To be run in a transaction: rows are found first and read after.
pub(crate) fn page(reader: &Reader, filter: &TraceFilter) -> Result<TracePage, BrowseError> {
    let limit = filter.limit.clamp(1, LIMIT_MAX);
    let after = filter.after.as_deref().map(|text| Place::parse(text, filter.order)).transpose()?;
    let Some(range) = existing(reader, filter.which.range)? else {
        return Ok(TracePage { traces: Vec::new(), next: None });
    };
    let which = SpanSelection { range, ..filter.which.clone() };
    let search = Search { reader, which, order: filter.order, after: after.as_ref(), wanted: limit + 1 };
    let mut found = match filter.order.by {
        TraceSort::Start => search.by_start()?,
        _ => search.rolled_up()?,
    };
    let more = found.len() > limit;
    found.truncate(limit);
    let next = if more { found.last().map(|found| found.place.show(filter.order)) } else { None };
    Ok(TracePage { traces: summaries_of(reader, &found, filter.order)?, next })
}

/// Looks for the traces of a page.
struct Search<'a> {
    reader: &'a Reader,
    which: SpanSelection,
    order: SortOrder<TraceSort>,
    after: Option<&'a Place<1>>,
    wanted: usize,
}

impl Search<'_> {
    /// Looks in windows of time. A window lists the traces that start in it; the last one towards the past also those
    /// that started before the range and have spans in it.
    fn by_start(&self) -> Result<Vec<Found>, QueryError> {
        let range = self.which.range;
        let place = self.after.map(|place| UnixMicros(place.value));
        // Behind a place that lies before the range are only traces that started before it too.
        let place = place.map(|at| at.max(range.from));
        let mut found = Vec::new();
        for window in windows(range, self.order.descending, place) {
            if found.len() >= self.wanted {
                break;
            }
            let starts_in = |start: &str| {
                let from = if window.from == range.from { i64::MIN } else { window.from.0 };
                format!(" AND {start} >= {from} AND {start} < {}", window.to.0)
            };
            found.extend(self.sorted(window, &starts_in, self.wanted - found.len())?);
            self.reader.check_deadline()?;
        }
        Ok(found)
    }

    /// The first traces of the order behind the place, of those with spans in the range, by the rows of `traces`.
    fn rolled_up(&self) -> Result<Vec<Found>, QueryError> {
        let mut params = Params::default();
        let range = self.which.range;
        let (from, to) = (params.time(range.from), params.time(range.to));
        let mut condition = format!("last_start_time >= {from} AND start_time < {to}");
        if selection::is_filtered(&self.which) {
            let matching = selection::condition(&self.which, &mut params);
            condition = format!("{condition} AND key IN (SELECT {KEY_SQL} FROM spans WHERE {matching})");
        }
        let value = format!("coalesce({}, {})", self.order.by.sql(), absent(self.order));
        let (direction, beyond) = direction(self.order);
        if let Some(Place { value: last, names: [key] }) = self.after {
            let key = u64::from_str_radix(key, 16).unwrap_or(0);
            condition = format!(
                "{condition} AND ({value} {beyond} {last} OR ({value} = {last} AND key {beyond} {key}::UBIGINT))"
            );
        }
        let sql = format!(
            "SELECT key, epoch_us(start_time), epoch_us(last_start_time), {value} AS value FROM traces \
             WHERE {condition} ORDER BY value {direction}, key {direction} LIMIT {}",
            self.wanted
        );
        self.reader.rows(&sql, &params, |row| {
            let (id, last): (u64, i64) = (row.get(0)?, row.get(2)?);
            let within = TimeRange { from: UnixMicros(row.get(1)?), to: UnixMicros(last.saturating_add(1)) };
            Ok(Found { id, within, place: Place { value: row.get(3)?, names: [format!("{id:016x}")] } })
        })
    }

    /// The first traces by time behind the place, among those with spans in and around a window.
    fn sorted(
        &self,
        window: TimeRange,
        starts_in: &dyn Fn(&str) -> String,
        limit: usize,
    ) -> Result<Vec<Found>, QueryError> {
        let mut params = Params::default();
        let around = TimeRange {
            from: window.from.saturating_add_us(-SPREAD_US),
            to: window.to.saturating_add_us(SPREAD_US),
        };
        let (from, to) = (params.time(around.from), params.time(around.to));
        let mut condition = format!("start_time >= {from} AND start_time < {to}");
        let matching = SpanSelection {
            range: TimeRange {
                from: around.from.max(self.which.range.from),
                to: around.to.min(self.which.range.to),
            },
            ..self.which.clone()
        };
        if selection::is_filtered(&matching) {
            let matching = selection::condition(&matching, &mut params);
            condition = format!(
                "{condition} AND hash(trace_id) IN (SELECT hash(trace_id) FROM spans WHERE {matching})"
            );
        }
        let value = TRACE_START_SQL;
        let (direction, beyond) = direction(self.order);
        let mut having = format!("TRUE{}", starts_in(TRACE_START_SQL));
        if !selection::is_filtered(&self.which) {
            // Spans around the range are gathered too, but only one within it brings its trace into the list.
            let (from, to) = (params.time(self.which.range.from), params.time(self.which.range.to));
            having = format!("{having} AND bool_or(start_time >= {from} AND start_time < {to})");
        }
        if let Some(Place { value: last, names: [hash] }) = self.after {
            let hash = u64::from_str_radix(hash, 16).unwrap_or(0);
            having = format!(
                "{having} AND ({value} {beyond} {last} OR ({value} = {last} AND id {beyond} {hash}::UBIGINT))"
            );
        }
        let sql = format!(
            "SELECT hash(trace_id) AS id, {TRACE_START_SQL}, {value}::BIGINT AS value FROM spans \
             WHERE {condition} GROUP BY id HAVING {having} ORDER BY value {direction}, id {direction} LIMIT {limit}"
        );
        self.reader.rows(&sql, &params, |row| {
            let (id, start): (u64, i64) = (row.get(0)?, row.get(1)?);
            let around = |us: i64| UnixMicros(start).saturating_add_us(us);
            let within = TimeRange { from: around(-LENGTH_US_MAX), to: around(LENGTH_US_MAX) };
            Ok(Found { id, within, place: Place { value: row.get(2)?, names: [format!("{id:016x}")] } })
        })
    }
}

/// What a list shows of a trace, where its first span is, and when that started.
struct Sums {
    first: Row,
    start: i64,
    summary: Box<dyn FnOnce(weir_types::Span) -> TraceSummary>,
}

/// What a list shows of these traces, in their order.
fn summaries_of(
    reader: &Reader,
    found: &[Found],
    order: SortOrder<TraceSort>,
) -> Result<Vec<TraceSummary>, QueryError> {
    let mut sums = HashMap::new();
    let ids: Vec<_> = found.iter().map(|found| (found.id, found.within)).collect();
    let id_sql = if order.by == TraceSort::Start { "hash(trace_id)" } else { KEY_SQL };
    for near in near_in_time(&ids, |(_, within)| within.from) {
        sums.extend(sums_of(reader, id_sql, &near)?);
        reader.check_deadline()?;
    }
    let mut kept = Vec::new();
    for found in found {
        let Some(sums) = sums.remove(&found.id) else { continue };
        // A trace that is longer than the spread around a window was met away from its start; it is listed there.
        if order.by != TraceSort::Start || sums.start == found.place.value {
            kept.push(sums);
        }
    }
    let firsts: Vec<_> = kept.iter().map(|sums| sums.first).collect();
    let firsts = summaries(reader, &firsts)?;
    Ok(kept.into_iter().zip(firsts).map(|(sums, first)| (sums.summary)(first)).collect())
}

/// Sums over whole traces that started at about the same time, by their ids in this spelling.
fn sums_of(reader: &Reader, id_sql: &str, near: &[(u64, TimeRange)]) -> Result<Vec<(u64, Sums)>, QueryError> {
    let mut params = Params::default();
    let Some(last) = near.iter().map(|(_, within)| within.to).max() else { return Ok(Vec::new()) };
    let (from, to) = (params.time(near[0].1.from), params.time(last));
    let earliest =
        |column: &str| format!("arg_min({column}, start_time) FILTER (WHERE {column} IS NOT NULL)");
    let tags = ["app", "agent", "team", "session", "\"user\"", "service"].map(earliest).join(", ");
    let calls = ["count(*)", "sum(input_tokens)", "sum(output_tokens)", "sum(cost_nano_usd)"]
        .map(|aggregate| format!("({})::BIGINT", of_calls(aggregate)))
        .join(", ");
    // A span without a parent is the first whatever the clocks of others say.
    let rank = "CASE WHEN parent_id IS NULL THEN epoch_us(start_time) ELSE epoch_us(start_time) + 1000000000000000000 END";
    let sql = format!(
        "SELECT {id_sql}, {TRACE_START_SQL}, {TRACE_END_SQL}, arg_min(rowid, {rank}), \
         arg_min(epoch_us(start_time), {rank}), count(*), count(*) FILTER (WHERE status = 'error'), {calls}, \
         array_to_string(list_sort(list(DISTINCT model) FILTER (WHERE model IS NOT NULL)), chr(31)), {tags} \
         FROM spans WHERE start_time >= {from} AND start_time < {to} AND {id_sql} IN ({}) GROUP BY 1",
        listed(near.iter().map(|(id, _)| format!("{id}::UBIGINT"))),
    );
    reader.rows(&sql, &params, |row| Ok((row.get(0)?, read_sums(row)?)))
}

fn read_sums(row: &duckdb::Row<'_>) -> duckdb::Result<Sums> {
    let count = |column: usize| Ok::<_, duckdb::Error>(unsigned(row.get::<_, i64>(column)?));
    let optional = |column: usize| Ok::<_, duckdb::Error>(row.get::<_, Option<i64>>(column)?.map(unsigned));
    let (start, end): (i64, i64) = (row.get(1)?, row.get(2)?);
    let first = Row { number: row.get(3)?, start: UnixMicros(row.get(4)?) };
    let (spans, errors, model_calls) = (count(5)?, count(6)?, count(7)?);
    let (input_tokens, output_tokens) = (optional(8)?, optional(9)?);
    let cost = row.get::<_, Option<i64>>(10)?.map(NanoUsd);
    let models = row.get::<_, Option<String>>(11)?.unwrap_or_default();
    let tags = TraceTags {
        app: row.get(12)?,
        agent: row.get(13)?,
        team: row.get(14)?,
        session: row.get(15)?,
        user: row.get(16)?,
        service: row.get(17)?,
    };
    let summary = move |first| TraceSummary {
        first,
        start: UnixMicros(start),
        duration_us: unsigned(end.saturating_sub(start)),
        spans,
        errors,
        model_calls,
        input_tokens,
        output_tokens,
        cost,
        models: models.split('\u{1f}').filter(|model| !model.is_empty()).map(str::to_owned).collect(),
        tags,
    };
    Ok(Sums { first, start, summary: Box::new(summary) })
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
