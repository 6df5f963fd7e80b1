//! What can go wrong with the notifier itself. What goes wrong with a receiver is written to its delivery instead.

use weir_types::AlertStoreError;

/// Why the notifier cannot do its work.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// The system's root certificates cannot be loaded, so no receiver can be trusted.
    #[error("cannot load the system's root certificates: {0}; install the package ca-certificates")]
    Certificates(std::io::Error),
    /// The alert store failed; what waits is tried again.
    #[error(transparent)]
    Store(#[from] AlertStoreError),
    /// A receiver was named that is not in the configuration.
    #[error("there is no receiver {name:?}; the configuration has: {known}")]
    UnknownReceiver {
        /// The name.
        name: String,
        /// All names.
        known: String,
    },
    /// A test message did not arrive.
    #[error("{receiver} did not get the test message: {reason}")]
    NotDelivered {
        /// The receiver.
        receiver: String,
        /// What went wrong.
        reason: String,
    },
}
