//! Where API and budgets meet: how they stand, and changing them.

use std::sync::Arc;

use serde_json::Value;

use crate::{BoxFuture, TimeRange, UnixMicros};

/// How one budget or rate limit stands, for one value of its `*` dimensions.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetStatus {
    /// Its name.
    pub name: Arc<str>,
    /// `budget` or `rate_limit`.
    pub kind: &'static str,
    /// Which calls, as text: `team:payments user:*`.
    pub scope: Arc<str>,
    /// The values of `*` dimensions, as text: `user:ann`; empty where there are none.
    pub values: Arc<str>,
    /// What is counted: `usd`, `tokens`, `requests` or `concurrent`.
    pub measure: &'static str,
    /// `hour`, `day`, `week`, `month`, `minute` or `at_once`.
    pub period: &'static str,
    /// The time zone of its days.
    pub timezone: Arc<str>,
    /// The period that is now; `None` for calls under way.
    pub window: Option<TimeRange>,
    /// What is planned, in dollars, tokens or calls.
    pub amount: f64,
    /// What is never passed.
    pub limit: f64,
    /// What is used.
    pub settled: f64,
    /// What is reserved for calls under way, at all gateways.
    pub reserved: f64,
    /// What other gateways have used, as far as known.
    pub others: f64,
    /// Shares of the amount at which people are told.
    pub warn_at: Vec<f64>,
    /// `observe`, `warn` or `enforce`.
    pub mode: &'static str,
    /// `reject`, `cache_only` or `cheaper_model`.
    pub on_shutoff: &'static str,
    /// The model that calls go to then.
    pub cheaper_model: Option<Arc<str>>,
    /// Whether nothing more fits.
    pub is_exhausted: bool,
    /// Where it is defined: `weir.toml` or `dashboard`.
    pub defined_in: &'static str,
    /// What the period will come to, where that can be told.
    pub outlook: Option<BudgetOutlook>,
    /// The entry as JSON, with the keys of `[[budgets]]`.
    pub entry: Value,
}

/// What a period will come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BudgetOutlook {
    /// The whole period's amount that half of all outcomes are below.
    pub projected: f64,
    /// The amount that a tenth of all outcomes are below.
    pub low: f64,
    /// The amount that nine tenths of all outcomes are below.
    pub high: f64,
    /// When the limit is reached on the way to `projected`; `None` when it is not in this period.
    pub exhausted_at: Option<UnixMicros>,
    /// From how many periods before this one it was told; 0 when the pace so far is all there is.
    pub periods: u32,
}

/// Why a budget could not be read or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BudgetError {
    /// There is no such budget.
    #[error("there is no budget {0:?}")]
    NotFound(String),
    /// What was asked for makes no sense: the key of the entry, and why.
    #[error("{key}: {message}")]
    Invalid {
        /// The key; empty for the whole.
        key: String,
        /// What was found and expected.
        message: String,
    },
    /// The state store failed.
    #[error("the state store failed: {0}")]
    Store(String),
}

/// Budgets and rate limits.
pub trait Budgets: Send + Sync {
    /// How all of them stand. Blocks: it may read the store for what periods will come to.
    fn list(&self) -> Vec<BudgetStatus>;

    /// Makes a budget, or puts another in place of the one with this name, from now on and after restarts. `entry` has the
    /// keys of `[[budgets]]`. Returns the entry that was there before.
    fn save<'a>(
        &'a self,
        name: &'a str,
        entry: &'a Value,
    ) -> BoxFuture<'a, Result<Option<Value>, BudgetError>>;

    /// Ends a budget that was made here, and brings back what weir.toml says under its name. Returns the entry that was
    /// there before.
    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Value, BudgetError>>;
}

/// A budget that was made or changed while Weir runs.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedBudget {
    /// Its name.
    pub name: Arc<str>,
    /// Its entry, with the keys of `[[budgets]]`.
    pub entry: Value,
}

/// Keeps budgets that were made or changed while Weir runs.
pub trait BudgetStore: Send + Sync {
    /// All of them, by name.
    fn list(&self) -> BoxFuture<'_, Result<Vec<SavedBudget>, BudgetError>>;

    /// Keeps a budget, in place of the one with this name.
    fn save<'a>(&'a self, name: &'a str, entry: &'a Value) -> BoxFuture<'a, Result<(), BudgetError>>;

    /// Forgets a budget.
    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), BudgetError>>;
}
