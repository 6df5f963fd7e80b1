//! One monitor for Datadog: its query, thresholds and options, before they take the shape of JSON or of HCL.

use serde_json::{Map, Value, json};

use super::super::loss::Losses;
use super::super::{fate, message};
use super::query;
use crate::condition::{Anomaly, Judged, Rule, Shape, Window};
use crate::definition::{Levels, Monitor, Severity};

/// A monitor for Datadog.
pub(in crate::exchange) struct Written {
    pub(in crate::exchange) name: String,
    pub(in crate::exchange) kind: &'static str,
    pub(in crate::exchange) query: String,
    pub(in crate::exchange) message: String,
    pub(in crate::exchange) tags: Vec<String>,
    /// 1 to 5.
    pub(in crate::exchange) priority: Option<u8>,
    /// `critical`, `warning`, `critical_recovery`: each of them the number in the unit of the query.
    pub(in crate::exchange) thresholds: Vec<(&'static str, f64)>,
    /// The windows over which an anomaly alerts and recovers.
    pub(in crate::exchange) windows: Option<(String, String)>,
    /// Every other option.
    pub(in crate::exchange) options: Map<String, Value>,
}

impl Written {
    /// As the API takes it.
    pub(super) fn json(self) -> Value {
        let mut options = self.options;
        let thresholds =
            self.thresholds.into_iter().map(|(name, value)| (name.to_owned(), fate::json_number(value)));
        let thresholds: Map<String, Value> = thresholds.collect();
        if !thresholds.is_empty() {
            options.insert("thresholds".to_owned(), Value::Object(thresholds));
        }
        if let Some((trigger, recovery)) = self.windows {
            options.insert(
                "threshold_windows".to_owned(),
                json!({ "trigger_window": trigger, "recovery_window": recovery }),
            );
        }
        let mut monitor = json!({
            "name": self.name,
            "type": self.kind,
            "query": self.query,
            "message": self.message,
            "tags": self.tags,
            "options": options,
        });
        if let (Some(fields), Some(priority)) = (monitor.as_object_mut(), self.priority) {
            fields.insert("priority".to_owned(), priority.into());
        }
        monitor
    }
}

/// Writes a monitor; `None` when Datadog cannot have it, or it is off.
pub(in crate::exchange) fn written(monitor: &Monitor, losses: &mut Losses) -> Option<Written> {
    losses.of(&monitor.name);
    if !monitor.is_enabled {
        losses.add("the monitor is not exported", "it is off", "turn it on with `enabled = true`");
        return None;
    }
    let mut options = Map::from_iter([("include_tags".to_owned(), json!(true))]);
    let (query, thresholds, message) = match &monitor.condition.judged {
        Judged::Metric(rule) => {
            let levels = levels(monitor, rule, losses);
            let spelled =
                match query::spelled(&monitor.text, monitor.condition.dialect, rule, levels.critical, losses)
                {
                    Ok(spelled) => spelled,
                    Err(why) => {
                        losses.add("the monitor is not exported", why, "rebuild it by hand");
                        return None;
                    }
                };
            let thresholds = levels.named().map(|(name, value)| (name, spelled.scaled(value))).collect();
            options.insert("on_missing_data".to_owned(), json!("default"));
            options.insert("require_full_window".to_owned(), json!(is_whole_days(rule)));
            if rule.rules.offset_us.value > 0 {
                options.insert("evaluation_delay".to_owned(), json!(rule.rules.offset_us.value / 1_000_000));
            }
            cumulative(rule, &mut options);
            let message = message::to_datadog(&monitor.message, &spelled.saying(&monitor.text, rule), losses);
            (spelled.text, thresholds, message)
        }
        judged => {
            let thresholds: Vec<_> = match (judged.rule(), judged.compared()) {
                (Some(rule), _) => levels(monitor, rule, losses).named().collect(),
                (None, Some((_, number))) => vec![("critical", number)],
                (None, None) => Vec::new(),
            };
            let message = message::to_datadog(&monitor.message, &message::Saying::plain(), losses);
            let text = match thresholds.first() {
                Some((_, critical)) => query::with_number(&monitor.text, *critical),
                None => monitor.text.clone(),
            };
            (text, thresholds, message)
        }
    };
    let mut said = said(monitor);
    if matches!(&monitor.condition.judged, Judged::Metric(rule) if keeps_zone(rule)) {
        said.remove("tz");
    } else if let Some(tz) = said.remove("tz") {
        losses.add(
            fate::shown("tz", &tz),
            "this query has no time zone in Datadog: its days are those of UTC",
            "",
        );
    }
    fate::put(&mut options, &said, losses);
    let labels = monitor.entry.labels.iter().flatten();
    let (priorities, tags): (Vec<_>, Vec<_>) =
        labels.partition(|(key, value)| *key == "priority" && priority(value).is_some());
    let windows = match &monitor.condition.judged {
        Judged::Metric(rule) => windows(rule, thresholds.first().map_or(0.0, |(_, critical)| *critical)),
        _ => None,
    };
    Some(Written {
        name: monitor.name.clone(),
        kind: kind(&monitor.condition.judged),
        query,
        message: message + &handles(monitor),
        tags: tags.into_iter().map(|(key, value)| format!("{key}:{value}")).collect(),
        priority: priorities.first().and_then(|(_, value)| priority(value)),
        thresholds,
        windows,
        options,
    })
}

/// A priority of Datadog's.
fn priority(label: &str) -> Option<u8> {
    label.parse().ok().filter(|priority| (1..=5).contains(priority))
}

/// Who is notified, as Datadog's messages say it.
fn handles(monitor: &Monitor) -> String {
    let names = monitor.entry.notify.iter().flatten().map(|name| format!(" @{name}"));
    names.collect::<String>()
}

/// The windows of an anomaly. Datadog wants the one of the recovery so long that no points both alert and recover.
#[expect(clippy::cast_possible_truncation, reason = "minutes of a window, and a share of them")]
fn windows(rule: &Rule, critical: f64) -> Option<(String, String)> {
    const MINUTE_US: i64 = 60_000_000;
    let Shape::Anomaly(anomaly) = &rule.shape else { return None };
    let trigger = anomaly.alert_window_us.value;
    let minutes = (trigger / MINUTE_US) as f64 * (1.0 - critical.clamp(0.0, 1.0)) + 1.0;
    let recovery = trigger.max(minutes.ceil() as i64 * MINUTE_US);
    Some((query::window_name(trigger), query::window_name(recovery)))
}

/// The levels as Datadog has them: there is always an alert.
#[derive(Debug, Clone, Copy)]
struct Numbers {
    critical: f64,
    warning: Option<f64>,
    recovery: Option<f64>,
}

impl Numbers {
    fn named(self) -> impl Iterator<Item = (&'static str, f64)> {
        let all = [
            ("critical", Some(self.critical)),
            ("critical_recovery", self.recovery),
            ("warning", self.warning),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }
}

fn levels(monitor: &Monitor, rule: &Rule, losses: &mut Losses) -> Numbers {
    let recovery = rule.rules.recovery.map(|recovery| recovery.0);
    let Levels { warning, critical } = monitor.levels().unwrap_or(Levels { warning: None, critical: None });
    if critical.is_none() && monitor.severity == Severity::Warning {
        losses.add("severity warning", "Datadog's monitors have an alert at least, so it alerts there", "");
    }
    let number = rule.rules.threshold.0;
    match (warning, critical) {
        (warning, Some(critical)) => Numbers { critical, warning, recovery },
        (Some(only), None) => Numbers { critical: only, warning: None, recovery },
        (None, None) => Numbers { critical: number, warning: None, recovery },
    }
}

/// Whether a window is judged only when it is full, where nothing is said of it.
fn is_whole_days(rule: &Rule) -> bool {
    const DAY_US: i64 = 86_400_000_000;
    matches!(rule.window.value, Window::Last(us) if us >= DAY_US && us % DAY_US == 0)
}

/// Whether the time zone goes along in the query or in the options.
fn keeps_zone(rule: &Rule) -> bool {
    matches!(rule.shape, Shape::Anomaly(_)) || matches!(rule.window.value, Window::Current(_))
}

/// A window from the start of a day or month needs to know when that starts.
fn cumulative(rule: &Rule, options: &mut Map<String, Value>) {
    use crate::condition::Period;
    let Window::Current(period) = rule.window.value else { return };
    let zone = rule.rules.tz.as_deref().unwrap_or("UTC");
    let window = match period {
        Period::Hour => json!({ "hour_starts": 0, "timezone": zone }),
        Period::Day | Period::Week => json!({ "day_starts": "00:00", "timezone": zone }),
        Period::Month => json!({ "month_starts": 1, "timezone": zone }),
    };
    options.insert("scheduling_options".to_owned(), json!({ "evaluation_window": window }));
}

/// What a monitor says beyond what every system has: keys of its entry and clauses of its condition.
pub(in crate::exchange) fn said(monitor: &Monitor) -> Map<String, Value> {
    // An entry has nothing that JSON cannot hold.
    let mut said = match serde_json::to_value(&monitor.entry) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    if let Some(rule) = monitor.condition.judged.rule() {
        let rules = &rule.rules;
        let mut length = |key: &str, us: i64, is_said: bool| {
            if is_said {
                said.insert(key.to_owned(), json!(crate::condition::shown_length(us)));
            }
        };
        length("for", rules.for_us.value, rules.for_us.value > 0);
        length("keep_firing", rules.keep_firing_us.value, rules.keep_firing_us.value > 0);
        length("every", rules.every_us.value, rules.every_us.is_written);
        length("offset", rules.offset_us.value, rules.offset_us.value > 0);
        said.remove("min_samples");
        if rules.min_samples.value > 0 {
            said.insert("min_samples".to_owned(), json!(rules.min_samples.value));
        }
        if let Some(confidence) = rules.confidence {
            said.insert("confidence".to_owned(), json!(confidence));
        }
        if let Shape::Anomaly(Anomaly { budget_per_week: Some(budget), .. }) = &rule.shape {
            said.insert("budget".to_owned(), json!(format!("{budget} per week")));
        }
        if let Some(recovery) = rules.recovery {
            said.insert("recovery".to_owned(), fate::json_number(recovery.0));
        }
        if let Some(tz) = &rules.tz {
            said.insert("tz".to_owned(), json!(tz));
        }
    }
    said
}

/// The type of a monitor, which follows from its query.
fn kind(judged: &Judged) -> &'static str {
    match judged {
        Judged::Metric(_) => "query alert",
        Judged::Composite(_) => "composite",
        Judged::Budget(_) => "slo alert",
        Judged::Events(query) => match query.source.as_str() {
            "events" => "event-v2 alert",
            "logs" => "log alert",
            "audits" => "audit alert",
            "rum" => "rum alert",
            "ci-pipelines" => "ci-pipelines alert",
            "ci-tests" => "ci-tests alert",
            "spans" | "trace-analytics" => "trace-analytics alert",
            _ => "error-tracking alert",
        },
    }
}
