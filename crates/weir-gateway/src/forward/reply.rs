//! An answer whose head has arrived.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{StatusCode, response};

use crate::context::CallContext;
use crate::retry;
use crate::upstream::connection::Exchange;

/// Bytes of a body that are held for later. Errors have a few hundred, the longest lists of models half a million.
const HELD_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How long such a body may take; it usually arrives with its head.
const HELD_TIME_MAX: Duration = Duration::from_secs(5);

/// An answer whose head has arrived.
pub(crate) struct Reply {
    pub(crate) provider: usize,
    pub(crate) head: response::Parts,
    pub(crate) body: ReplyBody,
    /// Whether the stream holds usage that the client did not ask for.
    pub(crate) strips_usage: bool,
}

/// The rest of an answer.
pub(crate) enum ReplyBody {
    /// Still arriving.
    Live(Box<Exchange>),
    /// Here already: the error of a provider that was given up.
    Held(Bytes),
}

impl Reply {
    pub(crate) fn status(&self) -> u16 {
        self.head.status.as_u16()
    }

    /// What the provider asks to wait.
    pub(super) fn stated_pause(&self) -> Option<Duration> {
        retry::stated_pause(&self.head.headers)
    }

    /// The same answer with its body here, so that it can be passed on later and its connection serve other calls. A
    /// body that is too long, too slow or cut becomes a bad gateway without one.
    pub(super) async fn held(mut self, ctx: &CallContext) -> Self {
        if let ReplyBody::Live(exchange) = self.body {
            let collected = tokio::time::timeout(HELD_TIME_MAX, collect(ctx, self.provider, *exchange)).await;
            self.body = ReplyBody::Held(collected.ok().flatten().unwrap_or_else(|| {
                self.head.status = StatusCode::BAD_GATEWAY;
                self.head.headers.clear();
                Bytes::new()
            }));
        }
        self
    }

    /// Reads the rest and forgets it, so that the connection can serve the next attempt.
    pub(super) async fn discard(self, ctx: &CallContext) {
        self.held(ctx).await;
    }

    /// Whether a held body contains this text.
    pub(super) fn names(&self, text: &str) -> bool {
        match &self.body {
            ReplyBody::Held(body) => memchr::memmem::find(body, text.as_bytes()).is_some(),
            ReplyBody::Live(_) => false,
        }
    }
}

async fn collect(ctx: &CallContext, provider: usize, mut exchange: Exchange) -> Option<Bytes> {
    let mut bytes = BytesMut::new();
    while let Some(data) = std::future::poll_fn(|cx| exchange.poll_data(cx)).await {
        bytes.extend_from_slice(&data.ok()?);
        if bytes.len() > HELD_BYTES_MAX {
            return None;
        }
    }
    ctx.worker.give_back(provider, exchange);
    Some(bytes.freeze())
}
