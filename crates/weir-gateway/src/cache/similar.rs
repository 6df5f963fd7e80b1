//! Answers to questions that mean the same, as a call meets them.
//!
//! Behind the exact look-up and, where callers ask the same at the same time, for the first of them alone. The call waits for
//! its vector only where there is something to compare it with, and not longer than it is told.

use std::sync::Arc;
use std::time::Duration;

use weir_control::cache::semantic::{Asked, Semantic, Sight, Verdict};
use weir_control::cache::{Cache, CachedAnswer, Place};
use weir_types::{NanoUsd, PolicyDecision};

use super::request::CacheRequest;
use crate::context::CallContext;

/// What came of a look-up.
pub(super) enum Similar {
    /// An answer to give.
    Answer(Arc<CachedAnswer>),
    /// None. What is to be learned from the provider's answer, if anything is.
    Unanswered(Option<Box<Asked>>),
}

/// Looks for an answer to a question that means the same.
pub(super) async fn look_up(
    ctx: &CallContext,
    cache: &Cache,
    semantic: &Arc<Semantic>,
    request: &CacheRequest,
) -> Similar {
    let Some(question) = request.question(ctx, cache) else { return Similar::Unanswered(None) };
    let mut asked = Box::new(Asked { question, vector: None, would_be: None });
    if request.is_refreshed {
        return Similar::Unanswered(Some(asked));
    }
    let Sight { vector, nearest } = see(semantic, &asked).await;
    asked.vector = vector;
    let Some(nearest) = nearest else { return Similar::Unanswered(Some(asked)) };
    let (place, now) = (Place { key: nearest.key, ..request.place() }, ctx.gateway().parts.clock.now());
    let Some(answer) = cache.find(place, now, None).await else {
        semantic.forget(&asked.question, nearest.key);
        return Similar::Unanswered(Some(asked));
    };
    let age_s = answer.age_s(now);
    if request.age_max_s.is_some_and(|max| age_s >= max) {
        return Similar::Unanswered(Some(asked));
    }
    let (threshold, verdict) = semantic.decide(&asked.question, nearest.similarity, cache.answers());
    let detail = || detail(nearest.similarity, threshold, verdict, age_s, answer.cost);
    match verdict {
        Verdict::Answer => {
            semantic.note_hit(&asked.question, answer.cost.unwrap_or(NanoUsd::ZERO));
            // What is saved is said on the span itself.
            note(ctx, "answered", detail(), None);
            return Similar::Answer(answer);
        }
        Verdict::Check | Verdict::Observe => {
            semantic.note_would_hit(&asked.question);
            note(ctx, "would_answer", detail(), answer.cost);
        }
        Verdict::Learn => {}
    }
    asked.would_be = Some((nearest.similarity, answer));
    Similar::Unanswered(Some(asked))
}

/// What the look-up sees in the time that a call has for it.
async fn see(semantic: &Arc<Semantic>, asked: &Asked) -> Sight {
    let Some(looking) = semantic.look_up(&asked.question) else { return Sight::default() };
    let wait_max: Duration = semantic.config().wait_max;
    let Ok(Ok(sight)) = tokio::time::timeout(wait_max, looking).await else {
        semantic.note_unasked();
        return Sight::default();
    };
    sight
}

fn note(ctx: &CallContext, action: &str, detail: String, saved: Option<NanoUsd>) {
    ctx.progress.borrow_mut().policy.decisions.push(PolicyDecision {
        policy: Arc::from("cache"),
        action: Arc::from(action),
        detail: Some(Arc::from(detail)),
        saved,
    });
}

fn detail(
    similarity: f32,
    threshold: Option<f32>,
    verdict: Verdict,
    age_s: u64,
    cost: Option<NanoUsd>,
) -> String {
    let threshold = threshold.map_or_else(|| "none yet".to_owned(), |threshold| format!("{threshold:.3}"));
    let checked = if verdict == Verdict::Check { ", checked" } else { "" };
    let saved = cost.map(|cost| format!(", {cost} saved")).unwrap_or_default();
    format!("semantic, similarity {similarity:.3}, threshold {threshold}, {age_s} s old{checked}{saved}")
}
