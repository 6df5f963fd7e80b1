//! `GET /api/heatmap`: how the values of a metric are spread over time.

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use weir_query::QueryContext;

use crate::Shared;
use crate::answer::JsonText;
use crate::error::ApiError;
use crate::extract::Params;
use crate::instant;
use crate::routes::query::UntilAbandoned;
use crate::wire::HeatmapAnswer;

/// What to draw.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeatmapParams {
    /// The metric.
    #[param(required = true, example = "llm.request.duration")]
    metric: Option<String>,
    /// The first instant; an hour before `to` unless said.
    #[param(example = "now-1h")]
    from: Option<String>,
    /// The first instant after the range; now unless said.
    #[param(example = "now")]
    to: Option<String>,
    /// The time between two columns, such as `60s` or `5m`; chosen for at most 120 columns unless said.
    #[param(example = "60s")]
    step: Option<String>,
    /// A condition on tags, as in expressions.
    #[param(example = "team:payments")]
    filter: Option<String>,
    /// The time zone whose days are meant, such as `Europe/Berlin`; UTC unless said.
    #[param(example = "Europe/Berlin")]
    tz: Option<String>,
}

/// How the values of a metric are spread over time: exact counts on a logarithmic scale of about thirty rows.
#[utoipa::path(
    get,
    path = "/api/heatmap",
    tag = "query",
    params(HeatmapParams),
    responses((status = 200, description = "Columns of counts.", body = HeatmapAnswer), ApiError)
)]
pub(crate) async fn draw_heatmap(
    State(shared): State<Shared>,
    Params(params): Params<HeatmapParams>,
) -> Result<JsonText, ApiError> {
    let metric = params
        .metric
        .ok_or_else(|| ApiError::missing("metric", "the name of a metric, such as llm.request.duration"))?;
    let range = instant::range(params.from.as_deref(), params.to.as_deref(), shared.clock.now())?;
    let step_us = params.step.as_deref().map(|step| instant::step_us("step", step)).transpose()?;
    // Metrics that clients send have tags of their own, so any tag may stand here.
    let scope = params.filter.as_deref().map_or(Ok(weir_types::Scope::All), |text| {
        weir_query::parse_scope(text).map_err(|error| ApiError::in_expression(&error, text))
    })?;
    let context = QueryContext { range, step_us, tz: params.tz };
    let scan = Arc::clone(&shared.scan);
    let drawing = move |abandoned: &_| {
        let scan = UntilAbandoned { scan: &*scan, abandoned };
        let heatmap = weir_query::heatmap(&metric, &scope, &context, &scan);
        Ok(HeatmapAnswer::from(heatmap.map_err(|error| ApiError::in_expression(&error, &metric))?))
    };
    shared.gate.answer(drawing).await
}
