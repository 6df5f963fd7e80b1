//! Compresses answers for clients that read gzip.
//!
//! Why not a ready-made layer: those compress while the answer is sent, on the threads that serve calls to models, which
//! must not stand still for the ten milliseconds that a megabyte takes. Answers are whole in memory here, so they are
//! compressed on a blocking thread. Streams and what is compressed already pass as they are.

use std::io::Write as _;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderValue, header};

use crate::web::accepts_gzip;

/// Bytes from which compression is worth its header and its time.
const COMPRESSED_FROM_BYTES: u64 = 1_024;

/// Fast: JSON shrinks to a tenth at any level.
const LEVEL: Compression = Compression::new(1);

/// Compresses the response when its client reads gzip.
pub(crate) async fn compress(request: Request, next: Next) -> Response {
    let reads_gzip = accepts_gzip(request.headers());
    let mut response = next.run(request).await;
    if !is_text(response.headers()) {
        return response;
    }
    response.headers_mut().entry(header::VARY).or_insert(HeaderValue::from_static("accept-encoding"));
    let is_worth_it = response.body().size_hint().exact().is_some_and(|bytes| bytes >= COMPRESSED_FROM_BYTES);
    if !reads_gzip || !is_worth_it {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // The body is in memory and bounded already: reading it neither waits nor fails.
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let body = match gzip(bytes.clone()).await {
        Some(compressed) => {
            parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            parts.headers.remove(header::CONTENT_LENGTH);
            compressed
        }
        None => bytes,
    };
    Response::from_parts(parts, Body::from(body))
}

/// Whether an answer is JSON or CSV and not compressed.
fn is_text(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_text = ["application/json", "text/csv"].iter().any(|text| kind.starts_with(text));
    is_text && !headers.contains_key(header::CONTENT_ENCODING)
}

async fn gzip(bytes: Bytes) -> Option<Bytes> {
    let compressing = tokio::task::spawn_blocking(move || {
        let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), LEVEL);
        encoder.write_all(&bytes).and_then(|()| encoder.finish())
    });
    compressing.await.ok()?.ok().map(Bytes::from)
}
