//! From a range of time to the grid of a query: which step, and where steps start.

use weir_types::{TimeRange, UnixMicros};

use crate::answer::QueryContext;
use crate::calendar::{self, Calendar};
use crate::error::{QueryError, QueryErrorKind};
use crate::grid::{Grid, Window, ceil_to};
use crate::limits;

/// The steps that are chosen from. Each divides the next local day or is made of days, so that labels fall on round
/// times.
const USUAL_STEPS_US: [i64; 15] = [
    UnixMicros::MINUTE,
    2 * UnixMicros::MINUTE,
    5 * UnixMicros::MINUTE,
    10 * UnixMicros::MINUTE,
    15 * UnixMicros::MINUTE,
    30 * UnixMicros::MINUTE,
    UnixMicros::HOUR,
    2 * UnixMicros::HOUR,
    3 * UnixMicros::HOUR,
    6 * UnixMicros::HOUR,
    12 * UnixMicros::HOUR,
    UnixMicros::DAY,
    2 * UnixMicros::DAY,
    7 * UnixMicros::DAY,
    28 * UnixMicros::DAY,
];

/// From this length on, a single window starts and ends on whole hours, so that hourly cells answer it: minute cells
/// are kept for days only.
const HOURLY_FROM_US: i64 = 2 * UnixMicros::DAY;

/// The grid of a series and its step.
pub(crate) fn series_grid(ctx: &QueryContext, step_us_min: i64) -> Result<(Grid, i64), QueryError> {
    let calendar = Calendar::new(ctx.tz.as_deref())?;
    check_range(ctx.range)?;
    let step_us = match ctx.step_us {
        Some(step_us) => asked(step_us, ctx.range)?,
        None => chosen(ctx.range, step_us_min, limits::POINTS_CHOSEN_MAX),
    };
    let starts = if step_us % UnixMicros::DAY == 0 {
        local_starts(&calendar, ctx.range, step_us / UnixMicros::DAY)
    } else {
        let first = ctx.range.from.floor_to(step_us).0;
        let count = ceil_to(ctx.range.to.0 - first, step_us) / step_us;
        (0..=count).map(|at| UnixMicros(first + at * step_us)).collect()
    };
    let windows = starts.windows(2).map(|edge| {
        let range = TimeRange { from: edge[0], to: edge[1] };
        let covered_us = TimeRange { from: range.from, to: range.to.min(ctx.range.to) }.len_us();
        Window { range, as_of: range.from, covered_us }
    });
    Ok((Grid { windows: windows.collect(), calendar, to: ctx.range.to }, step_us))
}

/// The grid of a single value.
pub(crate) fn instant_grid(ctx: &QueryContext) -> Result<Grid, QueryError> {
    let calendar = Calendar::new(ctx.tz.as_deref())?;
    check_range(ctx.range)?;
    let asked = ctx.range;
    let grain_us = if asked.len_us() >= HOURLY_FROM_US { UnixMicros::HOUR } else { UnixMicros::MINUTE };
    let range =
        TimeRange { from: asked.from.floor_to(grain_us), to: UnixMicros(ceil_to(asked.to.0, grain_us)) };
    let covered_us = TimeRange { from: range.from, to: asked.to }.len_us();
    Ok(Grid { windows: vec![Window { range, as_of: asked.to, covered_us }], calendar, to: asked.to })
}

/// Local midnights, `days` apart, from the one at or before the range to the first one not before its end.
fn local_starts(calendar: &Calendar, range: TimeRange, days: i64) -> Vec<UnixMicros> {
    let mut starts = vec![calendar.start_of_period(range.from, days)];
    let mut last = starts[0];
    while last < range.to {
        let next = calendar.midnight_after(last, days);
        // Time always moves on; the guard keeps a broken time zone database from hanging a query.
        last = if next > last { next } else { last.saturating_add_us(days * UnixMicros::DAY) };
        starts.push(last);
    }
    starts
}

fn check_range(range: TimeRange) -> Result<(), QueryError> {
    let error = |message: &str| QueryError::new(QueryErrorKind::Range, 0..0, message);
    if range.from < calendar::FIRST || range.to > calendar::LAST {
        return Err(error("the time range must lie between the years 1970 and 2199")
            .with_hint("times are given in milliseconds, in RFC 3339 or as `now-1h`"));
    }
    if range.is_empty() {
        return Err(error("the time range ends before it starts").with_hint("`from` comes before `to`"));
    }
    Ok(())
}

fn asked(step_us: i64, range: TimeRange) -> Result<i64, QueryError> {
    let error = |kind, message: String| QueryError::new(kind, 0..0, message);
    if step_us < UnixMicros::MINUTE || step_us % UnixMicros::MINUTE != 0 {
        let message = "the step must be a whole number of minutes";
        return Err(error(QueryErrorKind::Range, message.to_owned()).with_hint("for example 60s, 5m or 1h"));
    }
    let points = range.len_us() / step_us;
    if points > limits::POINTS_MAX {
        let message = format!("that step makes {points} points; the most is {}", limits::POINTS_MAX);
        return Err(error(QueryErrorKind::Limit, message).with_hint("leave the step out and one is chosen"));
    }
    Ok(step_us)
}

/// The shortest usual step that is not below `step_us_min` and makes no more than `points_max` points.
pub(crate) fn chosen(range: TimeRange, step_us_min: i64, points_max: i64) -> i64 {
    let points = |step_us: i64| ceil_to(range.len_us(), step_us) / step_us;
    let mut usual = USUAL_STEPS_US.into_iter().filter(|step_us| *step_us >= step_us_min);
    let longest = USUAL_STEPS_US[USUAL_STEPS_US.len() - 1];
    usual.find(|step_us| points(*step_us) <= points_max).unwrap_or(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ctx(hours: i64, step_us: Option<i64>, tz: Option<&str>) -> QueryContext {
        let to = UnixMicros(1_774_000_000 * UnixMicros::SECOND);
        let range = TimeRange { from: to.saturating_add_us(-hours * UnixMicros::HOUR), to };
        QueryContext { range, step_us, tz: tz.map(str::to_owned) }
    }

    #[test]
    fn the_shortest_usual_step_is_chosen() {
        for (hours, step_us) in [
            (1, UnixMicros::MINUTE),
            (5, UnixMicros::MINUTE),
            (24, 5 * UnixMicros::MINUTE),
            (7 * 24, UnixMicros::HOUR),
            (30 * 24, 3 * UnixMicros::HOUR),
            (365 * 24, 2 * UnixMicros::DAY),
        ] {
            assert_eq!(series_grid(&ctx(hours, None, None), 0).unwrap().1, step_us, "{hours} hours");
        }
        assert_eq!(series_grid(&ctx(1, None, None), UnixMicros::HOUR).unwrap().1, UnixMicros::HOUR);
    }

    #[test]
    fn windows_touch_cover_the_range_and_start_on_steps() {
        for (hours, step_us, tz) in [(3, None, None), (24 * 40, Some(UnixMicros::DAY), Some("Europe/Berlin"))]
        {
            let ctx = ctx(hours, step_us, tz);
            let (grid, _) = series_grid(&ctx, 0).unwrap();
            assert!(grid.windows[0].range.from <= ctx.range.from);
            assert!(grid.windows.last().unwrap().range.to >= ctx.range.to);
            assert!(grid.windows.windows(2).all(|pair| pair[0].range.to == pair[1].range.from));
        }
    }

    #[test]
    fn a_day_on_which_clocks_change_is_cut_into_hours_for_the_store() {
        let ctx = ctx(24 * 40, Some(UnixMicros::DAY), Some("America/New_York"));
        let (grid, _) = series_grid(&ctx, 0).unwrap();
        let lengths: std::collections::BTreeSet<i64> =
            grid.windows.iter().map(|window| window.range.len_us() / UnixMicros::HOUR).collect();
        assert_eq!(lengths, [23, 24].into(), "clocks were put forward on 8 March 2026");
        assert_eq!(grid.buckets().step_us, Some(UnixMicros::HOUR));
    }
}
