//! How far out the points of one side of a band lie, learned from the series itself.
//!
//! Residuals of real series have heavier tails than a normal distribution, each series its own. A tail keeps the deviation
//! that one point in [`RARE`] exceeds, and the mean logarithm by which points beyond it exceed it (Hill's estimator). With
//! both, the probability of any deviation and the deviation of any probability follow in closed form, so that "three
//! deviations" leaves 0.27 % of usual points outside, whatever the tails.

use super::numeric::{exp, ln};

/// The share of all points, on both sides, beyond the deviation that a tail tracks.
pub(super) const RARE: f64 = 0.05;

/// `-log10` of [`RARE`].
const RARE_SCORE: f64 = 1.301_029_995_663_981;

/// One side's tail. Deviations are in scales of the series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tail {
    /// The deviation that half of [`RARE`] of all points exceed on this side.
    edge: f32,
    /// The mean logarithm by which points beyond the edge exceed it.
    reach: f32,
}

/// Where normal residuals have their edge and their reach: what is believed before anything was seen.
const START: Tail = Tail { edge: 1.96, reach: 0.18 };

impl Tail {
    pub(super) const fn new() -> Self {
        START
    }

    /// Learns a deviation: positive on this tail's side, otherwise on the other. `rate` is how much one point moves it.
    pub(super) fn learn(&mut self, deviation: f64, rate: f64) {
        let edge = f64::from(self.edge);
        let share = RARE / 2.0;
        if deviation > edge {
            self.edge = (edge * (1.0 + rate * (1.0 - share))) as f32;
            // One wild point says little about the tail, so its part is bounded.
            let excess = ln(deviation / edge).min(1.5);
            let reach = f64::from(self.reach);
            self.reach = (reach + 0.02 * (excess - reach)).clamp(0.05, 1.0) as f32;
        } else {
            self.edge = (edge * (1.0 - rate * share)).max(0.2) as f32;
        }
    }

    /// `-log10` of the probability that a usual point deviates further than this on either side.
    pub(super) fn score(self, deviation: f64) -> f64 {
        let edge = f64::from(self.edge);
        if deviation <= edge {
            // Below the edge the exact probability does not matter: a line from all points to the edge.
            return (deviation / edge).max(0.0) * RARE_SCORE;
        }
        RARE_SCORE + ln(deviation / edge) / (f64::from(self.reach) * std::f64::consts::LN_10)
    }

    /// The deviation that this share of all points, as `ln(share / RARE)`, exceeds.
    pub(super) fn deviation(self, ln_share: f64) -> f64 {
        f64::from(self.edge) * exp(-f64::from(self.reach) * ln_share)
    }

    pub(super) fn bits(self) -> [u32; 2] {
        [self.edge.to_bits(), self.reach.to_bits()]
    }
}
