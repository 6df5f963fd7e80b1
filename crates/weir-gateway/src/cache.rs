//! Answers from the cache, and filling it.
//!
//! The step stands behind what policies decide, since they may change the model, and before anything is spent. A call that
//! the cache is about is looked up; a hit is recorded and answered here. On a miss the caller asks the provider for all who
//! ask the same meanwhile, unless a question that means the same was answered (`similar`); what passes through the relay is
//! captured (`capture`); the end of the call decides whether that is kept ([`keep`], called by [`crate::finish`]).
//!
//! A policy that allows answers from the cache only has its say here: the call is refused when there is none.
//!
//! Failure: nothing here fails a call otherwise. What cannot be looked up goes on to the provider; what cannot be kept is
//! not. Without a cache the step costs one look at an option.

mod capture;
mod directives;
mod replay;
mod request;
mod similar;

use std::rc::Rc;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Response};
use weir_control::cache::{
    Boarding, Cache, CacheMode, CachedAnswer, Counted, FAILURES_MAX, Following, Landing, Lead,
};
use weir_types::{CacheStatus, PolicyDecision};

use crate::context::CallContext;
use crate::headers::WEIR_CACHE;
use crate::policy;
use crate::refusal::Refusal;
use crate::relay::GatewayBody;
use crate::route::Candidate;

pub(crate) use capture::{Keep, capture_piece, capture_whole, discard, keep, note_reply};
pub(crate) use replay::saved;

use capture::{Capture, Kept};
use replay::replay;
use request::{CacheRequest, Unasked};
use similar::Similar;

/// What the cache had to do with one call.
#[derive(Default)]
pub(crate) struct CacheTrail {
    /// For the span and the client; `None` where the cache is not about the call, or only observes.
    pub(crate) status: Option<CacheStatus>,
    /// What was answered.
    pub(crate) hit: Option<Arc<CachedAnswer>>,
    capture: Option<Box<Capture>>,
    /// What was kept of this call, while more of it may come.
    kept: Option<Kept>,
}

/// Answers the call from the cache; `None` when the provider is to be asked.
pub(crate) async fn answer(
    ctx: &Rc<CallContext>,
    candidates: &[Candidate],
) -> Result<Option<Response<GatewayBody>>, Refusal> {
    let Some(cache) = &ctx.gateway().cache else { return Ok(None) };
    let request = match CacheRequest::of(ctx, cache, candidates) {
        Ok(request) => request,
        Err(unasked) => {
            if unasked == Unasked::Bypass {
                note(ctx, cache, CacheStatus::Bypass);
            }
            policy::refuse_uncached(ctx)?;
            return Ok(None);
        }
    };
    if let Some(answer) = find(ctx, cache, &request).await {
        if cache.config().mode == CacheMode::Enforce {
            return Ok(Some(replay(ctx, cache, answer, CacheStatus::Exact).await));
        }
        observe(ctx, cache, &answer);
        return Ok(None);
    }
    note(ctx, cache, if request.is_refreshed { CacheStatus::Bypass } else { CacheStatus::Miss });
    if cache.config().mode == CacheMode::Observe || request.is_refreshed {
        return ask(ctx, cache, request, None).await;
    }
    match cache.board(request.read.key) {
        Boarding::Leads(lead) => lead_or_answer(ctx, cache, request, lead, CacheStatus::Exact).await,
        Boarding::Follows(following) => Box::pin(follow(ctx, cache, request, following)).await,
    }
}

/// Looks for an answer to a question that means the same. Where there is none, the provider is to be asked, and its answer
/// will be caught.
async fn ask(
    ctx: &Rc<CallContext>,
    cache: &Arc<Cache>,
    request: CacheRequest,
    lead: Option<Lead>,
) -> Result<Option<Response<GatewayBody>>, Refusal> {
    let similar = match cache.semantic() {
        Some(semantic) => Box::pin(similar::look_up(ctx, cache, semantic, &request)).await,
        None => Similar::Unanswered(None),
    };
    match similar {
        Similar::Answer(answer) => {
            if let Some(lead) = lead {
                lead.land(Landing::Similar(Arc::clone(&answer)));
            }
            Ok(Some(replay(ctx, cache, answer, CacheStatus::Semantic).await))
        }
        Similar::Unanswered(asked) => {
            policy::refuse_uncached(ctx)?;
            capture::begin(ctx, cache, request, lead, asked);
            Ok(None)
        }
    }
}

/// Tells the client what the cache had to do with its answer.
pub(crate) fn add_header(ctx: &CallContext, headers: &mut HeaderMap) {
    if let Some(status) = ctx.progress.borrow().cache.status {
        headers.insert(WEIR_CACHE, header(status));
    }
}

/// To a client it makes no difference who asked first.
fn header(status: CacheStatus) -> HeaderValue {
    HeaderValue::from_static(match status {
        CacheStatus::Exact | CacheStatus::Coalesced => "exact",
        CacheStatus::Semantic => "semantic",
        CacheStatus::Miss => "miss",
        CacheStatus::Bypass => "bypass",
    })
}

async fn find(ctx: &CallContext, cache: &Cache, request: &CacheRequest) -> Option<Arc<CachedAnswer>> {
    if request.is_refreshed {
        return None;
    }
    cache.find(request.place(), ctx.gateway().parts.clock.now(), request.age_max_s).await
}

/// Leads, unless somebody has brought the answer between the look-up and now; then that is given, with this status.
async fn lead_or_answer(
    ctx: &Rc<CallContext>,
    cache: &Arc<Cache>,
    request: CacheRequest,
    lead: Lead,
    status: CacheStatus,
) -> Result<Option<Response<GatewayBody>>, Refusal> {
    let Some(answer) = find(ctx, cache, &request).await else {
        return ask(ctx, cache, request, Some(lead)).await;
    };
    lead.land(Landing::Answered(Arc::clone(&answer)));
    Ok(Some(replay(ctx, cache, answer, status).await))
}

/// Waits for the answer to the same call of somebody else, and takes over when there will be none.
async fn follow(
    ctx: &Rc<CallContext>,
    cache: &Arc<Cache>,
    request: CacheRequest,
    mut following: Following,
) -> Result<Option<Response<GatewayBody>>, Refusal> {
    let mut failures = 0;
    loop {
        match following.landed().await {
            Landing::Answered(answer) => {
                return Ok(Some(replay(ctx, cache, answer, CacheStatus::Coalesced).await));
            }
            Landing::Similar(answer) => {
                return Ok(Some(replay(ctx, cache, answer, CacheStatus::Semantic).await));
            }
            Landing::Unshared => failures = FAILURES_MAX,
            Landing::Failed => failures += 1,
            Landing::Abandoned => {}
        }
        if failures >= FAILURES_MAX {
            return ask(ctx, cache, request, None).await;
        }
        following = match cache.board(request.read.key) {
            Boarding::Follows(next) => next,
            Boarding::Leads(lead) => {
                return lead_or_answer(ctx, cache, request, lead, CacheStatus::Coalesced).await;
            }
        };
    }
}

/// Notes a call that goes to its provider. A cache that only observes changes nothing, spans and headers included.
fn note(ctx: &CallContext, cache: &Cache, status: CacheStatus) {
    if cache.config().mode == CacheMode::Enforce {
        ctx.progress.borrow_mut().cache.status = Some(status);
    }
    cache.count(if status == CacheStatus::Miss { Counted::Miss } else { Counted::Bypass });
}

/// Notes what would have been answered.
fn observe(ctx: &CallContext, cache: &Cache, answer: &CachedAnswer) {
    let age_s = answer.age_s(ctx.gateway().parts.clock.now());
    let saved = answer.cost.map(|cost| format!(", {cost} saved")).unwrap_or_default();
    ctx.progress.borrow_mut().policy.decisions.push(PolicyDecision {
        policy: Arc::from("cache"),
        action: Arc::from("would_answer"),
        detail: Some(Arc::from(format!("exact, {age_s} s old{saved}"))),
        saved: answer.cost,
    });
    cache.count(Counted::WouldHit);
}
