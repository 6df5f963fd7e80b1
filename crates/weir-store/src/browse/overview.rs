//! Counts over many spans: values of tags, parts of time, and two sets side by side. Each is one pass over narrow columns.

use std::collections::HashMap;

use weir_types::{Contrast, ContrastTag, ContrastValue, Facet, FacetGroup, SpanCount, SpanSelection, TagKey};

use crate::browse::selection;
use crate::duck::{Params, QueryError, Reader};
use crate::tag_sql::span_column;

/// How many spans started in each part of the range.
pub(crate) fn counts(
    reader: &Reader,
    which: &SpanSelection,
    step_us: i64,
) -> Result<Vec<SpanCount>, QueryError> {
    let mut params = Params::default();
    let condition = selection::condition(which, &mut params);
    let first = which.range.from.floor_to(step_us);
    // Statuses are compared once for each group and not for each span.
    let sql = format!(
        "SELECT part, coalesce(sum(spans) FILTER (WHERE status <> 'error'), 0)::BIGINT, \
         coalesce(sum(spans) FILTER (WHERE status = 'error'), 0)::BIGINT FROM \
         (SELECT (epoch_us(start_time) - {}) // {step_us} AS part, status, count(*) AS spans FROM spans \
         WHERE {condition} GROUP BY part, status) GROUP BY part ORDER BY part",
        first.0,
    );
    reader.rows(&sql, &params, |row| {
        let part: i64 = row.get(0)?;
        Ok(SpanCount {
            start: first.saturating_add_us(part.saturating_mul(step_us)),
            ok: unsigned(row.get(1)?),
            error: unsigned(row.get(2)?),
        })
    })
}

/// The values of several tags. A tag that spans do not have has no values.
pub(crate) fn facets(
    reader: &Reader,
    tags: &[TagKey],
    which: &SpanSelection,
    limit: usize,
) -> Result<(Vec<FacetGroup>, u64), QueryError> {
    if selection::is_filtered(which) {
        facets_at_once(reader, tags, which, limit)
    } else {
        reader.in_snapshot(|error| reader.judge(error), || facets_in_turn(reader, tags, which, limit))
    }
}

/// Counts each tag by itself: DuckDB counts the values of one column by their place in its dictionary, and skips columns
/// that are empty. To be run in a transaction, so that all counts are of the same spans.
fn facets_in_turn(
    reader: &Reader,
    tags: &[TagKey],
    which: &SpanSelection,
    limit: usize,
) -> Result<(Vec<FacetGroup>, u64), QueryError> {
    let mut params = Params::default();
    let condition = selection::condition(which, &mut params);
    let total = format!("SELECT count(*) FROM spans WHERE {condition}");
    let total = reader.rows(&total, &params, |row| Ok(unsigned(row.get(0)?)))?;
    let mut groups = Vec::with_capacity(tags.len());
    for tag in tags {
        let mut group = FacetGroup { tag: tag.clone(), values: Vec::new(), distinct: 0 };
        if let Some(column) = span_column(tag.as_str()) {
            let sql = format!(
                "SELECT value, spans, count(*) OVER () FROM (SELECT {column} AS value, count(*) AS spans FROM spans \
                 WHERE {condition} AND {column} IS NOT NULL GROUP BY value) ORDER BY spans DESC, value LIMIT {limit}"
            );
            group.values = reader.rows(&sql, &params, |row| {
                group.distinct = unsigned(row.get(2)?);
                Ok(Facet { value: row.get(0)?, count: unsigned(row.get(1)?) })
            })?;
        }
        groups.push(group);
        reader.check_deadline()?;
    }
    Ok((groups, total.first().copied().unwrap_or(0)))
}

/// Counts all tags in one pass, for selections whose condition is dear.
fn facets_at_once(
    reader: &Reader,
    tags: &[TagKey],
    which: &SpanSelection,
    limit: usize,
) -> Result<(Vec<FacetGroup>, u64), QueryError> {
    let columns: Vec<_> = tags.iter().filter_map(|tag| span_column(tag.as_str())).collect();
    let mut params = Params::default();
    let condition = selection::condition(which, &mut params);
    // One set for each tag, and the empty one, whose count is that of all spans. `which_set` is the set's number.
    let sets = columns.iter().map(|column| format!(", ({column})")).collect::<Vec<_>>().concat();
    let numbers = set_numbers(&columns);
    let values = columns.iter().map(|column| format!("{column}::VARCHAR")).collect::<Vec<_>>().join(", ");
    let value = if columns.is_empty() { "NULL".to_owned() } else { format!("coalesce({values})") };
    let sql = format!(
        "WITH counted AS (SELECT {numbers} AS which_set, {value} AS value, count(*) AS spans FROM spans \
         WHERE {condition} GROUP BY GROUPING SETS ((){sets})), \
         ranked AS (SELECT which_set, value, spans, \
             count(*) OVER (PARTITION BY which_set) AS distinct_values, \
             row_number() OVER (PARTITION BY which_set ORDER BY spans DESC, value) AS place \
             FROM counted WHERE which_set < 0 OR value IS NOT NULL) \
         SELECT which_set, value, spans, distinct_values FROM ranked WHERE place <= {limit} ORDER BY which_set, place"
    );
    let rows = reader.rows(&sql, &params, |row| {
        Ok((
            row.get::<_, i64>(0)?,
            row.get::<_, Option<String>>(1)?,
            unsigned(row.get(2)?),
            unsigned(row.get(3)?),
        ))
    })?;
    let total = rows.iter().find(|(set, ..)| *set < 0).map_or(0, |(_, _, spans, _)| *spans);
    let mut by_column: HashMap<&str, (Vec<Facet>, u64)> = HashMap::new();
    for (set, value, count, distinct) in rows {
        let column = usize::try_from(set).ok().and_then(|set| columns.get(set));
        if let (Some(column), Some(value)) = (column, value) {
            let group = by_column.entry(column).or_default();
            group.0.push(Facet { value, count });
            group.1 = distinct;
        }
    }
    let groups = tags.iter().map(|tag| {
        let group = span_column(tag.as_str()).and_then(|column| by_column.get(column).cloned());
        let (values, distinct) = group.unwrap_or_default();
        FacetGroup { tag: tag.clone(), values, distinct }
    });
    Ok((groups.collect(), total))
}

/// The number of the grouping set of a row: that of its column, or -1 for the empty set.
fn set_numbers(columns: &[&str]) -> String {
    let cases: Vec<_> = columns
        .iter()
        .enumerate()
        .map(|(number, column)| format!(" WHEN grouping({column}) = 0 THEN {number}"))
        .collect();
    if cases.is_empty() {
        "-1::BIGINT".to_owned()
    } else {
        format!("(CASE{} ELSE -1 END)::BIGINT", cases.concat())
    }
}

/// The tags of which two sets are compared: all that spans have, but for those that name one span.
const CONTRAST_TAGS: [&str; 19] = [
    "agent",
    "app",
    "cache",
    "client",
    "env",
    "error_type",
    "finish_reason",
    "key_id",
    "kind",
    "model",
    "name",
    "provider",
    "response_model",
    "service",
    "session",
    "source",
    "status",
    "team",
    "user",
];

/// Spans of either side that are looked at. Shares of a sample of this size are within half a percentage point.
const CONTRAST_SPANS_MAX: u64 = 50_000;

/// Values of one tag that are returned: the most frequent of both sides. More than these cannot differ much.
const CONTRAST_VALUES_MAX: usize = 50;

/// Two sets of spans side by side.
pub(crate) fn contrast(
    reader: &Reader,
    base: &SpanSelection,
    selected: &SpanSelection,
) -> Result<Contrast, QueryError> {
    let mut params = Params::default();
    let base_sql = selection::condition(base, &mut params);
    let selected_sql = format!("coalesce({}, FALSE)", selection::condition(selected, &mut params));
    let sql = format!(
        "SELECT count(*) FILTER (WHERE {selected_sql}), count(*) FILTER (WHERE NOT {selected_sql}) FROM spans \
         WHERE {base_sql}"
    );
    let totals = reader.rows(&sql, &params, |row| Ok((unsigned(row.get(0)?), unsigned(row.get(1)?))))?;
    let (selected_total, rest_total) = totals.first().copied().unwrap_or_default();
    // Every n-th span, so that the sample is spread over the whole range.
    let [every_selected, every_rest] =
        [selected_total, rest_total].map(|total| total.div_ceil(CONTRAST_SPANS_MAX).max(1));
    let tags: Vec<_> = CONTRAST_TAGS
        .iter()
        .filter_map(|tag| span_column(tag).map(|column| format!("{column} AS \"tag {tag}\"")))
        .collect();
    let sample = format!(
        "SELECT {selected_sql} AS is_selected, attributes, {} FROM spans WHERE {base_sql} \
         AND hash(rowid) % (CASE WHEN {selected_sql} THEN {every_selected} ELSE {every_rest} END) = 0",
        tags.join(", ")
    );
    let names: Vec<_> = CONTRAST_TAGS.iter().map(|tag| format!("\"tag {tag}\"")).collect();
    let unpivoted = format!(
        "SELECT tag[5:] AS tag, value, is_selected FROM sampled UNPIVOT INCLUDE NULLS (value FOR tag IN ({}))",
        names.join(", ")
    );
    let attributes = "SELECT 'attributes.' || key AS tag, value ->> '$' AS value, is_selected \
        FROM sampled, json_each(sampled.attributes) WHERE json_valid(sampled.attributes) \
        AND type IN ('VARCHAR', 'BIGINT', 'UBIGINT', 'DOUBLE', 'BOOLEAN')";
    let sql = format!(
        "WITH sampled AS MATERIALIZED ({sample}), \
         counted AS (SELECT tag, value, count(*) FILTER (WHERE is_selected) AS selected, \
             count(*) FILTER (WHERE NOT is_selected) AS rest FROM ({unpivoted} UNION ALL {attributes}) GROUP BY tag, value) \
         SELECT NULL, NULL, count(*) FILTER (WHERE is_selected), count(*) FILTER (WHERE NOT is_selected) FROM sampled \
         UNION ALL \
         (SELECT tag, value, selected, rest FROM counted \
         QUALIFY row_number() OVER (PARTITION BY tag ORDER BY selected / {} + rest / {} DESC, value) <= {CONTRAST_VALUES_MAX} \
         ORDER BY tag, selected DESC, rest DESC, value)",
        share_of(selected_total.div_ceil(every_selected)),
        share_of(rest_total.div_ceil(every_rest)),
    );
    let rows = reader.rows(&sql, &params, |row| {
        let tag: Option<String> = row.get(0)?;
        let value = ContrastValue {
            value: row.get(1)?,
            selected: unsigned(row.get(2)?),
            rest: unsigned(row.get(3)?),
        };
        Ok((tag, value))
    })?;
    Ok(gather(rows, selected_total, rest_total))
}

/// Rows by tag. A row without a tag counts what was looked at; an attribute's absence is what the others leave.
fn gather(rows: Vec<(Option<String>, ContrastValue)>, selected: u64, rest: u64) -> Contrast {
    let mut contrast = Contrast { selected, rest, ..Contrast::default() };
    let mut tags: Vec<ContrastTag> = Vec::new();
    for (tag, value) in rows {
        let Some(tag) = tag else {
            (contrast.selected_seen, contrast.rest_seen) = (value.selected, value.rest);
            continue;
        };
        match tags.iter_mut().find(|known| known.tag == tag) {
            Some(known) => known.values.push(value),
            None => tags.push(ContrastTag { tag, values: vec![value] }),
        }
    }
    contrast.tags = tags;
    contrast
}

/// A count to divide by, as a float of SQL.
fn share_of(count: u64) -> String {
    format!("{}::DOUBLE", count.max(1))
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
