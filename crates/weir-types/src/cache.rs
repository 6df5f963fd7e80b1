//! The cache of answers as others see it: how it is doing, and forgetting on demand.

use std::sync::Arc;

use crate::{BoxFuture, NanoUsd};

/// How the cache is doing. Counts are since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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

/// The cache, for those who look at it and tidy it. Implemented by the layer itself, asked by the API.
pub trait CacheAdmin: Send + Sync {
    /// How it is doing.
    fn stats(&self) -> CacheStats;

    /// Forgets entries; returns how many there were in this process.
    fn purge<'a>(&'a self, purge: &'a CachePurge) -> BoxFuture<'a, u64>;
}
