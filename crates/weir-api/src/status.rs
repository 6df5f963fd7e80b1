//! What the binary tells the API about the running Weir.
//!
//! The API does not know the gateway or the store; whoever wires them together implements [`StatusSource`].

use weir_types::UnixMicros;

use crate::wire::{ReceiverStatus, StoreStatus, UpstreamStatus};

/// How the parts of this Weir are doing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Status {
    /// Weir's version.
    pub version: String,
    /// When it started.
    pub started_at: UnixMicros,
    /// Whether this is the demo.
    pub demo: bool,
    /// Where it listens.
    pub listen: Vec<String>,
    /// Why it does not take calls; empty when it does. Anyone may read these texts: they name no paths and no secrets.
    pub not_ready: Vec<String>,
    /// The store.
    pub store: StoreStatus,
    /// The providers, by name.
    pub upstreams: Vec<UpstreamStatus>,
    /// The receivers for telemetry.
    pub receivers: Vec<ReceiverStatus>,
}

/// Knows how this Weir is doing. Answers from memory and never waits: probes ask every few seconds.
pub trait StatusSource: Send + Sync {
    /// How it is doing now.
    fn status(&self) -> Status;
}
