//! `/api/monitors`: what is watched for, how it is, and what monitors saw.

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use weir_types::{MonitorStatus, Monitors, TransitionFilter, UnixMicros};

use crate::Shared;
use crate::answer::JsonText;
use crate::error::ApiError;
use crate::extract::{self, Params, Segments};
use crate::hush::Hush;
use crate::instant::RangeParams;
use crate::wire::{
    JudgedSeriesItem, MonitorDetail, MonitorItem, MonitorList, MonitorSeries, TransitionItem, TransitionList,
    UnitName, VerificationAnswer,
};
use crate::{group_key, instant};

/// Groups that a page shows. There may be a thousand and more; the worst come first.
const GROUPS_SHOWN_MAX: usize = 1_000;

/// Changes of state in an answer unless said, and at most.
const TRANSITIONS_DEFAULT: usize = 100;
const TRANSITIONS_MAX: usize = 1_000;

/// All monitors as they are now.
#[utoipa::path(
    get,
    path = "/api/monitors",
    tag = "monitors",
    responses((status = 200, description = "In the order of their definitions.", body = MonitorList), ApiError)
)]
pub(crate) async fn list_monitors(State(shared): State<Shared>) -> Result<JsonText, ApiError> {
    let hush = Hush::now(&shared).await?;
    let monitors = Arc::clone(&shared.monitors);
    let listed = move |_: &_| {
        let items = monitors.list();
        let items = items.iter().map(|status| item(&*monitors, status, &hush));
        Ok(MonitorList { monitors: items.collect() })
    };
    shared.gate.answer(listed).await
}

/// One monitor and its groups.
#[utoipa::path(
    get,
    path = "/api/monitors/{name}",
    tag = "monitors",
    params(("name" = String, Path, description = "The monitor's name.")),
    responses((status = 200, description = "The monitor.", body = MonitorDetail), ApiError)
)]
pub(crate) async fn get_monitor(
    State(shared): State<Shared>,
    Segments(name): Segments<String>,
) -> Result<JsonText, ApiError> {
    let hush = Hush::now(&shared).await?;
    let monitors = Arc::clone(&shared.monitors);
    let found = move |_: &_| {
        let status = find(&*monitors, &name)?;
        let groups = monitors.groups(&name)?;
        Ok(MonitorDetail {
            monitor: item(&*monitors, &status, &hush),
            total: groups.len() as u64,
            groups: groups.iter().take(GROUPS_SHOWN_MAX).map(|group| hush.group(&status, group)).collect(),
        })
    };
    shared.gate.answer(found).await
}

/// Which part of what a monitor saw.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeriesParams {
    /// The group, as `key` of a group says it; the worst ones unless said.
    #[param(example = "model:gpt-4o")]
    group: Option<String>,
    /// The first instant; an hour before `to` unless said.
    #[param(example = "now-1d")]
    from: Option<String>,
    /// The first instant after the range; now unless said.
    #[param(example = "now")]
    to: Option<String>,
}

/// What a monitor saw: values, bands and states of one group, or of the worst.
#[utoipa::path(
    get,
    path = "/api/monitors/{name}/series",
    tag = "monitors",
    params(("name" = String, Path, description = "The monitor's name."), SeriesParams),
    responses((status = 200, description = "One series for each group.", body = MonitorSeries), ApiError)
)]
pub(crate) async fn monitor_series(
    State(shared): State<Shared>,
    Segments(name): Segments<String>,
    Params(params): Params<SeriesParams>,
) -> Result<JsonText, ApiError> {
    let range = instant::range(params.from.as_deref(), params.to.as_deref(), shared.clock.now())?;
    let group = params.group.as_deref().map(group_key::parse).transpose()?;
    let monitors = Arc::clone(&shared.monitors);
    let seen = move |_: &_| {
        let status = find(&*monitors, &name)?;
        let series = monitors.series(&name, group.as_ref(), range)?;
        let items = series.iter().map(|one| JudgedSeriesItem::new(one, group_key::of(&one.group)));
        Ok(MonitorSeries { unit: UnitName(status.unit), series: items.collect() })
    };
    shared.gate.answer(seen).await
}

/// Whether what a monitor judged comes out again from what is stored. It is judged anew, minute by minute; nothing is changed.
#[utoipa::path(
    get,
    path = "/api/monitors/{name}/verify",
    tag = "monitors",
    params(("name" = String, Path, description = "The monitor's name."), RangeParams),
    responses((status = 200, description = "What came of it.", body = VerificationAnswer), ApiError)
)]
pub(crate) async fn verify_monitor(
    State(shared): State<Shared>,
    Segments(name): Segments<String>,
    Params(params): Params<RangeParams>,
) -> Result<JsonText, ApiError> {
    let range = params.range(shared.clock.now())?;
    let monitors = Arc::clone(&shared.monitors);
    let verified = move |_: &_| Ok(VerificationAnswer::new(&name, &monitors.verify(&name, range)?));
    shared.gate.answer(verified).await
}

/// Which changes.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct TransitionParams {
    /// Of this group only, as `key` of a group says it.
    #[param(example = "model:gpt-4o")]
    group: Option<String>,
    /// Not before this instant; from the first on unless said.
    #[param(example = "now-7d")]
    from: Option<String>,
    /// Before this instant; until the last unless said.
    to: Option<String>,
    /// At most so many; 100 unless said, 1000 at most.
    #[param(value_type = Option<u32>, example = "100")]
    limit: Option<String>,
}

/// How the states of a monitor's groups changed.
#[utoipa::path(
    get,
    path = "/api/monitors/{name}/transitions",
    tag = "monitors",
    params(("name" = String, Path, description = "The monitor's name; it may be gone."), TransitionParams),
    responses((status = 200, description = "The newest first.", body = TransitionList), ApiError)
)]
pub(crate) async fn monitor_transitions(
    State(shared): State<Shared>,
    Segments(name): Segments<String>,
    Params(params): Params<TransitionParams>,
) -> Result<JsonText, ApiError> {
    let now = shared.clock.now();
    let at = |name: &str, text: &Option<String>| {
        text.as_deref().map(|text| instant::instant(name, text, now)).transpose()
    };
    let filter = TransitionFilter {
        monitor: Some(Arc::from(name)),
        group: params.group.as_deref().map(group_key::parse).transpose()?,
        from: at("from", &params.from)?,
        to: at("to", &params.to)?,
        limit: extract::limit(params.limit.as_deref(), TRANSITIONS_DEFAULT, TRANSITIONS_MAX)?,
    };
    let transitions = shared.alerts.transitions(&filter).await?;
    let items = transitions.iter().map(|one| TransitionItem::new(one, group_key::of(&one.group)));
    JsonText::of(&TransitionList { transitions: items.collect() })
}

/// The monitor with this name.
pub(super) fn find(monitors: &dyn Monitors, name: &str) -> Result<MonitorStatus, ApiError> {
    let found = monitors.list().into_iter().find(|status| &*status.name == name);
    found.ok_or_else(|| weir_types::MonitorsError::NotFound(name.to_owned()).into())
}

/// A monitor as the API shows it.
pub(super) fn item(monitors: &dyn Monitors, status: &MonitorStatus, hush: &Hush) -> MonitorItem {
    let expression = super::monitor_edit::expression_of(&status.condition);
    MonitorItem::new(status, expression, changed_at(monitors, status), hush.of_monitor(status))
}

/// When a group of a monitor changed last. A monitor whose groups were never judged has not changed.
fn changed_at(monitors: &dyn Monitors, status: &MonitorStatus) -> Option<UnixMicros> {
    status.evaluated_at?;
    monitors.groups(&status.name).ok()?.iter().map(|group| group.since).max()
}
