//! The API from outside: a router on a real socket, stores that live in memory, requests as bytes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod budgets;
mod cache;
mod client;
mod compatible;
mod compress;
mod contract;
mod cost;
mod csv;
mod documents;
mod editor;
mod fake_monitors;
mod fakes;
mod hostile;
mod keys;
mod live;
mod load;
mod monitors;
mod query;
mod reference;
mod scores;
mod security;
mod spans;
mod sql;
mod status;
mod web;
