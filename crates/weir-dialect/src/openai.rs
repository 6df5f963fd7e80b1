//! Usage and messages as OpenAI and its imitators state them.
//!
//! OpenAI's counts are inclusive already: `prompt_tokens` holds the cached tokens, `completion_tokens` the reasoning.
//! One struct reads both spellings (`prompt_tokens` of chat, `input_tokens` of responses), and DeepSeek's cache counter.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use weir_types::TokenUsage;

use crate::UsageDetail;
use crate::wire::{List, Raw, Wire, read_list, wire};

wire! {
    /// `usage` of chat, completions, embeddings and responses.
    pub(crate) struct Usage {
        input: Option<u64> = "prompt_tokens" | "input_tokens",
        output: Option<u64> = "completion_tokens" | "output_tokens",
        cache_hit: Option<u64> = "prompt_cache_hit_tokens",
        input_details: Option<InputDetails> = "prompt_tokens_details" | "input_tokens_details",
        output_details: Option<OutputDetails> = "completion_tokens_details" | "output_tokens_details",
    }
}

wire! {
    pub(crate) struct InputDetails {
        cached: Option<u64> = "cached_tokens",
        cache_write: Option<u64> = "cache_write_tokens",
        cache_write_details: Option<CacheWriteDetails> = "cache_write_tokens_details",
        audio: Option<u64> = "audio_tokens",
        image: Option<u64> = "image_tokens",
    }
}

wire! {
    pub(crate) struct CacheWriteDetails {
        ttl_30m: Option<u64> = "ttl_30m_tokens",
        ttl_12h: Option<u64> = "ttl_12h_tokens",
    }
}

wire! {
    pub(crate) struct OutputDetails {
        reasoning: Option<u64> = "reasoning_tokens",
        audio: Option<u64> = "audio_tokens",
        prediction_accepted: Option<u64> = "accepted_prediction_tokens",
        prediction_rejected: Option<u64> = "rejected_prediction_tokens",
    }
}

wire! {
    /// `tool_usage` of responses.
    pub(crate) struct ToolUsage {
        web_search: Option<Requests> = "web_search",
    }
}

wire! {
    pub(crate) struct Requests {
        number: Option<u64> = "num_requests",
    }
}

wire! {
    /// A chat message, or the piece of one that a stream's `delta` is. What most deltas do not have is on the heap, so
    /// that the struct is cheap to move.
    pub(crate) struct Message<'a> {
        role: Option<Cow<'a, str>> = "role",
        content: TextOrParts<'a> = "content",
        refusal: Option<Cow<'a, str>> = "refusal",
        reasoning_content: Option<Cow<'a, str>> = "reasoning_content",
        reasoning: Option<Cow<'a, str>> = "reasoning",
        tool_calls: List<[ToolCall<'a>; 0]> = "tool_calls",
        function_call: Option<Box<Function<'a>>> = "function_call",
        audio: Option<Box<Audio<'a>>> = "audio",
    }
}

wire! {
    pub(crate) struct ToolCall<'a> {
        index: Option<u64> = "index",
        id: Option<Cow<'a, str>> = "id",
        kind: Option<Cow<'a, str>> = "type",
        function: Option<Function<'a>> = "function",
        custom: Option<Function<'a>> = "custom",
    }
}

wire! {
    /// What is called and with what; custom tools take an `input` instead of `arguments`.
    pub(crate) struct Function<'a> {
        name: Option<Cow<'a, str>> = "name",
        arguments: Option<Cow<'a, str>> = "arguments" | "input",
    }
}

wire! {
    pub(crate) struct Audio<'a> {
        id: Option<Cow<'a, str>> = "id",
        transcript: Option<Cow<'a, str>> = "transcript",
        data: Option<Raw<'a>> = "data",
    }
}

wire! {
    /// One part of a content that is an array, as Databricks and Mistral send for models that reason.
    pub(crate) struct Part<'a> {
        kind: Option<Cow<'a, str>> = "type",
        text: Option<Cow<'a, str>> = "text",
        inner: List<[InnerPart<'a>; 0]> = "summary" | "thinking",
    }
}

wire! {
    pub(crate) struct InnerPart<'a> {
        text: Option<Cow<'a, str>> = "text",
    }
}

/// A content: a text with most servers, an array of parts with some.
#[derive(Default)]
pub(crate) struct TextOrParts<'a> {
    pub(crate) text: Option<Cow<'a, str>>,
    pub(crate) parts: Vec<Part<'a>>,
}

impl<'de> Wire<'de> for TextOrParts<'de> {
    fn fill<D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
        let raw = Raw::deserialize(deserializer)?;
        self.text = crate::text::decode(raw.get());
        self.parts.clear();
        if raw.get().starts_with('[') {
            self.parts = read_list::<[Part<'de>; 0]>(raw).into_vec();
        }
        Ok(())
    }
}

impl Part<'_> {
    /// Whether the part is the model's reasoning and not its answer.
    pub(crate) fn is_reasoning(&self) -> bool {
        matches!(self.kind.as_deref(), Some("reasoning" | "thinking"))
    }

    /// The texts of the part.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.text
            .as_deref()
            .into_iter()
            .chain(self.inner.items.iter().filter_map(|part| part.text.as_deref()))
    }
}

impl Message<'_> {
    /// Bytes of text that the model wrote. Servers that spell the reasoning twice mean it once.
    pub(crate) fn text_bytes(&self) -> u64 {
        let parts = self.content.parts.iter().flat_map(Part::texts);
        let calls =
            self.tool_calls.items.iter().filter_map(|call| call.function.as_ref().or(call.custom.as_ref()));
        let arguments =
            calls.chain(self.function_call.as_deref()).filter_map(|function| function.arguments.as_deref());
        let transcript = self.audio.as_ref().and_then(|audio| audio.transcript.as_deref());
        let reasoning = self.reasoning_content.as_deref().or(self.reasoning.as_deref());
        let own = [self.content.text.as_deref(), self.refusal.as_deref(), reasoning, transcript];
        own.into_iter().flatten().chain(parts).chain(arguments).map(|text| text.len() as u64).sum()
    }
}

impl Usage {
    /// The counts, and into `detail` what has prices of its own.
    pub(crate) fn tokens(&self, detail: &mut UsageDetail) -> TokenUsage {
        let mut tokens = TokenUsage {
            input: self.input,
            output: self.output,
            cache_read: self.cache_hit,
            ..TokenUsage::default()
        };
        if let Some(input) = &self.input_details {
            tokens.cache_read = input.cached.or(tokens.cache_read);
            tokens.cache_write = input.cache_write;
            detail.audio_input = input.audio;
            detail.image_input = input.image;
            if let Some(write) = &input.cache_write_details {
                detail.cache_write_30m = write.ttl_30m;
                detail.cache_write_12h = write.ttl_12h;
            }
        }
        if let Some(output) = &self.output_details {
            tokens.reasoning = output.reasoning;
            detail.audio_output = output.audio;
            detail.prediction_accepted = output.prediction_accepted;
            detail.prediction_rejected = output.prediction_rejected;
        }
        tokens
    }
}

/// Keeps a text that outlives the document it was read from; an unchanged text is not copied again.
pub(crate) fn keep(kept: &mut Option<String>, text: Option<&str>) {
    if text.is_some() && kept.as_deref() != text {
        *kept = text.map(str::to_owned);
    }
}
