//! What can go wrong outside of a simulated call. Inside of one, an error is an answer in the provider's shape.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the simulator, a replay or the demo could not start.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address} for the simulated provider: {source}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The trace cannot be read at all.
    #[error("cannot read the trace {}: {reason}", path.display())]
    Trace {
        /// The file.
        path: PathBuf,
        /// What the system or the CSV reader said.
        reason: String,
    },
    /// One line of the trace does not say what it should.
    #[error(
        "{}:{line}: {reason}; expected the columns TIMESTAMP (like `2023-11-16 18:17:03.97`), ContextTokens, GeneratedTokens",
        path.display()
    )]
    TraceLine {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The gateway's address is no `http://host:port`.
    #[error(
        "{url:?} is not the address of a gateway ({reason}); expected something like http://127.0.0.1:7070"
    )]
    GatewayUrl {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A value of the configuration is out of range.
    #[error("{what} is {value}, expected {expected}")]
    Config {
        /// Which value.
        what: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// A scripted incident did not come about.
    #[error("the incident for {monitor} did not go as it should: {reason}")]
    Incident {
        /// The monitor that it is for.
        monitor: &'static str,
        /// What failed, or was waited for in vain.
        reason: String,
    },
}
