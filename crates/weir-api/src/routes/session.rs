//! Logging in and out from a browser. Programs send the token itself.

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, StatusCode, header};

use crate::Shared;
use crate::auth::closed_session;
use crate::error::ApiError;
use crate::extract::JsonBody;
use crate::wire::{Login, SessionState};

/// Whether one must log in, and whether one has.
#[utoipa::path(
    get,
    path = "/api/session",
    tag = "session",
    security(()),
    responses((status = 200, description = "The session.", body = SessionState))
)]
pub(crate) async fn session_state(State(shared): State<Shared>, headers: HeaderMap) -> Json<SessionState> {
    Json(SessionState {
        login_required: shared.auth.login_required(),
        authenticated: shared.auth.allows(&headers, shared.clock.now()),
    })
}

/// Logs in: sets the session's cookie.
#[utoipa::path(
    post,
    path = "/api/session",
    tag = "session",
    security(()),
    request_body = Login,
    responses((status = 204, description = "Logged in; the cookie is set."), ApiError)
)]
pub(crate) async fn log_in(
    State(shared): State<Shared>,
    headers: HeaderMap,
    JsonBody(login): JsonBody<Login>,
) -> Result<(StatusCode, [(header::HeaderName, String); 1]), ApiError> {
    let cookie = shared.auth.open_session(&login.token, shared.clock.now(), by_tls(&headers))?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]))
}

/// Logs out: removes the session's cookie.
#[utoipa::path(
    delete,
    path = "/api/session",
    tag = "session",
    security(()),
    responses((status = 204, description = "Logged out."))
)]
pub(crate) async fn log_out(headers: HeaderMap) -> (StatusCode, [(header::HeaderName, String); 1]) {
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, closed_session(by_tls(&headers)))])
}

/// Whether the browser came by TLS, as the proxy in front says. A client that lies makes its own cookie stricter.
fn by_tls(headers: &HeaderMap) -> bool {
    headers.get("x-forwarded-proto").is_some_and(|proto| proto == "https")
}
