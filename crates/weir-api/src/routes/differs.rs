//! `POST /api/differs`: what is special about some calls.

use std::sync::Arc;

use axum::extract::State;
use weir_types::{NanoUsd, SpanBounds, SpanSelection, UnixMicros};

use crate::Shared;
use crate::answer::JsonText;
use crate::error::ApiError;
use crate::extract::JsonBody;
use crate::routes::selection::{Given, us_of_ms};
use crate::wire::{DiffersAnswer, DiffersRequest, SelectedCalls};
use crate::{differs, instant};

/// Compares some spans with the others of a range, over all tags and scalar attributes.
///
/// The tags that differ most come first. Of very many spans a sample is looked at; `selected_seen` and `rest_seen` say how
/// many.
#[utoipa::path(
    post,
    path = "/api/differs",
    tag = "spans",
    request_body = DiffersRequest,
    responses((status = 200, description = "The tags that differ.", body = DiffersAnswer), ApiError)
)]
pub(crate) async fn find_differences(
    State(shared): State<Shared>,
    JsonBody(request): JsonBody<DiffersRequest>,
) -> Result<JsonText, ApiError> {
    let now = shared.clock.now();
    let given = Given {
        from: request.from.as_deref(),
        to: request.to.as_deref(),
        filter: request.filter.as_deref(),
        text: request.text.as_deref(),
        min_duration_ms: None,
        max_duration_ms: None,
        min_cost_usd: None,
        min_tokens: None,
    };
    let base = given.read(now)?;
    let selected = selected(&request.selected, &base, now)?;
    let browse = Arc::clone(&shared.browse);
    let comparing = move |_: &_| Ok(differs::rank(browse.contrast(&base, &selected)?));
    shared.gate.answer(comparing).await
}

fn selected(calls: &SelectedCalls, base: &SpanSelection, now: UnixMicros) -> Result<SpanSelection, ApiError> {
    let end = |name, text: Option<&String>, fallback| {
        text.map_or(Ok(fallback), |text| instant::instant(name, text, now))
    };
    let from = end("selected.from", calls.from.as_ref(), base.range.from)?;
    let to = end("selected.to", calls.to.as_ref(), base.range.to)?;
    Ok(SpanSelection {
        range: weir_types::TimeRange { from, to },
        scope: super::selection::scope(calls.filter.as_deref())?,
        text: None,
        bounds: SpanBounds {
            duration_us_min: calls.min_duration_ms.map(us_of_ms),
            duration_us_max: calls.max_duration_ms.map(us_of_ms),
            cost_min: calls.min_cost_usd.map(NanoUsd::from_usd),
            tokens_min: None,
        },
        roots: false,
    })
}
