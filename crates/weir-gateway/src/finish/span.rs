//! The span of a call, field by field, but for tokens that must be counted and the price.

use std::sync::Arc;

use bytes::Bytes;
use weir_dialect::{Dialect, RequestFacts, ResponseFacts, read_error};
use weir_types::{Content, Record, Source, Span, SpanKind, SpanStatus, limits};

use super::Ending;
use super::attributes;
use super::client;
use crate::config::Bodies;
use crate::context::{Attempt, CallContext, Question};
use crate::headers::WEIR_SOURCE;

/// What nginx made the status of a client that closed its request.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// What every answer that is kept had.
const HIT_STATUS: u16 = 200;

/// Bytes of an error message that are kept.
const ERROR_MESSAGE_BYTES_MAX: usize = 2_048;

/// The span of the call.
pub(super) fn of_call(ctx: &CallContext, facts: &ResponseFacts, ending: &Ending<'_>) -> Box<Span> {
    let kind = ctx.dialect().map_or(SpanKind::Http, Dialect::span_kind);
    let trace = &ctx.trace;
    let mut span = Box::new(Span::new(trace.trace_id, trace.span_id, kind, source_of(ctx), ctx.started_at));
    span.duration_us = ctx.elapsed_us();
    span.parent_id = trace.parent_id;
    span.name = name_of(ctx);
    span.model = ctx.model().cloned();
    span.response_model = facts.response_model.as_deref().map(Arc::from);
    span.tokens = facts.tokens;
    span.finish_reason = facts.finish_reason.as_deref().map(Arc::from);
    span.response_id = facts.response_id.as_deref().map(Arc::from);
    span.client = client::name_of(ctx).map(Arc::from);
    set_progress(&mut span, ctx);
    set_outcome(&mut span, facts, ending);
    let tags = set_attribution(&mut span, ctx);
    let mut cuts = Cuts { output: facts.output_truncated, ..Cuts::default() };
    if ctx.gateway().config.bodies == Bodies::Full {
        set_contents(&mut span, ctx, facts, &mut cuts);
    }
    span.attributes = attributes::of_call(ctx, facts, cuts, &tags).map(Content::new);
    span
}

/// Who is behind the call: a client, or Weir itself where the call proves it.
fn source_of(ctx: &CallContext) -> Source {
    let said = || Some((ctx.head.headers.get(WEIR_SOURCE)?, ctx.gateway().config.own_mark.as_ref()?));
    let proven = said().and_then(|(said, mark)| mark.source_of(said.as_bytes()));
    proven.unwrap_or(Source::Gateway)
}

/// What was cut because it was over [`limits::CONTENT_BYTES_MAX`].
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cuts {
    pub(super) input: bool,
    pub(super) output: bool,
    pub(super) tools: bool,
}

/// `chat gpt-4o`, as OpenTelemetry names such spans; `GET /files` for what is passed through. Not the whole path: names
/// are for grouping, and paths hold ids.
pub(crate) fn name_of(ctx: &CallContext) -> Arc<str> {
    let rest = &*ctx.endpoint.rest;
    match (ctx.dialect(), ctx.model()) {
        (Some(dialect), Some(model)) => Arc::from(format!("{} {model}", dialect.operation())),
        (Some(dialect), None) => Arc::from(dialect.operation()),
        (None, _) => {
            let end = rest.get(1..).and_then(|after| after.find('/')).map_or(rest.len(), |at| at + 1);
            Arc::from(format!("{} {}", ctx.head.method, &rest[..end]))
        }
    }
}

fn set_progress(span: &mut Span, ctx: &CallContext) {
    let progress = ctx.progress.borrow();
    span.stream = ctx.question.get().is_some_and(|question| question.stream);
    span.ttft_us = progress.first_token_us;
    let provider = match &progress.answer {
        Some(answer) => Some(answer.provider),
        None => progress.attempts.last().map(|attempt| attempt.provider),
    };
    span.provider = provider.map(|index| ctx.provider(index).name.clone());
    span.http_status = progress.answer.as_ref().map(|answer| answer.status);
    span.policy.clone_from(&progress.policy.decisions);
    span.cache = progress.cache.status;
    if let Some(hit) = &progress.cache.hit {
        span.provider = Some(Arc::clone(&hit.provider));
        span.http_status = Some(HIT_STATUS);
    }
}

fn set_outcome(span: &mut Span, facts: &ResponseFacts, ending: &Ending<'_>) {
    let mut fail = |error_type: &str, message: &str| {
        span.status = SpanStatus::Error;
        span.error_type = Some(Arc::from(error_type));
        let message = &message[..message.floor_char_boundary(ERROR_MESSAGE_BYTES_MAX)];
        span.error_message = (!message.is_empty()).then(|| Arc::from(message));
    };
    match ending {
        Ending::Answered => {
            let status = span.http_status.unwrap_or_default();
            if let Some(error) = &facts.error {
                fail(error.kind.as_str(), &error.message);
            } else if status >= 400 {
                fail(read_error(status, b"").kind.as_str(), "");
            }
        }
        Ending::Unreadable => {
            fail("upstream_invalid", "the provider's answer is not JSON; it was passed on as it came");
        }
        Ending::Stopped => fail("shutdown", "Weir was stopped before the answer was complete"),
        Ending::Cut(error_type) => fail(error_type, "the provider's answer broke off"),
        Ending::Cancelled => {
            fail("cancelled", "the client closed the connection before the answer was complete");
            span.http_status = Some(CLIENT_CLOSED_REQUEST);
        }
        Ending::Refused(refusal) => {
            fail(refusal.error_type(), &refusal.message);
            span.http_status = Some(refusal.status());
        }
    }
}

/// Returns the tags that are no fields.
fn set_attribution(span: &mut Span, ctx: &CallContext) -> Vec<(String, String)> {
    let found = ctx.attribution().into_owned();
    span.team = found.team;
    span.app = found.app;
    span.agent = found.agent;
    span.session = found.session;
    span.user = found.user;
    span.env = found.env;
    span.service = found.service;
    span.key_id = ctx.key().map(|key| key.id.clone());
    found.tags
}

fn set_contents(span: &mut Span, ctx: &CallContext, facts: &ResponseFacts, cuts: &mut Cuts) {
    if let (Some(question), Some(dialect)) = (ctx.question.get(), ctx.dialect()) {
        span.input = input_json(question, dialect).map(|text| cut(&text, &mut cuts.input));
        span.tools = part(question.tools.as_ref()).map(|text| cut(text, &mut cuts.tools));
    }
    span.output = facts.output.as_deref().map(|text| cut(text, &mut cuts.output));
}

/// What the model was asked to read, as the dialect keeps it and as the span of a call has it: see [`RequestFacts::input_json`].
pub(crate) fn input_json(question: &Question, dialect: Dialect) -> Option<std::borrow::Cow<'_, str>> {
    let facts = RequestFacts {
        input: part(question.input.as_ref()),
        instructions: part(question.instructions.as_ref()),
        ..RequestFacts::default()
    };
    facts.input_json(dialect)
}

/// A part of a body that was read as text before.
fn part(bytes: Option<&Bytes>) -> Option<&str> {
    std::str::from_utf8(bytes?).ok()
}

fn cut(text: &str, is_cut: &mut bool) -> Content {
    let end = text.floor_char_boundary(limits::CONTENT_BYTES_MAX);
    *is_cut |= end < text.len();
    Content::new(&text[..end])
}

/// The spans of the attempts, where there were several: one attempt is the call itself.
pub(super) fn attempts(ctx: &CallContext) -> Vec<Record> {
    let progress = ctx.progress.borrow();
    if progress.attempts.len() < 2 {
        return Vec::new();
    }
    progress.attempts.iter().map(|attempt| Record::Span(of_attempt(ctx, attempt))).collect()
}

fn of_attempt(ctx: &CallContext, attempt: &Attempt) -> Box<Span> {
    let gateway = ctx.gateway();
    let provider = ctx.provider(attempt.provider);
    let span_id = gateway.ids.span_id(attempt.started_at);
    let (trace_id, kind) = (ctx.trace.trace_id, SpanKind::Http);
    let mut span = Box::new(Span::new(trace_id, span_id, kind, Source::Gateway, attempt.started_at));
    span.parent_id = Some(ctx.trace.span_id);
    span.duration_us = attempt.duration_us;
    span.name = Arc::from(format!("{} {}", ctx.head.method, provider.name));
    span.provider = Some(provider.name.clone());
    span.model = attempt.model.clone().or_else(|| ctx.model().cloned());
    span.http_status = attempt.outcome.ok();
    let error_type = match attempt.outcome {
        Ok(status) if status >= 400 => Some(read_error(status, b"").kind.as_str()),
        Ok(_) => None,
        Err(cause) => Some(cause),
    };
    if let Some(error_type) = error_type {
        span.status = SpanStatus::Error;
        span.error_type = Some(Arc::from(error_type));
    }
    span
}
