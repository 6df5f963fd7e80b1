//! Receivers for the telemetry that clients already emit.
//!
//! Each dialect has a decoder, which is pure (bytes to records, no clock, no I/O), and a thin listener that reads bytes
//! and hands records to the [`Inlet`]. What a decoder cannot read is refused with a reason that names what and where,
//! is counted, and never stops the listener.

mod body;
pub mod datadog;
pub mod dogstatsd;
mod inlet;
pub mod mlflow;
pub mod otlp;
mod serve;

pub use inlet::{Inlet, InletParts, RefusalCount, Refusals};
pub use serve::{HttpListener, serve_http};
