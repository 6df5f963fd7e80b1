//! The meter: prices, token counts and estimates behind one shared object.

use std::sync::Arc;

use arc_swap::ArcSwap;
use weir_types::TokenUsage;

use crate::book::PriceBook;
use crate::chat::TokenCount;
use crate::cost::{PriceDetail, Priced};
use crate::counter::Counter;
use crate::encoding;
use crate::estimate::Estimates;

/// Prices usage and counts tokens. Shared by every thread; the price book can be replaced while it is in use.
#[derive(Debug)]
pub struct Meter {
    book: ArcSwap<PriceBook>,
    estimates: Estimates,
}

impl Meter {
    /// A meter with this price book. Tokenizers and the bundled price list are loaded when first needed.
    pub fn new(book: PriceBook) -> Self {
        Self { book: ArcSwap::from_pointee(book), estimates: Estimates::default() }
    }

    /// The price book in use.
    pub fn book(&self) -> Arc<PriceBook> {
        self.book.load_full()
    }

    /// Puts another price book in place; costs computed from now on use it.
    pub fn replace_book(&self, book: PriceBook) {
        self.book.store(Arc::new(book));
    }

    /// What this usage costs; `None` when the model has no price or nothing is known about its tokens.
    ///
    /// `provider` is the provider's name in the configuration or as OpenTelemetry spells it, `model` any spelling that
    /// providers and routers use; `docs/reference/prices.md` lists them. Does not allocate for a pair of names that was
    /// asked for before.
    pub fn cost(
        &self,
        provider: &str,
        model: &str,
        tokens: &TokenUsage,
        detail: &PriceDetail,
    ) -> Option<Priced> {
        let book = self.book.load();
        let cost = book.price(provider, model)?.cost(tokens, detail)?;
        Some(Priced { cost, version: Arc::clone(book.version()) })
    }

    /// Tokens of a plain text. Exact counting is work for the processor, about 20 MB a second, and the first count with
    /// an encoding builds its tokenizer: call it off the async threads for long texts.
    pub fn count_text(&self, provider: &str, model: &str, text: &str) -> TokenCount {
        match encoding::of_model(model) {
            Some(encoding) => TokenCount { tokens: encoding.count(text), exact: true },
            None => self.estimates.tokens(provider, model, text.len()),
        }
    }

    /// Whether a plain text has at most `limit` tokens. Stops counting as soon as that is certain, and does not count
    /// at all when the text's length decides it.
    pub fn fits_within(&self, provider: &str, model: &str, text: &str, limit: u64) -> bool {
        match encoding::of_model(model) {
            Some(encoding) => encoding.fits_within(text, limit),
            None => self.estimates.tokens(provider, model, text.len()).tokens <= limit,
        }
    }

    /// Input tokens of a chat request: its messages, what the provider puts around them, and its tools.
    ///
    /// `messages_json` is the JSON text of the messages (or of `input` or `prompt`), `tools_json` that of the tools.
    /// Costs what [`Self::count_text`] does; not to be called where the provider states usage.
    /// `exact` is true only where the provider publishes how it counts and nothing in the request goes beyond that.
    pub fn count_chat(
        &self,
        provider: &str,
        model: &str,
        messages_json: &str,
        tools_json: Option<&str>,
    ) -> TokenCount {
        self.counter(provider, model).request(messages_json, tools_json)
    }

    /// Counts texts and requests for one model piece by piece, with what is known about the model now.
    pub fn counter<'a>(&self, provider: &str, model: &'a str) -> Counter<'a> {
        match encoding::of_model(model) {
            Some(encoding) => Counter::exact(encoding, model),
            None => Counter::estimating(self.estimates.ratio(provider, model), model),
        }
    }

    /// Input tokens of a request whose dialect may keep instructions apart from the messages: those of both. As
    /// [`Self::count_chat`] otherwise.
    pub fn count_request(
        &self,
        provider: &str,
        model: &str,
        messages_json: &str,
        instructions_json: Option<&str>,
        tools_json: Option<&str>,
    ) -> TokenCount {
        let mut count = self.count_chat(provider, model, messages_json, tools_json);
        if let Some(instructions) = instructions_json {
            let more = self.count_text(provider, model, instructions);
            count.tokens = count.tokens.saturating_add(more.tokens);
        }
        count
    }

    /// Corrects the estimate for a model by what its provider stated. `input_bytes` is the length of the request's
    /// messages and tools as JSON text, `input_tokens` all tokens that the model read, cached ones included.
    pub fn learn(&self, provider: &str, model: &str, input_bytes: usize, input_tokens: u64) {
        if encoding::of_model(model).is_none() {
            self.estimates.learn(provider, model, input_bytes, input_tokens);
        }
    }
}
