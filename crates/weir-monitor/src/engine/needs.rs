//! What a monitor asks, found out by asking: its evaluation is run once against a scan that only takes notes.
//!
//! So nothing here knows what functions look back how far, and a new function of the query language needs no change.

use std::sync::{Arc, Mutex, PoisonError};

use weir_query::{Query, QueryError, Zone, run_cells, run_window};
use weir_types::{Need, Scan, ScanError, ScanRequest, ScanRow, ScanSource, TagKey, TimeRange, UnixMicros};

use crate::ledger::{Keep, Selection};

/// Windows of at least this length start on whole hours, so that minutes need not be kept for as long.
pub(super) const HOURLY_FROM_US: i64 = UnixMicros::DAY;

/// How much longer cells are kept than is asked for: hours are cut, clocks change, and values come late.
const SLACK_US: i64 = 3 * UnixMicros::HOUR;

/// What one evaluation asks for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Need1 {
    pub(super) selection: Selection,
    pub(super) keep: Keep,
    /// How far before the tick the earliest of what is asked begins.
    pub(super) reach_us: i64,
}

/// Takes notes of what is asked, and answers nothing.
struct Notes<'a> {
    behind: &'a dyn Scan,
    asked: Mutex<Vec<ScanRequest>>,
}

impl Scan for Notes<'_> {
    fn scan(&self, request: &ScanRequest) -> Result<Vec<ScanRow>, ScanError> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        Ok(Vec::new())
    }

    fn metrics(&self) -> Vec<Arc<str>> {
        self.behind.metrics()
    }

    fn cell_tags(&self, metric: &str) -> Option<Vec<TagKey>> {
        self.behind.cell_tags(metric)
    }
}

/// Answers nothing and knows nothing.
struct Nothing;

impl Scan for Nothing {
    fn scan(&self, _: &ScanRequest) -> Result<Vec<ScanRow>, ScanError> {
        Ok(Vec::new())
    }

    fn metrics(&self) -> Vec<Arc<str>> {
        Vec::new()
    }

    fn cell_tags(&self, _: &str) -> Option<Vec<TagKey>> {
        None
    }
}

/// The tags that groups of a query are told apart by.
pub(super) fn keys(query: &Query, zone: &Zone) -> Result<Vec<TagKey>, QueryError> {
    // Which window does not matter; it has a year before it, for functions that look back.
    let from = UnixMicros(366 * UnixMicros::DAY);
    let window = TimeRange { from, to: from.saturating_add_us(UnixMicros::HOUR) };
    Ok(run_window(query, window, zone, &Nothing)?.keys)
}

/// What is evaluated.
pub(super) struct Asked<'a> {
    pub(super) query: &'a Query,
    pub(super) zone: &'a Zone,
    pub(super) windows: &'a [TimeRange],
    /// Whether it is also asked how values are spread.
    pub(super) cells: bool,
}

/// What a query asks for when it is evaluated over these windows before a tick. Questions that cells cannot answer are
/// left out: they go to the store.
pub(super) fn needs(asked: &Asked<'_>, at: UnixMicros, groups_max: usize, behind: &dyn Scan) -> Vec<Need1> {
    let notes = Notes { behind, asked: Mutex::default() };
    for window in asked.windows {
        // An error is told when the monitor is evaluated.
        let _ = run_window(asked.query, *window, asked.zone, &notes);
        if asked.cells {
            let _ = run_cells(asked.query, *window, asked.zone, &notes);
        }
    }
    let asked = notes.asked.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut needs: Vec<Need1> = Vec::new();
    for request in asked.iter().filter(|request| request.source == ScanSource::Cells) {
        let reach_us = at.0.saturating_sub(request.range.from.0);
        let is_hourly = request.range.len_us() >= HOURLY_FROM_US;
        let keep = Keep {
            // The last hours are read by the minute also where the window starts on a whole hour.
            minutes_us: if is_hourly { SLACK_US } else { reach_us + SLACK_US },
            hours_us: reach_us + SLACK_US,
            histograms: request.need == Need::Histogram,
            groups_max,
        };
        let selection = Selection::of(request);
        match needs.iter_mut().find(|need| need.selection == selection) {
            Some(known) => {
                known.keep = known.keep.or(keep);
                known.reach_us = known.reach_us.max(reach_us);
            }
            None => needs.push(Need1 { selection, keep, reach_us }),
        }
    }
    needs
}
