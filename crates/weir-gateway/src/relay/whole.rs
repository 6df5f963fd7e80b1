//! An answer that is held until it is complete, because what it says goes into a header and into the record first.

use std::rc::Rc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Response, header, response};
use serde::de::IgnoredAny;
use weir_dialect::{ResponseFacts, read_error, read_response};

use super::body::GatewayBody;
use super::respond;
use super::stream::Relay;
use crate::cache;
use crate::context::CallContext;
use crate::finish::{Ending, finish};
use crate::refusal::Refusal;
use crate::upstream::connection::Exchange;

/// What is reserved at most on the word of `content-length` alone.
const RESERVE_BYTES_MAX: usize = 1024 * 1024;

/// Reads the whole answer, records the call and passes the answer on. An answer over the limit is passed on as it
/// arrives from there, unread.
pub(super) async fn collect(
    ctx: &Rc<CallContext>,
    head: response::Parts,
    provider: usize,
    mut exchange: Exchange,
) -> Result<Response<GatewayBody>, Refusal> {
    let bytes_max = ctx.gateway().config.limits.response_bytes_max;
    let mut bytes = Gathered::default();
    loop {
        if bytes.len() > bytes_max {
            cache::discard(ctx);
            let relay = Relay::new(ctx, provider, exchange).with_beginning(bytes.into_bytes());
            return Ok(respond(head, None, GatewayBody::relay(relay)));
        }
        let Some(piece) = next_piece(ctx, provider, &mut exchange).await? else { break };
        bytes.push(piece, exchange.length());
        if exchange.is_end() {
            break;
        }
    }
    ctx.worker.give_back(provider, exchange);
    Ok(answer(ctx, head, bytes.into_bytes()).await)
}

/// Records the call and passes the answer on.
pub(super) async fn answer(ctx: &CallContext, head: response::Parts, bytes: Bytes) -> Response<GatewayBody> {
    if let Some(answer) = ctx.progress.borrow_mut().answer.as_mut() {
        answer.bytes = bytes.len() as u64;
    }
    cache::capture_whole(ctx, &bytes);
    let facts = facts(ctx, &head, &bytes);
    let ending =
        if is_unreadable(ctx, &head, &facts, &bytes) { Ending::Unreadable } else { Ending::Answered };
    let recorded = finish(ctx, facts, ending).await;
    respond(head, recorded.cost, GatewayBody::whole(bytes))
}

fn facts(ctx: &CallContext, head: &response::Parts, bytes: &Bytes) -> ResponseFacts {
    let Some(dialect) = ctx.dialect() else { return ResponseFacts::default() };
    if head.status.is_client_error() || head.status.is_server_error() {
        let error = Some(read_error(head.status.as_u16(), bytes));
        return ResponseFacts { error, ..ResponseFacts::default() };
    }
    read_response(dialect, bytes)
}

/// Whether a success holds no answer at all. Only an answer of which nothing was understood is looked at a second time, so
/// that others cost no more; a compressed one says nothing either way.
fn is_unreadable(ctx: &CallContext, head: &response::Parts, facts: &ResponseFacts, bytes: &[u8]) -> bool {
    ctx.dialect().is_some()
        && head.status.is_success()
        && !head.headers.contains_key(header::CONTENT_ENCODING)
        && *facts == ResponseFacts::default()
        && serde_json::from_slice::<IgnoredAny>(bytes).is_err()
}

async fn next_piece(
    ctx: &CallContext,
    provider: usize,
    exchange: &mut Exchange,
) -> Result<Option<Bytes>, Refusal> {
    let provider = ctx.provider(provider);
    let idle_ms = provider.timeouts.idle_stream_ms;
    let next = std::future::poll_fn(|cx| exchange.poll_data(cx));
    match tokio::time::timeout(Duration::from_millis(idle_ms), next).await {
        Err(_) => Err(Refusal::upstream_timeout(&provider.name, "sent no more of its answer", idle_ms)),
        Ok(piece) => {
            piece.transpose().map_err(|error| Refusal::upstream_cut(&provider.name, &error.to_string()))
        }
    }
}

/// Pieces of a body; one piece alone is not copied.
#[derive(Default)]
struct Gathered {
    only: Bytes,
    several: BytesMut,
}

impl Gathered {
    fn len(&self) -> usize {
        self.only.len() + self.several.len()
    }

    /// Adds a piece; `rest` is how much will follow, when that is known.
    fn push(&mut self, piece: Bytes, rest: Option<u64>) {
        if self.len() == 0 {
            self.only = piece;
            return;
        }
        if self.several.is_empty() {
            let rest = usize::try_from(rest.unwrap_or(0)).unwrap_or(0).min(RESERVE_BYTES_MAX);
            self.several.reserve(self.only.len() + piece.len() + rest);
            self.several.extend_from_slice(&std::mem::take(&mut self.only));
        }
        self.several.extend_from_slice(&piece);
    }

    fn into_bytes(self) -> Bytes {
        if self.several.is_empty() { self.only } else { self.several.freeze() }
    }
}
