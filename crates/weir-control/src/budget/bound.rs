//! The most that a call can use, before it is made.
//!
//! Two bounds. *By bytes* costs next to nothing: a token has at least one byte, so a prompt has no more tokens than
//! bytes. It is three to five times too high, which does not matter until a limit is near. *By count* is what a call is
//! held to when it does not fit otherwise; counting can take milliseconds.
//!
//! Output is bounded by what the client asked for, else by the model's maximum, else by a configured number.

use memchr::memmem;
use weir_meter::{Meter, PriceDetail, ServiceTier};
use weir_types::{NanoUsd, TokenUsage};

use super::Charge;

/// What decides how much a call can use.
#[derive(Debug, Clone, Copy, Default)]
pub struct Demand<'a> {
    /// JSON text of the messages, the input or the prompt.
    pub input: &'a str,
    /// JSON text of instructions that are kept apart.
    pub instructions: &'a str,
    /// JSON text of the tools.
    pub tools: &'a str,
    /// The client's bound on output tokens.
    pub max_output_tokens: Option<u64>,
    /// How many answers it wants.
    pub choices: u64,
    /// The service tier it asks for.
    pub service_tier: Option<&'a str>,
    /// Whether the model writes at all; embeddings do not.
    pub writes: bool,
}

/// Who would be asked.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The provider's name in the price list.
    pub provider: &'a str,
    /// The model.
    pub model: &'a str,
}

/// Texts for which an estimate stands in for a public tokenizer can have this much more than estimated.
const ESTIMATE_MARGIN: f64 = 1.3;
/// What short texts can have more.
const ESTIMATE_MARGIN_TOKENS: u64 = 64;

/// Members whose size in bytes says nothing about their tokens.
const MEDIA: [&[u8]; 7] = [
    b"\"image\"",
    b"\"image_url\"",
    b"\"input_image\"",
    b"\"input_audio\"",
    b"\"file\"",
    b"\"input_file\"",
    b"\"document\"",
];

impl<'a> Demand<'a> {
    /// The most that the call can use there, by the bytes of its texts. `output_default` holds where neither the client
    /// nor the price list bounds the output. Calls with images, audio or files are counted.
    pub fn by_bytes(&self, meter: &Meter, target: Target<'_>, output_default: u64) -> Charge {
        if MEDIA.iter().any(|member| memmem::find(self.input.as_bytes(), member).is_some()) {
            return self.by_count(meter, target, output_default);
        }
        let bytes = self.input.len() + self.instructions.len() + self.tools.len();
        self.charge(meter, target, bytes as u64, output_default)
    }

    /// The most that the call can use there, by the tokens of its texts.
    pub fn by_count(&self, meter: &Meter, target: Target<'_>, output_default: u64) -> Charge {
        let some = |text: &'a str| Some(text).filter(|text| !text.is_empty());
        let (instructions, tools) = (some(self.instructions), some(self.tools));
        let counted = meter.count_request(target.provider, target.model, self.input, instructions, tools);
        let input = if counted.exact { counted.tokens } else { with_margin(counted.tokens) };
        self.charge(meter, target, input, output_default)
    }

    fn charge(&self, meter: &Meter, target: Target<'_>, input: u64, output_default: u64) -> Charge {
        let output = if self.writes { self.output(meter, target, output_default) } else { 0 };
        let tokens = TokenUsage { input: Some(input), output: Some(output), ..TokenUsage::default() };
        let detail = PriceDetail {
            service_tier: self.service_tier.map(ServiceTier::of_name),
            ..PriceDetail::default()
        };
        let cost = |tokens: &TokenUsage, detail: &PriceDetail| {
            let priced = meter.cost(target.provider, target.model, tokens, detail);
            priced.map_or(NanoUsd::ZERO, |priced| priced.cost)
        };
        let mut most = cost(&tokens, &detail);
        // Writing to a provider's cache costs more than reading plainly; sound more than text.
        if memmem::find(self.input.as_bytes(), b"\"cache_control\"").is_some()
            || memmem::find(self.instructions.as_bytes(), b"\"cache_control\"").is_some()
        {
            let writes = TokenUsage { cache_write: Some(input), ..tokens };
            most = most.max(cost(&writes, &PriceDetail { cache_write_1h: Some(input), ..detail }));
        }
        if memmem::find(self.input.as_bytes(), b"\"input_audio\"").is_some() {
            let sound = PriceDetail { audio_input: Some(input), audio_output: Some(output), ..detail };
            most = most.max(cost(&tokens, &sound));
        }
        Charge { cost: most, tokens: input.saturating_add(output) }
    }

    fn output(&self, meter: &Meter, target: Target<'_>, output_default: u64) -> u64 {
        let of_model = || {
            let book = meter.book();
            book.price(target.provider, target.model).and_then(|price| price.max_output_tokens)
        };
        let each = self.max_output_tokens.or_else(of_model).unwrap_or(output_default);
        each.saturating_mul(self.choices.max(1))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "float to integer casts saturate, which is what a bound wants"
)]
fn with_margin(tokens: u64) -> u64 {
    ((tokens as f64 * ESTIMATE_MARGIN) as u64).saturating_add(ESTIMATE_MARGIN_TOKENS)
}

#[cfg(test)]
mod tests {
    use weir_meter::PriceBook;

    use super::*;

    const GPT: Target<'_> = Target { provider: "openai", model: "gpt-4o" };

    fn demand(input: &str) -> Demand<'_> {
        Demand { input, choices: 1, writes: true, max_output_tokens: Some(100), ..Demand::default() }
    }

    #[test]
    fn bytes_bound_what_is_counted_and_counting_what_is_charged() {
        let meter = Meter::new(PriceBook::bundled());
        let text = r#"[{"role":"user","content":"How high is the weir at Laufen? 🌊 Wie hoch?"}]"#;
        let (by_bytes, by_count) =
            (demand(text).by_bytes(&meter, GPT, 0), demand(text).by_count(&meter, GPT, 0));
        assert!(by_bytes.tokens > by_count.tokens && by_bytes.cost > by_count.cost);
        let real = meter.count_chat("openai", "gpt-4o", text, None).tokens;
        assert_eq!(by_count.tokens, real + 100);
        let usage = TokenUsage { input: Some(real), output: Some(100), ..TokenUsage::default() };
        let cost = meter.cost("openai", "gpt-4o", &usage, &PriceDetail::default()).unwrap().cost;
        assert_eq!(by_count.cost, cost);
    }

    #[test]
    fn output_is_bounded_by_the_client_else_the_model_else_the_default() {
        let meter = Meter::new(PriceBook::bundled());
        let of_model = meter.book().price("openai", "gpt-4o").unwrap().max_output_tokens.unwrap();
        let tokens = |demand: Demand<'_>, target| demand.by_bytes(&meter, target, 7).tokens;
        let unknown = Target { provider: "own", model: "own-model" };
        assert_eq!(tokens(demand(""), GPT), 100);
        assert_eq!(tokens(Demand { choices: 3, ..demand("") }, GPT), 300);
        assert_eq!(tokens(Demand { max_output_tokens: None, ..demand("") }, GPT), of_model);
        assert_eq!(tokens(Demand { max_output_tokens: None, ..demand("") }, unknown), 7);
        assert_eq!(tokens(Demand { writes: false, ..demand("") }, GPT), 0);
    }

    #[test]
    fn what_may_be_written_to_the_providers_cache_is_bounded_at_that_price() {
        let meter = Meter::new(PriceBook::bundled());
        let target = Target { provider: "anthropic", model: "claude-sonnet-4-5" };
        let plain =
            r#"[{"role":"user","content":[{"type":"text","text":"aaaaaaaaaaaa","cache_contrl":{}}]}]"#;
        let cached = plain.replace("cache_contrl", "cache_control");
        let cost = |input: &str| demand(input).by_bytes(&meter, target, 0).cost;
        assert!(cost(&cached) > cost(plain));
    }
}
