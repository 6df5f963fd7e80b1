//! What this crate promises, tested from outside. One binary, because linking is what tests cost.

#![allow(clippy::unwrap_used, reason = "the helpers of tests may panic as tests do")]

mod trim;
mod trim_laws;
