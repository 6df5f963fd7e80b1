//! What the recorder does besides recording, by the clock: roll up hours that are over, merge the small rows that
//! batches leave, forget what is too old, say which share of calls is covered. In many small transactions, so that recording goes on between them.

use std::collections::BTreeMap;

use duckdb::{Connection, params_from_iter};
use weir_types::{CellDelta, TimeRange, UnixMicros};

use crate::StoreError;
use crate::duck::{Marks, Params};
use crate::recorder::coverage_points::CoveragePoints;
use crate::recorder::retention::Retired;
use crate::recorder::roll_up::{self, Tier};
use crate::recorder::{Shared, retention};

/// How long after its end an hour is rolled up. What comes later is added to the hour by itself.
const LATE_US: i64 = 5 * UnixMicros::MINUTE;

/// An hour's rows are merged when this many were added to it …
const MERGE_ROWS: usize = 50_000;
/// … or this many, when nothing was added since the last look.
const MERGE_ROWS_QUIET: usize = 500;

/// Rows added to an hour since they were last merged.
#[derive(Debug, Default, Clone, Copy)]
struct Added {
    rows: usize,
    /// How many rows the hour had after it was last merged: merging sooner than after that many would cost more than
    /// it saves.
    merged_rows: usize,
    /// Rows at the last look.
    rows_before: usize,
}

/// What there is to do, as far as it is not in the tables' marks.
#[derive(Debug, Default)]
pub(crate) struct Upkeep {
    added: BTreeMap<(Tier, UnixMicros), Added>,
    retired: Retired,
    coverage: CoveragePoints,
    /// Whether anything was stored since the last look, and since the last checkpoint made here.
    stored_since_look: bool,
    stored_since_checkpoint: bool,
}

impl Upkeep {
    /// Notes what a batch added.
    pub(crate) fn note(&mut self, cells: &[CellDelta], marks: &Marks) {
        (self.stored_since_look, self.stored_since_checkpoint) = (true, true);
        self.coverage.note(cells);
        for delta in cells {
            let hour = delta.minute.floor_to(UnixMicros::HOUR);
            self.added.entry((Tier::Minute, hour)).or_default().rows += 1;
            if marks.rolled_up_to.is_some_and(|mark| hour < mark) {
                self.added.entry((Tier::Hour, hour)).or_default().rows += 1;
            }
        }
    }

    /// Does what is to be done now.
    pub(crate) fn run(
        &mut self,
        connection: &Connection,
        marks: &mut Marks,
        shared: &Shared,
    ) -> Result<(), StoreError> {
        self.roll_up(connection, marks, shared)?;
        self.merge(connection, shared)?;
        retention::expire(connection, marks, &mut self.retired, shared)?;
        self.coverage.run(connection, shared)?;
        self.settle(connection);
        Ok(())
    }

    /// When nothing comes in: moves rows from DuckDB's log into its tables, so that they are compressed, and that a
    /// restart has nothing to read again.
    fn settle(&mut self, connection: &Connection) {
        let is_quiet = !std::mem::take(&mut self.stored_since_look);
        if !is_quiet || !self.stored_since_checkpoint {
            return;
        }
        match connection.execute_batch("CHECKPOINT") {
            Ok(()) => self.stored_since_checkpoint = false,
            // Someone reads for long; there will be another quiet time.
            Err(error) => tracing::debug!(%error, "no checkpoint was made"),
        }
    }

    /// Rolls up every hour that is over.
    fn roll_up(
        &mut self,
        connection: &Connection,
        marks: &mut Marks,
        shared: &Shared,
    ) -> Result<(), StoreError> {
        let over = shared.clock.now().saturating_add_us(-LATE_US).floor_to(UnixMicros::HOUR);
        while !shared.handover.is_stopped() {
            let before = marks.rolled_up_to;
            let from = before.unwrap_or(UnixMicros(i64::MIN));
            if from >= over {
                break;
            }
            match first_minute(connection, TimeRange { from, to: over })? {
                Some(minute) => {
                    let hour = minute.floor_to(UnixMicros::HOUR);
                    roll_up::roll_up_hour(connection, hour, marks)?;
                    self.added.remove(&(Tier::Minute, hour));
                    shared.counters.rolled_up_hours.add(1);
                }
                None if marks.rolled_up_to.is_some() => {
                    marks.rolled_up_to = Some(over);
                    marks.save(connection).map_err(StoreError::duck("save its marks"))?;
                }
                None => break,
            }
            order_finished_day(connection, before, marks)?;
        }
        Ok(())
    }

    /// Merges rows where many were added.
    fn merge(&mut self, connection: &Connection, shared: &Shared) -> Result<(), StoreError> {
        let mut due = Vec::new();
        for (key, added) in &mut self.added {
            let quiet = added.rows == added.rows_before;
            let enough = if quiet { MERGE_ROWS_QUIET } else { MERGE_ROWS };
            if added.rows >= enough.max(added.merged_rows) {
                due.push(*key);
            }
            added.rows_before = added.rows;
        }
        for (tier, hour) in due {
            if shared.handover.is_stopped() {
                break;
            }
            let merged_rows = roll_up::compact_hour(connection, tier, hour)?;
            self.added.insert((tier, hour), Added { merged_rows, ..Added::default() });
        }
        let quiet_for_long = shared.clock.now().saturating_add_us(-2 * UnixMicros::DAY);
        self.added.retain(|(_, hour), added| added.rows > 0 || *hour > quiet_for_long);
        Ok(())
    }
}

/// Orders the day in which the mark was, once it is in another: then all hours of that day are in.
fn order_finished_day(
    connection: &Connection,
    before: Option<UnixMicros>,
    marks: &Marks,
) -> Result<(), StoreError> {
    let day_of = |time: UnixMicros| time.floor_to(UnixMicros::DAY);
    match (before, marks.rolled_up_to) {
        (Some(before), Some(now)) if day_of(before) < day_of(now) => {
            roll_up::order_day(connection, day_of(before))
        }
        _ => Ok(()),
    }
}

/// The first minute of a range that has a cell.
fn first_minute(connection: &Connection, range: TimeRange) -> Result<Option<UnixMicros>, StoreError> {
    let mut params = Params::default();
    let mut conditions = format!("time < {}", params.time(range.to));
    if range.from.0 > i64::MIN {
        conditions = format!("{conditions} AND time >= {}", params.time(range.from));
    }
    let sql = format!("SELECT epoch_us(min(time)) FROM cells_1m WHERE {conditions}");
    let first: Option<i64> = connection
        .query_row(&sql, params_from_iter(params.values()), |row| row.get(0))
        .map_err(StoreError::duck("look for hours that are over"))?;
    Ok(first.map(UnixMicros))
}
