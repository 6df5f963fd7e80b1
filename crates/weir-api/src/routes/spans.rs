//! Calls one by one: lists of spans, and one span whole.

use std::sync::Arc;

use axum::extract::State;
use weir_types::{Browse, BrowseError, SortOrder, SpanFilter, SpanId, SpanSort, TraceId};

use crate::Shared;
use crate::answer::JsonText;
use crate::error::ApiError;
use crate::extract::{Params, Segments, flag, limit, segment};
use crate::routes::selection::{bounded, selecting};
use crate::wire::{SpanItem, SpanList};

/// Spans on a page unless said.
const LIMIT_DEFAULT: usize = 50;

/// Spans on a page at most: each may carry two previews.
const LIMIT_MAX: usize = 1_000;

/// What a trace id looks like.
pub(super) const TRACE_ID: &str = "32 hexadecimal digits, not all zero";

/// What a span id looks like.
const SPAN_ID: &str = "16 hexadecimal digits, not all zero";

selecting! {
    /// Which spans.
    SpanParams {
        /// `start`, `duration`, `cost`, `tokens` or `ttft`; with `-` before it the greatest first. `-start` unless said.
        #[param(example = "-start")]
        sort,
        /// `true` for spans without a parent only.
        #[param(value_type = Option<bool>)]
        roots,
        /// Where the page before ended: its `next`.
        after,
        /// How many spans, 1 to 1000; 50 unless said.
        #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 50)]
        limit,
    }
}

/// Lists spans.
#[utoipa::path(
    get,
    path = "/api/spans",
    tag = "spans",
    params(SpanParams),
    responses((status = 200, description = "One page.", body = SpanList), ApiError)
)]
pub(crate) async fn list_spans(
    State(shared): State<Shared>,
    Params(params): Params<SpanParams>,
) -> Result<JsonText, ApiError> {
    let mut which = params.selection(shared.clock.now())?;
    which.roots = flag("roots", params.roots.as_deref())?;
    let filter = SpanFilter {
        which,
        order: order(params.sort.as_deref())?,
        after: bounded("after", params.after)?,
        limit: limit(params.limit.as_deref(), LIMIT_DEFAULT, LIMIT_MAX)?,
    };
    let browse = Arc::clone(&shared.browse);
    shared.gate.answer(move |_| page(&*browse, &filter)).await
}

fn order(text: Option<&str>) -> Result<SortOrder<SpanSort>, ApiError> {
    let keys = [
        ("start", SpanSort::Start),
        ("duration", SpanSort::Duration),
        ("cost", SpanSort::Cost),
        ("tokens", SpanSort::Tokens),
        ("ttft", SpanSort::TimeToFirstToken),
    ];
    sort_order(text, &keys)
}

/// Reads `sort`: one of these names, with `-` before it for the greatest first.
pub(super) fn sort_order<K: Copy + Default>(
    text: Option<&str>,
    keys: &[(&str, K)],
) -> Result<SortOrder<K>, ApiError> {
    let Some(text) = text else { return Ok(SortOrder::default()) };
    let (name, descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
    if let Some((_, by)) = keys.iter().find(|(known, _)| *known == name) {
        return Ok(SortOrder { by: *by, descending });
    }
    let names: Vec<_> = keys.iter().map(|(name, _)| *name).collect();
    let expected = format!("one of {}, with `-` before it for the greatest first", names.join(", "));
    Err(ApiError::parameter("sort", text, &expected))
}

fn page(browse: &dyn Browse, filter: &SpanFilter) -> Result<SpanList, ApiError> {
    let page = browse.spans(filter).map_err(|error| in_list(error, filter.after.as_deref()))?;
    Ok(SpanList { spans: page.spans.iter().map(SpanItem::from).collect(), next: page.next })
}

/// An error of a list: with a filter that was checked before, only the cursor can be wrong.
pub(super) fn in_list(error: BrowseError, after: Option<&str>) -> ApiError {
    match (&error, after) {
        (BrowseError::Invalid(_), Some(after)) => {
            let expected = "the `next` of the page before, unchanged, with the same `sort`";
            ApiError::parameter("after", after, expected)
        }
        _ => ApiError::from(error),
    }
}

/// One span, whole.
#[utoipa::path(
    get,
    path = "/api/spans/{trace_id}/{span_id}",
    tag = "spans",
    params(
        ("trace_id" = String, Path, description = "32 hexadecimal digits."),
        ("span_id" = String, Path, description = "16 hexadecimal digits."),
    ),
    responses((status = 200, description = "The span.", body = SpanItem), ApiError)
)]
pub(crate) async fn get_span(
    State(shared): State<Shared>,
    Segments((trace_text, span_text)): Segments<(String, String)>,
) -> Result<JsonText, ApiError> {
    let trace_id: TraceId = segment("trace_id", &trace_text, TRACE_ID)?;
    let span_id: SpanId = segment("span_id", &span_text, SPAN_ID)?;
    let browse = Arc::clone(&shared.browse);
    let absent = move || ApiError::not_found(format!("there is no span {span_id} in trace {trace_id}"));
    let reading = move |_: &_| {
        let span = browse.span(trace_id, span_id)?.ok_or_else(absent)?;
        Ok(SpanItem::from(&span))
    };
    shared.gate.answer(reading).await
}
