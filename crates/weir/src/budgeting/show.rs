//! Budgets as the API shows them: in dollars, tokens and calls instead of nano-dollars.

use std::sync::Arc;

use weir_control::Mode;
use weir_control::budget::{AccountStatus, Amount, Measure, OnShutoff};
use weir_types::{BudgetOutlook, BudgetStatus, NanoUsd, TimeRange, UnixMicros};

use super::Budgeting;

/// One account.
pub fn status(budgeting: &Budgeting, status: &AccountStatus, now: UnixMicros) -> BudgetStatus {
    let spec = &status.limit;
    let entry = budgeting.entry(&spec.name);
    let unit = |amount: Amount| in_unit(spec.measure, amount as f64);
    let outlook = budgeting.outlooks.of(&*budgeting.parts.scan, status, now);
    BudgetStatus {
        name: Arc::clone(&spec.name),
        kind: spec.kind.as_str(),
        scope: Arc::from(spec.scope.to_string()),
        values: Arc::from(status.values_text()),
        measure: match spec.measure {
            Measure::Usd => "usd",
            Measure::Tokens => "tokens",
            Measure::Calls => "requests",
            Measure::Concurrent => "concurrent",
        },
        period: spec.period.as_str(),
        timezone: Arc::from(spec.timezone.iana_name().unwrap_or("UTC")),
        window: status.window.map(|window| TimeRange { from: window.from, to: window.to }),
        amount: unit(spec.amount),
        limit: unit(spec.limit()),
        settled: unit(status.settled),
        reserved: unit(status.reserved),
        others: unit(status.others),
        warn_at: spec.warn_at.clone(),
        mode: match spec.mode {
            Mode::Observe => "observe",
            Mode::Warn => "warn",
            Mode::Enforce => "enforce",
        },
        on_shutoff: match spec.on_shutoff {
            OnShutoff::Reject => "reject",
            OnShutoff::CacheOnly => "cache_only",
            OnShutoff::CheaperModel(_) => "cheaper_model",
        },
        cheaper_model: match &spec.on_shutoff {
            OnShutoff::CheaperModel(model) => Some(Arc::clone(model)),
            OnShutoff::Reject | OnShutoff::CacheOnly => None,
        },
        is_exhausted: status.is_exhausted(),
        defined_in: entry.as_ref().map_or("weir.toml", |(_, place)| place),
        outlook: outlook.map(|told| BudgetOutlook {
            projected: in_unit(spec.measure, told.projected),
            low: in_unit(spec.measure, told.low),
            high: in_unit(spec.measure, told.high),
            ..told
        }),
        entry: entry.map_or(serde_json::Value::Null, |(entry, _)| super::json(&entry)),
    }
}

fn in_unit(measure: Measure, amount: f64) -> f64 {
    if measure == Measure::Usd { amount / NanoUsd::from_usd(1.0).0 as f64 } else { amount }
}
