//! Where a series is heading: a line, or a season on a line, and the range around it.
//!
//! The line is robust: Theil and Sen's median of slopes, between points half of the history apart so that the work is
//! linear, and the median of what remains. The seasonal form repeats the median of up to [`SEASONS_MAX`] seasons, each
//! taken relative to its own line, as Datadog documents. The range is `bounds` standard deviations of the residuals, which grow with
//! the distance as those of a fitted line do. A forecast monitor breaches when the range reaches its threshold anywhere
//! within the coming window, so the answer is the whole way and not its end.
//!
//! Failure: `None` with less than [`POINTS_MIN`] values, and for the seasonal form with less than two seasons.

use crate::condition::Forecast;

/// Fewer values give no slope worth the name.
const POINTS_MIN: usize = 8;
/// Seasons that are used at most.
const SEASONS_MAX: usize = 6;
/// Points of a forecast at most: three months of hours.
const HORIZON_MAX: usize = 2232;

/// What is expected of one coming point, in the metric's unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ForecastRange {
    /// The most likely value.
    pub value: f64,
    /// The lower edge of the range.
    pub lower: f64,
    /// The upper edge of the range.
    pub upper: f64,
}

/// The coming `horizon` points, one interval apart, the first one interval after the last of `history`. Points that are
/// missing or not finite are left out. `season_points` is the length of the season in points; the linear form does not
/// look at it.
pub fn forecast(
    history: &[Option<f64>],
    settings: &Forecast,
    season_points: usize,
    horizon: usize,
) -> Option<Vec<ForecastRange>> {
    let horizon = horizon.min(HORIZON_MAX);
    if settings.is_seasonal {
        seasonal(history, settings, season_points, horizon)
    } else {
        linear(history, settings, horizon)
    }
}

/// A line through points `(place, value)`, and how far they lie from it.
struct Line {
    at_zero: f64,
    slope: f64,
}

impl Line {
    fn fit(points: &[(f64, f64)]) -> Option<Self> {
        let half = points.len() / 2;
        let slopes = points[..half].iter().zip(&points[points.len() - half..]);
        let slope = median(slopes.map(|(from, to)| (to.1 - from.1) / (to.0 - from.0)).collect())?;
        let at_zero = median(points.iter().map(|(place, value)| value - slope * place).collect())?;
        Some(Self { at_zero, slope })
    }

    fn value(&self, place: f64) -> f64 {
        self.at_zero + self.slope * place
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    let middle = values.len().checked_sub(1)? / 2;
    Some(*values.select_nth_unstable_by(middle, f64::total_cmp).1)
}

/// The places and values of what is there.
fn present(history: &[Option<f64>]) -> Vec<(f64, f64)> {
    let places = history.iter().enumerate();
    places
        .filter_map(|(at, value)| value.filter(|value| value.is_finite()).map(|value| (at as f64, value)))
        .collect()
}

/// A standard deviation from the median absolute residual.
fn spread(residuals: impl Iterator<Item = f64>) -> f64 {
    1.4826 * median(residuals.map(f64::abs).collect()).unwrap_or(0.0)
}

fn linear(history: &[Option<f64>], settings: &Forecast, horizon: usize) -> Option<Vec<ForecastRange>> {
    let points = present(history);
    if points.len() < POINTS_MIN {
        return None;
    }
    let line = Line::fit(&points)?;
    let spread = spread(points.iter().map(|(place, value)| value - line.value(*place)));
    let n = points.len() as f64;
    let centre = points.iter().map(|(place, _)| place).sum::<f64>() / n;
    let extent: f64 = points.iter().map(|(place, _)| (place - centre) * (place - centre)).sum();
    Some(range(history.len(), horizon, settings.bounds, |place| {
        let growth = 1.0 + 1.0 / n + (place - centre) * (place - centre) / extent;
        (line.value(place), spread * growth.sqrt())
    }))
}

fn seasonal(
    history: &[Option<f64>],
    settings: &Forecast,
    season_points: usize,
    horizon: usize,
) -> Option<Vec<ForecastRange>> {
    if season_points == 0 || history.len() < 2 * season_points {
        return None;
    }
    let seasons = (history.len() / season_points).min(SEASONS_MAX);
    let used = &history[history.len() - seasons * season_points..];
    // The line runs through the medians of the seasons: within one, the season itself would look like a trend.
    let middles: Vec<(f64, f64)> = used
        .chunks(season_points)
        .enumerate()
        .filter_map(|(at, season)| {
            let values = present(season).into_iter().map(|(_, value)| value).collect();
            Some(((at as f64 + 0.5) * season_points as f64, median(values)?))
        })
        .collect();
    if present(used).len() < POINTS_MIN || middles.len() < 2 {
        return None;
    }
    let line = Line::fit(&middles)?;
    let shape: Vec<f64> = (0..season_points)
        .map(|phase| {
            let alike = (0..seasons).filter_map(|season| {
                let at = season * season_points + phase;
                used[at].filter(|value| value.is_finite()).map(|value| value - line.value(at as f64))
            });
            // A phase that was never seen is expected to lie on the line.
            median(alike.collect()).unwrap_or(0.0)
        })
        .collect();
    let expect = |place: usize| line.value(place as f64) + shape[place % season_points];
    let residuals = used.iter().enumerate().filter_map(|(at, value)| Some((*value)? - expect(at)));
    let spread = spread(residuals.filter(|residual| residual.is_finite()));
    let n = seasons as f64;
    Some(range(used.len(), horizon, settings.bounds, |place| {
        let ahead = (place - used.len() as f64) / season_points as f64;
        (expect(place as usize), spread * (1.0 + (1.0 + ahead) / n).sqrt())
    }))
}

/// The points after `from`, each as `expect` gives its value and standard deviation.
fn range(from: usize, horizon: usize, bounds: f64, expect: impl Fn(f64) -> (f64, f64)) -> Vec<ForecastRange> {
    (from..from + horizon)
        .map(|place| {
            let (value, spread) = expect(place as f64);
            ForecastRange { value, lower: value - bounds * spread, upper: value + bounds * spread }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINEAR: Forecast = Forecast { is_seasonal: false, bounds: 2.0 };
    const SEASONAL: Forecast = Forecast { is_seasonal: true, bounds: 2.0 };

    fn wander(at: usize) -> f64 {
        (at * 7919 % 101) as f64 / 101.0 - 0.5
    }

    #[test]
    fn a_disk_that_fills_is_seen_to_be_full_before_it_is() {
        let history: Vec<_> = (0..200).map(|at| Some(100.0 + 2.0 * at as f64 + wander(at))).collect();
        let coming = forecast(&history, &LINEAR, 0, 100).unwrap();
        assert!((coming[99].value - 698.0).abs() < 1.0, "{:?}", coming[99]);
        let full = coming.iter().position(|point| point.upper >= 600.0).unwrap();
        assert!((48..=50).contains(&full), "{full}");
        assert!(coming[99].upper - coming[99].lower > coming[0].upper - coming[0].lower);
    }

    #[test]
    fn a_tenth_of_wild_values_does_not_bend_the_line() {
        let history: Vec<_> =
            (0..200).map(|at| Some(if at % 10 == 3 { 1e6 } else { f64::from(at) })).collect();
        let coming = forecast(&history, &LINEAR, 0, 1).unwrap();
        assert!((coming[0].value - 200.0).abs() < 1.0, "{:?}", coming[0]);
    }

    #[test]
    fn a_season_on_a_trend_is_continued() {
        let truth = |at: usize| 0.1 * at as f64 + if at % 24 < 8 { 0.0 } else { 50.0 };
        let history: Vec<_> = (0..24 * 5).map(|at| Some(truth(at) + 0.1 * wander(at))).collect();
        let coming = forecast(&history, &SEASONAL, 24, 48).unwrap();
        for (ahead, point) in coming.iter().enumerate() {
            assert!((point.value - truth(24 * 5 + ahead)).abs() < 0.5, "{ahead}: {point:?}");
        }
    }

    #[test]
    fn missing_values_are_left_out_and_too_few_are_no_ground() {
        let history: Vec<_> =
            (0..120).map(|at| if at % 3 == 0 { None } else { Some(5.0 + 0.5 * f64::from(at)) }).collect();
        let coming = forecast(&history, &LINEAR, 0, 1).unwrap();
        assert!((coming[0].value - 65.0).abs() < 1e-6);
        assert!(forecast(&history[..9], &LINEAR, 0, 1).is_none());
        assert!(forecast(&history[..30], &SEASONAL, 24, 1).is_none());
        assert!(forecast(&[None; 100], &SEASONAL, 24, 1).is_none());
        assert!(forecast(&[], &LINEAR, 0, 1).is_none());
    }
}
