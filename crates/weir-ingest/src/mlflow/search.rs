//! `search_traces`: the traces of experiments, newest first.
//!
//! Filters and orders are a language of their own that Weir
//! does not speak: it says so instead of answering something else.

use serde_json::{Value, json};
use weir_types::{Browse, Scope, SortOrder, SpanSelection, TagKey, TraceFilter};

use super::answer;
use super::error::MlflowError;
use super::experiments::{ALWAYS, name_of, reported_by_mlflow};
use super::known::Known;

/// Traces in one answer, MLflow's own limit.
pub(crate) const TRACES_MAX: usize = 500;

/// The orders that are the one that Weir has.
const NEWEST_FIRST: [&str; 4] =
    ["timestamp_ms DESC", "timestamp DESC", "attributes.timestamp_ms DESC", "timestamp_ms desc"];

/// What is searched for.
pub(crate) struct Search {
    experiments: Vec<String>,
    limit: usize,
    after: Option<String>,
}

impl Search {
    /// Reads a request.
    pub(crate) fn read(body: &Value) -> Result<Self, MlflowError> {
        if body["filter"].as_str().is_some_and(|filter| !filter.trim().is_empty()) {
            let message = "filter_string is not served by weir; filter what is returned, or ask `/api/spans`";
            return Err(MlflowError::Invalid(message.to_owned()));
        }
        let orders = body["order_by"].as_array().into_iter().flatten().filter_map(Value::as_str);
        if let Some(order) = orders.into_iter().find(|order| !NEWEST_FIRST.contains(order)) {
            let order: String = order.chars().take(80).collect();
            return Err(MlflowError::Invalid(format!(
                "order_by {order:?} is not served; traces come newest first"
            )));
        }
        let locations = body["locations"].as_array().into_iter().flatten();
        let ids = locations.filter_map(|location| location["mlflow_experiment"]["experiment_id"].as_str());
        let limit = body["max_results"].as_u64().and_then(|limit| usize::try_from(limit).ok()).unwrap_or(100);
        Ok(Self {
            experiments: ids.map(str::to_owned).collect(),
            limit: limit.clamp(1, TRACES_MAX),
            after: body["page_token"].as_str().filter(|token| !token.is_empty()).map(str::to_owned),
        })
    }

    /// Searches.
    pub(crate) fn run(self, browse: &dyn Browse, known: &Known) -> Result<Value, MlflowError> {
        let mut names = Vec::new();
        for id in &self.experiments {
            names.extend(name_of(browse, known, id)?.map(Into::into));
        }
        if names.is_empty() {
            return Ok(json!({ "traces": [] }));
        }
        let scope = reported_by_mlflow().and(Scope::In(TagKey::new("app"), names));
        let filter = TraceFilter {
            which: SpanSelection { scope, ..SpanSelection::all(ALWAYS) },
            order: SortOrder::default(),
            after: self.after,
            limit: self.limit,
        };
        let page = browse.traces(&filter).map_err(MlflowError::from_browse)?;
        let mut traces = Vec::with_capacity(page.traces.len());
        for listed in &page.traces {
            // The list has no attributes, and what was announced about the trace is in them.
            let id = listed.first.trace_id;
            let (spans, scores) = browse.trace(id).map_err(MlflowError::from_browse)?;
            traces.push(answer::info(id, &spans, &scores));
        }
        Ok(json!({ "traces": traces, "next_page_token": page.next }))
    }
}
