//! Tells the judge what each transaction did to cells, in the order of commits.
//!
//! The recorder puts a batch here after its transaction is committed. The judge takes batches, and reads what was there
//! before in one read transaction together with the position of the journal up to which everything is in: a batch at or
//! before that position is in the answers already. So no cell is counted twice or missed, and the recorder never waits.
//!
//! On failure: when more is waiting than is kept, or when it is not known whether a transaction was committed, what is
//! waiting is dropped and the judge is told to read anew.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use weir_types::{CellBatch, CellDelta, CellFeed, CellSnapshot, ScanError, ScanRequest, UnixMicros};

use crate::duck::{Duck, Marks};
use crate::scan::{self, Failure};
use crate::stats::lock;

/// Cells that wait for the judge at most: a minute of ten thousand series with all their metrics, and some tens of
/// megabytes.
const WAITING_CELLS_MAX: usize = 200_000;

/// How long a snapshot may take: weeks of cells of many series.
const SNAPSHOT_TIME_MAX: Duration = Duration::from_mins(2);

/// What waits for the judge.
#[derive(Default)]
pub(crate) struct CellTap {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    is_listened_to: bool,
    is_incomplete: bool,
    cells: usize,
    batches: VecDeque<Arc<CellBatch>>,
}

impl CellTap {
    /// Tells what a committed transaction did.
    pub(crate) fn put(&self, batch: CellBatch) {
        let mut waiting = lock(&self.waiting);
        if !waiting.is_listened_to || waiting.is_incomplete {
            return;
        }
        waiting.cells += batch.added.iter().map(weight).sum::<usize>() + batch.removed.len();
        waiting.batches.push_back(Arc::new(batch));
        if waiting.cells > WAITING_CELLS_MAX {
            waiting.drop_all();
        }
    }

    /// Whether anybody is told.
    pub(crate) fn is_listened_to(&self) -> bool {
        lock(&self.waiting).is_listened_to
    }

    /// Tells that something was committed of which it is not known what it was.
    pub(crate) fn lose_track(&self) {
        let mut waiting = lock(&self.waiting);
        if waiting.is_listened_to {
            waiting.drop_all();
        }
    }

    fn take(&self) -> Option<Vec<Arc<CellBatch>>> {
        let mut waiting = lock(&self.waiting);
        waiting.is_listened_to = true;
        waiting.cells = 0;
        let batches = std::mem::take(&mut waiting.batches).into();
        (!std::mem::take(&mut waiting.is_incomplete)).then_some(batches)
    }
}

impl Waiting {
    fn drop_all(&mut self) {
        self.batches.clear();
        self.cells = 0;
        self.is_incomplete = true;
    }
}

/// As how many cells one counts: what an event says goes with it, and may be long.
fn weight(delta: &CellDelta) -> usize {
    const USUAL_BYTES: usize = 512;
    1 + delta.key.tags.iter().map(|(_, value)| value.len()).sum::<usize>() / USUAL_BYTES
}

/// The feed as the judge sees it.
pub(crate) struct DuckCellFeed {
    tap: Arc<CellTap>,
    duck: Arc<Duck>,
}

impl DuckCellFeed {
    pub(crate) fn new(tap: Arc<CellTap>, duck: Arc<Duck>) -> Self {
        Self { tap, duck }
    }
}

impl CellFeed for DuckCellFeed {
    fn take(&self) -> Option<Vec<Arc<CellBatch>>> {
        self.tap.take()
    }

    fn snapshot(&self, requests: &[ScanRequest]) -> Result<CellSnapshot, ScanError> {
        if !self.duck.exists() {
            let answers = vec![Vec::new(); requests.len()];
            return Ok(CellSnapshot { position: 0, minutes_from: UnixMicros(i64::MIN), answers });
        }
        let reader = self.duck.reader(SNAPSHOT_TIME_MAX)?;
        let answers = reader.in_snapshot(Failure::from, || {
            let marks = Marks::load(reader.connection())?;
            let answers = requests.iter().map(|request| scan::cells_in_snapshot(&reader, request, &marks));
            Ok(CellSnapshot {
                position: marks.journal_position,
                minutes_from: marks.minutes_from,
                answers: answers.collect::<Result<_, Failure>>()?,
            })
        });
        answers.map_err(ScanError::from)
    }
}

#[cfg(test)]
mod tests {
    use weir_types::{Cell, CellDelta, CellKey, Tags, UnixMicros};

    use super::*;

    fn batch(position: u64, cells: usize) -> CellBatch {
        let key = CellKey { metric: Arc::from("m"), tags: Tags::new() };
        let delta = CellDelta { key, minute: UnixMicros(0), cell: Cell::default() };
        CellBatch { position, added: vec![delta; cells], removed: Vec::new() }
    }

    fn positions(taken: Option<Vec<Arc<CellBatch>>>) -> Option<Vec<u64>> {
        taken.map(|batches| batches.iter().map(|batch| batch.position).collect())
    }

    #[test]
    fn too_much_is_dropped_as_a_whole_and_said_once() {
        let tap = CellTap::default();
        tap.put(batch(1, 1));
        assert_eq!(positions(tap.take()), Some(vec![]), "nobody listened");
        tap.put(batch(2, WAITING_CELLS_MAX));
        tap.put(batch(3, 1));
        tap.put(batch(4, 1));
        assert_eq!(positions(tap.take()), None);
        // Whatever comes between this and the snapshot that must follow is kept.
        tap.put(batch(5, WAITING_CELLS_MAX));
        assert_eq!(positions(tap.take()), Some(vec![5]));
    }

    #[test]
    fn what_is_not_known_is_as_if_too_much_had_happened() {
        let tap = CellTap::default();
        tap.lose_track();
        assert_eq!(positions(tap.take()), Some(vec![]), "nobody listened");
        tap.put(batch(1, 1));
        tap.lose_track();
        tap.put(batch(2, 1));
        assert_eq!(positions(tap.take()), None);
        tap.put(batch(3, 1));
        assert_eq!(positions(tap.take()), Some(vec![3]));
    }
}
