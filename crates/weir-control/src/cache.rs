//! Layer 3: answers that were given before.
//!
//! | part | does |
//! |---|---|
//! | `canonical`, `key` | when two calls are the same |
//! | `answer` | what is kept, and which answers may be |
//! | `flight` | identical calls at the same time ask once |
//! | `shared` | entries in Redis, for a fleet |
//! | `semantic` | answers to questions that mean the same |
//!
//! Entries are kept in this process, bounded in bytes: the least useful ones go first; or in Redis, and there only. An entry's age is counted by the
//! caller's clock, and the store forgets it by its own when it has outlived its time.
//!
//! Invariants: an entry is found only by its tenant ([`key::Tenant`]) and only for the same request. What is kept was a
//! complete answer that the model ended of its own accord. Nothing here fails a call: what cannot be kept is not.

mod answer;
mod canonical;
mod flight;
mod key;
pub mod semantic;
mod shared;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weir_types::{BoxFuture, CacheAdmin, CachePurge, CacheStats, NanoUsd, UnixMicros, wildcard_matches};

pub use answer::{CachedAnswer, may_be_kept};
pub use flight::{Boarding, FAILURES_MAX, Following, Landing, Lead};
pub use key::{CacheCall, CacheKey, ReadCall, Tenant, read};

use flight::Flights;
use semantic::{Semantic, SemanticConfig};
use shared::SharedEntries;

use crate::redis::Redis;

/// What the cache does with a hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CacheMode {
    /// Notes that it would have answered; the provider is asked all the same.
    Observe,
    /// Answers.
    #[default]
    Enforce,
}

/// Who shares entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CacheShare {
    /// Callers of one team; those without a team share with nobody but themselves.
    #[default]
    Team,
    /// Everybody whose right to call Weir or the operator has vouched for.
    All,
}

/// Where entries are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CacheBackend {
    /// In this process.
    #[default]
    Memory,
    /// In Redis, for all gateways of a fleet.
    Redis,
}

/// What the cache is told.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheConfig {
    /// What it does with a hit.
    pub mode: CacheMode,
    /// Where entries are.
    pub backend: CacheBackend,
    /// Seconds that an answer is given again.
    pub ttl_s: u64,
    /// Bytes of all entries together.
    pub bytes_max: u64,
    /// Bytes of the body of one; a longer answer is not kept.
    pub entry_bytes_max: usize,
    /// Who shares entries.
    pub share: CacheShare,
    /// The highest temperature at which a call is answered from the cache. A call that names none has the provider's
    /// default, which is 1 everywhere, and counts as such.
    pub temperature_max: f64,
    /// Whether calls that hold results of tools are answered from the cache.
    pub allow_tool_results: bool,
    /// Which models; `*` stands for any run of characters. Empty for all.
    pub models: Vec<Arc<str>>,
    /// Answers to questions that mean the same; `None` for exact hits alone.
    pub semantic: Option<SemanticConfig>,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            mode: CacheMode::Enforce,
            backend: CacheBackend::Memory,
            ttl_s: 3_600,
            bytes_max: 256 * 1024 * 1024,
            entry_bytes_max: 1024 * 1024,
            share: CacheShare::Team,
            temperature_max: DEFAULT_TEMPERATURE,
            allow_tool_results: false,
            models: Vec::new(),
            semantic: None,
        }
    }
}

/// What providers take where a call names no temperature. Above it a caller has asked for more variety than usual, and
/// would not get it from a cache.
const DEFAULT_TEMPERATURE: f64 = 1.0;

/// Years after which even an entry that nothing outlives is forgotten. What the store takes at most.
const TTL_MAX: Duration = Duration::from_hours(10 * 365 * 24);

/// The cache.
pub struct Cache {
    config: CacheConfig,
    entries: moka::sync::Cache<CacheKey, Arc<CachedAnswer>>,
    /// Where entries are instead, when a fleet shares them.
    shared: Option<SharedEntries>,
    flights: Arc<Flights>,
    semantic: Option<Arc<Semantic>>,
    counters: Counters,
}

#[derive(Default)]
struct Counters {
    hits: AtomicU64,
    coalesced: AtomicU64,
    misses: AtomicU64,
    bypasses: AtomicU64,
    would_hit: AtomicU64,
    saved_nano_usd: AtomicI64,
}

/// Where an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The team of the call.
    pub team: Option<&'a str>,
    /// The model that is asked for at the provider.
    pub model: &'a str,
    /// Its key.
    pub key: CacheKey,
}

/// What became of one call, for counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Answered, and this was saved.
    Hit(NanoUsd),
    /// Answered with what another call brought, and this was saved.
    Coalesced(NanoUsd),
    /// It would have been answered.
    WouldHit,
    /// Not in the cache.
    Miss,
    /// Not looked for.
    Bypass,
}

impl Cache {
    /// A cache whose entries are in Redis, where all of a fleet find them.
    pub fn in_redis(config: CacheConfig, redis: Arc<Redis>) -> Self {
        let shared = SharedEntries::new(redis, config.ttl_s);
        Self { shared: Some(shared), ..Self::new(config) }
    }

    /// An empty cache in this process.
    pub fn new(config: CacheConfig) -> Self {
        let weigh =
            |_: &CacheKey, answer: &Arc<CachedAnswer>| u32::try_from(answer.weight()).unwrap_or(u32::MAX);
        let entries = moka::sync::Cache::builder()
            .max_capacity(config.bytes_max)
            .weigher(weigh)
            .time_to_live(Duration::from_secs(config.ttl_s).min(TTL_MAX))
            .build();
        let counters = Counters::default();
        Self { config, entries, shared: None, flights: Arc::default(), semantic: None, counters }
    }

    /// The same, answering questions that mean the same as well.
    #[must_use]
    pub fn with_semantic(self, semantic: Arc<Semantic>) -> Self {
        Self { semantic: Some(semantic), ..self }
    }

    /// Answers to questions that mean the same.
    pub fn semantic(&self) -> Option<&Arc<Semantic>> {
        self.semantic.as_ref()
    }

    /// Whether hits are answered; otherwise they are only noted.
    pub fn answers(&self) -> bool {
        self.config.mode == CacheMode::Enforce
    }

    /// What it was told.
    pub fn config(&self) -> &CacheConfig {
        &self.config
    }

    /// Whether calls of this model are looked at.
    pub fn covers(&self, model: &str) -> bool {
        let models = &self.config.models;
        models.is_empty() || models.iter().any(|pattern| wildcard_matches(pattern, model))
    }

    /// Whether a call may be answered from the cache.
    pub fn admits(&self, call: &ReadCall) -> bool {
        let temperature = call.temperature.unwrap_or(DEFAULT_TEMPERATURE);
        !call.is_stateful
            && temperature <= self.config.temperature_max
            && (self.config.allow_tool_results || !call.has_tool_results)
    }

    /// The entry of a place that is not older than the configuration and the caller (in seconds) allow. Waits only where
    /// entries are in Redis; a server that is away is a miss.
    pub async fn find(
        &self,
        place: Place<'_>,
        now: UnixMicros,
        age_max_s: Option<u64>,
    ) -> Option<Arc<CachedAnswer>> {
        match &self.shared {
            // Boxed, because the future of every call would be as large as this otherwise.
            Some(shared) => {
                Box::pin(shared.find(self.team(place.team), place.model, place.key)).await.map(Arc::new)
            }
            None => self.entries.get(&place.key),
        }
        .filter(|answer| self.is_fresh(answer, now, age_max_s))
    }

    fn is_fresh(&self, answer: &CachedAnswer, now: UnixMicros, age_max_s: Option<u64>) -> bool {
        let age_s = answer.age_s(now);
        age_s < self.config.ttl_s && age_max_s.is_none_or(|max| age_s < max)
    }

    /// Keeps an answer, in place of what the key named before, and then gives it to those who wait for it, so that who
    /// comes later finds it. The caller has checked [`may_be_kept`]; what is too large is not kept.
    pub fn keep(&self, key: CacheKey, answer: Arc<CachedAnswer>, lead: Option<Lead>) {
        let fits = answer.body.len() <= self.config.entry_bytes_max;
        match &self.shared {
            Some(shared) if fits => {
                let team = answer.team.clone();
                return shared.keep(self.team(team.as_deref()), key, answer, lead);
            }
            None if fits => self.entries.insert(key, Arc::clone(&answer)),
            _ => {}
        }
        if let Some(lead) = lead {
            lead.land(Landing::Answered(answer));
        }
    }

    /// Forgets one entry.
    pub fn forget(&self, place: Place<'_>) {
        match &self.shared {
            Some(shared) => shared.forget(self.team(place.team), place.model, place.key),
            None => self.entries.invalidate(&place.key),
        }
    }

    /// The team in an entry's name. What all share is nobody's.
    fn team<'a>(&self, team: Option<&'a str>) -> Option<&'a str> {
        team.filter(|_| self.config.share == CacheShare::Team)
    }

    /// Joins the callers who ask the same now.
    pub fn board(&self, key: CacheKey) -> Boarding {
        self.flights.board(key)
    }

    /// Counts a call.
    pub fn count(&self, counted: Counted) {
        let counters = &self.counters;
        let counter = match counted {
            Counted::Hit(_) => &counters.hits,
            Counted::Coalesced(_) => &counters.coalesced,
            Counted::WouldHit => &counters.would_hit,
            Counted::Miss => &counters.misses,
            Counted::Bypass => &counters.bypasses,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        if let Counted::Hit(saved) | Counted::Coalesced(saved) = counted {
            counters.saved_nano_usd.fetch_add(saved.0, Ordering::Relaxed);
        }
    }

    /// Forgets the entries of a scope; returns how many.
    pub fn forget_all(&self, purge: &CachePurge) -> u64 {
        let mut purged = 0;
        for (key, answer) in &self.entries {
            if purge.covers(answer.team.as_deref(), &answer.model) {
                self.entries.invalidate(&*key);
                purged += 1;
            }
        }
        purged
    }
}

impl CacheAdmin for Cache {
    fn purge<'a>(&'a self, purge: &'a CachePurge) -> BoxFuture<'a, u64> {
        Box::pin(async move {
            if let Some(semantic) = &self.semantic {
                semantic.forget_all(purge);
            }
            let here = self.forget_all(purge);
            match &self.shared {
                Some(shared) => here + shared.purge(purge).await,
                None => here,
            }
        })
    }

    fn stats(&self) -> CacheStats {
        self.entries.run_pending_tasks();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CacheStats {
            is_enforcing: self.config.mode == CacheMode::Enforce,
            entries: self.entries.entry_count(),
            bytes: self.entries.weighted_size(),
            bytes_max: self.config.bytes_max,
            ttl_s: self.config.ttl_s,
            hits: read(&self.counters.hits),
            coalesced: read(&self.counters.coalesced),
            waiting: self.flights.waiting(),
            misses: read(&self.counters.misses),
            bypasses: read(&self.counters.bypasses),
            would_hit: read(&self.counters.would_hit),
            saved: NanoUsd(self.counters.saved_nano_usd.load(Ordering::Relaxed)),
            semantic: self.semantic.as_ref().map(|semantic| semantic.stats(self.answers())),
        }
    }
}

#[cfg(test)]
mod tests;
