//! The crate from outside.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod backtest;
mod bands;
mod confidence;
mod definitions;
mod engine;
mod events;
mod exchange;
mod files;
mod language;
mod late;
mod ledger;
mod memory;
mod messages;
mod objectives;
mod restart;
mod traps;
mod verify;
mod world;
