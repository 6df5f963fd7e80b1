//! Budgets as a running Weir has them: those of weir.toml and those made on the dashboard, filled at the start with what
//! the store says was spent, watched while they are used.
//!
//! | part | does |
//! |---|---|
//! | `spent` | reads from the store what was spent in a period |
//! | `outlook` | what a period will come to |
//! | `show` | how the API shows them |
//! | `watch` | tells of thresholds that are reached, and writes the metric `weir.budget.used` |
//!
//! Failure: a store that cannot say what was spent makes the start fail rather than let a budget begin anew; a state
//! store that cannot be read does too.

mod outlook;
mod show;
mod spent;
mod watch;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use serde_json::Value;
use weir_control::budget::{BudgetEntry, EntryFault, Ledger, LimitKind, LimitSpec};
use weir_types::{
    BoxFuture, BudgetError, BudgetStatus, BudgetStore, Budgets, Clock, RecordSink, SavedBudget, Scan,
    ScanError, UnixMicros,
};

use outlook::Outlooks;
pub use watch::Watching;

/// Where budgets are defined that were made on the dashboard.
const DASHBOARD: &str = "dashboard";

/// What budgets need of others.
pub struct BudgetingParts {
    /// Where spent amounts are read.
    pub scan: Arc<dyn Scan>,
    /// Where budgets of the dashboard are kept.
    pub saved: Arc<dyn BudgetStore>,
    /// Where events and points go.
    pub sink: Arc<dyn RecordSink>,
    /// The time that periods go by.
    pub clock: Arc<dyn Clock>,
    /// Budgets and rate limits of weir.toml.
    pub configured: Configured,
}

/// Budgets and rate limits of weir.toml, checked.
#[derive(Debug, Clone, Default)]
pub struct Configured {
    /// The budgets.
    pub budgets: Vec<BudgetEntry>,
    /// The limits of rate limits.
    pub rates: Vec<LimitSpec>,
}

impl Configured {
    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        self.budgets.is_empty() && self.rates.is_empty()
    }
}

/// Budgets as a running Weir has them.
pub struct Budgeting {
    parts: BudgetingParts,
    ledger: Arc<Ledger>,
    /// Budgets that were made on the dashboard, by name.
    saved: Mutex<HashMap<String, BudgetEntry>>,
    outlooks: Outlooks,
    /// One change after the other.
    changing: tokio::sync::Mutex<()>,
}

impl Budgeting {
    /// Puts in force the configured budgets and those that the dashboard has saved, and reads what was spent in the periods
    /// that are now. What the store has not taken from the journal yet must be there before.
    pub async fn open(parts: BudgetingParts, saved: &[SavedBudget]) -> anyhow::Result<Arc<Self>> {
        let budgeting = Arc::new(Self {
            saved: Mutex::new(saved.iter().filter_map(entry_of).collect()),
            ledger: Arc::default(),
            outlooks: Outlooks::default(),
            changing: tokio::sync::Mutex::default(),
            parts,
        });
        let followed = budgeting.follow().await;
        followed.context("cannot read from the store what was spent; budgets cannot begin without it")?;
        Ok(budgeting)
    }

    /// The ledger that calls are reserved with.
    pub fn ledger(&self) -> Arc<Ledger> {
        Arc::clone(&self.ledger)
    }

    /// All limits: budgets of the dashboard go before those of weir.toml with the same name.
    fn specs(&self) -> Vec<LimitSpec> {
        let saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        let configured = &self.parts.configured;
        let own = configured.budgets.iter().filter(|entry| !saved.contains_key(&entry.name()));
        let mut added: Vec<&BudgetEntry> = saved.values().collect();
        added.sort_by_key(|entry| entry.name());
        let budgets = own.chain(added).filter_map(|entry| entry.resolve().ok());
        budgets.chain(configured.rates.iter().cloned()).collect()
    }

    /// Puts all limits in force as they are now.
    async fn follow(&self) -> Result<(), ScanError> {
        let (ledger, scan) = (Arc::clone(&self.ledger), Arc::clone(&self.parts.scan));
        let (limits, now) = (self.specs(), self.parts.clock.now());
        let followed = tokio::task::spawn_blocking(move || put_in_force(&ledger, &*scan, limits, now)).await;
        followed.map_err(|error| ScanError::Store(error.to_string()))?
    }

    fn saved_entry(&self, name: &str) -> Option<BudgetEntry> {
        self.saved.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// The entry of a budget and where it is defined.
    fn entry(&self, name: &str) -> Option<(BudgetEntry, &'static str)> {
        let saved = self.saved_entry(name).map(|entry| (entry, DASHBOARD));
        let configured = || self.parts.configured.budgets.iter().find(|entry| entry.name() == name);
        saved.or_else(|| configured().map(|entry| (entry.clone(), "weir.toml")))
    }

    /// Replaces the dashboard's budget of this name, or takes it away, and follows it from now on.
    async fn change(&self, name: &str, entry: Option<BudgetEntry>) -> Result<(), BudgetError> {
        {
            let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
            match entry {
                Some(entry) => saved.insert(name.to_owned(), entry),
                None => saved.remove(name),
            };
        }
        self.follow().await.map_err(|error| BudgetError::Store(error.to_string()))
    }

    async fn save_checked(&self, name: &str, entry: BudgetEntry) -> Result<Option<Value>, BudgetError> {
        let _turn = self.changing.lock().await;
        let before = self.entry(name).map(|(entry, _)| json(&entry));
        self.parts.saved.save(name, &json(&entry)).await?;
        self.change(name, Some(entry)).await?;
        Ok(before)
    }
}

impl Budgets for Budgeting {
    fn list(&self) -> Vec<BudgetStatus> {
        let now = self.parts.clock.now();
        let status = self.ledger.status(now);
        status.iter().map(|status| show::status(self, status, now)).collect()
    }

    fn save<'a>(
        &'a self,
        name: &'a str,
        entry: &'a Value,
    ) -> BoxFuture<'a, Result<Option<Value>, BudgetError>> {
        Box::pin(async move {
            let read = serde_json::from_value::<BudgetEntry>(entry.clone());
            let mut entry = read.map_err(|error| invalid("", error.to_string()))?;
            entry.name = Some(name.to_owned());
            entry.resolve().map_err(|EntryFault { key, message }| invalid(key, message))?;
            if self.parts.configured.rates.iter().any(|rate| &*rate.name == name) {
                return Err(invalid("name", format!("{name:?} is the name of a rate limit of weir.toml")));
            }
            self.save_checked(name, entry).await
        })
    }

    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Value, BudgetError>> {
        Box::pin(async move {
            let _turn = self.changing.lock().await;
            let before = self.saved_entry(name);
            let before = before.ok_or_else(|| BudgetError::NotFound(name.to_owned()))?;
            self.parts.saved.remove(name).await?;
            self.change(name, None).await?;
            Ok(json(&before))
        })
    }
}

/// Puts limits in force. Those that count what was not counted before begin with what the store says was spent.
fn put_in_force(
    ledger: &Ledger,
    scan: &dyn Scan,
    limits: Vec<LimitSpec>,
    now: UnixMicros,
) -> Result<(), ScanError> {
    let known = ledger.limits();
    let is_counted = |spec: &LimitSpec| known.iter().any(|old| old.counts_like(spec));
    let mut spent = Vec::new();
    for spec in limits.iter().filter(|spec| spec.kind == LimitKind::Budget && !is_counted(spec)) {
        spent.push((Arc::clone(&spec.name), spent::in_period(scan, spec, now)?));
    }
    ledger.set_limits(limits);
    for (name, accounts) in spent {
        for (values, amount) in accounts {
            ledger.seed(&name, &values, amount, now);
        }
    }
    Ok(())
}

/// A budget as it is kept. One that a later Weir wrote and this one cannot read is left alone.
fn entry_of(saved: &SavedBudget) -> Option<(String, BudgetEntry)> {
    let entry: BudgetEntry = serde_json::from_value(saved.entry.clone()).ok()?;
    let is_sound = entry.resolve().is_ok();
    if !is_sound {
        tracing::warn!(name = %saved.name, "a budget of the dashboard makes no sense and is left out");
    }
    is_sound.then(|| (saved.name.to_string(), entry))
}

fn json(entry: &BudgetEntry) -> Value {
    serde_json::to_value(entry).unwrap_or_default()
}

fn invalid(key: &str, message: impl Into<String>) -> BudgetError {
    BudgetError::Invalid { key: key.to_owned(), message: message.into() }
}
