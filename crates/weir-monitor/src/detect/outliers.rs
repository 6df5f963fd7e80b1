//! Which of several groups behave unlike the others, by Datadog's algorithms as it documents them.
//!
//! `dbscan` takes each group's series as one point in as many dimensions as there are times, and everything outside of the
//! largest cluster is an outlier. Two groups are near when their distance is at most `tolerance` times the median distance
//! of groups from the median series, times [`NORMALIZING`]. `mad` judges every value by its own: more than `tolerance`
//! median absolute deviations from the median of all values; a group is an outlier when more than `points_percent` of its
//! values are. The `scaled` forms take at least [`SCALED_SHARE`] of the magnitude of the values for the distance or
//! the deviation, so that groups which differ by a hair are not told apart. Datadog publishes neither constant; these are Weir's.
//!
//! Failure: with fewer than [`GROUPS_MIN`] groups that have values nobody is an outlier.

use crate::condition::{OutlierAlgorithm, Outliers};

/// Two groups cannot outvote one another.
const GROUPS_MIN: usize = 3;
/// Clusters are searched through all pairs of groups; monitors keep no more groups than this.
const GROUPS_MAX: usize = 1000;
/// What makes a tolerance of 3 keep the usual groups together: two groups on opposite sides of the median series are as far
/// from one another as both are from it.
const NORMALIZING: f64 = 1.0;
/// Of the median magnitude, for the scaled forms: 3 deviations are 10 %.
const SCALED_SHARE: f64 = 1.0 / 30.0;

/// For each group whether it is an outlier. `groups` holds each group's values at the same times; a value that is missing or
/// not finite is left out. Of groups beyond the thousandth none is an outlier.
pub fn outliers(groups: &[Vec<Option<f64>>], settings: &Outliers) -> Vec<bool> {
    let judged = &groups[..groups.len().min(GROUPS_MAX)];
    let with_values = judged.iter().filter(|group| finite(group).next().is_some()).count();
    let mut verdicts = vec![false; groups.len()];
    if with_values < GROUPS_MIN {
        return verdicts;
    }
    let tolerance = settings.tolerance.value;
    let found = match settings.algorithm.value {
        OutlierAlgorithm::Dbscan => dbscan(judged, tolerance, false),
        OutlierAlgorithm::ScaledDbscan => dbscan(judged, tolerance, true),
        OutlierAlgorithm::Mad => mad(judged, tolerance, settings.points_percent.value, false),
        OutlierAlgorithm::ScaledMad => mad(judged, tolerance, settings.points_percent.value, true),
    };
    verdicts[..judged.len()].copy_from_slice(&found);
    verdicts
}

fn finite(group: &[Option<f64>]) -> impl Iterator<Item = f64> {
    group.iter().flatten().copied().filter(|value| value.is_finite())
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    let middle = values.len().checked_sub(1)? / 2;
    let is_even = values.len().is_multiple_of(2);
    let (_, low, above) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let low = *low;
    Some(if is_even { 0.5 * (low + above.iter().copied().fold(f64::INFINITY, f64::min)) } else { low })
}

fn dbscan(groups: &[Vec<Option<f64>>], tolerance: f64, is_scaled: bool) -> Vec<bool> {
    let times = groups.iter().map(Vec::len).max().unwrap_or(0);
    let middle: Vec<Option<f64>> = (0..times)
        .map(|time| {
            let values = groups.iter().filter_map(|group| group.get(time).copied().flatten());
            median(values.filter(|value| value.is_finite()).collect())
        })
        .collect();
    let from_middle: Vec<Option<f64>> = groups.iter().map(|group| distance(group, &middle)).collect();
    let Some(mut near) = median(from_middle.iter().flatten().copied().collect()) else {
        return vec![false; groups.len()];
    };
    if is_scaled {
        // The distance of a series that lies a fixed share of its magnitude away at each time.
        near = near.max(SCALED_SHARE * finite(&middle).map(|value| value * value).sum::<f64>().sqrt());
    }
    let epsilon = near * NORMALIZING * tolerance;
    let cluster = clusters(groups, &from_middle, epsilon);
    let sizes = cluster.iter().flatten().fold(vec![0_usize; groups.len()], |mut sizes, first| {
        sizes[*first] += 1;
        sizes
    });
    // Of clusters of one size the first wins, so that the answer does not hang on anything but the order of groups.
    let largest = (0..sizes.len()).rev().max_by_key(|first| sizes[*first]);
    cluster.iter().map(|first| first.is_some() && *first != largest).collect()
}

/// Euclidean, over the times at which both have values, as if both had values at all times; `None` when there is no such
/// time.
fn distance(one: &[Option<f64>], other: &[Option<f64>]) -> Option<f64> {
    let mut shared = 0_usize;
    let mut sum = 0.0;
    for (one, other) in one.iter().zip(other) {
        if let (Some(one), Some(other)) =
            (one.filter(|one| one.is_finite()), other.filter(|other| other.is_finite()))
        {
            shared += 1;
            sum += (one - other) * (one - other);
        }
    }
    (shared > 0).then(|| (sum * one.len().max(other.len()) as f64 / shared as f64).sqrt())
}

/// The first group of each group's cluster; any group agglomerates. `None` for groups without values.
fn clusters(groups: &[Vec<Option<f64>>], from_middle: &[Option<f64>], epsilon: f64) -> Vec<Option<usize>> {
    let mut cluster: Vec<Option<usize>> = vec![None; groups.len()];
    for first in 0..groups.len() {
        if cluster[first].is_some() || from_middle[first].is_none() {
            continue;
        }
        cluster[first] = Some(first);
        let mut open = vec![first];
        while let Some(at) = open.pop() {
            for other in first + 1..groups.len() {
                let is_free = cluster[other].is_none() && from_middle[other].is_some();
                if is_free && distance(&groups[at], &groups[other]).is_some_and(|far| far <= epsilon) {
                    cluster[other] = Some(first);
                    open.push(other);
                }
            }
        }
    }
    cluster
}

fn mad(groups: &[Vec<Option<f64>>], tolerance: f64, points_percent: f64, is_scaled: bool) -> Vec<bool> {
    let all = || groups.iter().flat_map(|group| finite(group));
    let Some(middle) = median(all().collect()) else { return vec![false; groups.len()] };
    let mut deviation = median(all().map(|value| (value - middle).abs()).collect()).unwrap_or(0.0);
    if is_scaled {
        deviation = deviation.max(SCALED_SHARE * middle.abs());
    }
    groups
        .iter()
        .map(|group| {
            let (outside, values) = finite(group).fold((0_u32, 0_u32), |(outside, values), value| {
                (outside + u32::from((value - middle).abs() > tolerance * deviation), values + 1)
            });
            f64::from(outside) * 100.0 > points_percent * f64::from(values)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::Filled;

    fn settings(algorithm: OutlierAlgorithm) -> Outliers {
        Outliers {
            algorithm: Filled { value: algorithm, is_written: true },
            tolerance: Filled { value: 3.0, is_written: true },
            points_percent: Filled { value: 20.0, is_written: true },
        }
    }

    /// Seven groups that wander a little, each its own way, around `level`, and one that is `apart` from them.
    fn groups(level: f64, apart: f64) -> Vec<Vec<Option<f64>>> {
        (0..8_u32)
            .map(|group| {
                let shift = if group == 5 { apart } else { 0.0 };
                let wander = |time: u32| f64::from((time * 7 + group * 13) % 11) / 11.0;
                (0..30).map(|time| Some(level + shift + wander(time))).collect()
            })
            .collect()
    }

    const ALL: [OutlierAlgorithm; 4] = [
        OutlierAlgorithm::Dbscan,
        OutlierAlgorithm::ScaledDbscan,
        OutlierAlgorithm::Mad,
        OutlierAlgorithm::ScaledMad,
    ];

    #[test]
    fn the_group_that_is_apart_is_found_by_every_algorithm() {
        for algorithm in ALL {
            let found = outliers(&groups(10.0, 9.0), &settings(algorithm));
            assert_eq!(found, [false, false, false, false, false, true, false, false], "{algorithm:?}");
        }
    }

    #[test]
    fn groups_that_are_alike_have_no_outlier() {
        for algorithm in ALL {
            assert!(!outliers(&groups(10.0, 0.0), &settings(algorithm)).contains(&true), "{algorithm:?}");
        }
    }

    #[test]
    fn the_scaled_forms_do_not_tell_apart_what_differs_by_a_hair() {
        for (algorithm, is_found) in ALL.into_iter().zip([true, false, true, false]) {
            let found = outliers(&groups(18_000.0, 9.0), &settings(algorithm));
            assert_eq!(found.contains(&true), is_found, "{algorithm:?}");
        }
    }

    #[test]
    fn two_groups_and_groups_without_values_are_no_outliers() {
        let mut groups = groups(10.0, 9.0);
        groups[0] = vec![None; 30];
        groups[1] = vec![Some(f64::NAN); 30];
        for algorithm in ALL {
            let found = outliers(&groups, &settings(algorithm));
            assert_eq!(found, [false, false, false, false, false, true, false, false], "{algorithm:?}");
            assert_eq!(outliers(&groups[4..6], &settings(algorithm)), [false, false], "{algorithm:?}");
        }
    }

    #[test]
    fn missing_values_do_not_bring_groups_nearer() {
        let mut groups = groups(10.0, 9.0);
        groups[5] = groups[5].iter().enumerate().map(|(at, value)| value.filter(|_| at % 3 == 0)).collect();
        for algorithm in ALL {
            assert!(outliers(&groups, &settings(algorithm))[5], "{algorithm:?}");
        }
    }
}
