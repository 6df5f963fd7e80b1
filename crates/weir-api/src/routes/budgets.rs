//! `/api/budgets`: how budgets and rate limits stand, and changing them while Weir runs.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use crate::Shared;
use crate::answer::JsonText;
use crate::audited::{self, Done};
use crate::error::ApiError;
use crate::extract::{JsonBody, Params, Segments};
use crate::routes::silences::ByParams;
use crate::wire::{BudgetItem, BudgetList, BudgetRequest};

/// Lists budgets and rate limits.
#[utoipa::path(
    get,
    path = "/api/budgets",
    tag = "budgets",
    responses((status = 200, description = "How they stand now.", body = BudgetList), ApiError)
)]
pub(crate) async fn list_budgets(State(shared): State<Shared>) -> Result<JsonText, ApiError> {
    let budgets = Arc::clone(&shared.budgets);
    let listing =
        move |_: &_| Ok(BudgetList { budgets: budgets.list().into_iter().map(BudgetItem::from).collect() });
    shared.gate.answer(listing).await
}

/// Makes a budget, or changes the one with this name.
#[utoipa::path(
    put,
    path = "/api/budgets/{name}",
    tag = "budgets",
    params(("name" = String, Path, description = "The budget's name.")),
    request_body = BudgetRequest,
    responses((status = 204, description = "It is in force."), ApiError)
)]
pub(crate) async fn save_budget(
    State(shared): State<Shared>,
    Segments(name): Segments<String>,
    JsonBody(request): JsonBody<BudgetRequest>,
) -> Result<StatusCode, ApiError> {
    let before = shared.budgets.save(&name, &request.entry).await?;
    let done = Done {
        who: audited::name(request.by.as_deref()),
        action: "budget.save",
        target: Arc::from(name),
        before,
        after: Some(request.entry),
    };
    done.note(&shared).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends a budget that was made here; what weir.toml says under its name holds again.
#[utoipa::path(
    delete,
    path = "/api/budgets/{name}",
    tag = "budgets",
    params(("name" = String, Path, description = "The budget's name."), ByParams),
    responses((status = 204, description = "It is gone."), ApiError)
)]
pub(crate) async fn remove_budget(
    State(shared): State<Shared>,
    Segments(name): Segments<String>,
    Params(params): Params<ByParams>,
) -> Result<StatusCode, ApiError> {
    let before = shared.budgets.remove(&name).await?;
    let done = Done {
        who: audited::name(params.by.as_deref()),
        action: "budget.remove",
        target: Arc::from(name),
        before: Some(before),
        after: None,
    };
    done.note(&shared).await;
    Ok(StatusCode::NO_CONTENT)
}
