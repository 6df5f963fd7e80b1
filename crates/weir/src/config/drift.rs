//! `[drift]`: whether answers are still distributed as they were.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weir_evaluate::drift::DriftConfig;
use weir_types::UnixMicros;

/// Compares the lengths, times, finish reasons and scores of the last answers with those before, for each model and app, and
/// writes how far they are apart as the metrics `weir.drift.psi` and `weir.drift.ks`. docs/guide/quality.md says how to read them.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Drift {
    /// Whether answers are compared.
    pub enabled: bool,
    /// How often.
    #[schemars(range(min = 1, max = 10_080))]
    pub every_minutes: u32,
    /// The last hours, which are compared. A multiple of 24 keeps the hours of a day from looking like drift.
    #[schemars(range(min = 1, max = 2_160))]
    pub window_hours: u32,
    /// The hours before them, with which they are compared.
    #[schemars(range(min = 1, max = 8_760))]
    pub reference_hours: u32,
    /// Values that each side must have.
    #[schemars(range(min = 20, max = 1_000_000_000))]
    pub samples_min: u64,
}

impl Default for Drift {
    fn default() -> Self {
        let defaults = DriftConfig::default();
        let hours = |us: i64| u32::try_from(us / UnixMicros::HOUR).unwrap_or(u32::MAX);
        Self {
            enabled: true,
            every_minutes: 60,
            window_hours: hours(defaults.window_us),
            reference_hours: hours(defaults.reference_us),
            samples_min: defaults.samples_min,
        }
    }
}

impl Drift {
    /// What is compared and how often; `None` when nothing is.
    pub(super) fn resolved(&self) -> Option<(DriftConfig, Duration)> {
        let config = DriftConfig {
            window_us: i64::from(self.window_hours) * UnixMicros::HOUR,
            reference_us: i64::from(self.reference_hours) * UnixMicros::HOUR,
            samples_min: self.samples_min,
        };
        self.enabled.then(|| (config, Duration::from_secs(60 * u64::from(self.every_minutes))))
    }
}
