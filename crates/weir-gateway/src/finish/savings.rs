//! What a call's policies saved, decision by decision: the span's own amount is the sum of what was really saved.

use weir_types::{NanoUsd, Span};

/// Notes what the decision with this action saved. What would have been saved is noted beside it and added to nothing.
pub(super) fn note(span: &mut Span, action: &str, saved: Option<NanoUsd>) {
    let Some(saved) = saved.filter(|saved| *saved > NanoUsd::ZERO) else { return };
    let Some(decision) = span.policy.iter_mut().find(|decision| &*decision.action == action) else { return };
    decision.saved = Some(saved);
    if decision.is_done() {
        span.saved = Some(span.saved.unwrap_or(NanoUsd::ZERO) + saved);
    }
}
