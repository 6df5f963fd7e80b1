//! Answers to questions that mean the same: the semantic cache.
//!
//! | part | does |
//! |---|---|
//! | `question` | a call's last user message, and the call without it |
//! | `index` | questions that were answered, by their vectors |
//! | `guards` | what near questions must have in common besides |
//! | `answers` | whether two answers say the same |
//! | `evidence`, `scopes` | how often a hit is false, and the threshold that keeps that rare |
//!
//! A look-up finds the nearest question of the same place whose guards agree. What becomes of it is decided by the scope's
//! threshold ([`Semantic::decide`]): above it the kept answer is given, but for a share that goes to the provider all the same;
//! below it, and in a scope without threshold, the call goes to the provider. Whenever it does, the two answers are compared,
//! which is what thresholds come from. So a scope is observed until there is evidence, and costs nothing beyond the look-up
//! meanwhile.
//!
//! Evidence is kept in this process and lost with it. Answers are where the exact cache has them; this only knows their keys.
//!
//! Failure: whatever goes wrong or takes long, the call goes on to its provider.

mod answers;
mod evidence;
pub mod guards;
mod index;
mod question;
mod scopes;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use weir_dialect::Dialect;
use weir_embed::{Embedder, Running, Vector};
use weir_types::{CachePurge, NanoUsd, SemanticStats};

pub use question::{Asker, Question};

use super::CacheMode;
use super::answer::CachedAnswer;
use super::key::CacheKey;
use index::{Entry, Index};
use scopes::Scopes;

/// Near questions whose guards are looked at. When the nearest few do not agree, the next will hardly do.
const CANDIDATES_MAX: usize = 8;

/// What the semantic cache is told.
#[derive(Debug, Clone, PartialEq)]
pub struct SemanticConfig {
    /// What it does with a hit, where the cache as a whole answers.
    pub mode: CacheMode,
    /// The similarity from which on calls are answered, as the operator knows it; `None` for measuring it.
    pub threshold: Option<f32>,
    /// The lowest similarity that is looked at.
    pub threshold_min: f32,
    /// The share of hits that may be false.
    pub false_hits_max: f64,
    /// The share of hits that are checked.
    pub shadow_share: f64,
    /// How long a call waits for its vector.
    pub wait_max: Duration,
    /// Questions that are remembered.
    pub entries_max: usize,
    /// Bytes that they may take, without answers.
    pub bytes_max: usize,
}

impl Default for SemanticConfig {
    fn default() -> Self {
        Self {
            mode: CacheMode::Enforce,
            threshold: None,
            threshold_min: 0.8,
            false_hits_max: 0.01,
            shadow_share: 0.05,
            wait_max: Duration::from_millis(200),
            entries_max: 10_000,
            bytes_max: 64 * 1024 * 1024,
        }
    }
}

/// The semantic cache.
pub struct Semantic {
    config: SemanticConfig,
    embedder: Arc<Embedder>,
    index: RwLock<Index>,
    scopes: Mutex<Scopes>,
    counters: Counters,
}

#[derive(Default)]
struct Counters {
    hits: AtomicU64,
    would_hit: AtomicU64,
    guarded: AtomicU64,
    unasked: AtomicU64,
    checks: AtomicU64,
    false_hits: AtomicU64,
    saved_nano_usd: AtomicI64,
}

/// What a look-up saw.
#[derive(Debug, Clone, Default)]
pub struct Sight {
    /// The question's vector, where it could be had.
    pub vector: Option<Vector>,
    /// The answered question that means the same, if there is one.
    pub nearest: Option<Nearest>,
}

/// An answered question that may mean the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nearest {
    /// The entry with its answer.
    pub key: CacheKey,
    /// How near it is: cosine.
    pub similarity: f32,
}

/// What is done with a would-be hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The kept answer is given.
    Answer,
    /// The provider is asked, and its answer compared; otherwise the kept answer would have been given.
    Check,
    /// The same, because the cache observes or knows no threshold yet.
    Observe,
    /// The same, because the questions are not near enough; to learn whether they are.
    Learn,
}

/// A question on its way to the provider.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The question.
    pub question: Question,
    /// Its vector, where a look-up had it computed.
    pub vector: Option<Vector>,
    /// The kept answer of a would-be hit, to be compared with the provider's, and how near its question is.
    pub would_be: Option<(f32, Arc<CachedAnswer>)>,
}

impl Semantic {
    /// An empty one.
    pub fn new(config: SemanticConfig, embedder: Arc<Embedder>) -> Arc<Self> {
        let index = RwLock::new(Index::new(config.entries_max, config.bytes_max));
        Arc::new(Self { config, embedder, index, scopes: Mutex::default(), counters: Counters::default() })
    }

    /// What it was told.
    pub fn config(&self) -> &SemanticConfig {
        &self.config
    }

    /// Begins to look for an answered question that means the same. `None` when there is none to compare with, or too many
    /// calls wait already.
    pub fn look_up(self: &Arc<Self>, question: &Question) -> Option<Running<Sight>> {
        if !self.index().knows(&question.place) {
            return None;
        }
        let (semantic, question) = (Arc::clone(self), question.clone());
        let looking = self.embedder.run(move |model| {
            let Ok(vector) = model.embed(&question.text) else {
                semantic.note_unasked();
                return Sight::default();
            };
            semantic.see(&question, vector)
        });
        looking.inspect_err(|_| self.note_unasked()).ok()
    }

    fn see(&self, question: &Question, vector: Vector) -> Sight {
        let near = self.index().nearest(&question.place, &vector, self.config.threshold_min, CANDIDATES_MAX);
        let nearest = near.iter().find(|near| guards::difference(&near.text, &question.text).is_none());
        if nearest.is_none() && !near.is_empty() {
            self.counters.guarded.fetch_add(1, Ordering::Relaxed);
        }
        let nearest = nearest.map(|near| Nearest { key: near.key, similarity: near.similarity });
        Sight { vector: Some(vector), nearest }
    }

    /// Counts a call that could not wait for its vector.
    pub fn note_unasked(&self) {
        self.counters.unasked.fetch_add(1, Ordering::Relaxed);
    }

    /// The threshold of a question's scope, and what is done with a hit that is so near. `can_answer` is false where the
    /// cache as a whole only observes.
    pub fn decide(&self, question: &Question, similarity: f32, can_answer: bool) -> (Option<f32>, Verdict) {
        let threshold = self.scopes().threshold(&question.scope, &self.config);
        let verdict = match threshold {
            Some(threshold) if similarity < threshold => Verdict::Learn,
            Some(_) if can_answer && self.config.mode == CacheMode::Enforce => {
                if fastrand::f64() < self.config.shadow_share { Verdict::Check } else { Verdict::Answer }
            }
            _ => Verdict::Observe,
        };
        (threshold, verdict)
    }

    /// Counts a call that was answered.
    pub fn note_hit(&self, question: &Question, saved: NanoUsd) {
        self.counters.hits.fetch_add(1, Ordering::Relaxed);
        self.counters.saved_nano_usd.fetch_add(saved.0, Ordering::Relaxed);
        self.scopes().of(question).hits += 1;
    }

    /// Counts a call that would have been answered.
    pub fn note_would_hit(&self, question: &Question) {
        self.counters.would_hit.fetch_add(1, Ordering::Relaxed);
        self.scopes().of(question).would_hit += 1;
    }

    /// Forgets a question whose answer is gone.
    pub fn forget(&self, question: &Question, key: CacheKey) {
        self.index_mut().forget(&question.place, key);
    }

    /// Remembers a question that was answered, and compares the answer with that of a would-be hit. Done later; not at all
    /// when too much is to be done already.
    pub fn learn(self: &Arc<Self>, asked: Asked, dialect: Dialect, key: CacheKey, answer: Arc<CachedAnswer>) {
        let semantic = Arc::clone(self);
        // What is not remembered is a miss later.
        let _ = self.embedder.later(move |model| {
            let Asked { question, vector, would_be } = asked;
            let vector = vector.map_or_else(|| model.embed(&question.text), Ok);
            // A text that is too long for the model is none of this cache's.
            let Ok(vector) = vector else { return };
            if let Some((similarity, kept)) = would_be
                && let Some(agrees) = answers::agree(model, dialect, &kept, &answer)
            {
                semantic.note_check(&question, similarity, !agrees);
            }
            let entry = Entry {
                key,
                text: Arc::clone(&question.text),
                vector,
                team: answer.team.clone(),
                model: Arc::clone(&answer.model),
            };
            semantic.index_mut().insert(question.place, entry);
        });
    }

    fn note_check(&self, question: &Question, similarity: f32, is_false: bool) {
        self.counters.checks.fetch_add(1, Ordering::Relaxed);
        self.counters.false_hits.fetch_add(is_false.into(), Ordering::Relaxed);
        self.scopes().note(question, similarity, is_false, &self.config);
    }

    /// Forgets the questions of a scope.
    pub(super) fn forget_all(&self, purge: &CachePurge) {
        self.index_mut().forget_all(purge);
    }

    /// How it is doing. `can_answer` as for [`Self::decide`].
    pub(super) fn stats(&self, can_answer: bool) -> SemanticStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (entries, bytes) = self.index().size();
        let (scope_count, scopes) = self.scopes().report(&self.config);
        SemanticStats {
            is_enforcing: can_answer && self.config.mode == CacheMode::Enforce,
            embedding_model: self.embedder.name().into(),
            entries: entries as u64,
            bytes: bytes as u64,
            hits: read(&self.counters.hits),
            would_hit: read(&self.counters.would_hit),
            guarded: read(&self.counters.guarded),
            unasked: read(&self.counters.unasked),
            checks: read(&self.counters.checks),
            false_hits: read(&self.counters.false_hits),
            false_hits_max: self.config.false_hits_max,
            saved: NanoUsd(self.counters.saved_nano_usd.load(Ordering::Relaxed)),
            scopes,
            scope_count: scope_count as u64,
        }
    }

    fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn scopes(&self) -> MutexGuard<'_, Scopes> {
        self.scopes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
