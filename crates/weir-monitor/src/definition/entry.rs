//! One entry of a file of monitors, as it is written. Its doc comments are the reference of `[[monitors]]`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::handling::{ActionEntry, NoData};
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
    /// What is said then, with placeholders such as {value}; its name, the value, the threshold and the group when absent.
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
    /// What a group without values is taken for: "zero", "last", "notify", "show" or "ok". Zero where the condition counts
    /// or sums when absent, and the last value elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_data: Option<NoData>,
    /// After how long without values "notify" and "show" take effect; twice the window when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_data_for: Option<String>,
    /// How long a group that was never seen before does not alert; "1m" when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_group_delay: Option<String>,
    /// How long a group without values is kept; "24h" when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_retention: Option<String>,
    /// The most groups; those over it are judged as one, `__other__`. 1000 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_groups: Option<u32>,
    /// After how long it is told again that a group is still not well, such as "1h"; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renotify: Option<String>,
    /// How often it is told again at most; 30 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renotify_max: Option<u32>,
    /// How long values are waited for after their time; what the metric was seen to need when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation_delay: Option<String>,
    /// With which confidence a rate, an average or a percentile must have crossed a threshold before a group gets worse, such
    /// as 0.95; the value itself decides when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// Whether a window is judged only when there were values before it began. It is for windows of whole days when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require_full_window: Option<bool>,
    /// Receivers that hear of it; the routes decide when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Vec<String>>,
    /// Labels by which routes, silences and inhibitions choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// What the gateway does while it alerts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionEntry>,
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
    pub(crate) fn text(&self) -> String {
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
            condition,
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
            no_data,
            no_data_for,
            new_group_delay,
            group_retention,
            max_groups,
            renotify,
            renotify_max,
            evaluation_delay,
            confidence,
            require_full_window,
            notify,
            labels,
            action,
        } = later;
        replace(&mut self.condition, condition);
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
        replace(&mut self.no_data, no_data);
        replace(&mut self.no_data_for, no_data_for);
        replace(&mut self.new_group_delay, new_group_delay);
        replace(&mut self.group_retention, group_retention);
        replace(&mut self.max_groups, max_groups);
        replace(&mut self.renotify, renotify);
        replace(&mut self.renotify_max, renotify_max);
        replace(&mut self.evaluation_delay, evaluation_delay);
        replace(&mut self.confidence, confidence);
        replace(&mut self.require_full_window, require_full_window);
        replace(&mut self.notify, notify);
        replace(&mut self.labels, labels);
        replace(&mut self.action, action);
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
            (Setting::Confidence, self.confidence.map(|confidence| confidence.to_string())),
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
