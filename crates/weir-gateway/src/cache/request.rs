//! A call as the cache sees it: whether it may be looked up, and by which key.

use std::sync::Arc;

use http::Method;
use http::header::HeaderName;
use sha2::{Digest, Sha256};
use smallvec::SmallVec;
use weir_control::cache::semantic::{Asker, Question};
use weir_control::cache::{Cache, CacheCall, CacheShare, Place, ReadCall, Tenant, read};
use weir_dialect::Dialect;

use super::directives::Directives;
use crate::context::CallContext;
use crate::headers::CREDENTIALS;
use crate::provider::Provider;
use crate::route::Candidate;

/// Headers of APIs that change what they answer.
static ASKED_IN_HEADERS: [HeaderName; 3] = [
    HeaderName::from_static("anthropic-beta"),
    HeaderName::from_static("anthropic-version"),
    HeaderName::from_static("openai-beta"),
];

/// A call that the cache is about.
pub(super) struct CacheRequest {
    pub(super) read: ReadCall,
    pub(super) dialect: Dialect,
    /// The provider that would be asked, and the model there.
    pub(super) provider: usize,
    pub(super) model: Arc<str>,
    pub(super) team: Option<Arc<str>>,
    /// The oldest answer that the client takes.
    pub(super) age_max_s: Option<u64>,
    /// Whether the client wants the provider asked and the answer kept.
    pub(super) is_refreshed: bool,
}

/// Why a call is not looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unasked {
    /// The cache is not about such calls.
    Elsewhere,
    /// It is, but this one must not be answered twice, or its client does not want that.
    Bypass,
}

impl CacheRequest {
    /// Where its entry is.
    pub(super) fn place(&self) -> Place<'_> {
        Place { team: self.team.as_deref(), model: &self.model, key: self.read.key }
    }

    /// What the call asks in words; `None` when it does not end with that.
    pub(super) fn question(&self, ctx: &CallContext, cache: &Cache) -> Option<Question> {
        let question = ctx.question.get()?;
        let provider = ctx.provider(self.provider);
        let call = CacheCall {
            tenant: tenant(ctx, cache.config().share, provider, self.team.as_deref()),
            dialect: self.dialect,
            provider: &provider.name,
            model: &self.model,
            stream: question.stream,
            headers: &asked_in_head(ctx),
            body: &question.body,
        };
        let agent = ctx.attribution().agent.clone();
        Question::of(&call, Asker { team: self.team.as_ref(), agent: agent.as_ref() })
    }

    pub(super) fn of(ctx: &CallContext, cache: &Cache, candidates: &[Candidate]) -> Result<Self, Unasked> {
        let is_model_call = |dialect: &Dialect| dialect.span_kind().is_model_call();
        let dialect = ctx.dialect().filter(is_model_call).ok_or(Unasked::Elsewhere)?;
        let question = ctx.question.get().ok_or(Unasked::Elsewhere)?;
        let first = candidates.first().ok_or(Unasked::Elsewhere)?;
        let model = first.model.as_ref().or(question.model.as_ref()).ok_or(Unasked::Elsewhere)?;
        if ctx.head.method != Method::POST || !cache.covers(model) {
            return Err(Unasked::Elsewhere);
        }
        let directives = Directives::of(&ctx.head.headers);
        // Facts tell why the first of several choices ended, and all of them would have to end well.
        if directives.no_store || question.choices.is_some_and(|choices| choices > 1) {
            return Err(Unasked::Bypass);
        }
        let provider = ctx.provider(first.provider);
        let team = ctx.attribution().team.clone();
        let read = read(&CacheCall {
            tenant: tenant(ctx, cache.config().share, provider, team.as_deref()),
            dialect,
            provider: &provider.name,
            model,
            stream: question.stream,
            headers: &asked_in_head(ctx),
            body: &question.body,
        });
        let read = read.filter(|read| cache.admits(read)).ok_or(Unasked::Bypass)?;
        Ok(Self {
            read,
            dialect,
            provider: first.provider,
            model: Arc::clone(model),
            team,
            age_max_s: directives.max_age_s,
            is_refreshed: directives.no_cache,
        })
    }
}

/// Who may see the answer. A team that a caller without a virtual key merely names never widens the circle.
fn tenant<'a>(
    ctx: &'a CallContext,
    share: CacheShare,
    provider: &Provider,
    named_team: Option<&'a str>,
) -> Tenant<'a> {
    let is_vouched_for = ctx.key().is_some() || provider.has_key();
    match (ctx.key(), share) {
        _ if !is_vouched_for => Tenant::Client(credentials(ctx), named_team),
        (_, CacheShare::All) => Tenant::Everyone,
        (None, CacheShare::Team) => Tenant::Open(named_team),
        (Some(key), CacheShare::Team) => match &key.team {
            Some(team) => Tenant::Team(team),
            None => Tenant::Key(&key.id),
        },
    }
}

/// The SHA-256 of what the client shows the provider.
fn credentials(ctx: &CallContext) -> [u8; 32] {
    let mut hash = Sha256::new();
    for name in &CREDENTIALS {
        for value in ctx.head.headers.get_all(name) {
            hash.update((value.len() as u64).to_le_bytes());
            hash.update(value.as_bytes());
        }
        hash.update([0xff; 8]);
    }
    hash.finalize().into()
}

/// What asks for something outside of the body: the query, and headers, each with its name.
fn asked_in_head(ctx: &CallContext) -> SmallVec<[&[u8]; 8]> {
    let mut asked = SmallVec::new();
    asked.push(ctx.head.uri.query().unwrap_or_default().as_bytes());
    for name in &ASKED_IN_HEADERS {
        for value in ctx.head.headers.get_all(name) {
            asked.push(name.as_str().as_bytes());
            asked.push(value.as_bytes());
        }
    }
    asked
}
