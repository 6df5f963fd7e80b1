//! The real binary from outside: real processes, real sockets, kills, bad input, a whole hour of traffic.
//!
//! One binary, so that all of it links once. `support` starts commands and reads what the store has; the simulated provider
//! and the Weir to call come from `weir-testkit`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]
#![allow(clippy::print_stderr, reason = "a seed and the trace that was used must be seen when a test fails")]

mod bad_clients;
mod bad_upstreams;
mod budgets;
mod budgets_fleet;
mod cli;
mod drift;
mod evaluate;
mod help;
mod hook;
mod incidents;
mod keys;
mod kill;
mod ledger;
mod monitors;
mod probes;
mod prove;
mod questions;
mod replay;
mod risk;
mod serve;
mod start;
mod support;
mod watch;
