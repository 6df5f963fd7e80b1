//! `GET /api/status`: how Weir itself is doing.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use crate::Shared;
use crate::error::ApiError;
use crate::wire::ServerStatus;

/// How this Weir is doing.
#[utoipa::path(
    get,
    path = "/api/status",
    tag = "server",
    responses((status = 200, description = "How it is doing.", body = ServerStatus), ApiError)
)]
pub(crate) async fn server_status(State(shared): State<Shared>) -> Result<Json<ServerStatus>, ApiError> {
    let browse = Arc::clone(&shared.browse);
    // A store that cannot be read is what this page must tell, so it is no reason not to answer.
    let extent = shared.gate.run(move |_| Ok(browse.extent()?)).await.ok().flatten();
    let status = shared.status.status();
    Ok(Json(ServerStatus {
        version: status.version,
        ready: status.not_ready.is_empty(),
        not_ready: status.not_ready,
        demo: status.demo,
        started_at_ms: status.started_at.as_millis(),
        now_ms: shared.clock.now().as_millis(),
        listen: status.listen,
        first_span_at_ms: extent.map(|range| range.from.as_millis()),
        last_span_at_ms: extent.map(|range| range.to.as_millis()),
        store: status.store,
        upstreams: status.upstreams,
        receivers: status.receivers,
    }))
}
