//! Who sees which calls, as the API says it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use weir_types::{Coverage, CoverageRow};

/// Who sees which calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CoverageAnswer {
    /// By service, application and library, most calls first; 1000 at most.
    pub rows: Vec<CoverageItem>,
    /// Calls that the gateway and a client told of.
    pub both: u64,
    /// Calls that only the gateway saw: nothing traces the code that made them.
    pub gateway_only: u64,
    /// Calls that only a client told of: they pass the gateway by.
    pub telemetry_only: u64,
    /// The share of calls that went through the gateway, 0 to 1; null without calls.
    #[schema(required)]
    pub ratio: Option<f64>,
    /// The share of calls that clients told of, 0 to 1; null without calls.
    #[schema(required)]
    pub traced_ratio: Option<f64>,
    /// Calls that name no application.
    pub without_app: u64,
}

/// The calls of one service, application and library.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CoverageItem {
    /// The service.
    #[schema(required)]
    pub service: Option<String>,
    /// The application.
    #[schema(required)]
    pub app: Option<String>,
    /// The library that made the calls, or told of them where the gateway did not see them.
    #[schema(required)]
    pub client: Option<String>,
    /// Calls that the gateway and a client told of.
    pub both: u64,
    /// Calls that only the gateway saw.
    pub gateway_only: u64,
    /// Calls that only a client told of.
    pub telemetry_only: u64,
    /// Their tokens, input and output together; null when none states any.
    #[schema(required)]
    pub tokens: Option<u64>,
    /// What they cost; null when none has a price.
    #[schema(required)]
    pub cost_usd: Option<f64>,
    /// When the first started.
    pub first_seen_ms: i64,
    /// When the last started.
    pub last_seen_ms: i64,
}

impl From<&Coverage> for CoverageAnswer {
    fn from(coverage: &Coverage) -> Self {
        let calls = coverage.calls;
        Self {
            rows: coverage.rows.iter().map(CoverageItem::from).collect(),
            both: calls.both,
            gateway_only: calls.gateway_only,
            telemetry_only: calls.telemetry_only,
            ratio: calls.ratio(),
            traced_ratio: calls.traced_ratio(),
            without_app: coverage.without_app,
        }
    }
}

impl From<&CoverageRow> for CoverageItem {
    fn from(row: &CoverageRow) -> Self {
        Self {
            service: row.service.clone(),
            app: row.app.clone(),
            client: row.client.clone(),
            both: row.calls.both,
            gateway_only: row.calls.gateway_only,
            telemetry_only: row.calls.telemetry_only,
            tokens: row.tokens,
            cost_usd: row.cost.map(weir_types::NanoUsd::as_usd),
            first_seen_ms: row.first_seen.as_millis(),
            last_seen_ms: row.last_seen.as_millis(),
        }
    }
}
