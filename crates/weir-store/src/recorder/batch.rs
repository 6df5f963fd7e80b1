//! What one transaction brings: rows, cells, and the position that makes it happen once.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use duckdb::{Connection, appender_params_from_iter};
use weir_types::{CellDelta, Record, Score, Span, SpanId, Tags, TraceId, UnixMicros};

use crate::StoreError;
use crate::duck::Marks;
use crate::recorder::fold::{self, Fold};
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

/// The tags of spans that scores are about, as far as known.
pub(crate) type SpanTags = HashMap<(TraceId, SpanId), Tags>;

impl Batch {
    pub(crate) fn counts(&self) -> RecordCounts {
        let mut counts = RecordCounts::default();
        self.records.iter().for_each(|record| counts.count(record));
        counts
    }

    /// The spans that scores in this batch are about and that are not in it, and the earliest time of such a score.
    pub(crate) fn missing_spans(&self) -> (BTreeSet<(TraceId, SpanId)>, UnixMicros) {
        let mut missing = BTreeSet::new();
        let mut earliest = UnixMicros(i64::MAX);
        for score in self.scores() {
            if let Some(span_id) = score.span_id {
                missing.insert((score.trace_id, span_id));
                earliest = earliest.min(score.time);
            }
        }
        for record in &self.records {
            if let Record::Span(span) = record {
                missing.remove(&(span.trace_id, span.span_id));
            }
        }
        (missing, earliest)
    }

    /// Adds the tags of the batch's own spans, when a score may ask for them.
    pub(crate) fn add_span_tags(&self, known: &mut SpanTags) {
        if self.scores().next().is_none() {
            return;
        }
        for record in &self.records {
            if let Record::Span(span) = record {
                known.insert((span.trace_id, span.span_id), fold::tags_of_span(span));
            }
        }
    }

    /// The cells of the batch, and of other spans that are stored already, by minute.
    pub(crate) fn cells(&self, span_tags: &SpanTags, others: &[Span]) -> Vec<CellDelta> {
        let mut fold = Fold::new(UnixMicros::MINUTE);
        for record in &self.records {
            let tags = match record {
                Record::Score(score) => tags_for(score, span_tags),
                _ => None,
            };
            fold.record(record, tags);
        }
        for span in others {
            fold.span(span);
        }
        fold.finish()
    }

    /// Writes rows and cells within a transaction of the caller.
    pub(crate) fn write(
        &self,
        connection: &Connection,
        span_tags: &SpanTags,
        cells: &[CellDelta],
        new_tags: &[MetricTag],
        marks: &Marks,
    ) -> Result<(), StoreError> {
        let fail = StoreError::duck("append rows");
        let write = || {
            self.write_rows(connection, span_tags)?;
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

    fn write_rows(&self, connection: &Connection, span_tags: &SpanTags) -> duckdb::Result<()> {
        let (mut spans, mut scores, mut points, mut events) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for record in &self.records {
            match record {
                Record::Span(span) => spans.push(&**span),
                Record::Score(score) => scores.push(ScoreRow {
                    score,
                    cell_tags: fold::tags_of_score(score, tags_for(score, span_tags)),
                }),
                Record::Point(point) => points.push(&**point),
                Record::Event(event) => events.push(&**event),
            }
        }
        append(connection, "spans", spans.len(), || rows::spans(&spans))?;
        append(connection, "scores", scores.len(), || rows::scores(&scores))?;
        append(connection, "points", points.len(), || rows::points(&points))?;
        append(connection, "events", events.len(), || rows::events(&events))
    }

    fn scores(&self) -> impl Iterator<Item = &Score> {
        self.records.iter().filter_map(|record| match record {
            Record::Score(score) => Some(&**score),
            _ => None,
        })
    }
}

fn tags_for<'a>(score: &Score, span_tags: &'a SpanTags) -> Option<&'a Tags> {
    span_tags.get(&(score.trace_id, score.span_id?))
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
