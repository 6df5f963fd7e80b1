//! One attempt: a connection, a request, the head of an answer, each within its time.

use std::time::Duration;

use http::Request;

use super::reply::{Reply, ReplyBody};
use crate::breaker::Evidence;
use crate::context::CallContext;
use crate::provider::Provider;
use crate::refusal::Refusal;
use crate::route::Candidate;
use crate::upstream::body::UpstreamBody;
use crate::upstream::connection::{Connection, Exchange, SendError};

/// Why an attempt brought no answer.
#[derive(Debug)]
pub(super) enum AttemptError {
    /// No connection.
    Connect { cause: String },
    /// No connection in time.
    ConnectTimeout { after_ms: u64 },
    /// The connection ended before an answer.
    Closed { cause: String },
    /// No answer in time.
    Timeout { after_ms: u64 },
    /// Something that is no HTTP answer.
    Invalid { cause: String },
    /// The request cannot be put into words for this provider; nothing was sent.
    Unsendable { cause: String },
}

impl AttemptError {
    /// Whether another attempt at the same provider makes sense.
    pub(super) fn is_repeatable(&self) -> bool {
        matches!(self, Self::Connect { .. } | Self::ConnectTimeout { .. } | Self::Closed { .. })
    }

    /// What it says about the provider.
    pub(super) fn evidence(&self) -> Evidence {
        if matches!(self, Self::Unsendable { .. }) { Evidence::None } else { Evidence::Failing }
    }

    /// A short word for records.
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "connect",
            Self::ConnectTimeout { .. } => "connect_timeout",
            Self::Closed { .. } => "closed",
            Self::Timeout { .. } => "timeout",
            Self::Invalid { .. } => "invalid",
            Self::Unsendable { .. } => "unsendable",
        }
    }

    /// What the client is told.
    pub(super) fn refusal(&self, provider: &str) -> Refusal {
        match self {
            Self::Connect { cause } => Refusal::unreachable(provider, cause),
            Self::Closed { cause } => {
                Refusal::unreachable(provider, &format!("connection ended before an answer: {cause}"))
            }
            Self::ConnectTimeout { after_ms } => {
                Refusal::upstream_timeout(provider, "accepted no connection", *after_ms)
            }
            Self::Timeout { after_ms } => Refusal::upstream_timeout(provider, "gave no answer", *after_ms),
            Self::Invalid { cause } => Refusal::upstream_invalid(provider, cause),
            Self::Unsendable { cause } => Refusal::unsendable(provider, cause),
        }
    }
}

/// Sends a request and waits for the head of the answer.
///
/// An idle connection may have been closed by the provider at this very moment. Such a failure says nothing about the
/// provider, so the request goes out once more on a new connection: the same one when none of it was sent, what `again`
/// makes otherwise.
pub(super) async fn send(
    ctx: &CallContext,
    candidate: &Candidate,
    mut request: Request<UpstreamBody>,
    again: impl FnOnce() -> Option<Request<UpstreamBody>>,
) -> Result<Reply, AttemptError> {
    let provider = candidate.provider;
    if let Some(connection) = ctx.worker.pool.take(provider) {
        let failed = match exchange(ctx, provider, connection, request).await {
            Err(Failed::Sending(failed)) if failed.unsent.is_some() || is_closed(&failed.cause) => *failed,
            other => return other.map_err(AttemptError::from),
        };
        let SendError { cause, unsent } = failed;
        let closed = || AttemptError::Closed { cause: cause.to_string() };
        request = unsent.or_else(again).ok_or_else(closed)?;
    }
    // Most calls find a connection; they need not carry the state of making one through every step.
    let connection = Box::pin(connect(ctx, ctx.provider(provider))).await?;
    exchange(ctx, provider, connection, request).await.map_err(AttemptError::from)
}

async fn connect(ctx: &CallContext, provider: &Provider) -> Result<Connection, AttemptError> {
    let after_ms = provider.timeouts.connect_ms;
    let connecting = ctx.worker.connector.connect(&provider.origin);
    let stream = tokio::time::timeout(Duration::from_millis(after_ms), connecting)
        .await
        .map_err(|_| AttemptError::ConnectTimeout { after_ms })?
        .map_err(|error| AttemptError::Connect { cause: error.to_string() })?;
    Connection::over(stream).await.map_err(|error| AttemptError::Connect { cause: error.to_string() })
}

/// How an exchange failed.
enum Failed {
    Timeout { after_ms: u64 },
    Sending(Box<SendError>),
}

impl From<Failed> for AttemptError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Timeout { after_ms } => Self::Timeout { after_ms },
            Failed::Sending(failed) if is_closed(&failed.cause) => {
                Self::Closed { cause: failed.cause.to_string() }
            }
            Failed::Sending(failed) => Self::Invalid { cause: failed.cause.to_string() },
        }
    }
}

async fn exchange(
    ctx: &CallContext,
    provider: usize,
    mut connection: Connection,
    request: Request<UpstreamBody>,
) -> Result<Reply, Failed> {
    let after_ms = ctx.provider(provider).timeouts.first_byte_ms;
    let response = tokio::time::timeout(Duration::from_millis(after_ms), connection.send(request))
        .await
        .map_err(|_| Failed::Timeout { after_ms })?
        .map_err(|failed| Failed::Sending(Box::new(failed)))?;
    let (head, exchange) = Exchange::new(connection, response);
    Ok(Reply { provider, head, body: ReplyBody::Live(Box::new(exchange)), strips_usage: false })
}

/// Whether the connection ended, in contrast to answering nonsense.
fn is_closed(error: &hyper::Error) -> bool {
    error.is_closed() || error.is_canceled() || error.is_incomplete_message() || is_io(error)
}

fn is_io(error: &hyper::Error) -> bool {
    std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
}
