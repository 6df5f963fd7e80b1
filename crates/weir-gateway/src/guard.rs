//! What stands between a prompt and its provider: injections, secrets that must not leave, models that an agent may not ask.
//!
//! Most calls pass in no time: where the guard only observes, what was said is inspected when the call is recorded, by the
//! sink that every source appends to. Only where it is to flag or to block is the input inspected before it goes out, and then
//! by the same reader that inspects what is recorded, so that what is refused is what is shown. The step stands before the
//! cache: a prompt that is refused gets no answer from there either.
//!
//! The provider gets what the client sent, unless secrets are to be taken out of that too ([`without_secrets`]): then every later
//! step and the record see the request that is sent.
//!
//! Failure: a call that could not be inspected goes on, and its span says so. Requests of no known dialect are not read
//! and so not inspected.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use weir_dialect::{Dialect, Edit, apply_edits, read_request};
use weir_guard::{GuardMode, Kind, POLICY, SecretsPolicy, Verdict};
use weir_types::{PolicyDecision, SpanKind};

use crate::context::{CallContext, Question};
use crate::finish::input_json;
use crate::refusal::Refusal;

/// Bytes of an input that are inspected on the thread that serves connections: about half a millisecond's work.
pub(crate) const INSPECTED_HERE_BYTES_MAX: usize = 32 * 1024;

/// What decisions about agents' scopes are called.
const SCOPE_POLICY: &str = "scope";

/// What decisions about what the provider gets are called.
const PRIVACY_POLICY: &str = "privacy";

/// Lets the call go on, notes what it is, or refuses it.
pub(crate) async fn check(ctx: &CallContext) -> Result<(), Refusal> {
    let guard = &ctx.gateway().parts.guard;
    let (Some(dialect), Some(question)) = (ctx.dialect(), ctx.question.get()) else { return Ok(()) };
    check_model(ctx)?;
    let app = ctx.attribution().app.clone();
    if dialect.span_kind() != SpanKind::Llm || !guard.stands_in_the_way(app.as_deref()) {
        return Ok(());
    }
    // The same text as the span will have, so that it is not read again when the call is recorded.
    let input = question.input.as_ref().and_then(|_| input_json(question, dialect));
    let Some(input) = input else { return Ok(()) };
    let Some(verdict) = judge(ctx, app.clone(), input).await else {
        note(ctx, POLICY, "unchanged", Some("the prompt could not be inspected"));
        return Ok(());
    };
    conclude(ctx, app.as_deref(), &verdict)
}

/// Refuses a model that the agent may not ask.
fn check_model(ctx: &CallContext) -> Result<(), Refusal> {
    let scopes = ctx.gateway().parts.guard.scopes();
    if scopes.is_empty() {
        return Ok(());
    }
    let agent = ctx.attribution().agent.clone();
    let Some(scope) = scopes.of(agent.as_deref()).filter(|scope| scope.blocks) else { return Ok(()) };
    let Some(violation) = ctx.model().and_then(|model| scope.model(agent.as_deref(), model)) else {
        return Ok(());
    };
    note(ctx, SCOPE_POLICY, "rejected", Some(&violation.summary));
    tell(ctx, SCOPE_POLICY, "rejected");
    Err(Refusal::out_of_scope(&violation.summary))
}

/// What the guard says of an input; `None` when it could not look at it.
async fn judge(ctx: &CallContext, app: Option<Arc<str>>, input: Cow<'_, str>) -> Option<Verdict> {
    let guard = Arc::clone(&ctx.gateway().parts.guard);
    if input.len() <= INSPECTED_HERE_BYTES_MAX && !guard.asks_a_model(app.as_deref()) {
        return catch_unwind(AssertUnwindSafe(|| guard.judge(app.as_deref(), &input))).ok();
    }
    let input = input.into_owned();
    // A panic there is an error here.
    tokio::task::spawn_blocking(move || guard.judge(app.as_deref(), &input)).await.ok()
}

fn conclude(ctx: &CallContext, app: Option<&str>, verdict: &Verdict) -> Result<(), Refusal> {
    if !verdict.secrets.is_empty() {
        let kinds: Vec<&str> = verdict.secrets.iter().map(|kind| Kind::as_str(*kind)).collect();
        note(ctx, POLICY, "secret_blocked", Some(&kinds.join(", ")));
        tell(ctx, POLICY, "secret_blocked");
        return Err(Refusal::secret_in_prompt(&kinds.join(", ")));
    }
    if verdict.flags.is_empty() {
        return Ok(());
    }
    let rules = verdict.rules.join(", ");
    if ctx.gateway().parts.guard.mode(app) == GuardMode::Block {
        note(ctx, POLICY, "blocked", Some(&rules));
        tell(ctx, POLICY, "blocked");
        return Err(Refusal::prompt_blocked());
    }
    note(ctx, POLICY, "flagged", Some(&rules));
    let packs: Vec<&str> = verdict.flags.iter().map(|flag| flag.pack).collect();
    let header = format!("flagged;packs={};rules={}", packs.join(","), verdict.rules.join(","));
    ctx.progress.borrow_mut().policy.guard_header = HeaderValue::try_from(header).ok();
    Ok(())
}

/// The question without secrets, for applications whose providers must not get them; a refusal when that cannot be had.
pub(crate) fn without_secrets(
    ctx: &CallContext,
    dialect: Dialect,
    question: Question,
) -> (Question, Option<Refusal>) {
    let guard = &ctx.gateway().parts.guard;
    let app = ctx.attribution_of(&question).app.clone();
    if guard.privacy(app.as_deref()).secrets != SecretsPolicy::RedactUpstream {
        return (question, None);
    }
    let Ok(body) = std::str::from_utf8(&question.body) else { return (question, None) };
    let edit = |part: &Option<Bytes>| {
        let part = part.as_ref()?;
        let start = (part.as_ptr() as usize).checked_sub(body.as_ptr() as usize)?;
        let at = start..start.checked_add(part.len())?;
        Some(Edit { text: guard.without_secrets(body.get(at.clone())?)?, at })
    };
    let edits: Vec<Edit> =
        [&question.input, &question.instructions, &question.tools].into_iter().filter_map(edit).collect();
    if edits.is_empty() {
        return (question, None);
    }
    let body = Bytes::from(apply_edits(body, edits));
    note(ctx, PRIVACY_POLICY, "redacted", Some("secrets were taken out of what is sent"));
    match read_request(dialect, &body) {
        Ok(facts) => (Question::of(facts, question.model, &body), None),
        // A request that must not go out as it is and cannot go out otherwise does not go out.
        Err(_) => (question, Some(Refusal::secret_in_prompt("which could not be taken out"))),
    }
}

fn note(ctx: &CallContext, policy: &str, action: &str, detail: Option<&str>) {
    ctx.progress.borrow_mut().policy.decisions.push(PolicyDecision {
        policy: Arc::from(policy),
        action: Arc::from(action),
        detail: detail.map(Arc::from),
        saved: None,
    });
}

fn tell(ctx: &CallContext, policy: &str, action: &str) {
    let header = HeaderValue::try_from(format!("{policy};action={action}")).ok();
    ctx.progress.borrow_mut().policy.tell(header);
}
