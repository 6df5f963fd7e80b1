//! Reserves the most that a call can cost with every budget and rate limit that is about it, before it goes out.
//!
//! The step stands behind everything that could make the call cheaper or free, and right before the call goes out. What
//! is reserved is settled when the call is recorded ([`crate::finish`]), and given back when it never is.
//!
//! A call is first bounded by the bytes of its texts, which costs next to nothing. Only one that does not fit so is
//! counted, on a thread for blocking work when it is long.
//!
//! Where gateways share their limits, that is one exchange with Redis, and none where no limit is about the call.
//!
//! Failure: nothing here fails a call but a limit that it would pass, or one that is not known because Redis is away, where
//! `redis.on_unavailable` wants that. A model without a price is bounded in tokens and
//! calls only, and its span says that it is unpriced.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use smallvec::SmallVec;
use weir_control::Mode;
use weir_control::budget::{
    Charge, Demand, Denial, LimitSpec, Measure, NotReserved, OnShutoff, Payer, Target,
};
use weir_types::{PolicyDecision, SpanKind, UnixMicros};

use crate::cache;
use crate::context::{CallContext, Question};
use crate::endpoint::percent_encoded;
use crate::refusal::Refusal;
use crate::route::{Candidates, NotInstead, instead};

/// Bytes of text that are counted on the worker's own thread; that takes less than a millisecond.
const COUNT_HERE_BYTES_MAX: usize = 16 * 1024;

/// How long a client is told to wait for calls under way to end.
const PAUSE_FOR_OTHERS: Duration = Duration::from_secs(1);

/// How long a client is told to wait for Redis.
const PAUSE_FOR_LEDGER: Duration = Duration::from_secs(1);

/// Reserves the call: the candidates that it may go to now, or a refusal.
pub(crate) async fn reserve(ctx: &CallContext, mut candidates: Candidates) -> Result<Candidates, Refusal> {
    let ledger = &ctx.gateway().parts.ledger;
    if ledger.is_empty() || ctx.head.method.is_safe() {
        return Ok(candidates);
    }
    let mut waived = SmallVec::<[Arc<str>; 1]>::new();
    let mut is_counted = false;
    loop {
        let (payer, most) = (payer(ctx, &candidates), most(ctx, &candidates, is_counted).await);
        let now = ctx.gateway().parts.clock.now();
        let reserved = match ledger.fleet() {
            Some(fleet) => fleet.reserve(ledger, &payer, &most, &waived, now).await,
            None => ledger.reserve(&payer, &most, &waived, now).map_err(NotReserved::Full),
        };
        let not_reserved = match reserved {
            Ok(reservation) => {
                let mut progress = ctx.progress.borrow_mut();
                for denial in &reservation.observed {
                    progress.policy.decisions.push(decision(denial, "would_reject", ""));
                    if denial.limit.mode == Mode::Warn {
                        progress.policy.tell(header(&denial.limit));
                    }
                }
                progress.reservation = Some(reservation);
                return Ok(candidates);
            }
            Err(not_reserved) => not_reserved,
        };
        let limit = match &not_reserved {
            NotReserved::Full(Denial { limit, .. }) | NotReserved::Away { limit, may_want_less: true } => {
                Some(limit)
            }
            NotReserved::Away { .. } => None,
        };
        let is_amount = limit.is_some_and(|limit| matches!(limit.measure, Measure::Usd | Measure::Tokens));
        let can_count = ctx.question.get().is_some_and(|question| question.input.is_some());
        if is_amount && can_count && !is_counted {
            is_counted = true;
            continue;
        }
        let denial = match not_reserved {
            NotReserved::Full(denial) => denial,
            NotReserved::Away { limit, .. } => return Err(away(ctx, &limit)),
        };
        match &denial.limit.on_shutoff {
            OnShutoff::CheaperModel(model) => match cheaper(ctx, model, &candidates) {
                Ok(to) => {
                    note(ctx, &denial, "rerouted", &format!("; {model}"));
                    if let Some(to) = to {
                        // The answer of another model is no answer to this call.
                        cache::discard(ctx);
                        candidates = to;
                    }
                    waived.push(Arc::clone(&denial.limit.name));
                }
                Err(reason) => return Err(refused(ctx, &denial, now, &format!("; {reason}"))),
            },
            OnShutoff::Reject | OnShutoff::CacheOnly => return Err(refused(ctx, &denial, now, "")),
        }
    }
}

/// Whom the call is charged to.
fn payer(ctx: &CallContext, candidates: &Candidates) -> Payer {
    let found = ctx.attribution();
    let first = candidates.first();
    Payer {
        team: found.team.clone(),
        app: found.app.clone(),
        agent: found.agent.clone(),
        user: found.user.clone(),
        key: ctx.key().map(|key| key.id.clone()),
        model: first.and_then(|candidate| candidate.model.clone()).or_else(|| ctx.model().cloned()),
        provider: first.map(|candidate| ctx.provider(candidate.provider).name.clone()),
    }
}

/// The most that the call can use, wherever it may go.
async fn most(ctx: &CallContext, candidates: &Candidates, is_counted: bool) -> Charge {
    let kind = ctx.dialect().map_or(SpanKind::Http, weir_dialect::Dialect::span_kind);
    let Some(question) = ctx.question.get().filter(|_| kind.is_model_call()) else {
        return Charge::default();
    };
    let mut most = Charge::default();
    for candidate in candidates {
        let Some(model) = candidate.model.as_ref().or(question.model.as_ref()) else { continue };
        let provider = &ctx.provider(candidate.provider).price_name;
        let charge = bound(ctx, question, kind, (provider, model), is_counted).await;
        most.cost = most.cost.max(charge.cost);
        most.tokens = most.tokens.max(charge.tokens);
    }
    most
}

async fn bound(
    ctx: &CallContext,
    question: &Question,
    kind: SpanKind,
    (provider, model): (&Arc<str>, &Arc<str>),
    is_counted: bool,
) -> Charge {
    let output_default = ctx.gateway().config.limits.output_tokens_default;
    let texts = Texts::of(question);
    let numbers = Numbers {
        max_output_tokens: question.max_output_tokens,
        choices: question.choices.unwrap_or(1),
        service_tier: question.service_tier.clone(),
        writes: kind == SpanKind::Llm,
    };
    let meter = Arc::clone(&ctx.gateway().parts.meter);
    if is_counted && texts.len() > COUNT_HERE_BYTES_MAX {
        let (provider, model) = (Arc::clone(provider), Arc::clone(model));
        let count = move || {
            let target = Target { provider: &provider, model: &model };
            numbers.demand(&texts).by_count(&meter, target, output_default)
        };
        // A count that panics bounds nothing; the call is then held to no amount rather than failed.
        return tokio::task::spawn_blocking(count).await.unwrap_or_default();
    }
    let (demand, target) = (numbers.demand(&texts), Target { provider, model });
    if is_counted {
        demand.by_count(&meter, target, output_default)
    } else {
        demand.by_bytes(&meter, target, output_default)
    }
}

/// The texts of a question; parts of its body.
struct Texts([Option<bytes::Bytes>; 3]);

impl Texts {
    fn of(question: &Question) -> Self {
        Self([question.input.clone(), question.instructions.clone(), question.tools.clone()])
    }

    fn len(&self) -> usize {
        self.0.iter().flatten().map(bytes::Bytes::len).sum()
    }

    fn get(&self, at: usize) -> &str {
        self.0[at].as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

struct Numbers {
    max_output_tokens: Option<u64>,
    choices: u64,
    service_tier: Option<String>,
    writes: bool,
}

impl Numbers {
    fn demand<'a>(&'a self, texts: &'a Texts) -> Demand<'a> {
        Demand {
            input: texts.get(0),
            instructions: texts.get(1),
            tools: texts.get(2),
            max_output_tokens: self.max_output_tokens,
            choices: self.choices,
            service_tier: self.service_tier.as_deref(),
            writes: self.writes,
        }
    }
}

/// Where the call goes with a cheaper model; `None` when that is the model it asks for already. Or why it cannot.
fn cheaper(
    ctx: &CallContext,
    model: &Arc<str>,
    candidates: &Candidates,
) -> Result<Option<Candidates>, &'static str> {
    match instead(ctx, model, candidates) {
        Ok((to, passed)) => {
            ctx.progress.borrow_mut().policy.instead_of.get_or_insert(passed);
            Ok(Some(to))
        }
        Err(NotInstead::Same) => Ok(None),
        Err(NotInstead::Unread) => Err("the request is not read, so its model cannot be changed"),
        Err(NotInstead::InPath) => Err("the request names its model in its path, so it cannot be changed"),
        Err(NotInstead::Unnamed) => Err("the request names no model"),
        Err(NotInstead::Unserved) => Err("no provider that the caller may call serves the cheaper model"),
    }
}

fn refused(ctx: &CallContext, denial: &Denial, now: UnixMicros, reason: &str) -> Refusal {
    note(ctx, denial, "rejected", reason);
    let pause = denial.until.map_or(PAUSE_FOR_OTHERS, |until| {
        Duration::from_micros(u64::try_from(until.0.saturating_sub(now.0)).unwrap_or(0))
    });
    Refusal::over_limit(denial, pause, reason)
}

/// A refusal because what the fleet has used is not known.
fn away(ctx: &CallContext, limit: &LimitSpec) -> Refusal {
    let refusal = Refusal::ledger_away(limit, PAUSE_FOR_LEDGER);
    let mut progress = ctx.progress.borrow_mut();
    progress.policy.decisions.push(PolicyDecision {
        policy: Arc::from(limit.kind.as_str()),
        action: Arc::from("rejected"),
        detail: Some(Arc::from(&*refusal.message)),
        saved: None,
    });
    progress.policy.tell(header(limit));
    refusal
}

/// Notes on the span what a limit did, and tells the client.
fn note(ctx: &CallContext, denial: &Denial, action: &str, reason: &str) {
    let mut progress = ctx.progress.borrow_mut();
    progress.policy.decisions.push(decision(denial, action, reason));
    progress.policy.tell(header(&denial.limit));
}

/// `budget;name=payments`. A name may have any characters and is percent-encoded.
fn header(limit: &LimitSpec) -> Option<HeaderValue> {
    let value = format!("{};name={}", limit.kind.as_str(), percent_encoded(&limit.name));
    HeaderValue::try_from(value).ok()
}

/// For the span: `budget` `rejected` `payments: $299.10 of $200.00 used, $1.20 reserved, $0.90 more asked for`.
fn decision(denial: &Denial, action: &str, reason: &str) -> PolicyDecision {
    PolicyDecision {
        policy: Arc::from(denial.limit.kind.as_str()),
        action: Arc::from(action),
        detail: Some(Arc::from(format!("{}{reason}", denial.describe()))),
        saved: None,
    }
}
