//! The query language from outside: text in, series or a pointed error out, against a store in memory that folds
//! single values the obvious way.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod answers;
mod completion;
mod errors;
mod explanations;
mod laws;
mod memory;
mod money;
mod plans;
mod reference;
mod scopes;
mod time;
mod traps;
