//! What the gateway is told: providers, routes, authentication, timeouts, retries, limits.
//!
//! Plain structs with defaults and without serde: the binary reads `weir.toml`, knows its lines and resolves secrets;
//! this crate never sees a file or the environment. What can be wrong here in spite of the types is listed by
//! [`GatewayConfig::faults`], all at once, so that `weir check` can name every one of them.

use std::collections::HashSet;
use std::sync::Arc;

use http::Uri;
use weir_control::cache::CacheConfig;
use weir_control::trim::AgentBudgets;
use weir_types::{OwnMark, Secret, limits};

use crate::error::ConfigFault;

/// Everything the gateway is told.
#[derive(Debug, Clone, Default)]
pub struct GatewayConfig {
    /// Who answers calls, in order of preference among providers of one kind.
    pub providers: Vec<ProviderConfig>,
    /// Which models go where; the first match wins, and a model without a match goes to the provider of its family.
    pub routes: Vec<RouteConfig>,
    /// Who may call.
    pub auth: AuthMode,
    /// How long to wait for an upstream.
    pub timeouts: Timeouts,
    /// When to try again.
    pub retry: RetryConfig,
    /// When to leave an upstream alone.
    pub breaker: BreakerConfig,
    /// How much of anything.
    pub limits: GatewayLimits,
    /// Whether spans carry what was said.
    pub bodies: Bodies,
    /// What each agent's requests may have; none by default.
    pub agents: AgentBudgets,
    /// Answers that are given again; `None` for no cache.
    pub cache: Option<CacheConfig>,
    /// What Weir's own judges and probes show, so that their calls are known as such; `None` where there are none.
    pub own_mark: Option<OwnMark>,
}

/// One provider.
#[derive(Debug, Clone)]
pub struct ProviderConfig {
    /// Its name: in spans, in routes and as the first segment of pass-through paths.
    pub name: Arc<str>,
    /// How its paths and keys look.
    pub kind: ProviderKind,
    /// What paths are appended to: `https://api.openai.com/v1`, `http://127.0.0.1:8000/v1`. A final slash makes no
    /// difference, and `https://api.anthropic.com` and `https://api.anthropic.com/v1` mean the same.
    pub base_url: Uri,
    /// Replaces whatever key the client sends; `None` passes the client's own key on.
    pub api_key: Option<Secret>,
    /// Azure's `api-version`. `None` uses its version-less `/openai/v1` paths.
    pub api_version: Option<Arc<str>>,
    /// The provider's name in the price list; `None` for the kind's own name, or `name` for kind `openai`.
    pub price_name: Option<Arc<str>>,
    /// Whether to ask for `usage` on streams whose client did not, and to remove the chunk again. An upstream that
    /// answers 400 naming `stream_options` is not asked again.
    pub ask_for_usage: bool,
    /// How long to wait for this provider; `None` for [`GatewayConfig::timeouts`].
    pub timeouts: Option<Timeouts>,
}

impl ProviderConfig {
    /// A provider with this name, kind and place, and defaults for the rest.
    pub fn new(name: &str, kind: ProviderKind, base_url: Uri) -> Self {
        Self {
            name: Arc::from(name),
            kind,
            base_url,
            api_key: None,
            api_version: None,
            price_name: None,
            ask_for_usage: kind != ProviderKind::Anthropic,
            timeouts: None,
        }
    }
}

/// How a provider's paths and keys look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProviderKind {
    /// OpenAI and everything compatible: bearer token, paths below the base URL.
    OpenAi,
    /// Anthropic: `x-api-key`, `anthropic-version`.
    Anthropic,
    /// Azure OpenAI: `api-key`, the model as a deployment in the path.
    Azure,
    /// Databricks Model Serving: bearer token, paths below `/serving-endpoints`.
    Databricks,
}

impl ProviderKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[Self::OpenAi, Self::Anthropic, Self::Azure, Self::Databricks];

    /// The spelling in `weir.toml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Azure => "azure",
            Self::Databricks => "databricks",
        }
    }

    /// The kind with this spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }
}

/// Where calls for some models go.
#[derive(Debug, Clone)]
pub struct RouteConfig {
    /// Which models; `*` stands for any run of characters.
    pub model: Arc<str>,
    /// Where to, in order: a target is tried when those before it failed.
    pub targets: Vec<Target>,
}

/// One place a call can go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The name of a provider.
    pub provider: Arc<str>,
    /// The model to ask there; `None` for the model that the client asked for.
    pub model: Option<Arc<str>>,
}

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuthMode {
    /// Anyone who reaches the listener; a client's own provider key is passed on where no key is configured. A virtual
    /// key is honoured all the same.
    #[default]
    Passthrough,
    /// Only holders of a virtual key.
    Keys,
}

/// How long to wait for an upstream. All in milliseconds, all above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For name, connection and TLS together.
    pub connect_ms: u64,
    /// From the end of the request to the head of the response. Answers that are not streamed take minutes, so this is
    /// as long as the clients' own default.
    pub first_byte_ms: u64,
    /// Between two pieces of a response body. Models that reason in silence take minutes.
    pub idle_stream_ms: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect_ms: 5_000, first_byte_ms: 600_000, idle_stream_ms: 300_000 }
    }
}

/// When a call is tried again. Only before the first byte of a response has gone to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryConfig {
    /// Attempts after the first, per target.
    pub retries_max: u32,
    /// Which statuses deserve another attempt.
    pub statuses: Vec<u16>,
    /// The longest wait before the first retry; each further one may be twice as long. The wait is drawn evenly
    /// between zero and that ("full jitter").
    pub backoff_base_ms: u64,
    /// What no wait is longer than.
    pub backoff_max_ms: u64,
    /// A `retry-after` beyond this ends the attempts at that target: the client can wait better than a proxy.
    pub retry_after_max_ms: u64,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            retries_max: 2,
            statuses: vec![408, 429, 500, 502, 503, 504, 529],
            backoff_base_ms: 250,
            backoff_max_ms: 4_000,
            retry_after_max_ms: 5_000,
        }
    }
}

/// When an upstream is left alone. A failure is a call that was given up there because of its connection, a timeout, or
/// 502, 503, 504 or 529.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerConfig {
    /// Calls that must fail in a row before the upstream is left alone; zero never leaves it alone.
    pub failures_max: u32,
    /// For how long the first time; each failed probe doubles it.
    pub open_ms: u64,
    /// What the doubling ends at.
    pub open_max_ms: u64,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self { failures_max: 5, open_ms: 5_000, open_max_ms: 60_000 }
    }
}

/// How much of anything the gateway takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GatewayLimits {
    /// Output tokens that a budget reserves for a call where neither the client nor the price list bounds them.
    pub output_tokens_default: u64,
    /// Bytes of a request body; more is refused with 413. Pass-through requests of no known dialect (file uploads)
    /// are streamed and have no limit.
    pub request_bytes_max: usize,
    /// Milliseconds that a request body may take to arrive, whatever its pace.
    pub request_ms_max: u64,
    /// Bytes of a response that is not a stream which are held back to read `usage` from. A longer one is streamed, and
    /// its tokens are estimated.
    pub response_bytes_max: usize,
    /// Idle connections kept for each upstream by each worker.
    pub idle_connections_max: usize,
    /// Milliseconds that an idle connection is kept; under the 60 to 75 seconds after which servers close theirs.
    pub idle_connection_ms: u64,
}

impl Default for GatewayLimits {
    fn default() -> Self {
        Self {
            output_tokens_default: 4_096,
            request_bytes_max: limits::REQUEST_BODY_BYTES_MAX,
            request_ms_max: 120_000,
            response_bytes_max: 64 * 1024 * 1024,
            idle_connections_max: 256,
            idle_connection_ms: 50_000,
        }
    }
}

/// Whether spans carry what was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bodies {
    /// Input, output and tools are recorded.
    #[default]
    Full,
    /// None of them is; counts, costs and times are.
    Off,
}

/// First path segments that mean something else, so that no provider can have them as its name.
const RESERVED_NAMES: &[&str] = &["api", "v1", "metrics", "healthz", "assets", "serving-endpoints"];

impl GatewayConfig {
    /// Everything that is wrong, in the order of the configuration; empty when the gateway can start.
    pub fn faults(&self) -> Vec<ConfigFault> {
        let mut faults = Vec::new();
        let mut names = HashSet::new();
        for provider in &self.providers {
            if !names.insert(&*provider.name) {
                faults.push(ConfigFault::DuplicateProvider { name: provider.name.clone() });
            }
            faults.extend(provider.fault());
        }
        for route in &self.routes {
            if route.targets.is_empty() {
                faults.push(ConfigFault::RouteWithoutTarget { model: route.model.clone() });
            }
            let unknown = route.targets.iter().filter(|target| !names.contains(&*target.provider));
            faults.extend(unknown.map(|target| ConfigFault::UnknownTarget {
                model: route.model.clone(),
                provider: target.provider.clone(),
                configured: self.provider_names(),
            }));
        }
        faults
    }

    /// The names of all providers, for messages: `openai, anthropic`, or `none`.
    pub(crate) fn provider_names(&self) -> String {
        let names: Vec<&str> = self.providers.iter().map(|provider| &*provider.name).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }
}

impl ProviderConfig {
    fn fault(&self) -> Option<ConfigFault> {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if self.name.is_empty() || !self.name.bytes().all(letter) {
            return Some(ConfigFault::BadName { name: self.name.clone() });
        }
        if RESERVED_NAMES.contains(&&*self.name) {
            return Some(ConfigFault::ReservedName { name: self.name.clone() });
        }
        let scheme_is_known = matches!(self.base_url.scheme_str(), Some("http" | "https"));
        if !scheme_is_known || self.base_url.host().is_none_or(str::is_empty) {
            return Some(ConfigFault::BadBaseUrl {
                name: self.name.clone(),
                base_url: self.base_url.to_string(),
            });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(name: &str, base_url: &'static str) -> ProviderConfig {
        ProviderConfig::new(name, ProviderKind::OpenAi, Uri::from_static(base_url))
    }

    #[test]
    fn every_fault_is_reported_at_once() {
        let config = GatewayConfig {
            providers: vec![
                provider("a", "http://127.0.0.1:1"),
                provider("a", "http://127.0.0.1:1"),
                provider("api", "http://127.0.0.1:1"),
                provider("b c", "http://127.0.0.1:1"),
                provider("d", "/v1"),
                provider("e", "ftp://host/v1"),
            ],
            routes: vec![
                RouteConfig { model: "gpt-*".into(), targets: vec![] },
                RouteConfig {
                    model: "x".into(),
                    targets: vec![Target { provider: "nobody".into(), model: None }],
                },
            ],
            ..GatewayConfig::default()
        };
        let faults: Vec<String> = config.faults().iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(faults.join("\n"), @r#"
        two providers are named "a"; names must differ
        no provider can be named "api": paths that begin with it mean something else; choose another name
        provider name "b c" must be letters, digits, `-`, `_` and `.`: it is part of paths
        provider "d": base_url "/v1" must begin with http:// or https:// and name a host
        provider "e": base_url "ftp://host/v1" must begin with http:// or https:// and name a host
        route "gpt-*" has no targets; name at least one provider in `targets`
        route "x": there is no provider "nobody"; configured are: a, a, api, b c, d, e
        "#);
    }
}
