//! `GET /api/coverage`: which calls pass the gateway, and which are traced.

use std::sync::Arc;

use axum::extract::State;

use crate::Shared;
use crate::answer::JsonText;
use crate::error::ApiError;
use crate::extract::Params;
use crate::instant::RangeParams;
use crate::wire::CoverageAnswer;

/// Who sees which calls: by service, application and library, how many the gateway saw, clients told of, or both.
#[utoipa::path(
    get,
    path = "/api/coverage",
    tag = "spans",
    params(RangeParams),
    responses((status = 200, description = "Who sees which calls.", body = CoverageAnswer), ApiError)
)]
pub(crate) async fn coverage(
    State(shared): State<Shared>,
    Params(params): Params<RangeParams>,
) -> Result<JsonText, ApiError> {
    let range = params.range(shared.clock.now())?;
    let browse = Arc::clone(&shared.browse);
    shared.gate.answer(move |_| Ok(CoverageAnswer::from(&browse.coverage(range)?))).await
}
