//! What one would do without Weir's bands: for comparison on the same points in the same run.

use weir_monitor::detect::{Band, BandModel, BandSpec, Transform};
use weir_monitor::{Algorithm, Direction, Seasonality};
use weir_types::UnixMicros;

use super::data::Series;
use super::measure::ALERT_POINTS;

/// What a detector says of each point.
pub(crate) struct Verdicts {
    pub(crate) scores: Vec<f64>,
    pub(crate) outside: Vec<bool>,
}

/// A detector with its settings.
#[derive(Clone, Copy)]
pub(crate) enum Detector {
    Band(Algorithm, Option<f64>),
    /// Mean and deviation of the last day.
    RollingZ,
    /// The value a day ago, and the deviation of such errors.
    SeasonalNaive,
    /// An exponential mean and deviation.
    Ewma,
}

impl Detector {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Band(Algorithm::Basic, _) => "weir basic",
            Self::Band(Algorithm::Agile, _) => "weir agile",
            Self::Band(Algorithm::Robust, _) => "weir robust",
            Self::RollingZ => "rolling z-score",
            Self::SeasonalNaive => "seasonal naive",
            Self::Ewma => "EWMA",
        }
    }

    pub(crate) fn run(self, series: &Series) -> Verdicts {
        match self {
            Self::Band(algorithm, budget) => band(series, algorithm, budget),
            Self::RollingZ => rolling_z(series),
            Self::SeasonalNaive => seasonal_naive(series),
            Self::Ewma => ewma(series),
        }
    }
}

/// The spec that every series gets: none is told what it is.
pub(crate) fn spec(interval_us: i64, algorithm: Algorithm, budget: Option<f64>) -> BandSpec {
    BandSpec {
        algorithm,
        bounds: 3.0,
        direction: Direction::Both,
        seasonality: Seasonality::Weekly,
        interval_us,
        transform: Transform::Identity,
        is_literal: false,
        budget_per_week: budget,
        alert_window_us: ALERT_POINTS as i64 * interval_us,
        deviation_min: 0.0,
        value_min: None,
    }
}

fn band(series: &Series, algorithm: Algorithm, budget: Option<f64>) -> Verdicts {
    let model = BandModel::new(&spec(series.interval_us, algorithm, budget));
    let mut band = Band::new(&model);
    let points =
        series.slots.iter().zip(&series.values).map(|(slot, value)| band.observe(&model, *slot, *value));
    let (scores, outside) =
        points.map(|point| point.map_or((0.0, false), |point| (point.score, point.is_outside))).unzip();
    Verdicts { scores, outside }
}

fn day(series: &Series) -> usize {
    (UnixMicros::DAY / series.interval_us).max(2) as usize
}

/// Scores from errors and their deviations, as if errors were normal.
fn verdicts(deviations: impl Iterator<Item = f64>) -> Verdicts {
    let scores: Vec<f64> = deviations
        .map(|z| {
            let z = if z.is_finite() { z.abs().min(1e6) } else { 0.0 };
            // Far out the normal tail is below what a float holds; its logarithm is not.
            if z < 0.01 { 0.0 } else { (0.5 * z * z + (z.max(1.0) * 1.2533).ln()) / std::f64::consts::LN_10 }
        })
        .collect();
    let outside = scores.iter().map(|score| *score > 2.57).collect();
    Verdicts { scores, outside }
}

fn rolling_z(series: &Series) -> Verdicts {
    let values = series.filled();
    let window = day(series).min(288);
    let (mut sum, mut squares) = (0.0, 0.0);
    verdicts(values.iter().enumerate().map(|(at, value)| {
        let n = at.min(window) as f64;
        let mean = sum / n;
        let z = (value - mean) / (squares / n - mean * mean).max(1e-12 * mean * mean).sqrt();
        sum += value;
        squares += value * value;
        if at >= window {
            let old = values[at - window];
            sum -= old;
            squares -= old * old;
        }
        if at < 16 { 0.0 } else { z }
    }))
}

fn seasonal_naive(series: &Series) -> Verdicts {
    let values = series.filled();
    let day = day(series);
    let mut variance = 0.0;
    let mut seen = 0.0;
    verdicts(values.iter().enumerate().map(|(at, value)| {
        let Some(before) = at.checked_sub(day) else { return 0.0 };
        let error = value - values[before];
        let z = error / f64::sqrt(variance);
        seen += 1.0;
        variance += (error * error - variance) / f64::min(seen, 2000.0);
        if seen < 16.0 { 0.0 } else { z }
    }))
}

fn ewma(series: &Series) -> Verdicts {
    let values = series.filled();
    let (mut mean, mut variance) = (values[0], 0.0);
    verdicts(values.iter().enumerate().map(|(at, value)| {
        let error = value - mean;
        let z = error / f64::sqrt(variance);
        mean += 0.1 * error;
        variance += f64::max(0.005, 1.0 / (at + 1) as f64) * (error * error - variance);
        if at < 16 { 0.0 } else { z }
    }))
}
