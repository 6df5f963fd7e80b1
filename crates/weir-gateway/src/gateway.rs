//! The gateway as all workers share it: configuration, providers, routes, counters.
//!
//! Nothing here changes after the start but counters, the state of circuit breakers and that of throttles. What belongs to one thread
//! (connections) is in [`crate::worker`].

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use weir_control::budget::Ledger;
use weir_control::cache::semantic::Semantic;
use weir_control::cache::{Cache, CacheBackend, CacheConfig};
use weir_control::redis::Redis;
use weir_embed::Embedder;
use weir_guard::Guard;
use weir_meter::Meter;
use weir_types::{Clock, IdGenerator, KeyDirectory, PolicyBoard, RecordSink};

use crate::config::GatewayConfig;
use crate::error::GatewayError;
use crate::policy::Throttles;
use crate::provider::Provider;
use crate::route::Router;
use crate::stats::{Counters, GatewayStats, UpstreamHealth};
use crate::upstream::connector::Connector;
use crate::worker::Worker;

/// What the gateway needs of others.
#[derive(Clone)]
pub struct GatewayParts {
    /// Where records go.
    pub sink: Arc<dyn RecordSink>,
    /// Where virtual keys are looked up.
    pub keys: Arc<dyn KeyDirectory>,
    /// Which policies are in force.
    pub policies: Arc<dyn PolicyBoard>,
    /// Budgets and rate limits.
    pub ledger: Arc<Ledger>,
    /// What gateways of a fleet share; `None` for one that is alone.
    pub redis: Option<Arc<Redis>>,
    /// What turns texts into vectors; `None` for no semantic cache.
    pub embedder: Option<Arc<Embedder>>,
    /// What prompts must not carry.
    pub guard: Arc<Guard>,
    /// Prices and token counts.
    pub meter: Arc<Meter>,
    /// The time that records and circuit breakers go by.
    pub clock: Arc<dyn Clock>,
}

/// The gateway. See the crate's documentation.
pub struct Gateway {
    pub(crate) config: GatewayConfig,
    pub(crate) parts: GatewayParts,
    pub(crate) providers: Vec<Provider>,
    pub(crate) provider_index: HashMap<Arc<str>, usize>,
    pub(crate) router: Router,
    pub(crate) ids: IdGenerator,
    pub(crate) counters: Counters,
    pub(crate) connector: Connector,
    pub(crate) throttles: Throttles,
    pub(crate) cache: Option<Arc<Cache>>,
}

impl Gateway {
    /// A gateway, or everything that is wrong with its configuration. Loads the system's root certificates when some
    /// provider is reached by https.
    pub fn new(config: GatewayConfig, parts: GatewayParts) -> Result<Arc<Self>, GatewayError> {
        let faults = config.faults();
        if !faults.is_empty() {
            return Err(GatewayError::Config(faults));
        }
        let needs_tls =
            config.providers.iter().any(|provider| provider.base_url.scheme_str() == Some("https"));
        let connector = Connector::new(needs_tls).map_err(GatewayError::RootCertificates)?;
        let providers = config
            .providers
            .iter()
            .map(|provider| Provider::new(provider, config.timeouts, config.breaker))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|fault| GatewayError::Config(vec![fault]))?;
        let names = config.providers.iter().map(|provider| provider.name.clone());
        Ok(Arc::new(Self {
            provider_index: names.enumerate().map(|(index, name)| (name, index)).collect(),
            router: Router::new(&config),
            ids: IdGenerator::new(),
            counters: Counters::default(),
            throttles: Throttles::default(),
            cache: config.cache.clone().map(|config| Arc::new(cache(config, &parts))),
            providers,
            connector,
            parts,
            config,
        }))
    }

    /// A worker for one thread. [`crate::front::serve`] makes one for each of its threads.
    pub fn worker(self: &Arc<Self>) -> Worker {
        Worker::new(Arc::clone(self))
    }

    /// Counts since the start.
    pub fn stats(&self) -> GatewayStats {
        self.counters.snapshot()
    }

    /// The cache, where one is configured.
    pub fn cache(&self) -> Option<&Arc<Cache>> {
        self.cache.as_ref()
    }

    /// How each provider is doing, in the order of the configuration.
    pub fn upstream_health(&self) -> Vec<UpstreamHealth> {
        let health = self.providers.iter().map(|provider| UpstreamHealth {
            provider: provider.name.clone(),
            breaker: provider.breaker.state(),
            attempts: provider.attempts.load(Ordering::Relaxed),
            failures: provider.failures.load(Ordering::Relaxed),
        });
        health.collect()
    }
}

fn cache(config: CacheConfig, parts: &GatewayParts) -> Cache {
    let semantic = config.semantic.clone().zip(parts.embedder.clone());
    let cache = match &parts.redis {
        Some(redis) if config.backend == CacheBackend::Redis => Cache::in_redis(config, Arc::clone(redis)),
        _ => Cache::new(config),
    };
    match semantic {
        Some((config, embedder)) => cache.with_semantic(Semantic::new(config, embedder)),
        None => cache,
    }
}
