//! What the store may be told. Every field has a default that suits one machine; `weir.toml` sets them by name.

use std::path::PathBuf;

/// When an appended record is safe from what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// An append returns when the operating system has the record: it survives `kill -9` at once, and power loss after
    /// at most 100 ms.
    #[default]
    Relaxed,
    /// An append returns when the disk has the record: it survives power loss at once.
    Fsync,
}

/// How long what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Spans, scores, points and events.
    pub spans_days: u32,
    /// Inputs, outputs, documents, tools and attributes of spans; not longer than the spans themselves.
    pub bodies_days: u32,
    /// Minute cells. Monitors look back a week.
    pub cells_1m_days: u32,
    /// Hour cells. Thirteen months, so that a year can be compared with the year before.
    pub cells_1h_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { spans_days: 90, bodies_days: 30, cells_1m_days: 8, cells_1h_days: 396 }
    }
}

/// How to open a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// The folder that holds everything; created when absent. One Weir at a time may have it open.
    pub data_dir: PathBuf,
    /// What an acknowledged record survives.
    pub durability: Durability,
    /// How long what is kept.
    pub retention: Retention,
    /// How much memory DuckDB may use for data before it spills to disk.
    pub memory_limit_bytes: u64,
    /// How many threads DuckDB may use for one query. Half of the processors unless said: the others are the gateway's.
    /// With a single one DuckDB has no threads of its own, and the recorder does not spin while one of them has its task,
    /// which costs it a quarter of its time.
    pub threads: u32,
    /// How long records wait for others to share a transaction with. Shorter is fresher, longer is cheaper.
    pub commit_interval_ms: u64,
    /// How large the journal may grow while DuckDB cannot be written. From 70 % on bodies are left out, at 100 % records
    /// are refused.
    pub journal_bytes_max: u64,
    /// The longest that a scan or a page of spans may take.
    pub query_time_max_ms: u64,
}

impl StoreConfig {
    /// The defaults, in this folder.
    pub fn at(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: data_dir.into(), ..Self::default() }
    }
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("weir-data"),
            durability: Durability::default(),
            retention: Retention::default(),
            memory_limit_bytes: 512 * 1024 * 1024,
            threads: half_of_the_processors(),
            commit_interval_ms: 300,
            journal_bytes_max: 4 * 1024 * 1024 * 1024,
            query_time_max_ms: 30_000,
        }
    }
}

fn half_of_the_processors() -> u32 {
    std::thread::available_parallelism().map_or(1, |all| u32::try_from(all.get() / 2).unwrap_or(1).max(1))
}
