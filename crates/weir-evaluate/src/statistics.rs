//! Whether a judge is any good: what it says, held against labels.
//!
//! Everything is computed from pairs of a score and a label. A pair is positive when its label is; a score says so when it is at or
//! above a threshold. Definitions are scikit-learn's, and the tests hold its numbers.

use serde::Serialize;

/// A score and what is true.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// What the judge said; greater means more likely positive.
    pub score: f64,
    /// What the label says.
    pub positive: bool,
}

/// How often each said what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Confusion {
    /// Positive, and said so.
    pub true_positives: u64,
    /// Negative, and said to be positive.
    pub false_positives: u64,
    /// Negative, and said so.
    pub true_negatives: u64,
    /// Positive, and said to be negative.
    pub false_negatives: u64,
}

/// What comes of a set at a threshold. A ratio without anything under its bar is 0, as in scikit-learn.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Pairs.
    pub n: u64,
    /// Scores from here on say positive.
    pub threshold: f64,
    /// Of those said to be positive, how many are.
    pub precision: f64,
    /// Of the positive ones, how many were said to be.
    pub recall: f64,
    /// Of the negative ones, how many were said to be positive.
    pub false_positive_rate: f64,
    /// The harmonic mean of precision and recall.
    pub f1: f64,
    /// How many pairs were said right.
    pub accuracy: f64,
    /// Cohen's kappa: agreement beyond what chance gives.
    pub kappa: f64,
    /// The chance that a positive pair scores above a negative one; `None` where one of them is missing.
    pub auroc: Option<f64>,
    /// Each with each.
    pub confusion: Confusion,
    /// The threshold with the greatest F1.
    pub best_threshold: Option<f64>,
    /// That F1.
    pub best_f1: Option<f64>,
}

/// The report of a set at a threshold.
pub fn report(pairs: &[Scored], threshold: f64) -> Report {
    let confusion = confusion(pairs, threshold);
    let best = best_threshold(pairs);
    let (precision, recall, f1) = confusion.precision_recall_f1();
    Report {
        n: pairs.len() as u64,
        threshold,
        precision,
        recall,
        false_positive_rate: ratio(
            confusion.false_positives,
            confusion.false_positives + confusion.true_negatives,
        ),
        f1,
        accuracy: ratio(confusion.true_positives + confusion.true_negatives, pairs.len() as u64),
        kappa: confusion.kappa(),
        auroc: auroc(pairs),
        confusion,
        best_threshold: best.map(|(threshold, _)| threshold),
        best_f1: best.map(|(_, f1)| f1),
    }
}

/// How often each said what at a threshold.
pub fn confusion(pairs: &[Scored], threshold: f64) -> Confusion {
    let mut found = Confusion::default();
    for Scored { score, positive } in pairs {
        let count = match (*score >= threshold, positive) {
            (true, true) => &mut found.true_positives,
            (true, false) => &mut found.false_positives,
            (false, false) => &mut found.true_negatives,
            (false, true) => &mut found.false_negatives,
        };
        *count += 1;
    }
    found
}

impl Confusion {
    fn precision_recall_f1(&self) -> (f64, f64, f64) {
        let precision = ratio(self.true_positives, self.true_positives + self.false_positives);
        let recall = ratio(self.true_positives, self.true_positives + self.false_negatives);
        let f1 = ratio(
            2 * self.true_positives,
            2 * self.true_positives + self.false_positives + self.false_negatives,
        );
        (precision, recall, f1)
    }

    fn kappa(&self) -> f64 {
        kappa_of(&[
            vec![self.true_negatives, self.false_positives],
            vec![self.false_negatives, self.true_positives],
        ])
    }
}

/// Cohen's kappa of a table: rows are labels, columns what was said. 0 where chance agrees always.
pub fn kappa_of(table: &[Vec<u64>]) -> f64 {
    let n = table.iter().flatten().sum::<u64>() as f64;
    if n == 0.0 {
        return 0.0;
    }
    let agreed = table.iter().enumerate().map(|(at, row)| row[at] as f64).sum::<f64>() / n;
    let by_chance: f64 = (0..table.len())
        .map(|at| {
            let row = table[at].iter().sum::<u64>() as f64 / n;
            let column = table.iter().map(|row| row[at]).sum::<u64>() as f64 / n;
            row * column
        })
        .sum();
    if by_chance >= 1.0 { 0.0 } else { (agreed - by_chance) / (1.0 - by_chance) }
}

/// Area under the ROC curve by ranks; equal scores count half.
pub fn auroc(pairs: &[Scored]) -> Option<f64> {
    let mut sorted = pairs.to_vec();
    sorted.sort_by(|a, b| a.score.total_cmp(&b.score));
    let positives = sorted.iter().filter(|pair| pair.positive).count() as f64;
    let negatives = sorted.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 {
        return None;
    }
    let mut rank_sum = 0.0;
    let mut before = 0;
    for group in sorted.chunk_by(|a, b| a.score.total_cmp(&b.score).is_eq()) {
        // Ranks from 1; equals share the mean of theirs.
        let rank = before as f64 + f64::midpoint(group.len() as f64, 1.0);
        rank_sum += rank * group.iter().filter(|pair| pair.positive).count() as f64;
        before += group.len();
    }
    Some((rank_sum - positives * (positives + 1.0) / 2.0) / (positives * negatives))
}

/// The threshold among the scores with the greatest F1, and that; the greatest of equal ones.
pub fn best_threshold(pairs: &[Scored]) -> Option<(f64, f64)> {
    let mut sorted = pairs.to_vec();
    sorted.sort_by(|a, b| b.score.total_cmp(&a.score));
    let positives = sorted.iter().filter(|pair| pair.positive).count() as u64;
    let (mut taken, mut hits) = (0_u64, 0_u64);
    let mut best: Option<(f64, f64)> = None;
    for group in sorted.chunk_by(|a, b| a.score.total_cmp(&b.score).is_eq()) {
        taken += group.len() as u64;
        hits += group.iter().filter(|pair| pair.positive).count() as u64;
        let f1 = ratio(2 * hits, taken + positives);
        if best.is_none_or(|(_, other)| f1 > other) {
            best = Some((group[0].score, f1));
        }
    }
    best
}

/// The value below which a share of the values is, by the nearest rank. `None` without values.
pub fn percentile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank within the list")]
    let rank = ((share * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len().max(1));
    sorted.get(rank - 1).copied()
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten pairs; ties among them.
    fn pairs() -> Vec<Scored> {
        let scores = [0.9, 0.8, 0.7, 0.7, 0.6, 0.5, 0.4, 0.4, 0.2, 0.1];
        let labels = [1, 1, 0, 1, 1, 0, 1, 0, 0, 0];
        scores
            .iter()
            .zip(labels)
            .map(|(score, label)| Scored { score: *score, positive: label == 1 })
            .collect()
    }

    #[track_caller]
    fn near(value: f64, expected: f64) {
        assert!((value - expected).abs() < 1e-9, "{value} is not {expected}");
    }

    /// scikit-learn: `precision_score`, `recall_score`, `f1_score`, `cohen_kappa_score`, `roc_auc_score` at 0.5.
    #[test]
    fn the_numbers_are_scikit_learns() {
        let report = report(&pairs(), 0.5);
        let confusion =
            Confusion { true_positives: 4, false_positives: 2, true_negatives: 3, false_negatives: 1 };
        assert_eq!(report.confusion, confusion);
        near(report.precision, 2.0 / 3.0);
        near(report.recall, 0.8);
        near(report.false_positive_rate, 0.4);
        near(report.f1, 0.727_272_727_272_727_3);
        near(report.kappa, 0.4);
        near(report.accuracy, 0.7);
        near(report.auroc.unwrap(), 0.84);
        let (threshold, f1) = best_threshold(&pairs()).unwrap();
        near(threshold, 0.6);
        near(f1, 0.8);
    }

    #[test]
    fn sets_with_one_label_or_none_have_no_curve_and_no_division_by_zero() {
        let all = [Scored { score: 0.5, positive: true }];
        assert_eq!(auroc(&all), None);
        let report = report(&all, 0.9);
        assert_eq!((report.precision, report.recall, report.f1, report.kappa), (0.0, 0.0, 0.0, 0.0));
        assert_eq!(super::report(&[], 0.5).n, 0);
        assert_eq!(best_threshold(&[]), None);
    }

    #[test]
    fn equal_scores_count_half() {
        let tied = [true, false].map(|positive| Scored { score: 0.5, positive });
        assert_eq!(auroc(&tied), Some(0.5));
    }

    /// scikit-learn: `cohen_kappa_score([0,0,1,1,2,2,2],[0,1,1,1,2,0,2])`.
    #[test]
    fn kappa_takes_several_labels() {
        near(kappa_of(&[vec![1, 1, 0], vec![0, 2, 0], vec![1, 0, 2]]), 0.575_757_575_757_575_8);
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let values = [5.0, 1.0, 4.0, 2.0, 3.0];
        assert_eq!(percentile(&values, 0.5), Some(3.0));
        assert_eq!(percentile(&values, 0.95), Some(5.0));
        assert_eq!(percentile(&[], 0.5), None);
    }
}
