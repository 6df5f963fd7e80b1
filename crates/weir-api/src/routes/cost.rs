//! `/api/cost`: why spend changed, and what the month will come to.

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use weir_query::{QueryContext, cost};
use weir_types::TagKey;

use crate::Shared;
use crate::answer::JsonText;
use crate::error::ApiError;
use crate::extract::Params;
use crate::instant;
use crate::routes::query::UntilAbandoned;
use crate::routes::selection::scope;
use crate::wire::{CostChangeAnswer, ForecastAnswer};

/// Which periods to compare.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeParams {
    /// The first instant; an hour before `to` unless said.
    #[param(example = "now-7d")]
    from: Option<String>,
    /// The first instant after the period; now unless said.
    #[param(example = "now")]
    to: Option<String>,
    /// A condition on tags, as in expressions.
    #[param(example = "team:payments")]
    filter: Option<String>,
    /// The tag whose values are compared one by one; `model` unless said.
    #[param(example = "team")]
    by: Option<String>,
    /// The time zone whose days are meant, such as `Europe/Berlin`; UTC unless said.
    #[param(example = "Europe/Berlin")]
    tz: Option<String>,
}

/// Why spend changed: compares a period with as much time before it, and shares the change among what caused it.
#[utoipa::path(
    get,
    path = "/api/cost/change",
    tag = "cost",
    params(ChangeParams),
    responses((status = 200, description = "The change and its parts.", body = CostChangeAnswer), ApiError)
)]
pub(crate) async fn cost_change(
    State(shared): State<Shared>,
    Params(params): Params<ChangeParams>,
) -> Result<JsonText, ApiError> {
    let range = instant::range(params.from.as_deref(), params.to.as_deref(), shared.clock.now())?;
    let scope = scope(params.filter.as_deref())?;
    let by = TagKey::new(params.by.as_deref().unwrap_or("model"));
    if !weir_query::SPAN_TAGS.contains(&by.as_str()) {
        return Err(ApiError::parameter("by", by.as_str(), "a tag of spans, such as model or team"));
    }
    let context = QueryContext { range, step_us: None, tz: params.tz };
    let (scan, prices) = (Arc::clone(&shared.scan), Arc::clone(&shared.prices));
    let comparing = move |abandoned: &_| {
        let scan = UntilAbandoned { scan: &*scan, abandoned };
        let change = cost::change(&context, &scope, &by, &*prices, &scan);
        Ok(CostChangeAnswer::from(change.map_err(|error| ApiError::in_expression(&error, ""))?))
    };
    shared.gate.answer(comparing).await
}

/// Which spend to project.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForecastParams {
    /// A condition on tags, as in expressions.
    #[param(example = "team:payments")]
    filter: Option<String>,
    /// The time zone whose month is meant, such as `Europe/Berlin`; UTC unless said.
    #[param(example = "Europe/Berlin")]
    tz: Option<String>,
}

/// What the calendar month around now will come to, with a band.
#[utoipa::path(
    get,
    path = "/api/cost/forecast",
    tag = "cost",
    params(ForecastParams),
    responses((status = 200, description = "The month, day by day.", body = ForecastAnswer), ApiError)
)]
pub(crate) async fn cost_forecast(
    State(shared): State<Shared>,
    Params(params): Params<ForecastParams>,
) -> Result<JsonText, ApiError> {
    let scope = scope(params.filter.as_deref())?;
    let (now, scan) = (shared.clock.now(), Arc::clone(&shared.scan));
    let projecting = move |abandoned: &_| {
        let scan = UntilAbandoned { scan: &*scan, abandoned };
        let forecast = cost::forecast(now, params.tz.as_deref(), &scope, &scan);
        Ok(ForecastAnswer::from(forecast.map_err(|error| ApiError::in_expression(&error, ""))?))
    };
    shared.gate.answer(projecting).await
}
