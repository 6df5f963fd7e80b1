//! What every request passes before its route, and every response after it.
//!
//! Three attacks are kept out here, because a browser makes any website a client of whatever listens on loopback:
//! a foreign name that resolves to 127.0.0.1 (the `Host` must be one of ours), another site's page that sends a request
//! with effects (`Origin` and `Sec-Fetch-Site` must be ours or absent, as with programs), and script that gets into a
//! page of ours (the content security policy allows no inline script and no other host, and no framing).

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};

use crate::Shared;
use crate::error::{ApiError, shown};
use crate::wire::ErrorCode;

/// Scripts, styles and data from this origin only. Style attributes are allowed because the charts place themselves by
/// them; they cannot run anything.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    style-src-attr 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The headers of every response.
const SECURITY_HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Refuses requests that came by a foreign way, and adds the headers that protect the page.
pub(crate) async fn guard(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let mut response = match refusal(&request, &shared.auth.allowed_hosts) {
        Some(error) => error.into_response(),
        None => next.run(request).await,
    };
    for (name, value) in SECURITY_HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Lets those pass who may use the API, and keeps what they are told out of caches.
pub(crate) async fn authenticated(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    if shared.auth.allows(request.headers(), shared.clock.now()) {
        let mut response = next.run(request).await;
        response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        return response;
    }
    ApiError::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, "this weir needs its admin token")
        .hint("send `authorization: Bearer <token>`, or log in on the dashboard")
        .into_response()
}

fn refusal(request: &Request, allowed_hosts: &[String]) -> Option<ApiError> {
    // A probe calls by address, learns nothing and changes nothing.
    if request.uri().path() == "/healthz" {
        return None;
    }
    let host = host_of(request.uri(), request.headers());
    if !host_allowed(host, allowed_hosts) {
        let message = format!("host {} is not one of this weir's names", shown(host.unwrap_or_default()));
        let hint = format!("call it as one of: {}", allowed_hosts.join(", "));
        return Some(ApiError::new(StatusCode::FORBIDDEN, ErrorCode::Forbidden, message).hint(hint));
    }
    if has_effects(request.method()) && !same_origin(request.headers(), host) {
        let message = "requests with effects are taken from this weir's own pages and from programs only";
        return Some(ApiError::new(StatusCode::FORBIDDEN, ErrorCode::Forbidden, message));
    }
    if claimed_length(request.headers()) > crate::BODY_BYTES_MAX {
        return Some(ApiError::body_too_large());
    }
    None
}

/// The length of the body as the client states it: what is too long is refused before it is sent.
fn claimed_length(headers: &HeaderMap) -> usize {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    length.map_or(0, |text| text.parse().unwrap_or(usize::MAX))
}

/// The host and port that the client named: in the request line (HTTP/2, proxies) or in `host`.
fn host_of<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    uri.authority()
        .map(http::uri::Authority::as_str)
        .or_else(|| headers.get(header::HOST).and_then(|value| value.to_str().ok()))
}

fn host_allowed(host: Option<&str>, allowed: &[String]) -> bool {
    allowed.is_empty()
        || host.is_some_and(|host| allowed.iter().any(|name| name.eq_ignore_ascii_case(without_port(host))))
}

/// `localhost:7070` and `[::1]:7070` without the port. Anything that is not a port stays, and so matches nothing.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.is_empty() => name,
        _ => host,
    }
}

fn has_effects(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether the request comes from our own page or from a program. Browsers send `origin` with every request that has
/// effects, and pages cannot forge it; programs send neither header.
fn same_origin(headers: &HeaderMap, host: Option<&str>) -> bool {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let site_is_ours = matches!(site, None | Some(b"same-origin" | b"none"));
    let origin_is_ours = headers.get(header::ORIGIN).is_none_or(|origin| {
        let authority = origin.to_str().ok().and_then(|text| text.split_once("://")).map(|(_, rest)| rest);
        authority.is_some() && authority == host
    });
    site_is_ours && origin_is_ours
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_compared_without_its_port_and_case() {
        let allowed = crate::ApiAuth::loopback_hosts();
        for (host, expected) in [
            ("localhost", true),
            ("LOCALHOST:7070", true),
            ("127.0.0.1:7070", true),
            ("[::1]:7070", true),
            ("[::1]", true),
            ("evil.example", false),
            ("localhost.evil.example:7070", false),
            ("localhost:7070@evil.example", false),
            ("localhost:x", false),
            ("", false),
            (":7070", false),
        ] {
            assert_eq!(host_allowed(Some(host), &allowed), expected, "{host}");
        }
        assert!(!host_allowed(None, &allowed));
        assert!(host_allowed(Some("any.example"), &[]));
    }

    #[test]
    fn an_origin_is_ours_when_it_names_the_host_that_was_called() {
        for (origin, host, expected) in [
            (Some("http://localhost:7070"), "localhost:7070", true),
            (Some("https://weir.example"), "weir.example", true),
            (Some("http://localhost:3000"), "localhost:7070", false),
            (Some("null"), "localhost:7070", false),
            (Some("http://evil.example"), "localhost:7070", false),
            (None, "localhost:7070", true),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            assert_eq!(same_origin(&headers, Some(host)), expected, "{origin:?} on {host}");
        }
    }
}
