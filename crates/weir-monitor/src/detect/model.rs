//! The settings of a band, and the rates that follow from them.
//!
//! A [`BandSpec`] is what a monitor says; a [`BandModel`] is the same in the numbers that [`super::Band`] computes with. All
//! series of a monitor share one model, so a series holds nothing but what it has learned.

use weir_types::UnixMicros;
use weir_types::metric::Unit;

use super::numeric::{ln, upper_tail};
use super::rolling::WINDOW;
use super::season::Memory;
use super::tail::RARE;
use super::transform::Transform;
use crate::condition::{Algorithm, Anomaly, Direction, Seasonality};

/// How much of an error an agile level follows: its memory is five points.
const AGILE_RATE: f64 = 0.2;
/// The same for a robust one: a hundred points.
const ROBUST_RATE: f64 = 0.01;

const WEEK_US: f64 = 7.0 * UnixMicros::DAY as f64;

/// What a band is asked to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BandSpec {
    /// How it is learned.
    pub algorithm: Algorithm,
    /// Its width, in standard deviations of a normal distribution with the same probability.
    pub bounds: f64,
    /// Which side counts as outside.
    pub direction: Direction,
    /// The longest season.
    pub seasonality: Seasonality,
    /// The distance of points in microseconds.
    pub interval_us: i64,
    /// How values are changed before they are learned.
    pub transform: Transform,
    /// Whether `bounds` are multiples of the learned scale, whatever share of points lies outside of them.
    pub is_literal: bool,
    /// How many alerts a week one series may raise when nothing is wrong; replaces `bounds` once it is learned.
    pub budget_per_week: Option<f64>,
    /// For how long points outside are one alert, in microseconds.
    pub alert_window_us: i64,
    /// A point this near to the baseline is never outside, in the metric's unit.
    pub deviation_min: f64,
    /// A point of less than this is never above the band.
    pub value_min: Option<f64>,
}

impl BandSpec {
    /// The band of a condition on values of a unit.
    pub fn of(anomaly: &Anomaly, unit: Unit) -> Self {
        Self {
            algorithm: anomaly.algorithm.value,
            bounds: anomaly.bounds.value,
            direction: anomaly.direction.value,
            seasonality: anomaly.seasonality.value,
            interval_us: anomaly.interval_us.value,
            transform: Transform::of_unit(unit),
            is_literal: false,
            budget_per_week: anomaly.budget_per_week,
            alert_window_us: anomaly.alert_window_us.value,
            deviation_min: 0.0,
            value_min: None,
        }
    }
}

/// A [`BandSpec`] in numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct BandModel {
    pub(super) spec: BandSpec,
    /// `ln` of the share of points that may lie outside, both sides together, relative to [`RARE`].
    pub(super) ln_share: f64,
    /// The share of points that may lie outside.
    pub(super) share: f64,
    /// The share of points that may start an alert, where there is a budget.
    pub(super) budget_share: Option<f64>,
    /// Points in an alert window.
    pub(super) alert_points: u32,
    /// Points until a band is more than a guess: two of the longest season.
    pub(super) learning_points: u32,
    /// How much of a week lies between two points.
    pub(super) weeks_per_point: f64,
    /// What bins of seasons remember.
    pub(super) memory: Memory,
    /// The least part of an error by which the level follows.
    pub(super) level_rate: f64,
}

impl BandModel {
    /// The numbers of a spec. An interval of less than a second counts as one.
    pub fn new(spec: &BandSpec) -> Self {
        let interval_us = spec.interval_us.max(UnixMicros::SECOND) as f64;
        let points = |length_us: f64| (length_us / interval_us).max(1.0);
        let season_us = match spec.seasonality {
            Seasonality::Hourly => UnixMicros::HOUR as f64,
            Seasonality::Daily => UnixMicros::DAY as f64,
            Seasonality::Weekly => WEEK_US,
        };
        let budget_share = spec.budget_per_week.map(|budget| (budget / points(WEEK_US)).clamp(1e-6, 0.2));
        let share = budget_share.unwrap_or_else(|| 2.0 * upper_tail(spec.bounds.max(0.0)));
        Self {
            spec: *spec,
            ln_share: ln(share / RARE),
            share,
            budget_share,
            alert_points: points(spec.alert_window_us as f64).min(1e6) as u32,
            learning_points: match spec.algorithm {
                Algorithm::Basic => WINDOW as u32,
                Algorithm::Agile | Algorithm::Robust => (2.0 * points(season_us)).min(1e7) as u32,
            },
            weeks_per_point: 1.0 / points(WEEK_US),
            memory: Memory::new(spec.seasonality, points(UnixMicros::DAY as f64)),
            level_rate: match spec.algorithm {
                Algorithm::Basic | Algorithm::Agile => AGILE_RATE,
                Algorithm::Robust => ROBUST_RATE,
            },
        }
    }

    /// The spec it was made of.
    pub fn spec(&self) -> &BandSpec {
        &self.spec
    }
}
