//! Where questions about money learn what tokens cost today.

use crate::PicoUsdPerToken;

/// The list prices of one model for plain tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenRates {
    /// A token that is read.
    pub input: PicoUsdPerToken,
    /// A token that is read from the provider's cache.
    pub cache_read: PicoUsdPerToken,
    /// A token that is written.
    pub output: PicoUsdPerToken,
}

/// Knows list prices. Answers from memory and never waits.
pub trait PriceSource: Send + Sync {
    /// The rates of a model; `None` when it has no price.
    fn rates(&self, provider: &str, model: &str) -> Option<TokenRates>;
}
