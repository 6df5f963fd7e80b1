//! Reads what a store has kept into a ledger, a piece at a time.
//!
//! Minutes are kept for days and hours for a year. Where there are no minutes any more they are made of rows again, which
//! a store keeps for longer; so a backtest over six weeks judges minutes too. A piece that would be too large an answer
//! is asked for in halves.

use std::collections::HashMap;
use std::sync::Arc;

use weir_types::{Need, Scan, ScanError, ScanRequest, ScanRow, ScanSource, TimeRange, UnixMicros};

use crate::engine::{BandHistory, Engine, Follow};
use crate::ledger::{History, Ledger, Selection};

/// The length of a piece. Pieces begin on whole hours.
const PIECE_US: i64 = 6 * UnixMicros::HOUR;

/// How long before what is followed it is looked whether there were values.
const BEGAN_BEFORE_US: i64 = 60 * UnixMicros::DAY;

/// Gaps between minutes with values that are remembered for each selection.
const GAPS_MAX: usize = 4_096;

/// Reads the history of what an engine's monitors look at.
pub(super) struct HistoryReader<'a> {
    scan: &'a dyn Scan,
    follows: Vec<(Follow, Pace)>,
    /// The end of what was read.
    to: UnixMicros,
}

/// How often a selection has values.
#[derive(Debug, Default)]
struct Pace {
    last: HashMap<Vec<Option<Arc<str>>>, UnixMicros>,
    gaps_us: Vec<i64>,
}

impl<'a> HistoryReader<'a> {
    /// Makes a ledger follow what monitors look at from an instant on, with what is known before it.
    pub(super) fn start(
        engine: &mut Engine,
        ledger: &Ledger,
        scan: &'a dyn Scan,
        from: UnixMicros,
    ) -> Result<Self, ScanError> {
        let edge = from.floor_to(UnixMicros::HOUR);
        let mut reader = Self { scan, follows: Vec::new(), to: edge };
        for follow in engine.follows(from, ledger) {
            let minutes_from = edge.saturating_add_us(-follow.keep.minutes_us).floor_to(UnixMicros::HOUR);
            let hours_from = edge.saturating_add_us(-follow.keep.hours_us).floor_to(UnixMicros::HOUR);
            let earliest = minutes_from.min(hours_from);
            let before = TimeRange { from: earliest.saturating_add_us(-BEGAN_BEFORE_US), to: earliest };
            let before = TimeRange { from: before.from.max(UnixMicros(0)), ..before };
            let mut minutes = Vec::new();
            for piece in pieces(TimeRange { from: minutes_from, to: edge }) {
                minutes.extend(reader.minutes(&follow.selection, follow.keep.histograms, piece)?);
            }
            let history = History {
                position: 0,
                minutes,
                hours: reader.rows(
                    &follow.selection,
                    follow.keep.histograms,
                    TimeRange { from: hours_from, to: edge },
                    UnixMicros::HOUR,
                    ScanSource::Cells,
                )?,
                minutes_from,
                hours_from,
                began_before: reader.count(&follow.selection, before)? > 0,
            };
            ledger.follow(follow.selection.clone(), follow.keep, &history);
            reader.follows.push((follow, Pace::default()));
        }
        reader.warm(engine, from)?;
        Ok(reader)
    }

    /// Makes the bands of anomaly monitors of what was there before.
    fn warm(&self, engine: &mut Engine, from: UnixMicros) -> Result<(), ScanError> {
        let histories = engine.band_histories(from);
        let before = Ledger::new(None);
        for BandHistory { selection, histograms, groups_max, range, interval_us } in histories {
            let mut rows = Vec::new();
            for piece in pieces(range) {
                rows.extend(self.fine(&selection, histograms, piece, interval_us)?);
            }
            let (minutes_us, hours_us) = (range.len_us(), 0);
            let keep = crate::ledger::Keep { minutes_us, hours_us, histograms, groups_max };
            let history = History {
                minutes: rows,
                minutes_from: range.from,
                hours_from: UnixMicros(i64::MAX),
                ..History::default()
            };
            before.follow(selection, keep, &history);
        }
        engine.warm(from, &before);
        Ok(())
    }

    /// Reads on, so that everything before an instant is in the ledger.
    pub(super) fn read_to(&mut self, ledger: &Ledger, to: UnixMicros) -> Result<(), ScanError> {
        while self.to < to {
            let piece = TimeRange { from: self.to, to: self.to.saturating_add_us(PIECE_US) };
            let mut follows = std::mem::take(&mut self.follows);
            for (follow, pace) in &mut follows {
                let rows = self.minutes(&follow.selection, follow.keep.histograms, piece)?;
                pace.note(&rows);
                ledger.extend(&follow.selection, &rows);
            }
            self.follows = follows;
            self.to = piece.to;
        }
        Ok(())
    }

    /// How far apart the minutes with values of a selection's groups are, in the middle.
    pub(super) fn pace_us(&self, selection: &Selection) -> Option<i64> {
        let (_, pace) = self.follows.iter().find(|(follow, _)| follow.selection == *selection)?;
        let mut gaps_us = pace.gaps_us.clone();
        gaps_us.sort_unstable();
        gaps_us.get(gaps_us.len() / 2).copied()
    }

    fn minutes(
        &self,
        selection: &Selection,
        histograms: bool,
        range: TimeRange,
    ) -> Result<Vec<ScanRow>, ScanError> {
        self.fine(selection, histograms, range, UnixMicros::MINUTE)
    }

    /// Cells of less than an hour: from cells where they are all there, and from rows elsewhere.
    fn fine(
        &self,
        selection: &Selection,
        histograms: bool,
        range: TimeRange,
        step_us: i64,
    ) -> Result<Vec<ScanRow>, ScanError> {
        let rows = self.rows(selection, histograms, range, step_us, ScanSource::Cells)?;
        let counted: u64 = rows.iter().map(|row| row.cell.count).sum();
        if counted >= self.count(selection, range)? {
            return Ok(rows);
        }
        let from_rows = self.rows(selection, histograms, range, step_us, ScanSource::Rows)?;
        let counted_rows: u64 = from_rows.iter().map(|row| row.cell.count).sum();
        Ok(if counted_rows > counted { from_rows } else { rows })
    }

    /// How many values there are in a range.
    fn count(&self, selection: &Selection, range: TimeRange) -> Result<u64, ScanError> {
        if range.is_empty() {
            return Ok(0);
        }
        let request = ScanRequest {
            by: Vec::new(),
            step_us: None,
            ..request(selection, false, range, UnixMicros::HOUR, ScanSource::Cells)
        };
        Ok(self.scan.scan(&request)?.iter().map(|row| row.cell.count).sum())
    }

    fn rows(
        &self,
        selection: &Selection,
        histograms: bool,
        range: TimeRange,
        step_us: i64,
        source: ScanSource,
    ) -> Result<Vec<ScanRow>, ScanError> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        match self.scan.scan(&request(selection, histograms, range, step_us, source)) {
            Err(ScanError::TooManyRows { .. }) if range.len_us() > step_us => {
                let steps = range.len_us() / step_us;
                let middle = range.from.saturating_add_us((steps + 1) / 2 * step_us);
                let half = |range| self.rows(selection, histograms, range, step_us, source);
                let mut rows = half(TimeRange { to: middle, ..range })?;
                rows.extend(half(TimeRange { from: middle, ..range })?);
                Ok(rows)
            }
            answer => answer,
        }
    }
}

impl Pace {
    fn note(&mut self, rows: &[ScanRow]) {
        let mut rows: Vec<&ScanRow> = rows.iter().collect();
        rows.sort_by_key(|row| row.bucket);
        for row in rows {
            if self.gaps_us.len() >= GAPS_MAX {
                return;
            }
            if let Some(last) = self.last.insert(row.group.clone(), row.bucket) {
                self.gaps_us.push(row.bucket.0.saturating_sub(last.0));
            }
        }
    }
}

fn pieces(range: TimeRange) -> impl Iterator<Item = TimeRange> {
    let starts = (0..).map(move |n| range.from.saturating_add_us(n * PIECE_US));
    starts
        .take_while(move |start| *start < range.to)
        .map(move |from| TimeRange { from, to: from.saturating_add_us(PIECE_US).min(range.to) })
}

fn request(
    selection: &Selection,
    histograms: bool,
    range: TimeRange,
    step_us: i64,
    source: ScanSource,
) -> ScanRequest {
    ScanRequest {
        metric: Arc::clone(&selection.metric),
        scope: selection.scope.clone(),
        by: selection.by.clone(),
        range,
        step_us: Some(step_us),
        origin: range.from,
        need: if histograms { Need::Histogram } else { Need::Totals },
        source,
    }
}
