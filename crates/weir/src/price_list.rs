//! The meter's prices as the API asks for them.

use std::sync::Arc;

use weir_meter::{Meter, PriceDetail};
use weir_types::{PicoUsdPerToken, PriceSource, TokenRates, TokenUsage};

/// Tokens whose cost is asked for: a thousand tokens cost as many nano-dollars as one costs pico-dollars, so the rate of
/// one is exact.
const ASKED_TOKENS: u64 = 1_000;

/// The list prices of a meter.
pub struct PriceList(pub Arc<Meter>);

impl PriceSource for PriceList {
    fn rates(&self, provider: &str, model: &str) -> Option<TokenRates> {
        let rate = |tokens: TokenUsage| {
            let priced = self.0.cost(provider, model, &tokens, &PriceDetail::default())?;
            Some(PicoUsdPerToken(priced.cost.0))
        };
        let read = TokenUsage { input: Some(ASKED_TOKENS), ..TokenUsage::default() };
        let cached = TokenUsage { cache_read: Some(ASKED_TOKENS), ..read };
        let written = TokenUsage { output: Some(ASKED_TOKENS), ..TokenUsage::default() };
        Some(TokenRates { input: rate(read)?, cache_read: rate(cached)?, output: rate(written)? })
    }
}

#[cfg(test)]
mod tests {
    use weir_meter::PriceBook;

    use super::*;

    #[test]
    fn a_rate_is_what_a_token_costs() {
        let list = PriceList(Arc::new(Meter::new(PriceBook::bundled())));
        let rates = list.rates("openai", "gpt-4o").unwrap();
        let million = TokenUsage { input: Some(1_000_000), ..TokenUsage::default() };
        let priced = list.0.cost("openai", "gpt-4o", &million, &PriceDetail::default()).unwrap();
        assert_eq!(rates.input.0 * 1_000, priced.cost.0);
        assert!(rates.cache_read < rates.input && rates.input < rates.output, "{rates:?}");
        assert_eq!(list.rates("openai", "no such model"), None);
    }
}
