//! The cache of answers, as the API says it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use weir_types::{CacheStats, SemanticScope, SemanticStats};

/// How the cache of answers is doing. Counts are since Weir started; `custom.llm.cache_hit`, `custom.llm.cache_miss` and
/// `llm.cost.saved_usd` have them over time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CacheReport {
    /// Whether a cache is configured. Without one all numbers are zero.
    pub is_enabled: bool,
    /// Whether hits are answered; otherwise they are only noted on spans.
    pub is_enforcing: bool,
    /// Entries in this process.
    pub entries: u64,
    /// Bytes that they take.
    pub bytes: u64,
    /// Bytes that they may take.
    pub bytes_max: u64,
    /// Seconds that an entry lives.
    pub ttl_s: u64,
    /// Calls that were answered from it.
    pub hits: u64,
    /// Calls that waited for an identical one and got its answer.
    pub coalesced: u64,
    /// Calls that wait for an identical one now.
    pub waiting: u64,
    /// Calls whose answer was not there.
    pub misses: u64,
    /// Calls that were not looked up.
    pub bypasses: u64,
    /// Calls that would have been answered, had the cache not only observed.
    pub would_hit: u64,
    /// What hits have saved.
    pub saved_usd: f64,
    /// Answers to questions that mean the same; `null` where they are not looked for.
    pub semantic: Option<SemanticReport>,
}

/// How the semantic cache is doing: answers to questions that are put in other words. Counts are since Weir started.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SemanticReport {
    /// Whether it answers in scopes that have a threshold; otherwise hits are only noted on spans.
    pub is_enforcing: bool,
    /// What turns texts into vectors.
    pub embedding_model: String,
    /// Questions that are remembered.
    pub entries: u64,
    /// Bytes that they take, without the answers.
    pub bytes: u64,
    /// Calls that were answered.
    pub hits: u64,
    /// Calls that would have been answered: in observe mode, in scopes without a threshold yet, and those that were checked.
    pub would_hit: u64,
    /// Calls with a question near enough that differed in a number, a name, a negation or the like, and went on.
    pub guarded: u64,
    /// Calls that were not looked up, because too many waited for their vector or it could not be had.
    pub unasked: u64,
    /// Would-be hits whose answer was compared with the provider's.
    pub checks: u64,
    /// Those of them that the comparison found to differ.
    pub false_hits: u64,
    /// The share of false hits that the operator accepts (`max_false_hits`).
    pub false_hits_max: f64,
    /// What hits have saved.
    pub saved_usd: f64,
    /// Scopes, the ones with most checks first; 100 at most.
    pub scopes: Vec<SemanticScopeReport>,
    /// How many scopes there are.
    pub scope_count: u64,
}

/// Calls whose threshold is measured together: those of one tenant, agent, provider and model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SemanticScopeReport {
    /// The team; `null` for calls without one.
    pub team: Option<String>,
    /// The agent; `null` for calls without one.
    pub agent: Option<String>,
    /// The provider that is asked.
    pub provider: String,
    /// The model that is asked for there.
    pub model: String,
    /// The similarity from which on calls are answered: cosine, up to 1. `null` until there is evidence for one.
    pub threshold: Option<f64>,
    /// Whether the operator has set the threshold.
    pub is_fixed: bool,
    /// Calls that were answered.
    pub hits: u64,
    /// Calls that would have been answered.
    pub would_hit: u64,
    /// Checks at or above the threshold; without a threshold all checks. Old ones fade.
    pub checks: u64,
    /// Those of them that differed.
    pub false_hits: u64,
    /// `false_hits` of `checks`; `null` before the first check.
    pub false_hit_rate: Option<f64>,
    /// What the rate is at most, with 95 % confidence; `null` before the first check.
    pub false_hit_rate_bound: Option<f64>,
}

/// What was forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CachePurged {
    /// How many entries that were.
    pub entries: u64,
}

impl From<&CacheStats> for CacheReport {
    fn from(stats: &CacheStats) -> Self {
        Self {
            is_enabled: true,
            is_enforcing: stats.is_enforcing,
            entries: stats.entries,
            bytes: stats.bytes,
            bytes_max: stats.bytes_max,
            ttl_s: stats.ttl_s,
            hits: stats.hits,
            coalesced: stats.coalesced,
            waiting: stats.waiting,
            misses: stats.misses,
            bypasses: stats.bypasses,
            would_hit: stats.would_hit,
            saved_usd: stats.saved.as_usd(),
            semantic: stats.semantic.as_ref().map(SemanticReport::from),
        }
    }
}

impl From<&SemanticStats> for SemanticReport {
    fn from(stats: &SemanticStats) -> Self {
        Self {
            is_enforcing: stats.is_enforcing,
            embedding_model: stats.embedding_model.to_string(),
            entries: stats.entries,
            bytes: stats.bytes,
            hits: stats.hits,
            would_hit: stats.would_hit,
            guarded: stats.guarded,
            unasked: stats.unasked,
            checks: stats.checks,
            false_hits: stats.false_hits,
            false_hits_max: stats.false_hits_max,
            saved_usd: stats.saved.as_usd(),
            scopes: stats.scopes.iter().map(SemanticScopeReport::from).collect(),
            scope_count: stats.scope_count,
        }
    }
}

impl From<&SemanticScope> for SemanticScopeReport {
    fn from(scope: &SemanticScope) -> Self {
        Self {
            team: scope.team.as_deref().map(str::to_owned),
            agent: scope.agent.as_deref().map(str::to_owned),
            provider: scope.provider.to_string(),
            model: scope.model.to_string(),
            threshold: scope.threshold,
            is_fixed: scope.is_fixed,
            hits: scope.hits,
            would_hit: scope.would_hit,
            checks: scope.checks,
            false_hits: scope.false_hits,
            false_hit_rate: scope.false_hit_rate,
            false_hit_rate_bound: scope.false_hit_rate_bound,
        }
    }
}
