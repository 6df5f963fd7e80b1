//! A store in memory: minute cells, merged anew for each scan. It answers as the trait says and nothing more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use weir_types::{
    Cell, CellDelta, CellKey, Histogram, Need, Scan, ScanError, ScanRequest, ScanRow, TagKey, UnixMicros,
    metric,
};

/// Cells by series or group and by when they start.
type Cells<K> = BTreeMap<(K, UnixMicros), Cell>;

/// See the module.
#[derive(Default)]
pub(crate) struct Memory {
    cells: Mutex<Cells<CellKey>>,
    /// How often it was asked.
    asked: Mutex<u64>,
    failure: Mutex<Option<ScanError>>,
}

impl Memory {
    /// Adds a cell.
    pub(crate) fn add(&self, delta: &CellDelta) {
        let mut cells = self.cells.lock().unwrap();
        cells.entry((delta.key.clone(), delta.minute)).or_default().merge(&delta.cell);
    }

    /// Takes a cell away again; the least and the greatest stay, as in the store.
    pub(crate) fn take_away(&self, delta: &CellDelta) {
        let mut cells = self.cells.lock().unwrap();
        let key = (delta.key.clone(), delta.minute);
        let Some(cell) = cells.get_mut(&key) else { return };
        cell.count -= delta.cell.count;
        cell.sum_nano -= delta.cell.sum_nano;
        cell.histogram.subtract(&delta.cell.histogram);
        if cell.count == 0 {
            cells.remove(&key);
        }
    }

    /// How often it was asked so far.
    pub(crate) fn asked(&self) -> u64 {
        *self.asked.lock().unwrap()
    }

    /// Fails from now on, or not any more.
    pub(crate) fn fail(&self, failure: Option<ScanError>) {
        *self.failure.lock().unwrap() = failure;
    }
}

impl Scan for Memory {
    fn scan(&self, request: &ScanRequest) -> Result<Vec<ScanRow>, ScanError> {
        *self.asked.lock().unwrap() += 1;
        if let Some(failure) = self.failure.lock().unwrap().clone() {
            return Err(failure);
        }
        let mut rows: Cells<Vec<Option<Arc<str>>>> = Cells::new();
        for ((key, minute), cell) in &*self.cells.lock().unwrap() {
            let is_in_range = (request.range.from..request.range.to).contains(minute);
            if *key.metric != *request.metric
                || !is_in_range
                || !request.scope.matches(&|tag| key.tags.get(tag))
            {
                continue;
            }
            let bucket = request.step_us.map_or(request.range.from, |step_us| {
                let since = minute.0 - request.origin.0;
                UnixMicros(request.origin.0 + since.div_euclid(step_us) * step_us)
            });
            let group = request.by.iter().map(|tag| key.tags.get(tag.as_str()).map(Arc::from)).collect();
            rows.entry((group, bucket)).or_default().merge(cell);
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
        self.cells.lock().unwrap().keys().map(|(key, _)| Arc::clone(&key.metric)).collect()
    }

    fn cell_tags(&self, name: &str) -> Option<Vec<TagKey>> {
        if let Some(info) = metric::derived(name) {
            let tags = metric::CELL_TAGS.iter().chain(info.extra_tags);
            return Some(tags.map(|tag| TagKey::new(tag)).collect());
        }
        // Cells of what users send carry the tags that it was sent with: those of the tests.
        Some(["app", "agent", "host", "model", "team"].map(TagKey::new).into())
    }
}
