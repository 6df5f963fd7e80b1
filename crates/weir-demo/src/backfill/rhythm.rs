//! How much happened when, and what went wrong. All times are microseconds before now, so they are negative.

use weir_types::UnixMicros;

/// Runs in a second at the busiest hour of an ordinary day.
const PEAK_RUNS_PER_S: f64 = 0.36;
/// The share of the peak that is left at night.
const NIGHT: f64 = 0.15;
/// Live traffic is this many times the ordinary peak; the last hours grow towards it.
const GROWTH: f64 = 2.0;
const GROWTH_US: i64 = 3 * UnixMicros::HOUR;

/// How many runs begin in a minute.
pub(super) fn runs_in_minute(before_now_us: i64, rng: &mut fastrand::Rng) -> u32 {
    poisson(runs_per_second(before_now_us) * 60.0, rng)
}

fn runs_per_second(before_now_us: i64) -> f64 {
    let day = before_now_us as f64 / UnixMicros::DAY as f64;
    // The busiest hour is half an hour before now, whatever the hour: whoever starts the demo is awake.
    let sun = f64::midpoint(1.0, (std::f64::consts::TAU * (day + 0.02)).cos());
    let growth = 1.0 + (GROWTH - 1.0) * (1.0 + before_now_us as f64 / GROWTH_US as f64).max(0.0);
    PEAK_RUNS_PER_S * (NIGHT + (1.0 - NIGHT) * sun.powf(1.3)) * growth
}

/// Runs of an agent that goes in circles, two and a half hours ago for 25 minutes.
pub(super) fn circling_runs_in_minute(before_now_us: i64) -> u32 {
    const FROM: i64 = -150 * UnixMicros::MINUTE;
    const TO: i64 = -125 * UnixMicros::MINUTE;
    if (FROM..TO).contains(&before_now_us) { 4 } else { 0 }
}

/// The state of a provider at some time in the past.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Condition {
    /// Latencies are multiplied by this.
    pub slowdown: f64,
    /// The share of calls that fail, with this status.
    pub failing: f64,
    pub status: u16,
}

/// OpenAI limited calls five hours ago for 25 minutes; Anthropic was overloaded fourteen hours ago for 40.
pub(super) fn condition(is_anthropic: bool, before_now_us: i64) -> Condition {
    let limited = -300 * UnixMicros::MINUTE..-275 * UnixMicros::MINUTE;
    let overloaded = -840 * UnixMicros::MINUTE..-800 * UnixMicros::MINUTE;
    match is_anthropic {
        false if limited.contains(&before_now_us) => Condition { slowdown: 1.4, failing: 0.3, status: 429 },
        true if overloaded.contains(&before_now_us) => {
            Condition { slowdown: 3.2, failing: 0.35, status: 529 }
        }
        false => Condition { slowdown: 1.0, failing: 0.006, status: 500 },
        true => Condition { slowdown: 1.0, failing: 0.004, status: 529 },
    }
}

/// A number of independent happenings with this mean (Knuth's method; the means here are small).
fn poisson(mean: f64, rng: &mut fastrand::Rng) -> u32 {
    let limit = (-mean).exp();
    let mut product = rng.f64();
    let mut count = 0;
    while product > limit {
        product *= rng.f64();
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nights_are_quiet_and_the_last_hour_is_the_busiest() {
        let at = |hours: i64| runs_per_second(-hours * UnixMicros::HOUR);
        assert!(at(12) < at(6) && at(6) < at(1));
        assert!(at(12) < 0.2 * at(1));
    }

    #[test]
    fn counts_have_the_mean_asked_for() {
        let mut rng = fastrand::Rng::with_seed(1);
        let total: u32 = (0..10_000).map(|_| poisson(7.0, &mut rng)).sum();
        assert!((69_000..71_000).contains(&total), "{total}");
    }
}
