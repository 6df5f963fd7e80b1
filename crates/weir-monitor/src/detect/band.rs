//! What one series is used to do, and how unusual each of its points is.
//!
//! A point is judged by what was learned before it, and learned after. What it teaches is clamped to [`CLAMP`] scales, so
//! an anomaly cannot drag the band along; the clamp opens as errors stay large, so that a band which is wrong does not stay
//! wrong. When [`SHIFT_POINTS`] points in a row lie outside on one side, an agile band accepts a new level. Nothing is
//! learned from missing points: seasons are indexed by local time, so a gap needs no filling.
//!
//! Two forecasts run side by side, one with the season and one without, and the one that has lately been better weighs
//! more: series without a season are not judged by one. Deviations are measured in scales, one for each side, and what a
//! deviation means is learned by a [`Tail`].
//!
//! Invariants: the state depends on nothing but the model and the points in their order; equal inputs give equal bits.
//!
//! Failure: a value that is not finite, or beyond 10^30, counts as missing.

use super::level::Level;
use super::model::BandModel;
use super::rolling::Rolling;
use super::season::Places;
use super::slot::SeasonSlot;
use super::tail::Tail;
use crate::condition::{Algorithm, Direction};

/// How many scales one point may differ from what was expected, as far as learning goes.
const CLAMP: f64 = 3.0;
/// How far the clamp opens for each scale by which errors were lately larger than usual.
const CLAMP_OPENS: f64 = 0.3;
/// Errors count up to this many scales when it comes to how large they lately were.
const BURST_MAX: f64 = 20.0;
const BURST_RATE: f64 = 0.1;
/// The least part of an error by which scales follow: a day of points five minutes apart.
const SCALE_RATE: f64 = 0.004;
/// The least and greatest part by which one point moves the edge of a tail.
const TAIL_RATES: (f64, f64) = (0.01, 0.2);
/// The mean size of a normal variable, inverted: what makes a mean error a standard deviation.
const SIGMAS: f64 = 1.253_3;
/// A band narrower than this part of its baseline is as wide as this: floats have no more digits.
const SCALE_MIN: f64 = 1e-6;
/// No scale is zero.
const SCALE_LEAST: f64 = 1e-30;
/// Greater numbers than this, after the transform, are no measurements; their squares would leave the range of floats.
const LEARNED_MAX: f64 = 1e30;
/// A scale is at least this part of the mean size of all errors. Clamps would keep the scale of a series that is zero but for
/// a few points at zero.
const SIZE_PART: f64 = 0.5;
/// One error counts for up to this many mean sizes.
const SIZE_CLAMP: f64 = 500.0;
/// Points before the first judgement.
const POINTS_MIN: u32 = 16;
/// Points outside on one side after which an agile band accepts a new level.
const SHIFT_POINTS: usize = 8;
/// Runs are counted up to this many points.
const RUN_MAX: i8 = 100;
/// Of points outside in a row so many count as a sign that the band is too narrow.
const HITS_OF_A_RUN: u8 = 2;
/// By how much a point outside stretches a band, and how far it may be stretched in all.
const BOUNDS_STRETCH: (f64, f64, f64) = (0.03, 0.5, 30.0);
/// The same for an alert, where there is a budget.
const BUDGET_STRETCH: (f64, f64, f64) = (0.1, 0.5, 30.0);

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
    Level(Level),
}

/// The state of one series' band.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    shape: Shape,
    /// The scales of errors below and above the baseline.
    scales: [f32; 2],
    tails: [Tail; 2],
    /// The last errors in a row that lie outside on one side.
    ring: [f32; SHIFT_POINTS],
    /// The mean size of errors over a week, wild ones among them: no scale is less than a part of it.
    size: f32,
    /// How large errors lately were, in scales.
    burst: f32,
    /// What experience multiplies the width with.
    stretch: f32,
    /// Points seen, and points since the last one outside.
    points: u32,
    quiet: u32,
    /// Points in a row outside on one side; negative below the band.
    run: i8,
}

/// What is expected of the next point, as the band learns values.
struct Expected {
    baseline: f64,
    /// With the season, and without.
    forecasts: [f64; 2],
    scales: [f64; 2],
    /// How far the edges of the band lie from the baseline.
    widths: [f64; 2],
}

impl Band {
    /// A band that has seen nothing.
    pub fn new(model: &BandModel) -> Self {
        let shape = match model.spec.algorithm {
            Algorithm::Basic => Shape::Rolling(Box::new(Rolling::new())),
            Algorithm::Agile | Algorithm::Robust => Shape::Level(Level::new(model)),
        };
        Self {
            shape,
            scales: [0.0; 2],
            tails: [Tail::new(model.ln_share); 2],
            ring: [0.0; SHIFT_POINTS],
            size: 0.0,
            burst: 1.0,
            stretch: 1.0,
            points: 0,
            quiet: u32::MAX,
            run: 0,
        }
    }

    /// Judges a point and learns it. `None` for a missing point and until there is ground for a judgement.
    pub fn observe(&mut self, model: &BandModel, slot: SeasonSlot, value: Option<f64>) -> Option<BandPoint> {
        let (value, x) = learnable(model, value)?;
        let places = Places::new(model, slot, self.points);
        let expected = self.expect(model, &places);
        let mut point = self.judge_expected(model, &expected, value, x);
        let is_shift = self.learn(model, &places, &expected, x);
        if let Some(point) = &mut point {
            point.is_shift = is_shift;
            self.adapt(model, point);
        }
        point
    }

    /// Judges a point without learning it: what happened in a downtime or a known incident teaches nothing.
    pub fn judge(&self, model: &BandModel, slot: SeasonSlot, value: Option<f64>) -> Option<BandPoint> {
        let (value, x) = learnable(model, value)?;
        let expected = self.expect(model, &Places::new(model, slot, self.points));
        self.judge_expected(model, &expected, value, x)
    }

    /// Bytes of the state, on the heap as well.
    pub fn bytes(&self) -> usize {
        let heap = match &self.shape {
            Shape::Rolling(_) => size_of::<Rolling>(),
            Shape::Level(level) => level.heap_bytes(),
        };
        size_of::<Self>() + heap
    }

    /// Calls `each` with every number of the state as bits, in a fixed order: equal sequences are equal states.
    pub fn visit_bits(&self, mut each: impl FnMut(u32)) {
        match &self.shape {
            Shape::Rolling(rolling) => rolling.visit(&mut each),
            Shape::Level(level) => level.visit(&mut each),
        }
        self.scales.iter().chain(&self.ring).for_each(|number| each(number.to_bits()));
        self.tails.iter().flat_map(|tail| tail.bits()).for_each(&mut each);
        each(self.size.to_bits());
        each(self.burst.to_bits());
        each(self.stretch.to_bits());
        each(self.points);
        each(self.quiet);
        each(u32::from(self.run.cast_unsigned()));
    }

    fn expect(&self, model: &BandModel, places: &Places) -> Expected {
        let scales = self.scales.map(f64::from);
        let (baseline, forecasts, scales) = match &self.shape {
            Shape::Rolling(rolling) => {
                let (scales, middle) = rolling.scales(scales);
                (middle, [middle; 2], scales)
            }
            Shape::Level(level) => {
                let forecasts = level.forecasts(places);
                (level.baseline(forecasts), forecasts, scales)
            }
        };
        let least = (SCALE_MIN * baseline.abs()).max(SIZE_PART * f64::from(self.size)) + SCALE_LEAST;
        let scales = scales.map(|scale| scale.max(least));
        let widths = if model.spec.is_literal {
            scales.map(|scale| model.spec.bounds * scale)
        } else {
            let stretch = f64::from(self.stretch);
            [stretch * self.tails[0].width() * scales[0], stretch * self.tails[1].width() * scales[1]]
        };
        Expected { baseline, forecasts, scales, widths }
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
        let is_beyond = error.abs() > expected.widths[side] && (value - baseline).abs() > spec.deviation_min;
        let is_counted = match spec.direction {
            Direction::Above => side == 1,
            Direction::Below => side == 0,
            Direction::Both => true,
        };
        let is_too_small = side == 1 && spec.value_min.is_some_and(|least| value < least);
        Some(BandPoint {
            value,
            baseline,
            lower: spec.transform.invert(expected.baseline - expected.widths[0]),
            upper: spec.transform.invert(expected.baseline + expected.widths[1]),
            score: self.tails[side].score(error.abs() / expected.scales[side]),
            is_outside: is_beyond && is_counted && !is_too_small,
            is_learning: self.points < model.learning_points,
            is_shift: false,
        })
    }

    /// Learns a point; returns whether a new level was accepted.
    fn learn(&mut self, model: &BandModel, places: &Places, expected: &Expected, x: f64) -> bool {
        // Everything is a running mean at first.
        let young = 1.0 / (f64::from(self.points) + 1.0);
        let is_early = self.points < POINTS_MIN;
        // The first point is what is expected of it.
        let error = if self.points == 0 { 0.0 } else { x - expected.baseline };
        let side = usize::from(error > 0.0);
        let clamp = if is_early {
            f64::INFINITY
        } else {
            self.calibrate(model, error / expected.scales[side], young);
            let opens = 1.0 + CLAMP_OPENS * (f64::from(self.burst) - 1.5).max(0.0);
            CLAMP * opens * expected.scales[side]
        };
        let scale = f64::from(self.scales[side]);
        let seen = SIGMAS * error.abs().min(clamp);
        // Each side sees half of the points.
        let rate = (2.0 * young).clamp(SCALE_RATE, 1.0);
        self.scales[side] = (scale + rate * (seen - scale)) as f32;
        let size = f64::from(self.size);
        let seen = if size > 0.0 { error.abs().min(SIZE_CLAMP * size) } else { error.abs() };
        self.size = (size + young.max(model.weeks_per_point) * (seen - size)) as f32;
        match &mut self.shape {
            Shape::Rolling(rolling) => rolling.push(x as f32),
            Shape::Level(level) => level.learn(model, places, expected.forecasts, x, clamp, young),
        }
        self.points = self.points.saturating_add(1);
        !is_early && self.accept_shift(model, places, expected, error, side)
    }

    /// Learns how far out errors lie; `z` is one in scales.
    fn calibrate(&mut self, model: &BandModel, z: f64, young: f64) {
        let rate = (10.0 * young).clamp(TAIL_RATES.0, TAIL_RATES.1);
        self.tails[0].learn(-z, rate, model.ln_share);
        self.tails[1].learn(z, rate, model.ln_share);
        let burst = f64::from(self.burst);
        self.burst = (burst + BURST_RATE * ((SIGMAS * z.abs()).min(BURST_MAX) - burst)) as f32;
    }

    /// After a run of points outside on one side, an agile band moves to where they are.
    fn accept_shift(
        &mut self,
        model: &BandModel,
        places: &Places,
        expected: &Expected,
        error: f64,
        side: usize,
    ) -> bool {
        if error.abs() <= expected.widths[side] {
            self.run = 0;
            return false;
        }
        let sign = if side == 1 { 1 } else { -1 };
        self.run = if self.run.signum() == sign { (self.run + sign).clamp(-RUN_MAX, RUN_MAX) } else { sign };
        let Shape::Level(level) = &mut self.shape else { return false };
        let run = usize::from(self.run.unsigned_abs());
        self.ring[(run - 1) % SHIFT_POINTS] = level.deviation(expected.baseline + error);
        if run != SHIFT_POINTS {
            return false;
        }
        let mut ring = self.ring;
        ring.sort_by(f32::total_cmp);
        let median = ring[SHIFT_POINTS / 2];
        // Points of another level scatter in their own way: the band is at least as wide as that.
        let scatter = ring.iter().map(|held| (held - median).abs()).sum::<f32>() / SHIFT_POINTS as f32;
        self.scales = self.scales.map(|scale| scale.max(scatter));
        if model.spec.algorithm != Algorithm::Agile {
            return false;
        }
        level.jump(places, median);
        self.scales = self.scales.map(|scale| 1.5 * scale);
        self.run = 0;
        true
    }

    /// Adapts the width until the share of points outside, or with a budget that of alerts, is the one that was asked for:
    /// wider with each, narrower while there is none (adaptive conformal inference).
    fn adapt(&mut self, model: &BandModel, point: &BandPoint) {
        let is_alert = point.is_outside && self.quiet > model.alert_points;
        self.quiet = if point.is_outside { 0 } else { self.quiet.saturating_add(1) };
        let (is_hit, share, (rate, least, most)) = match model.budget_share {
            Some(share) => (is_alert, share, BUDGET_STRETCH),
            None => (point.value < point.lower || point.value > point.upper, model.share, BOUNDS_STRETCH),
        };
        // A long anomaly is one event: its later points say nothing about usual ones.
        let is_hit = is_hit && self.run.unsigned_abs() <= HITS_OF_A_RUN;
        let hit = if is_hit { 1.0 } else { 0.0 };
        let stretch = f64::from(self.stretch) * (1.0 + rate * (hit - share));
        self.stretch = stretch.clamp(least, most) as f32;
    }
}

/// A value that counts, and as the band learns it.
fn learnable(model: &BandModel, value: Option<f64>) -> Option<(f64, f64)> {
    let value = value?;
    let x = model.spec.transform.apply(value);
    (x.abs() <= LEARNED_MAX).then_some((value, x))
}
