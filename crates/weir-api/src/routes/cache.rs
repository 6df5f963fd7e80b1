//! `/api/cache`: how the cache of answers is doing, and forgetting on demand.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;
use weir_types::CachePurge;

use crate::Shared;
use crate::audited::{self, Done};
use crate::error::ApiError;
use crate::extract::{Params, flag};
use crate::wire::{CachePurged, CacheReport, ErrorCode};

/// Says how the cache is doing.
#[utoipa::path(
    get,
    path = "/api/cache",
    tag = "cache",
    responses((status = 200, description = "How it is doing.", body = CacheReport), ApiError)
)]
pub(crate) async fn cache_report(State(shared): State<Shared>) -> Json<CacheReport> {
    let report = shared.cache.as_ref().map(|cache| CacheReport::from(&cache.stats()));
    Json(report.unwrap_or_default())
}

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PurgeParams {
    /// Those of this team.
    #[param(example = "payments")]
    team: Option<String>,
    /// Those of these models; `*` stands for any run of characters.
    #[param(example = "gpt-4o*")]
    model: Option<String>,
    /// Every one, when `true`.
    #[param(value_type = Option<bool>)]
    all: Option<String>,
    /// Who does it, for the audit log.
    #[param(example = "ana")]
    by: Option<String>,
}

/// Forgets entries: exactly one of `team`, `model` and `all` says which.
#[utoipa::path(
    delete,
    path = "/api/cache",
    tag = "cache",
    params(PurgeParams),
    responses((status = 200, description = "What was forgotten.", body = CachePurged), ApiError)
)]
pub(crate) async fn purge_cache(
    State(shared): State<Shared>,
    Params(params): Params<PurgeParams>,
) -> Result<Json<CachePurged>, ApiError> {
    let by = audited::name(params.by.as_deref());
    let (purge, target) = wanted(params)?;
    let Some(cache) = &shared.cache else {
        let message = "no cache is configured: there is nothing to forget";
        return Err(ApiError::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, message));
    };
    let purged = CachePurged { entries: cache.purge(&purge).await };
    let action = "cache.purge";
    Done { who: by, action, target, before: audited::kept(&purged), after: None }.note(&shared).await;
    Ok(Json(purged))
}

/// The entries that are meant, and what the audit log calls them.
fn wanted(params: PurgeParams) -> Result<(CachePurge, Arc<str>), ApiError> {
    let is_all = flag("all", params.all.as_deref())?;
    match (params.team, params.model, is_all) {
        (Some(team), None, false) => {
            Ok((CachePurge::Team(team.as_str().into()), format!("team:{team}").into()))
        }
        (None, Some(model), false) => {
            Ok((CachePurge::Model(model.as_str().into()), format!("model:{model}").into()))
        }
        (None, None, true) => Ok((CachePurge::All, "all".into())),
        _ => {
            let message = "expected exactly one of the parameters `team`, `model` and `all=true`";
            Err(ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidParameter, message))
        }
    }
}
