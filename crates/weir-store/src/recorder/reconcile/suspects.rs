//! Which spans of a batch are not simply new: a few look-ups in memory for each span, before anything is read.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use weir_types::{Record, SpanId, TimeRange, TraceId};

use crate::recorder::batch::Batch;
use crate::recorder::reconcile::BatchKeys;
use crate::recorder::reconcile::recent::{AsIs, Recent};

/// An answer's id that more calls have than this is no id but the constant of a test double, and joins nothing.
pub(super) const RESPONSE_CALLS_MAX: u32 = 64;

/// What of a batch must be looked at.
#[derive(Default)]
pub(super) struct Suspects {
    /// Spans that were seen before.
    pub repeated: BTreeSet<(TraceId, SpanId)>,
    /// Where they may be.
    pub repeated_at: Option<TimeRange>,
    /// Whether a span is twice in the batch.
    repeats_itself: bool,
    /// Traces with several calls, some of them told by clients.
    pub traces: BTreeSet<TraceId>,
    /// Answers that both the gateway and a client told of.
    pub responses: BTreeSet<Arc<str>>,
}

/// Calls of a batch with one key.
struct Calls<T> {
    of: T,
    own: u32,
    told: u32,
}

impl Suspects {
    /// Looks up each span of a batch.
    pub(super) fn of(recent: &Recent, batch: &Batch, keys: &BatchKeys) -> Self {
        let mut suspects = Self::default();
        let mut ids = HashSet::<u64, BuildHasherDefault<AsIs>>::default();
        ids.reserve(keys.0.len());
        let (mut traces, mut responses) = (HashMap::new(), HashMap::new());
        let any_told = keys.0.iter().any(|(_, keys)| keys.is_told);
        for (at, keys) in &keys.0 {
            let Some(Record::Span(span)) = batch.records.get(*at) else { continue };
            suspects.repeats_itself |= !ids.insert(keys.id);
            if let Some(seen) = recent.id(keys) {
                suspects.repeated.insert((span.trace_id, span.span_id));
                suspects.repeated_at = Some(hull(suspects.repeated_at, seen.range()));
            }
            let count = u32::from(keys.is_call);
            let (own, told) = if keys.is_told { (0, count) } else { (count, 0) };
            if let Some(key) = keys.trace {
                let calls = traces.entry(key).or_insert(Calls { of: span.trace_id, own: 0, told: 0 });
                (calls.own, calls.told) = (calls.own + own, calls.told + told);
            }
            let response = keys.response.filter(|key| any_told || recent.told(*key).is_some());
            if let (Some(key), Some(id)) = (response, &span.response_id) {
                let calls = responses.entry(key).or_insert(Calls { of: id, own: 0, told: 0 });
                (calls.own, calls.told) = (calls.own + own, calls.told + told);
            }
        }
        let concerned = |key: &u64, own: u32, told: u32| {
            let told = told + recent.told(*key).map_or(0, |seen| u32::from(seen.calls));
            let own = own + recent.own(*key).map_or(0, |seen| u32::from(seen.calls));
            (own, told)
        };
        for (key, calls) in traces {
            let (own, told) = concerned(&key, calls.own, calls.told);
            if told > 0 && own + told > 1 {
                suspects.traces.insert(calls.of);
            }
        }
        for (key, calls) in responses {
            let (own, told) = concerned(&key, calls.own, calls.told);
            if told > 0 && own > 0 && told + own <= RESPONSE_CALLS_MAX {
                suspects.responses.insert(Arc::clone(calls.of));
            }
        }
        suspects
    }

    /// Whether all spans are new and alone.
    pub(super) fn are_none(&self) -> bool {
        self.repeated.is_empty()
            && !self.repeats_itself
            && self.traces.is_empty()
            && self.responses.is_empty()
    }
}

/// The least range that holds both.
pub(super) fn hull(a: Option<TimeRange>, b: TimeRange) -> TimeRange {
    a.map_or(b, |a| TimeRange { from: a.from.min(b.from), to: a.to.max(b.to) })
}
