//! The gateway: receives calls, applies policies, forwards them to providers, relays the answers and records everything.
//!
//! Read `handle.rs` first: it is the one page that shows a call's life. The parts, in that order:
//!
//! | part | does |
//! |---|---|
//! | [`front`] | listens, owns the worker threads and the clients' connections |
//! | `session`, `context` | one client connection; one call |
//! | `endpoint`, `authorise`, `receive`, `route` | what is asked, by whom, and who may answer |
//! | `trim` | shortens what is over its agent's token budget |
//! | `policy` | what monitors have set for such calls: throttles, blocks, another model |
//! | `guard` | refuses prompts that look like attacks, hold secrets or ask what their agent may not |
//! | `cache` | answers what was answered before, and keeps what is answered now |
//! | `budget` | reserves the most that the call can cost with every budget that is about it |
//! | `forward`, `retry`, `breaker`, `upstream` | gets an answer's head, whatever it takes |
//! | `relay` | passes the answer on |
//! | `finish`, `attribution` | writes the span |
//!
//! Why one thread per core and nothing shared: a call is I/O and a few microseconds of work. On a thread of its own it
//! needs no lock, no channel and no wake-up of another thread, and the client's connection, the handler and the provider's
//! connection are one task.
//!
//! Invariants: bytes pass through unless a policy says otherwise. A call is recorded exactly once, before the last bytes
//! of its answer leave. Nothing waits for telemetry but that one append. A client that goes away takes the call to the
//! provider with it. A provider's key leaves only in the request to that provider; a virtual key never leaves.

mod attribution;
mod authorise;
mod breaker;
mod budget;
mod cache;
mod config;
mod context;
mod endpoint;
mod error;
mod finish;
mod forward;
pub mod front;
mod gateway;
mod guard;
mod handle;
mod headers;
mod known;
mod models;
mod policy;
mod provider;
mod receive;
mod refusal;
mod relay;
mod retry;
mod route;
mod session;
mod stats;
mod trace_context;
mod trim;
mod upstream;
mod worker;

pub use breaker::BreakerState;
pub use config::{
    AuthMode, Bodies, BreakerConfig, GatewayConfig, GatewayLimits, ProviderConfig, ProviderKind, RetryConfig,
    RouteConfig, Target, Timeouts,
};
pub use error::{ConfigFault, GatewayError};
pub use gateway::{Gateway, GatewayParts};
pub use known::{KnownProvider, known_providers};
pub use relay::{GatewayBody, RelayError};
pub use session::Session;
pub use stats::{GatewayStats, UpstreamHealth};
pub use worker::Worker;
