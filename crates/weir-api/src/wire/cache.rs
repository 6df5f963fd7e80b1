//! The cache of answers, as the API says it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use weir_types::CacheStats;

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
        }
    }
}
