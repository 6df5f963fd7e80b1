//! The routes of `/api`, one file for each thing that can be asked, and the list of them all.

#[allow(unused_qualifications, reason = "utoipa's macro writes them around parameter types")]
mod cost;
#[allow(unused_qualifications, reason = "utoipa's macro writes them around parameter types")]
mod counts;
#[allow(unused_qualifications, reason = "utoipa's macro writes them around parameter types")]
mod coverage;
mod differs;
#[allow(unused_qualifications, reason = "utoipa's macro writes them around parameter types")]
mod documents;
#[allow(unused_qualifications, reason = "utoipa's macro writes them around parameter types")]
mod editor;
#[allow(unused_qualifications, reason = "utoipa's macro writes them around parameter types")]
mod facets;
mod health;
#[allow(unused_qualifications, reason = "utoipa's macro writes them around parameter types")]
mod heatmap;
mod keys;
#[allow(unused_qualifications, reason = "utoipa's macro writes them around parameter types")]
mod live;
mod metrics;
#[allow(unused_qualifications, reason = "utoipa's macro writes them around parameter types")]
mod query;
mod selection;
mod session;
#[allow(unused_qualifications, reason = "utoipa's macro writes them around parameter types")]
mod spans;
mod sql;
mod status;
#[allow(unused_qualifications, reason = "utoipa's macro writes them around parameter types")]
mod traces;

use axum::extract::State;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::JsonText;
use crate::{Shared, document};

/// Routes that anyone may use: they tell nothing about calls, or are how one logs in.
pub(crate) fn open() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(document::base())
        .routes(routes!(health::health))
        .routes(routes!(session::session_state, session::log_in, session::log_out))
        .routes(routes!(openapi_document))
}

/// Routes that need the admin token, when there is one.
pub(crate) fn guarded() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(query::query_range))
        .routes(routes!(query::query_instant))
        .routes(routes!(editor::complete_query))
        .routes(routes!(editor::explain_query))
        .routes(routes!(heatmap::draw_heatmap))
        .routes(routes!(cost::cost_change))
        .routes(routes!(cost::cost_forecast))
        .routes(routes!(sql::run_sql))
        .routes(routes!(spans::list_spans))
        .routes(routes!(spans::get_span))
        .routes(routes!(traces::list_traces))
        .routes(routes!(traces::get_trace))
        .routes(routes!(facets::list_facets))
        .routes(routes!(facets::list_facet_groups))
        .routes(routes!(counts::count_spans))
        .routes(routes!(differs::find_differences))
        .routes(routes!(metrics::list_metrics))
        .routes(routes!(coverage::coverage))
        .routes(routes!(status::server_status))
        .routes(routes!(keys::list_keys, keys::create_key))
        .routes(routes!(keys::revoke_key))
        .routes(routes!(documents::list_documents, documents::create_document))
        .routes(routes!(documents::get_document, documents::update_document, documents::delete_document))
        .routes(routes!(live::watch_live))
        .routes(routes!(health::prometheus_metrics))
}

/// The document of all routes.
pub(crate) fn document() -> OpenApi {
    document::finish(open().merge(guarded()).into_openapi())
}

/// This document.
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    tag = "server",
    security(()),
    responses((status = 200, description = "This document.", body = serde_json::Value))
)]
async fn openapi_document(State(shared): State<Shared>) -> JsonText {
    shared.document.clone()
}
