//! Merging cells: minutes that are over into hours, and the many small rows that batches leave into few.
//!
//! Every step is one transaction that reads rows, merges them, and puts the merged rows in their place: whatever is read
//! at whatever moment adds up to the same.

use duckdb::arrow::array::{
    Array, BinaryArray, Decimal128Array, Float64Array, Int64Array, MapArray, StringArray,
    TimestampMicrosecondArray,
};
use duckdb::{Connection, params_from_iter};
use weir_types::{Cell, CellDelta, Histogram, HistogramError, TagKey, TimeRange, UnixMicros, metric};

use crate::StoreError;
use crate::arrow::{column, tags_at, text_at};
use crate::duck::{Marks, Params};
use crate::recorder::batch::append_cells;
use crate::recorder::fold::Fold;
use crate::recorder::in_transaction;

/// One of the two tables of cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Tier {
    Minute,
    Hour,
}

impl Tier {
    pub(crate) const fn table(self) -> &'static str {
        match self {
            Self::Minute => "cells_1m",
            Self::Hour => "cells_1h",
        }
    }

    pub(crate) const fn step_us(self) -> i64 {
        match self {
            Self::Minute => UnixMicros::MINUTE,
            Self::Hour => UnixMicros::HOUR,
        }
    }
}

/// Writes one hour's cells from its minutes, and the mark that says so. The hour was not rolled up before.
pub(crate) fn roll_up_hour(
    connection: &Connection,
    hour: UnixMicros,
    marks: &mut Marks,
) -> Result<(), StoreError> {
    let range = hour_from(hour);
    let rolled_up = Marks { rolled_up_to: Some(range.to), ..*marks };
    in_transaction(connection, || {
        let minutes = replace_merged(connection, Tier::Minute, range)?;
        let mut hours = Fold::new(UnixMicros::HOUR);
        for delta in &minutes {
            hours.merge(&delta.key.metric, delta.minute, &delta.key.tags, &delta.cell);
        }
        append_cells(connection, Tier::Hour.table(), &hours.finish())
            .and_then(|()| rolled_up.save(connection))
            .map_err(StoreError::duck("write hour cells"))
    })?;
    *marks = rolled_up;
    Ok(())
}

/// Merges the rows of one hour. Returns how many remain.
pub(crate) fn compact_hour(
    connection: &Connection,
    tier: Tier,
    hour: UnixMicros,
) -> Result<usize, StoreError> {
    let mut remaining = 0;
    in_transaction(connection, || {
        remaining = replace_merged(connection, tier, hour_from(hour))?.len();
        Ok(())
    })?;
    Ok(remaining)
}

/// Puts the hour cells of a day that is over in the order of their metrics, each once. A scan asks for one metric over
/// many days, and skips the blocks that have no row of it; while hours lie as they were rolled up, every block has some.
pub(crate) fn order_day(connection: &Connection, day: UnixMicros) -> Result<(), StoreError> {
    let range = TimeRange { from: day, to: day.saturating_add_us(UnixMicros::DAY) };
    in_transaction(connection, || {
        let order = || {
            let (_, merged) = read_merged(connection, Tier::Hour, range)?;
            replace(connection, Tier::Hour, range, &merged)
        };
        order().map_err(StoreError::duck("put a day's cells in order"))
    })
}

fn hour_from(hour: UnixMicros) -> TimeRange {
    TimeRange { from: hour, to: hour.saturating_add_us(UnixMicros::HOUR) }
}

/// Puts merged rows in the place of all rows of a range, within a transaction of the caller. Rows that are merged
/// already stay: where minutes have few calls, as after an import, writing them again was a third of all work.
fn replace_merged(
    connection: &Connection,
    tier: Tier,
    range: TimeRange,
) -> Result<Vec<CellDelta>, StoreError> {
    let merge = || -> duckdb::Result<Vec<CellDelta>> {
        let (rows, merged) = read_merged(connection, tier, range)?;
        if rows != merged.len() {
            replace(connection, tier, range, &merged)?;
        }
        Ok(merged)
    };
    merge().map_err(StoreError::duck("merge cells"))
}

/// Writes cells in the place of all rows of a range.
fn replace(connection: &Connection, tier: Tier, range: TimeRange, cells: &[CellDelta]) -> duckdb::Result<()> {
    let mut params = Params::default();
    let (from, to) = (params.time(range.from), params.time(range.to));
    let sql = format!("DELETE FROM {} WHERE time >= {from} AND time < {to}", tier.table());
    connection.execute(&sql, params_from_iter(params.values()))?;
    append_cells(connection, tier.table(), cells)
}

/// The number of rows of a range, and its cells, each once.
fn read_merged(
    connection: &Connection,
    tier: Tier,
    range: TimeRange,
) -> duckdb::Result<(usize, Vec<CellDelta>)> {
    let mut params = Params::default();
    let (from, to) = (params.time(range.from), params.time(range.to));
    let sql = format!(
        "SELECT metric, time, {}, tags, \"count\", \"sum\", \"min\", \"max\", histogram FROM {} \
         WHERE time >= {from} AND time < {to}",
        metric::CELL_TAGS.join(", "),
        tier.table(),
    );
    let mut fold = Fold::new(tier.step_us());
    let mut statement = connection.prepare(&sql)?;
    drop(statement.stream_arrow(params_from_iter(params.values()))?);
    let mut rows = 0;
    while let Some(chunk) = statement.step()? {
        rows += chunk.len();
        merge_chunk(&chunk, &mut fold)?;
    }
    Ok((rows, fold.finish()))
}

fn merge_chunk(chunk: &duckdb::arrow::array::StructArray, fold: &mut Fold) -> duckdb::Result<()> {
    const TAGS: usize = 2 + metric::CELL_TAGS.len();
    let metrics: &StringArray = column(chunk, 0)?;
    let times: &TimestampMicrosecondArray = column(chunk, 1)?;
    let known = (2..TAGS).map(|index| column(chunk, index)).collect::<Result<Vec<&StringArray>, _>>()?;
    let others: &MapArray = column(chunk, TAGS)?;
    let cells = CellColumns::of(chunk, TAGS + 1, true)?;
    for row in 0..chunk.len() {
        let mut tags = tags_at(others, row)?;
        for (key, column) in metric::CELL_TAGS.into_iter().zip(&known) {
            if let Some(value) = text_at(column, row) {
                tags.set(TagKey::new(key), value);
            }
        }
        fold.merge(&metrics.value(row).into(), UnixMicros(times.value(row)), &tags, &cells.at(row)?);
    }
    Ok(())
}

/// The columns `count, sum, min, max, histogram` of a result.
pub(crate) struct CellColumns<'a> {
    counts: &'a Int64Array,
    sums: &'a Decimal128Array,
    mins: &'a Float64Array,
    maxs: &'a Float64Array,
    histograms: Option<&'a BinaryArray>,
}

impl<'a> CellColumns<'a> {
    /// The columns from this one on; histograms only when they were asked for.
    pub(crate) fn of(
        chunk: &'a duckdb::arrow::array::StructArray,
        first: usize,
        with_histograms: bool,
    ) -> duckdb::Result<Self> {
        Ok(Self {
            counts: column(chunk, first)?,
            sums: column(chunk, first + 1)?,
            mins: column(chunk, first + 2)?,
            maxs: column(chunk, first + 3)?,
            histograms: if with_histograms { Some(column(chunk, first + 4)?) } else { None },
        })
    }

    /// The cell of a row but for its histogram.
    pub(crate) fn totals(&self, row: usize) -> Cell {
        Cell {
            count: u64::try_from(self.counts.value(row)).unwrap_or(0),
            sum_nano: self.sums.value(row),
            min: self.mins.is_valid(row).then(|| self.mins.value(row)),
            max: self.maxs.is_valid(row).then(|| self.maxs.value(row)),
            ..Cell::default()
        }
    }

    /// The bytes of a row's histogram; `None` where there is none, or was not asked for.
    pub(crate) fn histogram(&self, row: usize) -> Option<&'a [u8]> {
        self.histograms.filter(|histograms| histograms.is_valid(row)).map(|histograms| histograms.value(row))
    }

    /// The cell of a row.
    pub(crate) fn at(&self, row: usize) -> duckdb::Result<Cell> {
        let histogram = self.histogram(row).map(Histogram::decode).transpose().map_err(unreadable)?;
        Ok(Cell { histogram: histogram.unwrap_or_default(), ..self.totals(row) })
    }
}

/// Bytes of a cell that are no histogram.
pub(crate) fn unreadable(error: HistogramError) -> duckdb::Error {
    duckdb::Error::ToSqlConversionFailure(Box::new(error))
}
