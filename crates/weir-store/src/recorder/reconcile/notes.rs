//! What reconciling changes about a span, and how it is taken back: a span as it is stored holds all that is needed to
//! know it as it was reported, so that every decision can be made again when more is known.
//!
//! A span that counts nowhere states its usage under `reported` in its attributes; a span that got fields from others
//! says under `filled_from` which, and from which span. Both are put in front of what the source said, as text, so that
//! taking them out gives the source's bytes.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use weir_types::{Content, NanoUsd, Span, SpanId, TokenUsage};

use crate::arrow::storable;
use crate::recorder::reconcile::resolve::{Field, Verdict};

const REPORTED: &str = "reported";
const FILLED: &str = "filled_from";

/// The usage that a span stated before another span counted for it.
#[derive(Debug, Serialize, Deserialize)]
struct Reported {
    #[serde(skip_serializing_if = "Option::is_none")]
    input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_read_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_write_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_nano_usd: Option<i64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    tokens_estimated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    price_version: Option<String>,
}

/// By field, the span that it is from.
type Filled = BTreeMap<String, SpanId>;

/// The span with what was found about it.
pub(super) fn with_verdict(raw: &Span, verdict: &Verdict) -> Span {
    let mut span = raw.clone();
    if !verdict.fills.is_empty() {
        let mut filled = Filled::new();
        for fill in &verdict.fills {
            fill.field.set(&mut span, Some(fill.value.clone()));
            filled.insert(fill.field.name().to_owned(), fill.from);
        }
        span.attributes = Some(put(FILLED, &filled, span.attributes.as_ref()));
    }
    if let Some(holder) = verdict.same_as {
        let tokens = std::mem::take(&mut span.tokens);
        let reported = Reported {
            input_tokens: tokens.input,
            output_tokens: tokens.output,
            cache_read_tokens: tokens.cache_read,
            cache_write_tokens: tokens.cache_write,
            reasoning_tokens: tokens.reasoning,
            cost_nano_usd: span.cost.take().map(|cost| cost.0),
            tokens_estimated: std::mem::take(&mut span.tokens_estimated),
            price_version: span.price_version.take().map(|version| version.as_ref().to_owned()),
        };
        span.attributes = Some(put(REPORTED, &reported, span.attributes.as_ref()));
        span.same_as = Some(holder);
    }
    span
}

/// The span as it was reported, and the spans that what is stored of it was taken from or refers to.
pub(super) fn as_reported(stored: &Span) -> (Span, Vec<SpanId>) {
    let mut span = stored.clone();
    let mut others = Vec::new();
    if let (Some(holder), Some((reported, rest))) =
        (span.same_as, take::<Reported>(REPORTED, span.attributes.as_ref()))
    {
        others.push(holder);
        span.same_as = None;
        span.tokens = TokenUsage {
            input: reported.input_tokens,
            output: reported.output_tokens,
            cache_read: reported.cache_read_tokens,
            cache_write: reported.cache_write_tokens,
            reasoning: reported.reasoning_tokens,
        };
        span.cost = reported.cost_nano_usd.map(NanoUsd);
        span.tokens_estimated = reported.tokens_estimated;
        span.price_version = reported.price_version.map(Into::into);
        span.attributes = rest;
    }
    if let Some((filled, rest)) = take::<Filled>(FILLED, span.attributes.as_ref()) {
        for field in Field::ALL {
            if let Some(from) = filled.get(field.name()) {
                field.set(&mut span, None);
                others.push(*from);
            }
        }
        span.attributes = rest;
    }
    (span, others)
}

/// A span as the tables give it back: what they cannot hold is cut.
pub(super) fn as_storable(span: &Span) -> Span {
    let mut span = span.clone();
    let count = |number: &mut u64| *number = (*number).min(i64::MAX.unsigned_abs());
    span.start = storable(span.start);
    count(&mut span.duration_us);
    let tokens = &mut span.tokens;
    let optional = [
        &mut tokens.input,
        &mut tokens.output,
        &mut tokens.cache_read,
        &mut tokens.cache_write,
        &mut tokens.reasoning,
        &mut span.ttft_us,
    ];
    optional.into_iter().flatten().for_each(count);
    span
}

/// The object with one more member in front. What is no object is kept as a text.
fn put(key: &str, value: &impl Serialize, attributes: Option<&Content>) -> Content {
    // Numbers and texts by name are always JSON.
    let value = serde_json::to_string(value).unwrap_or_default();
    let Some(text) = attributes.map(Content::expose) else {
        return Content::new(format!("{{\"{key}\":{value}}}"));
    };
    let (space, object) = text.split_at(text.len() - text.trim_start().len());
    let members = object.strip_prefix('{').filter(|rest| rest.trim_end().ends_with('}'));
    Content::new(match members {
        // The space says that there was an object, and an empty one.
        Some(rest) if rest.trim_start().starts_with('}') => format!("{space}{{\"{key}\":{value} {rest}"),
        Some(rest) => format!("{space}{{\"{key}\":{value},{rest}"),
        None => format!("{{\"{key}\":{value},\"text\":{}}}", serde_json::Value::from(text)),
    })
}

/// The first member, when it has this name, and the object without it.
fn take<T: DeserializeOwned>(key: &str, attributes: Option<&Content>) -> Option<(T, Option<Content>)> {
    let text = attributes?.expose();
    let (space, object) = text.split_at(text.len() - text.trim_start().len());
    let rest = object.strip_prefix("{\"")?.strip_prefix(key)?.strip_prefix("\":")?;
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<T>();
    let value = values.next()?.ok()?;
    let rest = rest[values.byte_offset()..].strip_prefix([',', ' ']);
    Some((value, rest.map(|rest| Content::new(format!("{space}{{{rest}")))))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::recorder::reconcile::resolve::Fill;
    use crate::samples;

    fn object() -> impl Strategy<Value = Option<Content>> {
        let text = prop_oneof![
            Just(r#"{"a":1}"#.to_owned()),
            Just("{}".to_owned()),
            Just(" { } ".to_owned()),
            Just(r#" { "reported" : {} , "b":[{}]} "#.to_owned()),
            Just(r#"{"x":"\"}{,"}"#.to_owned()),
        ];
        prop::option::of(text.prop_map(Content::new))
    }

    proptest! {
        #[test]
        fn what_was_reported_is_known_again(
            mut raw in samples::span(),
            attributes in object(),
            holder in prop::option::of(1..u64::MAX),
            from in prop::option::of(1..u64::MAX),
        ) {
            raw.attributes = attributes;
            raw.same_as = None;
            let id = |number: u64| SpanId::from_bytes(number.to_be_bytes());
            let fill = |(field, from)| Fill { field, value: Arc::from("x"), from: id(from) };
            let missing = Field::ALL.into_iter().filter(|field| field.of(&raw).is_none());
            let fills = from.map(|from| missing.map(|field| fill((field, from))).collect()).unwrap_or_default();
            let verdict = Verdict { same_as: holder.map(id), fills };
            let stored = with_verdict(&raw, &verdict);
            prop_assert_eq!(stored.same_as.is_some(), stored.tokens.is_unknown() && holder.is_some());
            if let Some(attributes) = &stored.attributes {
                prop_assert!(serde_json::from_str::<serde_json::Value>(attributes.expose()).is_ok());
            }
            prop_assert_eq!(as_reported(&stored).0, raw);
        }
    }

    #[test]
    fn attributes_that_are_no_object_are_kept_as_a_text() {
        let mut raw = samples::plain_span(weir_types::UnixMicros(0));
        raw.attributes = Some(Content::new("[1"));
        let holder = Verdict { same_as: Some(raw.span_id), fills: Vec::new() };
        let stored = with_verdict(&raw, &holder);
        let text = stored.attributes.as_ref().map(Content::expose);
        assert_eq!(
            text,
            Some(r#"{"reported":{"input_tokens":100,"output_tokens":20,"cost_nano_usd":1000},"text":"[1"}"#)
        );
    }
}
