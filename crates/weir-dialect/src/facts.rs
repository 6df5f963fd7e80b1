//! What a provider's answer says, in words that no dialect owns.

use std::fmt;

use weir_types::TokenUsage;

use crate::ProviderError;

/// What an answer says, whole or streamed. What it does not say is `None`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ResponseFacts {
    /// The provider's id of the answer.
    pub response_id: Option<String>,
    /// The model that answered, as the provider names it.
    pub response_model: Option<String>,
    /// Tokens as the provider stated them, made inclusive.
    pub tokens: TokenUsage,
    /// Parts of `tokens`, and other things charged for, that have prices of their own.
    pub usage_detail: UsageDetail,
    /// Why the model stopped, in the provider's words; of the first choice when there are several.
    pub finish_reason: Option<String>,
    /// The answer as JSON text in the shape of the dialect's whole (not streamed) answers: always an array.
    ///
    /// | dialect | elements |
    /// |---|---|
    /// | chat, messages | `{"role":"assistant","content":…,…}`, one for each choice |
    /// | completions | `{"text":…}`, one for each choice |
    /// | responses | the output items |
    /// | embeddings | none: the field is `None`, vectors are not content |
    /// | `count_tokens` | the answer |
    pub output: Option<String>,
    /// Whether `output` lacks text that was over [`crate::StreamOptions::content_bytes_max`].
    pub output_truncated: bool,
    /// Calls of the client's tools in the answer.
    pub tool_calls: u32,
    /// Bytes of UTF-8 text the model wrote (text, refusal, reasoning shown, tool arguments): what token counts are
    /// estimated from when the provider states none.
    pub output_text_bytes: u64,
    /// The error that the answer is, or that ended the stream.
    pub error: Option<ProviderError>,
}

/// Parts of the usage that some price lists charge differently. Each is part of the [`TokenUsage`] count named, except
/// the requests, which are charged by number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UsageDetail {
    /// Audio tokens in `input`.
    pub audio_input: Option<u64>,
    /// Audio tokens in `output`.
    pub audio_output: Option<u64>,
    /// Image tokens in `input`.
    pub image_input: Option<u64>,
    /// Tokens of `cache_write` kept for five minutes (Anthropic).
    pub cache_write_5m: Option<u64>,
    /// Tokens of `cache_write` kept for half an hour (OpenAI).
    pub cache_write_30m: Option<u64>,
    /// Tokens of `cache_write` kept for an hour (Anthropic).
    pub cache_write_1h: Option<u64>,
    /// Tokens of `cache_write` kept for twelve hours (OpenAI).
    pub cache_write_12h: Option<u64>,
    /// Predicted tokens in `output` that the model used.
    pub prediction_accepted: Option<u64>,
    /// Predicted tokens in `output` that the model threw away; charged all the same.
    pub prediction_rejected: Option<u64>,
    /// Web searches the provider ran.
    pub web_search_requests: Option<u64>,
    /// Web pages the provider fetched.
    pub web_fetch_requests: Option<u64>,
    /// The tier that served the call: `default`, `flex`, `priority`, `batch`, …
    pub service_tier: Option<String>,
}

/// Shows everything but what the model said.
impl fmt::Debug for ResponseFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFacts")
            .field("response_id", &self.response_id)
            .field("response_model", &self.response_model)
            .field("tokens", &self.tokens)
            .field("usage_detail", &self.usage_detail)
            .field("finish_reason", &self.finish_reason)
            .field("output_bytes", &self.output.as_ref().map(String::len))
            .field("output_truncated", &self.output_truncated)
            .field("tool_calls", &self.tool_calls)
            .field("output_text_bytes", &self.output_text_bytes)
            .field("error", &self.error)
            .finish()
    }
}
