//! Sends the call to a provider and waits for the head of its answer: retries, fallbacks, timeouts, circuit breaker.
//!
//! Nothing has reached the client yet, so a failed attempt may be repeated: at the same provider after a pause
//! ([`crate::retry`]), then at the next candidate. Timeouts are not repeated at the same provider: it may still be at
//! work, and at someone's cost.
//!
//! What the client gets when every attempt failed is the last answer that a provider gave, unchanged; Weir's own words
//! only where no provider gave any.
//!
//! Invariant: every attempt is noted in [`crate::context::Progress::attempts`], and every candidate that was tried
//! reports to its breaker once.

mod attempt;
mod reply;
mod request;

use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use tokio::time::Instant;
use weir_dialect::Dialect;

use crate::breaker::Evidence;
use crate::context::{Attempt, CallContext, Question, micros};
use crate::provider::Provider;
use crate::receive::Outgoing;
use crate::refusal::Refusal;
use crate::retry;
use crate::route::{Candidate, Candidates};
use crate::upstream::body::UpstreamBody;

use attempt::AttemptError;
pub(crate) use reply::{Reply, ReplyBody};

/// How a candidate ended.
enum Outcome {
    /// With an answer for the client.
    Answer(Reply),
    /// With an error that another candidate may not have.
    Error(Box<Reply>),
    /// Without an answer.
    Failed(Refusal),
}

/// Tries the candidates in order.
pub(crate) async fn forward(
    ctx: &CallContext,
    candidates: Candidates,
    outgoing: Outgoing,
) -> Result<Reply, Refusal> {
    let mut open = OpenCircuits::default();
    match outgoing {
        Outgoing::Whole => forward_whole(ctx, &candidates, &mut open).await,
        Outgoing::Arriving(body) => match candidates.iter().find(|candidate| open.admits(ctx, candidate)) {
            Some(candidate) => forward_arriving(ctx, candidate, body).await,
            None => Err(open.refusal()),
        },
    }
}

async fn forward_whole(
    ctx: &CallContext,
    candidates: &[Candidate],
    open: &mut OpenCircuits,
) -> Result<Reply, Refusal> {
    let (mut last_error, mut last_refusal) = (None, None);
    for (at, candidate) in candidates.iter().enumerate() {
        if !open.admits(ctx, candidate) {
            continue;
        }
        match try_candidate(ctx, candidate, at + 1 == candidates.len()).await {
            Outcome::Answer(reply) => return Ok(reply),
            Outcome::Error(reply) => last_error = Some(*reply),
            Outcome::Failed(refusal) => last_refusal = Some(refusal),
        }
    }
    // A provider's own words go before Weir's.
    last_error.ok_or_else(|| last_refusal.unwrap_or_else(|| open.refusal()))
}

/// A body that is passed on as it arrives can be sent once, to one candidate.
async fn forward_arriving(
    ctx: &CallContext,
    candidate: &Candidate,
    body: Incoming,
) -> Result<Reply, Refusal> {
    let sent = match request::with_body(ctx, candidate, UpstreamBody::Arriving(body)) {
        Ok(request) => {
            let note = Note::begin(ctx, candidate);
            let sent = attempt::send(ctx, candidate, request, || None).await;
            note.end(&sent);
            sent
        }
        Err(error) => Err(error),
    };
    report(ctx, candidate, &sent);
    sent.map_err(|error| error.refusal(&ctx.provider(candidate.provider).name))
}

/// Tries one candidate as often as it makes sense.
async fn try_candidate(ctx: &CallContext, candidate: &Candidate, is_last: bool) -> Outcome {
    let config = &ctx.gateway().config.retry;
    let attempts_max = retry::attempts_max(config, &ctx.head.headers);
    let mut retries = 0;
    loop {
        let sent = try_once(ctx, candidate).await;
        let stated = match &sent {
            Ok(reply) if config.statuses.contains(&reply.status()) => Some(reply.stated_pause()),
            Err(error) if error.is_repeatable() => Some(None),
            _ => None,
        };
        let may_retry = retries + 1 < attempts_max;
        let pause = stated.filter(|_| may_retry).and_then(|stated| retry::pause(config, retries, stated));
        let Some(pause) = pause else { return concluded(ctx, candidate, sent, is_last).await };
        if let Ok(reply) = sent {
            reply.discard(ctx).await;
        }
        tokio::time::sleep(pause).await;
        retries += 1;
    }
}

/// Reports to the breaker, and decides whether the answer goes to the client.
async fn concluded(
    ctx: &CallContext,
    candidate: &Candidate,
    sent: Result<Reply, AttemptError>,
    is_last: bool,
) -> Outcome {
    report(ctx, candidate, &sent);
    match sent {
        Err(error) => Outcome::Failed(error.refusal(&ctx.provider(candidate.provider).name)),
        Ok(reply) if !is_last && ctx.gateway().config.retry.statuses.contains(&reply.status()) => {
            Outcome::Error(Box::new(reply.held(ctx).await))
        }
        Ok(reply) => Outcome::Answer(reply),
    }
}

fn report(ctx: &CallContext, candidate: &Candidate, sent: &Result<Reply, AttemptError>) {
    let evidence = match sent {
        Ok(reply) => Evidence::of_status(reply.status()),
        Err(error) => error.evidence(),
    };
    ctx.provider(candidate.provider).breaker.report(evidence, ctx.gateway().parts.clock.now());
}

/// One attempt; two when the upstream turns out not to know `stream_options`, which costs nothing.
async fn try_once(ctx: &CallContext, candidate: &Candidate) -> Result<Reply, AttemptError> {
    let provider = ctx.provider(candidate.provider);
    let asks = ctx
        .question
        .get()
        .zip(ctx.dialect())
        .is_some_and(|(question, dialect)| must_ask_for_usage(question, dialect, provider));
    let mut reply = send_whole(ctx, candidate, asks).await?;
    if asks && reply.status() == 400 {
        reply = reply.held(ctx).await;
        if reply.names("stream_options") {
            provider.stop_asking_for_usage();
            return Box::pin(send_whole(ctx, candidate, false)).await;
        }
    }
    reply.strips_usage = asks;
    Ok(reply)
}

fn must_ask_for_usage(question: &Question, dialect: Dialect, provider: &Provider) -> bool {
    question.stream && !question.include_usage && provider.asks_for_usage(dialect)
}

async fn send_whole(
    ctx: &CallContext,
    candidate: &Candidate,
    asks_for_usage: bool,
) -> Result<Reply, AttemptError> {
    let body = request::body(ctx, candidate, asks_for_usage)?;
    let request = request::with_body(ctx, candidate, UpstreamBody::whole(body.clone()))?;
    let again = || request::with_body(ctx, candidate, UpstreamBody::whole(body)).ok();
    let note = Note::begin(ctx, candidate);
    let sent = attempt::send(ctx, candidate, request, again).await;
    note.end(&sent);
    sent
}

/// Asks one candidate once, for Weir's own use: the body of its answer, when it is a success.
pub(crate) async fn ask(ctx: &CallContext, candidate: &Candidate) -> Option<Bytes> {
    let reply = send_whole(ctx, candidate, false).await.ok()?;
    let is_success = reply.head.status.is_success();
    match reply.held(ctx).await.body {
        ReplyBody::Held(body) if is_success => Some(body),
        _ => None,
    }
}

/// An attempt that is noted, however it ends: as cancelled until [`Note::end`] says otherwise.
struct Note<'a> {
    ctx: &'a CallContext,
    provider: usize,
    /// Its place among the call's attempts.
    at: usize,
    started: Instant,
}

impl<'a> Note<'a> {
    fn begin(ctx: &'a CallContext, candidate: &Candidate) -> Self {
        let (started_at, started) = (ctx.gateway().parts.clock.now(), Instant::now());
        let mut progress = ctx.progress.borrow_mut();
        progress.attempts.push(Attempt {
            provider: candidate.provider,
            model: candidate.model.clone(),
            started_at,
            duration_us: 0,
            outcome: Err("cancelled"),
        });
        Self { ctx, provider: candidate.provider, at: progress.attempts.len() - 1, started }
    }

    fn end(self, sent: &Result<Reply, AttemptError>) {
        let outcome = sent.as_ref().map(Reply::status).map_err(AttemptError::as_str);
        if let Some(attempt) = self.ctx.progress.borrow_mut().attempts.get_mut(self.at) {
            (attempt.duration_us, attempt.outcome) = (micros(self.started), outcome);
        }
        self.ctx.provider(self.provider).note(outcome);
    }
}

/// The candidates that were passed over because their upstream is left alone.
#[derive(Default)]
struct OpenCircuits {
    names: Vec<Arc<str>>,
    retry_in_ms: Option<u64>,
}

impl OpenCircuits {
    /// Whether the candidate's breaker lets the call through.
    fn admits(&mut self, ctx: &CallContext, candidate: &Candidate) -> bool {
        let provider = ctx.provider(candidate.provider);
        let Err(left_alone) = provider.breaker.admit(ctx.gateway().parts.clock.now()) else { return true };
        self.names.push(provider.name.clone());
        let retry_in_ms = self.retry_in_ms.unwrap_or(left_alone.retry_in_ms).min(left_alone.retry_in_ms);
        self.retry_in_ms = Some(retry_in_ms);
        false
    }

    fn refusal(&self) -> Refusal {
        Refusal::circuit_open(&self.names.join(", "), self.retry_in_ms.unwrap_or(0))
    }
}
