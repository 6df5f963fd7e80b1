//! One row for a span, one record for a call, whoever reported it, in whatever order and however often.
//!
//! Every span is looked up in an index of what was stored lately ([`recent`]). Almost always that says that a span is
//! new and alone, and nothing else happens. Otherwise the rows that the batch may concern are read, all reports are
//! brought back to what was reported ([`notes`]), of two reports of one span the fuller is kept ([`richness`]), and what
//! each span is gets decided anew ([`resolve`]). What changes about rows and cells is written in the transaction of the
//! batch, so a crash leaves all of it or nothing.
//!
//! Why decide anew instead of adding to earlier decisions: the decision is a function of the set of spans, so the order
//! of arrival cannot matter.
//!
//! Where it ends: spans that left the index, and rows whose counterparts did, stay as they are.

mod correct;
mod notes;
mod recent;
mod resolve;
mod richness;
mod stored;
mod suspects;

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use duckdb::Connection;
use weir_types::{Record, Span, SpanId, TimeRange, TraceId, UnixMicros};

use crate::StoreError;
use crate::recorder::batch::Batch;
use crate::recorder::fold::Fold;
use crate::recorder::reconcile::recent::{Keys, Recent};
use crate::recorder::reconcile::stored::StoredSpan;
use crate::recorder::reconcile::suspects::{RESPONSE_CALLS_MAX, Suspects, hull};

pub(super) use correct::take_away;
pub(super) use recent::AsIs;
pub(super) use stored::delete;

/// How often what was found leads to more that must be known: a trace, an answer in it, that answer's other trace.
const ROUNDS_MAX: usize = 4;

/// A trace with more calls than this is not read again for each batch of it; its calls are joined within batches only.
const TRACE_CALLS_MAX: u16 = 5_000;

/// Decides what becomes of spans.
pub(super) struct Reconciler {
    recent: Recent,
    is_loaded: bool,
}

/// A batch's spans in the index: by the place of the record in the batch.
pub(super) struct BatchKeys(Vec<(usize, Keys)>);

/// What becomes of a batch, and of rows that it concerns.
pub(super) struct Changes {
    /// The batch as it is to be stored.
    pub batch: Batch,
    /// Spans that are stored and now contribute this to cells …
    pub added: Vec<Span>,
    /// … instead of this.
    removed: Vec<Span>,
    updated: Vec<StoredSpan>,
    deleted: Vec<(i64, UnixMicros)>,
    /// Traces in which a row was deleted because a fuller report came.
    pub replaced: Vec<TraceId>,
    /// Records of the batch that are in it no more.
    dropped: HashSet<usize>,
    /// How many spans are now known to be other reports of a call.
    pub joined: u64,
}

impl Reconciler {
    pub(super) fn new() -> Self {
        Self { recent: Recent::new(), is_loaded: false }
    }

    /// Remembers the newest rows, after a start.
    pub(super) fn load(&mut self, connection: &Connection) -> Result<(), StoreError> {
        if !self.is_loaded {
            self.recent.load(connection)?;
            self.is_loaded = true;
        }
        Ok(())
    }

    /// The keys of a batch's spans.
    pub(super) fn keys(&self, batch: &Batch) -> BatchKeys {
        let spans = batch.records.iter().enumerate().filter_map(|(at, record)| match record {
            Record::Span(span) => Some((at, self.recent.keys_of(span))),
            _ => None,
        });
        BatchKeys(spans.collect())
    }

    /// Notes what is stored now.
    pub(super) fn note(&mut self, keys: &BatchKeys, changes: Option<&Changes>) {
        for (at, keys) in &keys.0 {
            if changes.is_none_or(|changes| !changes.dropped.contains(at)) {
                self.recent.note(keys);
            }
        }
    }

    /// What a batch changes beyond being stored; `None`, almost always, when all its spans are new and alone.
    pub(super) fn changes(
        &self,
        connection: &Connection,
        batch: &Batch,
        keys: &BatchKeys,
    ) -> Result<Option<Changes>, StoreError> {
        let suspects = Suspects::of(&self.recent, batch, keys);
        if suspects.are_none() {
            return Ok(None);
        }
        let mut reports = Reports::of(batch);
        reports.gather(connection, &self.recent, suspects)?;
        Ok(Some(reports.decide(batch)))
    }
}

impl Changes {
    /// How many reports were repeated, and not stored again.
    pub(super) fn repeated(&self) -> u64 {
        self.dropped.len() as u64
    }

    /// Changes rows that are stored; before the batch is written.
    pub(super) fn change_rows(&self, connection: &Connection) -> Result<(), StoreError> {
        stored::update(connection, &self.updated)?;
        stored::delete(connection, "spans", "start_time", &self.deleted)
    }

    /// What spans that are stored contribute now, and what they do not any more.
    pub(super) fn spans(&self) -> impl Iterator<Item = Change<'_>> {
        self.added.iter().map(Change::Added).chain(self.removed.iter().map(Change::Removed))
    }

    /// Adds what rows do not contribute to cells any more.
    pub(super) fn removed_to(&self, fold: &mut Fold) {
        for span in &self.removed {
            fold.span(span);
        }
    }
}

/// What a batch changes about spans that are stored.
pub(super) enum Change<'a> {
    Added(&'a Span),
    Removed(&'a Span),
}

/// Where a report is.
enum Place {
    /// In the batch, as this record, in the place of a row that says less.
    Batch { at: usize, instead_of: Option<StoredSpan> },
    /// In the tables.
    Row(StoredSpan),
}

/// A span as it was reported.
struct Report {
    span: Span,
    place: Place,
    /// Spans that earlier decisions about it refer to.
    others: Vec<SpanId>,
}

/// All reports that are known, of each span the fullest.
struct Reports {
    all: Vec<Report>,
    by_id: HashMap<(TraceId, SpanId), usize>,
    /// Records of the batch that say nothing new.
    dropped: HashSet<usize>,
}

impl Reports {
    fn of(batch: &Batch) -> Self {
        let mut reports = Self { all: Vec::new(), by_id: HashMap::new(), dropped: HashSet::new() };
        for (at, record) in batch.records.iter().enumerate() {
            if let Record::Span(span) = record {
                reports.add_told(at, notes::as_storable(span));
            }
        }
        reports
    }

    fn add_told(&mut self, at: usize, span: Span) {
        let place = Place::Batch { at, instead_of: None };
        let Some(known) = self.by_id.get(&(span.trace_id, span.span_id)).map(|index| &mut self.all[*index])
        else {
            return self.push(Report { span, place, others: Vec::new() });
        };
        let mut worse = at;
        if richness::compare(&span, &known.span) == Ordering::Greater {
            if let Place::Batch { at: known_at, .. } = &mut known.place {
                worse = std::mem::replace(known_at, at);
            }
            known.span = span;
        }
        self.dropped.insert(worse);
    }

    fn push(&mut self, report: Report) {
        self.by_id.insert((report.span.trace_id, report.span.span_id), self.all.len());
        self.all.push(report);
    }

    /// Reads all rows that must be known, and those that are in the batch again.
    fn gather(
        &mut self,
        connection: &Connection,
        recent: &Recent,
        suspects: Suspects,
    ) -> Result<(), StoreError> {
        let Suspects { mut repeated, repeated_at, mut traces, mut responses, .. } = suspects;
        let mut repeated_at = repeated_at;
        let (mut traces_done, mut responses_done) = (BTreeSet::new(), BTreeSet::new());
        for _ in 0..ROUNDS_MAX {
            traces_done.extend(traces.iter().copied());
            responses_done.extend(responses.iter().cloned());
            let seen = |key: u64| recent.any(key);
            traces.retain(|id| seen(recent.trace_key(*id)).is_some_and(|seen| seen.calls <= TRACE_CALLS_MAX));
            responses.retain(|id| seen(recent.response_key(id)).is_some());
            let mut found = Vec::new();
            if let Some(range) = range(traces.iter().map(|id| recent.any(recent.trace_key(*id)))) {
                found.extend(stored::of_traces(connection, &traces, range)?);
            }
            if let Some(range) = range(responses.iter().map(|id| recent.any(recent.response_key(id)))) {
                found.extend(stored::of_responses(connection, &responses, range)?);
            }
            traces.clear();
            responses.clear();
            for row in found {
                let id = (row.span.trace_id, row.span.span_id);
                let start = row.span.start;
                let Some(known) = self.by_id.get(&id).map(|index| &self.all[*index]) else {
                    self.add_row(row, recent, &mut traces, &mut responses);
                    continue;
                };
                if matches!(known.place, Place::Batch { .. }) {
                    let minute = TimeRange { from: start, to: start.saturating_add_us(1) };
                    repeated_at = Some(hull(repeated_at, minute));
                    repeated.insert(id);
                }
            }
            traces.retain(|id| !traces_done.contains(id));
            responses.retain(|id| !responses_done.contains(id));
            if traces.is_empty() && responses.is_empty() {
                break;
            }
        }
        if let Some(range) = repeated_at {
            for row in stored::by_ids(connection, &repeated, range)? {
                self.add_repeated(row);
            }
        }
        Ok(())
    }

    /// Adds a row that is not in the batch, and says what else must be known because of it.
    fn add_row(
        &mut self,
        row: StoredSpan,
        recent: &Recent,
        traces: &mut BTreeSet<TraceId>,
        responses: &mut BTreeSet<Arc<str>>,
    ) {
        let (span, others) = notes::as_reported(&row.span);
        let keys = recent.keys_of(&span);
        if keys.trace.and_then(|key| recent.any(key)).is_some_and(|seen| seen.calls > 1) {
            traces.insert(span.trace_id);
        }
        let may_join = |key: u64| {
            recent.own(key).is_some()
                && recent.told(key).is_some()
                && recent.any(key).is_some_and(|seen| u32::from(seen.calls) <= RESPONSE_CALLS_MAX)
        };
        if let (Some(_), Some(id)) = (keys.response.filter(|key| may_join(*key)), &span.response_id) {
            responses.insert(Arc::clone(id));
        }
        self.push(Report { span, place: Place::Row(row), others });
    }

    /// Compares a row with the report of the same span in the batch.
    fn add_repeated(&mut self, row: StoredSpan) {
        let (span, others) = notes::as_reported(&row.span);
        let Some(known) = self.by_id.get(&(span.trace_id, span.span_id)).map(|index| &mut self.all[*index])
        else {
            return;
        };
        let Place::Batch { at, instead_of } = &mut known.place else { return };
        known.others = others;
        if richness::compare(&known.span, &span) == Ordering::Greater {
            *instead_of = Some(row);
        } else {
            self.dropped.insert(*at);
            (known.span, known.place) = (span, Place::Row(row));
        }
    }

    /// Decides what each span is, and lists what that changes.
    fn decide(self, batch: &Batch) -> Changes {
        let spans: Vec<_> = self.all.iter().map(|report| &report.span).collect();
        let verdicts = resolve::resolve(&spans);
        let known: HashSet<_> = spans.iter().map(|span| span.span_id).collect();
        let mut changes = Changes {
            batch: Batch { position: batch.position, records: Vec::new() },
            added: Vec::new(),
            removed: Vec::new(),
            updated: Vec::new(),
            deleted: Vec::new(),
            replaced: Vec::new(),
            dropped: self.dropped,
            joined: 0,
        };
        let mut told = HashMap::new();
        for (report, verdict) in self.all.into_iter().zip(verdicts) {
            // What an earlier decision refers to was forgotten: the decision stands.
            let stands = report.others.iter().any(|other| !known.contains(other));
            let span = notes::with_verdict(&report.span, &verdict);
            let was_joined = match &report.place {
                Place::Batch { instead_of, .. } => {
                    instead_of.as_ref().is_some_and(|row| row.span.same_as.is_some())
                }
                Place::Row(row) => row.span.same_as.is_some(),
            };
            match report.place {
                Place::Row(_) if stands => continue,
                Place::Batch { at, instead_of: Some(_) } if stands => {
                    changes.dropped.insert(at);
                    continue;
                }
                Place::Row(row) => changes.change(row, &span),
                Place::Batch { at, instead_of } => {
                    if let Some(row) = instead_of {
                        changes.deleted.push((row.row, row.span.start));
                        changes.replaced.push(row.span.trace_id);
                        changes.removed.push(row.span);
                    }
                    told.insert(at, span);
                }
            }
            changes.joined += u64::from(verdict.same_as.is_some() && !was_joined);
        }
        for (at, record) in batch.records.iter().enumerate() {
            match (record, told.remove(&at)) {
                (_, Some(span)) => changes.batch.records.push(Record::Span(Box::new(span))),
                (Record::Span(_), None) => {}
                (other, None) => changes.batch.records.push(other.clone()),
            }
        }
        changes
    }
}

impl Changes {
    /// Notes what a stored span is now, when that is something else.
    fn change(&mut self, row: StoredSpan, span: &Span) {
        if row.span == *span {
            return;
        }
        if contribution(&row.span) != contribution(span) {
            self.added.push(span.clone());
            self.removed.push(row.span);
        }
        self.updated.push(StoredSpan { row: row.row, span: span.clone() });
    }
}

/// What a span alone adds to cells.
fn contribution(span: &Span) -> Vec<weir_types::CellDelta> {
    let mut fold = Fold::new(UnixMicros::MINUTE);
    fold.span(span);
    fold.finish()
}

/// Where the rows with any of some keys are; `None` when there are none.
fn range(seen: impl Iterator<Item = Option<recent::Seen>>) -> Option<TimeRange> {
    seen.flatten().map(recent::Seen::range).fold(None, |range, next| Some(hull(range, next)))
}
