//! Catches an answer on its way to the client, and keeps it when it turns out to be good.
//!
//! What is caught is what the client gets, byte for byte; of a stream every piece in order. It is copied, because pieces are
//! parts of larger buffers that would stay in memory with them. An answer that cannot be kept is let go of as soon as that
//! is known, so that nobody waits for it in vain.
//!
//! Invariant: those who wait for this call's answer hear of its end, whatever it is: from here, or by the drop of the
//! [`Lead`] when the call is abandoned.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{StatusCode, header};
use weir_control::cache::semantic::Asked;
use weir_control::cache::{Cache, CacheKey, CachedAnswer, Landing, Lead, Place, may_be_kept};
use weir_dialect::{Dialect, ResponseFacts};
use weir_types::Span;

use super::request::CacheRequest;
use crate::config::Bodies;
use crate::context::CallContext;
use crate::finish::Ending;
use crate::forward::Reply;

/// An answer that is being caught.
pub(super) struct Capture {
    cache: Arc<Cache>,
    key: CacheKey,
    /// Held while others wait for this answer.
    lead: Option<Lead>,
    /// What the semantic cache is to learn from it.
    asked: Option<Box<Asked>>,
    dialect: Dialect,
    provider: usize,
    model: Arc<str>,
    team: Option<Arc<str>>,
    is_stream: bool,
    content_type: Bytes,
    body: BytesMut,
}

/// Where an answer was kept.
pub(super) struct Kept {
    key: CacheKey,
    model: Arc<str>,
    team: Option<Arc<str>>,
}

/// A good answer, to be kept when its cost is known.
pub(crate) struct Keep {
    cache: Arc<Cache>,
    key: CacheKey,
    lead: Option<Lead>,
    asked: Option<Box<Asked>>,
    dialect: Dialect,
    answer: CachedAnswer,
}

/// Begins to catch the call's answer.
pub(super) fn begin(
    ctx: &CallContext,
    cache: &Arc<Cache>,
    request: CacheRequest,
    lead: Option<Lead>,
    asked: Option<Box<Asked>>,
) {
    let stream = ctx.question.get().is_some_and(|question| question.stream);
    ctx.progress.borrow_mut().cache.capture = Some(Box::new(Capture {
        cache: Arc::clone(cache),
        key: request.read.key,
        lead,
        asked,
        dialect: request.dialect,
        provider: request.provider,
        model: request.model,
        team: request.team,
        is_stream: stream,
        content_type: Bytes::new(),
        body: BytesMut::new(),
    }));
}

/// Looks at the head of an answer. Only a success of the provider and the model that were meant is caught: what a fallback
/// said, or a cheaper model that a budget asked instead, would be given for an hour after the reason has gone.
pub(crate) fn note_reply(ctx: &CallContext, reply: &Reply) {
    let mut progress = ctx.progress.borrow_mut();
    let asked = progress.attempts.last().and_then(|attempt| attempt.model.clone());
    let asked = asked.or_else(|| ctx.model().cloned());
    let Some(capture) = &mut progress.cache.capture else { return };
    let is_meant = reply.provider == capture.provider && asked.as_ref() == Some(&capture.model);
    if reply.head.status == StatusCode::OK && is_meant {
        let content_type = reply.head.headers.get(header::CONTENT_TYPE);
        capture.content_type = Bytes::copy_from_slice(content_type.map_or(b"", |value| value.as_bytes()));
        return;
    }
    let landing = if reply.head.status.is_success() { Landing::Unshared } else { Landing::Failed };
    if let Some(capture) = progress.cache.capture.take() {
        capture.end(landing);
    }
}

/// Catches a piece of a stream.
pub(crate) fn capture_piece(ctx: &CallContext, piece: &[u8]) {
    let mut progress = ctx.progress.borrow_mut();
    let trail = &mut progress.cache;
    let Some(capture) = &mut trail.capture else {
        // Something came after the end: what was kept is not all that a client gets.
        if !piece.is_empty()
            && let (Some(kept), Some(cache)) = (trail.kept.take(), &ctx.gateway().cache)
        {
            cache.forget(Place { team: kept.team.as_deref(), model: &kept.model, key: kept.key });
        }
        return;
    };
    capture.body.extend_from_slice(piece);
    if capture.body.len() > capture.cache.config().entry_bytes_max
        && let Some(capture) = trail.capture.take()
    {
        capture.end(Landing::Unshared);
    }
}

/// Catches an answer that is no stream.
pub(crate) fn capture_whole(ctx: &CallContext, body: &[u8]) {
    if let Some(capture) = &mut ctx.progress.borrow_mut().cache.capture {
        capture.is_stream = false;
    }
    capture_piece(ctx, body);
}

/// Lets go of an answer that passes unread.
pub(crate) fn discard(ctx: &CallContext) {
    if let Some(capture) = ctx.progress.borrow_mut().cache.capture.take() {
        capture.end(Landing::Unshared);
    }
}

/// What is to be kept of a call that has ended so; `None` for nothing.
pub(crate) fn keep(ctx: &CallContext, facts: &ResponseFacts, ending: &Ending<'_>) -> Option<Keep> {
    let capture = ctx.progress.borrow_mut().cache.capture.take()?;
    let is_answer = matches!(ending, Ending::Answered) && facts.error.is_none() && !capture.body.is_empty();
    if !is_answer {
        let is_abandoned = matches!(ending, Ending::Cancelled | Ending::Stopped);
        capture.end(if is_abandoned { Landing::Abandoned } else { Landing::Failed });
        return None;
    }
    if !may_be_kept(capture.dialect, facts) {
        capture.end(Landing::Unshared);
        return None;
    }
    let (model, team) = (Arc::clone(&capture.model), capture.team.clone());
    ctx.progress.borrow_mut().cache.kept = Some(Kept { key: capture.key, model, team });
    Some(capture.kept(ctx, facts.clone()))
}

impl Capture {
    fn end(self, landing: Landing) {
        if let Some(lead) = self.lead {
            lead.land(landing);
        }
    }

    fn kept(self, ctx: &CallContext, mut facts: ResponseFacts) -> Keep {
        // The provider's name of the answer belongs to the call that it was given to.
        facts.response_id = None;
        if ctx.gateway().config.bodies == Bodies::Off {
            facts.output = None;
        }
        let answer = CachedAnswer {
            created_at: ctx.gateway().parts.clock.now(),
            content_type: self.content_type,
            body: self.body.freeze(),
            is_stream: self.is_stream,
            facts,
            // Known when the call is priced.
            tokens_estimated: false,
            cost: None,
            price_version: None,
            provider: ctx.provider(self.provider).name.clone(),
            model: self.model,
            team: self.team,
        };
        let (key, lead, asked, dialect) = (self.key, self.lead, self.asked, self.dialect);
        Keep { cache: self.cache, key, lead, asked, dialect, answer }
    }
}

impl Keep {
    /// Keeps the answer with what its span says of tokens and cost, and gives it to those who wait.
    pub(crate) fn with(mut self, span: &Span) {
        self.answer.facts.tokens = span.tokens;
        self.answer.tokens_estimated = span.tokens_estimated;
        self.answer.cost = span.cost;
        self.answer.price_version.clone_from(&span.price_version);
        let answer = Arc::new(self.answer);
        self.cache.keep(self.key, Arc::clone(&answer), self.lead);
        if let (Some(asked), Some(semantic)) = (self.asked, self.cache.semantic()) {
            semantic.learn(*asked, self.dialect, self.key, answer);
        }
    }
}
