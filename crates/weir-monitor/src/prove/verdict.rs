//! What is wrong with a monitor, as far as a backtest shows it.

use std::fmt;

use crate::condition::shown_length;

/// Alerts that are over soon, among all, from which on they are called flapping.
const FLAPPING_SHARE: f64 = 0.5;

/// The share of the time from which on a monitor is called always firing.
const ALWAYS_SHARE: f64 = 0.95;

/// How far from all values a threshold is for its unit to be doubted.
const FAR: f64 = 100.0;

/// Something that is wrong with a monitor.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It cannot be evaluated, and why.
    Failing(String),
    /// No series has the metric, the scope and the tags.
    MatchesNothing,
    /// Its window never began within what was kept.
    NeverFull,
    /// Values come less often than its window is long, so most windows are empty.
    WindowTooNarrow {
        /// The window in microseconds.
        window_us: i64,
        /// How far apart values are.
        pace_us: i64,
    },
    /// Windows hold fewer values than it asks for.
    TooFewSamples {
        /// What it asks for.
        min_samples: u64,
    },
    /// No value came near the threshold.
    NeverFires {
        /// The threshold that comes first.
        threshold: f64,
        /// The worst value.
        worst: f64,
        /// Whether the threshold is so far away that its unit may be wrong.
        is_far: bool,
    },
    /// It was never well, or hardly ever.
    AlwaysFires {
        /// The share of time in which some group was not well.
        firing_share: f64,
    },
    /// Most alerts are over within ten minutes.
    Flaps {
        /// How many of them.
        flaps: u64,
        /// Of how many.
        alerts: u64,
    },
}

impl Verdict {
    /// The word by which `--fail-on` names it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Failing(_)
            | Self::MatchesNothing
            | Self::NeverFull
            | Self::WindowTooNarrow { .. }
            | Self::TooFewSamples { .. }
            | Self::NeverFires { .. } => "dead",
            Self::AlwaysFires { .. } => "always",
            Self::Flaps { .. } => "flap",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failing(why) => write!(f, "cannot be evaluated: {why}"),
            Self::MatchesNothing => f.write_str("matches no series"),
            Self::NeverFull => f.write_str("is not judged: its window begins before there were values"),
            Self::WindowTooNarrow { window_us, pace_us } => write!(
                f,
                "its window of {} is narrower than the {} between values; take a longer one",
                shown_length(*window_us),
                shown_length(*pace_us)
            ),
            Self::TooFewSamples { min_samples: 0 | 1 } => {
                f.write_str("is not judged yet: what it compares with is still being learned")
            }
            Self::TooFewSamples { min_samples } => {
                write!(f, "no window has {min_samples} values; take a longer one or lower min_samples")
            }
            Self::NeverFires { threshold, worst, is_far } => {
                write!(f, "never fires: the worst value is {} and the threshold {threshold}", shown(*worst))?;
                if *is_far { f.write_str("; is its unit right?") } else { Ok(()) }
            }
            Self::AlwaysFires { firing_share } => {
                write!(f, "always fires: in {:.0} % of the time", firing_share * 100.0)
            }
            Self::Flaps { flaps, alerts } => {
                write!(
                    f,
                    "flaps: {flaps} of {alerts} alerts are over within ten minutes; write `for` or `recovery`"
                )
            }
        }
    }
}

/// A number with four decimals at most.
fn shown(number: f64) -> f64 {
    (number * 1e4).round() / 1e4
}

/// What is known of a monitor when it is judged.
pub(super) struct Evidence {
    pub(super) error: Option<String>,
    /// Whether any cell of what it looks at was there.
    pub(super) has_series: bool,
    pub(super) is_full: bool,
    /// Whether some tick had a value.
    pub(super) has_values: bool,
    pub(super) alerts: u64,
    pub(super) flaps: u64,
    pub(super) firing_share: f64,
    pub(super) missing_share: f64,
    pub(super) window_us: Option<i64>,
    pub(super) pace_us: Option<i64>,
    pub(super) min_samples: u64,
    /// The threshold that comes first and the worst value.
    pub(super) worst: Option<(f64, f64)>,
}

/// The verdicts, the worst first.
pub(super) fn verdicts(evidence: &Evidence) -> Vec<Verdict> {
    if let Some(error) = &evidence.error {
        return vec![Verdict::Failing(error.clone())];
    }
    if !evidence.has_series {
        return vec![Verdict::MatchesNothing];
    }
    if !evidence.is_full {
        return vec![Verdict::NeverFull];
    }
    let mut verdicts = Vec::new();
    if let (Some(window_us), Some(pace_us)) = (evidence.window_us, evidence.pace_us)
        && pace_us > window_us
        && evidence.missing_share > 0.0
    {
        verdicts.push(Verdict::WindowTooNarrow { window_us, pace_us });
    }
    if !evidence.has_values {
        if verdicts.is_empty() {
            verdicts.push(Verdict::TooFewSamples { min_samples: evidence.min_samples });
        }
        return verdicts;
    }
    if let (0, Some((threshold, worst))) = (evidence.alerts, evidence.worst) {
        let (far, near) = (threshold.abs(), worst.abs());
        let is_far = near > 0.0 && far > 0.0 && (far / near > FAR || near / far > FAR);
        verdicts.push(Verdict::NeverFires { threshold, worst, is_far });
    }
    if evidence.firing_share >= ALWAYS_SHARE {
        verdicts.push(Verdict::AlwaysFires { firing_share: evidence.firing_share });
    }
    if evidence.flaps > 1 && evidence.flaps as f64 > FLAPPING_SHARE * evidence.alerts as f64 {
        verdicts.push(Verdict::Flaps { flaps: evidence.flaps, alerts: evidence.alerts });
    }
    verdicts
}
