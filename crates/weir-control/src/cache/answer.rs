//! An answer as it is kept: its bytes, and what a hit's span says about it.

use std::sync::Arc;

use bytes::Bytes;
use weir_dialect::{Dialect, ResponseFacts};
use weir_types::{NanoUsd, TokenUsage, UnixMicros};

/// What an entry weighs beyond its texts: the structs, the key and the store's own bookkeeping.
const ENTRY_BYTES: usize = 512;

/// A complete answer to a call.
#[derive(Clone, PartialEq, Eq)]
pub struct CachedAnswer {
    /// When the provider's answer was complete.
    pub created_at: UnixMicros,
    /// Its `content-type`.
    pub content_type: Bytes,
    /// Its body as the client got it; of a stream all its bytes.
    pub body: Bytes,
    /// Whether it is a stream of events.
    pub is_stream: bool,
    /// What it says; `output` is `None` where bodies are not recorded.
    pub facts: ResponseFacts,
    /// Whether any of its tokens was counted by Weir.
    pub tokens_estimated: bool,
    /// What it cost: what a hit saves. `None` when the model has no price.
    pub cost: Option<NanoUsd>,
    /// The price list by which `cost` was computed.
    pub price_version: Option<Arc<str>>,
    /// The provider that gave it.
    pub provider: Arc<str>,
    /// The model that was asked for there.
    pub model: Arc<str>,
    /// The team it was given to.
    pub team: Option<Arc<str>>,
}

impl CachedAnswer {
    /// Bytes of memory it takes, about.
    pub fn weight(&self) -> usize {
        let output = self.facts.output.as_ref().map_or(0, String::len);
        ENTRY_BYTES + self.body.len() + self.content_type.len() + output
    }

    /// The tokens it took.
    pub fn tokens(&self) -> TokenUsage {
        self.facts.tokens
    }

    /// Its age in whole seconds; zero for one from the future, as another machine's clock may make it.
    pub fn age_s(&self, now: UnixMicros) -> u64 {
        u64::try_from(now.0.saturating_sub(self.created_at.0) / UnixMicros::SECOND).unwrap_or(0)
    }
}

/// Shows everything but what was said.
impl std::fmt::Debug for CachedAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CachedAnswer")
            .field("created_at", &self.created_at)
            .field("body_bytes", &self.body.len())
            .field("is_stream", &self.is_stream)
            .field("facts", &self.facts)
            .field("cost", &self.cost)
            .field("provider", &self.provider)
            .field("model", &self.model)
            .field("team", &self.team)
            .finish_non_exhaustive()
    }
}

/// Whether a complete success may be given again: the model stopped of its own accord. An answer that was cut at a limit,
/// filtered or paused is what one caller had to live with, and the next may have better luck.
pub fn may_be_kept(dialect: Dialect, facts: &ResponseFacts) -> bool {
    if facts.error.is_some() {
        return false;
    }
    let reason = facts.finish_reason.as_deref();
    match dialect {
        Dialect::OpenAiChat | Dialect::OpenAiCompletions => {
            matches!(reason, Some("stop" | "tool_calls" | "function_call"))
        }
        Dialect::OpenAiResponses => reason == Some("completed"),
        Dialect::AnthropicMessages => matches!(reason, Some("end_turn" | "tool_use" | "stop_sequence")),
        // Vectors have no way to stop early; an answer without usage is none that is known.
        Dialect::OpenAiEmbeddings => facts.tokens.input.is_some(),
        Dialect::AnthropicCountTokens => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_answers_that_ended_of_their_own_accord_are_kept() {
        use Dialect::{AnthropicMessages, OpenAiChat, OpenAiEmbeddings, OpenAiResponses};
        for (dialect, reason, expected) in [
            (OpenAiChat, Some("stop"), true),
            (OpenAiChat, Some("tool_calls"), true),
            (OpenAiChat, Some("length"), false),
            (OpenAiChat, Some("content_filter"), false),
            (OpenAiChat, None, false),
            (OpenAiResponses, Some("completed"), true),
            (OpenAiResponses, Some("max_output_tokens"), false),
            (OpenAiResponses, Some("in_progress"), false),
            (AnthropicMessages, Some("end_turn"), true),
            (AnthropicMessages, Some("tool_use"), true),
            (AnthropicMessages, Some("max_tokens"), false),
            (AnthropicMessages, Some("refusal"), false),
            (AnthropicMessages, Some("pause_turn"), false),
            (OpenAiEmbeddings, None, false),
        ] {
            let facts =
                ResponseFacts { finish_reason: reason.map(str::to_owned), ..ResponseFacts::default() };
            assert_eq!(may_be_kept(dialect, &facts), expected, "{dialect:?} {reason:?}");
        }
    }
}
