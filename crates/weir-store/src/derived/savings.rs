//! What saved how much on a call, twice like every derived metric: of a span, and as SQL.
//!
//! Several layers of cost control may save on one call: a prompt is shortened and then a cheaper model is asked. Each
//! decision that really saved is a sample of its own, with its policy as the layer; so is, for another metric, each that
//! would have saved had its layer not only observed. Spans whose decisions say nothing of
//! money (those of other tools, and of an earlier Weir) have one sample: the cache's, or that of the first policy that
//! made the call smaller or cheaper.

use std::sync::Arc;

use weir_types::Span;

use super::{Part, is_hit};

/// Amounts in nano-dollars and the layers that saved them.
pub(super) fn of_call(span: &Span) -> Vec<Part> {
    let Some(whole) = span.saved.map(|saved| i128::from(saved.0)) else { return Vec::new() };
    if is_hit(span.cache) {
        return vec![(whole, Some(Arc::from("cache")))];
    }
    let parts = by_decision(span, true);
    if !parts.is_empty() {
        return parts;
    }
    let saves = |action: &str| matches!(action, "truncated" | "rerouted");
    let layer = span.policy.iter().find(|decision| saves(&decision.action));
    vec![(whole, layer.map(|decision| Arc::clone(&decision.policy)))]
}

/// The same for decisions of layers that only observe.
pub(super) fn would_be_of_call(span: &Span) -> Vec<Part> {
    by_decision(span, false)
}

/// What decisions say that they saved, where they were carried out, or would have saved, where they were not.
fn by_decision(span: &Span, is_done: bool) -> Vec<Part> {
    let decisions = span.policy.iter().filter(|decision| decision.is_done() == is_done);
    decisions
        .filter_map(|decision| Some((i128::from(decision.saved?.0), Some(Arc::clone(&decision.policy)))))
        .collect()
}

/// The spans, each as often as something saved on it: with a column `saving` that has the amount `nano` and the `layer`.
pub(super) const FROM_SQL: &str = r#"(SELECT *, unnest(CASE
        WHEN cache IN ('exact', 'semantic', 'coalesced') THEN [{'nano': saved_nano_usd, 'layer': 'cache'}]
        WHEN len(parts) > 0 THEN parts
        ELSE [{'nano': saved_nano_usd, 'layer': list_filter(decisions,
            lambda decision: decision.action IN ('truncated', 'rerouted'))[1].policy}]
    END) AS saving FROM (SELECT *, list_transform(
        list_filter(decisions, lambda decision:
            decision.saved_nano_usd IS NOT NULL AND NOT starts_with(decision.action, 'would_')),
        lambda decision: {'nano': decision.saved_nano_usd, 'layer': decision.policy}) AS parts
    FROM (SELECT *, from_json(policy, '[{"policy":"VARCHAR","action":"VARCHAR","saved_nano_usd":"BIGINT"}]') AS decisions
    FROM spans WHERE saved_nano_usd IS NOT NULL)))"#;

/// The same with what would have been saved.
pub(super) const WOULD_BE_FROM_SQL: &str = r#"(SELECT *, unnest(list_transform(
        list_filter(decisions, lambda decision:
            decision.saved_nano_usd IS NOT NULL AND starts_with(decision.action, 'would_')),
        lambda decision: {'nano': decision.saved_nano_usd, 'layer': decision.policy})) AS saving
    FROM (SELECT *, from_json(policy, '[{"policy":"VARCHAR","action":"VARCHAR","saved_nano_usd":"BIGINT"}]') AS decisions
    FROM spans WHERE contains(policy, '"action":"would_')))"#;
