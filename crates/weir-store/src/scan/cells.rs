//! Scans of cells: which tier answers for which part of the range, and the statement.
//!
//! Hours are whole in `cells_1h` up to a mark, minutes are whole in `cells_1m` from a mark on. Both marks are read in
//! the transaction of the scan, so that a roll-up in between changes nothing. Where a bucket holds whole hours, hours
//! answer for them and minutes for the edges; where minutes are gone, hours answer, each at the time of its start.

use duckdb::arrow::array::{Array as _, StructArray};
use weir_types::{ScanRequest, TimeRange, UnixMicros, metric};

use crate::duck::{Marks, Params, Reader};
use crate::recorder::{CellColumns, Tier, unreadable};
use crate::scan::groups::{GroupColumns, Groups};
use crate::scan::{Buckets, Failure, wants_histogram};
use crate::tag_sql::TagTable;

/// Answers a scan from cells.
pub(crate) fn scan(
    reader: &Reader,
    request: &ScanRequest,
    buckets: Buckets,
    groups: &mut Groups,
) -> Result<(), Failure> {
    reader.in_snapshot(Failure::from, || {
        let marks = Marks::load(reader.connection())?;
        scan_at(reader, request, buckets, &marks, groups)
    })
}

/// Answers a scan within a transaction of the caller, who has read its marks.
pub(crate) fn scan_at(
    reader: &Reader,
    request: &ScanRequest,
    buckets: Buckets,
    marks: &Marks,
    groups: &mut Groups,
) -> Result<(), Failure> {
    let parts = parts(request.range, buckets, marks);
    let mut params = Params::default();
    let sql = statement(request, buckets, &parts, &mut params);
    reader.for_each_chunk(&sql, &params, |chunk| merge(chunk, wants_histogram(request), groups))
}

/// Which tier answers for which part of a range.
fn parts(range: TimeRange, buckets: Buckets, marks: &Marks) -> Vec<(Tier, TimeRange)> {
    let within =
        |from: UnixMicros, to: UnixMicros| TimeRange { from: from.max(range.from), to: to.min(range.to) };
    let minutes_from = marks.minutes_from.clamp(range.from, range.to);
    let (mut hours_from, mut hours_to) = (minutes_from, minutes_from);
    if let (true, Some(rolled_up_to)) = (buckets.keep_hours_whole(), marks.rolled_up_to) {
        let first_whole = minutes_from.saturating_add_us(UnixMicros::HOUR - 1).floor_to(UnixMicros::HOUR);
        let end = range.to.floor_to(UnixMicros::HOUR).min(rolled_up_to);
        if first_whole < end {
            (hours_from, hours_to) = (first_whole, end);
        }
    }
    let parts = [
        (Tier::Hour, within(range.from, minutes_from)),
        (Tier::Minute, within(minutes_from, hours_from)),
        (Tier::Hour, within(hours_from, hours_to)),
        (Tier::Minute, within(hours_to, range.to)),
    ];
    parts.into_iter().filter(|(_, part)| !part.is_empty()).collect()
}

fn statement(
    request: &ScanRequest,
    buckets: Buckets,
    parts: &[(Tier, TimeRange)],
    params: &mut Params,
) -> String {
    let table = TagTable::Cells;
    let metric = params.text(&request.metric);
    let scope = table.scope_sql(&request.scope, params);
    let mut keys: Vec<_> = request
        .by
        .iter()
        .map(|key| table.value_sql(key.as_str(), params).unwrap_or_else(|| "NULL::VARCHAR".to_owned()))
        .collect();
    keys.push(buckets.index_sql("time"));
    let histogram = if wants_histogram(request) { ", histogram" } else { "" };
    let rows: Vec<_> = parts
        .iter()
        .map(|(tier, part)| {
            let (from, to) = (params.time(part.from), params.time(part.to));
            format!(
                "SELECT {}, tags, time, \"count\", \"sum\", \"min\", \"max\"{histogram} FROM {} \
                 WHERE metric = {metric} AND time >= {from} AND time < {to} AND {scope}",
                metric::CELL_TAGS.join(", "),
                tier.table(),
            )
        })
        .collect();
    let rows = rows.join(" UNION ALL ");
    let keys = keys.join(", ");
    if wants_histogram(request) {
        return format!("SELECT {keys}, \"count\", \"sum\", \"min\", \"max\", histogram FROM ({rows})");
    }
    format!(
        "SELECT {keys}, sum(\"count\")::BIGINT, sum(\"sum\"), min(\"min\"), max(\"max\") FROM ({rows}) GROUP BY ALL HAVING count(*) > 0"
    )
}

fn merge(chunk: &StructArray, with_histograms: bool, groups: &mut Groups) -> Result<(), Failure> {
    let columns = GroupColumns::of(chunk, groups.columns() - 1)?;
    let cells = CellColumns::of(chunk, groups.columns(), with_histograms)?;
    for row in 0..chunk.len() {
        let sum = groups.cell(&columns, row)?;
        sum.cell.merge(&cells.totals(row));
        if let Some(bytes) = cells.histogram(row) {
            sum.histogram().add_encoded(bytes).map_err(unreadable)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = UnixMicros::HOUR;
    const MINUTE: i64 = UnixMicros::MINUTE;

    fn tiers(
        from: i64,
        to: i64,
        step: Option<i64>,
        rolled_up_to: i64,
        minutes_from: i64,
    ) -> Vec<(Tier, i64, i64)> {
        let marks = Marks {
            journal_position: 0,
            rolled_up_to: Some(UnixMicros(rolled_up_to)),
            minutes_from: UnixMicros(minutes_from),
        };
        let buckets = Buckets { first: UnixMicros(from), step_us: step };
        let range = TimeRange { from: UnixMicros(from), to: UnixMicros(to) };
        parts(range, buckets, &marks).into_iter().map(|(tier, part)| (tier, part.from.0, part.to.0)).collect()
    }

    #[test]
    fn hours_answer_for_whole_hours_and_minutes_for_the_edges() {
        assert_eq!(
            tiers(10 * HOUR + MINUTE, 20 * HOUR + MINUTE, None, 18 * HOUR, 0),
            [
                (Tier::Minute, 10 * HOUR + MINUTE, 11 * HOUR),
                (Tier::Hour, 11 * HOUR, 18 * HOUR),
                (Tier::Minute, 18 * HOUR, 20 * HOUR + MINUTE),
            ]
        );
    }

    #[test]
    fn steps_that_cut_hours_are_answered_by_minutes() {
        assert_eq!(tiers(0, 4 * HOUR, Some(30 * MINUTE), 4 * HOUR, 0), [(Tier::Minute, 0, 4 * HOUR)]);
    }

    #[test]
    fn where_minutes_are_gone_hours_answer_for_every_step() {
        assert_eq!(
            tiers(0, 4 * HOUR, Some(MINUTE), 3 * HOUR, 2 * HOUR),
            [(Tier::Hour, 0, 2 * HOUR), (Tier::Minute, 2 * HOUR, 4 * HOUR)]
        );
    }
}
