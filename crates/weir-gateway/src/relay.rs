//! Passes the answer on to the client, and reads it on the way.
//!
//! Three kinds of answers: a *stream* of events goes out piece by piece as it comes in, read by a
//! [`weir_dialect::StreamReader`]; a *whole* answer that Weir reads is held until it is complete, because its cost goes
//! into a header; anything else is *unread* and goes out piece by piece.
//!
//! Invariant, for all three: the call is recorded before the last bytes of its answer leave. A client that has its whole
//! answer can rely on the record, whatever happens to Weir next.

mod body;
mod stream;
mod whole;

use std::rc::Rc;

use http::header::{self, HeaderValue};
use http::{HeaderMap, Method, Response, StatusCode, response};
use weir_dialect::{ResponseFacts, StreamOptions, StreamReader};
use weir_types::NanoUsd;

use crate::cache;
use crate::context::{Answer, CallContext};
use crate::finish::{Ending, finish};
use crate::forward::{Reply, ReplyBody};
use crate::headers::{self, WEIR_COST_USD, WEIR_SPAN_ID};
use crate::policy;
use crate::refusal::Refusal;
use crate::upstream::connection::Exchange;

pub use body::{GatewayBody, RelayError};
use stream::Relay;

/// Passes an answer on.
pub(crate) async fn relay(ctx: &Rc<CallContext>, reply: Reply) -> Result<Response<GatewayBody>, Refusal> {
    note_answer(ctx, &reply);
    cache::note_reply(ctx, &reply);
    let Reply { provider, mut head, body, strips_usage } = reply;
    headers::remove_hop_by_hop(&mut head.headers);
    head.headers.insert(WEIR_SPAN_ID, ctx.trace.span_id_header());
    policy::add_header(ctx, &mut head.headers);
    cache::add_header(ctx, &mut head.headers);
    match body {
        ReplyBody::Held(bytes) => Ok(whole::answer(ctx, head, bytes).await),
        ReplyBody::Live(exchange) if has_no_body(ctx, head.status, &exchange) => {
            ctx.worker.give_back(provider, *exchange);
            let recorded = finish(ctx, ResponseFacts::default(), Ending::Answered).await;
            Ok(respond(head, recorded.cost, GatewayBody::empty()))
        }
        ReplyBody::Live(exchange) => match kind_of(ctx, &head) {
            Kind::Stream => Ok(stream(ctx, head, provider, *exchange, strips_usage)),
            Kind::Whole => whole::collect(ctx, head, provider, *exchange).await,
            Kind::Unread => {
                cache::discard(ctx);
                Ok(respond(head, None, GatewayBody::relay(Relay::new(ctx, provider, *exchange))))
            }
        },
    }
}

fn stream(
    ctx: &Rc<CallContext>,
    mut head: response::Parts,
    provider: usize,
    exchange: Exchange,
    strips_usage: bool,
) -> Response<GatewayBody> {
    if let Some(dialect) = ctx.dialect()
        && let Some(answer) = ctx.progress.borrow_mut().answer.as_mut()
    {
        let content_bytes_max = weir_types::limits::CONTENT_BYTES_MAX;
        let options = StreamOptions { strip_usage: strips_usage, content_bytes_max };
        answer.reader = Some(Box::new(StreamReader::new(dialect, options)));
    }
    if strips_usage {
        head.headers.remove(header::CONTENT_LENGTH);
    }
    respond(head, None, GatewayBody::relay(Relay::new(ctx, provider, exchange)))
}

/// Which kind of answer this is.
enum Kind {
    Stream,
    Whole,
    Unread,
}

fn kind_of(ctx: &CallContext, head: &response::Parts) -> Kind {
    if ctx.dialect().is_none() || is_encoded(&head.headers) {
        return Kind::Unread;
    }
    let content_type = head.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let is_stream = content_type
        .get(.."text/event-stream".len())
        .is_some_and(|start| start.eq_ignore_ascii_case(b"text/event-stream"));
    if is_stream { Kind::Stream } else { Kind::Whole }
}

/// Whether the provider compressed the answer, although it was asked not to.
fn is_encoded(headers: &HeaderMap) -> bool {
    let encoding = headers.get(header::CONTENT_ENCODING);
    encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn has_no_body(ctx: &CallContext, status: StatusCode, exchange: &Exchange) -> bool {
    let is_bodiless = status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
    ctx.head.method == Method::HEAD || is_bodiless || exchange.is_end()
}

fn note_answer(ctx: &CallContext, reply: &Reply) {
    const REQUEST_ID: [&str; 3] = ["x-request-id", "request-id", "apim-request-id"];
    let mut progress = ctx.progress.borrow_mut();
    progress.answer = Some(Answer {
        provider: reply.provider,
        status: reply.status(),
        head_us: ctx.elapsed_us(),
        upstream_request_id: REQUEST_ID.iter().find_map(|name| reply.head.headers.get(*name)).cloned(),
        reader: None,
        bytes: 0,
    });
}

/// The response to the client; the cost where it is known by now.
fn respond(mut head: response::Parts, cost: Option<NanoUsd>, body: GatewayBody) -> Response<GatewayBody> {
    if let Some(cost) = cost.and_then(|cost| HeaderValue::try_from(usd(cost)).ok()) {
        head.headers.insert(WEIR_COST_USD, cost);
    }
    // The versions of the two connections have nothing to do with each other.
    head.version = http::Version::HTTP_11;
    Response::from_parts(head, body)
}

/// Dollars as a decimal number without a sign: `0.00042`.
fn usd(cost: NanoUsd) -> String {
    cost.to_string().replace('$', "")
}
