//! Scans of rows: spans for derived metrics, events for the metric of events, points and numeric scores for all others.
//!
//! A value's bucket in the histogram is computed in SQL as [`Histogram::bucket_of`](weir_types::Histogram) does, and
//! rows are counted by it; so a percentile needs one pass and no list of values.

use duckdb::arrow::array::{Array, Decimal128Array, Float64Array, Int32Array, Int64Array, StructArray};
use weir_types::{Cell, HistogramSum, ScanRequest, metric};

use crate::arrow::column;
use crate::derived::{CALLS_SQL, DerivedMetric};
use crate::duck::{Params, Reader};
use crate::recorder::VALUE_NANO_MAX;
use crate::scan::groups::{GroupColumns, Groups};
use crate::scan::{Buckets, Failure, wants_histogram};
use crate::tag_sql::TagTable;

/// Units of a cell's sum in one.
const NANO: i128 = 1_000_000_000;

/// Answers a scan from rows.
pub(crate) fn scan(
    reader: &Reader,
    request: &ScanRequest,
    buckets: Buckets,
    groups: &mut Groups,
) -> Result<(), Failure> {
    let mut params = Params::default();
    let (sql, nano) = match DerivedMetric::find(&request.metric) {
        Some(metric) => (of_spans(metric, request, buckets, &mut params), metric.nano),
        None if *request.metric == *metric::EVENTS => (of_events(request, buckets, &mut params), NANO),
        None => (of_points(request, buckets, &mut params), 1),
    };
    reader.for_each_chunk(&sql, &params, |chunk| merge(chunk, nano, groups))
}

/// Columns: the tags of the group, the bucket of time, the bucket of the histogram, count, sum, least, greatest.
fn of_spans(
    metric: &'static DerivedMetric,
    request: &ScanRequest,
    buckets: Buckets,
    params: &mut Params,
) -> String {
    let table = TagTable::Spans(Some(metric));
    let keys = keys(table, request, buckets, "start_time", params);
    let (from, to) = (params.time(request.range.from), params.time(request.range.to));
    let scope = table.scope_sql(&request.scope, params);
    let bucket = if wants_histogram(request) && metric.has_histogram {
        histogram_sql(&metric.unit_sql())
    } else {
        NO_BUCKET.to_owned()
    };
    format!(
        "SELECT {keys}, {bucket}, count(*), {}, {}, {} FROM {} \
         WHERE {CALLS_SQL} AND {} AND start_time >= {from} AND start_time < {to} AND {scope} GROUP BY ALL HAVING count(*) > 0",
        metric.sum_sql(),
        metric.extreme_sql("min"),
        metric.extreme_sql("max"),
        metric.from_sql,
        metric.filter_sql,
    )
}

fn of_events(request: &ScanRequest, buckets: Buckets, params: &mut Params) -> String {
    let table = TagTable::Events;
    let keys = keys(table, request, buckets, "time", params);
    let (from, to) = (params.time(request.range.from), params.time(request.range.to));
    let scope = table.scope_sql(&request.scope, params);
    format!(
        "SELECT {keys}, {NO_BUCKET}, count(*), count(*)::HUGEINT, 1::DOUBLE, 1::DOUBLE FROM events \
         WHERE time >= {from} AND time < {to} AND {scope} GROUP BY ALL HAVING count(*) > 0"
    )
}

fn of_points(request: &ScanRequest, buckets: Buckets, params: &mut Params) -> String {
    let name = params.text(&request.metric);
    let (from, to) = (params.time(request.range.from), params.time(request.range.to));
    let mut part = |table: TagTable, name_of_table: &str, value: &str, has_histogram: &str| {
        let keys = keys(table, request, buckets, "time", params);
        let scope = table.scope_sql(&request.scope, params);
        let bucket = if wants_histogram(request) {
            format!("CASE WHEN {has_histogram} THEN {} END", histogram_sql("value"))
        } else {
            NO_BUCKET.to_owned()
        };
        let nano = format!(
            "greatest(least(round({value} * {:?}::DOUBLE), {VALUE_NANO_MAX:?}), -{VALUE_NANO_MAX:?})::HUGEINT",
            Cell::NANO
        );
        format!(
            "SELECT {keys}, {bucket}, count(*), sum({nano}), min({value}), max({value}) FROM {name_of_table} \
             WHERE name = {name} AND isfinite(value) AND time >= {from} AND time < {to} AND {scope} GROUP BY ALL HAVING count(*) > 0"
        )
    };
    // A set's value is a hash: it can be counted and nothing else.
    let of_point = "(CASE WHEN kind = 'set' THEN 0::DOUBLE ELSE value END)";
    let points = part(TagTable::Points, "points", of_point, "kind NOT IN ('count', 'set')");
    let scores = part(TagTable::Cells, "scores", "value", "TRUE");
    format!("{points} UNION ALL {scores}")
}

fn keys(table: TagTable, request: &ScanRequest, buckets: Buckets, time: &str, params: &mut Params) -> String {
    let mut keys: Vec<_> = request
        .by
        .iter()
        .map(|key| table.value_sql(key.as_str(), params).unwrap_or_else(|| "NULL::VARCHAR".to_owned()))
        .collect();
    keys.push(buckets.index_sql(time));
    keys.join(", ")
}

/// The number of a histogram's bucket: itself for values above zero, shifted by [`NEGATIVE`] below, [`ZERO`] at zero.
const NEGATIVE: i32 = 100_000;
const ZERO: i32 = 1_000_000;
const NO_BUCKET: &str = "NULL::INTEGER";

fn histogram_sql(value: &str) -> String {
    format!(
        "(CASE WHEN {value} > 0 THEN (ceil(log2({value}) * 32) - 1)::INTEGER \
         WHEN {value} < 0 THEN (ceil(log2(-{value}) * 32) - 1)::INTEGER + {NEGATIVE} ELSE {ZERO} END)"
    )
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to the range just before")]
fn add_bucket(histogram: &mut HistogramSum, number: i32, count: u64) {
    let bucket = |number: i32| number.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
    if number == ZERO {
        histogram.add_zeros(count);
    } else if number > NEGATIVE / 2 {
        histogram.add_negative_bucket(bucket(number - NEGATIVE), count);
    } else {
        histogram.add_bucket(bucket(number), count);
    }
}

fn merge(chunk: &StructArray, nano: i128, groups: &mut Groups) -> Result<(), Failure> {
    let first = groups.columns();
    let columns = GroupColumns::of(chunk, first - 1)?;
    let buckets: &Int32Array = column(chunk, first)?;
    let counts: &Int64Array = column(chunk, first + 1)?;
    let sums: &Decimal128Array = column(chunk, first + 2)?;
    let (mins, maxs): (&Float64Array, &Float64Array) = (column(chunk, first + 3)?, column(chunk, first + 4)?);
    for row in 0..chunk.len() {
        let count = u64::try_from(counts.value(row)).unwrap_or(0);
        let sum = groups.cell(&columns, row)?;
        sum.cell.merge(&Cell {
            count,
            sum_nano: sums.value(row).saturating_mul(nano),
            min: mins.is_valid(row).then(|| mins.value(row)),
            max: maxs.is_valid(row).then(|| maxs.value(row)),
            ..Cell::default()
        });
        if buckets.is_valid(row) {
            add_bucket(sum.histogram(), buckets.value(row), count);
        }
    }
    Ok(())
}
