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

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{HeaderMap, Request};
use smallvec::SmallVec;
use tokio::time::Instant;
use weir_dialect::{Dialect, RequestEdit, rewrite_request};

use crate::breaker::Evidence;
use crate::context::{Attempt, CallContext, Question, micros};
use crate::headers;
use crate::provider::Provider;
use crate::receive::Outgoing;
use crate::refusal::Refusal;
use crate::retry;
use crate::route::{Candidate, Candidates};
use crate::trace_context::TRACEPARENT;
use crate::upstream::body::UpstreamBody;

use attempt::AttemptError;
pub(crate) use reply::{Reply, ReplyBody};

/// How a candidate ended: with an answer for the client, or without and the reason to go on to the next.
enum Outcome {
    Answer(Reply),
    GaveUp(Failure),
}

/// Why a candidate was given up.
enum Failure {
    /// It answered, but with an error that another provider may not have.
    Answered(Box<Reply>),
    /// It gave no answer.
    Failed(Refusal),
}

/// Tries the candidates in order.
pub(crate) async fn forward(
    ctx: &CallContext,
    candidates: Candidates,
    outgoing: Outgoing,
) -> Result<Reply, Refusal> {
    let mut outgoing = Some(outgoing);
    let mut last: Option<Failure> = None;
    let mut open: SmallVec<[(&str, u64); 2]> = SmallVec::new();
    for (at, candidate) in candidates.iter().enumerate() {
        let provider = ctx.provider(candidate.provider);
        if let Err(left_alone) = provider.breaker.admit(ctx.gateway().parts.clock.now()) {
            open.push((&provider.name, left_alone.retry_in_ms));
            continue;
        }
        let is_last = at + 1 == candidates.len();
        let outcome = match outgoing.take() {
            Some(Outgoing::Whole(body)) => {
                outgoing = Some(Outgoing::Whole(body));
                try_candidate(ctx, candidate, is_last).await?
            }
            Some(Outgoing::Arriving(body)) => try_arriving(ctx, candidate, body).await,
            None => break,
        };
        match outcome {
            Outcome::Answer(reply) => return Ok(reply),
            Outcome::GaveUp(failure) => last = Some(preferred(last, failure)),
        }
    }
    match last {
        Some(Failure::Answered(reply)) => Ok(*reply),
        Some(Failure::Failed(refusal)) => Err(refusal),
        None => {
            let names: Vec<&str> = open.iter().map(|(name, _)| *name).collect();
            let retry_in_ms = open.iter().map(|(_, retry_in_ms)| *retry_in_ms).min().unwrap_or(0);
            Err(Refusal::circuit_open(&names.join(", "), retry_in_ms))
        }
    }
}

/// A provider's own words go before Weir's, and later ones before earlier ones.
fn preferred(earlier: Option<Failure>, later: Failure) -> Failure {
    match (earlier, later) {
        (Some(Failure::Answered(reply)), Failure::Failed(_)) => Failure::Answered(reply),
        (_, later) => later,
    }
}

/// A body that is passed on as it arrives can be sent once.
async fn try_arriving(ctx: &CallContext, candidate: &Candidate, body: hyper::body::Incoming) -> Outcome {
    let provider = ctx.provider(candidate.provider);
    let sent = match request(ctx, provider, candidate.model.as_deref(), UpstreamBody::Arriving(body)) {
        Some(request) => {
            noted(ctx, candidate, attempt::send(ctx, candidate.provider, request, || None)).await
        }
        None => Err(AttemptError::unsendable()),
    };
    match sent {
        Ok(reply) => {
            provider.breaker.report(Evidence::of_status(reply.status()), ctx.gateway().parts.clock.now());
            Outcome::Answer(reply)
        }
        Err(error) => gave_up(ctx, provider, &error),
    }
}

/// Tries one candidate as often as it makes sense. An error means that the request itself is at fault.
async fn try_candidate(ctx: &CallContext, candidate: &Candidate, is_last: bool) -> Result<Outcome, Refusal> {
    let Some(question) = ctx.question.get() else { return Err(Refusal::model_missing()) };
    let provider = ctx.provider(candidate.provider);
    let config = &ctx.gateway().config.retry;
    let attempts_max = retry::attempts_max(config, &ctx.head.headers);
    let mut retries = 0;
    loop {
        let sent = try_once(ctx, question, candidate).await?;
        let may_retry = retries + 1 < attempts_max;
        let pause = match &sent {
            Ok(reply) if !config.statuses.contains(&reply.status()) => None,
            Ok(reply) => may_retry.then(|| retry::pause(config, retries, reply.stated_pause())).flatten(),
            Err(error) if error.is_repeatable() => {
                may_retry.then(|| retry::pause(config, retries, None)).flatten()
            }
            Err(_) => None,
        };
        let Some(pause) = pause else {
            return Ok(concluded(ctx, provider, sent, is_last).await);
        };
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
    provider: &Provider,
    sent: Result<Reply, AttemptError>,
    is_last: bool,
) -> Outcome {
    match sent {
        Err(error) => gave_up(ctx, provider, &error),
        Ok(reply) => {
            provider.breaker.report(Evidence::of_status(reply.status()), ctx.gateway().parts.clock.now());
            let is_failure = ctx.gateway().config.retry.statuses.contains(&reply.status());
            if is_failure && !is_last {
                Outcome::GaveUp(Failure::Answered(Box::new(reply.held(ctx).await)))
            } else {
                Outcome::Answer(reply)
            }
        }
    }
}

fn gave_up(ctx: &CallContext, provider: &Provider, error: &AttemptError) -> Outcome {
    provider.breaker.report(Evidence::Failing, ctx.gateway().parts.clock.now());
    Outcome::GaveUp(Failure::Failed(error.refusal(&provider.name)))
}

/// One attempt; two when the upstream turns out not to know `stream_options`, which costs nothing.
async fn try_once(
    ctx: &CallContext,
    question: &Question,
    candidate: &Candidate,
) -> Result<Result<Reply, AttemptError>, Refusal> {
    let provider = ctx.provider(candidate.provider);
    let dialect = ctx.dialect().unwrap_or(Dialect::OpenAiChat);
    let asks = question.stream && !question.include_usage && provider.asks_for_usage(dialect);
    let sent = send_whole(ctx, question, candidate, dialect, asks).await?;
    match sent {
        Ok(reply) if asks && reply.status() == 400 => {
            let reply = reply.held(ctx).await;
            if !reply.names("stream_options") {
                return Ok(Ok(reply));
            }
            provider.stop_asking_for_usage();
            send_whole(ctx, question, candidate, dialect, false).await
        }
        Ok(mut reply) => {
            reply.strips_usage = asks;
            Ok(Ok(reply))
        }
        Err(error) => Ok(Err(error)),
    }
}

async fn send_whole(
    ctx: &CallContext,
    question: &Question,
    candidate: &Candidate,
    dialect: Dialect,
    asks_for_usage: bool,
) -> Result<Result<Reply, AttemptError>, Refusal> {
    let provider = ctx.provider(candidate.provider);
    let lacks_model = !question.names_model && provider.needs_model_in_body(&ctx.endpoint);
    let path_model = question.model.as_deref().filter(|_| lacks_model);
    let edit = RequestEdit {
        model: candidate.model.as_deref().or(path_model),
        ask_for_stream_usage: asks_for_usage,
    };
    let body = if edit == RequestEdit::default() {
        question.body.clone()
    } else {
        rewrite_request(dialect, &question.body, &edit).map_err(|error| Refusal::body(&error))?.into()
    };
    let make = || request(ctx, provider, candidate.model.as_deref(), UpstreamBody::whole(body.clone()));
    let Some(request) = make() else { return Ok(Err(AttemptError::unsendable())) };
    Ok(noted(ctx, candidate, attempt::send(ctx, candidate.provider, request, make)).await)
}

/// Notes an attempt, however it ends.
async fn noted(
    ctx: &CallContext,
    candidate: &Candidate,
    sending: impl Future<Output = Result<Reply, AttemptError>>,
) -> Result<Reply, AttemptError> {
    let (started_at, started) = (ctx.gateway().parts.clock.now(), Instant::now());
    let at = {
        let mut progress = ctx.progress.borrow_mut();
        progress.attempts.push(Attempt {
            provider: candidate.provider,
            model: candidate.model.clone(),
            started_at,
            duration_us: 0,
            outcome: Err("cancelled"),
        });
        progress.attempts.len() - 1
    };
    let sent = sending.await;
    let outcome = sent.as_ref().map(Reply::status).map_err(AttemptError::as_str);
    let mut progress = ctx.progress.borrow_mut();
    let attempt = &mut progress.attempts[at];
    (attempt.duration_us, attempt.outcome) = (micros(started), outcome);
    drop(progress);
    ctx.provider(candidate.provider).note(outcome);
    sent
}

/// A request to this provider; `None` when its path cannot be part of a URL.
fn request(
    ctx: &CallContext,
    provider: &Provider,
    model: Option<&str>,
    body: UpstreamBody,
) -> Option<Request<UpstreamBody>> {
    let model = model.or(ctx.model().map(|model| &**model)).unwrap_or_default();
    let path = provider.path_and_query(&ctx.endpoint, model, ctx.head.uri.query())?;
    let is_read = matches!(body, UpstreamBody::Whole(_));
    let mut request = Request::new(body);
    *request.method_mut() = ctx.head.method.clone();
    *request.uri_mut() = path.into();
    *request.headers_mut() = request_headers(ctx, provider, is_read);
    Some(request)
}

fn request_headers(ctx: &CallContext, provider: &Provider, is_read: bool) -> HeaderMap {
    let mut headers = headers::for_upstream(&ctx.head.headers);
    provider.add_headers(&mut headers, ctx.key().is_some());
    headers.insert(TRACEPARENT, ctx.trace.traceparent());
    if is_read {
        // Weir reads the answer; the client, who may have offered gzip, gets it as readable as Weir did.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    headers
}

/// Asks one candidate without a body, for Weir's own use: the body of its answer, when it is a success.
pub(crate) async fn forward_unread(ctx: &CallContext, candidate: &Candidate) -> Option<Bytes> {
    let make = || request(ctx, ctx.provider(candidate.provider), None, UpstreamBody::Whole(None));
    let sending = attempt::send(ctx, candidate.provider, make()?, make);
    let reply = noted(ctx, candidate, sending).await.ok()?;
    let is_success = reply.head.status.is_success();
    match reply.held(ctx).await.body {
        ReplyBody::Held(body) if is_success => Some(body),
        _ => None,
    }
}
