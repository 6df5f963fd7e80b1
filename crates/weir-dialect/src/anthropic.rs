//! Usage as Anthropic states it.
//!
//! Anthropic's counts are exclusive: `input_tokens` holds neither the tokens read from the cache nor those written to
//! it, so the three are added here. A stream states usage twice: `message_start` what is known before the first token,
//! `message_delta` the final counts, which replace the first ones field by field.

use std::borrow::Cow;

use weir_types::TokenUsage;

use crate::UsageDetail;
use crate::wire::wire;

wire! {
    /// `usage` of a message, of `message_start` and of `message_delta`.
    pub(crate) struct Usage<'a> {
        input: Option<u64> = "input_tokens",
        output: Option<u64> = "output_tokens",
        cache_read: Option<u64> = "cache_read_input_tokens",
        cache_write: Option<u64> = "cache_creation_input_tokens",
        cache_creation: Option<CacheCreation> = "cache_creation",
        output_details: Option<OutputDetails> = "output_tokens_details",
        server_tools: Option<ServerTools> = "server_tool_use",
        service_tier: Option<Cow<'a, str>> = "service_tier",
    }
}

wire! {
    pub(crate) struct CacheCreation {
        five_minutes: Option<u64> = "ephemeral_5m_input_tokens",
        one_hour: Option<u64> = "ephemeral_1h_input_tokens",
    }
}

wire! {
    pub(crate) struct OutputDetails {
        thinking: Option<u64> = "thinking_tokens",
    }
}

wire! {
    pub(crate) struct ServerTools {
        web_search: Option<u64> = "web_search_requests",
        web_fetch: Option<u64> = "web_fetch_requests",
    }
}

/// The counts of a call as they become known.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    input: Option<u64>,
    output: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    thinking: Option<u64>,
}

impl Counts {
    /// Takes over what this usage states; what it does not state stays.
    pub(crate) fn update(&mut self, usage: &Usage<'_>, detail: &mut UsageDetail) {
        fn take(count: &mut Option<u64>, stated: Option<u64>) {
            *count = stated.or(*count);
        }
        take(&mut self.input, usage.input);
        take(&mut self.output, usage.output);
        take(&mut self.cache_read, usage.cache_read);
        take(&mut self.cache_write, usage.cache_write);
        if let Some(creation) = &usage.cache_creation {
            take(&mut detail.cache_write_5m, creation.five_minutes);
            take(&mut detail.cache_write_1h, creation.one_hour);
        }
        if let Some(output) = &usage.output_details {
            take(&mut self.thinking, output.thinking);
        }
        if let Some(tools) = &usage.server_tools {
            take(&mut detail.web_search_requests, tools.web_search);
            take(&mut detail.web_fetch_requests, tools.web_fetch);
        }
        if let Some(tier) = &usage.service_tier {
            detail.service_tier = Some(tier.to_string());
        }
    }

    /// The counts made inclusive.
    pub(crate) fn tokens(&self) -> TokenUsage {
        let cached = self.cache_read.unwrap_or(0).saturating_add(self.cache_write.unwrap_or(0));
        TokenUsage {
            input: self.input.map(|input| input.saturating_add(cached)),
            output: self.output,
            cache_read: self.cache_read,
            cache_write: self.cache_write,
            reasoning: self.thinking,
        }
    }
}
