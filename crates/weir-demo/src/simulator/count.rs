//! How many tokens the simulator states.
//!
//! It counts as OpenAI does, with the tokenizer of the model. Providers whose tokenizer is not public are given a
//! fixed ratio to OpenAI's, so that what is stated is a function of the text alone and a meter that learns from it
//! learns something true.

use std::sync::OnceLock;

use weir_meter::{Meter, PriceBook};

use super::ask::{Ask, Reading};
use super::problem::Family;

/// Tokens that Claude needs for what OpenAI's tokenizer needs a hundred for; public comparisons say 110 to 120.
const ANTHROPIC_PERCENT: u64 = 115;

/// Whose tokenizer counts for models that have none.
const YARDSTICK: &str = "gpt-4o";

/// Counts tokens; the tokenizers load when they are first needed.
#[derive(Default)]
pub(crate) struct Counter {
    meter: OnceLock<Meter>,
}

impl Counter {
    /// The tokens of a text.
    pub(crate) fn text(&self, family: Family, model: &str, text: &str) -> u64 {
        let tokens = self.meter().count_text("openai", yardstick(model), text).tokens;
        in_family(family, tokens)
    }

    /// The tokens of what a request gives the model to read.
    pub(crate) fn input(&self, ask: &Ask) -> u64 {
        match &ask.reading {
            Reading::Chat { messages, tools } => {
                self.meter().count_chat("openai", yardstick(&ask.model), messages, tools.as_deref()).tokens
            }
            Reading::Texts { texts, overhead_tokens } => {
                let family = ask.format.family();
                let counted: u64 = texts.iter().map(|text| self.text(family, &ask.model, text)).sum();
                counted + overhead_tokens
            }
        }
    }

    fn meter(&self) -> &Meter {
        self.meter.get_or_init(|| Meter::new(PriceBook::bundled()))
    }
}

fn yardstick(model: &str) -> &str {
    let known = ["gpt-", "o1", "o3", "o4", "text-embedding-"];
    if known.iter().any(|prefix| model.starts_with(prefix)) { model } else { YARDSTICK }
}

fn in_family(family: Family, tokens: u64) -> u64 {
    match family {
        Family::OpenAi => tokens,
        Family::Anthropic => (tokens * ANTHROPIC_PERCENT).div_ceil(100),
    }
}
