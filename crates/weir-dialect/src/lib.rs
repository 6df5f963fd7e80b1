//! Providers' wire formats, without I/O.
//!
//! The gateway forwards bytes; this crate tells it what the bytes say. It reads a request once for the few fields that
//! routing, attribution and pricing need ([`read_request`]), splices a request where a field must change
//! ([`rewrite_request`]), reads an answer ([`read_response`]) or a stream as it passes ([`StreamReader`]), and puts
//! Weir's own errors into the shape that the caller's SDK understands ([`error_body`]).
//!
//! Why bytes instead of typed messages: providers add fields every month, and an answer must reach the client byte for
//! byte. Nothing here is ever re-serialised except what a span keeps; unknown fields survive because they are never
//! taken apart.
//!
//! Invariants: no I/O, no clock, no global state. Reading never panics and, but for requests that are not JSON, never
//! fails: what cannot be read is `None`. Memory per stream is bounded by [`StreamOptions::content_bytes_max`] and
//! [`EVENT_BYTES_MAX`]. Token counts leave this crate inclusive, whatever the dialect says.

mod anthropic;
mod cap;
mod dialect;
mod error;
mod facts;
mod literal;
mod openai;
mod outline;
mod request;
mod response;
mod rewrite;
mod splice;
mod sse;
mod stream;
mod text;
mod wire;

pub use cap::{OutputCap, cap_output};
pub use dialect::{Dialect, Family};
pub use error::{ErrorKind, ProviderError, WeirErrorKind, error_body, read_error};
pub use facts::{ResponseFacts, UsageDetail};
pub use literal::Literal;
pub use outline::{Entry, Kind, Outline, Role, Text};
pub use request::{RequestError, RequestFacts, read_request};
pub use response::read_response;
pub use rewrite::{RequestEdit, rewrite_request};
pub use splice::{Edit, apply as apply_edits};
pub use stream::{EVENT_BYTES_MAX, StreamForward, StreamOptions, StreamReader, StreamStep};
