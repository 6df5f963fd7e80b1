//! One entry of a file of monitors, as it is written. Its doc comments are the reference of `[[monitors]]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::condition::Setting;

/// How bad it is when the threshold of a condition is crossed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth a look.
    Warning,
    /// Needs a person.
    Critical,
}

/// A monitor, or with the name of one that is defined before it and without a condition a change of that one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What it is called: letters, digits, `-` and `_`. Composites name it with an @ before it.
    pub name: String,
    /// What is watched for, in Weir's own form or as a Datadog monitor query; absent to change another monitor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// What it is when the threshold is crossed: "warning" or "critical". Critical when absent, and a warning where the
    /// alert has a level of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// What is said then, with placeholders such as {value}.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Whether it is evaluated; it is when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// In place of the number of the condition: 0.1 or "10%".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Amount>,
    /// Where a warning starts, when the threshold is the alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<Amount>,
    /// Where an alert starts, when the threshold is the warning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critical: Option<Amount>,
    /// Where an alert ends; the threshold when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<Amount>,
    /// How long a worse state must hold before it counts, such as "5m".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#for: Option<String>,
    /// How long a better state must hold before it counts, such as "10m".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_firing: Option<String>,
    /// How often it is evaluated, in whole minutes, such as "10m".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<String>,
    /// Fewer values than this in the window are no ground for a judgement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_samples: Option<u32>,
    /// The time zone of days, weeks and months, such as "Europe/Berlin"; UTC when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tz: Option<String>,
}

/// A number with or without a unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Amount {
    /// A number: `0.05`.
    Number(f64),
    /// A number with its unit: `"5%"`, `"8s"`.
    Text(String),
}

impl Amount {
    fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

impl Entry {
    /// Takes what a later entry of the same name says.
    pub(super) fn change(&mut self, later: Self) {
        let Self {
            name: _,
            condition: _,
            severity,
            message,
            enabled,
            threshold,
            warning,
            critical,
            recovery,
            r#for,
            keep_firing,
            every,
            min_samples,
            tz,
        } = later;
        replace(&mut self.severity, severity);
        replace(&mut self.message, message);
        replace(&mut self.enabled, enabled);
        replace(&mut self.threshold, threshold);
        replace(&mut self.warning, warning);
        replace(&mut self.critical, critical);
        replace(&mut self.recovery, recovery);
        replace(&mut self.r#for, r#for);
        replace(&mut self.keep_firing, keep_firing);
        replace(&mut self.every, every);
        replace(&mut self.min_samples, min_samples);
        replace(&mut self.tz, tz);
    }

    /// What it changes of its condition.
    pub(super) fn settings(&self) -> Vec<(Setting, String)> {
        let amount = |amount: &Option<Amount>| amount.as_ref().map(Amount::text);
        let all = [
            (Setting::Threshold, amount(&self.threshold)),
            (Setting::Warning, amount(&self.warning)),
            (Setting::Critical, amount(&self.critical)),
            (Setting::Recovery, amount(&self.recovery)),
            (Setting::For, self.r#for.clone()),
            (Setting::KeepFiring, self.keep_firing.clone()),
            (Setting::Every, self.every.clone()),
            (Setting::MinSamples, self.min_samples.map(|samples| samples.to_string())),
            (Setting::Tz, self.tz.clone()),
        ];
        all.into_iter().filter_map(|(setting, text)| Some((setting, text?))).collect()
    }
}

fn replace<T>(setting: &mut Option<T>, later: Option<T>) {
    if later.is_some() {
        *setting = later;
    }
}
