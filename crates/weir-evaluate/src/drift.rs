//! Drift: whether answers are still distributed as they were.
//!
//! | module | does |
//! |---|---|
//! | `statistic` | how far two distributions are apart: PSI and the Kolmogorov–Smirnov distance |
//! | `watch` | reads a window and its reference from the store, for each model and app |
//!
//! What is compared is read from cells where cells know it, so a look over weeks of calls takes milliseconds. What is found is
//! written as points, so charts show it and monitors can watch it.

mod statistic;
mod watch;

pub use statistic::{Distance, MOVING_PSI, SHIFTED_PSI, between_labels, between_values};
pub use watch::{Drift, DriftConfig, METRIC_KS, METRIC_PSI, look};
