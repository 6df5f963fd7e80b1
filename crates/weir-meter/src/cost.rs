//! The cost of a call: exact integer arithmetic, rounded once.

use std::sync::Arc;

use weir_types::{NanoUsd, PicoUsdPerToken, TokenUsage};

use crate::price::{Price, ServiceTier};

/// What else a price may depend on. Counts are parts of [`TokenUsage`]'s inclusive `input` and `output`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PriceDetail {
    /// The part of `cache_write` that is kept for an hour.
    pub cache_write_1h: Option<u64>,
    /// The part of `input` that is audio.
    pub audio_input: Option<u64>,
    /// The part of `input` that is images.
    pub image_input: Option<u64>,
    /// The part of `output` that is audio.
    pub audio_output: Option<u64>,
    /// The part of `output` that is images.
    pub image_output: Option<u64>,
    /// Whether the call is part of a batch; goes before `service_tier`.
    pub batch: bool,
    /// The service tier that the provider says it used.
    pub service_tier: Option<ServiceTier>,
}

/// What a call cost, and by which list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Priced {
    /// The cost.
    pub cost: NanoUsd,
    /// The price list's version, for the span's `price_version`.
    pub version: Arc<str>,
}

impl PriceDetail {
    fn service(&self) -> ServiceTier {
        if self.batch { ServiceTier::Batch } else { self.service_tier.unwrap_or_default() }
    }
}

impl Price {
    /// What this usage costs; `None` when no tokens are known and the model is not billed by the call.
    pub fn cost(&self, tokens: &TokenUsage, detail: &PriceDetail) -> Option<NanoUsd> {
        if tokens.is_unknown() && self.request_pico_usd == 0 {
            return None;
        }
        Some(PicoUsdPerToken::round_to_nano(self.cost_pico(tokens, detail)))
    }

    /// The cost in pico-dollars before rounding: a sum over parts, so costs of calls in the same tier add up exactly.
    ///
    /// Parts that together exceed their whole (a provider's mistake) are all charged, and nothing is charged twice.
    pub fn cost_pico(&self, tokens: &TokenUsage, detail: &PriceDetail) -> i128 {
        let cache_read = tokens.cache_read.unwrap_or(0);
        let cache_write = tokens.cache_write.unwrap_or(0);
        let input = tokens.input.unwrap_or(0).max(cache_read.saturating_add(cache_write));
        let output = tokens.output.unwrap_or(0).max(tokens.reasoning.unwrap_or(0));
        let rates = self.rates(detail.service(), input);
        let write = rates.cache_write.unwrap_or(rates.input);

        let mut cost = Charge { rest: input, pico_usd: i128::from(self.request_pico_usd) };
        cost.part(Some(cache_read), rates.cache_read.unwrap_or(rates.input));
        let cache_write_1h = detail.cache_write_1h.unwrap_or(0).min(cache_write);
        cost.part(Some(cache_write_1h), rates.cache_write_1h.unwrap_or(write));
        cost.part(Some(cache_write - cache_write_1h), write);
        cost.part(detail.audio_input, rates.audio_input.unwrap_or(rates.input));
        cost.part(detail.image_input, rates.image_input.unwrap_or(rates.input));
        cost.remainder(rates.input);

        cost.rest = output;
        cost.part(tokens.reasoning, rates.reasoning.unwrap_or(rates.output));
        cost.part(detail.audio_output, rates.audio_output.unwrap_or(rates.output));
        cost.part(detail.image_output, rates.image_output.unwrap_or(rates.output));
        cost.remainder(rates.output);
        cost.pico_usd
    }
}

/// A sum in the making: `rest` tokens are not charged yet.
struct Charge {
    rest: u64,
    pico_usd: i128,
}

impl Charge {
    /// Charges a part, but no more than is left.
    fn part(&mut self, tokens: Option<u64>, rate: PicoUsdPerToken) {
        let tokens = tokens.unwrap_or(0).min(self.rest);
        self.rest -= tokens;
        self.pico_usd = self.pico_usd.saturating_add(rate.times_pico(tokens));
    }

    fn remainder(&mut self, rate: PicoUsdPerToken) {
        self.part(Some(self.rest), rate);
    }
}
