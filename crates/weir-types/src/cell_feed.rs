//! Where the store and the judge meet: what each transaction did to cells, as it happens.

use std::sync::Arc;

use crate::{CellDelta, ScanError, ScanRequest, ScanRow, UnixMicros};

/// What one transaction of the store did to minute cells.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CellBatch {
    /// The transaction's place in the order of all; each has a greater one than those before it.
    pub position: u64,
    /// What was added.
    pub added: Vec<CellDelta>,
    /// What was taken away: second reports of calls that had been counted. Least and greatest values do not go with it.
    pub removed: Vec<CellDelta>,
}

/// Answers to scans, all from one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct CellSnapshot {
    /// Everything up to this transaction is in the answers.
    pub position: u64,
    /// From when on there are minutes. In a scan of shorter steps than an hour, what was before is in the step at the
    /// start of its hour.
    pub minutes_from: UnixMicros,
    /// One answer for each request.
    pub answers: Vec<Vec<ScanRow>>,
}

/// Tells what happens to cells. Whoever listens reads what was there before by [`CellFeed::snapshot`], and knows by the
/// positions which batches that holds already.
pub trait CellFeed: Send + Sync {
    /// Takes what has happened since the last call; `None` when so much has happened that some was dropped, and what
    /// is known must be read anew. Before the first call nothing is kept.
    fn take(&self) -> Option<Vec<Arc<CellBatch>>>;

    /// Answers scans from one moment. Blocks on the store. Answers are not limited in size.
    fn snapshot(&self, requests: &[ScanRequest]) -> Result<CellSnapshot, ScanError>;
}
