//! How far off an estimate may be: one-sided bounds, on the side that is asked for, at a confidence.
//!
//! A share has Wilson's score bound, a mean Student's, a quantile the value at the rank that a binomial count of values
//! exceeds with that confidence, which assumes nothing about how values are spread. Values are taken to be independent of
//! each other; where they are not, the truth is farther off than the bound says.
//!
//! On failure: too few values to say anything give a bound that is infinitely far away.

use weir_types::{Cell, Histogram};

use super::numeric::{exp, ln, upper_tail};

/// A variance of a count from which on the normal distribution stands for the binomial one.
const NORMAL_FROM_EXPONENT: f64 = -600.0;

/// On which side of an estimate the bound is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Below: the truth is at least the bound.
    Lower,
    /// Above: the truth is at most the bound.
    Upper,
}

impl Side {
    fn sign(self) -> f64 {
        if self == Self::Lower { -1.0 } else { 1.0 }
    }

    fn nothing_known(self) -> f64 {
        if self == Self::Lower { f64::NEG_INFINITY } else { f64::INFINITY }
    }
}

/// The normal deviate that is not exceeded with a probability of 0.5 to less than 1.
pub(crate) fn deviate(probability: f64) -> f64 {
    let (mut low, mut high) = (0.0, 40.0);
    for _ in 0..64 {
        let middle = 0.5 * (low + high);
        if upper_tail(middle) > 1.0 - probability { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// The bound of a share that was seen in `n` cases. `z` is the [`deviate`] of the confidence. What is over one is no share,
/// but a ratio of things that have nothing to do with each other, and has no bound but itself.
pub(crate) fn share(z: f64, share: f64, n: u64, side: Side) -> f64 {
    if n == 0 {
        return side.nothing_known();
    }
    if !(0.0..=1.0).contains(&share) {
        return share;
    }
    let (n, z2) = (n as f64, z * z);
    let spread = z * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    ((share + z2 / (2.0 * n) + side.sign() * spread) / (1.0 + z2 / n)).clamp(0.0, 1.0)
}

/// The bound of the mean of the values of a cell.
pub(crate) fn mean(z: f64, cell: &Cell, side: Side) -> f64 {
    // Two values say nothing about how far values are spread.
    let (Some(mean), true) = (cell.mean(), cell.count > 2) else { return side.nothing_known() };
    let n = cell.count as f64;
    let Some(variance) = variance(cell, mean) else { return side.nothing_known() };
    mean + side.sign() * student(z, n - 1.0) * (variance / n).sqrt()
}

/// The variance of the values of a cell, from its histogram; where there is none, the greatest that its least and greatest
/// value allow.
fn variance(cell: &Cell, mean: f64) -> Option<f64> {
    let n = cell.count as f64;
    if cell.histogram.count() == cell.count {
        let sum: f64 = cell
            .histogram
            .values()
            .map(|(value, count)| (value - mean) * (value - mean) * count as f64)
            .sum();
        return Some(sum / (n - 1.0));
    }
    let half = 0.5 * (cell.max? - cell.min?);
    Some(half * half * n / (n - 1.0))
}

/// Student's deviate for a normal one, by Cornish and Fisher's expansion: within 2 % from three degrees of freedom on.
fn student(z: f64, freedom: f64) -> f64 {
    let z2 = z * z;
    let first = z * (z2 + 1.0) / 4.0;
    let second = z * ((5.0 * z2 + 16.0) * z2 + 3.0) / 96.0;
    let third = z * (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / 384.0;
    z + (first + (second + third / freedom) / freedom) / freedom
}

/// The bound of the quantile `q` of the values of a histogram.
pub(crate) fn quantile(confidence: f64, q: f64, histogram: &Histogram, side: Side) -> f64 {
    let n = histogram.count();
    // Ranks begin at one. Below the quantile lie as many values as a binomial count says.
    let rank = match side {
        Side::Lower => binomial(n, q, 1.0 - confidence, true),
        Side::Upper => binomial(n, q, confidence, false) + 1,
    };
    if rank == 0 || rank > n {
        return side.nothing_known();
    }
    // Half a rank keeps rounding on the rank.
    let share = if n > 1 { ((rank - 1) as f64 + 0.5) / (n - 1) as f64 } else { 0.0 };
    histogram.quantile(share.min(1.0)).unwrap_or_else(|| side.nothing_known())
}

/// The least count of `n` cases with this chance each whose distribution function is at least `probability`, or more than
/// it.
fn binomial(n: u64, chance: f64, probability: f64, more: bool) -> u64 {
    let is_enough = |sum: f64| if more { sum > probability } else { sum >= probability };
    let none = n as f64 * ln(1.0 - chance);
    if none < NORMAL_FROM_EXPONENT {
        let (mean, z) = (n as f64 * chance, deviate(probability.max(1.0 - probability)));
        let spread = z * (mean * (1.0 - chance)).sqrt();
        let count = if probability < 0.5 { mean - spread } else { mean + spread } - 0.5;
        return (count.ceil().max(0.0) as u64).min(n);
    }
    let mut term = exp(none);
    let (mut sum, mut count) = (term, 0);
    while count < n && !is_enough(sum) {
        term *= (n - count) as f64 / (count + 1) as f64 * (chance / (1.0 - chance));
        sum += term;
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    const Z95: f64 = 1.644_854;

    #[track_caller]
    fn assert_near(value: f64, expected: f64, relative: f64) {
        assert!((value / expected - 1.0).abs() < relative, "{value} is not {expected}");
    }

    fn cell(values: impl IntoIterator<Item = f64>) -> Cell {
        let mut cell = Cell::default();
        values.into_iter().for_each(|value| cell.record(value));
        cell
    }

    #[test]
    fn deviates_are_those_of_tables() {
        for (probability, z) in [(0.8, 0.841_62), (0.95, Z95), (0.99, 2.326_35), (0.999, 3.090_23)] {
            assert_near(deviate(probability), z, 1e-3);
        }
        assert!(deviate(0.5).abs() < 1e-3);
    }

    #[test]
    fn a_share_has_wilsons_bounds() {
        // 3 of 40, both sides at 95 %, as R's prop.test(3, 40, conf.level = 0.9, correct = FALSE) gives them.
        assert_near(share(Z95, 0.075, 40, Side::Lower), 0.030_4, 5e-2);
        assert_near(share(Z95, 0.075, 40, Side::Upper), 0.173_6, 5e-2);
        assert!(share(Z95, 0.0, 10, Side::Lower).abs() < 1e-9);
        assert_near(share(Z95, 1.0, 10, Side::Lower), 0.787, 1e-2);
        assert!(share(Z95, 0.5, 0, Side::Upper).is_infinite());
        assert_near(share(Z95, 3.0, 10, Side::Lower), 3.0, 1e-9);
    }

    #[test]
    fn a_mean_has_students_bounds() {
        let few = cell([0.5, 0.6, 0.7, 0.8]);
        // 0.65 less 2.353 times 0.1291 by the root of 4.
        assert_near(mean(Z95, &few, Side::Lower), 0.498, 2e-2);
        assert_near(mean(Z95, &few, Side::Upper), 0.802, 2e-2);
        assert!(mean(Z95, &cell([0.5, 0.9]), Side::Lower).is_infinite());
        let many = cell((0..1_000).map(|n| 100.0 + f64::from(n % 10)));
        assert_near(mean(Z95, &many, Side::Lower), 104.35, 3e-3);
    }

    #[test]
    fn without_a_histogram_the_spread_is_the_greatest_that_is_possible() {
        let counted = Cell { histogram: Histogram::new(), ..cell([0.0, 0.0, 1.0, 1.0]) };
        assert_near(mean(Z95, &counted, Side::Upper), 0.5 + 2.353 * (1.0_f64 / 3.0).sqrt() / 2.0, 2e-2);
    }

    #[test]
    fn a_quantile_lies_between_values_whose_ranks_a_binomial_count_tells() {
        let ranked = cell((1..=100).map(f64::from)).histogram;
        // Of 100 values the median lies above the 42nd and below the 59th with 95 % each.
        assert_near(quantile(0.95, 0.5, &ranked, Side::Lower), 42.0, 3e-2);
        assert_near(quantile(0.95, 0.5, &ranked, Side::Upper), 59.0, 3e-2);
        // Twenty values say how great the 95th percentile is at least, and not how great at most.
        let twenty = cell((1..=20).map(f64::from)).histogram;
        assert_near(quantile(0.95, 0.95, &twenty, Side::Lower), 17.0, 3e-2);
        assert!(quantile(0.95, 0.95, &twenty, Side::Upper).is_infinite());
        assert!(quantile(0.95, 0.95, &Histogram::new(), Side::Lower).is_infinite());
    }

    #[test]
    fn many_values_are_counted_as_few_are() {
        // On both sides of where the normal distribution takes over.
        for n in [820, 900, 10_000_u64] {
            let (mean, spread) = (n as f64 * 0.5, Z95 * (n as f64 * 0.25).sqrt());
            let low = binomial(n, 0.5, 0.05, true) as f64;
            let high = binomial(n, 0.5, 0.95, false) as f64;
            assert!(
                (low - (mean - spread)).abs() < 1.5 && (high - (mean + spread)).abs() < 1.5,
                "{n}: {low} {high}"
            );
        }
    }
}
