//! Where a series is and what it is expected to be next: a slow mean, the season around it, and how far the series lately
//! lies from both.
//!
//! The mean is slow, with a memory of a week, so that the season does not chase its own tail: what the day does must not be
//! taken up by the level before the bins have learned it. How soon the level follows is all that tells agile from robust bands.
//!
//! Two forecasts share the mean. One adds the season, the other does not; each keeps its own offset and the size of its
//! errors, and the baseline leans to the one that errs less.

use super::model::BandModel;
use super::season::{Places, Season};
use crate::condition::Algorithm;

/// The least part of an error by which the sizes of errors follow.
const SKILL_RATE: f64 = 0.01;
/// The mean may move further with one point than a level, in clamps: it is slow already.
const MEAN_CLAMPS: f64 = 4.0;

/// What an agile or robust band has learned of the level.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Level {
    season: Season,
    /// The slow mean around which the season swings.
    mean: f64,
    /// How far the series lately lies from mean and season, and from the mean alone.
    offsets: [f64; 2],
    /// The mean size of errors of both forecasts.
    errors: [f32; 2],
    /// Whether `mean` was set; before the first point there is none.
    is_set: bool,
}

impl Level {
    pub(super) fn new(model: &BandModel) -> Self {
        debug_assert!(model.spec.algorithm != Algorithm::Basic, "basic bands have no level");
        Self {
            season: Season::new(model.spec.seasonality),
            mean: 0.0,
            offsets: [0.0; 2],
            errors: [0.0; 2],
            is_set: false,
        }
    }

    /// What is expected with the season, and without.
    pub(super) fn forecasts(&self, places: &Places) -> [f64; 2] {
        [self.mean + self.season.value(places) + self.offsets[0], self.mean + self.offsets[1]]
    }

    /// Both forecasts weighed by the squares of their errors.
    pub(super) fn baseline(&self, forecasts: [f64; 2]) -> f64 {
        let [with, without] = self.errors.map(|error| f64::from(error) * f64::from(error));
        let both = with + without;
        let weight = if both > 0.0 { without / both } else { 0.5 };
        forecasts[1] + weight * (forecasts[0] - forecasts[1])
    }

    /// Learns a point. `young` is one over the number of points, and `clamp` how far the point may lie from what was
    /// expected as far as learning goes.
    pub(super) fn learn(
        &mut self,
        model: &BandModel,
        places: &Places,
        forecasts: [f64; 2],
        x: f64,
        clamp: f64,
        young: f64,
    ) {
        if !self.is_set {
            self.is_set = true;
            self.mean = x;
            return self.season.learn(model.memory, places, 0.0, clamp);
        }
        let rate = young.max(model.level_rate);
        let skill_rate = young.max(SKILL_RATE);
        for ((offset, error), forecast) in self.offsets.iter_mut().zip(&mut self.errors).zip(forecasts) {
            let missed = (x - forecast).clamp(-clamp, clamp);
            let size = f64::from(*error);
            *error = (size + skill_rate * (missed.abs() - size)) as f32;
            *offset += rate * missed;
        }
        let wide = MEAN_CLAMPS * clamp;
        let pull = young.max(model.weeks_per_point) * (x - self.mean).clamp(-wide, wide);
        self.mean += pull;
        self.offsets[0] -= pull;
        self.offsets[1] -= pull;
        self.season.learn(model.memory, places, x - self.mean, clamp);
    }

    /// How far a learned value lies from the mean.
    pub(super) fn deviation(&self, x: f64) -> f32 {
        (x - self.mean) as f32
    }

    /// Moves to where points lie this far from the mean.
    pub(super) fn jump(&mut self, places: &Places, deviation: f32) {
        let deviation = f64::from(deviation);
        self.offsets = [deviation - self.season.value(places), deviation];
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.season.bytes()
    }

    /// Calls `each` with every number it holds.
    pub(super) fn visit(&self, mut each: impl FnMut(u32)) {
        self.season.visit(&mut each);
        for number in [self.mean, self.offsets[0], self.offsets[1]] {
            each((number.to_bits() >> 32) as u32);
            each(number.to_bits() as u32);
        }
        self.errors.iter().for_each(|error| each(error.to_bits()));
        each(u32::from(self.is_set));
    }
}
