//! What keeps calls within what they may spend: three layers, each usable alone.
//!
//! | part | does |
//! |---|---|
//! | `trim` | layer 1: the token budget of one request; shortens what is too long and keeps its meaning |
//! | `budget` | layer 2: budgets and rate limits by scope and period; reserves before a call and settles after it |
//! | `cache` | layer 3: answers that were given before |
//! | `redis` | the connection to what a fleet of gateways shares |
//!
//! Each layer can observe only: it says what it would have done and changes nothing. The gateway asks the layers in
//! order and notes on the call's span what they decided and saved.
//!
//! Invariants: no layer fails a user's call because the layer itself failed (a backend that is away does what its
//! configuration says). Money is never a float.

pub mod budget;
pub mod cache;
mod mode;
pub mod redis;
pub mod trim;

pub use mode::Mode;
