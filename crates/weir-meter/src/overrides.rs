//! Prices that the operator sets: negotiated discounts, fine-tunes, models of their own. Also the only way to say that
//! a model is free.

use serde::{Deserialize, Serialize};
use weir_types::PicoUsdPerToken;

use crate::decimal;
use crate::error::MeterError;
use crate::price::{Mode, Price, Rates, ServiceTier, Tier};
use crate::spelling;

/// A price as the configuration writes it: decimal strings of dollars, read exactly.
///
/// It replaces the list's price as a whole, tiers included; what it leaves open falls back as in [`Rates`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PriceOverride {
    /// The provider; every provider when absent.
    pub provider: Option<String>,
    /// The model; `*` stands for any characters, upper and lower case are the same.
    pub model: String,
    /// Dollars for a million tokens that the model reads. Required unless `request_usd` is given.
    pub input_usd_per_million: Option<String>,
    /// Dollars for a million tokens that the model writes. Required unless `request_usd` is given.
    pub output_usd_per_million: Option<String>,
    /// Dollars for a million tokens read from the cache.
    pub cache_read_usd_per_million: Option<String>,
    /// Dollars for a million tokens written to the cache.
    pub cache_write_usd_per_million: Option<String>,
    /// Dollars for a million tokens written to the cache for an hour.
    pub cache_write_1h_usd_per_million: Option<String>,
    /// Dollars for a million reasoning tokens.
    pub reasoning_usd_per_million: Option<String>,
    /// Dollars for a million tokens of audio input.
    pub audio_input_usd_per_million: Option<String>,
    /// Dollars for a million tokens of audio output.
    pub audio_output_usd_per_million: Option<String>,
    /// Dollars for a million tokens of image input.
    pub image_input_usd_per_million: Option<String>,
    /// Dollars for a million tokens of image output.
    pub image_output_usd_per_million: Option<String>,
    /// Dollars for each call, whatever its tokens.
    pub request_usd: Option<String>,
}

/// An override that was read.
#[derive(Debug)]
pub(crate) struct Override {
    written: PriceOverride,
    pub price: Price,
}

/// Decimals of a dollar for a million tokens in a pico-dollar for a token.
const PER_MILLION_SCALE: u32 = 6;
/// Decimals of a dollar in a pico-dollar.
const PICO_SCALE: u32 = 12;

impl Override {
    pub fn read(index: usize, written: PriceOverride) -> Result<Self, MeterError> {
        if written.model.trim().is_empty() {
            return Err(MeterError::EmptyPattern { index });
        }
        let read = |key, text: &Option<String>, scale| {
            let Some(text) = text else { return Ok(None) };
            decimal::parse(text, scale).map(Some).map_err(|reason| MeterError::Amount {
                index,
                model: written.model.clone(),
                key,
                value: text.clone(),
                reason,
            })
        };
        let rate = |key, text| Ok(read(key, text, PER_MILLION_SCALE)?.map(PicoUsdPerToken));
        let request = read("request_usd", &written.request_usd, PICO_SCALE)?;
        let required = |key, rate: Option<PicoUsdPerToken>| match (rate, request) {
            (Some(rate), _) => Ok(rate),
            (None, Some(_)) => Ok(PicoUsdPerToken(0)),
            (None, None) => Err(MeterError::Missing { index, model: written.model.clone(), key }),
        };
        let input = rate("input_usd_per_million", &written.input_usd_per_million)?;
        let output = rate("output_usd_per_million", &written.output_usd_per_million)?;
        let rates = Rates {
            input: required("input_usd_per_million", input)?,
            output: required("output_usd_per_million", output)?,
            cache_read: rate("cache_read_usd_per_million", &written.cache_read_usd_per_million)?,
            cache_write: rate("cache_write_usd_per_million", &written.cache_write_usd_per_million)?,
            cache_write_1h: rate("cache_write_1h_usd_per_million", &written.cache_write_1h_usd_per_million)?,
            reasoning: rate("reasoning_usd_per_million", &written.reasoning_usd_per_million)?,
            audio_input: rate("audio_input_usd_per_million", &written.audio_input_usd_per_million)?,
            audio_output: rate("audio_output_usd_per_million", &written.audio_output_usd_per_million)?,
            image_input: rate("image_input_usd_per_million", &written.image_input_usd_per_million)?,
            image_output: rate("image_output_usd_per_million", &written.image_output_usd_per_million)?,
        };
        let tier = Tier { service: ServiceTier::Standard, above_input_tokens: 0, rates };
        let price =
            Price::new(Mode::Chat, vec![tier]).expect("the only tier is the standard one from 0 tokens on");
        let price = Price { request_pico_usd: request.unwrap_or(0), ..price };
        Ok(Self { written, price })
    }

    /// Whether it holds for this model, as the caller spells it or without a provider before a slash.
    pub fn fits(&self, provider: &str, model: &str) -> bool {
        let wanted = self.written.provider.as_deref();
        let provider_fits = wanted.is_none_or(|wanted| {
            spelling::canonical_provider(wanted).eq_ignore_ascii_case(spelling::canonical_provider(provider))
        });
        let bare = model.split_once('/').map_or(model, |(_, bare)| bare);
        provider_fits && (matches(&self.written.model, model) || matches(&self.written.model, bare))
    }

    /// A number that differs when the overrides differ and is the same in every version of Weir (FNV-1a).
    pub fn fingerprint(overrides: &[Self]) -> u32 {
        let mut hash: u32 = 0x811c_9dc5;
        for rule in overrides {
            for byte in serde_json::to_vec(&rule.written).unwrap_or_default() {
                hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
            }
        }
        hash
    }
}

/// Whether a pattern with `*` covers the whole text, in time proportional to their product at most.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.trim().as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(byte) if byte.eq_ignore_ascii_case(&text[t]) => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((after_star, from)) = retry else { return false };
                retry = Some((after_star, from + 1));
                p = after_star;
                t = from + 1;
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, text, expected) in [
            ("gpt-4o", "gpt-4o", true),
            ("gpt-4o", "gpt-4o-mini", false),
            ("gpt-4o*", "GPT-4o-mini", true),
            ("*", "", true),
            ("*-mini", "gpt-4o-mini", true),
            ("*a*b", "xaxbxb", true),
            ("*a*b", "xaxbx", false),
            ("**", "x", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
