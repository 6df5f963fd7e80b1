//! How far the answers of near questions can be trusted: checks by similarity, and the threshold that follows.
//!
//! A check is a would-be hit whose kept answer was compared with what the provider said. They are counted in narrow bands of
//! similarity. The threshold is the lowest band from which on upwards the share of false hits stays under what the operator
//! accepts, not as measured but as it may be at most: the upper end of the exact (Clopper and Pearson) interval, with 95 %
//! confidence on that side. Without any false hit that takes 299 checks for 1 %.
//!
//! Above a threshold only a share of hits is checked, below it every one, since those go to the provider anyway. The bands
//! above, where questions are nearest, are thus under-represented, and the rate is overstated, never understated.
//!
//! Old checks fade: when a scope has [`CHECKS_MAX`], all counts are halved, so that a change of the model or of what people ask
//! is noticed.

/// The similarity of the lowest band. Below it nothing is a candidate, whatever the operator says.
pub(super) const SIMILARITY_MIN: f32 = 0.5;

/// Bands from there to 1.
const BANDS: usize = 100;

/// Checks after which old ones fade.
const CHECKS_MAX: u32 = 4_096;

/// The chance that the rate is higher than its bound.
const RISK: f64 = 0.05;

#[derive(Clone, Copy, Default)]
struct Band {
    checks: u32,
    false_hits: u32,
}

/// Checks of one scope.
pub(super) struct Evidence {
    bands: [Band; BANDS],
}

/// What was measured from some similarity on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Measured {
    pub(super) checks: u32,
    pub(super) false_hits: u32,
}

impl Default for Evidence {
    fn default() -> Self {
        Self { bands: [Band::default(); BANDS] }
    }
}

impl Evidence {
    /// Counts a check.
    pub(super) fn note(&mut self, similarity: f32, is_false: bool) {
        let band = &mut self.bands[band_of(similarity)];
        band.checks += 1;
        band.false_hits += u32::from(is_false);
        if self.since(0.0).checks >= CHECKS_MAX {
            for band in &mut self.bands {
                // Rounded up where it is about false hits: they are the rarer and the dearer.
                *band = Band { checks: band.checks.div_ceil(2), false_hits: band.false_hits.div_ceil(2) };
            }
        }
    }

    /// What was measured from a similarity on.
    pub(super) fn since(&self, similarity: f32) -> Measured {
        let bands = &self.bands[band_of(similarity)..];
        bands.iter().fold(Measured::default(), |sum, band| Measured {
            checks: sum.checks + band.checks,
            false_hits: sum.false_hits + band.false_hits,
        })
    }

    /// The lowest similarity, not under `similarity_min`, from which on false hits are rare enough; `None` without evidence.
    pub(super) fn threshold(&self, similarity_min: f32, false_hits_max: f64) -> Option<f32> {
        let lowest = band_of(similarity_min);
        let mut sum = Measured::default();
        let mut found = None;
        for (number, band) in self.bands.iter().enumerate().rev() {
            if number < lowest {
                break;
            }
            sum.checks += band.checks;
            sum.false_hits += band.false_hits;
            // A band without checks says nothing, and no threshold is put where nothing was measured.
            if band.checks > 0 && sum.bound().is_some_and(|bound| bound <= false_hits_max) {
                found = Some(edge_of(number).max(similarity_min));
            }
        }
        found
    }
}

impl Measured {
    /// The share of false hits.
    pub(super) fn rate(self) -> Option<f64> {
        (self.checks > 0).then(|| f64::from(self.false_hits) / f64::from(self.checks))
    }

    /// What the share is at most, with confidence.
    pub(super) fn bound(self) -> Option<f64> {
        if self.checks == 0 {
            return None;
        }
        if self.false_hits == self.checks {
            return Some(1.0);
        }
        let (mut low, mut high) = (self.rate()?, 1.0);
        // Halving forty times is beyond what a double distinguishes here.
        for _ in 0..40 {
            let middle = f64::midpoint(low, high);
            if chance_of_at_most(self.false_hits, self.checks, middle) > RISK {
                low = middle;
            } else {
                high = middle;
            }
        }
        Some(high)
    }
}

/// The chance of at most so many false hits among so many checks when each is one with chance `p`.
fn chance_of_at_most(false_hits: u32, checks: u32, p: f64) -> f64 {
    // By logarithms: the first terms are too small for a double otherwise.
    let mut term = f64::from(checks) * (1.0 - p).ln();
    let mut chance = term.exp();
    for number in 1..=false_hits {
        term += (f64::from(checks - number + 1) / f64::from(number)).ln() + (p / (1.0 - p)).ln();
        chance += term.exp();
    }
    chance
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Cut to the bands that there are.
fn band_of(similarity: f32) -> usize {
    let place = (similarity - SIMILARITY_MIN) / (1.0 - SIMILARITY_MIN) * BANDS as f32;
    // A little more, so that the edge of a band is within it.
    ((place + 1e-3).max(0.0) as usize).min(BANDS - 1)
}

fn edge_of(band: usize) -> f32 {
    SIMILARITY_MIN + band as f32 / BANDS as f32 * (1.0 - SIMILARITY_MIN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn evidence(bands: &[(f32, u32, u32)]) -> Evidence {
        let mut evidence = Evidence::default();
        for (similarity, checks, false_hits) in bands {
            for number in 0..*checks {
                evidence.note(*similarity, number < *false_hits);
            }
        }
        evidence
    }

    #[test]
    fn without_false_hits_one_per_cent_takes_299_checks() {
        assert_eq!(evidence(&[(0.97, 298, 0)]).threshold(0.8, 0.01), None);
        let threshold = evidence(&[(0.97, 299, 0)]).threshold(0.8, 0.01).unwrap();
        assert!((threshold - 0.97).abs() < 0.005, "{threshold}");
    }

    #[test]
    fn the_bound_is_that_of_the_tables() {
        for (checks, false_hits, expected) in
            [(10, 0, 0.2589), (100, 1, 0.0466), (500, 3, 0.0154), (20, 20, 1.0)]
        {
            let bound = Measured { checks, false_hits }.bound().unwrap();
            assert!((bound - expected).abs() < 0.000_1, "{checks} {false_hits}: {bound}");
        }
    }

    #[test]
    fn a_false_hit_raises_the_threshold_above_itself() {
        let good = [(0.99, 400, 0), (0.93, 400, 0)];
        assert!(evidence(&good).threshold(0.8, 0.01).unwrap() < 0.935);
        let bad = [(0.99, 400, 0), (0.93, 400, 10)];
        assert!(evidence(&bad).threshold(0.8, 0.01).unwrap() > 0.98);
        let worse = [(0.99, 400, 10), (0.93, 400, 10)];
        assert_eq!(evidence(&worse).threshold(0.8, 0.01), None);
    }

    #[test]
    fn no_threshold_lies_below_what_the_operator_says() {
        let threshold = evidence(&[(0.7, 5_000, 0), (0.901, 400, 0)]).threshold(0.9, 0.01).unwrap();
        assert!((0.9..0.91).contains(&threshold), "{threshold}");
    }

    #[test]
    fn old_checks_fade() {
        let evidence = evidence(&[(0.99, 100_000, 0)]);
        assert!(evidence.since(0.0).checks < CHECKS_MAX);
    }

    proptest! {
        /// The rate from the threshold on is one that the operator accepts, whatever was seen.
        #[test]
        fn from_the_threshold_on_the_rate_is_accepted(
            seen in prop::collection::vec((0.4_f32..1.05, any::<bool>(), 1_u32..300), 0..12),
            accepted in 0.001_f64..0.2,
        ) {
            let mut evidence = Evidence::default();
            for (similarity, is_false, count) in seen {
                for _ in 0..count {
                    evidence.note(similarity, is_false);
                }
            }
            if let Some(threshold) = evidence.threshold(0.8, accepted) {
                prop_assert!(threshold >= 0.8);
                prop_assert!(evidence.since(threshold).bound().unwrap() <= accepted);
            }
        }
    }
}
