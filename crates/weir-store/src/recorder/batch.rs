//! What one transaction brings: rows, cells, and the position that makes it happen once.

use std::sync::Arc;

use duckdb::{Connection, appender_params_from_iter};
use weir_types::{CellDelta, Record, Score, Span, UnixMicros};

use crate::StoreError;
use crate::duck::Marks;
use crate::recorder::awaiting::{self, Arrivals};
use crate::recorder::fold::{self, Fold};
use crate::recorder::judged::Judged;
use crate::recorder::rows::{self, ScoreRow};
use crate::stats::RecordCounts;

/// A metric and a tag that it was seen with; the empty tag stands for none.
pub(crate) type MetricTag = (Arc<str>, Arc<str>);

/// Records on their way into DuckDB.
#[derive(Debug)]
pub(crate) struct Batch {
    /// The position of the last append in it.
    pub position: u64,
    pub records: Vec<Record>,
}

impl Batch {
    pub(crate) fn counts(&self) -> RecordCounts {
        let mut counts = RecordCounts::default();
        self.records.iter().for_each(|record| counts.count(record));
        counts
    }

    /// The cells of the batch, and of other spans and of scores that are stored already, by minute.
    pub(crate) fn cells(&self, judged: &Judged, others: &[Span], arrivals: &Arrivals) -> Vec<CellDelta> {
        let mut fold = Fold::new(UnixMicros::MINUTE);
        for record in &self.records {
            let tags = match record {
                Record::Score(score) => judged.span_of(score).map(|(_, tags)| tags),
                _ => None,
            };
            fold.record(record, tags);
        }
        for span in others {
            fold.span(span);
        }
        arrivals.add_to(&mut fold);
        fold.finish()
    }

    /// Its events as cells, which are told and not stored.
    pub(crate) fn event_cells(&self) -> Vec<CellDelta> {
        let mut fold = Fold::new(UnixMicros::MINUTE);
        for record in &self.records {
            if let Record::Event(event) = record {
                fold.event(event);
            }
        }
        fold.finish()
    }

    /// Writes rows and cells within a transaction of the caller.
    pub(crate) fn write(
        &self,
        connection: &Connection,
        judged: &Judged,
        cells: &[CellDelta],
        new_tags: &[MetricTag],
        marks: &Marks,
    ) -> Result<(), StoreError> {
        let fail = StoreError::duck("append rows");
        let write = || {
            self.write_rows(connection, judged)?;
            append_cells(connection, "cells_1m", cells)?;
            // The hours that are closed already get what came late, so that they stay whole.
            let mut late = Fold::new(UnixMicros::HOUR);
            for delta in
                cells.iter().filter(|delta| marks.rolled_up_to.is_some_and(|mark| delta.minute < mark))
            {
                late.merge(&delta.key.metric, delta.minute, &delta.key.tags, &delta.cell);
            }
            append_cells(connection, "cells_1h", &late.finish())?;
            append_metric_tags(connection, new_tags)
        };
        write().map_err(fail)
    }

    fn write_rows(&self, connection: &Connection, judged: &Judged) -> duckdb::Result<()> {
        let (mut spans, mut scores, mut points, mut events) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for record in &self.records {
            match record {
                Record::Span(span) => spans.push(&**span),
                Record::Score(score) => {
                    let span = judged.span_of(score);
                    scores.push(ScoreRow {
                        score,
                        trace_id: span.map_or(score.trace_id, |(trace_id, _)| trace_id),
                        awaits: if span.is_some() { None } else { awaiting::what(score) },
                        cell_tags: fold::tags_of_score(score, span.map(|(_, tags)| tags)),
                    });
                }
                Record::Point(point) => points.push(&**point),
                Record::Event(event) => events.push(&**event),
            }
        }
        append(connection, "spans", spans.len(), || rows::spans(&spans))?;
        append(connection, "scores", scores.len(), || rows::scores(&scores))?;
        append(connection, "points", points.len(), || rows::points(&points))?;
        append(connection, "events", events.len(), || rows::events(&events))
    }

    /// The batch's scores.
    pub(super) fn scores(&self) -> impl Iterator<Item = &Score> {
        self.records.iter().filter_map(|record| match record {
            Record::Score(score) => Some(&**score),
            _ => None,
        })
    }
}

/// Appends cells to one of the two tables of cells.
pub(crate) fn append_cells(connection: &Connection, table: &str, cells: &[CellDelta]) -> duckdb::Result<()> {
    append(connection, table, cells.len(), || rows::cells(cells))
}

fn append(
    connection: &Connection,
    table: &str,
    rows: usize,
    batch: impl FnOnce() -> Result<duckdb::arrow::array::RecordBatch, duckdb::arrow::error::ArrowError>,
) -> duckdb::Result<()> {
    if rows == 0 {
        return Ok(());
    }
    let batch = batch().map_err(|error| duckdb::Error::ToSqlConversionFailure(Box::new(error)))?;
    let mut appender = connection.appender(table)?;
    appender.append_record_batch(batch)?;
    appender.flush()
}

fn append_metric_tags(connection: &Connection, new_tags: &[MetricTag]) -> duckdb::Result<()> {
    if new_tags.is_empty() {
        return Ok(());
    }
    let mut appender = connection.appender("metric_tags")?;
    for (metric, tag) in new_tags {
        appender.append_row(appender_params_from_iter([&**metric, &**tag]))?;
    }
    appender.flush()
}
