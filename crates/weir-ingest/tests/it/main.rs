//! Receivers from outside: bytes of real clients in, records out.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod datadog;
mod dogstatsd;
mod kept;
mod otlp;
mod otlp_dialects;
