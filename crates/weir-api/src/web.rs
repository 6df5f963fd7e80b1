//! The embedded web app, and what is said about paths that do not exist.
//!
//! The build script makes the table of assets from `ui/dist`, compressed beforehand. Only paths in that table are ever
//! served: nothing is read from the disk, so no path can climb out of anything. Files whose names carry a hash of their
//! content are kept by browsers for ever; all others are asked about each time and answered 304.
//!
//! The web app has its own paths (`/cost`, `/traces/…`): a browser that asks for a page which is no file gets the start
//! page. A path that looks like a file, or a client that does not ask for a page, gets 404.

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use crate::error::{ApiError, shown};
use crate::wire::ErrorCode;

/// One file of the web app.
struct Asset {
    /// Below the root, without a leading slash.
    path: &'static str,
    content_type: &'static str,
    etag: &'static str,
    bytes: &'static [u8],
    /// The same, compressed, where that is smaller.
    gzip: Option<&'static [u8]>,
}

/// Sorted by path.
static ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The page of every path of the web app.
const START_PAGE: &str = "index.html";

/// Where the web app's build puts files whose names carry a hash.
const HASHED: &str = "assets/";

/// A year: what browsers take for ever.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// Kept, but asked about each time.
const ASK_FIRST: &str = "no-cache";

/// Answers everything that no route answers.
pub(crate) async fn serve(request: Request) -> Response {
    let path = request.uri().path();
    if is_api(path) {
        return not_found(path).hint("GET /api/openapi.json lists all routes").into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return method_not_allowed(request).await;
    }
    let path = path.trim_start_matches('/');
    let found = find(path).or_else(|| if is_page(path, request.headers()) { find(START_PAGE) } else { None });
    found.map_or_else(|| not_found(path).into_response(), |asset| answer(asset, request.headers()))
}

/// Answers a method that a route does not have.
pub(crate) async fn method_not_allowed(request: Request) -> Response {
    let message = format!("{} is not a method of {}", request.method(), shown(request.uri().path()));
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::MethodNotAllowed, message).into_response()
}

fn not_found(path: &str) -> ApiError {
    ApiError::not_found(format!("there is nothing at {}", shown(path)))
}

/// Paths of programs: an unknown one is a mistake to report, never a page.
fn is_api(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}

fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.binary_search_by(|asset| asset.path.cmp(path)).ok().map(|at| &ASSETS[at])
}

/// Whether a browser asks for a page of the web app: it says that it reads HTML, and the last part has no extension.
fn is_page(path: &str, headers: &HeaderMap) -> bool {
    let reads_html = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    let is_file = path.rsplit('/').next().is_some_and(|last| last.contains('.'));
    path.is_empty() || (reads_html && !is_file)
}

fn answer(asset: &'static Asset, headers: &HeaderMap) -> Response {
    let caching = if asset.path.starts_with(HASHED) { FOR_EVER } else { ASK_FIRST };
    let mut response = match asset.gzip {
        _ if is_unchanged(asset, headers) => StatusCode::NOT_MODIFIED.into_response(),
        Some(gzip) if accepts_gzip(headers) => ([(header::CONTENT_ENCODING, "gzip")], gzip).into_response(),
        _ => asset.bytes.into_response(),
    };
    for (name, value) in [
        (header::CONTENT_TYPE, asset.content_type),
        (header::CACHE_CONTROL, caching),
        (header::ETAG, asset.etag),
        (header::VARY, "accept-encoding"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn is_unchanged(asset: &Asset, headers: &HeaderMap) -> bool {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    known.is_some_and(|tags| tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == asset.etag))
}

/// Whether the client reads gzip: named without `q=0`.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| {
        accepted.split(',').any(|coding| {
            let (name, quality) = coding.split_once(';').unwrap_or((coding, ""));
            let refused = matches!(quality.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000");
            name.trim().eq_ignore_ascii_case("gzip") && !refused
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    static SCRIPT: Asset = Asset {
        path: "assets/main-abc.js",
        content_type: "text/javascript; charset=utf-8",
        etag: "\"1\"",
        bytes: b"long text",
        gzip: Some(b"short"),
    };

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_compressed_form_goes_to_those_who_read_it() {
        for (accepted, compressed) in
            [("gzip", true), ("br, gzip;q=0.5", true), ("gzip;q=0", false), ("br", false), ("", false)]
        {
            let response = answer(&SCRIPT, &headers(&[(header::ACCEPT_ENCODING, accepted)]));
            assert_eq!(response.headers().contains_key(header::CONTENT_ENCODING), compressed, "{accepted}");
            assert_eq!(response.headers()[header::VARY], "accept-encoding");
        }
    }

    #[test]
    fn an_unchanged_file_is_not_sent_again() {
        for (known, status) in [("\"1\"", 304), ("\"0\", W/\"1\"", 304), ("\"2\"", 200), ("", 200)] {
            let response = answer(&SCRIPT, &headers(&[(header::IF_NONE_MATCH, known)]));
            assert_eq!(response.status().as_u16(), status, "{known}");
            assert_eq!(response.headers()[header::ETAG], "\"1\"");
        }
    }

    #[test]
    fn only_files_with_a_hash_are_kept_for_ever() {
        let page = Asset { path: START_PAGE, ..SCRIPT };
        let page: &'static Asset = Box::leak(Box::new(page));
        assert_eq!(answer(&SCRIPT, &HeaderMap::new()).headers()[header::CACHE_CONTROL], FOR_EVER);
        assert_eq!(answer(page, &HeaderMap::new()).headers()[header::CACHE_CONTROL], ASK_FIRST);
    }

    #[test]
    fn the_table_is_sorted_and_has_a_start_page() {
        assert!(ASSETS.is_sorted_by_key(|asset| asset.path));
        assert!(find(START_PAGE).is_some());
    }
}
