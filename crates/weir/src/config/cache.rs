//! `[cache]`: answers that are given again.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weir_control::cache::{CacheBackend, CacheConfig, CacheMode, CacheShare};

/// What the cache does with a hit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Notes on the span that it would have answered; the provider is asked all the same.
    Observe,
    /// Answers.
    #[default]
    Enforce,
}

/// Where answers are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// In this process.
    #[default]
    Memory,
    /// In the Redis of `[redis]`.
    Redis,
}

/// Who shares answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Share {
    /// Callers of one team.
    #[default]
    Team,
    /// Everybody whose right to call is checked by Weir.
    All,
}

/// Answers that are given again to the same call. docs/guide/cost-control.md says which calls are the same and what is
/// never kept.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Cache {
    /// Whether there is a cache.
    pub enabled: bool,
    /// What it does with a hit: "observe" notes on the span what would have been answered and saved, "enforce" answers.
    pub mode: Mode,
    /// Where answers are kept: "memory" of this process, or "redis" (see `[redis]`), where all gateways of a fleet find them.
    /// Calls at the same time wait for each other within a process only.
    pub backend: Backend,
    /// Seconds that an answer is given again.
    #[schemars(range(min = 1, max = 31_536_000))]
    pub ttl_s: u64,
    /// Bytes of memory for all answers together; the least useful ones go first. In Redis its own `maxmemory` counts.
    #[schemars(range(min = 1_048_576, max = 1_099_511_627_776_u64))]
    pub bytes_max: u64,
    /// Bytes of one answer; a longer one is not kept.
    #[schemars(range(min = 1_024, max = 1_073_741_824))]
    pub entry_bytes_max: u32,
    /// Who shares answers: "team" or "all". Callers that show a provider's key of their own, which Weir cannot check, share
    /// with nobody who shows another, whatever is written here.
    pub share: Share,
    /// The highest temperature at which a call is answered from the cache. A call without one has the provider's default,
    /// 1; so 1 leaves out only calls that ask for more variety than usual, and less than 1 all calls that say nothing.
    #[schemars(range(min = 0, max = 2))]
    pub temperature_max: f64,
    /// Whether calls that hold results of tools are answered from the cache. An agent that calls a tool again expects
    /// something new.
    pub allow_tool_results: bool,
    /// The models whose answers are kept, `*` stands for any run of characters; all when empty.
    pub models: Vec<String>,
}

impl Default for Cache {
    fn default() -> Self {
        let defaults = CacheConfig::default();
        Self {
            enabled: false,
            mode: Mode::default(),
            backend: Backend::default(),
            ttl_s: defaults.ttl_s,
            bytes_max: defaults.bytes_max,
            entry_bytes_max: u32::try_from(defaults.entry_bytes_max).unwrap_or(u32::MAX),
            share: Share::default(),
            temperature_max: defaults.temperature_max,
            allow_tool_results: defaults.allow_tool_results,
            models: Vec::new(),
        }
    }
}

impl Cache {
    /// The key that cannot do without a Redis.
    pub(super) fn needs_redis(&self) -> Option<&'static str> {
        (self.enabled && self.backend == Backend::Redis).then_some("cache.backend")
    }

    /// What the gateway is told; `None` for no cache.
    pub(super) fn resolved(&self) -> Option<CacheConfig> {
        self.enabled.then(|| CacheConfig {
            mode: match self.mode {
                Mode::Observe => CacheMode::Observe,
                Mode::Enforce => CacheMode::Enforce,
            },
            backend: match self.backend {
                Backend::Memory => CacheBackend::Memory,
                Backend::Redis => CacheBackend::Redis,
            },
            ttl_s: self.ttl_s,
            bytes_max: self.bytes_max,
            entry_bytes_max: usize::try_from(self.entry_bytes_max).unwrap_or(usize::MAX),
            share: match self.share {
                Share::Team => CacheShare::Team,
                Share::All => CacheShare::All,
            },
            temperature_max: self.temperature_max,
            allow_tool_results: self.allow_tool_results,
            models: self.models.iter().map(|model| Arc::from(model.as_str())).collect(),
        })
    }
}
