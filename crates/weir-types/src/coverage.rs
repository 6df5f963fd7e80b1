//! Who sees which calls: the gateway, the clients' own telemetry, or both.

use serde::{Deserialize, Serialize};

use crate::{NanoUsd, UnixMicros};

/// How many calls were seen by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SeenBy {
    /// By the gateway and by a client.
    pub both: u64,
    /// By the gateway alone: nothing traces the code that made them.
    pub gateway_only: u64,
    /// By a client alone: they pass the gateway by.
    pub telemetry_only: u64,
}

impl SeenBy {
    /// All calls; each is counted once.
    pub fn total(&self) -> u64 {
        self.both + self.gateway_only + self.telemetry_only
    }

    /// The share of calls that went through the gateway; `None` without calls.
    pub fn ratio(&self) -> Option<f64> {
        self.share(self.both + self.gateway_only)
    }

    /// The share of calls that clients told of; `None` without calls.
    pub fn traced_ratio(&self) -> Option<f64> {
        self.share(self.both + self.telemetry_only)
    }

    fn share(&self, part: u64) -> Option<f64> {
        let total = self.total();
        (total > 0).then(|| part as f64 / total as f64)
    }
}

/// The calls of one service, application and library.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CoverageRow {
    /// The service.
    pub service: Option<String>,
    /// The application.
    pub app: Option<String>,
    /// The library that made the calls, or told of them where the gateway did not see them.
    pub client: Option<String>,
    /// Who saw them.
    pub calls: SeenBy,
    /// Their tokens; `None` when none states any.
    pub tokens: Option<u64>,
    /// What they cost; `None` when none has a price.
    pub cost: Option<NanoUsd>,
    /// When the first started.
    pub first_seen: UnixMicros,
    /// When the last started.
    pub last_seen: UnixMicros,
}

/// Who sees which calls.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage {
    /// By service, application and library, most calls first.
    pub rows: Vec<CoverageRow>,
    /// All calls, also those of rows that are left out.
    pub calls: SeenBy,
    /// Calls that name no application.
    pub without_app: u64,
}
