//! `/api/silences`: times in which some alerts are not sent.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;
use weir_types::Silence;

use crate::Shared;
use crate::answer::JsonText;
use crate::audited::{self, Done};
use crate::error::ApiError;
use crate::extract::{JsonBody, Params, Segments};
use crate::hush::Hush;
use crate::instant;
use crate::wire::{ErrorCode, SilenceItem, SilenceList, SilenceRequest};

/// Lists silences that are or will be.
#[utoipa::path(
    get,
    path = "/api/silences",
    tag = "monitors",
    responses((status = 200, description = "Those that end first first.", body = SilenceList), ApiError)
)]
pub(crate) async fn list_silences(State(shared): State<Shared>) -> Result<JsonText, ApiError> {
    let hush = Hush::now(&shared).await?;
    let items = hush.silences().iter().map(|(silence, is_in_force)| SilenceItem::new(silence, *is_in_force));
    let mut silences: Vec<SilenceItem> = items.collect();
    silences.sort_by_key(|silence| silence.ends_at_ms);
    JsonText::of(&SilenceList { silences })
}

/// Makes a silence.
#[utoipa::path(
    post,
    path = "/api/silences",
    tag = "monitors",
    request_body = SilenceRequest,
    responses((status = 201, description = "The silence.", body = SilenceItem), ApiError)
)]
pub(crate) async fn create_silence(
    State(shared): State<Shared>,
    JsonBody(request): JsonBody<SilenceRequest>,
) -> Result<(StatusCode, Json<SilenceItem>), ApiError> {
    let silence = wanted(&shared, request)?;
    let silence = shared.alerts.silence(silence).await?;
    let is_in_force = (shared.silence_holds)(&silence, shared.clock.now());
    let item = SilenceItem::new(&silence, is_in_force);
    let done = Done {
        who: silence.by,
        action: "silence.create",
        target: silence.id,
        before: None,
        after: audited::kept(&item),
    };
    done.note(&shared).await;
    Ok((StatusCode::CREATED, Json(item)))
}

/// Who asks.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ByParams {
    /// Who does it, for the audit log.
    #[param(example = "ana")]
    pub by: Option<String>,
}

/// Ends a silence.
#[utoipa::path(
    delete,
    path = "/api/silences/{id}",
    tag = "monitors",
    params(("id" = String, Path, description = "The silence's id, `sil_…`."), ByParams),
    responses((status = 204, description = "It is over."), ApiError)
)]
pub(crate) async fn end_silence(
    State(shared): State<Shared>,
    Segments(id): Segments<String>,
    Params(params): Params<ByParams>,
) -> Result<StatusCode, ApiError> {
    let before = shared.alerts.silences().await?.into_iter().find(|silence| *silence.id == *id);
    shared.alerts.end_silence(&id).await?;
    let done = Done {
        who: audited::name(params.by.as_deref()),
        action: "silence.end",
        target: Arc::from(id),
        before: before.and_then(|silence| audited::kept(&SilenceItem::new(&silence, false))),
        after: None,
    };
    done.note(&shared).await;
    Ok(StatusCode::NO_CONTENT)
}

fn wanted(shared: &Shared, request: SilenceRequest) -> Result<Silence, ApiError> {
    let now = shared.clock.now();
    let refuse = |message: &str| ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidBody, message);
    let text = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    weir_query::parse_scope(&request.scope)
        .map_err(|error| ApiError::in_expression(&error, &request.scope))?;
    if request.scope.trim().is_empty() {
        return Err(refuse("field `scope` is empty: expected which alerts, such as monitor:p95-*; * is all"));
    }
    let starts_at = text(request.starts_at);
    let starts_at = starts_at.map_or(Ok(now), |text| instant::instant("starts_at", &text, now))?;
    let ends_at = instant::instant("ends_at", &request.ends_at, now)?;
    if ends_at <= starts_at {
        return Err(refuse("field `ends_at` is not after `starts_at`"));
    }
    let rrule = text(request.rrule).map(Arc::from);
    if ends_at <= now && rrule.is_none() {
        return Err(refuse("field `ends_at` is in the past: expected an instant after now, such as now+2h"));
    }
    let tz = text(request.tz);
    if let Some(tz) = &tz {
        weir_query::check_time_zone(tz).map_err(|error| ApiError::in_expression(&error, tz))?;
    }
    Ok(Silence {
        id: Arc::from(""),
        scope: Arc::from(request.scope.trim()),
        starts_at,
        ends_at,
        rrule,
        tz: tz.map(Arc::from),
        by: audited::name(request.by.as_deref()),
        note: Arc::from(request.note.unwrap_or_default().trim()),
        created_at: now,
    })
}
