//! The token budget of one request: shortens a prompt that is over it, refuses it, or says what would have been done.
//!
//! The step is part of taking a request in, before the question is set: routing, budgets of money, the cache, the provider
//! and the span all see the request that is sent. Whose budget it is follows from whom the call is charged to.
//!
//! Counting may take milliseconds. What is short is counted here; what is long is counted on a thread for blocking work,
//! so that no other call of this thread waits for it.
//!
//! Failure: no call fails because it could not be counted or shortened. It goes on as it is, and its span says so.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use weir_control::Mode;
use weir_control::trim::{OnOver, Prompt, Shorter, Size, TokenBudget, Tokens, counted_bytes_max, size_up};
use weir_dialect::{Dialect, OutputCap, RequestFacts, apply_edits, cap_output, read_request};
use weir_meter::Meter;
use weir_types::PolicyDecision;

use crate::context::{CallContext, Question};
use crate::endpoint::percent_encoded;
use crate::refusal::Refusal;
use crate::route::likely;

/// What the decisions of this step are called on spans and in the header `weir-policy`.
const POLICY: &str = "token_budget";

/// Bytes that are counted on the thread that serves connections: about half a millisecond's work.
const COUNTED_HERE_BYTES_MAX: usize = 12 * 1024;

/// Bytes of a body that cost as much to look through as one byte costs to count.
const LOOKED_THROUGH_BYTES: usize = 32;

/// Makes the question fit its agent's budget. With a refusal the question is as it was asked.
pub(crate) async fn fit(
    ctx: &CallContext,
    dialect: Dialect,
    question: Question,
) -> (Question, Option<Refusal>) {
    let agents = &ctx.gateway().config.agents;
    if agents.is_empty() {
        return (question, None);
    }
    let agent = ctx.attribution_of(&question).agent.clone();
    let Some((name, budget)) = agents.of(agent.as_deref()) else { return (question, None) };
    let work = Work::of(ctx, dialect, &question, *budget);
    let found = if work.is_long() {
        tokio::task::spawn_blocking(move || work.run()).await.unwrap_or_else(|_| Found::failed())
    } else {
        work.run()
    };
    let asking = Asking { agent: agent.as_deref(), key: name, budget };
    conclude(ctx, dialect, question, found, &asking)
}

/// What is to be counted, free of the call so that another thread can do it.
struct Work {
    dialect: Dialect,
    body: Bytes,
    input: Option<Bytes>,
    instructions: Option<Bytes>,
    tools: Option<Bytes>,
    provider: Arc<str>,
    model: Arc<str>,
    meter: Arc<Meter>,
    budget: TokenBudget,
}

/// What was found.
struct Found {
    size: Size,
    cap: Option<Cap>,
    has_failed: bool,
}

/// What the bound on the output comes to.
enum Cap {
    /// The request with the bound, and the bound that the client had set.
    Set {
        body: String,
        before: Option<u64>,
    },
    Impossible(&'static str),
}

impl Work {
    fn of(ctx: &CallContext, dialect: Dialect, question: &Question, budget: TokenBudget) -> Self {
        let candidate = likely(ctx, question.model.as_deref());
        let provider =
            candidate.as_ref().map(|candidate| ctx.provider(candidate.provider).price_name.clone());
        let model = candidate.and_then(|candidate| candidate.model).or_else(|| question.model.clone());
        Self {
            dialect,
            body: question.body.clone(),
            input: question.input.clone(),
            instructions: question.instructions.clone(),
            tools: question.tools.clone(),
            provider: provider.unwrap_or_else(|| Arc::from("")),
            model: model.unwrap_or_else(|| Arc::from("")),
            meter: Arc::clone(&ctx.gateway().parts.meter),
            budget,
        }
    }

    /// Whether it takes longer than other calls should wait.
    fn is_long(&self) -> bool {
        let looked_through = self.body.len() / LOOKED_THROUGH_BYTES;
        let counted = self.prompt(|prompt| counted_bytes_max(prompt, &self.budget));
        counted.unwrap_or(0).saturating_add(looked_through) > COUNTED_HERE_BYTES_MAX
    }

    fn run(&self) -> Found {
        catch_unwind(AssertUnwindSafe(|| self.find())).unwrap_or_else(|_| Found::failed())
    }

    fn find(&self) -> Found {
        let size = self.prompt(|prompt| size_up(prompt, &self.budget)).unwrap_or(Size::Within);
        let shorter = match &size {
            Size::Over { shorter: Some(shorter), .. } if acts(&self.budget) => Some(shorter.body.as_bytes()),
            _ => None,
        };
        let cap = self.budget.max_output_tokens.and_then(|max| self.cap(shorter.unwrap_or(&self.body), max));
        Found { size, cap, has_failed: false }
    }

    fn cap(&self, body: &[u8], max: u64) -> Option<Cap> {
        match cap_output(self.dialect, body, Some(&self.model), max).ok()? {
            OutputCap::Kept => None,
            OutputCap::Impossible(reason) => Some(Cap::Impossible(reason)),
            OutputCap::Set { edits, before } => {
                Some(Cap::Set { body: apply_edits(std::str::from_utf8(body).ok()?, edits), before })
            }
        }
    }

    /// The prompt as those who count take it; `None` when the body is no text, which reading it has ruled out.
    fn prompt<T>(&self, use_it: impl FnOnce(&Prompt<'_>) -> T) -> Option<T> {
        let body = std::str::from_utf8(&self.body).ok()?;
        let base = body.as_ptr() as usize;
        let part = |part: &Option<Bytes>| {
            let part = part.as_ref()?;
            let start = (part.as_ptr() as usize).checked_sub(base)?;
            body.get(start..start.checked_add(part.len())?)
        };
        let facts = RequestFacts {
            input: part(&self.input),
            instructions: part(&self.instructions),
            tools: part(&self.tools),
            ..RequestFacts::default()
        };
        let counter = self.meter.counter(&self.provider, &self.model);
        Some(use_it(&Prompt { dialect: self.dialect, body, facts: &facts, counter }))
    }
}

impl Found {
    fn failed() -> Self {
        Self { size: Size::Within, cap: None, has_failed: true }
    }
}

/// Whether prompts over the budget are shortened.
fn acts(budget: &TokenBudget) -> bool {
    budget.mode == Mode::Enforce && budget.on_over == OnOver::Truncate
}

/// Who asks, and what they may have.
struct Asking<'a> {
    agent: Option<&'a str>,
    /// The name under which the budget is configured.
    key: &'a str,
    budget: &'a TokenBudget,
}

/// Applies what was found, and notes it on the span and for the client.
fn conclude(
    ctx: &CallContext,
    dialect: Dialect,
    question: Question,
    found: Found,
    asking: &Asking<'_>,
) -> (Question, Option<Refusal>) {
    let budget = asking.budget;
    let is_enforced = budget.mode == Mode::Enforce;
    if found.has_failed {
        note(ctx, asking, "unchanged", "the prompt could not be counted");
        return (question, None);
    }
    let mut body = None;
    if let Size::Over { tokens, shorter } = found.size {
        if budget.on_over == OnOver::Reject {
            note(ctx, asking, if is_enforced { "rejected" } else { "would_reject" }, &asking.size(tokens));
            tell(ctx, asking, if is_enforced { "rejected" } else { "would_reject" });
            if is_enforced {
                let limit = budget.max_input_tokens.unwrap_or_default();
                return (
                    question,
                    Some(Refusal::over_token_budget(&asking.who(), tokens, limit, asking.key)),
                );
            }
        } else if let Some(shorter) = shorter {
            let action = if acts(budget) { "truncated" } else { "would_truncate" };
            note(ctx, asking, action, &asking.shortened(tokens, &shorter));
            tell(ctx, asking, action);
            let cut = tokens.count.saturating_sub(shorter.tokens.count);
            ctx.progress.borrow_mut().policy.trimmed_tokens = Some(cut);
            body = acts(budget).then_some(shorter.body);
        } else {
            let detail = format!("{}; nothing in it can be cut", asking.size(tokens));
            note(ctx, asking, "unchanged", &detail);
        }
    }
    match found.cap {
        None => {}
        Some(Cap::Impossible(reason)) => {
            note(ctx, asking, "unchanged", &format!("output not capped: {reason}"));
        }
        Some(Cap::Set { body: capped, before }) => {
            let max = budget.max_output_tokens.unwrap_or_default();
            let from = before.map_or_else(|| "no bound".to_owned(), |before| before.to_string());
            let action = if is_enforced { "capped" } else { "would_cap" };
            note(ctx, asking, action, &format!("output of at most {max} tokens instead of {from}"));
            tell(ctx, asking, action);
            if is_enforced {
                body = Some(capped);
            }
        }
    }
    match body {
        None => (question, None),
        Some(body) => (read_again(ctx, dialect, question, &Bytes::from(body), asking), None),
    }
}

/// The question as it is asked now; the old one should the new body not be readable.
fn read_again(
    ctx: &CallContext,
    dialect: Dialect,
    question: Question,
    body: &Bytes,
    asking: &Asking<'_>,
) -> Question {
    match read_request(dialect, body) {
        Ok(facts) => Question::of(facts, question.model, body),
        Err(error) => {
            let mut progress = ctx.progress.borrow_mut();
            progress.policy.decisions.retain(|decision| &*decision.policy != POLICY);
            progress.policy.trim_header = None;
            progress.policy.trimmed_tokens = None;
            drop(progress);
            note(ctx, asking, "unchanged", &format!("the shortened request was not one: {error}"));
            question
        }
    }
}

fn note(ctx: &CallContext, asking: &Asking<'_>, action: &'static str, detail: &str) {
    ctx.progress.borrow_mut().policy.decisions.push(PolicyDecision {
        policy: Arc::from(POLICY),
        action: Arc::from(action),
        detail: Some(Arc::from(format!("{}: {detail}", asking.who()))),
        saved: None,
    });
}

/// Tells the client what was done. Who only observes tells nobody.
fn tell(ctx: &CallContext, asking: &Asking<'_>, action: &'static str) {
    if asking.budget.mode == Mode::Observe
        || asking.budget.on_over == OnOver::Observe && action == "would_truncate"
    {
        return;
    }
    let mut progress = ctx.progress.borrow_mut();
    let before = progress.policy.trim_header.take();
    let value = match before.as_ref().and_then(|value| value.to_str().ok()) {
        Some(before) => format!("{before},{action}"),
        None => format!("{POLICY};agent={};action={action}", percent_encoded(asking.key)),
    };
    progress.policy.trim_header = HeaderValue::try_from(value).ok();
}

impl Asking<'_> {
    fn who(&self) -> String {
        self.agent.map_or_else(|| "calls without an agent".to_owned(), |agent| format!("agent {agent:?}"))
    }

    /// `about 5310 tokens of 2000`.
    fn size(&self, tokens: Tokens) -> String {
        format!("{} tokens of {}", number(tokens), self.budget.max_input_tokens.unwrap_or_default())
    }

    /// `about 5310 tokens of 2000, 1394 left; 12 messages gone, 1 text cut`.
    fn shortened(&self, before: Tokens, shorter: &Shorter) -> String {
        let missed = if shorter.is_within_target { "" } else { "; the rest cannot be cut" };
        format!(
            "{}, {} left; {} messages gone, {} texts cut{missed}",
            self.size(before),
            number(shorter.tokens),
            shorter.cut.entries,
            shorter.cut.texts,
        )
    }
}

fn number(tokens: Tokens) -> String {
    format!("{}{}", if tokens.is_exact { "" } else { "about " }, tokens.count)
}
