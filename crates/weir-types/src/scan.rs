//! Where the query language and the store meet: one question, asked in terms of metrics, tags and time.
//!
//! A query plan is a tree whose leaves are [`ScanRequest`]s. The store answers each with merged cells, from stored cells
//! or from rows; everything above the leaves (ratios, arithmetic, top) is the query crate's.

use std::sync::Arc;

use crate::{Cell, Scope, TagKey, TimeRange, UnixMicros};

/// From what a scan is answered. The planner chooses; the store picks the coarsest tier of cells that fits the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScanSource {
    /// From minute or hour cells: fast, and only for tags that cells carry.
    Cells,
    /// From spans (derived metrics) or points (all others): any tag.
    Rows,
}

/// Which parts of the cells are needed; what is not needed is left at its default and not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Need {
    /// Count, sum, least and greatest.
    Totals,
    /// The histogram too.
    Histogram,
}

/// One question to the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ScanRequest {
    /// The metric's canonical name.
    pub metric: Arc<str>,
    /// Which series.
    pub scope: Scope,
    /// The tags to group by, in the order in which groups are named.
    pub by: Vec<TagKey>,
    /// Which time. The planner aligns both ends to `step_us` where the question allows it.
    pub range: TimeRange,
    /// The length of a bucket in microseconds, a multiple of a minute; `None` for one bucket over the whole range.
    pub step_us: Option<i64>,
    /// The instant that buckets are aligned to (buckets start at `origin + k * step_us`): the epoch, or a local midnight.
    pub origin: UnixMicros,
    /// Which parts of the cells are needed.
    pub need: Need,
    /// From what to answer.
    pub source: ScanSource,
}

/// One group in one bucket.
#[derive(Debug, Clone, PartialEq)]
pub struct ScanRow {
    /// The values of the tags in `by`, in that order; `None` where a tag is absent.
    pub group: Vec<Option<Arc<str>>>,
    /// The start of the bucket; the start of the range when there is one bucket.
    pub bucket: UnixMicros,
    /// What was seen.
    pub cell: Cell,
}

/// Why a scan failed. The texts are for people; none of them names another user's data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// Cells do not carry this tag; ask from rows.
    #[error("cells of {metric} do not carry the tag {tag}")]
    TagNotInCells {
        /// The metric.
        metric: Arc<str>,
        /// The tag.
        tag: TagKey,
    },
    /// The answer would have more rows than anyone can use.
    #[error(
        "the query makes more than {max} groups and buckets; use a longer step, fewer tags in `by`, or top(n, …)"
    )]
    TooManyRows {
        /// The limit.
        max: usize,
    },
    /// It took longer than allowed.
    #[error("the query took longer than {seconds} s; ask for a shorter range")]
    TimedOut {
        /// The limit.
        seconds: u64,
    },
    /// The store failed.
    #[error("the store failed: {0}")]
    Store(String),
}

/// Answers scans. Calls block; run them off the async threads.
pub trait Scan: Send + Sync {
    /// The groups and buckets with values, in no order. Buckets without values are absent.
    fn scan(&self, request: &ScanRequest) -> Result<Vec<ScanRow>, ScanError>;

    /// The names of metrics that the store has seen, for suggestions and completion.
    fn metrics(&self) -> Vec<Arc<str>>;

    /// The tags that cells of a metric carry; `None` for a metric never seen.
    fn cell_tags(&self, metric: &str) -> Option<Vec<TagKey>>;
}
