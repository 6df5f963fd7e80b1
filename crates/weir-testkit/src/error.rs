//! Why a test could not be set up, or what it waited for in vain.

use std::path::PathBuf;
use std::time::Duration;

/// What went wrong around a test.
#[derive(Debug, thiserror::Error)]
pub enum TestError {
    /// There is no binary to start.
    #[error(
        "there is no weir binary; looked at {looked_at:?}; build it with `cargo build -p weir` or set WEIR_BIN"
    )]
    NoBinary {
        /// Where it was looked for.
        looked_at: Vec<PathBuf>,
    },
    /// A file or a process could not be made.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Something did not happen in time.
    #[error("waited {} s for {what} in vain", waited.as_secs())]
    TimedOut {
        /// What was waited for.
        what: String,
        /// How long.
        waited: Duration,
    },
    /// The process ended when it should not have.
    #[error("weir ended with {status} before it was ready; its log ends with:\n{log}")]
    Ended {
        /// How it ended.
        status: String,
        /// The end of its log.
        log: String,
    },
    /// A request was not answered.
    #[error("{method} {url} was not answered: {reason}")]
    Http {
        /// The method.
        method: String,
        /// The URL.
        url: String,
        /// Why.
        reason: String,
    },
    /// The simulated provider did not start.
    #[error(transparent)]
    Simulator(#[from] weir_demo::DemoError),
}

impl TestError {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
