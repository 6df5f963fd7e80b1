//! What one series is used to do, and how unusual each of its points is.
//!
//! A point is judged by what was learned before it, and learned after. What it teaches is clamped to
//! [`CLAMP`] scales, so an anomaly cannot drag the band along; only when [`SHIFT_POINTS`] points in a row lie outside on
//! one side does an agile band accept a new level. Nothing is learned from missing points: seasons are indexed by local time,
//! so a gap needs no filling.
//!
//! Two forecasts run side by side, one with the season and one without, and the one that has lately been better weighs
//! more: series without a season are not judged by one.
//!
//! Failure: a value that is not finite counts as missing.

use super::model::BandModel;
use super::rolling::Rolling;
use super::season::{Places, Season};
use super::slot::SeasonSlot;
use super::tail::Tail;
use crate::condition::{Algorithm, Direction};

/// How many scales one point may differ from what was expected, as far as learning goes.
const CLAMP: f64 = 3.0;
/// Points before the first judgement.
const POINTS_MIN: u32 = 16;
/// Points outside on one side after which an agile band accepts a new level.
const SHIFT_POINTS: usize = 8;

/// A judged point, in the metric's unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BandPoint {
    /// The value that was judged.
    pub value: f64,
    /// What was expected.
    pub baseline: f64,
    /// The lower edge of the band.
    pub lower: f64,
    /// The upper edge of the band.
    pub upper: f64,
    /// `-log10` of the probability that a usual point lies this far from the baseline.
    pub score: f64,
    /// Whether it lies outside, on a side that counts.
    pub is_outside: bool,
    /// Whether less than two seasons were seen, so that the band is a guess.
    pub is_learning: bool,
    /// Whether with this point a new level was accepted.
    pub is_shift: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Shape {
    Rolling(Box<Rolling>),
    Seasonal(Seasonal),
}

/// What an agile or robust band has learned of the level.
#[derive(Debug, Clone, PartialEq)]
struct Seasonal {
    season: Season,
    /// The slow mean around which the season swings.
    mean: f64,
    /// How far the series lately lies from mean and season, and from the mean alone.
    offset: [f64; 2],
    /// The mean size of errors of both forecasts.
    error: [f32; 2],
}

/// The state of one series' band.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    shape: Shape,
    /// The mean size of errors below and above the baseline.
    scales: [f32; 2],
    tails: [Tail; 2],
    /// The last errors in a row that lie outside on one side.
    ring: [f32; SHIFT_POINTS],
    /// How many of them there are; negative below the band.
    run: i8,
    /// What the budget multiplies the width with.
    stretch: f32,
    /// Points seen, and points since the last one outside.
    points: u32,
    quiet: u32,
}

/// What is expected of the next point, as the band learns values.
#[derive(Clone, Copy)]
struct Expected {
    baseline: f64,
    forecasts: [f64; 2],
    scales: [f64; 2],
    reach: [f64; 2],
}

impl Band {
    /// A band that has seen nothing.
    pub fn new(model: &BandModel) -> Self {
        let shape = match model.spec.algorithm {
            Algorithm::Basic => Shape::Rolling(Box::new(Rolling::new())),
            Algorithm::Agile | Algorithm::Robust => Shape::Seasonal(Seasonal {
                season: Season::new(model.spec.seasonality),
                mean: 0.0,
                offset: [0.0; 2],
                error: [0.0; 2],
            }),
        };
        Self {
            shape,
            scales: [0.0; 2],
            tails: [Tail::new(); 2],
            ring: [0.0; SHIFT_POINTS],
            run: 0,
            stretch: 1.0,
            points: 0,
            quiet: u32::MAX,
        }
    }

    /// Judges a point and learns it. `None` for a missing point and until there is ground for a judgement.
    pub fn observe(&mut self, model: &BandModel, slot: SeasonSlot, value: Option<f64>) -> Option<BandPoint> {
        let value = value.filter(|value| value.is_finite())?;
        let x = model.spec.transform.apply(value);
        let places = self.places(model, slot);
        let expected = self.expect(model, places.as_ref(), x);
        let mut point = self.judge_expected(model, &expected, value, x);
        let is_shift = self.learn(model, places.as_ref(), &expected, x);
        if let Some(point) = &mut point {
            point.is_shift = is_shift;
            self.spend(model, point.is_outside);
        }
        point
    }

    /// Judges a point without learning it: what happened in a downtime or a known incident teaches nothing.
    pub fn judge(&self, model: &BandModel, slot: SeasonSlot, value: Option<f64>) -> Option<BandPoint> {
        let value = value.filter(|value| value.is_finite())?;
        let x = model.spec.transform.apply(value);
        let expected = self.expect(model, self.places(model, slot).as_ref(), x);
        self.judge_expected(model, &expected, value, x)
    }

    /// Bytes of the state, on the heap as well.
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + match &self.shape {
                Shape::Rolling(_) => size_of::<Rolling>(),
                Shape::Seasonal(seasonal) => seasonal.season.bytes(),
            }
    }

    /// Calls `each` with every number of the state as bits, in a fixed order: equal sequences are equal states.
    pub fn visit_bits(&self, mut each: impl FnMut(u32)) {
        match &self.shape {
            Shape::Rolling(rolling) => rolling.visit(&mut each),
            Shape::Seasonal(seasonal) => {
                seasonal.season.visit(&mut each);
                for number in [seasonal.mean, seasonal.offset[0], seasonal.offset[1]] {
                    each((number.to_bits() >> 32) as u32);
                    each(number.to_bits() as u32);
                }
                seasonal.error.iter().for_each(|error| each(error.to_bits()));
            }
        }
        self.scales.iter().chain(&self.ring).for_each(|number| each(number.to_bits()));
        self.tails.iter().flat_map(|tail| tail.bits()).for_each(&mut each);
        each(self.run.unsigned_abs().into());
        each(u32::from(self.run < 0));
        each(self.stretch.to_bits());
        each(self.points);
        each(self.quiet);
    }

    fn places(&self, model: &BandModel, slot: SeasonSlot) -> Option<Places> {
        match &self.shape {
            Shape::Rolling(_) => None,
            Shape::Seasonal(seasonal) => Some(seasonal.season.places(model, slot, self.points)),
        }
    }

    /// `first` stands for the level as long as nothing was seen.
    fn expect(&self, model: &BandModel, places: Option<&Places>, first: f64) -> Expected {
        let (baseline, forecasts, scales) = match &self.shape {
            Shape::Rolling(rolling) => {
                let middle = rolling.quantile(0.5);
                (middle, [middle; 2], [middle - rolling.quantile(0.16), rolling.quantile(0.84) - middle])
            }
            Shape::Seasonal(seasonal) => {
                let mean = if self.points == 0 { first } else { seasonal.mean };
                let season = places.map_or(0.0, |places| seasonal.season.value(places));
                let forecasts = [mean + season + seasonal.offset[0], mean + seasonal.offset[1]];
                let [with, without] = seasonal.error.map(|error| f64::from(error * error));
                let weight = if with + without > 0.0 { without / (with + without) } else { 0.5 };
                let baseline = forecasts[1] + weight * (forecasts[0] - forecasts[1]);
                (baseline, forecasts, self.scales.map(f64::from))
            }
        };
        let floor = 1e-6 * baseline.abs() + f64::MIN_POSITIVE;
        let scales = scales.map(|scale| scale.max(floor));
        let reach = [0, 1].map(|side: usize| {
            let width = if model.spec.is_literal {
                model.spec.bounds
            } else {
                self.tails[side].deviation(model.ln_share) * f64::from(self.stretch)
            };
            width * scales[side]
        });
        Expected { baseline, forecasts, scales, reach }
    }

    fn judge_expected(
        &self,
        model: &BandModel,
        expected: &Expected,
        value: f64,
        x: f64,
    ) -> Option<BandPoint> {
        if self.points < POINTS_MIN {
            return None;
        }
        let spec = &model.spec;
        let error = x - expected.baseline;
        let side = usize::from(error > 0.0);
        let baseline = spec.transform.invert(expected.baseline);
        let is_beyond = error.abs() > expected.reach[side] && (value - baseline).abs() > spec.deviation_min;
        let is_counted = match spec.direction {
            Direction::Above => side == 1,
            Direction::Below => side == 0,
            Direction::Both => true,
        };
        let is_too_small = side == 1 && spec.value_min.is_some_and(|least| value < least);
        Some(BandPoint {
            value,
            baseline,
            lower: spec.transform.invert(expected.baseline - expected.reach[0]),
            upper: spec.transform.invert(expected.baseline + expected.reach[1]),
            score: self.tails[side].score(error.abs() / expected.scales[side]),
            is_outside: is_beyond && is_counted && !is_too_small,
            is_learning: self.points < model.season_points.saturating_mul(2),
            is_shift: false,
        })
    }

    /// Learns a point; returns whether a new level was accepted.
    fn learn(&mut self, model: &BandModel, places: Option<&Places>, expected: &Expected, x: f64) -> bool {
        let points = f64::from(self.points);
        let error = x - expected.baseline;
        let side = usize::from(error > 0.0);
        let is_early = self.points < POINTS_MIN;
        if !is_early {
            // A thousand points of memory once there were as many.
            let rate = (10.0 / (points + 1.0)).clamp(0.02, 0.2);
            let z = error / expected.scales[side];
            self.tails[0].learn(-z, rate);
            self.tails[1].learn(z, rate);
        }
        let clamp = if is_early { f64::INFINITY } else { CLAMP * expected.scales[side] };
        let clamped = error.clamp(-clamp, clamp);
        let scale_rate = (1.0 / (0.5 * points + 1.0)).max(0.005);
        // Half of a normal distribution's mean deviation, since each side sees half of the points.
        let scale = f64::from(self.scales[side]);
        let seen = clamped.abs() * 1.2533;
        self.scales[side] =
            if self.points < 2 { seen.max(scale) } else { scale + scale_rate * (seen - scale) } as f32;
        match &mut self.shape {
            Shape::Rolling(rolling) => rolling.push(x as f32),
            Shape::Seasonal(seasonal) => {
                if self.points == 0 {
                    seasonal.mean = x;
                }
                seasonal.learn(model, places, expected, x, clamp, points);
            }
        }
        self.points = self.points.saturating_add(1);
        !is_early && self.accept_shift(model, expected, error, side)
    }

    /// After a run of points outside on one side, an agile band moves to where they are.
    fn accept_shift(&mut self, model: &BandModel, expected: &Expected, error: f64, side: usize) -> bool {
        let is_outside = error.abs() > expected.reach[side];
        let sign = if side == 1 { 1 } else { -1 };
        if !is_outside {
            self.run = 0;
            return false;
        }
        self.run = if self.run.signum() == sign { self.run + sign } else { sign };
        let run = usize::from(self.run.unsigned_abs());
        let Shape::Seasonal(seasonal) = &mut self.shape else {
            self.run = sign;
            return false;
        };
        self.ring[(run - 1) % SHIFT_POINTS] = (expected.baseline + error - seasonal.mean) as f32;
        if run < SHIFT_POINTS {
            return false;
        }
        self.run = 0;
        if model.spec.algorithm != Algorithm::Agile {
            return false;
        }
        let mut ring = self.ring;
        ring.sort_by(f32::total_cmp);
        let median = f64::from(ring[SHIFT_POINTS / 2]);
        let season = expected.forecasts[0] - seasonal.mean - seasonal.offset[0];
        seasonal.offset = [median - season, median];
        self.scales = self.scales.map(|scale| scale * 1.5);
        true
    }

    /// Adapts the width to the budget: wider with each alert, narrower while there is none.
    fn spend(&mut self, model: &BandModel, is_outside: bool) {
        let is_alert = is_outside && self.quiet > model.alert_points;
        self.quiet = if is_outside { 0 } else { self.quiet.saturating_add(1) };
        let Some(share) = model.budget_share else { return };
        let hit = f64::from(u8::from(is_alert));
        let gain = 0.1;
        self.stretch = (f64::from(self.stretch) * (1.0 + gain * (hit - share))).clamp(0.5, 20.0) as f32;
    }
}

impl Seasonal {
    fn learn(
        &mut self,
        model: &BandModel,
        places: Option<&Places>,
        expected: &Expected,
        x: f64,
        clamp: f64,
        points: f64,
    ) {
        let is_agile = model.spec.algorithm == Algorithm::Agile;
        for (error, forecast) in self.error.iter_mut().zip(expected.forecasts) {
            let seen = (x - forecast).abs().min(clamp);
            let rate = (1.0 / (points + 1.0)).max(0.01);
            *error += (rate * (seen - f64::from(*error))) as f32;
        }
        let rate = (1.0 / (points + 1.0)).max(if is_agile { 0.1 } else { 0.005 });
        for (offset, forecast) in self.offset.iter_mut().zip(expected.forecasts) {
            *offset += rate * (x - forecast).clamp(-clamp, clamp);
        }
        let mean_rate = (1.0 / (points + 1.0)).max(1.0 / model.week_points);
        let pull = mean_rate * (x - self.mean).clamp(-4.0 * clamp, 4.0 * clamp);
        self.mean += pull;
        self.offset = self.offset.map(|offset| offset - pull);
        if let Some(places) = places {
            self.season.learn(model, places, x - self.mean, clamp);
        }
    }
}
