//! `/healthz` for probes and `/metrics` for Prometheus.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Shared;
use crate::hush::Hush;
use crate::standing::{self, Standing};

/// Whether this Weir takes calls.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// Whether it does.
    ready: bool,
    /// Why it does not.
    reasons: Vec<String>,
}

/// Whether this Weir takes calls.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "server",
    security(()),
    responses(
        (status = 200, description = "It does.", body = Health),
        (status = 503, description = "It does not; `reasons` say why.", body = Health),
    )
)]
pub(crate) async fn health(State(shared): State<Shared>) -> impl IntoResponse {
    let reasons = shared.status.status().not_ready;
    let ready = reasons.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(Health { ready, reasons }))
}

/// Metrics about Weir itself, for Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "server",
    responses((status = 200, description = "Prometheus text.", body = String, content_type = "text/plain"), crate::error::ApiError)
)]
pub(crate) async fn prometheus_metrics(State(shared): State<Shared>) -> impl IntoResponse {
    let text = (shared.metrics)() + &alerts(&shared).await;
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

/// What is not well. A scraper shall see how Weir itself is doing also when its monitors cannot be asked.
async fn alerts(shared: &Shared) -> String {
    let Ok(hush) = Hush::now(shared).await else { return String::new() };
    let monitors = Arc::clone(&shared.monitors);
    let exposed = move |_: &_| {
        let listed = monitors.list();
        Ok(standing::exposed(&Standing::among(&listed, &*monitors, &hush), &listed))
    };
    shared.gate.run(exposed).await.unwrap_or_default()
}
