//! What monitors have set for calls: throttles, blocks, a cheaper model, answers from the cache alone.
//!
//! The step stands where the call is known and nothing has been spent. It looks at every policy whose scope matches the
//! tags that the call's span will carry, in the order in which they were set: the first that refuses ends the call, the
//! first that names a cheaper model decides the model. Each decision is noted on the span, also that of a dry run, which
//! changes nothing; a client whose call was refused or changed is told by the header `weir-policy`.
//!
//! Calls that only look (GET, HEAD) cost nothing and are left alone. A policy never lets through what a virtual key's
//! list of providers forbids. Its model need not be on the key's list of models: that list says what a client may ask
//! for, and it is the operator who asks here.
//!
//! Failure: a cheaper model that nobody can serve, or that is named where it cannot be changed, leaves the call as it is
//! and says so on the span. When no policy is in force the step costs one atomic load.

mod throttle;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use weir_control::cache::CacheMode;
use weir_types::{ActivePolicy, PolicyAction, PolicyDecision, SpanKind, UnixMicros};

use crate::attribution::Attribution;
use crate::context::CallContext;
use crate::endpoint::percent_encoded;
use crate::finish::{client_name, span_name};
use crate::headers::{WEIR_GUARD, WEIR_POLICY};
use crate::refusal::Refusal;
use crate::route::{Candidate, Candidates, NotInstead, Passed, instead};

pub(crate) use throttle::Throttles;

/// What policies decided about one call.
#[derive(Default)]
pub(crate) struct PolicyTrail {
    /// For the span.
    pub(crate) decisions: Vec<PolicyDecision>,
    /// The policy that changed or refused the call, for the client.
    header: Option<HeaderValue>,
    /// What the token budget did to it, for the client.
    pub(crate) trim_header: Option<HeaderValue>,
    /// What the guard found in it, for the client.
    pub(crate) guard_header: Option<HeaderValue>,
    /// Tokens that the token budget took out of the prompt, or would have.
    pub(crate) trimmed_tokens: Option<u64>,
    /// What allows only answers from the cache: decided by whether there is one.
    cache_only: Vec<CacheOnly>,
    /// What the call would have gone to; set when a policy sent it elsewhere.
    pub(crate) instead_of: Option<Passed>,
}

/// Something that allows an answer from the cache only.
struct CacheOnly {
    /// The place of what was decided among the decisions: corrected when there is no such answer.
    decision: usize,
    header: Option<HeaderValue>,
    /// What the client is told then; `None` for a dry run.
    refusal: Option<Refusal>,
}

/// Refuses a call that may be answered from the cache only and is not in it.
pub(crate) fn refuse_uncached(ctx: &CallContext) -> Result<(), Refusal> {
    let trail = &mut ctx.progress.borrow_mut().policy;
    for cache_only in std::mem::take(&mut trail.cache_only) {
        let action = if cache_only.refusal.is_some() { "rejected" } else { "would_reject" };
        if let Some(decision) = trail.decisions.get_mut(cache_only.decision) {
            decision.action = Arc::from(action);
        }
        if let Some(refusal) = cache_only.refusal {
            trail.header = cache_only.header;
            return Err(refusal);
        }
    }
    Ok(())
}

impl PolicyTrail {
    /// Tells the client who changed or refused its call; the last one who does is heard.
    pub(crate) fn tell(&mut self, header: Option<HeaderValue>) {
        self.header = header;
    }
}

/// Applies what is in force: the candidates that the call may go to now, or a refusal.
pub(crate) fn apply(ctx: &CallContext, candidates: Candidates) -> Result<Candidates, Refusal> {
    let board = &ctx.gateway().parts.policies;
    if board.is_empty() || ctx.head.method.is_safe() {
        return Ok(candidates);
    }
    apply_in_order(ctx, &board.active(), candidates)
}

/// Tells the client which policy changed or refused its call.
pub(crate) fn add_header(ctx: &CallContext, headers: &mut HeaderMap) {
    let trail = &ctx.progress.borrow().policy;
    for value in [&trail.trim_header, &trail.header].into_iter().flatten() {
        headers.append(WEIR_POLICY, value.clone());
    }
    if let Some(value) = &trail.guard_header {
        headers.insert(WEIR_GUARD, value.clone());
    }
}

fn apply_in_order(
    ctx: &CallContext,
    policies: &[ActivePolicy],
    mut candidates: Candidates,
) -> Result<Candidates, Refusal> {
    let now = ctx.gateway().parts.clock.now();
    let asked = Asked::of(ctx, &candidates);
    let in_force = |policy: &&ActivePolicy| policy.since <= now && now < policy.until;
    for policy in policies.iter().filter(in_force) {
        if !policy.scope.matches(&|key| asked.tag(key)) {
            continue;
        }
        let verdict = match &policy.action {
            PolicyAction::Block => Verdict::Refused(Refusal::blocked(&policy.monitor, rest(policy, now))),
            PolicyAction::CacheOnly => cache_only(ctx, policy, now),
            PolicyAction::Throttle { calls_per_minute } => {
                throttled(ctx, policies, policy, *calls_per_minute, now)
            }
            PolicyAction::CheaperModel { model } => with_model(ctx, model, &candidates),
        };
        let mut progress = ctx.progress.borrow_mut();
        progress.policy.decisions.push(decision(policy, &verdict));
        if let Verdict::Cached(refusal) = verdict {
            let decision = progress.policy.decisions.len() - 1;
            let refusal = Some(refusal).filter(|_| !policy.is_dry_run);
            progress.policy.cache_only.push(CacheOnly { decision, header: header(policy), refusal });
            continue;
        }
        if policy.is_dry_run {
            continue;
        }
        match verdict {
            Verdict::Allowed | Verdict::Unchanged(_) | Verdict::Cached(_) => {}
            Verdict::Refused(refusal) => {
                progress.policy.header = header(policy);
                return Err(refusal);
            }
            Verdict::Rerouted { to, passed } => {
                progress.policy.header = header(policy);
                progress.policy.instead_of = Some(passed);
                candidates = to;
            }
        }
    }
    Ok(candidates)
}

/// What one policy would do with the call.
enum Verdict {
    Allowed,
    Refused(Refusal),
    /// Allowed when the cache has an answer, else refused so.
    Cached(Refusal),
    Rerouted {
        to: Candidates,
        passed: Passed,
    },
    /// Why the call stays as it is.
    Unchanged(&'static str),
}

/// Leaves the decision to the cache, where there is one that answers.
fn cache_only(ctx: &CallContext, policy: &ActivePolicy, now: UnixMicros) -> Verdict {
    let cache = ctx.gateway().cache.as_ref();
    let answers = cache.is_some_and(|cache| cache.config().mode == CacheMode::Enforce);
    let refusal = Refusal::not_cached(&policy.monitor, rest(policy, now), answers);
    if answers { Verdict::Cached(refusal) } else { Verdict::Refused(refusal) }
}

fn throttled(
    ctx: &CallContext,
    policies: &[ActivePolicy],
    policy: &ActivePolicy,
    calls_per_minute: u32,
    now: UnixMicros,
) -> Verdict {
    let throttles = &ctx.gateway().throttles;
    match throttles.admit(policy, calls_per_minute, policies, now) {
        Ok(()) => Verdict::Allowed,
        Err(wait) => Verdict::Refused(Refusal::throttled(&policy.monitor, calls_per_minute, wait)),
    }
}

/// Sends the call to another model, where its request names the model in the body and some provider serves the other one.
fn with_model(ctx: &CallContext, model: &Arc<str>, candidates: &[Candidate]) -> Verdict {
    if ctx.progress.borrow().policy.instead_of.is_some() {
        return Verdict::Unchanged("another policy has changed the model");
    }
    match instead(ctx, model, candidates) {
        Ok((to, passed)) => Verdict::Rerouted { to, passed },
        Err(reason) => Verdict::Unchanged(match reason {
            NotInstead::Unread => "the request is not read",
            NotInstead::InPath => "the request names its model in its path",
            NotInstead::Unnamed => "the request names no model",
            NotInstead::Same => "it is the model asked for",
            NotInstead::Unserved => "no provider that the caller may call serves that model",
        }),
    }
}

/// For the span: `throttle` `rejected` `monitor spend: 20 calls a minute`. What a dry run would have done is spelt
/// `would_…`, so that nobody counts it as done.
fn decision(policy: &ActivePolicy, verdict: &Verdict) -> PolicyDecision {
    let action = match (verdict, policy.is_dry_run) {
        (Verdict::Allowed | Verdict::Cached(_), _) => "allowed",
        (Verdict::Unchanged(_), _) => "unchanged",
        (Verdict::Refused(_), false) => "rejected",
        (Verdict::Refused(_), true) => "would_reject",
        (Verdict::Rerouted { .. }, false) => "rerouted",
        (Verdict::Rerouted { .. }, true) => "would_reroute",
    };
    let limit = match &policy.action {
        PolicyAction::Throttle { calls_per_minute } => format!(": {calls_per_minute} calls a minute"),
        PolicyAction::CheaperModel { model } => format!(": {model}"),
        PolicyAction::Block | PolicyAction::CacheOnly => String::new(),
    };
    let reason = match verdict {
        Verdict::Unchanged(reason) => format!("; {reason}"),
        _ => String::new(),
    };
    let detail = format!("monitor {}{limit}{reason}", policy.monitor);
    PolicyDecision {
        policy: Arc::from(name(&policy.action)),
        action: Arc::from(action),
        detail: Some(Arc::from(detail)),
        saved: None,
    }
}

fn name(action: &PolicyAction) -> &'static str {
    match action {
        PolicyAction::Throttle { .. } => "throttle",
        PolicyAction::Block => "block",
        PolicyAction::CheaperModel { .. } => "cheaper_model",
        PolicyAction::CacheOnly => "cache_only",
    }
}

/// `block;monitor=spend`. A monitor's name may have any characters and is percent-encoded.
fn header(policy: &ActivePolicy) -> Option<HeaderValue> {
    let value = format!("{};monitor={}", name(&policy.action), percent_encoded(&policy.monitor));
    HeaderValue::try_from(value).ok()
}

/// For how long the policy is in force at most.
fn rest(policy: &ActivePolicy, now: UnixMicros) -> Duration {
    Duration::from_micros(u64::try_from(policy.until.0.saturating_sub(now.0)).unwrap_or(0))
}

/// The tags of a call that has not been answered: those of its span but for what only an answer tells.
struct Asked<'a> {
    attribution: Cow<'a, Attribution>,
    name: Arc<str>,
    client: Option<String>,
    provider: Option<&'a str>,
    model: Option<&'a str>,
    key_id: Option<&'a str>,
    kind: SpanKind,
}

impl<'a> Asked<'a> {
    fn of(ctx: &'a CallContext, candidates: &[Candidate]) -> Self {
        let key = ctx.key().map(|key| &**key);
        Self {
            attribution: ctx.attribution(),
            name: span_name(ctx),
            client: client_name(ctx),
            provider: candidates.first().map(|candidate| &*ctx.provider(candidate.provider).name),
            model: ctx.model().map(|model| &**model),
            key_id: key.map(|key| &*key.id),
            kind: ctx.dialect().map_or(SpanKind::Http, weir_dialect::Dialect::span_kind),
        }
    }

    fn tag(&self, key: &str) -> Option<&str> {
        let found = &self.attribution;
        let attributed = match key {
            "team" => &found.team,
            "app" => &found.app,
            "agent" => &found.agent,
            "session" => &found.session,
            "user" => &found.user,
            "env" => &found.env,
            "service" => &found.service,
            "provider" => return self.provider,
            "model" => return self.model,
            "key_id" => return self.key_id,
            "client" => return self.client.as_deref(),
            "name" => return Some(&self.name),
            "kind" => return Some(self.kind.as_str()),
            "source" => return Some(weir_types::Source::Gateway.as_str()),
            _ => return None,
        };
        attributed.as_deref()
    }
}
