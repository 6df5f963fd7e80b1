//! How far two distributions are apart.
//!
//! *PSI*, the population stability index, is the symmetric Kullback–Leibler divergence over at most ten bins that hold equal
//! shares of both samples together: `sum (p - q) * ln(p / q)`. Two samples of one distribution have a PSI above zero by
//! chance alone, by about `(bins - 1) * (1/n + 1/m)` (it is then a scaled chi-square; Yurdakul and Naranjo, "Statistical
//! properties of the population stability index", Journal of Risk Model Validation 2020). That is taken off, so that few
//! calls do not look like drift; what is left below zero is zero.
//!
//! The *Kolmogorov–Smirnov distance* is the greatest difference of the two cumulative distributions, 0 to 1. Values come from
//! histograms, so it is exact up to the width of a bucket (2.2 %).

use std::collections::BTreeMap;
use std::sync::Arc;

use weir_types::Histogram;

/// From here on a distribution is commonly said to be moving.
pub const MOVING_PSI: f64 = 0.1;
/// From here on it is commonly said to have shifted.
pub const SHIFTED_PSI: f64 = 0.25;

/// Bins of equal shares.
const BINS: usize = 10;
/// Labels with a smaller share of both samples are taken together.
const LABEL_SHARE_MIN: f64 = 0.01;

/// How far two samples are apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distance {
    /// Population stability index, corrected for chance; 0 and more.
    pub psi: f64,
    /// The Kolmogorov–Smirnov distance, 0 to 1. Labels have no order, so for them it is the total variation distance: the
    /// share that would have to change its label.
    pub ks: f64,
    /// Values in the window.
    pub current: u64,
    /// Values in the reference.
    pub reference: u64,
}

/// Compares two samples of a number; `None` where one is empty.
pub fn between_values(current: &Histogram, reference: &Histogram) -> Option<Distance> {
    let mut at: Vec<(f64, [u64; 2])> = Vec::new();
    for (side, histogram) in [current, reference].into_iter().enumerate() {
        for (value, count) in histogram.values() {
            let mut counts = [0; 2];
            counts[side] = count;
            at.push((value, counts));
        }
    }
    at.sort_by(|a, b| a.0.total_cmp(&b.0));
    at.dedup_by(|next, kept| {
        let is_same = next.0.total_cmp(&kept.0).is_eq();
        if is_same {
            add(&mut kept.1, next.1);
        }
        is_same
    });
    let counts: Vec<[u64; 2]> = at.into_iter().map(|(_, counts)| counts).collect();
    let totals = totals(&counts)?;
    Some(distance(&bins(&counts, totals), greatest_gap(&counts, totals), totals))
}

/// Compares how often labels were given; `None` where one sample is empty.
pub fn between_labels(
    current: &BTreeMap<Arc<str>, u64>,
    reference: &BTreeMap<Arc<str>, u64>,
) -> Option<Distance> {
    let mut labels: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
    for (side, sample) in [current, reference].into_iter().enumerate() {
        for (label, count) in sample {
            labels.entry(label).or_default()[side] += count;
        }
    }
    let all: Vec<[u64; 2]> = labels.into_values().collect();
    let totals = totals(&all)?;
    let is_rare =
        |counts: &[u64; 2]| (0..2).all(|side| (counts[side] as f64) < LABEL_SHARE_MIN * totals[side] as f64);
    let (rare, mut bins): (Vec<_>, Vec<_>) = all.into_iter().partition(is_rare);
    if !rare.is_empty() {
        bins.push(rare.into_iter().fold([0; 2], |mut sum, counts| {
            add(&mut sum, counts);
            sum
        }));
    }
    let moved: f64 =
        bins.iter().map(|counts| (share(counts, totals, 0) - share(counts, totals, 1)).abs()).sum();
    Some(distance(&bins, moved / 2.0, totals))
}

fn add(sum: &mut [u64; 2], counts: [u64; 2]) {
    sum[0] += counts[0];
    sum[1] += counts[1];
}

fn share(counts: &[u64; 2], totals: [u64; 2], side: usize) -> f64 {
    counts[side] as f64 / totals[side] as f64
}

/// How much each sample holds; `None` where one is empty.
fn totals(counts: &[[u64; 2]]) -> Option<[u64; 2]> {
    let mut totals = [0; 2];
    for counts in counts {
        add(&mut totals, *counts);
    }
    totals.iter().all(|total| *total > 0).then_some(totals)
}

/// Neighbouring values taken together until a bin has its share of both samples, each sample weighing the same.
fn bins(counts: &[[u64; 2]], totals: [u64; 2]) -> Vec<[u64; 2]> {
    let mut bins = Vec::with_capacity(BINS);
    let (mut bin, mut filled) = ([0; 2], 0.0);
    for counts in counts {
        add(&mut bin, *counts);
        filled += f64::midpoint(share(counts, totals, 0), share(counts, totals, 1));
        // The last bin takes what rounding left over.
        if filled * BINS as f64 >= (bins.len() + 1) as f64 - 1e-9 {
            bins.push(std::mem::take(&mut bin));
        }
    }
    if bin != [0; 2] {
        bins.push(bin);
    }
    bins
}

fn greatest_gap(counts: &[[u64; 2]], totals: [u64; 2]) -> f64 {
    let (mut seen, mut gap) = ([0; 2], 0.0_f64);
    for counts in counts {
        add(&mut seen, *counts);
        gap = gap.max((share(&seen, totals, 0) - share(&seen, totals, 1)).abs());
    }
    gap
}

fn distance(bins: &[[u64; 2]], ks: f64, totals: [u64; 2]) -> Distance {
    // Half a value more in each bin, so that an empty one is rare and not impossible.
    let smooth = |counts: &[u64; 2], side: usize| {
        (counts[side] as f64 + 0.5) / (totals[side] as f64 + bins.len() as f64 / 2.0)
    };
    let psi: f64 = bins
        .iter()
        .map(|counts| {
            let (p, q) = (smooth(counts, 0), smooth(counts, 1));
            (p - q) * (p / q).ln()
        })
        .sum();
    let by_chance = (bins.len() as f64 - 1.0) * (1.0 / totals[0] as f64 + 1.0 / totals[1] as f64);
    Distance { psi: (psi - by_chance).max(0.0), ks, current: totals[0], reference: totals[1] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(values: impl IntoIterator<Item = f64>) -> Histogram {
        let mut histogram = Histogram::new();
        values.into_iter().for_each(|value| histogram.record(value));
        histogram
    }

    /// Numbers between 0 and 1 that look random and are the same in every run.
    fn noise(seed: u64, count: usize) -> impl Iterator<Item = f64> {
        let mut state = seed;
        std::iter::repeat_with(move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1u64 << 53) as f64
        })
        .take(count)
    }

    /// Of a log-normal shape, as lengths and times are.
    fn lengths(seed: u64, count: usize, scale: f64) -> Histogram {
        let uniform: Vec<f64> = noise(seed, 2 * count).collect();
        let (first, second) = uniform.split_at(count);
        let normal = first
            .iter()
            .zip(second)
            .map(|(u, v)| (-2.0 * u.max(1e-12).ln()).sqrt() * (std::f64::consts::TAU * v).cos());
        histogram(normal.map(|z| scale * (0.8 * z).exp()))
    }

    #[test]
    fn samples_of_one_distribution_hardly_ever_move_however_few_they_are() {
        for count in [200, 1_000, 20_000] {
            let found: Vec<f64> = (0..50)
                .map(|seed| {
                    between_values(
                        &lengths(3 * seed + 1, count, 300.0),
                        &lengths(7 * seed + 2, count * 3, 300.0),
                    )
                    .map_or(f64::NAN, |distance| distance.psi)
                })
                .collect();
            // By chance one of a thousand passes 0.1 with 200 values, and none 0.25.
            let moving = found.iter().filter(|psi| **psi >= MOVING_PSI).count();
            assert!(moving <= 1 && found.iter().all(|psi| *psi < SHIFTED_PSI), "{count}: {found:?}");
        }
    }

    #[test]
    fn answers_twice_as_long_have_shifted_and_a_tenth_longer_have_not() {
        let reference = lengths(1, 5_000, 300.0);
        let of = |scale| between_values(&lengths(2, 1_000, 300.0 * scale), &reference).map(|found| found.psi);
        assert!(of(2.0).unwrap() > SHIFTED_PSI, "{:?}", of(2.0));
        assert!(of(1.1).unwrap() < MOVING_PSI, "{:?}", of(1.1));
    }

    #[test]
    fn the_index_is_the_sum_of_the_textbook_and_the_distance_is_of_the_cumulative_shares() {
        // Two values: 60 and 40 of 100 against 500 and 500 of 1,000.
        let current = histogram([1.0].into_iter().cycle().take(60).chain([9.0].into_iter().cycle().take(40)));
        let reference =
            histogram([1.0].into_iter().cycle().take(500).chain([9.0].into_iter().cycle().take(500)));
        let found = between_values(&current, &reference).unwrap();
        let (p, q): (f64, f64) = (60.5 / 101.0, 500.5 / 1001.0);
        let textbook = (p - q) * (p / q).ln() + ((1.0 - p) - (1.0 - q)) * ((1.0 - p) / (1.0 - q)).ln();
        assert!((found.psi - (textbook - (1.0 / 100.0 + 1.0 / 1000.0))).abs() < 1e-12, "{found:?}");
        assert!((found.ks - 0.1).abs() < 1e-12, "{found:?}");
        assert_eq!((found.current, found.reference), (100, 1_000));
    }

    #[test]
    fn scores_that_are_nearly_all_the_same_do_not_make_bins_of_nothing() {
        let same = histogram(std::iter::repeat_n(1.0, 300));
        let found = between_values(&same, &same).unwrap();
        assert_eq!((found.psi, found.ks), (0.0, 0.0));
        let apart = between_values(&histogram(std::iter::repeat_n(0.0, 300)), &same).unwrap();
        assert!(apart.psi > 5.0 && (apart.ks - 1.0).abs() < 1e-12, "{apart:?}");
    }

    #[test]
    fn labels_are_compared_by_share_and_rare_ones_together() {
        let labels = |pairs: &[(&str, u64)]| pairs.iter().map(|(label, n)| (Arc::from(*label), *n)).collect();
        let reference: BTreeMap<Arc<str>, u64> = labels(&[("stop", 900), ("length", 95), ("a", 3), ("b", 2)]);
        let same = between_labels(&labels(&[("stop", 450), ("length", 48), ("c", 2)]), &reference).unwrap();
        assert!(same.psi < 0.01 && same.ks < 0.01, "{same:?}");
        let cut = between_labels(&labels(&[("stop", 300), ("length", 200)]), &reference).unwrap();
        assert!(cut.psi > SHIFTED_PSI, "{cut:?}");
        assert!((cut.ks - 0.305).abs() < 1e-9, "{cut:?}");
    }

    #[test]
    fn nothing_is_said_of_an_empty_sample() {
        assert_eq!(between_values(&Histogram::new(), &histogram([1.0])), None);
        assert_eq!(between_labels(&BTreeMap::new(), &BTreeMap::new()), None);
    }
}
