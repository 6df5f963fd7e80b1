//! The spans that the scores of a batch are about: their traces, where a judge numbers those in another way, and the
//! tags by which their scores are grouped.
//!
//! A span is looked for in the batch first, and then in the tables. Spans of one id in several traces do not occur but
//! in tests; the least trace is taken, so that the same records always give the same rows.

use std::collections::{BTreeSet, HashMap};

use duckdb::{Connection, params_from_iter};
use weir_types::{Record, Score, Span, SpanId, TagKey, Tags, TraceId, UnixMicros, metric};

use crate::StoreError;
use crate::duck::Params;
use crate::recorder::batch::Batch;
use crate::recorder::fold;

/// How long before a score its span may have started for the score to be grouped by the span's tags.
const SPAN_BEFORE_SCORE_US: i64 = UnixMicros::DAY;

/// The same for a span that is looked for by its id alone, and without which a score has no trace: what was kept is
/// judged days later too.
const SPAN_BEFORE_LONE_SCORE_US: i64 = 7 * UnixMicros::DAY;

/// Spans that scores are about, as far as known.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    tags: HashMap<(TraceId, SpanId), Tags>,
    traces: HashMap<SpanId, TraceId>,
}

impl Judged {
    /// Looks for the spans that a batch's scores are about.
    pub(super) fn of(connection: &Connection, batch: &Batch) -> Result<Self, StoreError> {
        let mut judged = Self::default();
        let wanted: BTreeSet<_> = batch.scores().filter_map(|score| score.span_id).collect();
        if wanted.is_empty() {
            return Ok(judged);
        }
        judged.add_told(batch, &wanted);
        let mut look = |before_us, is_wanted: fn(&Score) -> bool| {
            let found = judged.add_stored(connection, batch, before_us, is_wanted);
            found.map_err(StoreError::duck("look up the spans of scores"))
        };
        look(SPAN_BEFORE_SCORE_US, |_| true)?;
        look(SPAN_BEFORE_LONE_SCORE_US, |score| score.by_span_alone)?;
        Ok(judged)
    }

    /// The spans of a batch that have one of some ids.
    pub(super) fn told(batch: &Batch, wanted: &BTreeSet<SpanId>) -> Self {
        let mut judged = Self::default();
        judged.add_told(batch, wanted);
        judged
    }

    /// The trace of the span that a score is about, and the tags that cells carry of it.
    pub(super) fn span_of(&self, score: &Score) -> Option<(TraceId, &Tags)> {
        let span_id = score.span_id?;
        let trace_id = if score.by_span_alone { *self.traces.get(&span_id)? } else { score.trace_id };
        Some((trace_id, self.tags.get(&(trace_id, span_id))?))
    }

    fn add(&mut self, trace_id: TraceId, span_id: SpanId, tags: Tags) {
        self.tags.insert((trace_id, span_id), tags);
        let known = self.traces.entry(span_id).or_insert(trace_id);
        *known = trace_id.min(*known);
    }

    fn add_told(&mut self, batch: &Batch, wanted: &BTreeSet<SpanId>) {
        for record in &batch.records {
            if let Record::Span(span) = record
                && wanted.contains(&span.span_id)
            {
                let span: &Span = span;
                self.add(span.trace_id, span.span_id, fold::tags_of_span(span));
            }
        }
    }

    /// Looks in the tables for the spans that are not known yet.
    fn add_stored(
        &mut self,
        connection: &Connection,
        batch: &Batch,
        before_us: i64,
        is_wanted: impl Fn(&Score) -> bool,
    ) -> duckdb::Result<()> {
        let missing = || {
            let unknown = |score: &&Score| is_wanted(score) && self.span_of(score).is_none();
            batch.scores().filter(unknown).filter_map(|score| Some((score.span_id?, score.time)))
        };
        let ids: BTreeSet<_> = missing().map(|(id, _)| id).collect();
        let Some(earliest) = missing().map(|(_, time)| time).min() else { return Ok(()) };
        let mut params = Params::default();
        let from = params.time(earliest.saturating_add_us(-before_us));
        let ids: Vec<_> = ids.iter().map(|id| params.text(&id.to_string())).collect();
        let sql = format!(
            "SELECT trace_id, span_id, {} FROM spans WHERE start_time >= {from} AND span_id IN ({})",
            metric::CELL_TAGS.join(", "),
            ids.join(", "),
        );
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query(params_from_iter(params.values()))?;
        while let Some(row) = rows.next()? {
            let (trace, span): (String, String) = (row.get(0)?, row.get(1)?);
            let (Ok(trace), Ok(span)) = (trace.parse(), span.parse()) else { continue };
            let mut tags = Tags::new();
            for (index, key) in metric::CELL_TAGS.into_iter().enumerate() {
                if let Some(value) = row.get::<_, Option<String>>(index + 2)? {
                    tags.set(TagKey::new(key), fold::cut(&value));
                }
            }
            self.add(trace, span, tags);
        }
        Ok(())
    }
}
