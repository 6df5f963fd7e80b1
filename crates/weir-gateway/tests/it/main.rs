//! The gateway from outside: real sockets on both sides, raw bytes, nothing between.
//!
//! One binary, so that all of it links once. `support` has the three parties: a client and a provider that speak raw HTTP,
//! and a Weir between them with a sink that keeps what it is given and a clock that the test turns.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]
#![allow(
    clippy::format_push_string,
    reason = "reads better than `write!`, and nobody counts allocations here"
)]

mod attribution;
mod auth;
mod bad_input;
mod budget;
mod budget_fleet;
mod cache;
mod cache_fleet;
mod cache_semantic;
mod disconnect;
mod failover;
mod guard;
mod keep_alive;
mod models;
mod pass_through;
mod policy;
mod providers;
mod record;
mod shutdown;
mod support;
mod timeouts;
mod trim;
mod trouble_upstream;
mod usage;
