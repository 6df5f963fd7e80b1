//! The headers that the providers send, and SDKs and gateways look at.

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};

use super::identity::Identity;
use super::problem::Family;

/// The provider's headers of an answer that took `processing_ms` by its own account.
pub(crate) fn of_provider(
    family: Family,
    identity: &mut Identity,
    processing_ms: u64,
) -> (HeaderMap, String) {
    let mut headers = HeaderMap::with_capacity(16);
    let request_id = match family {
        Family::OpenAi => identity.hex("req_", 32),
        Family::Anthropic => identity.base58("req_011C", 20),
    };
    match family {
        Family::OpenAi => openai(&mut headers, &request_id, identity, processing_ms),
        Family::Anthropic => anthropic(&mut headers, &request_id, identity),
    }
    (headers, request_id)
}

fn openai(headers: &mut HeaderMap, request_id: &str, identity: &mut Identity, processing_ms: u64) {
    for (name, value) in [
        ("openai-organization", "weir-simulation"),
        ("openai-version", "2020-10-01"),
        ("x-ratelimit-limit-requests", "10000"),
        ("x-ratelimit-limit-tokens", "30000000"),
        ("x-ratelimit-reset-requests", "6ms"),
        ("x-ratelimit-reset-tokens", "0s"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert("openai-processing-ms", HeaderValue::from(processing_ms));
    headers.insert("x-ratelimit-remaining-requests", HeaderValue::from(identity.rng.u32(9_000..10_000)));
    headers
        .insert("x-ratelimit-remaining-tokens", HeaderValue::from(identity.rng.u32(29_000_000..30_000_000)));
    set_text(headers, "x-request-id", request_id);
}

fn anthropic(headers: &mut HeaderMap, request_id: &str, identity: &mut Identity) {
    for (name, value) in [
        ("anthropic-organization-id", "4d1f7f3e-7a0a-4f8e-9f52-0c6a5b3d9e21"),
        ("anthropic-ratelimit-requests-limit", "4000"),
        ("anthropic-ratelimit-requests-reset", "2026-11-14T09:30:00Z"),
        ("anthropic-ratelimit-input-tokens-limit", "2000000"),
        ("anthropic-ratelimit-input-tokens-reset", "2026-11-14T09:30:00Z"),
        ("anthropic-ratelimit-output-tokens-limit", "400000"),
        ("anthropic-ratelimit-output-tokens-reset", "2026-11-14T09:30:00Z"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    for (name, range) in [
        ("anthropic-ratelimit-requests-remaining", 3_000..4_000),
        ("anthropic-ratelimit-input-tokens-remaining", 1_900_000..2_000_000),
        ("anthropic-ratelimit-output-tokens-remaining", 390_000..400_000),
    ] {
        headers.insert(name, HeaderValue::from(identity.rng.u32(range)));
    }
    set_text(headers, "request-id", request_id);
}

/// What the body is.
pub(crate) fn set_content_type(headers: &mut HeaderMap, is_stream: bool, forced: Option<&str>) {
    let natural = if is_stream { "text/event-stream; charset=utf-8" } else { "application/json" };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(natural));
    if is_stream {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
    if let Some(forced) = forced {
        set_text(headers, CONTENT_TYPE.as_str(), forced);
    }
}

fn set_text(headers: &mut HeaderMap, name: &'static str, value: &str) {
    // Ids are letters and digits; a content type that a test made up and no header can carry is left out.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
