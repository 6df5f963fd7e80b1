//! How a monitor is handled beyond its condition: missing values, new and old groups, repeats, who hears of it, and what
//! the gateway does then.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weir_types::{PolicyAction, Tags, UnixMicros};

use super::Entry;
use crate::condition::length_of_text;

/// A group is new for so long: Datadog's default.
const NEW_GROUP_DELAY_US: i64 = UnixMicros::MINUTE;

/// A group without values is kept for so long: Datadog's default.
const GROUP_RETENTION_US: i64 = UnixMicros::DAY;

/// Groups of one monitor. More alerts than this are read by nobody.
const GROUPS_MAX: usize = 1_000;

/// Groups that may be asked for: as many as a metric has series.
const GROUPS_MAX_MAX: usize = weir_types::limits::TAG_SETS_PER_METRIC_MAX;

/// How long an action lasts where nothing is written: long enough to act by hand, short enough to be forgiven.
const ACTION_US: i64 = UnixMicros::HOUR;

/// The longest that an action may last.
const ACTION_US_MAX: i64 = UnixMicros::DAY;

/// Repeats stop after so many: Datadog stops after thirty hours, which is this many at its usual hour.
const REPEATS_MAX: u32 = 30;

/// What a group without values is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoData {
    /// Zero: nothing happened. The default where the condition counts or sums.
    Zero,
    /// What it was last. The default elsewhere.
    Last,
    /// A state of its own after `no_data_for`, of which people are told.
    Notify,
    /// A state of its own after `no_data_for`, of which nobody is told.
    Show,
    /// All is well.
    Ok,
}

/// What the gateway does while a monitor alerts, as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActionEntry {
    /// "throttle", "block", "cheaper_model" or "cache_only".
    pub kind: String,
    /// For "throttle": calls in a minute.
    #[serde(default)]
    pub calls_per_minute: Option<u32>,
    /// For "cheaper_model": the model that calls go to.
    #[serde(default)]
    pub model: Option<String>,
    /// Which calls, in the scope language. Calls of the group that alerts when absent; needed where a condition has no
    /// groups.
    #[serde(default)]
    pub scope: Option<String>,
    /// How long at most, such as "30m". It ends sooner when the group recovers. An hour when absent, a day at most.
    #[serde(default)]
    pub r#for: Option<String>,
    /// Whether the gateway only notes on each span what it would have done.
    #[serde(default)]
    pub dry_run: Option<bool>,
    /// From which state on: "warning" or "critical", which is the default.
    #[serde(default)]
    pub at: Option<super::Severity>,
}

/// What the gateway does while a monitor alerts.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    /// What is done.
    pub action: PolicyAction,
    /// Which calls beyond those of the group.
    pub scope: weir_types::Scope,
    /// How long at most, in microseconds.
    pub for_us: i64,
    /// Whether it is only noted.
    pub is_dry_run: bool,
    /// From which state on.
    pub at: super::Severity,
}

/// See the module. Times are microseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Handling {
    /// What a group without values is taken for; `None` for the default of the condition.
    pub no_data: Option<NoData>,
    /// After how long without values a group has the state of its own; `None` for twice the window.
    pub no_data_for_us: Option<i64>,
    /// How long a group that was never seen before does not alert.
    pub new_group_delay_us: i64,
    /// How long a group without values is kept.
    pub group_retention_us: i64,
    /// The most groups.
    pub groups_max: usize,
    /// After how long it is told again that a group is still not well; `None` for never.
    pub repeat_us: Option<i64>,
    /// How often it is told again at most.
    pub repeats_max: u32,
    /// How long values are waited for; `None` for what the metric was seen to need.
    pub delay_us: Option<i64>,
    /// Whether a window is judged only when there were values before it began.
    pub needs_full_window: Option<bool>,
    /// Receivers; empty where the routes decide.
    pub notify: Vec<Arc<str>>,
    /// Labels by which routes choose.
    pub labels: Tags,
    /// What the gateway does.
    pub action: Option<Action>,
}

impl Handling {
    /// Reads what an entry says. The error is a key and what is wrong with it.
    pub(super) fn of(entry: &Entry, is_grouped: bool) -> Result<Self, String> {
        let length = |key: &str, text: &Option<String>| {
            let read = |text: &String| {
                let zero = ["0", "0s", "0m"].contains(&text.trim()).then_some(0);
                zero.or_else(|| length_of_text(text)).ok_or_else(|| {
                    format!("{key} = \"{text}\" is no length of time; lengths are written 30s, 5m, 2h")
                })
            };
            text.as_ref().map(read).transpose()
        };
        let groups_max = entry.max_groups.map_or(GROUPS_MAX, |groups| groups as usize);
        if groups_max == 0 || groups_max > GROUPS_MAX_MAX {
            return Err(format!("max_groups = {groups_max}: it is 1 to {GROUPS_MAX_MAX}"));
        }
        let repeat_us = length("renotify", &entry.renotify)?;
        if repeat_us.is_some_and(|us| us < UnixMicros::MINUTE) {
            return Err("renotify is at least a minute".to_owned());
        }
        let labels =
            entry.labels.iter().flatten().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        Ok(Self {
            no_data: entry.no_data,
            no_data_for_us: length("no_data_for", &entry.no_data_for)?,
            new_group_delay_us: length("new_group_delay", &entry.new_group_delay)?
                .unwrap_or(NEW_GROUP_DELAY_US),
            group_retention_us: length("group_retention", &entry.group_retention)?
                .unwrap_or(GROUP_RETENTION_US),
            groups_max,
            repeat_us,
            repeats_max: entry.renotify_max.unwrap_or(REPEATS_MAX),
            delay_us: length("evaluation_delay", &entry.evaluation_delay)?,
            needs_full_window: entry.require_full_window,
            notify: entry.notify.iter().flatten().map(|name| Arc::from(name.as_str())).collect(),
            labels,
            action: entry.action.as_ref().map(|action| Action::of(action, is_grouped)).transpose()?,
        })
    }
}

impl Action {
    fn of(entry: &ActionEntry, is_grouped: bool) -> Result<Self, String> {
        let only = |key: &str, is_there: bool, kind: &str| {
            if is_there && entry.kind != kind {
                return Err(format!("action.{key} belongs to the kind \"{kind}\""));
            }
            Ok(())
        };
        only("calls_per_minute", entry.calls_per_minute.is_some(), "throttle")?;
        only("model", entry.model.is_some(), "cheaper_model")?;
        let action = match (entry.kind.as_str(), entry.calls_per_minute, &entry.model) {
            ("throttle", Some(calls_per_minute), _) if calls_per_minute > 0 => {
                PolicyAction::Throttle { calls_per_minute }
            }
            ("throttle", ..) => {
                return Err("action.calls_per_minute is needed to throttle, and is at least 1".to_owned());
            }
            ("block", ..) => PolicyAction::Block,
            ("cheaper_model", _, Some(model)) => {
                PolicyAction::CheaperModel { model: Arc::from(model.as_str()) }
            }
            ("cheaper_model", ..) => return Err("action.model says which model calls go to".to_owned()),
            ("cache_only", ..) => PolicyAction::CacheOnly,
            (kind, ..) => {
                let known = ["throttle", "block", "cheaper_model", "cache_only"];
                let hint = weir_query::did_you_mean(kind, known)
                    .unwrap_or_else(|| format!("it is one of {}", known.join(", ")));
                return Err(format!("action.kind = \"{kind}\" is no action; {hint}"));
            }
        };
        let scope = match &entry.scope {
            Some(text) => weir_query::parse_span_scope(text)
                .map_err(|error| format!("action.scope:\n{}", error.render(text).trim_end()))?,
            None if is_grouped => weir_types::Scope::All,
            None => return Err("action.scope says which calls it is about, because the condition has no groups; \"*\" is all".to_owned()),
        };
        let for_us = match &entry.r#for {
            Some(text) => length_of_text(text)
                .filter(|us| (UnixMicros::MINUTE..=ACTION_US_MAX).contains(us))
                .ok_or_else(|| format!("action.for = \"{text}\": it is a length of time of 1m to 24h"))?,
            None => ACTION_US,
        };
        let at = entry.at.unwrap_or(super::Severity::Critical);
        Ok(Self { action, scope, for_us, is_dry_run: entry.dry_run.unwrap_or(false), at })
    }
}
