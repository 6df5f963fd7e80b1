//! A provider that is simulated, and traffic that is real enough.
//!
//! Four things live here. The [simulator](SimulatedProvider) speaks the wire formats of OpenAI and Anthropic on one
//! listener, so that the demo, the tests and the benchmarks need no key and no network. [`replay`] sends an
//! arrival-time trace of a production service through a gateway, every call once. [`drive_traffic`] and [`backfill`]
//! make a believable company out of a sample of the same trace. [`play`] performs a scripted [`Incident`] for each of the seven
//! monitors.
//!
//! The simulator shares no code with `weir-dialect`: what reads a provider's bytes in Weir must not be tested by bytes
//! that the same code wrote. Everything random is drawn from a seed, so a call with the same seed has the same answer,
//! byte for byte.

mod backfill;
mod client;
mod company;
mod dialogue;
mod error;
mod incident;
mod replay;
mod simulator;
mod trace;
mod traffic;

pub use backfill::{Backfill, backfill};
pub use error::DemoError;
pub use incident::{Incident, IncidentClock, IncidentParts, Reached, past, play, reached};
pub use replay::{Progress, ReplayConfig, ReplayReport, replay};
pub use simulator::{
    Incidents, Latency, RunningProvider, SIM_HEADER, SimulatedProvider, SimulatorConfig, Tally,
};
pub use trace::{Arrival, read_trace};
pub use traffic::{DemoTraffic, RUNS_PER_SECOND, drive_traffic};
