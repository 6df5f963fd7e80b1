//! How far out the points of one side of a band lie, learned from the series itself.
//!
//! Residuals of real series have heavier tails than a normal distribution, each series its own. A tail keeps the deviation
//! that one point in forty exceeds on its side, and the mean logarithm by which points beyond it exceed it (Hill's
//! estimator). With both, the probability of any deviation and the deviation of any probability follow in closed form, so
//! that "three deviations" leaves 0.27 % of usual points outside, whatever the tails.
//!
//! Invariant: an edge moves by factors, so it stays positive, and it is at rest when the share of points beyond it is the
//! one it stands for.

use super::numeric::{exp, ln};

/// The share of all points that lie beyond the edges of both sides.
pub(super) const RARE: f64 = 0.05;
/// The share beyond one.
const RARE_SIDE: f64 = 0.5 * RARE;
/// `-log10` of [`RARE`].
const RARE_SCORE: f64 = 1.301_029_995_663_981;
/// One over the logarithm of ten.
const LOG10_E: f64 = std::f64::consts::LOG10_E;
/// Edges below this share of the scale would call rounding errors rare.
const EDGE_MIN: f64 = 0.2;
/// Points beyond the edge that the reach remembers.
const REACH_RATE: f64 = 0.01;
/// One wild point says little about the tail: its logarithm counts up to this.
const EXCESS_MAX: f64 = 1.5;

/// One side's tail. Deviations are in scales of the series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tail {
    edge: f32,
    /// The mean logarithm by which points beyond the edge exceed it.
    reach: f32,
    /// The edge of the band over the edge of the tail: kept, because it changes with one point in forty only.
    width: f32,
}

impl Tail {
    /// Where normal residuals have their edge and their reach: what is believed before anything was seen. `ln_share` is the
    /// logarithm of the share of points that may lie outside of the band, relative to [`RARE`].
    pub(super) fn new(ln_share: f64) -> Self {
        let reach = 0.18;
        Self { edge: 1.96, reach, width: exp(-f64::from(reach) * ln_share) as f32 }
    }

    /// Learns a deviation, positive on this tail's side. `rate` is how much one point moves the edge.
    pub(super) fn learn(&mut self, deviation: f64, rate: f64, ln_share: f64) {
        let edge = f64::from(self.edge);
        if deviation > edge {
            self.edge = (edge * (1.0 + rate * (1.0 - RARE_SIDE))) as f32;
            let excess = ln(deviation / edge).min(EXCESS_MAX);
            let reach = f64::from(self.reach);
            let reach = (reach + REACH_RATE * (excess - reach)).clamp(0.05, 1.0);
            self.reach = reach as f32;
            self.width = exp(-reach * ln_share) as f32;
        } else {
            self.edge = (edge * (1.0 - rate * RARE_SIDE)).max(EDGE_MIN) as f32;
        }
    }

    /// `-log10` of the probability that a usual point deviates further than this on either side.
    pub(super) fn score(self, deviation: f64) -> f64 {
        let ratio = deviation / f64::from(self.edge);
        if ratio <= 1.0 {
            // Below the edge the exact probability does not matter: a line from all points to the edge.
            return ratio.max(0.0) * RARE_SCORE;
        }
        RARE_SCORE + ln(ratio) / f64::from(self.reach) * LOG10_E
    }

    /// The deviation of the band's edge.
    pub(super) fn width(self) -> f64 {
        f64::from(self.edge) * f64::from(self.width)
    }

    pub(super) fn bits(self) -> [u32; 3] {
        [self.edge.to_bits(), self.reach.to_bits(), self.width.to_bits()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_outside_is_the_one_that_was_asked_for_whatever_the_tails() {
        // Uniform numbers made wild by a power: from tails that end to tails without a variance.
        for power in [0.3, 1.0, 2.0, 3.0] {
            for share in [0.01, 0.0027] {
                let ln_share = ln(share / RARE);
                let mut tail = Tail::new(ln_share);
                let mut state = 7_u64;
                let mut outside = 0;
                for at in 0..400_000_u32 {
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let uniform = ((state >> 33) as f64 + 0.5) / f64::from(1_u32 << 31);
                    let deviation =
                        (2.0 * uniform - 1.0).signum() * (-(2.0 * uniform - 1.0).abs().ln()).powf(power);
                    outside += u32::from(at >= 20_000 && deviation > tail.width());
                    tail.learn(deviation, 0.01, ln_share);
                }
                let measured = 2.0 * f64::from(outside) / 380_000.0;
                // The estimator is cautious: it never lets out much more, and for tails that end, less.
                assert!(measured < 1.5 * share && measured > 0.05 * share, "{power} {share}: {measured}");
            }
        }
    }
}
