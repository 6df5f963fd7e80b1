//! Minute cells in memory, which answer scans as a store does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use weir_types::{
    Cell, CellDelta, Histogram, Need, Scan, ScanError, ScanRequest, ScanRow, TagKey, UnixMicros, metric,
};

/// The tags of cells of each metric that is not one of Weir's own.
type MetricTags = BTreeMap<Arc<str>, Vec<TagKey>>;

/// A group of an answer and its bucket.
type Place = (Vec<Option<Arc<str>>>, UnixMicros);

/// See the module.
pub(super) struct Cells {
    minutes: Mutex<BTreeMap<UnixMicros, Vec<CellDelta>>>,
    tags: MetricTags,
}

impl Cells {
    /// No cells yet, of metrics whose tags are known.
    pub(super) fn new(tags: MetricTags) -> Self {
        Self { minutes: Mutex::default(), tags }
    }

    /// Adds cells.
    pub(super) fn add(&self, deltas: &[CellDelta]) {
        let mut minutes = self.minutes();
        for delta in deltas {
            minutes.entry(delta.minute).or_default().push(delta.clone());
        }
    }

    fn minutes(&self) -> MutexGuard<'_, BTreeMap<UnixMicros, Vec<CellDelta>>> {
        // Nothing within panics between two changes that belong together.
        self.minutes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Scan for Cells {
    fn scan(&self, request: &ScanRequest) -> Result<Vec<ScanRow>, ScanError> {
        let mut rows: BTreeMap<Place, Cell> = BTreeMap::new();
        for (minute, deltas) in self.minutes().range(request.range.from..request.range.to) {
            let bucket = request.step_us.map_or(request.range.from, |step_us| {
                let since = minute.0 - request.origin.0;
                UnixMicros(request.origin.0 + since.div_euclid(step_us) * step_us)
            });
            let of_metric = deltas.iter().filter(|delta| delta.key.metric == request.metric);
            for CellDelta { key, cell, .. } in of_metric {
                if request.scope.matches(&|tag| key.tags.get(tag)) {
                    let group = request.by.iter().map(|tag| key.tags.get(tag.as_str()).map(Arc::from));
                    rows.entry((group.collect(), bucket)).or_default().merge(cell);
                }
            }
        }
        let rows = rows.into_iter().map(|((group, bucket), mut cell)| {
            if request.need == Need::Totals {
                cell.histogram = Histogram::new();
            }
            ScanRow { group, bucket, cell }
        });
        Ok(rows.collect())
    }

    fn metrics(&self) -> Vec<Arc<str>> {
        let own = metric::DERIVED.iter().map(|info| Arc::from(info.name));
        own.chain(self.tags.keys().cloned()).collect()
    }

    fn cell_tags(&self, name: &str) -> Option<Vec<TagKey>> {
        if let Some(info) = metric::derived(name) {
            let tags = metric::CELL_TAGS.iter().chain(info.extra_tags);
            return Some(tags.map(|tag| TagKey::new(tag)).collect());
        }
        self.tags.get(name).cloned()
    }
}
