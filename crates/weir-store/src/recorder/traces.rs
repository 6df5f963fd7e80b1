//! One row for each trace, with what lists of traces are sorted by, so that the dearest trace of a month is found without
//! adding up the month's spans.
//!
//! Rows are kept in the transaction of the spans. A trace that is new is a row more. One that may have a row is looked up,
//! and its row is replaced by the sum: spans are added, and what reconciling takes away or changes is subtracted, because
//! sums are integers. When a report was replaced by a fuller one, the times are found again in the rows.
//!
//! Which traces may have a row: those stored lately, by an index in memory of the last [`KEYS_MAX`] to twice as many
//! traces; and of those that the index may have forgotten, spans with a parent, and spans that started before what was
//! stored when the oldest in the index came. So a stream of calls that are traces of their own reads nothing.
//!
//! Where it ends: the row is looked for among traces that end at most [`PAUSE_US_MAX`] before the span. A trace with a
//! longer pause has a row for each part. A page shows the sums of the spans themselves, so what a row decides is the place
//! in the list.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasherDefault;

use duckdb::{Connection, params_from_iter};
use weir_types::{Span, TimeRange, TraceId, UnixMicros};

use crate::StoreError;
use crate::arrow::{Columns, storable};
use crate::derived;
use crate::duck::Params;
use crate::recorder::batch::{Batch, append};
use crate::recorder::reconcile::{self, AsIs, Changes};

/// Keys of one generation of the index; two take about 10 MiB.
const KEYS_MAX: usize = 450_000;

/// How long a trace may pause and still be one row.
const PAUSE_US_MAX: i64 = 6 * UnixMicros::HOUR;

/// The longest duration of a span that is added to its start; what nobody means would leave the integers.
const DURATION_US_MAX: u64 = 1_000_000_000_000_000_000;

/// The key of a trace: the last 64 bits of its id, which every client makes at random.
pub(crate) fn key(id: TraceId) -> u64 {
    let [.., a, b, c, d, e, f, g, h] = *id.as_bytes();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// The key of a row of `spans`.
pub(crate) const KEY_SQL: &str = "('0x' || right(trace_id, 16))::UBIGINT";

/// Sums over the spans of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sums {
    start: i64,
    last_start: i64,
    end: i64,
    spans: i64,
    calls: i64,
    tokens: i64,
    priced_calls: i64,
    cost: i64,
}

impl Sums {
    const NONE: Self = Self {
        start: i64::MAX,
        last_start: i64::MIN,
        end: i64::MIN,
        spans: 0,
        calls: 0,
        tokens: 0,
        priced_calls: 0,
        cost: 0,
    };

    fn of(span: &Span) -> Self {
        let start = storable(span.start).0;
        let duration = i64::try_from(span.duration_us.min(DURATION_US_MAX)).unwrap_or(i64::MAX);
        let count = |number: Option<u64>| number.map_or(0, |n| i64::try_from(n).unwrap_or(i64::MAX));
        let is_call = derived::is_call(span);
        let cost = span.cost.filter(|_| is_call);
        Self {
            start,
            last_start: start,
            end: start.saturating_add(duration),
            spans: 1,
            calls: i64::from(is_call),
            tokens: if is_call {
                count(span.tokens.input).saturating_add(count(span.tokens.output))
            } else {
                0
            },
            priced_calls: i64::from(cost.is_some()),
            cost: cost.map_or(0, |cost| cost.0),
        }
    }

    fn add(&mut self, other: &Self) {
        self.start = self.start.min(other.start);
        self.last_start = self.last_start.max(other.last_start);
        self.end = self.end.max(other.end);
        self.spans = self.spans.saturating_add(other.spans);
        self.calls = self.calls.saturating_add(other.calls);
        self.tokens = self.tokens.saturating_add(other.tokens);
        self.priced_calls = self.priced_calls.saturating_add(other.priced_calls);
        self.cost = self.cost.saturating_add(other.cost);
    }

    /// What is to be added to take a span away. Times cannot be taken away.
    fn negated(&self) -> Self {
        Self {
            spans: -self.spans,
            calls: -self.calls,
            tokens: -self.tokens,
            priced_calls: -self.priced_calls,
            cost: self.cost.saturating_neg(),
            ..Self::NONE
        }
    }
}

type Keys = HashSet<u64, BuildHasherDefault<AsIs>>;

/// The index.
#[derive(Default)]
pub(super) struct Traces {
    newer: Keys,
    older: Keys,
    /// The latest start that was stored before the first key of each generation came.
    newer_after: i64,
    older_after: i64,
    latest_start: i64,
    is_loaded: bool,
}

/// A batch's traces.
pub(super) struct TraceChanges {
    sums: HashMap<u64, Sums, BuildHasherDefault<AsIs>>,
    /// Those that may have a row.
    known: Vec<u64>,
    /// Those of which a report was replaced.
    replaced: HashSet<u64>,
    latest_start: i64,
}

impl Traces {
    /// Reads the newest rows, after a start.
    pub(super) fn load(&mut self, connection: &Connection, now: UnixMicros) -> Result<(), StoreError> {
        if !self.is_loaded {
            self.read(connection, now).map_err(StoreError::duck("read the newest traces"))?;
            self.is_loaded = true;
        }
        Ok(())
    }

    fn read(&mut self, connection: &Connection, now: UnixMicros) -> duckdb::Result<()> {
        // Before the rows that are read, spans as late as any may have been stored.
        let latest: Option<i64> =
            connection
                .query_row("SELECT epoch_us(max(last_start_time)) FROM traces", [], |row| row.get(0))?;
        let Some(latest) = latest else {
            (self.newer_after, self.older_after, self.latest_start) = (i64::MIN, i64::MIN, i64::MIN);
            return Ok(());
        };
        let latest = latest.min(now.0);
        (self.newer_after, self.older_after, self.latest_start) = (latest, latest, latest);
        let last: i64 = connection.query_row("SELECT max(rowid) FROM traces", [], |row| row.get(0))?;
        let first = last - i64::try_from(KEYS_MAX).unwrap_or(i64::MAX);
        let mut statement = connection.prepare("SELECT key FROM traces WHERE rowid > ?")?;
        let mut rows = statement.query([first])?;
        while let Some(row) = rows.next()? {
            self.note_key(row.get(0)?);
        }
        Ok(())
    }

    /// What a batch, and what it changes about rows that are stored, brings.
    pub(super) fn changes(&self, batch: &Batch, changes: Option<&Changes>) -> TraceChanges {
        let mut found = TraceChanges {
            sums: HashMap::default(),
            known: Vec::new(),
            replaced: HashSet::new(),
            latest_start: i64::MIN,
        };
        let mut known = Keys::default();
        for span in batch.spans() {
            let (key, sums) = (key(span.trace_id), Sums::of(span));
            found.sums.entry(key).or_insert(Sums::NONE).add(&sums);
            found.latest_start = found.latest_start.max(sums.last_start);
            if span.parent_id.is_some() || sums.start <= self.older_after || self.is_known(key) {
                known.insert(key);
            }
        }
        for change in changes.into_iter().flat_map(Changes::spans) {
            let (span, sums) = match change {
                reconcile::Change::Added(span) => (span, Sums::of(span)),
                reconcile::Change::Removed(span) => (span, Sums::of(span).negated()),
            };
            let key = key(span.trace_id);
            found.sums.entry(key).or_insert(Sums::NONE).add(&sums);
            known.insert(key);
        }
        if let Some(changes) = changes {
            found.replaced.extend(changes.replaced.iter().map(|id| key(*id)));
        }
        found.known = known.into_iter().collect();
        found.known.sort_unstable();
        found
    }

    /// Notes what is stored now.
    pub(super) fn note(&mut self, changes: &TraceChanges, now: UnixMicros) {
        for key in changes.sums.keys() {
            self.note_key(*key);
        }
        // A clock that is ahead must not have every later span looked for.
        self.latest_start = self.latest_start.max(changes.latest_start.min(now.0));
    }

    fn is_known(&self, key: u64) -> bool {
        self.newer.contains(&key) || self.older.contains(&key)
    }

    fn note_key(&mut self, key: u64) {
        if self.newer.len() >= KEYS_MAX {
            // The memory of the one serves the other.
            std::mem::swap(&mut self.older, &mut self.newer);
            self.newer.clear();
            (self.older_after, self.newer_after) = (self.newer_after, self.latest_start);
        }
        self.newer.insert(key);
    }
}

/// A row of `traces`. Its number holds within a transaction.
struct StoredTrace {
    row: i64,
    key: u64,
    sums: Sums,
}

impl TraceChanges {
    /// Writes the rows; after the batch's spans are written.
    pub(super) fn write(&self, connection: &Connection) -> Result<(), StoreError> {
        let mut sums = self.sums.clone();
        let stored = self.stored(connection).map_err(StoreError::duck("look for the rows of traces"))?;
        let doomed: Vec<_> = stored.iter().map(|trace| (trace.row, UnixMicros(trace.sums.start))).collect();
        for trace in &stored {
            sums.entry(trace.key).or_insert(Sums::NONE).add(&trace.sums);
        }
        reconcile::delete(connection, "traces", "start_time", &doomed)?;
        for key in &self.replaced {
            if let Some(sums) = sums.get_mut(key) {
                find_times(connection, *key, sums).map_err(StoreError::duck("find the times of a trace"))?;
            }
        }
        let mut rows: Vec<_> = sums.into_iter().filter(|(_, sums)| sums.spans > 0).collect();
        rows.sort_unstable_by_key(|(key, sums)| (sums.start, *key));
        append(connection, "traces", rows.len(), || {
            Columns::of(&rows)
                .unsigned("key", |(key, _)| *key)
                .time("start_time", |(_, sums)| UnixMicros(sums.start))
                .time("last_start_time", |(_, sums)| UnixMicros(sums.last_start))
                .int("end_us", |(_, sums)| Some(sums.end))
                .int("duration_us", |(_, sums)| Some(sums.end.saturating_sub(sums.start)))
                .int("spans", |(_, sums)| Some(sums.spans))
                .int("calls", |(_, sums)| Some(sums.calls))
                .int("tokens", |(_, sums)| Some(sums.tokens))
                .int("priced_calls", |(_, sums)| Some(sums.priced_calls))
                .int("cost_nano_usd", |(_, sums)| Some(sums.cost))
                .finish()
        })
        .map_err(StoreError::duck("append traces"))
    }

    fn stored(&self, connection: &Connection) -> duckdb::Result<Vec<StoredTrace>> {
        let known = || self.known.iter().filter_map(|key| self.sums.get(key));
        // Of what is only taken away no times are known; the rows of the others are near.
        let (first, last) = known()
            .fold((i64::MAX, i64::MIN), |(first, last), sums| (first.min(sums.start), last.max(sums.end)));
        if self.known.is_empty() {
            return Ok(Vec::new());
        }
        let around = TimeRange { from: UnixMicros(first), to: UnixMicros(last) };
        let mut params = Params::default();
        let keys: Vec<_> = self.known.iter().map(|key| format!("{key}::UBIGINT")).collect();
        let from = around.from.0.saturating_sub(PAUSE_US_MAX);
        let to = params.time(around.to.saturating_add_us(PAUSE_US_MAX));
        let sql = format!(
            "SELECT rowid, key, epoch_us(start_time), epoch_us(last_start_time), end_us, spans, calls, tokens, \
             priced_calls, cost_nano_usd FROM traces \
             WHERE end_us >= {from} AND start_time < {to} AND key IN ({})",
            keys.join(", ")
        );
        let mut statement = connection.prepare(&sql)?;
        let rows = statement.query_map(params_from_iter(params.values()), |row| {
            let sums = Sums {
                start: row.get(2)?,
                last_start: row.get(3)?,
                end: row.get(4)?,
                spans: row.get(5)?,
                calls: row.get(6)?,
                tokens: row.get(7)?,
                priced_calls: row.get(8)?,
                cost: row.get(9)?,
            };
            Ok(StoredTrace { row: row.get(0)?, key: row.get(1)?, sums })
        })?;
        rows.collect()
    }
}

/// Finds when a trace starts and ends, among rows that are within what was known of it.
fn find_times(connection: &Connection, key: u64, sums: &mut Sums) -> duckdb::Result<()> {
    let mut params = Params::default();
    let (from, to) = (params.time(UnixMicros(sums.start)), params.time(UnixMicros(sums.last_start)));
    let sql = format!(
        "SELECT epoch_us(min(start_time)), epoch_us(max(start_time)), \
         max(epoch_us(start_time) + least(duration_us, {DURATION_US_MAX})) FROM spans \
         WHERE start_time >= {from} AND start_time <= {to} AND {KEY_SQL} = {key}::UBIGINT"
    );
    let times = connection.query_row(&sql, params_from_iter(params.values()), |row| {
        Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, Option<i64>>(2)?))
    })?;
    if let (Some(start), Some(last_start), Some(end)) = times {
        (sums.start, sums.last_start, sums.end) = (start, last_start, end);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::plain_span;

    #[test]
    fn a_span_that_is_added_and_taken_away_leaves_nothing_but_its_times() {
        let (first, second) = (plain_span(UnixMicros(5)), plain_span(UnixMicros(9)));
        let mut sums = Sums::of(&first);
        sums.add(&Sums::of(&second));
        sums.add(&Sums::of(&second).negated());
        let of_first = Sums::of(&first);
        assert_eq!(Sums { last_start: 5, end: of_first.end, ..sums }, of_first);
    }

    #[test]
    fn what_the_index_may_have_forgotten_is_looked_for() {
        let mut traces = Traces { newer_after: i64::MIN, older_after: i64::MIN, ..Traces::default() };
        traces.latest_start = 1_000;
        for number in 0..2 * KEYS_MAX as u64 + 10 {
            traces.note_key(number);
        }
        assert!(!traces.is_known(1) && traces.is_known(KEYS_MAX as u64 + 20));
        assert_eq!(traces.older_after, 1_000, "a span that started by then may be of a forgotten trace");
    }
}
