//! Keeps the ledger and the engine's bands up to what the store knows.

use std::collections::HashMap;

use weir_monitor::{BandHistory, Follow, History, Keep, Ledger, Selection};
use weir_types::{CellSnapshot, Need, ScanError, ScanRequest, ScanSource, TimeRange, UnixMicros};

use super::{Judge, State};

/// Rows of minutes and of hours, and whether anything was before them: three questions for each selection.
const QUESTIONS: usize = 3;

impl Judge {
    /// Takes in what the store did; reads anew what the engine asks for and the ledger does not follow. Whether all of it is
    /// followed now.
    pub(super) fn follow(&self, state: &mut State, now: UnixMicros) -> bool {
        let batches = self.parts.feed.take();
        let judged_to = state.ticked_to.unwrap_or(UnixMicros(i64::MIN));
        match &batches {
            Some(batches) => {
                let lookers = if batches.is_empty() { HashMap::new() } else { state.lookers() };
                for batch in batches {
                    state.ledger.apply(batch, judged_to);
                    state.lateness.note(batch, now);
                    state.late_counts.note(batch, &lookers, now);
                }
            }
            None => state.is_following = false,
        }
        // A metric that was unknown when this was asked last may be known now. Until it is followed its questions go to the
        // store, which answers them from rows.
        let minute = now.floor_to(UnixMicros::MINUTE);
        if state.is_following && state.asked_at < minute {
            let ledger = std::sync::Arc::clone(&state.ledger);
            state.is_following = state.engine.is_followed_by(now, &ledger);
            state.asked_at = minute;
        }
        if !state.is_following {
            match self.read_anew(state, now) {
                Ok(()) => state.is_following = true,
                Err(error) => tracing::warn!(%error, "monitors wait for the store"),
            }
        }
        state.is_following
    }

    fn read_anew(&self, state: &mut State, now: UnixMicros) -> Result<(), ScanError> {
        // Ticks that were missed look back from where they are.
        let first =
            state.ticked_to.map_or(now, |last| last.max(now.saturating_add_us(-super::AWAY_US_MAX)).min(now));
        let behind_us = now.0.saturating_sub(first.0);
        let ledger = std::sync::Arc::new(Ledger::new(Some(std::sync::Arc::clone(&self.parts.scan))));
        let follows = state.engine.follows(now, &ledger);
        let keeps: Vec<(Selection, Keep)> = follows
            .into_iter()
            .map(|Follow { selection, keep }| {
                let keep = Keep {
                    minutes_us: keep.minutes_us + behind_us,
                    hours_us: keep.hours_us + behind_us,
                    ..keep
                };
                (selection, keep)
            })
            .collect();
        let requests: Vec<ScanRequest> =
            keeps.iter().flat_map(|(selection, keep)| questions(selection, *keep, now)).collect();
        let CellSnapshot { position, minutes_from, mut answers } = self.parts.feed.snapshot(&requests)?;
        for (place, (selection, keep)) in keeps.into_iter().enumerate() {
            let own = &mut answers[place * QUESTIONS..(place + 1) * QUESTIONS];
            own[0].retain(|row| row.bucket >= minutes_from);
            let request = |question: usize| &requests[place * QUESTIONS + question];
            let history = History {
                position,
                minutes: std::mem::take(&mut own[0]),
                hours: std::mem::take(&mut own[1]),
                minutes_from: request(0).range.from.max(minutes_from),
                hours_from: request(1).range.from,
                began_before: own[2].iter().any(|row| row.cell.count > 0),
            };
            ledger.follow(selection, keep, &history);
        }
        state.ledger = ledger;
        self.warm(state, first)
    }

    /// Makes bands that have learned nothing yet of the past.
    fn warm(&self, state: &mut State, at: UnixMicros) -> Result<(), ScanError> {
        let histories = state.engine.band_histories(at);
        if histories.is_empty() {
            return Ok(());
        }
        let requests: Vec<ScanRequest> = histories.iter().map(band_question).collect();
        let CellSnapshot { position, minutes_from, answers } = self.parts.feed.snapshot(&requests)?;
        let past = Ledger::new(None);
        for (history, mut rows) in histories.iter().zip(answers) {
            // Hours would be points that are many times too high.
            rows.retain(|row| row.bucket >= minutes_from);
            let keep = Keep {
                minutes_us: history.range.len_us(),
                hours_us: 0,
                histograms: history.histograms,
                groups_max: history.groups_max,
            };
            let known = History {
                position,
                minutes: rows,
                minutes_from: history.range.from,
                hours_from: UnixMicros(i64::MAX),
                ..History::default()
            };
            past.follow(history.selection.clone(), keep, &known);
        }
        state.engine.warm(at, &past);
        Ok(())
    }
}

/// What is asked when a selection is first followed.
fn questions(selection: &Selection, keep: Keep, now: UnixMicros) -> [ScanRequest; QUESTIONS] {
    let to = now.floor_to(UnixMicros::HOUR).saturating_add_us(2 * UnixMicros::HOUR);
    let minutes_from = now.saturating_add_us(-keep.minutes_us).floor_to(UnixMicros::MINUTE);
    let hours_from = now.saturating_add_us(-keep.hours_us).floor_to(UnixMicros::HOUR);
    let request = |range: TimeRange, step_us: Option<i64>| ScanRequest {
        metric: std::sync::Arc::clone(&selection.metric),
        scope: selection.scope.clone(),
        by: selection.by.clone(),
        origin: range.from,
        range,
        step_us,
        need: if keep.histograms { Need::Histogram } else { Need::Totals },
        source: ScanSource::Cells,
    };
    let before = TimeRange { from: UnixMicros(0), to: hours_from.max(UnixMicros(0)) };
    [
        request(TimeRange { from: minutes_from, to }, Some(UnixMicros::MINUTE)),
        request(TimeRange { from: hours_from, to }, Some(UnixMicros::HOUR)),
        ScanRequest { by: Vec::new(), need: Need::Totals, ..request(before, None) },
    ]
}

fn band_question(history: &BandHistory) -> ScanRequest {
    ScanRequest {
        metric: std::sync::Arc::clone(&history.selection.metric),
        scope: history.selection.scope.clone(),
        by: history.selection.by.clone(),
        range: history.range,
        step_us: Some(history.interval_us),
        origin: history.range.from,
        need: if history.histograms { Need::Histogram } else { Need::Totals },
        source: ScanSource::Cells,
    }
}
