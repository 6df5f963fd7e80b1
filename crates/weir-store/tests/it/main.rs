//! The store from outside: its files, its doors, and what is left of it after any end.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod alerts;
mod audit;
mod awaiting;
mod browse;
mod cell_feed;
mod coverage;
mod documents;
mod journal;
mod keys;
mod kill;
mod outage;
mod overview;
mod reconcile;
mod retention;
mod sql;
mod support;
mod traces;
mod upkeep;
