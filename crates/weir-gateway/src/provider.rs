//! One provider at work: where its paths are, how its key is shown, and how it is doing.
//!
//! Invariant: the provider's key exists here and in the one header that carries it, and nowhere else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use http::header::{self, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, Uri};
use weir_dialect::{Dialect, Family};

use crate::breaker::Breaker;
use crate::config::{BreakerConfig, ProviderConfig, ProviderKind, Timeouts};
use crate::endpoint::{Endpoint, Place, percent_encoded};
use crate::error::ConfigFault;
use crate::headers::{API_KEY, CREDENTIALS, X_API_KEY};

/// What Anthropic's API requires of every request, for clients that do not say.
const ANTHROPIC_VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");

pub(crate) struct Provider {
    pub(crate) name: Arc<str>,
    /// Its name in the price list.
    pub(crate) price_name: Arc<str>,
    pub(crate) kind: ProviderKind,
    pub(crate) timeouts: Timeouts,
    pub(crate) breaker: Breaker,
    /// `scheme://host:port`, what connections are made to.
    pub(crate) origin: Uri,
    host: HeaderValue,
    /// The path of the base URL without a final slash.
    base_path: String,
    /// The key, ready to be sent; sensitive, so that no debug output shows it.
    keys: Vec<(HeaderName, HeaderValue)>,
    api_version: Option<Arc<str>>,
    /// Whether streams are asked for usage; turned off for good when the upstream refuses.
    asks_for_usage: AtomicBool,
    pub(crate) attempts: AtomicU64,
    pub(crate) failures: AtomicU64,
}

impl Provider {
    /// The provider of a configuration without faults; its key may still hold what no header can.
    pub(crate) fn new(
        config: &ProviderConfig,
        timeouts: Timeouts,
        breaker: BreakerConfig,
    ) -> Result<Self, ConfigFault> {
        let bad_url =
            || ConfigFault::BadBaseUrl { name: config.name.clone(), base_url: config.base_url.to_string() };
        let parts = config.base_url.clone().into_parts();
        let (scheme, authority) = (parts.scheme.ok_or_else(bad_url)?, parts.authority.ok_or_else(bad_url)?);
        let host = host_header(&scheme, &authority).ok_or_else(bad_url)?;
        let origin = Uri::builder().scheme(scheme).authority(authority).path_and_query("/").build();
        let keys = config.api_key.as_ref().map(|key| key_headers(config.kind, key.expose()));
        let keys = keys.unwrap_or_else(|| Some(Vec::new()));
        let base_path = config.base_url.path().trim_end_matches('/').to_owned();
        let price_name = config.price_name.clone().unwrap_or_else(|| match config.kind {
            ProviderKind::OpenAi => config.name.clone(),
            kind => Arc::from(kind.as_str()),
        });
        Ok(Self {
            name: config.name.clone(),
            price_name,
            kind: config.kind,
            timeouts: config.timeouts.unwrap_or(timeouts),
            breaker: Breaker::new(breaker),
            host,
            origin: origin.map_err(|_| bad_url())?,
            base_path,
            keys: keys.ok_or_else(|| ConfigFault::BadKey { name: config.name.clone() })?,
            api_version: config.api_version.clone(),
            asks_for_usage: AtomicBool::new(config.ask_for_usage),
            attempts: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        })
    }

    /// `host:port`, or `host` where the port is the scheme's own.
    pub(crate) fn authority(&self) -> &str {
        self.host.to_str().unwrap_or_default()
    }

    /// Whose shapes its errors have.
    pub(crate) fn family(&self) -> Family {
        if self.kind == ProviderKind::Anthropic { Family::Anthropic } else { Family::OpenAi }
    }

    /// Whether to ask for usage on a stream whose client did not.
    pub(crate) fn asks_for_usage(&self, dialect: Dialect) -> bool {
        dialect.has_stream_options() && self.asks_for_usage.load(Ordering::Relaxed)
    }

    /// Whether Weir holds its key, which goes in place of whatever the client shows.
    pub(crate) fn has_key(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Takes note that the upstream does not know `stream_options`.
    pub(crate) fn stop_asking_for_usage(&self) {
        self.asks_for_usage.store(false, Ordering::Relaxed);
    }

    /// Takes note of how an attempt ended.
    pub(crate) fn note(&self, outcome: Result<u16, &'static str>) {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        if outcome.is_err() || outcome.is_ok_and(|status| status >= 500) {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Puts the provider's own headers in place of the client's. `shows_virtual_key` says that the client's key is one
    /// of Weir's, which must never leave.
    pub(crate) fn add_headers(&self, headers: &mut HeaderMap, shows_virtual_key: bool) {
        if shows_virtual_key || !self.keys.is_empty() {
            for name in &CREDENTIALS {
                headers.remove(name);
            }
        }
        for (name, value) in &self.keys {
            headers.insert(name.clone(), value.clone());
        }
        headers.insert(header::HOST, self.host.clone());
        let (name, value) = ANTHROPIC_VERSION;
        if self.kind == ProviderKind::Anthropic && !headers.contains_key(name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }

    /// Path and query of a call at this provider; `None` when they cannot be part of a URL.
    pub(crate) fn path_and_query(
        &self,
        endpoint: &Endpoint,
        model: &str,
        client_query: Option<&str>,
    ) -> Option<PathAndQuery> {
        let mut text = match endpoint.place {
            Place::Provider(_) => joined_path(&self.base_path, &endpoint.rest),
            _ => self.own_path(&endpoint.rest, model),
        };
        let own_query = self.api_version.as_deref().filter(|_| self.kind == ProviderKind::Azure);
        let client_query =
            client_query.and_then(|query| self.kept_query(query, own_query.is_some(), endpoint));
        let mut separator = '?';
        if let Some(query) = client_query.filter(|query| !query.is_empty()) {
            text.push(separator);
            text.push_str(&query);
            separator = '&';
        }
        if let Some(version) = own_query {
            text.push(separator);
            text.push_str("api-version=");
            text.push_str(version);
        }
        PathAndQuery::try_from(text).ok()
    }

    /// The path of a canonical endpoint as this provider spells it.
    fn own_path(&self, rest: &str, model: &str) -> String {
        let base = self.base_path.as_str();
        let trimmed =
            |ends: &[&str]| ends.iter().fold(base, |path, end| path.strip_suffix(end).unwrap_or(path));
        match self.kind {
            ProviderKind::OpenAi => format!("{base}{}", without_invocations(rest)),
            ProviderKind::Anthropic => format!("{}/v1{}", trimmed(&["/v1"]), without_invocations(rest)),
            ProviderKind::Databricks => {
                let base = trimmed(&["/serving-endpoints"]);
                if is_invocation(rest) {
                    return format!("{base}/serving-endpoints/{}/invocations", percent_encoded(model));
                }
                format!("{base}/serving-endpoints{rest}")
            }
            ProviderKind::Azure => {
                let base = trimmed(&["/v1", "/openai"]);
                let rest_as_chat = without_invocations(rest);
                match self.api_version {
                    Some(_) if self.has_model_in_path(rest) => {
                        format!("{base}/openai/deployments/{}{rest_as_chat}", percent_encoded(model))
                    }
                    Some(_) => format!("{base}/openai{rest_as_chat}"),
                    None => format!("{base}/openai/v1{rest_as_chat}"),
                }
            }
        }
    }

    /// Whether this provider takes the model of a canonical endpoint from the path, so that the body need not name it.
    fn has_model_in_path(&self, rest: &str) -> bool {
        const DEPLOYED: [&str; 3] = ["/chat/completions", "/completions", "/embeddings"];
        match self.kind {
            ProviderKind::Azure => {
                self.api_version.is_some() && (is_invocation(rest) || DEPLOYED.contains(&rest))
            }
            ProviderKind::Databricks => is_invocation(rest),
            ProviderKind::OpenAi | ProviderKind::Anthropic => false,
        }
    }

    /// Whether the body must name the model for this provider to know it.
    pub(crate) fn needs_model_in_body(&self, endpoint: &Endpoint) -> bool {
        !matches!(endpoint.place, Place::Provider(_)) && !self.has_model_in_path(&endpoint.rest)
    }

    /// The client's query without an `api-version` that is Azure's business or that Weir states itself.
    fn kept_query(&self, query: &str, states_own: bool, endpoint: &Endpoint) -> Option<String> {
        let passes_through = matches!(endpoint.place, Place::Provider(_));
        let keeps_version = !states_own && (self.kind == ProviderKind::Azure || passes_through);
        let kept = query.split('&').filter(|pair| keeps_version || !pair.starts_with("api-version="));
        Some(kept.collect::<Vec<_>>().join("&")).filter(|kept| !kept.is_empty())
    }
}

/// Databricks' `/<model>/invocations`.
fn is_invocation(rest: &str) -> bool {
    rest.ends_with("/invocations")
}

/// An invocation is chat everywhere else.
fn without_invocations(rest: &str) -> &str {
    if is_invocation(rest) { "/chat/completions" } else { rest }
}

/// `host`, and the port where it is not the scheme's own.
fn host_header(scheme: &Scheme, authority: &Authority) -> Option<HeaderValue> {
    let own_port = if *scheme == Scheme::HTTPS { 443 } else { 80 };
    let host = authority.host();
    match authority.port_u16() {
        Some(port) if port != own_port => HeaderValue::try_from(format!("{host}:{port}")).ok(),
        _ => HeaderValue::from_str(host).ok(),
    }
}

fn key_headers(kind: ProviderKind, key: &str) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let sensitive = |text: String| {
        let mut value = HeaderValue::try_from(text).ok()?;
        value.set_sensitive(true);
        Some(value)
    };
    let bearer = || Some((header::AUTHORIZATION, sensitive(format!("Bearer {key}"))?));
    let plain = |name: HeaderName| Some((name, sensitive(key.to_owned())?));
    Some(match kind {
        ProviderKind::OpenAi | ProviderKind::Databricks => vec![bearer()?],
        ProviderKind::Azure => vec![plain(API_KEY)?],
        ProviderKind::Anthropic => vec![plain(X_API_KEY)?],
    })
}

/// A base path and what follows it. Clients differ in whether they repeat the end of the base (`/v1`), so the longest
/// run of segments in which one ends and the other begins counts once.
fn joined_path(base: &str, rest: &str) -> String {
    let starts = base.char_indices().filter(|(_, c)| *c == '/').map(|(at, _)| at);
    for at in starts {
        let overlap = &base[at..];
        if rest.strip_prefix(overlap).is_some_and(|after| after.is_empty() || after.starts_with('/')) {
            return format!("{}{rest}", &base[..at]);
        }
    }
    format!("{base}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_types::Secret;

    fn provider(kind: ProviderKind, base_url: &str, api_version: Option<&str>) -> Provider {
        let mut config = ProviderConfig::new("p", kind, base_url.parse().unwrap());
        config.api_version = api_version.map(Arc::from);
        config.api_key = Some(Secret::new("sk-1"));
        Provider::new(&config, Timeouts::default(), BreakerConfig::default()).unwrap()
    }

    fn path(provider: &Provider, client_path: &str, query: Option<&str>) -> String {
        let endpoint = Endpoint::of_path(client_path, |name| (name == "p").then_some(0)).unwrap();
        let model = endpoint.path_model.clone().unwrap_or("gpt-4o".to_owned());
        provider.path_and_query(&endpoint, &model, query).unwrap().to_string()
    }

    #[test]
    fn each_kind_spells_paths_its_own_way() {
        use ProviderKind::{Anthropic, Azure, Databricks, OpenAi};
        let (chat, messages) = ("/v1/chat/completions", "/v1/messages");
        let cases = [
            (provider(OpenAi, "http://h/v1/", None), chat, "/v1/chat/completions"),
            (provider(OpenAi, "http://h", None), chat, "/chat/completions"),
            (
                provider(OpenAi, "http://h/v1", None),
                "/serving-endpoints/m/invocations",
                "/v1/chat/completions",
            ),
            (provider(Anthropic, "http://h", None), messages, "/v1/messages"),
            (provider(Anthropic, "http://h/v1", None), messages, "/v1/messages"),
            (provider(Databricks, "http://h", None), chat, "/serving-endpoints/chat/completions"),
            (
                provider(Databricks, "http://h/serving-endpoints", None),
                chat,
                "/serving-endpoints/chat/completions",
            ),
            (
                provider(Databricks, "http://h", None),
                "/serving-endpoints/m/invocations",
                "/serving-endpoints/m/invocations",
            ),
            (provider(Azure, "http://h", None), chat, "/openai/v1/chat/completions"),
            (provider(Azure, "http://h/openai/v1", None), chat, "/openai/v1/chat/completions"),
            (
                provider(Azure, "http://h/openai", Some("2024-10-21")),
                chat,
                "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
            ),
            (provider(Azure, "http://h", Some("v")), "/v1/responses", "/openai/responses?api-version=v"),
            (
                provider(Azure, "http://h", Some("v")),
                "/openai/deployments/a%20b/embeddings",
                "/openai/deployments/a%20b/embeddings?api-version=v",
            ),
        ];
        for (provider, client_path, expected) in cases {
            assert_eq!(path(&provider, client_path, None), expected);
        }
    }

    #[test]
    fn an_api_version_is_kept_for_azure_only() {
        let query = Some("api-version=c&x=1");
        let azure = provider(ProviderKind::Azure, "http://h", None);
        assert_eq!(path(&azure, "/v1/embeddings", query), "/openai/v1/embeddings?api-version=c&x=1");
        let versioned = provider(ProviderKind::Azure, "http://h", Some("w"));
        assert_eq!(path(&versioned, "/v1/responses", query), "/openai/responses?x=1&api-version=w");
        let openai = provider(ProviderKind::OpenAi, "http://h/v1", None);
        assert_eq!(path(&openai, "/v1/embeddings", query), "/v1/embeddings?x=1");
    }

    #[test]
    fn passed_through_paths_do_not_repeat_the_end_of_the_base() {
        let groq = provider(ProviderKind::OpenAi, "http://h/openai/v1", None);
        for client_path in ["/p/files", "/p/v1/files", "/p/openai/v1/files"] {
            assert_eq!(path(&groq, client_path, None), "/openai/v1/files");
        }
        assert_eq!(path(&groq, "/p/v1beta/files", None), "/openai/v1/v1beta/files");
    }

    #[test]
    fn the_key_is_not_in_debug_output() {
        let provider = provider(ProviderKind::Anthropic, "http://h", None);
        assert!(!format!("{:?}", provider.keys).contains("sk-1"));
    }
}
