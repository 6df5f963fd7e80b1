//! Which headers cross the gateway, and how.
//!
//! Everything passes but what belongs to one connection (RFC 9110, section 7.6.1) and what Weir itself must say: the
//! provider's key in place of the client's, our `traceparent`, and `accept-encoding` on calls whose answers Weir reads.
//! `weir-*` headers are between the client and Weir and end here.

use http::HeaderMap;
use http::header::{self, HeaderName, HeaderValue};

pub(crate) const API_KEY: HeaderName = HeaderName::from_static("api-key");
pub(crate) const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
pub(crate) const WEIR_SPAN_ID: HeaderName = HeaderName::from_static("weir-span-id");
pub(crate) const WEIR_COST_USD: HeaderName = HeaderName::from_static("weir-cost-usd");
pub(crate) const WEIR_CACHE: HeaderName = HeaderName::from_static("weir-cache");
pub(crate) const WEIR_POLICY: HeaderName = HeaderName::from_static("weir-policy");
/// Says that a call is Weir's own, `evaluator` or `probe`, and proves it (`OwnMark`). Who cannot is a client like any other.
pub(crate) const WEIR_SOURCE: HeaderName = HeaderName::from_static("weir-source");
pub(crate) const WEIR_GUARD: HeaderName = HeaderName::from_static("weir-guard");
pub(crate) const WEIR_ERROR: HeaderName = HeaderName::from_static("weir-error");

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Headers that belong to one connection whatever `connection` says.
static HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    KEEP_ALIVE,
    PROXY_CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Headers of a request that Weir states anew.
static RESTATED: [HeaderName; 3] = [header::HOST, header::CONTENT_LENGTH, header::EXPECT];

/// Headers that may carry a key.
pub(crate) static CREDENTIALS: [HeaderName; 3] = [header::AUTHORIZATION, X_API_KEY, API_KEY];

/// Removes what belongs to one connection.
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if let Some(named) = named_by_connection(headers) {
        for name in named {
            headers.remove(name);
        }
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

/// The headers that `connection` names; `None` in the usual case that it names none.
fn named_by_connection(headers: &HeaderMap) -> Option<Vec<HeaderName>> {
    let is_usual = |value: &HeaderValue| {
        value.as_bytes().eq_ignore_ascii_case(b"keep-alive")
            || value.as_bytes().eq_ignore_ascii_case(b"close")
    };
    if headers.get_all(header::CONNECTION).iter().all(is_usual) {
        return None;
    }
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    Some(values.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok()).collect())
}

/// What of a client's headers goes upstream, before the provider's own are added.
pub(crate) fn for_upstream(client: &HeaderMap) -> HeaderMap {
    let named = named_by_connection(client).unwrap_or_default();
    let stays = |name: &HeaderName| {
        HOP_BY_HOP.contains(name)
            || RESTATED.contains(name)
            || named.contains(name)
            || name.as_str().starts_with("weir-")
    };
    let mut headers = HeaderMap::with_capacity(client.len() + 4);
    for (name, value) in client {
        if !stays(name) {
            headers.append(name.clone(), value.clone());
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn what_belongs_to_one_connection_stays_there() {
        let client = map(&[
            ("connection", "close, x-mine"),
            ("x-mine", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("host", "weir"),
            ("content-length", "3"),
            ("weir-team", "payments"),
            ("openai-organization", "org"),
            ("x-stainless-lang", "python"),
        ]);
        let mut names: Vec<String> = for_upstream(&client).keys().map(ToString::to_string).collect();
        names.sort_unstable();
        assert_eq!(names, ["openai-organization", "x-stainless-lang"]);
    }

    #[test]
    fn repeated_headers_stay_repeated() {
        let mut client = map(&[("anthropic-beta", "a")]);
        client.append("anthropic-beta", "b".parse().unwrap());
        assert_eq!(for_upstream(&client).get_all("anthropic-beta").iter().count(), 2);
    }

    #[test]
    fn answers_lose_only_what_belongs_to_their_connection() {
        let mut answer = map(&[
            ("connection", "keep-alive"),
            ("transfer-encoding", "chunked"),
            ("x-request-id", "req_1"),
            ("x-ratelimit-remaining-tokens", "9"),
        ]);
        remove_hop_by_hop(&mut answer);
        assert_eq!(answer.len(), 2);
    }
}
