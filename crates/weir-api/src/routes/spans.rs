//! Calls one by one: lists of spans, one span, one trace.

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use weir_types::{BrowseError, Scope, SpanFilter, SpanId, TraceId};

use crate::Shared;
use crate::answer::JsonText;
use crate::error::ApiError;
use crate::extract::{Params, Segments, limit, segment};
use crate::instant;
use crate::wire::{ScoreItem, SpanItem, SpanList, TraceItem};

/// Spans on a page unless said.
const LIMIT_DEFAULT: usize = 50;

/// Spans on a page at most: each may carry two previews.
const LIMIT_MAX: usize = 1_000;

/// Bytes of a searched text and of a filter: what a person types or pastes.
const TEXT_BYTES_MAX: usize = 4 * 1024;

/// What a trace id looks like.
const TRACE_ID: &str = "32 hexadecimal digits, not all zero";

/// What a span id looks like.
const SPAN_ID: &str = "16 hexadecimal digits, not all zero";

/// Which spans.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpanParams {
    /// The first instant; an hour before `to` unless said.
    #[param(example = "now-1h")]
    from: Option<String>,
    /// The first instant after the range; now unless said.
    #[param(example = "now")]
    to: Option<String>,
    /// A condition on tags, as in expressions.
    #[param(example = "team:payments AND status:error")]
    filter: Option<String>,
    /// A text that the input or the output contains, without regard to case.
    text: Option<String>,
    /// Where the page before ended: its `next`.
    after: Option<String>,
    /// How many spans, 1 to 1000; 50 unless said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 50)]
    limit: Option<String>,
}

/// Lists spans, newest first.
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
    let filter = SpanFilter {
        range: instant::range(params.from.as_deref(), params.to.as_deref(), shared.clock.now())?,
        scope: scope(params.filter.as_deref())?,
        text: bounded("text", params.text)?,
        after: bounded("after", params.after)?,
        limit: limit(params.limit.as_deref(), LIMIT_DEFAULT, LIMIT_MAX)?,
    };
    let browse = Arc::clone(&shared.browse);
    shared.gate.answer(move |_| page(&*browse, &filter)).await
}

fn page(browse: &dyn weir_types::Browse, filter: &SpanFilter) -> Result<SpanList, ApiError> {
    let page = browse.spans(filter).map_err(|error| match (&error, &filter.after) {
        // With a filter that was checked before, only the cursor can be wrong.
        (BrowseError::Invalid(_), Some(after)) => {
            ApiError::parameter("after", after, "the `next` of the page before, unchanged")
        }
        _ => ApiError::from(error),
    })?;
    Ok(SpanList { spans: page.spans.iter().map(SpanItem::from).collect(), next: page.next })
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

/// Reads a condition on tags; nothing said means everything.
pub(super) fn scope(text: Option<&str>) -> Result<Scope, ApiError> {
    let Some(text) = text else { return Ok(Scope::All) };
    check_length("filter", text)?;
    weir_query::parse_scope(text).map_err(|error| ApiError::in_expression(&error, text))
}

fn bounded(name: &str, text: Option<String>) -> Result<Option<String>, ApiError> {
    text.as_deref().map_or(Ok(()), |text| check_length(name, text))?;
    Ok(text)
}

fn check_length(name: &str, text: &str) -> Result<(), ApiError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(ApiError::parameter(name, text, &format!("at most {TEXT_BYTES_MAX} bytes")));
    }
    Ok(())
}
