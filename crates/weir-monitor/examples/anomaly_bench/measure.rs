//! How good scores and alerts are: NAB's score, VUS-PR, and alerts against labels.

use super::data::Series;

/// NAB's standard profile.
const WEIGHT_FALSE: f64 = 0.11;

/// Points within which points outside are one alert.
pub(crate) const ALERT_POINTS: usize = 12;

/// NAB's sigmoid.
fn sigmoid(x: f64) -> f64 {
    if x > 3.0 { -1.0 } else { 2.0 / (1.0 + (5.0 * x).exp()) - 1.0 }
}

/// What reporting a point is worth: how much of its window it earns, or what a false report costs.
enum Worth {
    Window(usize, f64),
    Cost(f64),
}

fn worths(series: &Series, first_window: usize) -> Vec<Option<Worth>> {
    (0..series.values.len())
        .map(|at| {
            if at < series.probation() {
                return None;
            }
            if let Some(window) =
                series.windows.iter().position(|(left, right)| (*left..=*right).contains(&at))
            {
                let (left, right) = series.windows[window];
                let place = -((right - at + 1) as f64) / (right - left + 1) as f64;
                return Some(Worth::Window(first_window + window, sigmoid(place) / sigmoid(-1.0)));
            }
            let before = series.windows.iter().rev().find(|(_, right)| *right < at);
            let cost = before
                .map_or(-1.0, |(left, right)| sigmoid((at - right) as f64 / (right - left).max(1) as f64));
            Some(Worth::Cost(WEIGHT_FALSE * cost))
        })
        .collect()
}

/// NAB's normalised score at the threshold that is best for all series.
pub(crate) fn nab_best(series: &[&Series], scores: &[Vec<f64>]) -> f64 {
    let mut windows = 0;
    let mut points = Vec::new();
    for (series, scores) in series.iter().zip(scores) {
        for (worth, score) in worths(series, windows).into_iter().zip(scores) {
            if let Some(worth) = worth {
                points.push((*score, worth));
            }
        }
        windows += series.windows.len();
    }
    points.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut earned = vec![-1.0_f64; windows];
    let mut raw = -(windows as f64);
    let mut best = raw;
    for at in 0..points.len() {
        match &points[at].1 {
            Worth::Window(window, worth) => {
                let gain = worth.max(earned[*window]);
                raw += gain - earned[*window];
                earned[*window] = gain;
            }
            Worth::Cost(cost) => raw += cost,
        }
        let is_last = points.get(at + 1).is_none_or(|next| next.0 < points[at].0);
        if is_last && points[at].0 > 0.0 {
            best = best.max(raw);
        }
    }
    normalised(best, windows)
}

/// NAB's normalised score of alerts at the threshold that is best for all series.
pub(crate) fn nab_best_alerts(series: &[&Series], scores: &[Vec<f64>]) -> f64 {
    let mut sorted: Vec<f64> = scores.iter().flatten().copied().collect();
    sorted.sort_by(|a, b| b.total_cmp(a));
    // Thresholds that let out from one point in a hundred thousand to one in thirty.
    let thresholds = (0..60).map(|step| sorted[(sorted.len() as f64 * 1e-5 * 1.15_f64.powi(step)) as usize]);
    thresholds
        .map(|threshold| {
            let outside: Vec<Vec<bool>> = scores
                .iter()
                .map(|scores| scores.iter().map(|score| *score >= threshold).collect())
                .collect();
            nab(series, &alerts_of(&outside))
        })
        .fold(0.0, f64::max)
}

/// The first point of each alert: points outside within [`ALERT_POINTS`] of one another are one.
pub(crate) fn alerts_of(outside: &[Vec<bool>]) -> Vec<Vec<bool>> {
    outside
        .iter()
        .map(|outside| {
            let mut last: Option<usize> = None;
            let first = |(at, is_outside): (usize, &bool)| {
                let is_first = *is_outside && last.is_none_or(|last| at - last > ALERT_POINTS);
                last = if *is_outside { Some(at) } else { last };
                is_first
            };
            outside.iter().enumerate().map(first).collect()
        })
        .collect()
}

/// NAB's normalised score of the points that are reported.
pub(crate) fn nab(series: &[&Series], reported: &[Vec<bool>]) -> f64 {
    let (mut raw, mut windows) = (0.0, 0);
    for (series, reported) in series.iter().zip(reported) {
        let mut earned = vec![-1.0_f64; series.windows.len()];
        for (worth, _) in worths(series, 0).into_iter().zip(reported).filter(|(_, reported)| **reported) {
            match worth {
                Some(Worth::Window(window, worth)) => earned[window] = earned[window].max(worth),
                Some(Worth::Cost(cost)) => raw += cost,
                None => {}
            }
        }
        windows += series.windows.len();
        raw += earned.iter().sum::<f64>();
    }
    normalised(raw, windows)
}

/// A detector that reports nothing has 0, one that finds every window at its first point and nothing else 100.
fn normalised(raw: f64, windows: usize) -> f64 {
    100.0 * (raw + windows as f64) / (2.0 * windows as f64)
}

/// Alerts against labels.
#[derive(Default, Clone, Copy)]
pub(crate) struct Alerts {
    pub(crate) segments: usize,
    pub(crate) found: usize,
    pub(crate) wrong: usize,
    pub(crate) weeks: f64,
}

impl Alerts {
    pub(crate) fn recall(&self) -> f64 {
        self.found as f64 / self.segments.max(1) as f64
    }

    pub(crate) fn false_per_week(&self) -> f64 {
        self.wrong as f64 / self.weeks
    }
}

/// Counts alerts. One is false when no point of it lies in a labelled segment or up to an alert window after one.
pub(crate) fn alerts(series: &[&Series], outside: &[Vec<bool>]) -> Alerts {
    let window = ALERT_POINTS;
    let mut all = Alerts::default();
    for (series, outside) in series.iter().zip(outside) {
        let start = series.probation();
        let segments: Vec<_> = series.windows.iter().filter(|(left, _)| *left >= start).collect();
        all.segments += segments.len();
        all.found += segments
            .iter()
            .filter(|(left, right)| outside[*left..=*right].iter().any(|is_out| *is_out))
            .count();
        all.weeks += series.weeks();
        let mut alert: Option<(usize, bool)> = None;
        for at in (start..outside.len()).filter(|at| outside[*at]) {
            let is_true = series.windows.iter().any(|(left, right)| (*left..=*right + window).contains(&at));
            alert = match alert {
                Some((last, was_true)) if at - last <= window => Some((at, was_true || is_true)),
                ended => {
                    all.wrong += usize::from(ended.is_some_and(|(_, was_true)| !was_true));
                    Some((at, is_true))
                }
            };
        }
        all.wrong += usize::from(alert.is_some_and(|(_, was_true)| !was_true));
    }
    all
}

/// The share of segments found when the threshold is set so that all series together raise so many false alerts a week.
pub(crate) fn recall_at(series: &[&Series], scores: &[Vec<f64>], false_per_week: f64) -> f64 {
    let mut sorted: Vec<f64> = scores.iter().flatten().copied().filter(|score| *score > 0.0).collect();
    sorted.sort_by(f64::total_cmp);
    let (mut low, mut high) = (0, sorted.len().saturating_sub(1));
    let at = |threshold: f64| {
        let outside: Vec<Vec<bool>> =
            scores.iter().map(|scores| scores.iter().map(|score| *score >= threshold).collect()).collect();
        alerts(series, &outside)
    };
    // False alerts do not grow strictly as the threshold falls, since alerts merge; near the few that are asked for they do.
    let mut best = 0.0;
    while low < high {
        let middle = low.midpoint(high);
        let found = at(sorted[middle]);
        if found.false_per_week() <= false_per_week
            && found.weeks > 0.0
            && sorted.len() - middle < sorted.len() / 4
        {
            best = found.recall();
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    best
}

/// The volume under the surface of precision and recall over all thresholds and over buffers of up to `buffer_max` points
/// around labels (Paparrizos et al., VLDB 2022), the mean of all series that have labels.
pub(crate) fn vus_pr(series: &[&Series], scores: &[Vec<f64>], buffer_max: usize) -> f64 {
    let volumes: Vec<f64> = series
        .iter()
        .zip(scores)
        .filter(|(series, _)| !series.windows.is_empty())
        .map(|(series, scores)| {
            let mut order: Vec<usize> = (0..scores.len()).collect();
            order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
            let buffers: Vec<usize> = (0..=buffer_max).step_by((buffer_max / 10).max(1)).collect();
            buffers.iter().map(|buffer| range_pr(series, scores, &order, *buffer)).sum::<f64>()
                / buffers.len() as f64
        })
        .collect();
    volumes.iter().sum::<f64>() / volumes.len().max(1) as f64
}

fn range_pr(series: &Series, scores: &[f64], order: &[usize], buffer: usize) -> f64 {
    let mut soft = vec![0.0_f64; scores.len()];
    for (left, right) in &series.windows {
        let reach = buffer / 2;
        let from = left.saturating_sub(reach);
        let to = (right + reach + 1).min(scores.len());
        for (at, soft) in soft[from..to].iter_mut().enumerate().map(|(at, soft)| (from + at, soft)) {
            let away = if at < *left { left - at } else { at.saturating_sub(*right) };
            *soft = soft.max(if away == 0 { 1.0 } else { (1.0 - away as f64 / buffer as f64).sqrt() });
        }
    }
    let hard: f64 = series.windows.iter().map(|(left, right)| (right - left + 1) as f64).sum();
    let positives = f64::midpoint(hard, soft.iter().sum::<f64>());
    let mut is_found = vec![false; series.windows.len()];
    let (mut true_positives, mut area, mut last_recall) = (0.0, 0.0, 0.0);
    for (rank, at) in order.iter().enumerate() {
        true_positives += soft[*at];
        if let Some(window) = series.windows.iter().position(|(left, right)| (*left..=*right).contains(at)) {
            is_found[window] = true;
        }
        let is_last = order.get(rank + 1).is_none_or(|next| scores[*next] < scores[*at]);
        if is_last {
            let found = is_found.iter().filter(|found| **found).count() as f64 / is_found.len() as f64;
            let recall = (true_positives / positives).min(1.0) * found;
            area += (recall - last_recall).max(0.0) * true_positives / (rank + 1) as f64;
            last_recall = recall.max(last_recall);
        }
    }
    area
}
