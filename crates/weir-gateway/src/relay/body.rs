//! The body of every response that the gateway makes.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::stream::Relay;

/// Bytes of a kept stream that go out at once; what a relayed one is joined to at most.
const REPLAYED_BYTES_MAX: usize = 32 * 1024;

/// A response body: here as a whole, or relayed as it arrives.
///
/// Not `Send`: it holds the connection to the provider, which belongs to the worker's thread.
pub struct GatewayBody(Kind);

enum Kind {
    Whole(Option<Bytes>),
    Relayed(Box<Relay>),
    /// What is left of a stream that was kept.
    Replayed(Bytes),
}

/// Why a relayed body ended early. The client sees its connection cut, as it would have without Weir between.
#[derive(Debug, thiserror::Error)]
#[error("provider's answer was cut: {0}")]
pub struct RelayError(pub(super) String);

impl GatewayBody {
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self(Kind::Whole(Some(bytes).filter(|bytes| !bytes.is_empty())))
    }

    pub(crate) fn empty() -> Self {
        Self(Kind::Whole(None))
    }

    /// A stream whose bytes are here. It goes out as a stream: its length is not stated.
    pub(crate) fn replayed(bytes: Bytes) -> Self {
        Self(Kind::Replayed(bytes))
    }

    pub(super) fn relay(relay: Relay) -> Self {
        Self(Kind::Relayed(Box::new(relay)))
    }
}

impl Body for GatewayBody {
    type Data = Bytes;
    type Error = RelayError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RelayError>>> {
        match &mut self.0 {
            Kind::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Relayed(relay) => relay.poll_data(cx).map(|data| data.map(|data| data.map(Frame::data))),
            Kind::Replayed(rest) => {
                let piece = rest.split_to(rest.len().min(REPLAYED_BYTES_MAX));
                Poll::Ready((!piece.is_empty()).then(|| Ok(Frame::data(piece))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(bytes) => bytes.is_none(),
            Kind::Relayed(relay) => relay.is_end(),
            Kind::Replayed(rest) => rest.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Kind::Relayed(relay) => relay.length().map_or_else(SizeHint::default, SizeHint::with_exact),
            Kind::Replayed(_) => SizeHint::default(),
        }
    }
}
