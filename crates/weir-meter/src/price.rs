//! The price of a model: rates for each kind of token, in tiers.
//!
//! Every rate of a tier is filled in when the price is made, by the fall-back rules of [`Rates`] and [`Price::new`], so
//! that computing a cost is arithmetic without decisions.

use serde::{Deserialize, Serialize};
use weir_types::PicoUsdPerToken;

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Chat completions and Anthropic messages.
    Chat,
    /// Legacy text completions.
    Completion,
    /// Only reachable through OpenAI's Responses API.
    Responses,
    /// Embeddings.
    Embedding,
    /// Reranking.
    Rerank,
}

/// How urgently the provider was asked to work, which changes the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceTier {
    /// The list price.
    #[default]
    Standard,
    /// Asynchronous batches.
    Batch,
    /// Slower and cheaper.
    Flex,
    /// Faster and dearer.
    Priority,
}

impl ServiceTier {
    /// The tier by the name that a provider's response uses in `service_tier`. Names that mean no special price
    /// (`default`, `auto`, `scale`, …) and unknown names are [`ServiceTier::Standard`].
    pub fn of_name(name: &str) -> Self {
        match name {
            "batch" => Self::Batch,
            "flex" => Self::Flex,
            "priority" => Self::Priority,
            _ => Self::Standard,
        }
    }
}

/// Prices of each kind of token, as far as stated. What is not stated falls back to a coarser kind, which never
/// understates: a cached token costs what a fresh one does, an audio token what a text token does.
///
/// | rate | when not stated |
/// |---|---|
/// | `cache_read` | `input` |
/// | `cache_write` (5 minutes) | `input` |
/// | `cache_write_1h` | `cache_write` |
/// | `audio_input`, `image_input` | `input` |
/// | `reasoning` | `output` |
/// | `audio_output`, `image_output` | `output` |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rates {
    /// Text that the model reads.
    pub input: PicoUsdPerToken,
    /// Text that the model writes.
    pub output: PicoUsdPerToken,
    /// Input read from the provider's cache.
    pub cache_read: Option<PicoUsdPerToken>,
    /// Input written to the provider's cache for five minutes, or for as long as the provider chooses.
    pub cache_write: Option<PicoUsdPerToken>,
    /// Input written to the provider's cache for an hour.
    pub cache_write_1h: Option<PicoUsdPerToken>,
    /// Reasoning that the model does not show.
    pub reasoning: Option<PicoUsdPerToken>,
    /// Audio that the model hears.
    pub audio_input: Option<PicoUsdPerToken>,
    /// Audio that the model speaks.
    pub audio_output: Option<PicoUsdPerToken>,
    /// Images that the model sees.
    pub image_input: Option<PicoUsdPerToken>,
    /// Images that the model draws.
    pub image_output: Option<PicoUsdPerToken>,
}

/// The fields of [`Rates`] that are priced relative to input and to output.
type Side = fn(&mut Rates) -> &mut Option<PicoUsdPerToken>;

const INPUT_SIDE: [Side; 5] = [
    |rates| &mut rates.cache_read,
    |rates| &mut rates.cache_write,
    |rates| &mut rates.cache_write_1h,
    |rates| &mut rates.audio_input,
    |rates| &mut rates.image_input,
];

const OUTPUT_SIDE: [Side; 3] =
    [|rates| &mut rates.reasoning, |rates| &mut rates.audio_output, |rates| &mut rates.image_output];

impl Rates {
    /// The dearest rate for a token that is read.
    pub fn input_max(&self) -> PicoUsdPerToken {
        let mut copy = *self;
        INPUT_SIDE.iter().filter_map(|side| *side(&mut copy)).fold(self.input, Ord::max)
    }

    /// The dearest rate for a token that is written.
    pub fn output_max(&self) -> PicoUsdPerToken {
        let mut copy = *self;
        OUTPUT_SIDE.iter().filter_map(|side| *side(&mut copy)).fold(self.output, Ord::max)
    }

    /// The least rate of all that are stated.
    pub(crate) fn min(&self) -> PicoUsdPerToken {
        let mut copy = *self;
        let sides = INPUT_SIDE.iter().chain(&OUTPUT_SIDE);
        sides.filter_map(|side| *side(&mut copy)).fold(self.input.min(self.output), Ord::min)
    }

    /// Fills what this tier leaves open from the standard rates, scaled as this tier scales input or output: a tier
    /// that doubles input doubles cached input too.
    fn fill_from(&mut self, standard: &Self) {
        let mut standard = *standard;
        let (input, output) = ((self.input, standard.input), (self.output, standard.output));
        for (sides, ratio) in [(&INPUT_SIDE[..], input), (&OUTPUT_SIDE[..], output)] {
            for side in sides {
                let base = *side(&mut standard);
                let mine = side(self);
                *mine = mine.or_else(|| base.map(|rate| scale(rate, ratio)));
            }
        }
    }
}

/// `rate * to / from`, rounded up; `rate` itself when there is nothing to compare with.
fn scale(rate: PicoUsdPerToken, (to, from): (PicoUsdPerToken, PicoUsdPerToken)) -> PicoUsdPerToken {
    if from.0 <= 0 {
        return rate;
    }
    let (rate, to, from) = (i128::from(rate.0), i128::from(to.0), i128::from(from.0));
    PicoUsdPerToken(i64::try_from((rate * to + from - 1).div_euclid(from)).unwrap_or(i64::MAX))
}

/// Rates that hold for one service tier from a number of input tokens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// The service tier.
    pub service: ServiceTier,
    /// These rates hold for the whole call when its input has *more* than this many tokens.
    pub above_input_tokens: u64,
    /// The rates, filled in.
    pub rates: Rates,
}

/// The price of one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// What the model is for.
    pub mode: Mode,
    /// The most input it takes, when known.
    pub max_input_tokens: Option<u64>,
    /// The most output it gives, when known.
    pub max_output_tokens: Option<u64>,
    /// What each call costs whatever its tokens, in pico-dollars (reranking is billed so).
    pub request_pico_usd: i64,
    /// Sorted by service and threshold; the first is the standard price.
    pub(crate) tiers: Box<[Tier]>,
}

impl Price {
    /// A price of these tiers, which must have standard rates from 0 input tokens on; `None` when they have not.
    pub(crate) fn new(mode: Mode, mut tiers: Vec<Tier>) -> Option<Self> {
        tiers.sort_by_key(|tier| (tier.service, tier.above_input_tokens));
        let standard =
            tiers.first().filter(|t| t.service == ServiceTier::Standard && t.above_input_tokens == 0)?;
        let standard = standard.rates;
        for tier in tiers.iter_mut().skip(1) {
            tier.rates.fill_from(&standard);
        }
        Some(Self {
            mode,
            max_input_tokens: None,
            max_output_tokens: None,
            request_pico_usd: 0,
            tiers: tiers.into(),
        })
    }

    /// All tiers, sorted by service and threshold; the first is the standard price.
    pub fn tiers(&self) -> &[Tier] {
        &self.tiers
    }

    /// The standard rates for short inputs.
    pub fn standard(&self) -> &Rates {
        &self.tiers[0].rates
    }

    /// The rates for a call with this much input. A service tier that the model does not have is charged as standard;
    /// so is a long input in a service tier that has no long-context rates, because that never understates.
    pub fn rates(&self, service: ServiceTier, input_tokens: u64) -> &Rates {
        let best = |service: ServiceTier| {
            self.tiers
                .iter()
                .rev()
                .find(|tier| tier.service == service && input_tokens >= tier.first_input_tokens())
        };
        let standard = best(ServiceTier::Standard).unwrap_or(&self.tiers[0]);
        match best(service) {
            Some(tier) if tier.above_input_tokens >= standard.above_input_tokens => &tier.rates,
            _ => &standard.rates,
        }
    }
}

impl Tier {
    const fn first_input_tokens(&self) -> u64 {
        if self.above_input_tokens == 0 { 0 } else { self.above_input_tokens.saturating_add(1) }
    }
}
