//! Gives a kept answer again: the same bytes, recorded as a call of its own that cost nothing.

use std::rc::Rc;
use std::sync::Arc;

use http::{HeaderValue, Response, header};
use weir_control::cache::{Cache, CachedAnswer, Counted};
use weir_types::{CacheStatus, NanoUsd, Span};

use crate::context::CallContext;
use crate::finish::{Ending, finish};
use crate::headers::{WEIR_COST_USD, WEIR_SPAN_ID};
use crate::policy;
use crate::relay::GatewayBody;

/// Records the call and answers it.
pub(super) async fn replay(
    ctx: &Rc<CallContext>,
    cache: &Cache,
    answer: Arc<CachedAnswer>,
    status: CacheStatus,
) -> Response<GatewayBody> {
    {
        let mut progress = ctx.progress.borrow_mut();
        progress.cache.status = Some(status);
        progress.cache.hit = Some(Arc::clone(&answer));
        progress.first_token_us = answer.is_stream.then(|| ctx.elapsed_us());
    }
    let saved = answer.cost.unwrap_or(NanoUsd::ZERO);
    let is_coalesced = status == CacheStatus::Coalesced;
    cache.count(if is_coalesced { Counted::Coalesced(saved) } else { Counted::Hit(saved) });
    finish(ctx, answer.facts.clone(), Ending::Answered).await;
    let body = if answer.is_stream {
        GatewayBody::replayed(answer.body.clone())
    } else {
        GatewayBody::whole(answer.body.clone())
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    if let Ok(content_type) = HeaderValue::from_maybe_shared(answer.content_type.clone()) {
        headers.insert(header::CONTENT_TYPE, content_type);
    }
    headers.insert(header::AGE, HeaderValue::from(answer.age_s(ctx.gateway().parts.clock.now())));
    headers.insert(WEIR_SPAN_ID, ctx.trace.span_id_header());
    headers.insert(WEIR_COST_USD, HeaderValue::from_static("0"));
    super::add_header(ctx, headers);
    policy::add_header(ctx, headers);
    response
}

/// What a hit's span says of money: it cost nothing, and saved what the answer had cost.
pub(crate) fn saved(answer: &CachedAnswer, span: &mut Span) {
    span.tokens_estimated = answer.tokens_estimated;
    span.cost = Some(NanoUsd::ZERO);
    span.price_version.clone_from(&answer.price_version);
    span.saved = answer.cost.filter(|cost| *cost > NanoUsd::ZERO);
}
