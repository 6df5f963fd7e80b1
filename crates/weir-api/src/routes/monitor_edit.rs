//! Changing monitors: what a condition means, what a definition would have done, saving it and taking that back.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde_json::{Map, Value};
use weir_monitor::{Definitions, Entry, Judged, Monitor};
use weir_types::{MonitorStatus, Monitors, UnixMicros};

use crate::Shared;
use crate::answer::JsonText;
use crate::audited::{self, Done};
use crate::error::ApiError;
use crate::extract::{JsonBody, Params, Segments};
use crate::hush::Hush;
use crate::routes::monitors::{find, item};
use crate::routes::silences::ByParams;
use crate::wire::{
    ConditionAnswer, ConditionRequest, ErrorCode, JudgedSeriesItem, Levels, MonitorItem, MonitorRequest,
    PreviewAnswer, PreviewRequest, TransitionItem, UnitName,
};
use crate::{group_key, instant};

/// Bytes of a condition: far beyond what people write, and little to parse.
const CONDITION_BYTES_MAX: usize = 16 * 1024;

/// The range of a preview when nothing is asked for: a whole week has its nights and its week-end.
const PREVIEW_RANGE_DEFAULT_US: i64 = 7 * UnixMicros::DAY;

/// The longest range of a preview. Anomalies look back six weeks; more is no preview.
const PREVIEW_RANGE_MAX_US: i64 = 92 * UnixMicros::DAY;

/// Changes of state in a preview; who has more has a monitor that flaps, and sees it from the first thousand.
const PREVIEW_TRANSITIONS_MAX: usize = 1_000;

/// What a condition means, or what is wrong with it and where.
#[utoipa::path(
    post,
    path = "/api/monitors/explain",
    tag = "monitors",
    request_body = ConditionRequest,
    responses((status = 200, description = "What it means.", body = ConditionAnswer), ApiError)
)]
pub(crate) async fn explain_condition(
    JsonBody(ConditionRequest { condition: text }): JsonBody<ConditionRequest>,
) -> Result<Json<ConditionAnswer>, ApiError> {
    if text.len() > CONDITION_BYTES_MAX {
        let expected = format!("at most {CONDITION_BYTES_MAX} bytes");
        return Err(ApiError::parameter("condition", &text, &expected));
    }
    let condition =
        weir_monitor::parse_condition(&text).map_err(|error| ApiError::in_expression(&error, &text))?;
    let unit = condition.judged.rule().map(|rule| UnitName(rule.judged_unit()));
    let explanation = weir_monitor::explain(&condition);
    let message = weir_monitor::default_message("NAME", &condition);
    Ok(Json(ConditionAnswer { explanation, expression: expression_of(&text), unit, message }))
}

/// What a definition would have done in a range.
#[utoipa::path(
    post,
    path = "/api/monitors/preview",
    tag = "monitors",
    request_body = PreviewRequest,
    responses((status = 200, description = "What it would have done.", body = PreviewAnswer), ApiError)
)]
pub(crate) async fn preview_monitor(
    State(shared): State<Shared>,
    JsonBody(request): JsonBody<PreviewRequest>,
) -> Result<JsonText, ApiError> {
    let PreviewRequest { entry, from, to } = request;
    let now = shared.clock.now();
    let end = to.as_deref().map_or(Ok(now), |text| instant::instant("to", text, now))?;
    let start = end.saturating_add_us(-PREVIEW_RANGE_DEFAULT_US).as_millis().to_string();
    let range =
        instant::range(Some(from.as_deref().unwrap_or(&start)), Some(to.as_deref().unwrap_or("now")), now)?;
    if range.len_us() > PREVIEW_RANGE_MAX_US {
        let days = PREVIEW_RANGE_MAX_US / UnixMicros::DAY;
        return Err(ApiError::parameter("from", &start, &format!("a range of at most {days} days")));
    }
    let monitors = Arc::clone(&shared.monitors);
    let preview = move |_: &_| {
        let name = name_of(&entry)?;
        let preview = monitors.preview(&entry, range)?;
        let Levels { comparison, warning, critical, judges_the_unusual } =
            levels(&merged(&*monitors, name, &entry)).unwrap_or_default();
        let series = preview.series.iter().map(|one| JudgedSeriesItem::new(one, group_key::of(&one.group)));
        let transitions = preview.transitions.iter().take(PREVIEW_TRANSITIONS_MAX);
        Ok(PreviewAnswer {
            explanation: preview.explanation.to_string(),
            unit: preview.unit.map(UnitName),
            comparison,
            warning,
            critical,
            judges_the_unusual,
            series: series.collect(),
            groups: preview.groups,
            transitions: transitions.map(|one| TransitionItem::new(one, group_key::of(&one.group))).collect(),
            alerts_per_week: preview.alerts_per_week,
            flaps: preview.flaps,
            firing_share: preview.firing_share,
            verdicts: preview.verdicts.iter().map(ToString::to_string).collect(),
            suggested_threshold: preview.suggested_threshold,
        })
    };
    shared.gate.answer(preview).await
}

/// Saves a definition over what files say, from now on.
#[utoipa::path(
    put,
    path = "/api/monitors/{name}",
    tag = "monitors",
    params(("name" = String, Path, description = "The monitor's name; a new one makes a new monitor.")),
    request_body = MonitorRequest,
    responses((status = 200, description = "What it became.", body = MonitorItem), ApiError)
)]
pub(crate) async fn save_monitor(
    State(shared): State<Shared>,
    Segments(name): Segments<String>,
    JsonBody(MonitorRequest { mut entry, by }): JsonBody<MonitorRequest>,
) -> Result<JsonText, ApiError> {
    let target = Arc::from(name.as_str());
    let Some(fields) = entry.as_object_mut() else { return Err(no_entry()) };
    let named = fields.entry("name").or_insert_with(|| name.clone().into());
    if *named != name {
        let message =
            format!("field `entry.name` is {named}, and the path names {name:?}: expected the same");
        return Err(ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidBody, message));
    }
    let hush = Hush::now(&shared).await?;
    let monitors = Arc::clone(&shared.monitors);
    let after = entry.clone();
    let save = move |_: &_| {
        let before = find(&*monitors, &name).ok().and_then(|status| status.saved);
        let status = monitors.save(&entry)?;
        Ok((before, JsonText::of(&item(&*monitors, &status, &hush))?))
    };
    let (before, answer) = shared.gate.run(save).await?;
    let who = audited::name(by.as_deref());
    let done = Done { who, action: "monitor.save", target, before, after: Some(after) };
    done.note(&shared).await;
    Ok(answer)
}

/// Forgets what was saved: the monitor is again as files say, or is no more.
#[utoipa::path(
    delete,
    path = "/api/monitors/{name}/saved",
    tag = "monitors",
    params(("name" = String, Path, description = "The monitor's name."), ByParams),
    responses((status = 204, description = "It is forgotten."), ApiError)
)]
pub(crate) async fn forget_monitor(
    State(shared): State<Shared>,
    Segments(name): Segments<String>,
    Params(params): Params<ByParams>,
) -> Result<StatusCode, ApiError> {
    let monitors = Arc::clone(&shared.monitors);
    let target = Arc::from(name.as_str());
    let forget = move |_: &_| {
        let before = find(&*monitors, &name)?.saved;
        monitors.forget(&name)?;
        Ok(before)
    };
    let before = shared.gate.run(forget).await?;
    let who = audited::name(params.by.as_deref());
    let done = Done { who, action: "monitor.forget", target, before, after: None };
    done.note(&shared).await;
    Ok(StatusCode::NO_CONTENT)
}

/// The expression that a condition judges; `None` where it judges no metric.
pub(super) fn expression_of(condition: &str) -> Option<String> {
    let condition = weir_monitor::parse_condition(condition).ok()?;
    condition.judged.rule().map(|rule| rule.query.to_string())
}

/// How long a worse state must hold (`for`) or a better one (`keep_firing`), in seconds; 0 where nothing is known.
pub(super) fn seconds_of(monitor: &MonitorStatus, key: &str) -> f64 {
    let judged = monitor.entry.as_object().and_then(rule_of).map(|monitor| monitor.condition.judged);
    let Some(rule) = judged.as_ref().and_then(Judged::rule) else { return 0.0 };
    let us = if key == "for" { rule.rules.for_us.value } else { rule.rules.keep_firing_us.value };
    us as f64 / UnixMicros::SECOND as f64
}

fn no_entry() -> ApiError {
    let message = "field `entry` is no object: expected the keys of [[monitors]]";
    ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidBody, message)
}

fn name_of(entry: &Value) -> Result<&str, ApiError> {
    let fields = entry.as_object().ok_or_else(no_entry)?;
    fields.get("name").and_then(Value::as_str).filter(|name| !name.is_empty()).ok_or_else(|| {
        let message = "field `entry.name` is missing: expected the monitor's name";
        ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidBody, message)
    })
}

/// The entry with what was said of its monitor before.
fn merged(monitors: &dyn Monitors, name: &str, entry: &Value) -> Map<String, Value> {
    let kept = find(monitors, name).ok().and_then(|status| status.entry.as_object().cloned());
    let mut fields = kept.unwrap_or_default();
    let later = entry.as_object().cloned().unwrap_or_default();
    fields.extend(later.into_iter().filter(|(_, value)| !value.is_null()));
    fields
}

/// The levels that an entry speaks of; `None` where it does not stand alone.
fn levels(fields: &Map<String, Value>) -> Option<Levels> {
    let monitor = rule_of(fields)?;
    let rule = monitor.condition.judged.rule()?;
    let levels = monitor.levels()?;
    Some(Levels {
        comparison: Some(rule.rules.comparison.to_string()),
        warning: levels.warning,
        critical: levels.critical,
        judges_the_unusual: rule.judges_the_unusual(),
    })
}

/// The monitor that an entry defines by itself; `None` where it names others, or is wrong.
fn rule_of(fields: &Map<String, Value>) -> Option<Monitor> {
    /// A name of no bundled monitor, so that the entry defines one and does not change one.
    const ALONE: &str = "weir-alone";
    let mut fields = fields.clone();
    fields.insert("name".to_owned(), ALONE.into());
    let entry: Entry = serde_json::from_value(Value::Object(fields)).ok()?;
    let definitions = Definitions { entries: vec![entry], ..Definitions::default() };
    let monitors = weir_monitor::load(&[definitions]).ok()?;
    monitors.into_iter().find(|monitor| monitor.name == ALONE)
}
