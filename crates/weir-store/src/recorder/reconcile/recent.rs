//! What was stored lately, as hashes in memory: whether an id was seen, and where the spans of a trace or of an answer
//! are to be looked for. It only says where to look; what is done is decided by the rows. So a wrong hit costs a
//! look-up, and what was forgotten is not found: that is the window within which repeated spans are recognised and calls
//! are joined.
//!
//! The window is counted and not timed: between [`ENTRIES_MAX`] and twice as many entries are kept of the gateway's own
//! spans, and as many of all others, so that one does not push out the other. A call of the gateway's has two or three
//! entries. At 500 calls a second that is over half an hour; at 20,000 a second about a minute. Memory grows with use, to
//! at most about 36 MiB for each of the two. After a start the last [`REMEMBERED_ROWS`] rows are read again.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

use duckdb::Connection;
use duckdb::arrow::array::{Array as _, BooleanArray, StringArray, StructArray, TimestampMicrosecondArray};
use weir_types::{Span, SpanId, TimeRange, TraceId, UnixMicros};

use crate::StoreError;
use crate::arrow::{column, storable, text_at};
use crate::recorder::reconcile::resolve::{is_between, is_own_call, is_told, is_told_call};

/// Entries of one generation: what fits a hash map of 2^20 places.
const ENTRIES_MAX: usize = 900_000;

/// How many rows are read at the start.
const REMEMBERED_ROWS: i64 = 500_000;

/// Where rows with some key are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    /// The minute of the first, since the epoch.
    first_minute: u32,
    /// How many minutes after that the last is.
    minutes: u16,
    /// How many of them are calls.
    pub calls: u16,
}

impl Seen {
    fn merge(self, other: Self) -> Self {
        let first_minute = self.first_minute.min(other.first_minute);
        let last = |seen: Self| seen.first_minute + u32::from(seen.minutes);
        Self {
            first_minute,
            minutes: u16::try_from(last(self).max(last(other)) - first_minute).unwrap_or(u16::MAX),
            calls: self.calls.saturating_add(other.calls),
        }
    }

    /// When the rows start.
    pub(super) fn range(self) -> TimeRange {
        let at = |minute: u32| UnixMicros(i64::from(minute) * UnixMicros::MINUTE);
        let last = self.first_minute + u32::from(self.minutes);
        // What is before the epoch is in minute 0.
        let from = if self.first_minute == 0 { UnixMicros(i64::MIN) } else { at(self.first_minute) };
        TimeRange { from, to: at(last.saturating_add(1)) }
    }
}

/// The keys of one span.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys {
    /// Of its id within its trace.
    pub id: u64,
    /// Of its trace, when the span may matter to a join by the trace.
    pub trace: Option<u64>,
    /// Of the answer's id, when it is a call.
    pub response: Option<u64>,
    pub is_told: bool,
    pub is_call: bool,
    minute: u32,
}

impl Keys {
    fn seen(&self) -> Seen {
        Seen { first_minute: self.minute, minutes: 0, calls: u16::from(self.is_call) }
    }
}

/// The index.
pub(super) struct Recent {
    hasher: RandomState,
    /// Of spans that Weir made itself.
    own: Generations,
    /// Of spans that clients told.
    told: Generations,
}

impl Recent {
    pub(super) fn new() -> Self {
        Self::with_entries_max(ENTRIES_MAX)
    }

    fn with_entries_max(max: usize) -> Self {
        Self { hasher: RandomState::new(), own: Generations::new(max), told: Generations::new(max) }
    }

    /// Reads the newest rows.
    pub(super) fn load(&mut self, connection: &Connection) -> Result<(), StoreError> {
        self.read(connection).map_err(StoreError::duck("read the newest spans' ids"))
    }

    fn read(&mut self, connection: &Connection) -> duckdb::Result<()> {
        let last: Option<i64> = connection.query_row("SELECT max(rowid) FROM spans", [], |row| row.get(0))?;
        let Some(last) = last else { return Ok(()) };
        let sql = "SELECT start_time, trace_id, span_id, response_id, source = 'gateway', \
             source IN ('otlp', 'datadog', 'mlflow'), kind IN ('llm', 'embedding', 'rerank'), \
             kind IN ('http', 'task', 'other'), parent_id IS NOT NULL FROM spans WHERE rowid > ?";
        let mut statement = connection.prepare(sql)?;
        drop(statement.stream_arrow([last - REMEMBERED_ROWS])?);
        while let Some(chunk) = statement.step()? {
            self.read_chunk(&chunk)?;
        }
        Ok(())
    }

    fn read_chunk(&mut self, chunk: &StructArray) -> duckdb::Result<()> {
        let starts: &TimestampMicrosecondArray = column(chunk, 0)?;
        let texts = [1, 2, 3].map(|index| column::<StringArray>(chunk, index));
        let [traces, spans, responses] = texts;
        let (traces, spans, responses) = (traces?, spans?, responses?);
        let flags =
            (4..9).map(|index| column(chunk, index)).collect::<duckdb::Result<Vec<&BooleanArray>>>()?;
        for row in 0..chunk.len() {
            let (Ok(trace_id), Ok(span_id)) = (traces.value(row).parse(), spans.value(row).parse()) else {
                continue;
            };
            let is = |flag: usize| flags[flag].value(row);
            let facts = Facts {
                trace_id,
                span_id,
                start: UnixMicros(starts.value(row)),
                response_id: text_at(responses, row),
                is_told: is(1),
                role: Role::of(is(2) && (is(0) || is(1)), is(3)),
                has_parent: is(4),
            };
            let keys = self.keys_of_facts(&facts);
            self.note(&keys);
        }
        Ok(())
    }

    /// The keys of a span.
    pub(super) fn keys_of(&self, span: &Span) -> Keys {
        let is_told = is_told(span);
        self.keys_of_facts(&Facts {
            trace_id: span.trace_id,
            span_id: span.span_id,
            start: storable(span.start),
            response_id: span.response_id.as_deref(),
            is_told,
            role: Role::of(is_own_call(span) || is_told_call(span), is_between(span.kind)),
            has_parent: span.parent_id.is_some(),
        })
    }

    fn keys_of_facts(&self, facts: &Facts<'_>) -> Keys {
        // A trace that begins at the gateway has no client's spans.
        let is_call = facts.role == Role::Call;
        let in_trace = match facts.role {
            Role::Call => facts.is_told || facts.has_parent,
            Role::Between => facts.is_told,
            Role::Other => false,
        };
        Keys {
            id: self.hasher.hash_one((facts.trace_id, facts.span_id)),
            trace: in_trace.then(|| self.hasher.hash_one((1u8, facts.trace_id))),
            response: facts.response_id.filter(|_| is_call).map(|id| self.hasher.hash_one((2u8, id))),
            is_told: facts.is_told,
            is_call,
            minute: u32::try_from(facts.start.0 / UnixMicros::MINUTE).unwrap_or(0),
        }
    }

    /// Where a span with this id may be.
    pub(super) fn id(&self, keys: &Keys) -> Option<Seen> {
        self.told.get(keys.id).or_else(|| self.own.get(keys.id))
    }

    /// Where clients' spans with this key of a trace or an answer are.
    pub(super) fn told(&self, key: u64) -> Option<Seen> {
        self.told.get(key)
    }

    /// Where the gateway's spans with this key of a trace or an answer are.
    pub(super) fn own(&self, key: u64) -> Option<Seen> {
        self.own.get(key)
    }

    /// Where any spans with this key of a trace or an answer are.
    pub(super) fn any(&self, key: u64) -> Option<Seen> {
        match (self.told(key), self.own(key)) {
            (Some(told), Some(own)) => Some(told.merge(own)),
            (told, own) => told.or(own),
        }
    }

    pub(super) fn trace_key(&self, trace_id: TraceId) -> u64 {
        self.hasher.hash_one((1u8, trace_id))
    }

    pub(super) fn response_key(&self, response_id: &str) -> u64 {
        self.hasher.hash_one((2u8, response_id))
    }

    /// Notes a span that is stored.
    pub(super) fn note(&mut self, keys: &Keys) {
        let seen = keys.seen();
        let entries = if keys.is_told { &mut self.told } else { &mut self.own };
        for key in [Some(keys.id), keys.trace, keys.response].into_iter().flatten() {
            entries.note(key, seen);
        }
    }
}

/// What the keys of a span are made of.
struct Facts<'a> {
    trace_id: TraceId,
    span_id: SpanId,
    start: UnixMicros,
    response_id: Option<&'a str>,
    is_told: bool,
    role: Role,
    has_parent: bool,
}

/// What a span may be to a join.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    Call,
    /// One that may stand between two reports of a call.
    Between,
    Other,
}

impl Role {
    fn of(is_call: bool, is_between: bool) -> Self {
        match (is_call, is_between) {
            (true, _) => Self::Call,
            (false, true) => Self::Between,
            (false, false) => Self::Other,
        }
    }
}

/// Entries of which the oldest half goes when there are too many.
struct Generations {
    entries_max: usize,
    newer: Entries,
    older: Entries,
}

type Entries = HashMap<u64, Seen, BuildHasherDefault<AsIs>>;

impl Generations {
    fn new(entries_max: usize) -> Self {
        Self { entries_max, newer: Entries::default(), older: Entries::default() }
    }

    fn get(&self, key: u64) -> Option<Seen> {
        self.newer.get(&key).or_else(|| self.older.get(&key)).copied()
    }

    fn note(&mut self, key: u64, seen: Seen) {
        if let Some(known) = self.newer.get_mut(&key) {
            *known = known.merge(seen);
            return;
        }
        let seen = self.older.get(&key).map_or(seen, |known| known.merge(seen));
        if self.newer.len() >= self.entries_max {
            // The memory of the one serves the other.
            std::mem::swap(&mut self.older, &mut self.newer);
            self.newer.clear();
        }
        self.newer.insert(key, seen);
    }
}

/// A hasher of keys that are hashes already, of a hasher that nobody outside can foresee.
#[derive(Default)]
pub(in crate::recorder) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::plain_span;

    fn span(number: u64, minute: i64) -> Span {
        let mut span = plain_span(UnixMicros(minute * UnixMicros::MINUTE + 5));
        span.span_id = SpanId::from_bytes((number + 1).to_be_bytes());
        span
    }

    #[test]
    fn the_newest_are_known_and_the_oldest_are_forgotten() {
        let mut recent = Recent::with_entries_max(10);
        for number in 0..100 {
            let keys = recent.keys_of(&span(number, 1));
            recent.note(&keys);
        }
        let known = |number| recent.id(&recent.keys_of(&span(number, 1))).is_some();
        assert!((90..100).all(known));
        assert!(!(0..80).any(known));
    }

    #[test]
    fn where_the_spans_of_an_answer_are_grows_with_them() {
        let mut recent = Recent::new();
        let mut key = 0;
        for minute in [7i64, 5, 6] {
            let mut span = span(minute.unsigned_abs(), minute);
            span.response_id = Some("chatcmpl-1".into());
            let keys = recent.keys_of(&span);
            recent.note(&keys);
            key = recent.response_key("chatcmpl-1");
        }
        let seen = recent.own(key).unwrap();
        let minute = |n: i64| UnixMicros(n * UnixMicros::MINUTE);
        assert_eq!((seen.range(), seen.calls), (TimeRange { from: minute(5), to: minute(8) }, 3));
        assert_eq!((recent.told(key), recent.any(key)), (None, Some(seen)));
    }
}
