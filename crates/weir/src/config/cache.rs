//! `[cache]`: answers that are given again.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weir_control::cache::semantic::SemanticConfig;
use weir_control::cache::{CacheBackend, CacheConfig, CacheMode, CacheShare};

/// Answers that are given again to the same call. docs/guide/cost-control.md says which calls are the same and what is
/// never kept.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Cache {
    /// Whether there is a cache.
    pub enabled: bool,
    /// What it does with a hit: "observe" notes on the span what would have been answered and saved, "enforce" answers.
    pub mode: CacheMode,
    /// Where answers are kept: "memory" of this process, or "redis" (see `[redis]`), where all gateways of a fleet find them.
    /// Calls at the same time wait for each other within a process only.
    pub backend: CacheBackend,
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
    pub share: CacheShare,
    /// The highest temperature at which a call is answered from the cache. A call without one has the provider's default,
    /// 1; so 1 leaves out only calls that ask for more variety than usual, and less than 1 all calls that say nothing.
    #[schemars(range(min = 0, max = 2))]
    pub temperature_max: f64,
    /// Whether calls that hold results of tools are answered from the cache. An agent that calls a tool again expects
    /// something new.
    pub allow_tool_results: bool,
    /// The models whose answers are kept, `*` stands for any run of characters; all when empty.
    pub models: Vec<String>,
    /// Answers to questions that mean the same.
    pub semantic: Semantic,
}

/// Answers to questions that are put in other words. Needs `[embeddings]`, and `cache.enabled`. docs/guide/cost-control.md says
/// how false hits are kept rare.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Semantic {
    /// Whether such answers are looked for.
    pub enabled: bool,
    /// What is done with a hit: "observe" notes on the span what would have been answered and saved, "enforce" answers, in
    /// scopes whose threshold is known.
    pub mode: CacheMode,
    /// The share of hits that may be false. The threshold of a scope is the lowest similarity from which on fewer are, with
    /// 95 % confidence; until that is measured the scope is observed. 0.01 takes 299 checks without a false hit.
    #[schemars(range(min = 0.0001, max = 0.5))]
    pub max_false_hits: f64,
    /// The share of hits that go to the provider all the same, so that its answer can be compared.
    #[schemars(range(min = 0, max = 1))]
    pub shadow_share: f64,
    /// The lowest similarity (cosine) that is looked at, whatever is measured.
    #[schemars(range(min = 0.5, max = 1))]
    pub threshold_min: f64,
    /// The similarity from which on calls are answered in every scope, for those who know it. Nothing is measured first then.
    #[schemars(range(min = 0.5, max = 1))]
    pub threshold: Option<f64>,
    /// How long a call waits for the vector of its question, before it goes to the provider.
    #[schemars(range(min = 1, max = 10_000))]
    pub wait_ms_max: u32,
    /// Questions that are remembered; the oldest go first.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub entries_max: u32,
    /// Bytes of memory for them, without the answers.
    #[schemars(range(min = 65_536, max = 17_179_869_184_u64))]
    pub bytes_max: u64,
}

impl Default for Semantic {
    fn default() -> Self {
        let defaults = SemanticConfig::default();
        Self {
            enabled: false,
            mode: defaults.mode,
            max_false_hits: defaults.false_hits_max,
            shadow_share: defaults.shadow_share,
            threshold_min: f64::from((defaults.threshold_min * 100.0).round()) / 100.0,
            threshold: defaults.threshold.map(f64::from),
            wait_ms_max: u32::try_from(defaults.wait_max.as_millis()).unwrap_or(u32::MAX),
            entries_max: u32::try_from(defaults.entries_max).unwrap_or(u32::MAX),
            bytes_max: defaults.bytes_max as u64,
        }
    }
}

impl Semantic {
    #[allow(clippy::cast_possible_truncation)] // Similarities are computed in single precision.
    fn resolved(&self) -> Option<SemanticConfig> {
        self.enabled.then(|| SemanticConfig {
            mode: self.mode,
            threshold: self.threshold.map(|threshold| threshold as f32),
            threshold_min: self.threshold_min as f32,
            false_hits_max: self.max_false_hits,
            shadow_share: self.shadow_share,
            wait_max: Duration::from_millis(self.wait_ms_max.into()),
            entries_max: usize::try_from(self.entries_max).unwrap_or(usize::MAX),
            bytes_max: usize::try_from(self.bytes_max).unwrap_or(usize::MAX),
        })
    }
}

impl Default for Cache {
    fn default() -> Self {
        let defaults = CacheConfig::default();
        Self {
            enabled: false,
            mode: defaults.mode,
            backend: defaults.backend,
            ttl_s: defaults.ttl_s,
            bytes_max: defaults.bytes_max,
            entry_bytes_max: u32::try_from(defaults.entry_bytes_max).unwrap_or(u32::MAX),
            share: defaults.share,
            temperature_max: defaults.temperature_max,
            allow_tool_results: defaults.allow_tool_results,
            models: Vec::new(),
            semantic: Semantic::default(),
        }
    }
}

impl Cache {
    /// The key that cannot do without a Redis.
    pub(super) fn needs_redis(&self) -> Option<&'static str> {
        (self.enabled && self.backend == CacheBackend::Redis).then_some("cache.backend")
    }

    /// The key that cannot do without embeddings.
    pub(super) fn needs_embeddings(&self) -> Option<&'static str> {
        (self.enabled && self.semantic.enabled).then_some("cache.semantic.enabled")
    }

    /// What the gateway is told; `None` for no cache.
    pub(super) fn resolved(&self) -> Option<CacheConfig> {
        self.enabled.then(|| CacheConfig {
            mode: self.mode,
            backend: self.backend,
            ttl_s: self.ttl_s,
            bytes_max: self.bytes_max,
            entry_bytes_max: usize::try_from(self.entry_bytes_max).unwrap_or(usize::MAX),
            share: self.share,
            temperature_max: self.temperature_max,
            allow_tool_results: self.allow_tool_results,
            models: self.models.iter().map(|model| Arc::from(model.as_str())).collect(),
            semantic: self.semantic.resolved(),
        })
    }
}
