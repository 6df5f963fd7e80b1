//! What is not well, who looks after it, who was told, and what the gateway was told to do.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use weir_types::{Acknowledgement, AlertState};

use crate::Shared;
use crate::answer::JsonText;
use crate::audited::{self, Done};
use crate::error::ApiError;
use crate::extract::{self, JsonBody, Params, Segments};
use crate::hush::Hush;
use crate::wire::{
    AcknowledgeRequest, AcknowledgementItem, ActionItem, ActionList, AlertItem, AlertList, NotificationItem,
    NotificationList, UnitName,
};

/// Alerts in an answer: as many as one screen can list; the worst come first.
const ALERTS_MAX: usize = 1_000;

/// Messages in an answer unless said, and at most.
const NOTIFICATIONS_DEFAULT: usize = 100;
const NOTIFICATIONS_MAX: usize = 1_000;

/// Everything that is not well: groups of monitors, the worst first.
#[utoipa::path(
    get,
    path = "/api/alerts",
    tag = "monitors",
    responses((status = 200, description = "The worst first.", body = AlertList), ApiError)
)]
pub(crate) async fn list_alerts(State(shared): State<Shared>) -> Result<JsonText, ApiError> {
    let hush = Hush::now(&shared).await?;
    let monitors = Arc::clone(&shared.monitors);
    let listed = move |_: &_| {
        let mut alerts = Vec::new();
        for status in monitors.list().iter().filter(|status| status.state != AlertState::Ok) {
            // A monitor that was removed between the two questions has no alerts.
            let groups = monitors.groups(&status.name).unwrap_or_default();
            alerts.extend(groups.iter().filter(|group| group.state != AlertState::Ok).map(|group| {
                AlertItem {
                    monitor: status.name.to_string(),
                    condition: status.condition.to_string(),
                    unit: UnitName(status.unit),
                    group: hush.group(status, group),
                }
            }));
        }
        alerts.sort_by_key(|alert| Reverse((alert.group.state, alert.group.since_ms)));
        let total = alerts.len() as u64;
        alerts.truncate(ALERTS_MAX);
        Ok(AlertList { alerts, total })
    };
    shared.gate.answer(listed).await
}

/// Says who looks after an alert: it is not told again until it is over or worse.
#[utoipa::path(
    post,
    path = "/api/alerts/{alert_id}/acknowledge",
    tag = "monitors",
    params(("alert_id" = String, Path, description = "The alert's id.")),
    request_body = AcknowledgeRequest,
    responses((status = 200, description = "Who looks after it.", body = AcknowledgementItem), ApiError)
)]
pub(crate) async fn acknowledge_alert(
    State(shared): State<Shared>,
    Segments(alert_id): Segments<String>,
    JsonBody(request): JsonBody<AcknowledgeRequest>,
) -> Result<Json<AcknowledgementItem>, ApiError> {
    let acknowledgement = Acknowledgement {
        alert_id: Arc::from(alert_id),
        by: audited::name(request.by.as_deref()),
        note: Arc::from(request.note.unwrap_or_default().trim()),
        at: shared.clock.now(),
    };
    shared.alerts.acknowledge(acknowledgement.clone()).await?;
    let item = AcknowledgementItem::from(&acknowledgement);
    let done = Done {
        who: acknowledgement.by,
        action: "alert.acknowledge",
        target: acknowledgement.alert_id,
        before: None,
        after: audited::kept(&item),
    };
    done.note(&shared).await;
    Ok(Json(item))
}

/// Which messages.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct NotificationParams {
    /// That tell of this monitor; of all unless said.
    #[param(example = "p95-latency-per-model")]
    monitor: Option<String>,
    /// At most so many; 100 unless said, 1000 at most.
    #[param(value_type = Option<u32>, example = "100")]
    limit: Option<String>,
}

/// The log of notifications: who was told, or is to be told, or was not.
#[utoipa::path(
    get,
    path = "/api/notifications",
    tag = "monitors",
    params(NotificationParams),
    responses((status = 200, description = "The newest first.", body = NotificationList), ApiError)
)]
pub(crate) async fn list_notifications(
    State(shared): State<Shared>,
    Params(params): Params<NotificationParams>,
) -> Result<JsonText, ApiError> {
    let limit = extract::limit(params.limit.as_deref(), NOTIFICATIONS_DEFAULT, NOTIFICATIONS_MAX)?;
    let deliveries = shared.alerts.deliveries(params.monitor.as_deref(), limit).await?;
    JsonText::of(&NotificationList { notifications: deliveries.iter().map(NotificationItem::from).collect() })
}

/// What monitors told the gateway to do, now and before.
#[utoipa::path(
    get,
    path = "/api/actions",
    tag = "monitors",
    responses((status = 200, description = "The newest first.", body = ActionList), ApiError)
)]
pub(crate) async fn list_actions(State(shared): State<Shared>) -> Result<JsonText, ApiError> {
    let monitors = Arc::clone(&shared.monitors);
    let listed =
        move |_: &_| Ok(ActionList { actions: monitors.actions().iter().map(ActionItem::from).collect() });
    shared.gate.answer(listed).await
}
