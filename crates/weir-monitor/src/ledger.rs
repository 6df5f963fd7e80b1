//! The ledger: cells in memory, as far back as monitors look, with sums over windows that move along.
//!
//! A monitor asks the same question each minute about a window that has moved by a minute. The ledger answers scans as
//! the store does, and keeps for each window that was asked the merged cells of every group: moving on adds the minutes
//! that enter and takes away those that leave, so the cost of an evaluation does not depend on the length of its window.
//! That is exact, because counts, sums and histograms are integers; least and greatest are kept in monotonic queues.
//!
//! What is not followed here (tags that cells do not carry, times before what is kept) is asked from the store behind it.
//!
//! Invariants: an answer equals that of a store with the same cells (a property test holds it to that), except that the
//! least and the greatest of a minute from which a second report of a call was taken away stay as bounds. Memory is
//! bounded by groups times slots; groups over the limit are merged into [`OVERFLOW`].

mod rolling;
mod slots;
mod track;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use weir_types::limits::OVERFLOW;
use weir_types::{
    CellBatch, CellDelta, Scan, ScanError, ScanRequest, ScanRow, ScanSource, Scope, TagKey, UnixMicros,
    metric,
};

use track::Track;

/// Which series, in which groups: what the ledger follows as one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Selection {
    /// The metric's canonical name.
    pub metric: Arc<str>,
    /// Which series.
    pub scope: Scope,
    /// The tags that groups are made of.
    pub by: Vec<TagKey>,
}

impl Selection {
    /// What a request is about.
    pub fn of(request: &ScanRequest) -> Self {
        let ScanRequest { metric, scope, by, .. } = request;
        Self { metric: Arc::clone(metric), scope: scope.clone(), by: by.clone() }
    }
}

/// How much of a selection is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// How far back minutes are kept, in microseconds.
    pub minutes_us: i64,
    /// How far back hours are kept, in microseconds.
    pub hours_us: i64,
    /// Whether histograms are needed.
    pub histograms: bool,
    /// The most groups; what is over is merged into [`OVERFLOW`].
    pub groups_max: usize,
}

impl Keep {
    /// As much as either keeps.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            minutes_us: self.minutes_us.max(other.minutes_us),
            hours_us: self.hours_us.max(other.hours_us),
            histograms: self.histograms || other.histograms,
            groups_max: self.groups_max.max(other.groups_max),
        }
    }
}

/// What is known of a selection when it is first followed.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Up to which batch the rows hold everything; batches up to it are not applied again.
    pub position: u64,
    /// Cells of minutes.
    pub minutes: Vec<ScanRow>,
    /// Cells of hours. An hour that is in the minutes too is whole in both.
    pub hours: Vec<ScanRow>,
    /// From when on the minutes are complete.
    pub minutes_from: UnixMicros,
    /// From when on the hours are complete.
    pub hours_from: UnixMicros,
    /// Whether there were values before all of these.
    pub began_before: bool,
}

/// See the module.
pub struct Ledger {
    behind: Option<Arc<dyn Scan>>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    tracks: Vec<Track>,
    index: HashMap<Selection, usize>,
    by_metric: HashMap<Arc<str>, Vec<usize>>,
}

impl Ledger {
    /// A ledger that follows nothing yet; `behind` answers what it does not follow.
    pub fn new(behind: Option<Arc<dyn Scan>>) -> Self {
        Self { behind, inner: Mutex::default() }
    }

    /// Follows a selection from now on, with what is known of its history. What was known of it before is forgotten.
    pub fn follow(&self, selection: Selection, keep: Keep, history: &History) {
        let mut inner = self.inner();
        let mut track = Track::new(selection.clone(), keep);
        track.load(history);
        if let Some(at) = inner.index.get(&selection).copied() {
            inner.tracks[at] = track;
            return;
        }
        let at = inner.tracks.len();
        inner.by_metric.entry(Arc::clone(&selection.metric)).or_default().push(at);
        inner.index.insert(selection, at);
        inner.tracks.push(track);
    }

    /// How much of a selection is kept; `None` when it is not followed.
    pub fn keeps(&self, selection: &Selection) -> Option<Keep> {
        let inner = self.inner();
        inner.index.get(selection).map(|at| inner.tracks[*at].keep())
    }

    /// Adds minutes of a selection that a scan gave, for those who read history a piece at a time.
    pub fn extend(&self, selection: &Selection, minutes: &[ScanRow]) {
        let mut inner = self.inner();
        if let Some(place) = inner.index.get(selection).copied() {
            inner.tracks[place].extend(minutes);
        }
    }

    /// Adds and takes away what one transaction of the store did. Returns how many samples belong to minutes before
    /// `judged_to`: they came too late for the judgements of these.
    pub fn apply(&self, batch: &CellBatch, judged_to: UnixMicros) -> u64 {
        let mut inner = self.inner();
        let mut late = 0;
        for delta in &batch.added {
            late += inner.each(batch.position, delta, judged_to, Track::add);
        }
        for delta in &batch.removed {
            inner.each(batch.position, delta, judged_to, Track::take_away);
        }
        late
    }

    /// Adds cells that no store has: for tests of monitors.
    pub fn add(&self, deltas: &[CellDelta]) {
        let mut inner = self.inner();
        for delta in deltas {
            inner.each(u64::MAX, delta, UnixMicros(i64::MIN), Track::add);
        }
    }

    /// Forgets what is older than each selection keeps, counted from an instant.
    pub fn forget_before(&self, now: UnixMicros) {
        self.inner().tracks.iter_mut().for_each(|track| track.trim(now));
    }

    /// The earliest time at which a selection had values, as far as is known; `None` when there were none.
    pub fn began(&self, selection: &Selection) -> Option<UnixMicros> {
        let inner = self.inner();
        inner.index.get(selection).and_then(|place| inner.tracks[*place].began())
    }

    /// How many groups of a selection were merged into one because there were too many.
    pub fn is_over_limit(&self, selection: &Selection) -> bool {
        let inner = self.inner();
        inner.index.get(selection).is_some_and(|place| inner.tracks[*place].is_over_limit())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing within panics between two changes that belong together.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn each(
        &mut self,
        position: u64,
        delta: &CellDelta,
        judged_to: UnixMicros,
        change: fn(&mut Track, &CellDelta),
    ) -> u64 {
        let Some(places) = self.by_metric.get(&delta.key.metric) else { return 0 };
        let mut is_used = false;
        for place in places {
            let track = &mut self.tracks[*place];
            if position > track.position() {
                change(track, delta);
                is_used = true;
            }
        }
        if is_used && delta.minute < judged_to { delta.cell.count } else { 0 }
    }
}

impl Scan for Ledger {
    fn scan(&self, request: &ScanRequest) -> Result<Vec<ScanRow>, ScanError> {
        let followed = {
            let mut inner = self.inner();
            let place = inner.index.get(&Selection::of(request)).copied();
            place
                .filter(|_| request.source == ScanSource::Cells)
                .and_then(|place| inner.tracks[place].scan(request))
        };
        match (followed, &self.behind) {
            (Some(rows), _) => Ok(rows),
            (None, Some(behind)) => behind.scan(request),
            (None, None) => Ok(Vec::new()),
        }
    }

    fn metrics(&self) -> Vec<Arc<str>> {
        let behind = self.behind.as_ref().map(|behind| behind.metrics());
        behind.unwrap_or_else(|| self.inner().by_metric.keys().cloned().collect())
    }

    fn cell_tags(&self, name: &str) -> Option<Vec<TagKey>> {
        if let Some(behind) = &self.behind {
            return behind.cell_tags(name);
        }
        if let Some(info) = metric::derived(name) {
            return Some(
                metric::CELL_TAGS.iter().chain(info.extra_tags).map(|tag| TagKey::new(tag)).collect(),
            );
        }
        let inner = self.inner();
        let places = inner.by_metric.get(name)?;
        let selections = places.iter().map(|place| inner.tracks[*place].selection());
        let keys = selections.flat_map(|selection| selection.by.iter().chain(selection.scope.keys()));
        Some(keys.cloned().collect())
    }
}

/// The group that holds what is over the limit.
fn overflow_group(tags: usize) -> Vec<Option<Arc<str>>> {
    vec![Some(Arc::from(OVERFLOW)); tags]
}
