//! The mildest threshold that would have made no more alerts than people want.

use crate::condition::Comparison;
use crate::engine::{Bounds, Machine, Seen};
use weir_types::{AlertState, UnixMicros};

/// Thresholds that are tried: this many places among the values that were seen.
const CANDIDATES: usize = 512;

/// A threshold that is crossed for more of the time than this is none.
const FIRING_SHARE_MAX: f64 = 0.2;

/// The threshold with which these groups make the most alerts that are not more than `alerts_max`; `None` where there is
/// none that makes any.
pub(super) fn threshold(groups: &[&[f64]], bounds: &Bounds, every_us: i64, alerts_max: f64) -> Option<f64> {
    let is_upward = bounds.comparison.is_upward();
    let mut seen: Vec<f64> = groups.iter().flat_map(|values| values.iter().copied()).collect();
    // From what fires most to what fires least.
    seen.sort_by(|a, b| if is_upward { a.total_cmp(b) } else { b.total_cmp(a) });
    seen.dedup();
    let step = seen.len().div_ceil(CANDIDATES).max(1);
    let count = seen.len();
    // The tail is where thresholds belong, so its last values are all there.
    let candidates: Vec<f64> = seen
        .into_iter()
        .enumerate()
        .filter(|(n, _)| n % step == 0 || n + CANDIDATES / 4 >= count)
        .map(|(_, value)| value)
        .collect();
    let outcome = |threshold: f64| {
        let bounds = Bounds { warning: Some(threshold), critical: None, recovery: None, ..*bounds };
        groups.iter().fold(Outcome::default(), |sum, values| sum.and(outcome_of(values, &bounds, every_us)))
    };
    // Stricter thresholds make fewer alerts, nearly always: a rare exception costs a suggestion that is a little off.
    // Where a threshold is so mild that it hardly ever ends there are few alerts too, and long ones.
    let is_too_mild = |candidate: &f64| {
        let Outcome { alerts, firing, ticks } = outcome(*candidate);
        alerts as f64 > alerts_max || firing as f64 > FIRING_SHARE_MAX * ticks as f64
    };
    let place = candidates.partition_point(is_too_mild);
    let found = *candidates.get(place)?;
    (outcome(found).alerts > 0).then(|| rounded(found, bounds.comparison))
}

/// What a threshold does.
#[derive(Debug, Clone, Copy, Default)]
struct Outcome {
    alerts: u64,
    firing: u64,
    ticks: u64,
}

impl Outcome {
    fn and(self, other: Self) -> Self {
        Self {
            alerts: self.alerts + other.alerts,
            firing: self.firing + other.firing,
            ticks: self.ticks + other.ticks,
        }
    }
}

fn outcome_of(values: &[f64], bounds: &Bounds, every_us: i64) -> Outcome {
    let mut machine = Machine::new(UnixMicros(0));
    let mut outcome = Outcome { ticks: values.len() as u64, ..Outcome::default() };
    for value in values {
        let change = machine.step(bounds, UnixMicros(0), every_us, Seen::Value(*value), true);
        outcome.alerts += u64::from(change.is_some_and(|change| change.to == AlertState::Warn));
        outcome.firing += u64::from(machine.state() == AlertState::Warn);
    }
    outcome
}

/// Three digits, away from what is usual.
fn rounded(value: f64, comparison: Comparison) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the exponent of a finite number is small")]
    let digits = 2 - value.abs().log10().floor() as i32;
    // A power of ten is exact where it is multiplied or divided by, and its inverse is not.
    let (scale, is_small) = (10f64.powi(digits.abs()), digits >= 0);
    let scaled = if is_small { value * scale } else { value / scale };
    let whole = if comparison.is_upward() { scaled.ceil() } else { scaled.floor() };
    if is_small { whole / scale } else { whole * scale }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        comparison: Comparison::Above,
        warning: Some(1.0),
        critical: None,
        recovery: None,
        for_us: 0,
        keep_firing_us: 0,
    };

    #[test]
    fn the_mildest_threshold_within_the_rate_is_found() {
        // Peaks of 1 to 10, each once.
        let values: Vec<f64> = (1..=10).flat_map(|n| [0.0, f64::from(n)]).collect();
        assert_eq!(threshold(&[&values], &BOUNDS, UnixMicros::MINUTE, 3.0), Some(7.0));
        let below: Vec<f64> = values.iter().map(|value| -value).collect();
        let bounds = Bounds { comparison: Comparison::Below, ..BOUNDS };
        assert_eq!(threshold(&[&below], &bounds, UnixMicros::MINUTE, 3.0), Some(-7.0));
    }

    #[test]
    fn values_that_never_change_suggest_nothing() {
        assert_eq!(threshold(&[&[5.0; 100]], &BOUNDS, UnixMicros::MINUTE, 1.0), None);
        assert_eq!(threshold(&[], &BOUNDS, UnixMicros::MINUTE, 1.0), None);
    }

    #[test]
    fn suggestions_are_rounded_away_from_what_is_usual() {
        for (value, comparison, expected) in [
            (5_123.4, Comparison::Above, 5_130.0),
            (5_123.4, Comparison::Below, 5_120.0),
            (0.051_23, Comparison::Above, 0.0513),
            (0.0, Comparison::Above, 0.0),
            (250.0, Comparison::Above, 250.0),
        ] {
            assert!((rounded(value, comparison) - expected).abs() < 1e-12, "{value} {comparison}");
        }
    }
}
