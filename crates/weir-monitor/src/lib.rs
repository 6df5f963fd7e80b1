//! Judges: what a monitor's condition means.
//!
//! A condition is written in Weir's own form (`p95(llm.request.duration) by model > 5000ms over 5m`) or as a Datadog
//! monitor query (`percentile(last_5m):p95:llm.request.duration{*} by {model} > 5000`). Both become one tree, a
//! [`Condition`], whose every default is filled in, so that nothing behind the parser knows two forms. Expressions within
//! a condition are those of `weir_query`: what a chart shows is what a monitor judges.
//!
//! Invariants: this crate does no I/O and never reads the clock. No text makes it panic or run without bound.
//!
//! On failure a parser returns a [`weir_query::QueryError`] that points at the place in the text.

mod condition;
mod definition;
pub mod detect;
mod engine;
mod error;
mod exchange;
mod explain;
mod ledger;
mod objective;
mod prove;
mod template;

pub use condition::{
    Algorithm, Anomaly, BudgetRule, Burn, Change, Comparison, Composite, Condition, Dialect, Direction,
    EventQuery, Forecast, Judged, MonitorRef, OutlierAlgorithm, Outliers, Period, PointAggregator, Reading,
    Rule, Rules, Seasonality, Shape, Threshold, Value, Window,
};
pub use definition::{
    Action, ActionEntry, Amount, Definitions, Entry, Handling, Levels, Monitor, NoData, Severity,
    default_message, load, load_with,
};
pub use engine::{
    BandHistory, Bounds, Change as StateChange, Engine, Follow, Machine, Presence, Seen, Telling, TickReport,
};
pub use error::MonitorError;
pub use exchange::{
    Export, Import, Imported, Loss, System, datadog_spelling, exchange_reference, export, import,
    shown_losses,
};
pub use explain::explain;
pub use ledger::{History, Keep, Ledger, Selection};
pub use objective::{Slo, SloEntry};
pub use prove::{
    BacktestOptions, BacktestReport, Difference, FoundState, GroupBacktest, MonitorBacktest, Outcome,
    Problem, Recorded, TestFile, TestRun, Verdict, Verified, backtest, junit, run_tests, verify,
    with_found_states,
};
pub use template::{Facts, NoticeState, Template, Variable};

use weir_query::QueryError;

/// Parses a condition in either form. Never panics, whatever the text.
pub fn parse_condition(text: &str) -> Result<Condition, QueryError> {
    condition::parse(text)
}
