//! What an editor of expressions asks while someone types: ways to go on, and what an expression means.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use weir_query::{QueryContext, Suggestion};
use weir_types::Scan;

use crate::Shared;
use crate::answer::JsonText;
use crate::error::ApiError;
use crate::extract::Params;
use crate::instant;
use crate::routes::query::expression;
use crate::wire::{Completion, CompletionItem, CompletionKind, Explanation};

/// Where someone types.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct CompleteParams {
    /// The text of the editor; nothing is an empty one.
    #[param(example = "p95(llm.req")]
    text: Option<String>,
    /// Where the cursor is, in bytes; at the end unless said.
    #[param(value_type = Option<u32>, example = "11")]
    at: Option<String>,
}

/// Ways to go on at the cursor: functions, metrics, tags, units.
#[utoipa::path(
    get,
    path = "/api/query/complete",
    tag = "query",
    params(CompleteParams),
    responses((status = 200, description = "The likeliest first.", body = Completion), ApiError)
)]
pub(crate) async fn complete_query(
    State(shared): State<Shared>,
    Params(params): Params<CompleteParams>,
) -> Result<JsonText, ApiError> {
    let text = expression(Some(params.text.unwrap_or_default()))?;
    let at = match params.at.as_deref() {
        None => text.len(),
        Some(at) => at.parse().map_err(|_| ApiError::parameter("at", at, "a number of bytes"))?,
    };
    let scan = Arc::clone(&shared.scan);
    shared.gate.answer(move |_| Ok(completion(&*scan, &text, at))).await
}

fn completion(scan: &dyn Scan, text: &str, at: usize) -> Completion {
    let metrics = scan.metrics();
    let tags: BTreeSet<String> = metrics
        .iter()
        .flat_map(|metric| scan.cell_tags(metric).unwrap_or_default())
        .map(|tag| tag.to_string())
        .collect();
    let metrics: Vec<&str> = metrics.iter().map(|metric| &**metric).collect();
    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    let suggestions = weir_query::complete(text, at, &metrics, &tags);
    let replace = suggestions.first().map_or(at.min(text.len())..at.min(text.len()), |s| s.replace.clone());
    let items = suggestions.into_iter().map(|Suggestion { insert, detail, .. }| {
        let kind = match detail.as_str() {
            "metric" => CompletionKind::Metric,
            "tag" => CompletionKind::Tag,
            _ if insert.ends_with('(') => CompletionKind::Function,
            _ => CompletionKind::Unit,
        };
        CompletionItem { text: insert, kind, detail }
    });
    Completion { from: replace.start, to: replace.end, items: items.collect() }
}

/// What to explain.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExplainParams {
    /// The expression.
    #[param(required = true, example = "p95:llm.request.duration{team:payments} by {model}")]
    expr: Option<String>,
    /// The first instant; an hour before `to` unless said.
    #[param(example = "now-1h")]
    from: Option<String>,
    /// The first instant after the range; now unless said.
    #[param(example = "now")]
    to: Option<String>,
}

/// How an expression would be answered: its meaning with defaults filled in, its steps, what the store is asked.
#[utoipa::path(
    get,
    path = "/api/query/explain",
    tag = "query",
    params(ExplainParams),
    responses((status = 200, description = "Text for people.", body = Explanation), ApiError)
)]
pub(crate) async fn explain_query(
    State(shared): State<Shared>,
    Params(params): Params<ExplainParams>,
) -> Result<JsonText, ApiError> {
    let range = instant::range(params.from.as_deref(), params.to.as_deref(), shared.clock.now())?;
    let context = QueryContext { range, step_us: None, tz: None };
    let text = expression(params.expr)?;
    let query = weir_query::parse(&text).map_err(|error| ApiError::in_expression(&error, &text))?;
    let scan = Arc::clone(&shared.scan);
    let explaining = move |_: &_| Ok(Explanation { text: weir_query::explain(&query, &context, &*scan) });
    shared.gate.answer(explaining).await
}
