//! How Weir itself is doing.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How this Weir is doing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ServerStatus {
    /// Weir's version.
    pub version: String,
    /// Whether it takes calls.
    pub ready: bool,
    /// Why it does not.
    pub not_ready: Vec<String>,
    /// Whether this is the demo: a simulated provider and replayed traffic.
    pub demo: bool,
    /// When it started, in Unix milliseconds.
    pub started_at_ms: i64,
    /// Its time now, in Unix milliseconds: what `now` means in its answers.
    pub now_ms: i64,
    /// Where it listens: `127.0.0.1:7070`.
    pub listen: Vec<String>,
    /// The start of the first span kept, in Unix milliseconds; `null` when there is none.
    pub first_span_at_ms: Option<i64>,
    /// The start of the last span kept, in Unix milliseconds.
    pub last_span_at_ms: Option<i64>,
    /// The store.
    pub store: StoreStatus,
    /// The providers that calls are forwarded to.
    pub upstreams: Vec<UpstreamStatus>,
    /// The receivers for telemetry, one for each address that one could listen on.
    pub receivers: Vec<ReceiverStatus>,
}

/// Whether a receiver listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReceiverState {
    /// It does.
    Listening,
    /// Its standard address was in use when Weir started, and nobody asked for it by name, so Weir went on without.
    Taken,
    /// It is switched off.
    Off,
}

/// How one receiver is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReceiverStatus {
    /// The key in `[listeners]` of `weir.toml`, such as `otlp_grpc`; `mlflow` for the one on Weir's own address.
    pub name: String,
    /// Where it listens, or would: `127.0.0.1:4317`, `udp://127.0.0.1:8125`, `unix:/run/weir.sock`; `null` when off.
    pub address: Option<String>,
    /// Whether it listens.
    pub state: ReceiverState,
    /// Records accepted since the start, by whichever address this receiver has.
    pub accepted: u64,
    /// Records and requests refused since the start.
    pub refused: u64,
    /// Refusals by reason.
    pub refusals: Vec<RefusalCount>,
}

/// How often something was refused, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefusalCount {
    /// Why, in a word: `bad_value`, `too_large`, …
    pub reason: String,
    /// How often since the start.
    pub count: u64,
}

/// How the store is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct StoreStatus {
    /// Bytes of the journal on disk.
    pub journal_bytes: u64,
    /// Appends to the journal whose records are not in the store yet.
    pub behind_appends: u64,
    /// Records stored since the start, by kind.
    pub records: RecordCounts,
    /// Batches that could not be stored and were tried again since the start.
    pub failed_commits: u64,
    /// What went wrong last; `null` when nothing did.
    pub last_error: Option<String>,
}

/// Records by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct RecordCounts {
    /// Spans.
    pub spans: u64,
    /// Scores.
    pub scores: u64,
    /// Points.
    pub points: u64,
    /// Events.
    pub events: u64,
}

/// Whether a provider is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UpstreamState {
    /// It is.
    Closed,
    /// A few calls try whether it has recovered.
    HalfOpen,
    /// It is not: too many calls failed.
    Open,
}

/// How one provider is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UpstreamStatus {
    /// The provider's name in `weir.toml`.
    pub provider: String,
    /// The state of its circuit breaker.
    pub breaker: UpstreamState,
    /// Calls since the start.
    pub requests: u64,
    /// Calls since the start that failed.
    pub failures: u64,
}
