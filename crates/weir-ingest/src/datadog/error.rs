//! Why a request is refused, and what its client is told: 400 for what will not be better the next time, 413 for what is too
//! large, 503 for what should come again.

use http::StatusCode;
use weir_types::SinkError;

use super::{BODY_BYTES_MAX, MsgpackError};
use crate::body::BodyFault;

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub enum DatadogError {
    /// The body is over the limit, packed or unpacked.
    #[error("the body is over {} MiB; send fewer spans at once", BODY_BYTES_MAX / 1024 / 1024)]
    TooLarge,
    /// The body did not arrive, or is not packed as its head says.
    #[error("cannot read the body: {0}")]
    Unreadable(String),
    /// The traces are no msgpack.
    #[error("the traces cannot be read: {0}")]
    Msgpack(#[from] MsgpackError),
    /// The events are no JSON.
    #[error("the JSON cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// The journal does not take records.
    #[error("cannot keep the records now: {0}")]
    Sink(#[from] SinkError),
    /// The decoding did not end.
    #[error("the payload could not be decoded")]
    Lost,
}

impl From<BodyFault> for DatadogError {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge => Self::TooLarge,
            BodyFault::Unreadable(error) => Self::Unreadable(error),
        }
    }
}

impl DatadogError {
    /// The reason in a word, for counters.
    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Unreadable(_) => "unreadable",
            Self::Msgpack(_) => "bad_msgpack",
            Self::Json(_) => "bad_json",
            Self::Sink(_) => "journal",
            Self::Lost => "lost",
        }
    }

    /// What the client is answered.
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge | Self::Sink(SinkError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unreadable(_) | Self::Msgpack(_) | Self::Json(_) => StatusCode::BAD_REQUEST,
            Self::Sink(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Lost => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}
