//! What tests are made of.
//!
//! A [`TestClock`] that is turned by hand, a [`WeirProcess`] that is the real binary with a data folder of its own (and can be
//! killed like one), a [`RedisServer`], the simulated provider, and an HTTP client that shows exactly what arrived ([`Answer`]).
//!
//! Nothing here sleeps for a fixed time: whoever waits says for what, and [`eventually`] polls it with a deadline. What
//! fails says what was waited for and, for a process, the end of its log.

mod clock;
mod error;
mod http_client;
mod redis_server;
mod wait;
mod weir_process;

pub use clock::TestClock;
pub use error::TestError;
pub use http_client::{Answer, HttpClient, OpenAnswer};
pub use redis_server::RedisServer;
pub use wait::{DEADLINE, eventually, free_address};
pub use weir_demo::{RunningProvider, SIM_HEADER, SimulatedProvider, SimulatorConfig, Tally};
pub use weir_process::WeirProcess;

/// A simulated provider on a free port that answers at once and has no incidents.
pub async fn start_simulator() -> Result<RunningProvider, TestError> {
    Ok(SimulatedProvider::start(SimulatorConfig::default()).await?)
}
