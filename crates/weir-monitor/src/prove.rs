//! Proofs: what monitors would have done, and whether what they did can be done again.
//!
//! All of it runs the engine itself over cells, so what is proved is what runs: [`backtest`] over what the store has kept
//! shows whether a monitor is worth having before anybody is woken by it, and [`run_tests`] over what a test says holds it
//! to what it should do. [`verify`] judges anew what was judged, and compares.
//!
//! Invariants: no I/O but through [`weir_types::Scan`], and no clock. What the store keeps only by the hour is read anew
//! from rows where there are rows.
//!
//! On failure a [`weir_types::ScanError`] says what could not be read; a monitor that cannot be evaluated is part of the
//! report and no failure.

mod backtest;
mod case;
mod cells;
mod compare;
mod expect;
mod history;
mod record;
mod run;
mod script;
mod suggest;
mod tally;
mod verdict;
mod verify;

pub use backtest::{BacktestOptions, BacktestReport, MonitorBacktest, backtest};
pub use case::TestFile;
pub use expect::FoundState;
pub use record::{junit, with_found_states};
pub use run::{Problem, TestRun, run_tests};
pub use tally::GroupBacktest;
pub use verdict::Verdict;
pub use verify::{Difference, Outcome, Recorded, Verified, verify};
