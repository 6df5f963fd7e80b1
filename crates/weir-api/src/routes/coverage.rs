//! `GET /api/coverage`: which calls pass the gateway, and which are traced.

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Shared;
use crate::answer::JsonText;
use crate::error::ApiError;
use crate::extract::Params;
use crate::instant;
use crate::wire::CoverageAnswer;

/// Which calls.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct CoverageParams {
    /// The first instant; an hour before `to` unless said.
    #[param(example = "now-1d")]
    from: Option<String>,
    /// The first instant after the range; now unless said.
    #[param(example = "now")]
    to: Option<String>,
}

/// Who sees which calls: by service, application and library, how many the gateway saw, clients told of, or both.
#[utoipa::path(
    get,
    path = "/api/coverage",
    tag = "spans",
    params(CoverageParams),
    responses((status = 200, description = "Who sees which calls.", body = CoverageAnswer), ApiError)
)]
pub(crate) async fn coverage(
    State(shared): State<Shared>,
    Params(params): Params<CoverageParams>,
) -> Result<JsonText, ApiError> {
    let range = instant::range(params.from.as_deref(), params.to.as_deref(), shared.clock.now())?;
    let browse = Arc::clone(&shared.browse);
    shared.gate.answer(move |_| Ok(CoverageAnswer::from(&browse.coverage(range)?))).await
}
