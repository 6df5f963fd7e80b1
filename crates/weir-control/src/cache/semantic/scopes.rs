//! Scopes: calls whose threshold is measured together, and what was measured.

use std::collections::HashMap;
use std::sync::Arc;

use weir_types::SemanticScope;

use super::SemanticConfig;
use super::evidence::Evidence;
use super::question::{Question, ScopeKey};

/// Scopes that are remembered. Whoever names agents freely makes scopes freely; the ones with fewest checks go.
const SCOPES_MAX: usize = 1_000;

/// Scopes that are reported.
const REPORTED_MAX: usize = 100;

/// What is known of scopes.
#[derive(Default)]
pub(super) struct Scopes(HashMap<ScopeKey, Scope>);

/// What is known of one.
pub(super) struct Scope {
    team: Option<Arc<str>>,
    agent: Option<Arc<str>>,
    provider: Arc<str>,
    model: Arc<str>,
    evidence: Evidence,
    /// What follows from the evidence.
    measured: Option<f32>,
    pub(super) hits: u64,
    pub(super) would_hit: u64,
}

impl Scopes {
    /// The threshold of a scope.
    pub(super) fn threshold(&self, scope: &ScopeKey, config: &SemanticConfig) -> Option<f32> {
        config.threshold.or_else(|| self.0.get(scope)?.measured)
    }

    /// Counts a check.
    pub(super) fn note(
        &mut self,
        question: &Question,
        similarity: f32,
        is_false: bool,
        config: &SemanticConfig,
    ) {
        let scope = self.of(question);
        scope.evidence.note(similarity, is_false);
        scope.measured = scope.evidence.threshold(config.threshold_min, config.false_hits_max);
    }

    /// The scope of a question.
    pub(super) fn of(&mut self, question: &Question) -> &mut Scope {
        if self.0.len() >= SCOPES_MAX && !self.0.contains_key(&question.scope) {
            let checks = |(_, scope): &(&ScopeKey, &Scope)| scope.evidence.since(0.0).checks;
            if let Some(least) = self.0.iter().min_by_key(checks).map(|(key, _)| *key) {
                self.0.remove(&least);
            }
        }
        self.0.entry(question.scope).or_insert_with(|| Scope {
            team: question.team.clone(),
            agent: question.agent.clone(),
            provider: Arc::clone(&question.provider),
            model: Arc::clone(&question.model),
            evidence: Evidence::default(),
            measured: None,
            hits: 0,
            would_hit: 0,
        })
    }

    /// How many there are, and the ones with most checks.
    pub(super) fn report(&self, config: &SemanticConfig) -> (usize, Vec<SemanticScope>) {
        let mut scopes: Vec<&Scope> = self.0.values().collect();
        scopes.sort_by_key(|scope| std::cmp::Reverse((scope.evidence.since(0.0).checks, scope.hits)));
        let reported = scopes.iter().take(REPORTED_MAX).map(|scope| scope.report(config)).collect();
        (scopes.len(), reported)
    }
}

impl Scope {
    fn report(&self, config: &SemanticConfig) -> SemanticScope {
        let threshold = config.threshold.or(self.measured);
        let measured = self.evidence.since(threshold.unwrap_or(0.0));
        SemanticScope {
            team: self.team.clone(),
            agent: self.agent.clone(),
            provider: Arc::clone(&self.provider),
            model: Arc::clone(&self.model),
            threshold: threshold.map(rounded),
            is_fixed: config.threshold.is_some(),
            hits: self.hits,
            would_hit: self.would_hit,
            checks: measured.checks.into(),
            false_hits: measured.false_hits.into(),
            false_hit_rate: measured.rate(),
            false_hit_rate_bound: measured.bound(),
        }
    }
}

/// A similarity for people: a double of `0.95_f32` has seven more digits that mean nothing.
fn rounded(similarity: f32) -> f64 {
    (f64::from(similarity) * 10_000.0).round() / 10_000.0
}
