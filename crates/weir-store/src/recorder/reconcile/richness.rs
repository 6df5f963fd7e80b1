//! Of two reports of one span, which is kept: the fuller one. The order is total, so the one that is kept is the same
//! whatever the order in which they came, and however often.

use std::cmp::Ordering;

use weir_types::{Content, Span};

/// `Greater` when the first report is to be kept. `Equal` only for equal reports.
pub(super) fn compare(a: &Span, b: &Span) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    fullness(a).cmp(&fullness(b)).then_with(|| any_order(a).cmp(&any_order(b)))
}

/// First what makes it a call, then its usage, then what was said, then all else.
fn fullness(span: &Span) -> impl Ord {
    let tokens = &span.tokens;
    let usage =
        [tokens.input, tokens.output, tokens.cache_read, tokens.cache_write, tokens.reasoning, span.ttft_us];
    let usage = usage.iter().flatten().count() + usize::from(span.cost.is_some());
    let bodies = bodies(span);
    let said: usize = bodies.iter().flatten().map(|body| body.len()).sum();
    let tags =
        ["provider", "model", "response_model", "team", "app", "agent", "session", "user", "env", "service"]
            .into_iter()
            .chain(["key_id", "client", "response_id", "error_type", "finish_reason"])
            .filter(|key| span.tag(key).is_some())
            .count();
    (span.kind.is_model_call(), usage, bodies.iter().flatten().count(), tags, said, span.duration_us)
}

/// An order of reports that are equally full. `Debug` shows every field but the bodies.
fn any_order(span: &Span) -> impl Ord {
    (format!("{span:?}"), bodies(span).map(|body| body.map(str::to_owned)))
}

fn bodies(span: &Span) -> [Option<&str>; 5] {
    [&span.input, &span.output, &span.documents, &span.tools, &span.attributes]
        .map(|body| body.as_ref().map(Content::expose))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use weir_types::{SpanKind, UnixMicros};

    use super::*;
    use crate::samples;

    #[test]
    fn a_report_of_a_call_is_kept_over_one_of_its_context() {
        let call = samples::plain_span(UnixMicros(0));
        let mut context = call.clone();
        (context.kind, context.tokens, context.cost) =
            (SpanKind::Other, weir_types::TokenUsage::default(), None);
        context.attributes = Some(Content::new("{\"much\":\"more\"}"));
        assert_eq!(compare(&call, &context), Ordering::Greater);
    }

    proptest! {
        #[test]
        fn the_order_is_total(a in samples::span(), b in samples::span(), change in any::<bool>()) {
            let mut b = if change { a.clone() } else { b };
            if change {
                b.output = Some(Content::new("other"));
            }
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
            prop_assert_eq!(compare(&a, &b) == Ordering::Equal, a == b);
        }
    }
}
