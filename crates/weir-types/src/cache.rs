//! The cache of answers as others see it: how it is doing, and forgetting on demand.

use std::sync::Arc;

use crate::{BoxFuture, NanoUsd, wildcard_matches};

/// How the cache is doing. Counts are since the start.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CacheStats {
    /// Whether hits are answered; otherwise they are only noted.
    pub is_enforcing: bool,
    /// Entries in this process.
    pub entries: u64,
    /// Bytes that they take.
    pub bytes: u64,
    /// What they may take.
    pub bytes_max: u64,
    /// Seconds that an entry lives.
    pub ttl_s: u64,
    /// Calls that were answered.
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
    pub saved: NanoUsd,
    /// Answers to questions that mean the same; `None` where they are not looked for.
    pub semantic: Option<SemanticStats>,
}

/// How the semantic cache is doing: answers to questions that are put in other words. Counts are since the start.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SemanticStats {
    /// Whether it answers in scopes that have a threshold; otherwise hits are only noted.
    pub is_enforcing: bool,
    /// What turns texts into vectors: the model's name.
    pub embedding_model: Arc<str>,
    /// Questions that are remembered.
    pub entries: u64,
    /// Bytes that they take, without the answers.
    pub bytes: u64,
    /// Calls that were answered.
    pub hits: u64,
    /// Calls that would have been answered.
    pub would_hit: u64,
    /// Calls with a question near enough that differed in a number, a name, a negation or the like.
    pub guarded: u64,
    /// Calls that were not looked up, because too many waited for their vector or it could not be had.
    pub unasked: u64,
    /// Would-be hits whose answer was compared with the provider's.
    pub checks: u64,
    /// Those of them that the comparison found to differ.
    pub false_hits: u64,
    /// The share of false hits that the operator accepts.
    pub false_hits_max: f64,
    /// What hits have saved.
    pub saved: NanoUsd,
    /// Scopes, the ones with most checks first. Bounded; see `scope_count`.
    pub scopes: Vec<SemanticScope>,
    /// How many scopes there are.
    pub scope_count: u64,
}

/// Calls whose threshold is measured together: those of one tenant, agent, provider and model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SemanticScope {
    /// The team.
    pub team: Option<Arc<str>>,
    /// The agent.
    pub agent: Option<Arc<str>>,
    /// The provider that is asked.
    pub provider: Arc<str>,
    /// The model that is asked for there.
    pub model: Arc<str>,
    /// The similarity from which on calls are answered: cosine, up to 1. `None` until there is evidence for one.
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
    /// `false_hits` of `checks`; `None` before the first check.
    pub false_hit_rate: Option<f64>,
    /// What the rate is at most, with 95 % confidence; `None` before the first check.
    pub false_hit_rate_bound: Option<f64>,
}

/// Which entries to forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CachePurge {
    /// Every one.
    All,
    /// Those of a team.
    Team(Arc<str>),
    /// Those of models; `*` stands for any run of characters.
    Model(Arc<str>),
}

impl CachePurge {
    /// Whether an entry of this team and model is meant.
    pub fn covers(&self, team: Option<&str>, model: &str) -> bool {
        match self {
            Self::All => true,
            Self::Team(wanted) => team == Some(&**wanted),
            Self::Model(pattern) => wildcard_matches(pattern, model),
        }
    }
}

/// The cache, for those who look at it and tidy it. Implemented by the layer itself, asked by the API.
pub trait CacheAdmin: Send + Sync {
    /// How it is doing.
    fn stats(&self) -> CacheStats;

    /// Forgets entries; returns how many there were in this process.
    fn purge<'a>(&'a self, purge: &'a CachePurge) -> BoxFuture<'a, u64>;
}
