//! What this crate promises, tested from outside. One binary, because linking is what tests cost.

mod errors;
mod fixtures;
mod requests;
mod streams;
mod support;
