//! From the checked file to what the crates want: addresses parsed, secrets fetched, names resolved.
//!
//! What types cannot say is checked here, and all mistakes are collected: a route to a provider that does not exist, an
//! address that is none, a secret that is not there, a listener open to the network without authentication.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use toml::de::{DeTable, DeValue};
use weir_evaluate::drift::DriftConfig;
use weir_gateway::{
    AuthMode, Bodies, BreakerConfig, ConfigFault, GatewayConfig, KnownProvider, ProviderConfig, ProviderKind,
    RetryConfig, RouteConfig, Target, Timeouts,
};
use weir_meter::{PriceBook, PriceOverride};
use weir_store::{Durability, Retention, StoreConfig};
use weir_types::Secret;

use super::embeddings::EmbeddingsPlace;
use super::evaluation::EvaluationConfig;
use super::file;
use super::listeners::Listeners;
use super::probes::KeyedProbe;
use super::problem::Problem;
use super::redis::RedisPlace;
use super::secrets;

/// The providers of an empty configuration: clients bring their own keys.
const DEFAULT_PROVIDERS: [&str; 2] = ["openai", "anthropic"];

/// A configuration without surprises.
pub struct Config {
    /// The address of gateway, dashboard and API.
    pub listen: SocketAddr,
    /// How many threads serve connections; `None` for all processors.
    pub worker_threads: Option<usize>,
    /// Who may use dashboard and API.
    pub api: ApiAccess,
    /// What the gateway does.
    pub gateway: GatewayConfig,
    /// What prompts must not carry, and what is kept of them.
    pub guard: weir_guard::Guard,
    /// The folder of the model by which the guard's classifier goes.
    pub classifier: Option<PathBuf>,
    /// What turns texts into vectors.
    pub embeddings: Option<EmbeddingsPlace>,
    /// What is compared to find drift, and how often; `None` when nothing is.
    pub drift: Option<(DriftConfig, Duration)>,
    /// Who judges finished calls.
    pub evaluation: EvaluationConfig,
    /// Questions that are asked on a schedule.
    pub probes: Vec<KeyedProbe>,
    /// What gateways of a fleet share.
    pub redis: Option<RedisPlace>,
    /// How data is kept, and where.
    pub store: StoreConfig,
    /// The bundled prices with the file's own.
    pub prices: PriceBook,
    /// Weir's own log.
    pub log: file::Log,
    /// Where telemetry is received.
    pub listeners: Listeners,
    /// Budgets and rate limits.
    pub budgets: crate::budgeting::Configured,
    /// What is watched for, beyond the bundled monitors, and objectives.
    pub monitors: weir_monitor::Definitions,
    /// Who is told of alerts.
    pub notifications: weir_notify::Settings,
    /// What links in notifications begin with; `None` for the address that Weir listens on.
    pub public_url: Option<Arc<str>>,
}

/// Who may use dashboard and API.
#[derive(Clone, Default)]
pub struct ApiAccess {
    /// The token that is asked for; nobody is asked when there is none.
    pub admin_token: Option<Secret>,
    /// Names under which browsers may reach the dashboard.
    pub allowed_hosts: Vec<String>,
}

impl Config {
    /// A few lines that tell what the configuration amounts to. Secrets are named, not shown.
    pub fn summary(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(text, "  listen     {}", self.listen);
        let _ = writeln!(text, "  data       {}", self.store.data_dir.display());
        for provider in &self.gateway.providers {
            let key = if provider.api_key.is_some() { "own key" } else { "the client's key is passed on" };
            let (kind, url) = (provider.kind.as_str(), &provider.base_url);
            let _ = writeln!(text, "  provider   {} ({kind}) {url}, {key}", provider.name);
        }
        for route in &self.gateway.routes {
            let target = |t: &Target| {
                t.model
                    .as_ref()
                    .map_or_else(|| t.provider.to_string(), |model| format!("{} as {model}", t.provider))
            };
            let targets: Vec<String> = route.targets.iter().map(target).collect();
            let _ = writeln!(text, "  route      {} -> {}", route.model, targets.join(", then "));
        }
        for door in self.listeners.doors() {
            let _ = writeln!(text, "  receiver   {} {}", door.name, door.place);
        }
        for (name, kind) in self.notifications.receivers() {
            let _ = writeln!(text, "  notifies   {name} ({kind})");
        }
        text
    }
}

/// Resolves the file; `text` is where it was read from, for the places of mistakes.
pub fn resolve(
    file: file::File,
    text: &str,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, Vec<Problem>> {
    let mut resolver = Resolver { text, environment, problems: Vec::new() };
    let config = resolver.config(file);
    match config {
        Some(config) if resolver.problems.is_empty() => Ok(config),
        _ => Err(resolver.problems),
    }
}

pub(super) struct Resolver<'a> {
    text: &'a str,
    pub(super) environment: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<Problem>,
}

impl Resolver<'_> {
    fn config(&mut self, file: file::File) -> Option<Config> {
        let listen = self.address("server.listen", &file.server.listen);
        let admin_token = file.server.admin_token.as_ref().and_then(|s| self.secret("server.admin_token", s));
        let listeners = self.listeners(&file.listeners, admin_token.is_some());
        let gateway = self.gateway(&file);
        let needs_embeddings = file.cache.needs_embeddings();
        let embeddings = self.embeddings(&file.embeddings, &gateway.providers, needs_embeddings);
        let evaluation = self.evaluation(&file.evaluation, &file.evaluators);
        let redis = self.redis(&file.redis, file.cache.needs_redis());
        let overrides = file.prices.iter().map(price_override).collect();
        let prices = PriceBook::bundled().with_overrides(overrides);
        let prices = prices.map_err(|error| self.report::<()>("prices", error.to_string(), None)).ok();
        let budgets = self.budgets(&file.budgets, &file.rate_limits);
        let monitors = self.monitors(&file.monitors, &file.slos);
        let guard = self.guard(&file);
        let notifications = self.notifications(&file);
        let public_url = file.server.public_url.as_deref().and_then(|url| self.public_url(url));
        if let Some(listen) = listen {
            self.refuse_open_door(listen, admin_token.is_some(), gateway.auth);
        }
        Some(Config {
            budgets,
            listen: listen?,
            worker_threads: file.server.worker_threads.map(usize::from),
            api: ApiAccess { admin_token, allowed_hosts: file.server.allowed_hosts },
            gateway,
            guard: guard?,
            classifier: file.guard.classifier.folder().map(Path::to_owned),
            embeddings,
            drift: file.drift.resolved(),
            evaluation: evaluation?,
            probes: self.probes(&file.probes),
            redis,
            store: store_config(file.server.data_dir, &file.store),
            prices: prices?,
            log: file.log,
            listeners,
            notifications: notifications?,
            public_url,
            monitors,
        })
    }

    fn gateway(&mut self, file: &file::File) -> GatewayConfig {
        let known = weir_gateway::known_providers().unwrap_or_default();
        let providers = if file.providers.is_empty() {
            known
                .iter()
                .filter(|k| DEFAULT_PROVIDERS.contains(&&*k.name))
                .filter_map(default_provider)
                .collect()
        } else {
            file.providers.iter().filter_map(|(name, p)| self.provider(name, p, &known)).collect()
        };
        let routes = file.routes.iter().map(route).collect();
        let gateway = GatewayConfig {
            providers,
            routes,
            auth: match file.gateway.auth {
                file::Auth::Passthrough => AuthMode::Passthrough,
                file::Auth::Keys => AuthMode::Keys,
            },
            timeouts: timeouts(&file.gateway.timeouts),
            retry: RetryConfig {
                retries_max: file.gateway.retry.retries_max,
                backoff_base_ms: file.gateway.retry.backoff_ms,
                retry_after_max_ms: file.gateway.retry.retry_after_max_ms,
                ..RetryConfig::default()
            },
            breaker: BreakerConfig {
                failures_max: file.gateway.breaker.failures,
                open_ms: file.gateway.breaker.open_ms,
                ..BreakerConfig::default()
            },
            bodies: match file.gateway.bodies {
                file::Bodies::Full => Bodies::Full,
                file::Bodies::Off => Bodies::Off,
            },
            agents: self.agents(&file.agents),
            cache: file.cache.resolved(),
            ..GatewayConfig::default()
        };
        // A provider that could not be read is a mistake already; routes to it are not another one.
        if gateway.providers.len() == file.providers.len() || file.providers.is_empty() {
            for fault in gateway.faults() {
                self.report::<()>(&fault_key(file, &fault), fault.to_string(), None);
            }
        }
        gateway
    }

    fn provider(
        &mut self,
        name: &str,
        written: &file::Provider,
        known: &[KnownProvider],
    ) -> Option<ProviderConfig> {
        let key = format!("providers.{name}");
        let known = known.iter().find(|known| &*known.name == name);
        let kind = match (written.kind, known) {
            (Some(kind), _) => provider_kind(kind),
            (None, Some(known)) => known.kind,
            (None, None) => {
                let hint = "kind = \"openai\" fits every server that speaks OpenAI's dialect";
                return self.report(
                    &key,
                    format!("the key `kind` is missing: {name} is not known by name"),
                    Some(hint),
                );
            }
        };
        // A name is known together with its kind: an "openai" of kind "azure" is not at OpenAI's address.
        let known = known.filter(|known| known.kind == kind);
        let base_url = match (&written.base_url, known.and_then(|known| known.base_url.clone())) {
            (Some(url), _) => match url.parse() {
                Ok(url) => url,
                Err(error) => {
                    let message = format!("{url:?} is not a URL: {error}");
                    return self.report(
                        &format!("{key}.base_url"),
                        message,
                        Some("for example \"http://127.0.0.1:8000/v1\""),
                    );
                }
            },
            (None, Some(url)) => url,
            (None, None) => {
                return self.report(
                    &key,
                    "the key `base_url` is missing".to_owned(),
                    Some("where is this provider?"),
                );
            }
        };
        let api_key = written.api_key.as_ref();
        let api_key = api_key.map(|secret| self.secret(&format!("{key}.api_key"), secret));
        let mut provider = ProviderConfig::new(name, kind, base_url);
        provider.api_key = api_key.flatten();
        provider.api_version = written.api_version.as_deref().map(Arc::from);
        provider.price_name = written
            .price_name
            .as_deref()
            .map(Arc::from)
            .or_else(|| known.and_then(|known| known.price_name.clone()));
        provider.ask_for_usage = written.ask_for_usage.unwrap_or(provider.ask_for_usage);
        Some(provider)
    }

    pub(super) fn secret(&mut self, key: &str, reference: &file::SecretRef) -> Option<Secret> {
        match secrets::fetch(reference, self.environment) {
            Ok(secret) => Some(secret),
            Err((message, hint)) => self.report(key, message, Some(&hint)),
        }
    }

    pub(super) fn address(&mut self, key: &str, text: &str) -> Option<SocketAddr> {
        let localhost = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
        if let Ok(address) = localhost.as_deref().unwrap_or(text).parse() {
            Some(address)
        } else {
            let hint = "an address is IP:PORT, such as \"127.0.0.1:7070\" or \"[::1]:7070\"";
            self.report(key, format!("{text:?} is not an address"), Some(hint))
        }
    }

    /// Whoever reaches an open gateway spends its owner's money and reads everybody's prompts.
    fn refuse_open_door(&mut self, listen: SocketAddr, has_token: bool, auth: AuthMode) {
        if listen.ip().is_loopback() {
            return;
        }
        let mut missing = Vec::new();
        if !has_token {
            missing.push("`server.admin_token` for dashboard and API");
        }
        if auth != AuthMode::Keys {
            missing.push("`gateway.auth = \"keys\"` for calls");
        }
        if !missing.is_empty() {
            let message = format!(
                "{listen} can be reached from other machines, and that needs {}",
                missing.join(" and ")
            );
            let hint = "listen on 127.0.0.1, or set both; `weir key create` makes keys";
            self.report::<()>("server.listen", message, Some(hint));
        }
    }

    pub(super) fn report<T>(&mut self, key: &str, message: String, hint: Option<&str>) -> Option<T> {
        let problem = Problem { place: place_of(self.text, key), key: key.to_owned(), message, hint: None };
        let hint = hint.filter(|hint| !hint.is_empty());
        self.problems.push(match hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        });
        None
    }
}

/// The key that a fault of the gateway's is about.
fn fault_key(file: &file::File, fault: &ConfigFault) -> String {
    match fault {
        ConfigFault::DuplicateProvider { name }
        | ConfigFault::BadName { name }
        | ConfigFault::ReservedName { name } => format!("providers.{name}"),
        ConfigFault::BadKey { name } => format!("providers.{name}.api_key"),
        ConfigFault::BadBaseUrl { name, .. } => format!("providers.{name}.base_url"),
        ConfigFault::RouteWithoutTarget { model } | ConfigFault::UnknownTarget { model, .. } => {
            let index = file.routes.iter().position(|route| *route.model == **model).unwrap_or(0);
            format!("routes[{index}].targets")
        }
    }
}

/// Where a key stands: the longest part of the path that the file has.
fn place_of(text: &str, key: &str) -> Option<Range<usize>> {
    let (table, _) = DeTable::parse_recoverable(text);
    let mut place = None;
    let mut here: Option<&DeValue<'_>> = None;
    for part in key.split('.') {
        let (name, index) = match part.split_once('[') {
            Some((name, index)) => (name, index.trim_end_matches(']').parse::<usize>().ok()),
            None => (part, None),
        };
        let entries = here.map_or(Some(table.get_ref()), DeValue::as_table)?;
        let Some((found, mut value)) = entries.iter().find(|(k, _)| k.get_ref() == name) else {
            return place;
        };
        if let Some(item) =
            index.and_then(|index| value.get_ref().as_array().and_then(|items| items.get(index)))
        {
            value = item;
        }
        let whole = value.get_ref().is_table() || value.get_ref().is_array();
        place = Some(if whole && index.is_none() { found.span() } else { value.span() });
        here = Some(value.get_ref());
    }
    place
}

fn default_provider(known: &KnownProvider) -> Option<ProviderConfig> {
    let mut provider = ProviderConfig::new(&known.name, known.kind, known.base_url.clone()?);
    provider.price_name.clone_from(&known.price_name);
    Some(provider)
}

fn provider_kind(kind: file::ProviderKind) -> ProviderKind {
    match kind {
        file::ProviderKind::Openai => ProviderKind::OpenAi,
        file::ProviderKind::Anthropic => ProviderKind::Anthropic,
        file::ProviderKind::Azure => ProviderKind::Azure,
        file::ProviderKind::Databricks => ProviderKind::Databricks,
    }
}

fn route(written: &file::Route) -> RouteConfig {
    let target = |target: &file::Target| match target {
        file::Target::Name(name) => Target { provider: Arc::from(name.as_str()), model: None },
        file::Target::Renamed(renamed) => Target {
            provider: Arc::from(renamed.provider.as_str()),
            model: renamed.model.as_deref().map(Arc::from),
        },
    };
    RouteConfig {
        model: Arc::from(written.model.as_str()),
        targets: written.targets.iter().map(target).collect(),
    }
}

fn timeouts(written: &file::Timeouts) -> Timeouts {
    Timeouts {
        connect_ms: written.connect_ms,
        first_byte_ms: written.first_byte_ms,
        idle_stream_ms: written.idle_stream_ms,
    }
}

fn store_config(data_dir: PathBuf, written: &file::Store) -> StoreConfig {
    let defaults = StoreConfig::default();
    StoreConfig {
        data_dir,
        durability: match written.durability {
            file::Durability::Relaxed => Durability::Relaxed,
            file::Durability::Fsync => Durability::Fsync,
        },
        retention: Retention {
            spans_days: written.retention.spans_days,
            bodies_days: written.retention.bodies_days,
            cells_1m_days: written.retention.cells_1m_days,
            cells_1h_days: written.retention.cells_1h_days,
        },
        memory_limit_bytes: written
            .memory_limit_mib
            .map_or(defaults.memory_limit_bytes, |mib| mib * 1024 * 1024),
        ..defaults
    }
}

fn price_override(written: &file::Price) -> PriceOverride {
    PriceOverride {
        provider: written.provider.clone(),
        model: written.model.clone(),
        input_usd_per_million: Some(written.input_usd_per_million.clone()),
        output_usd_per_million: Some(written.output_usd_per_million.clone()),
        cache_read_usd_per_million: written.cache_read_usd_per_million.clone(),
        cache_write_usd_per_million: written.cache_write_usd_per_million.clone(),
        ..PriceOverride::default()
    }
}
