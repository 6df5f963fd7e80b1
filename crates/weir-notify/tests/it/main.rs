//! The notifier from outside: real receivers on free ports, a store in memory, a clock that is turned by hand.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod configuration;
mod delivering;
mod kinds;
mod mail;
mod server;
mod store;
mod support;
