//! Tokens and cost of a call.
//!
//! What the provider states is taken as it is. Only where it states nothing Weir counts, and marks the span as estimated:
//! an upstream that does not send usage, a stream that was cut or cancelled. For those, what the provider has
//! stated so far (Anthropic states input tokens at the start) goes before what is counted.

use std::sync::Arc;

use bytes::Bytes;
use weir_control::cache::CachedAnswer;
use weir_dialect::{ResponseFacts, UsageDetail};
use weir_meter::{Meter, PriceDetail, ServiceTier};
use weir_types::{Span, SpanKind, TokenUsage};

use super::{Ending, said, savings};
use crate::cache;
use crate::context::CallContext;
use crate::route::Passed;

/// What counting and pricing need.
pub(super) struct Metering {
    /// The provider's name in the price list; `None` when no provider was asked.
    price_name: Option<Arc<str>>,
    /// The model that was asked for there.
    model: Option<Arc<str>>,
    /// The provider and the model that a policy passed over for a cheaper one.
    instead_of: Option<Passed>,
    /// Tokens that the token budget took out of the prompt, or would have.
    trimmed_tokens: Option<u64>,
    /// The kept answer that the call was given, for nothing.
    hit: Option<Arc<CachedAnswer>>,
    detail: UsageDetail,
    input: Option<Bytes>,
    instructions: Option<Bytes>,
    tools: Option<Bytes>,
    /// What the model said, as JSON, and how many bytes of text that is.
    output: Option<String>,
    output_text_bytes: u64,
    /// Whether the answer broke off, so that the usage stated is not the last word.
    is_partial: bool,
    /// Whether tokens were spent at all.
    is_charged: bool,
}

impl Metering {
    pub(super) fn of(ctx: &CallContext, facts: ResponseFacts, ending: &Ending<'_>) -> Self {
        let progress = ctx.progress.borrow();
        let question = ctx.question.get();
        let asked = progress.attempts.last();
        let is_success = progress.answer.as_ref().is_none_or(|answer| answer.status < 400);
        let is_partial = matches!(ending, Ending::Cut(_) | Ending::Cancelled | Ending::Stopped);
        let is_model_call = ctx.dialect().is_some_and(|dialect| dialect.span_kind().is_model_call());
        let ended_at_provider = is_partial || matches!(ending, Ending::Answered);
        Self {
            price_name: asked.map(|attempt| ctx.provider(attempt.provider).price_name.clone()),
            model: asked.and_then(|attempt| attempt.model.clone()).or_else(|| ctx.model().cloned()),
            is_charged: is_model_call && is_success && asked.is_some() && ended_at_provider,
            instead_of: progress.policy.instead_of.clone(),
            trimmed_tokens: progress.policy.trimmed_tokens,
            hit: progress.cache.hit.clone(),
            is_partial,
            detail: facts.usage_detail,
            input: question.and_then(|question| question.input.clone()),
            instructions: question.and_then(|question| question.instructions.clone()),
            tools: question.and_then(|question| question.tools.clone()),
            output: facts.output,
            output_text_bytes: facts.output_text_bytes,
        }
    }

    /// Whether the provider has left something to count.
    pub(super) fn must_count(&self, span: &Span) -> bool {
        let lacks_output = span.tokens.output.is_none() && span.kind == SpanKind::Llm;
        self.is_charged && (span.tokens.input.is_none() || lacks_output || self.is_partial)
    }

    /// Counts what the provider has not stated. Can take milliseconds.
    pub(super) fn count(&self, meter: &Meter, span: &mut Span) {
        let (Some(provider), Some(model)) = (&self.price_name, &self.model) else { return };
        if span.tokens.input.is_none() {
            span.tokens.input = self.count_input(meter, provider, model);
            span.tokens_estimated |= span.tokens.input.is_some();
        }
        if span.kind == SpanKind::Llm && (span.tokens.output.is_none() || self.is_partial) {
            let counted = self.count_output(meter, provider, model);
            span.tokens_estimated |= span.tokens.output.is_none_or(|stated| counted > stated);
            span.tokens.output = Some(counted.max(span.tokens.output.unwrap_or(0)));
        }
    }

    fn count_input(&self, meter: &Meter, provider: &str, model: &str) -> Option<u64> {
        let input = String::from_utf8_lossy(self.input.as_deref()?);
        let tools = self.tools.as_deref().map(String::from_utf8_lossy);
        let instructions = self.instructions.as_deref().map(String::from_utf8_lossy);
        let counted = meter.count_request(provider, model, &input, instructions.as_deref(), tools.as_deref());
        Some(counted.tokens)
    }

    /// Counts the text that was kept and scales to the text that was said, of which a long answer keeps only a part.
    fn count_output(&self, meter: &Meter, provider: &str, model: &str) -> u64 {
        let kept = said::text(self.output.as_deref().unwrap_or_default());
        if kept.is_empty() {
            return 0;
        }
        let counted = meter.count_text(provider, model, &kept).tokens;
        let (said, kept) = (u128::from(self.output_text_bytes.max(kept.len() as u64)), kept.len() as u128);
        u64::try_from(u128::from(counted) * said / kept).unwrap_or(u64::MAX)
    }

    /// Prices the tokens, and lets the meter learn from what the provider stated.
    pub(super) fn price(&self, meter: &Meter, span: &mut Span) {
        if let Some(hit) = &self.hit {
            return cache::saved(hit, span);
        }
        let Some(provider) = self.price_name.as_deref().filter(|_| !span.tokens.is_unknown()) else { return };
        let detail = self.price_detail();
        let names = [span.response_model.as_deref(), self.model.as_deref()];
        let priced =
            names.into_iter().flatten().find_map(|model| meter.cost(provider, model, &span.tokens, &detail));
        if let Some(priced) = priced {
            span.cost = Some(priced.cost);
            span.price_version = Some(priced.version);
        }
        if let (Some(passed), Some(cost)) = (&self.instead_of, span.cost) {
            let dearer = meter.cost(&passed.price_name, &passed.model, &span.tokens, &detail);
            savings::note(span, "rerouted", dearer.map(|priced| priced.cost - cost));
        }
        self.note_trimmed(meter, span, &detail);
        if let (Some(model), Some(tokens), false) = (&self.model, span.tokens.input, span.tokens_estimated) {
            let parts = [&self.input, &self.instructions, &self.tools];
            let bytes = parts.into_iter().flatten().map(Bytes::len).sum();
            meter.learn(provider, model, bytes, tokens);
        }
    }

    /// What the tokens that were cut would have cost: the price of the call with them less its price without. Where they
    /// were only noted, the call has been charged with them.
    fn note_trimmed(&self, meter: &Meter, span: &mut Span, detail: &PriceDetail) {
        let (Some(provider), Some(model), Some(cost)) = (&self.price_name, &self.model, span.cost) else {
            return;
        };
        let (Some(cut), Some(input), true) = (self.trimmed_tokens, span.tokens.input, self.is_charged) else {
            return;
        };
        let with =
            |input| meter.cost(provider, model, &TokenUsage { input: Some(input), ..span.tokens }, detail);
        let of_whole = with(input.saturating_add(cut)).map(|priced| priced.cost - cost);
        let of_rest = with(input.saturating_sub(cut)).map(|priced| cost - priced.cost);
        savings::note(span, "truncated", of_whole);
        savings::note(span, "would_truncate", of_rest);
    }

    fn price_detail(&self) -> PriceDetail {
        PriceDetail {
            cache_write_1h: self.detail.cache_write_1h,
            audio_input: self.detail.audio_input,
            image_input: self.detail.image_input,
            audio_output: self.detail.audio_output,
            service_tier: self.detail.service_tier.as_deref().map(ServiceTier::of_name),
            ..PriceDetail::default()
        }
    }
}
