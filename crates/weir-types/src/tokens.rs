//! Token usage of one call.

use serde::{Deserialize, Serialize};

/// Tokens of a call. Every count that the provider did not state and nobody estimated is `None`.
///
/// Counts are inclusive, as OpenTelemetry GenAI defines them: `input` holds cached and cache-writing tokens, `output`
/// holds reasoning tokens. Dialects that state exclusive counts (Anthropic's `input_tokens`) are converted on receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct TokenUsage {
    /// All tokens the model read, cached ones included.
    pub input: Option<u64>,
    /// All tokens the model wrote, reasoning included.
    pub output: Option<u64>,
    /// The part of `input` read from the provider's cache.
    pub cache_read: Option<u64>,
    /// The part of `input` written to the provider's cache.
    pub cache_write: Option<u64>,
    /// The part of `output` spent on reasoning that is not shown.
    pub reasoning: Option<u64>,
}

impl TokenUsage {
    /// Input and output together; `None` when neither is known.
    pub fn total(&self) -> Option<u64> {
        match (self.input, self.output) {
            (None, None) => None,
            (input, output) => Some(input.unwrap_or(0).saturating_add(output.unwrap_or(0))),
        }
    }

    /// Whether nothing is known.
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}
