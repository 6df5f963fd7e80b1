//! The state store: what must survive a restart and is changed by people, in SQLite.
//!
//! Looking up a key is on the way of every call, so all keys are in memory, and the database is asked once a second
//! whether another process has changed it (`weir key create` beside a running `weir serve`). Nothing here is written on
//! the way of a call.
//!
//! Behaviour on failure: when the database cannot be read the keys in memory stay as they are.

mod alerts;
mod audit;
mod budgets;
mod documents;
mod keys;
mod secret;

pub(crate) use alerts::AlertDb;
pub use alerts::SilenceCheck;
pub(crate) use audit::AuditDb;
pub(crate) use budgets::BudgetTable;
pub(crate) use documents::DocumentStore;
pub use keys::KeyStore;
pub use secret::{hash_key, random_hex};
