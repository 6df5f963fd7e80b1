//! Which providers may answer a call, in the order in which they are tried.
//!
//! The first `[[routes]]` entry whose pattern matches the model decides. Without one the model's family does:
//! `claude-*` and Anthropic's dialect go to the first Anthropic provider, OpenAI's names to the first OpenAI (else Azure)
//! provider, `databricks-*` to the first Databricks provider, and anything else to the only provider, if there is only
//! one. A virtual key takes away the providers it may not call.

use std::sync::Arc;

use smallvec::SmallVec;
use weir_dialect::Family;
use weir_types::wildcard_matches;

use crate::authorise::{may_call_model, may_call_provider, may_call_unread};
use crate::config::{GatewayConfig, ProviderKind};
use crate::context::CallContext;
use crate::endpoint::Place;
use crate::refusal::Refusal;

/// What OpenAI's model names begin with; `o1`, `o3` and their successors are told by their shape.
const OPENAI_PREFIXES: &[&str] = &[
    "gpt-",
    "chatgpt-",
    "ft:gpt-",
    "text-embedding-",
    "text-davinci-",
    "davinci-",
    "babbage-",
    "codex-",
    "dall-e-",
    "tts-",
    "whisper-",
    "omni-moderation-",
    "computer-use-",
    "sora-",
];

/// One provider that may answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// Its index.
    pub(crate) provider: usize,
    /// The model to ask there, where that is not the one that the client named.
    pub(crate) model: Option<Arc<str>>,
}

/// The providers that may answer, in order. At least one.
pub(crate) type Candidates = SmallVec<[Candidate; 2]>;

/// Routes with names resolved.
pub(crate) struct Router {
    routes: Vec<(Arc<str>, Candidates)>,
    kinds: Vec<ProviderKind>,
}

impl Router {
    /// Resolves the names of a configuration without faults.
    pub(crate) fn new(config: &GatewayConfig) -> Self {
        let index = |name: &str| config.providers.iter().position(|provider| &*provider.name == name);
        let routes = config.routes.iter().map(|route| {
            let candidates = route.targets.iter().filter_map(|target| {
                Some(Candidate { provider: index(&target.provider)?, model: target.model.clone() })
            });
            (route.model.clone(), candidates.collect())
        });
        Self {
            routes: routes.collect(),
            kinds: config.providers.iter().map(|provider| provider.kind).collect(),
        }
    }

    /// Where calls for this model go; empty when nobody serves it.
    fn candidates(&self, model: &str, family: Family) -> Candidates {
        let route = self.routes.iter().find(|(pattern, _)| wildcard_matches(pattern, model));
        match route {
            Some((_, candidates)) => candidates.clone(),
            None => as_candidates(self.of_model_family(model, family).or_else(|| self.only())),
        }
    }

    fn of_model_family(&self, model: &str, family: Family) -> Option<usize> {
        if model.starts_with("databricks-") {
            return self.first(&[ProviderKind::Databricks]);
        }
        if family == Family::Anthropic || model.starts_with("claude-") {
            return self.first(&[ProviderKind::Anthropic]);
        }
        is_openai(model).then(|| self.first(&[ProviderKind::OpenAi, ProviderKind::Azure]))?
    }

    fn of_family(&self, family: Family) -> Option<usize> {
        let kinds: &[ProviderKind] = match family {
            Family::OpenAi => &[ProviderKind::OpenAi, ProviderKind::Azure, ProviderKind::Databricks],
            Family::Anthropic => &[ProviderKind::Anthropic],
        };
        self.first(kinds).or_else(|| self.only())
    }

    fn first(&self, kinds: &[ProviderKind]) -> Option<usize> {
        kinds.iter().find_map(|wanted| self.kinds.iter().position(|kind| kind == wanted))
    }

    fn only(&self) -> Option<usize> {
        (self.kinds.len() == 1).then_some(0)
    }
}

/// Where calls to this place go, whoever may call there; `None` when only a model could tell.
fn of_place(ctx: &CallContext, model: Option<&str>) -> Option<Candidates> {
    let router = &ctx.gateway().router;
    match ctx.endpoint.place {
        Place::Provider(index) => Some(as_candidates(Some(index))),
        Place::Family(family) => Some(as_candidates(router.of_family(family))),
        Place::ModelRoute | Place::Everyone => Some(router.candidates(model?, ctx.endpoint.family())),
    }
}

/// Who will most likely answer a question that is not set yet: for how its tokens are counted. Asks nobody's permission.
pub(crate) fn likely(ctx: &CallContext, model: Option<&str>) -> Option<Candidate> {
    of_place(ctx, model)?.into_iter().next()
}

/// The providers that may answer this call.
pub(crate) fn route(ctx: &CallContext) -> Result<Candidates, Refusal> {
    let model = ctx.model().map(|model| &**model);
    if let Some(model) = model {
        may_call_model(ctx, model)?;
    } else {
        may_call_unread(ctx)?;
    }
    let candidates = of_place(ctx, model).ok_or_else(Refusal::model_missing)?;
    if candidates.is_empty() {
        let configured = ctx.gateway().config.provider_names();
        return Err(match model {
            Some(model) => Refusal::model_unknown(model, &configured),
            None => Refusal::no_provider(ctx.head.uri.path(), &configured),
        });
    }
    allowed(ctx, candidates)
}

/// A provider and a model that a policy passed over for a cheaper one: what the saving is counted against.
#[derive(Debug, Clone)]
pub(crate) struct Passed {
    /// The provider's name in the price list.
    pub(crate) price_name: Arc<str>,
    /// The model.
    pub(crate) model: Arc<str>,
}

/// Why a call cannot go to another model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotInstead {
    /// Its request is not read.
    Unread,
    /// Its request names the model in its path.
    InPath,
    /// Its request names no model.
    Unnamed,
    /// It asks for that model.
    Same,
    /// No provider that the caller may call serves that model.
    Unserved,
}

/// The providers that may answer this call with another model, and what is passed over for it.
pub(crate) fn instead(
    ctx: &CallContext,
    model: &Arc<str>,
    candidates: &[Candidate],
) -> Result<(Candidates, Passed), NotInstead> {
    let asked = ctx.question.get().filter(|_| ctx.dialect().is_some()).ok_or(NotInstead::Unread)?;
    let first = candidates.first().filter(|_| asked.names_model).ok_or(NotInstead::InPath)?;
    let asked_model = first.model.as_ref().or(asked.model.as_ref()).ok_or(NotInstead::Unnamed)?;
    if asked_model == model {
        return Err(NotInstead::Same);
    }
    let to = route_instead(ctx, model);
    if to.is_empty() {
        return Err(NotInstead::Unserved);
    }
    let price_name = ctx.provider(first.provider).price_name.clone();
    Ok((to, Passed { price_name, model: Arc::clone(asked_model) }))
}

/// The providers that may answer this call with another model than the one it names; empty when none can, or may.
fn route_instead(ctx: &CallContext, model: &Arc<str>) -> Candidates {
    let mut candidates = match ctx.endpoint.place {
        Place::Provider(index) => as_candidates(Some(index)),
        _ => ctx.gateway().router.candidates(model, ctx.endpoint.family()),
    };
    for candidate in &mut candidates {
        candidate.model.get_or_insert_with(|| Arc::clone(model));
    }
    allowed(ctx, candidates).unwrap_or_default()
}

/// The candidates that the caller's key may call.
fn allowed(ctx: &CallContext, mut candidates: Candidates) -> Result<Candidates, Refusal> {
    candidates.retain(|candidate| may_call_provider(ctx.key(), &ctx.provider(candidate.provider).name));
    match ctx.key() {
        Some(key) if candidates.is_empty() => {
            Err(Refusal::provider_not_allowed(&key.id, &key.providers.join(", ")))
        }
        _ => Ok(candidates),
    }
}

fn as_candidates(provider: Option<usize>) -> Candidates {
    provider.into_iter().map(|provider| Candidate { provider, model: None }).collect()
}

fn is_openai(model: &str) -> bool {
    let is_reasoner = || {
        let mut letters = model.bytes();
        letters.next() == Some(b'o') && letters.next().is_some_and(|letter| letter.is_ascii_digit())
    };
    OPENAI_PREFIXES.iter().any(|prefix| model.starts_with(prefix)) || is_reasoner()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ProviderConfig, RouteConfig, Target};

    fn router(kinds: &[ProviderKind], routes: Vec<RouteConfig>) -> Router {
        let url = http::Uri::from_static("http://127.0.0.1:1");
        let provider =
            |(i, kind): (usize, &ProviderKind)| ProviderConfig::new(&format!("p{i}"), *kind, url.clone());
        let providers = kinds.iter().enumerate().map(provider).collect();
        Router::new(&GatewayConfig { providers, routes, ..GatewayConfig::default() })
    }

    fn providers(router: &Router, model: &str) -> Vec<usize> {
        router.candidates(model, Family::OpenAi).iter().map(|candidate| candidate.provider).collect()
    }

    #[test]
    fn the_first_matching_route_decides_and_keeps_the_order_of_its_targets() {
        let target = |provider: &str| Target { provider: provider.into(), model: None };
        let routes = vec![
            RouteConfig { model: "gpt-4o".into(), targets: vec![target("p1"), target("p0")] },
            RouteConfig { model: "gpt-*".into(), targets: vec![target("p0")] },
        ];
        let router = router(&[ProviderKind::OpenAi, ProviderKind::Azure], routes);
        assert_eq!(providers(&router, "gpt-4o"), [1, 0]);
        assert_eq!(providers(&router, "gpt-4o-mini"), [0]);
    }

    #[test]
    fn without_a_route_the_models_family_decides() {
        use ProviderKind::{Anthropic, Azure, Databricks, OpenAi};
        let all = router(&[Databricks, Anthropic, Azure, OpenAi], vec![]);
        for (model, expected) in [
            ("gpt-4o", 3),
            ("o3-mini", 3),
            ("claude-sonnet-4-5", 1),
            ("databricks-dbrx", 0),
            ("text-embedding-3-small", 3),
        ] {
            assert_eq!(providers(&all, model), [expected], "{model}");
        }
        assert!(providers(&all, "llama-3").is_empty());
        assert!(providers(&all, "orca-2").is_empty());
        let without_openai = router(&[Anthropic, Azure], vec![]);
        assert_eq!(providers(&without_openai, "gpt-4o"), [1]);
    }

    #[test]
    fn the_only_provider_serves_every_model() {
        let router = router(&[ProviderKind::OpenAi], vec![]);
        for model in ["llama-3", "claude-sonnet-4-5", "databricks-dbrx"] {
            assert_eq!(providers(&router, model), [0], "{model}");
        }
    }
}
