//! Judges finished spans and writes what it thinks of them as scores.
//!
//! Nothing here stands in the way of a user's call: spans are read from the store after they have ended, and models that judge
//! are asked through Weir's own gateway, as an agent of their own (`weir-evaluator`) that is metered and budgeted like any other.

pub mod drift;
mod error;

pub use error::EvaluateError;
