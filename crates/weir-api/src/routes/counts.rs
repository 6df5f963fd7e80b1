//! `GET /api/histogram`: how many spans started when, for the picture above a table.

use std::sync::Arc;

use axum::extract::State;
use weir_types::{SpanCount, SpanSelection, TimeRange, UnixMicros};

use crate::Shared;
use crate::answer::JsonText;
use crate::error::ApiError;
use crate::extract::Params;
use crate::routes::selection::selecting;
use crate::wire::{CountItem, CountList};

/// Bars unless said.
const BUCKETS_DEFAULT: i64 = 60;

/// Bars at most: a wide screen has some pixels for each.
const BUCKETS_MAX: i64 = 500;

/// Steps that bars begin on: round times.
const STEPS_US: [i64; 16] = [
    UnixMicros::SECOND,
    2 * UnixMicros::SECOND,
    5 * UnixMicros::SECOND,
    10 * UnixMicros::SECOND,
    30 * UnixMicros::SECOND,
    UnixMicros::MINUTE,
    2 * UnixMicros::MINUTE,
    5 * UnixMicros::MINUTE,
    10 * UnixMicros::MINUTE,
    30 * UnixMicros::MINUTE,
    UnixMicros::HOUR,
    2 * UnixMicros::HOUR,
    3 * UnixMicros::HOUR,
    6 * UnixMicros::HOUR,
    12 * UnixMicros::HOUR,
    UnixMicros::DAY,
];

selecting! {
    /// Which spans, and in how many parts.
    CountParams {
        /// About how many bars, 1 to 500; 60 unless said. Bars begin on round times.
        #[param(value_type = Option<u32>, minimum = 1, maximum = 500, default = 60)]
        buckets,
    }
}

/// How many spans started in each part of the range.
#[utoipa::path(
    get,
    path = "/api/histogram",
    tag = "spans",
    params(CountParams),
    responses((status = 200, description = "Every part, also those without spans.", body = CountList), ApiError)
)]
pub(crate) async fn count_spans(
    State(shared): State<Shared>,
    Params(params): Params<CountParams>,
) -> Result<JsonText, ApiError> {
    let which = params.selection(shared.clock.now())?;
    let buckets = buckets(params.buckets.as_deref())?;
    let browse = Arc::clone(&shared.browse);
    let counting = move |_: &_| {
        let which = within_extent(which, browse.extent()?);
        let step_us = step_us(which.range.len_us(), buckets);
        let counts = browse.span_counts(&which, step_us)?;
        Ok(CountList { buckets: filled(which.range, step_us, counts), step_ms: step_us / 1_000 })
    };
    shared.gate.answer(counting).await
}

fn buckets(text: Option<&str>) -> Result<i64, ApiError> {
    let Some(text) = text else { return Ok(BUCKETS_DEFAULT) };
    let expected =
        || ApiError::parameter("buckets", text, &format!("a whole number from 1 to {BUCKETS_MAX}"));
    text.parse().ok().filter(|number| (1..=BUCKETS_MAX).contains(number)).ok_or_else(expected)
}

/// A range of all times is cut to what there is; any other is drawn as it was asked for.
fn within_extent(which: SpanSelection, extent: Option<TimeRange>) -> SpanSelection {
    const DRAWN_US_MAX: i64 = 3 * 366 * UnixMicros::DAY;
    let Some(extent) = extent.filter(|_| which.range.len_us() > DRAWN_US_MAX) else { return which };
    let from = which.range.from.max(extent.from);
    let to = which.range.to.min(extent.to.saturating_add_us(1)).max(from.saturating_add_us(1));
    SpanSelection { range: TimeRange { from, to }, ..which }
}

/// The shortest round step that makes no more than about this many bars.
fn step_us(length_us: i64, buckets: i64) -> i64 {
    let least = length_us / buckets.max(1);
    let round = STEPS_US.iter().copied().find(|step| *step >= least);
    round.unwrap_or_else(|| (least / UnixMicros::DAY + 1) * UnixMicros::DAY)
}

/// One bar for each step of the range.
fn filled(range: TimeRange, step_us: i64, counts: Vec<SpanCount>) -> Vec<CountItem> {
    let mut counts = counts.into_iter().peekable();
    let first = range.from.floor_to(step_us);
    let starts = (0..).map(|number| first.saturating_add_us(number * step_us));
    let bars = starts.take_while(|start| *start < range.to).map(|start| {
        let count = counts.next_if(|count| count.start == start);
        let (ok, error) = count.map_or((0, 0), |count| (count.ok, count.error));
        CountItem { start_ms: start.as_millis(), ok, error }
    });
    bars.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_round_and_not_many_more_than_asked_for() {
        for (length_us, step) in [
            (UnixMicros::HOUR, UnixMicros::MINUTE),
            (UnixMicros::DAY, 30 * UnixMicros::MINUTE),
            (30 * UnixMicros::DAY, 12 * UnixMicros::HOUR),
            (300 * UnixMicros::DAY, 6 * UnixMicros::DAY),
            (1, UnixMicros::SECOND),
        ] {
            assert_eq!(step_us(length_us, 60), step, "{length_us}");
        }
    }

    #[test]
    fn parts_without_spans_are_there_with_zeros() {
        let range = TimeRange { from: UnixMicros(1), to: UnixMicros(3 * UnixMicros::SECOND) };
        let count = SpanCount { start: UnixMicros(UnixMicros::SECOND), ok: 2, error: 1 };
        let bars = filled(range, UnixMicros::SECOND, vec![count]);
        let expected = [(0, 0, 0), (1_000, 2, 1), (2_000, 0, 0)];
        let expected = expected.map(|(start_ms, ok, error)| CountItem { start_ms, ok, error });
        assert_eq!(bars, expected);
    }
}
