//! The routes of `/api`, one file for each thing that can be asked, and the list of them all.

#[allow(unused_qualifications, reason = "utoipa's macro writes them around parameter types")]
mod alerts;
#[allow(unused_qualifications, reason = "utoipa's macro writes them around parameter types")]
mod audit;
mod budgets;
#[allow(unused_qualifications, reason = "utoipa's macro writes them around parameter types")]
mod cache;
mod compatible;
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
mod monitor_edit;
#[allow(unused_qualifications, reason = "utoipa's macro writes them around parameter types")]
mod monitors;
#[allow(unused_qualifications, reason = "utoipa's macro writes them around parameter types")]
mod query;
mod scores;
mod selection;
mod session;
#[allow(unused_qualifications, reason = "utoipa's macro writes them around parameter types")]
mod silences;
#[allow(unused_qualifications, reason = "utoipa's macro writes them around parameter types")]
mod spans;
mod sql;
mod status;
#[allow(unused_qualifications, reason = "utoipa's macro writes them around parameter types")]
mod traces;

use std::sync::LazyLock;

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
        .routes(routes!(scores::create_scores))
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
        .routes(routes!(budgets::list_budgets))
        .routes(routes!(budgets::save_budget, budgets::remove_budget))
        .routes(routes!(documents::list_documents, documents::create_document))
        .routes(routes!(documents::get_document, documents::update_document, documents::delete_document))
        .routes(routes!(monitors::list_monitors))
        .routes(routes!(monitors::get_monitor, monitor_edit::save_monitor))
        .routes(routes!(monitor_edit::forget_monitor))
        .routes(routes!(monitors::monitor_series))
        .routes(routes!(monitors::verify_monitor))
        .routes(routes!(monitors::monitor_transitions))
        .routes(routes!(monitor_edit::preview_monitor))
        .routes(routes!(monitor_edit::explain_condition))
        .routes(routes!(alerts::list_alerts))
        .routes(routes!(alerts::acknowledge_alert))
        .routes(routes!(alerts::list_notifications))
        .routes(routes!(alerts::list_actions))
        .routes(routes!(audit::list_audit))
        .routes(routes!(silences::list_silences, silences::create_silence))
        .routes(routes!(silences::end_silence))
        .routes(routes!(compatible::managed_alerts))
        .routes(routes!(compatible::managed_groups))
        .routes(routes!(compatible::managed_silences))
        .routes(routes!(compatible::managed_server))
        .routes(routes!(compatible::rules))
        .routes(routes!(compatible::rule_alerts))
        .routes(routes!(compatible::build_info))
        .routes(routes!(cache::cache_report, cache::purge_cache))
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
async fn openapi_document() -> JsonText {
    // Made when it is first asked for: to make it at each start takes megabytes of a Weir that nobody asks.
    static DOCUMENT: LazyLock<JsonText> =
        LazyLock::new(|| JsonText::of(&document()).expect("the document is small and has string keys only"));
    DOCUMENT.clone()
}
