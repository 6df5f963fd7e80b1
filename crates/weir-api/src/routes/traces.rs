//! Traces: lists of them, and one whole.

use std::sync::Arc;

use axum::extract::State;
use weir_types::{Browse, SortOrder, TraceFilter, TraceId, TraceSort};

use crate::Shared;
use crate::answer::JsonText;
use crate::error::ApiError;
use crate::extract::{Params, Segments, limit, segment};
use crate::routes::selection::{bounded, selecting};
use crate::routes::spans::{TRACE_ID, in_list, sort_order};
use crate::wire::{ScoreItem, SpanItem, TraceItem, TraceList, TraceListItem};

/// Traces on a page unless said.
const LIMIT_DEFAULT: usize = 50;

/// Traces on a page at most: each is summed up from all of its spans.
const LIMIT_MAX: usize = 500;

selecting! {
    /// Which traces: those with at least one matching span.
    TraceParams {
        /// `start`, `duration`, `cost`, `tokens` or `spans`; with `-` before it the greatest first. `-start` unless said.
        #[param(example = "-start")]
        sort,
        /// Where the page before ended: its `next`.
        after,
        /// How many traces, 1 to 500; 50 unless said.
        #[param(value_type = Option<u32>, minimum = 1, maximum = 500, default = 50)]
        limit,
    }
}

/// Lists traces that have at least one matching span.
#[utoipa::path(
    get,
    path = "/api/traces",
    tag = "spans",
    params(TraceParams),
    responses((status = 200, description = "One page.", body = TraceList), ApiError)
)]
pub(crate) async fn list_traces(
    State(shared): State<Shared>,
    Params(params): Params<TraceParams>,
) -> Result<JsonText, ApiError> {
    let filter = TraceFilter {
        which: params.selection(shared.clock.now())?,
        order: order(params.sort.as_deref())?,
        after: bounded("after", params.after)?,
        limit: limit(params.limit.as_deref(), LIMIT_DEFAULT, LIMIT_MAX)?,
    };
    let browse = Arc::clone(&shared.browse);
    shared.gate.answer(move |_| page(&*browse, &filter)).await
}

fn order(text: Option<&str>) -> Result<SortOrder<TraceSort>, ApiError> {
    let keys = [
        ("start", TraceSort::Start),
        ("duration", TraceSort::Duration),
        ("cost", TraceSort::Cost),
        ("tokens", TraceSort::Tokens),
        ("spans", TraceSort::Spans),
    ];
    sort_order(text, &keys)
}

fn page(browse: &dyn Browse, filter: &TraceFilter) -> Result<TraceList, ApiError> {
    let page = browse.traces(filter).map_err(|error| in_list(error, filter.after.as_deref()))?;
    Ok(TraceList { traces: page.traces.iter().map(TraceListItem::from).collect(), next: page.next })
}

/// One trace: its spans, whole, with what was judged about them.
#[utoipa::path(
    get,
    path = "/api/traces/{trace_id}",
    tag = "spans",
    params(("trace_id" = String, Path, description = "32 hexadecimal digits.")),
    responses((status = 200, description = "The trace.", body = TraceItem), ApiError)
)]
pub(crate) async fn get_trace(
    State(shared): State<Shared>,
    Segments(trace_text): Segments<String>,
) -> Result<JsonText, ApiError> {
    let trace_id: TraceId = segment("trace_id", &trace_text, TRACE_ID)?;
    let browse = Arc::clone(&shared.browse);
    let reading = move |_: &_| {
        let (spans, scores) = browse.trace(trace_id)?;
        if spans.is_empty() && scores.is_empty() {
            return Err(ApiError::not_found(format!("there is no trace {trace_id}")));
        }
        Ok(TraceItem {
            spans: spans.iter().map(SpanItem::from).collect(),
            scores: scores.iter().map(ScoreItem::from).collect(),
        })
    };
    shared.gate.answer(reading).await
}
