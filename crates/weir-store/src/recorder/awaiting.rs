//! Scores that came before their span. When the span comes, they get its trace and are grouped by its tags: row and
//! cells are changed in the transaction of the batch, so that what is stored does not depend on who came first.
//!
//! The table says which scores wait (`awaits`); an index in memory says for which spans, so that a batch of spans costs
//! a look-up for each span and a statement only where one of them was waited for. The index holds the newest
//! [`AWAITED_SPANS_MAX`] spans; what leaves it stays as it is.

use std::collections::{BTreeSet, HashMap, VecDeque};

use duckdb::{Connection, params_from_iter};
use weir_types::{Record, Score, SpanId, Tags, TimeRange, TraceId, UnixMicros};

use crate::StoreError;
use crate::arrow::{Columns, storable};
use crate::browse::{SCORE_COLUMNS, read_score};
use crate::duck::Params;
use crate::recorder::batch::Batch;
use crate::recorder::fold::{self, Fold};
use crate::recorder::judged::Judged;
use crate::recorder::rows::with_cell_tags;

/// Spans that are waited for, at about 60 bytes each. Those of a service whose spans never come must not push out all
/// others at once: at ten scores a second this is almost two hours.
const AWAITED_SPANS_MAX: usize = 65_536;

/// What a score waits for: a span of its own trace …
pub(super) const SPAN: &str = "span";
/// … or of any trace.
pub(super) const SPAN_ALONE: &str = "span_alone";

/// What a score waits for whose span is not stored; `None` when it is about a trace.
pub(super) fn what(score: &Score) -> Option<&'static str> {
    score.span_id.map(|_| if score.by_span_alone { SPAN_ALONE } else { SPAN })
}

/// The index.
#[derive(Default)]
pub(super) struct Awaiting {
    /// When the scores of each span were made.
    times: HashMap<SpanId, TimeRange>,
    order: VecDeque<SpanId>,
    is_loaded: bool,
}

/// Scores whose spans came with a batch.
#[derive(Default)]
pub(super) struct Arrivals {
    settled: Vec<Settled>,
}

/// A score that waits no more.
struct Settled {
    row: i64,
    score: Score,
    trace_id: TraceId,
    span_tags: Tags,
    cell_tags: Tags,
}

impl Awaiting {
    /// Reads which scores wait, after a start.
    pub(super) fn load(&mut self, connection: &Connection) -> Result<(), StoreError> {
        if !self.is_loaded {
            self.read(connection).map_err(StoreError::duck("read which scores wait for their spans"))?;
            self.is_loaded = true;
        }
        Ok(())
    }

    fn read(&mut self, connection: &Connection) -> duckdb::Result<()> {
        let sql = format!(
            "SELECT span_id, made_us FROM (SELECT span_id, epoch_us(time) AS made_us, rowid AS number FROM scores \
             WHERE awaits IS NOT NULL ORDER BY number DESC LIMIT {AWAITED_SPANS_MAX}) ORDER BY number"
        );
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if let Ok(span_id) = row.get::<_, String>(0)?.parse() {
                self.add(span_id, UnixMicros(row.get(1)?));
            }
        }
        Ok(())
    }

    fn add(&mut self, span_id: SpanId, time: UnixMicros) {
        let time = storable(time);
        let own = TimeRange { from: time, to: time.saturating_add_us(1) };
        let mut is_new = false;
        let times = self.times.entry(span_id).or_insert_with(|| {
            is_new = true;
            own
        });
        *times = TimeRange { from: times.from.min(own.from), to: times.to.max(own.to) };
        if is_new {
            self.order.push_back(span_id);
        }
        if self.order.len() > AWAITED_SPANS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.times.remove(&oldest);
        }
    }

    /// The stored scores that are about spans of a batch.
    pub(super) fn arrivals(&self, connection: &Connection, batch: &Batch) -> Result<Arrivals, StoreError> {
        let mut wanted = BTreeSet::new();
        let mut range: Option<TimeRange> = None;
        if !self.times.is_empty() {
            for record in &batch.records {
                let Record::Span(span) = record else { continue };
                if let Some(times) = self.times.get(&span.span_id) {
                    wanted.insert(span.span_id);
                    let (from, to) = range.map_or((times.from, times.to), |range| (range.from, range.to));
                    range = Some(TimeRange { from: from.min(times.from), to: to.max(times.to) });
                }
            }
        }
        let Some(range) = range else { return Ok(Arrivals::default()) };
        let told = Judged::told(batch, &wanted);
        let settled = waiting(connection, &wanted, range, &told);
        Ok(Arrivals { settled: settled.map_err(StoreError::duck("look for scores that wait for spans"))? })
    }

    /// Notes what is stored now.
    pub(super) fn note(&mut self, batch: &Batch, judged: &Judged, arrivals: &Arrivals) {
        for settled in &arrivals.settled {
            let Some(span_id) = settled.score.span_id else { continue };
            if self.times.remove(&span_id).is_some() {
                self.order.retain(|known| *known != span_id);
            }
        }
        for score in batch.scores() {
            if let Some(span_id) = score.span_id
                && judged.span_of(score).is_none()
            {
                self.add(span_id, score.time);
            }
        }
    }
}

fn waiting(
    connection: &Connection,
    spans: &BTreeSet<SpanId>,
    range: TimeRange,
    told: &Judged,
) -> duckdb::Result<Vec<Settled>> {
    let mut params = Params::default();
    let (from, to) = (params.time(range.from), params.time(range.to));
    let ids: Vec<_> = spans.iter().map(|id| params.text(&id.to_string())).collect();
    let sql = format!(
        "SELECT {SCORE_COLUMNS}, rowid AS row_number, awaits FROM scores \
         WHERE time >= {from} AND time < {to} AND awaits IS NOT NULL AND span_id IN ({})",
        ids.join(", ")
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query(params_from_iter(params.values()))?;
    let mut settled = Vec::new();
    while let Some(row) = rows.next()? {
        let mut score = read_score(row)?;
        score.by_span_alone = row.get::<_, String>("awaits")? == SPAN_ALONE;
        let Some((trace_id, span_tags)) = told.span_of(&score) else { continue };
        let (span_tags, row) = (span_tags.clone(), row.get("row_number")?);
        let cell_tags = fold::tags_of_score(&score, Some(&span_tags));
        settled.push(Settled { row, score, trace_id, span_tags, cell_tags });
    }
    Ok(settled)
}

impl Arrivals {
    /// Changes rows that are stored; before the batch is written.
    pub(super) fn change_rows(&self, connection: &Connection) -> Result<(), StoreError> {
        let times = self.settled.iter().map(|settled| settled.score.time);
        let (Some(first), Some(last)) = (times.clone().min(), times.max()) else { return Ok(()) };
        let range = TimeRange { from: first, to: last.saturating_add_us(1) };
        update(connection, &self.settled, range).map_err(StoreError::duck("join scores to their spans"))
    }

    /// Adds what the scores contribute now.
    pub(super) fn add_to(&self, fold: &mut Fold) {
        for settled in &self.settled {
            fold.score(&settled.score, Some(&settled.span_tags));
        }
    }

    /// Adds what they contributed before, which is to be taken away.
    pub(super) fn removed_to(&self, fold: &mut Fold) {
        for settled in &self.settled {
            fold.score(&settled.score, None);
        }
    }
}

fn update(connection: &Connection, settled: &[Settled], range: TimeRange) -> duckdb::Result<()> {
    let columns: Vec<_> = ["trace_id"].into_iter().chain(weir_types::metric::CELL_TAGS).collect();
    connection.execute_batch(&format!(
        "CREATE TEMP TABLE IF NOT EXISTS settled_scores AS SELECT rowid AS row_number, {} FROM scores LIMIT 0",
        columns.join(", ")
    ))?;
    let rows = Columns::of(settled)
        .int("row_number", |settled| Some(settled.row))
        .shown("trace_id", |settled| Some(settled.trace_id));
    let rows = with_cell_tags(rows, |settled| &settled.cell_tags).finish();
    let rows = rows.map_err(|error| duckdb::Error::ToSqlConversionFailure(Box::new(error)))?;
    let mut appender = connection.appender_to_catalog_and_db("settled_scores", "temp", "main")?;
    appender.append_record_batch(rows)?;
    appender.flush()?;
    let changes: Vec<_> = columns.iter().map(|column| format!("{column} = settled.{column}")).collect();
    let mut params = Params::default();
    let (from, to) = (params.time(range.from), params.time(range.to));
    let sql = format!(
        "UPDATE scores SET awaits = NULL, {} FROM temp.settled_scores AS settled \
         WHERE scores.rowid = settled.row_number AND scores.time >= {from} AND scores.time < {to}",
        changes.join(", ")
    );
    connection.execute(&sql, params_from_iter(params.values()))?;
    connection.execute_batch("DELETE FROM temp.settled_scores")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten_and_no_more_than_the_limit_is_kept() {
        let id = |n: u64| SpanId::from_bytes((n + 1).to_be_bytes());
        let mut awaiting = Awaiting::default();
        let count = AWAITED_SPANS_MAX as u64 + 10;
        (0..count).chain(0..3).for_each(|n| awaiting.add(id(n), UnixMicros(5)));
        assert_eq!(awaiting.times.len(), AWAITED_SPANS_MAX);
        assert!(awaiting.times.contains_key(&id(count - 1)) && !awaiting.times.contains_key(&id(5)));
    }
}
