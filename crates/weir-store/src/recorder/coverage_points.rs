//! The metrics that say which share of calls Weir governs and which share is traced, so that a monitor can watch them:
//! a point for each window of five minutes in which there were calls.
//!
//! A window is looked at a minute after its end, for clients deliver what they tell every few seconds. Without calls
//! there is nothing to look at and no point, so a Weir at rest stays at rest.

use std::sync::Arc;

use duckdb::Connection;
use weir_types::{CellDelta, Point, PointKind, Record, RecordSink as _, Tags, TimeRange, UnixMicros, metric};

use crate::recorder::Shared;
use crate::{StoreError, coverage};

/// The length of a window.
const WINDOW_US: i64 = 5 * UnixMicros::MINUTE;

/// How long after its end a window is looked at.
const LATE_US: i64 = UnixMicros::MINUTE;

/// Which windows were looked at.
#[derive(Debug, Default)]
pub(crate) struct CoveragePoints {
    /// Windows before this time are not looked at again; `None` at the start, when that is not known.
    done_to: Option<UnixMicros>,
    /// Whether calls were stored since the last look.
    calls_came: bool,
}

impl CoveragePoints {
    /// Notes what a batch added.
    pub(crate) fn note(&mut self, cells: &[CellDelta]) {
        self.calls_came |= cells.iter().any(|delta| *delta.key.metric == *metric::LLM_REQUEST_COUNT);
    }

    /// Makes the points of the last window, when it is over and had calls.
    pub(crate) fn run(&mut self, connection: &Connection, shared: &Shared) -> Result<(), StoreError> {
        let end = shared.clock.now().saturating_add_us(-LATE_US).floor_to(WINDOW_US);
        // What was before the start may have its points already.
        let done_to = *self.done_to.get_or_insert(end);
        if !self.calls_came || end <= done_to {
            return Ok(());
        }
        let range = TimeRange { from: end.saturating_add_us(-WINDOW_US), to: end };
        let calls = coverage::counts(connection, range)
            .map_err(StoreError::duck("count the calls that each side saw"))?;
        (self.done_to, self.calls_came) = (Some(end), false);
        let ratios =
            [(metric::COVERAGE_RATIO, calls.ratio()), (metric::COVERAGE_TRACED_RATIO, calls.traced_ratio())];
        let points: Vec<_> = ratios
            .into_iter()
            .filter_map(|(name, ratio)| {
                let point = Point {
                    time: range.from,
                    name: Arc::from(name),
                    kind: PointKind::Gauge,
                    value: ratio?,
                    weight: 1,
                    tags: Tags::new(),
                };
                Some(Record::Point(Box::new(point)))
            })
            .collect();
        if points.is_empty() {
            return Ok(());
        }
        if let Err(error) = shared.journal.append(&points) {
            // The journal is full or closing; the next window has points of its own.
            tracing::warn!(%error, "no point of coverage was kept");
        }
        Ok(())
    }
}
