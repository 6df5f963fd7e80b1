//! Budgets on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use weir_types::{BudgetOutlook, BudgetStatus};

/// All budgets and rate limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BudgetList {
    /// In the order of their definitions; one for each value of `*` dimensions.
    pub budgets: Vec<BudgetItem>,
}

/// How one budget or rate limit stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BudgetItem {
    /// Its name.
    #[schema(example = "team:payments a day")]
    pub name: String,
    /// `budget` or `rate_limit`.
    pub kind: String,
    /// Which calls it is about.
    #[schema(example = "team:payments user:*")]
    pub scope: String,
    /// The values of `*` dimensions; empty where there are none.
    #[schema(example = "user:ann")]
    pub values: String,
    /// What is counted: `usd`, `tokens`, `requests` or `concurrent`. All amounts are in it.
    pub measure: String,
    /// `hour`, `day`, `week`, `month`, `minute` or `at_once`.
    pub period: String,
    /// The time zone of its days.
    pub timezone: String,
    /// When the period that is now began, in Unix milliseconds; `null` for calls under way.
    pub from_ms: Option<i64>,
    /// When it ends.
    pub to_ms: Option<i64>,
    /// What is planned for a period.
    pub amount: f64,
    /// What is never passed.
    pub limit: f64,
    /// What is used.
    pub settled: f64,
    /// What is reserved for calls under way, at all gateways.
    pub reserved: f64,
    /// What other gateways have used, as far as known.
    pub others: f64,
    /// What is used, as a share of the amount.
    pub used: f64,
    /// Shares of the amount at which people are told.
    pub warn_at: Vec<f64>,
    /// `observe`, `warn` or `enforce`.
    pub mode: String,
    /// `reject`, `cache_only` or `cheaper_model`.
    pub on_shutoff: String,
    /// The model that calls go to then.
    pub cheaper_model: Option<String>,
    /// Whether nothing more fits.
    pub is_exhausted: bool,
    /// Where it is defined: `weir.toml` or `dashboard`.
    pub defined_in: String,
    /// What the period will come to.
    pub outlook: Option<OutlookItem>,
    /// The entry with the keys of `[[budgets]]`; `null` for rate limits.
    pub entry: serde_json::Value,
}

/// What a period will come to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OutlookItem {
    /// The whole period's amount that half of all outcomes are below.
    pub projected: f64,
    /// The amount that a tenth of all outcomes are below.
    pub low: f64,
    /// The amount that nine tenths of all outcomes are below.
    pub high: f64,
    /// When the limit is reached, in Unix milliseconds; `null` when it is not in this period.
    pub exhausted_at_ms: Option<i64>,
    /// From how many earlier periods it was told; 0 when the pace so far is all there is.
    pub periods: u32,
}

/// What a budget shall be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetRequest {
    /// The keys of `[[budgets]]`.
    #[schema(value_type = Object, example = json!({"scope": {"team": "payments"}, "period": "day", "amount_usd": 200.0}))]
    pub entry: serde_json::Value,
    /// Who does it, for the audit log.
    pub by: Option<String>,
}

impl From<BudgetStatus> for BudgetItem {
    fn from(status: BudgetStatus) -> Self {
        let used = (status.settled + status.others) / status.amount;
        Self {
            name: status.name.to_string(),
            kind: status.kind.to_owned(),
            scope: status.scope.to_string(),
            values: status.values.to_string(),
            measure: status.measure.to_owned(),
            period: status.period.to_owned(),
            timezone: status.timezone.to_string(),
            from_ms: status.window.map(|window| window.from.as_millis()),
            to_ms: status.window.map(|window| window.to.as_millis()),
            amount: status.amount,
            limit: status.limit,
            settled: status.settled,
            reserved: status.reserved,
            others: status.others,
            used,
            warn_at: status.warn_at,
            mode: status.mode.to_owned(),
            on_shutoff: status.on_shutoff.to_owned(),
            cheaper_model: status.cheaper_model.map(|model| model.to_string()),
            is_exhausted: status.is_exhausted,
            defined_in: status.defined_in.to_owned(),
            outlook: status.outlook.map(OutlookItem::from),
            entry: status.entry,
        }
    }
}

impl From<BudgetOutlook> for OutlookItem {
    fn from(told: BudgetOutlook) -> Self {
        Self {
            projected: told.projected,
            low: told.low,
            high: told.high,
            exhausted_at_ms: told.exhausted_at.map(weir_types::UnixMicros::as_millis),
            periods: told.periods,
        }
    }
}
