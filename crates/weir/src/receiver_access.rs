//! Who may send telemetry, and by which way.
//!
//! On ports of their own, receivers ask for nothing on loopback, because the clients that they are for have nothing to show; the
//! configuration opens them to a network only together with an admin token, which protects what is read. On Weir's own
//! address, where telemetry can also be read back, they ask for what the API asks for: the admin token, where one is set,
//! or a virtual key.
//!
//! A browser makes any website a client of loopback, so requests that name the page they come from are refused everywhere,
//! and on Weir's own address also those that came by a foreign name: programs send neither.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, header};
use weir_types::{Clock, KeyDirectory, Secret};

/// What a receiver on Weir's own address asks of a request.
pub struct Access {
    /// The admin token; without one nobody is asked.
    pub admin_token: Option<Secret>,
    /// Finds virtual keys.
    pub keys: Arc<dyn KeyDirectory>,
    /// Tells whether a key has expired.
    pub clock: Arc<dyn Clock>,
    /// The names by which Weir may be called; empty for all.
    pub allowed_hosts: Vec<String>,
}

/// A router for a port of its own: everything but pages may send.
pub fn for_own_port(router: Router) -> Router {
    router.layer(middleware::from_fn(refuse_pages))
}

/// A router for Weir's own address.
pub fn for_shared_port(router: Router, access: Access) -> Router {
    let access = Arc::new(access);
    router.layer(middleware::from_fn_with_state(access, require)).layer(middleware::from_fn(refuse_pages))
}

async fn refuse_pages(request: Request, next: Next) -> Response {
    if request.headers().contains_key(header::ORIGIN) {
        return (StatusCode::FORBIDDEN, "telemetry is taken from programs, not from web pages\n")
            .into_response();
    }
    next.run(request).await
}

async fn require(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    if !access.knows_host(request.headers()) {
        return (StatusCode::FORBIDDEN, "the host is not one of this weir's names\n").into_response();
    }
    if !access.opens(request.headers()) {
        let message = "this weir needs its admin token or a virtual key: `authorization: Bearer <token>`\n";
        return (StatusCode::UNAUTHORIZED, message).into_response();
    }
    next.run(request).await
}

impl Access {
    fn knows_host(&self, headers: &HeaderMap) -> bool {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        self.allowed_hosts.is_empty()
            || self.allowed_hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    fn opens(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.admin_token else { return true };
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some((scheme, shown)) = shown.and_then(|value| value.split_once(' ')) else { return false };
        if !scheme.eq_ignore_ascii_case("bearer") {
            return false;
        }
        // Hashes are compared, so that the time it takes tells nothing about the token.
        let shown = weir_store::hash_key(shown.trim());
        shown == weir_store::hash_key(token.expose()) || self.is_valid_key(&shown)
    }

    fn is_valid_key(&self, hash: &weir_types::KeyHash) -> bool {
        let now = self.clock.now();
        self.keys.find(hash).is_some_and(|key| {
            key.revoked_at.is_none() && key.expires_at.is_none_or(|expires_at| now < expires_at)
        })
    }
}
