//! The life of a call, on one page.
//!
//! Each step takes the one [`CallContext`], adds what it learns, and either goes on or refuses; a refusal is recorded
//! and sent in the client's dialect. What monitors have set is applied where the call is known and nothing has been spent
//! (`policy`, after `route`), and a prompt that must not go out is refused (`guard`). Then the cache is asked, which answers for nothing. What the call can cost at most is
//! reserved right before it goes out (`budget`), and settled when it is recorded (`finish`).
//!
//! How a call ends: `relay` finishes it when the answer does; a refusal is finished here; a client that goes away drops
//! this future or the response's body, and the call is finished by [`crate::session::Session::close`].

use std::rc::Rc;

use http::{HeaderMap, Response};
use hyper::body::Incoming;
use weir_dialect::ResponseFacts;

use crate::authorise::authorise;
use crate::budget;
use crate::cache;
use crate::context::CallContext;
use crate::endpoint::Place;
use crate::finish::{Ending, finish};
use crate::forward::forward;
use crate::guard;
use crate::headers::WEIR_SPAN_ID;
use crate::models;
use crate::policy;
use crate::receive::receive;
use crate::refusal::Refusal;
use crate::relay::{GatewayBody, relay};
use crate::route::route;

/// Answers a call.
pub(crate) async fn handle(ctx: &Rc<CallContext>, body: Incoming) -> Response<GatewayBody> {
    match answer(ctx, body).await {
        Ok(response) => response,
        Err(refusal) => refuse(ctx, &refusal).await,
    }
}

async fn answer(ctx: &Rc<CallContext>, body: Incoming) -> Result<Response<GatewayBody>, Refusal> {
    authorise(ctx)?;
    if ctx.endpoint.place == Place::Everyone {
        return Box::pin(models::list(ctx)).await;
    }
    let outgoing = receive(ctx, body).await?;
    let candidates = policy::apply(ctx, route(ctx)?)?;
    guard::check(ctx).await?;
    if let Some(response) = cache::answer(ctx, &candidates).await? {
        return Ok(response);
    }
    let candidates = budget::reserve(ctx, candidates).await?;
    let reply = forward(ctx, candidates, outgoing).await?;
    relay(ctx, reply).await
}

async fn refuse(ctx: &CallContext, refusal: &Refusal) -> Response<GatewayBody> {
    finish(ctx, ResponseFacts::default(), Ending::Refused(refusal)).await;
    let mut headers = HeaderMap::new();
    headers.insert(WEIR_SPAN_ID, ctx.trace.span_id_header());
    policy::add_header(ctx, &mut headers);
    cache::add_header(ctx, &mut headers);
    refusal.response(ctx.family(), headers)
}
