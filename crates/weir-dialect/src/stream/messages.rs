//! Streams of Anthropic messages: content blocks that are started, filled by deltas and stopped.
//!
//! A block is kept as the text of its `content_block_start`, and what the deltas brought is spliced into it at the end,
//! so that members that are not known here survive.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::{Meaning, Said};
use crate::anthropic::{Counts, Usage};
use crate::openai::keep;
use crate::response::is_client_call;
use crate::wire::{self, Raw, read_raw, wire};
use crate::{ResponseFacts, error, splice, text};

/// Content blocks of one message that are kept; far more than any model writes.
const BLOCKS_MAX: usize = 1_024;

wire! {
    struct StreamEvent<'a> {
        kind: Option<Cow<'a, str>> = "type",
        index: Option<u64> = "index",
        message: Option<Box<MessageStart<'a>>> = "message",
        content_block: Option<Raw<'a>> = "content_block",
        delta: Option<Delta<'a>> = "delta",
        usage: Option<Box<Usage<'a>>> = "usage",
        error: Option<Raw<'a>> = "error",
    }
}

wire! {
    struct MessageStart<'a> {
        id: Option<Cow<'a, str>> = "id",
        model: Option<Cow<'a, str>> = "model",
        usage: Option<Box<Usage<'a>>> = "usage",
    }
}

wire! {
    /// The delta of a block, or of the message.
    struct Delta<'a> {
        text: Option<Cow<'a, str>> = "text",
        thinking: Option<Cow<'a, str>> = "thinking",
        signature: Option<Cow<'a, str>> = "signature",
        partial_json: Option<Cow<'a, str>> = "partial_json",
        citation: Option<Raw<'a>> = "citation",
        stop_reason: Option<Cow<'a, str>> = "stop_reason",
    }
}

wire! {
    struct BlockStart<'a> {
        kind: Option<Cow<'a, str>> = "type",
        text: Option<Cow<'a, str>> = "text",
        thinking: Option<Cow<'a, str>> = "thinking",
    }
}

/// The message as far as it has come.
#[derive(Debug, Default)]
pub(super) struct MessagesStream {
    has_message: bool,
    counts: Counts,
    blocks: Vec<Block>,
}

#[derive(Debug, Default)]
struct Block {
    index: u64,
    /// The block as it was started.
    start: String,
    text: String,
    thinking: String,
    signature: String,
    partial_json: String,
    citations: Vec<String>,
}

impl MessagesStream {
    /// Reads one event; `None` when it is not JSON.
    pub(super) fn read(&mut self, json: &str, said: &mut Said) -> Option<Meaning> {
        let mut event = StreamEvent::default();
        wire::fill(json, &mut event).ok().filter(|is_object| *is_object)?;
        let mut meaning = Meaning::default();
        match event.kind.as_deref()? {
            "content_block_delta" => {
                if let Some(delta) = &event.delta {
                    meaning.has_content = self.append(event.index.unwrap_or(0), delta, said);
                }
            }
            "content_block_start" => {
                if let Some(block) = event.content_block {
                    meaning.has_content = self.start(event.index.unwrap_or(0), block, said);
                }
            }
            "message_start" => {
                let message = event.message.unwrap_or_default();
                self.has_message = true;
                keep(&mut said.facts.response_id, message.id.as_deref());
                keep(&mut said.facts.response_model, message.model.as_deref());
                self.count(message.usage, said);
            }
            "message_delta" => {
                let reason = event.delta.as_ref().and_then(|delta| delta.stop_reason.as_deref());
                keep(&mut said.facts.finish_reason, reason);
                self.count(event.usage, said);
            }
            "message_stop" => meaning.is_terminal = true,
            "error" => {
                meaning.is_terminal = true;
                said.facts.error = event.error.map(error::of_raw);
            }
            _ => {}
        }
        Some(meaning)
    }

    /// The message, with its blocks in order.
    pub(super) fn output(mut self, facts: &mut ResponseFacts) -> Option<String> {
        if !self.has_message {
            return None;
        }
        self.blocks.sort_by_key(|block| block.index);
        let calls = self.blocks.iter().filter(|block| {
            let start: BlockStart<'_> = wire::read(&block.start).unwrap_or_default();
            is_client_call(start.kind.as_deref())
        });
        facts.tool_calls = u32::try_from(calls.count()).unwrap_or(u32::MAX);
        let blocks: Vec<String> = self.blocks.into_iter().map(Block::complete).collect();
        Some(format!(r#"[{{"role":"assistant","content":[{}]}}]"#, blocks.join(",")))
    }

    fn count(&mut self, usage: Option<Box<Usage<'_>>>, said: &mut Said) {
        if let Some(usage) = usage {
            self.counts.update(&usage, &mut said.facts.usage_detail);
            said.facts.tokens = self.counts.tokens();
        }
    }

    /// Begins a block. A block that a tool of the provider filled arrives whole and is content at once.
    fn start(&mut self, index: u64, block: Raw<'_>, said: &mut Said) -> bool {
        if self.blocks.len() >= BLOCKS_MAX {
            return false;
        }
        let Some(start) = said.budget.keep(block.get()) else { return false };
        let stated: BlockStart<'_> = read_raw(block);
        let mut kept = Block { index, ..Block::default() };
        said.budget.append(&mut kept.text, stated.text.as_deref().unwrap_or_default());
        said.budget.append(&mut kept.thinking, stated.thinking.as_deref().unwrap_or_default());
        said.facts.output_text_bytes += (kept.text.len() + kept.thinking.len()) as u64;
        let is_empty_text = matches!(stated.kind.as_deref(), Some("text" | "thinking"))
            && kept.text.is_empty()
            && kept.thinking.is_empty();
        kept.start = start;
        self.blocks.push(kept);
        !is_empty_text
    }

    /// Adds a delta to its block; whether it brought content.
    fn append(&mut self, index: u64, delta: &Delta<'_>, said: &mut Said) -> bool {
        let texts = [&delta.text, &delta.thinking, &delta.partial_json];
        let text_bytes: usize = texts.into_iter().flatten().map(|text| text.len()).sum();
        said.facts.output_text_bytes += text_bytes as u64;
        if let Some(block) = self.blocks.iter_mut().rev().find(|block| block.index == index) {
            for (to, text) in [
                (&mut block.text, &delta.text),
                (&mut block.thinking, &delta.thinking),
                (&mut block.partial_json, &delta.partial_json),
                (&mut block.signature, &delta.signature),
            ] {
                said.budget.append(to, text.as_deref().unwrap_or_default());
            }
            block.citations.extend(delta.citation.and_then(|citation| said.budget.keep(citation.get())));
        }
        text_bytes > 0
    }
}

impl Block {
    /// The block in the shape of a whole answer's.
    fn complete(self) -> String {
        let texts = [("text", &self.text), ("thinking", &self.thinking), ("signature", &self.signature)];
        let mut values: Vec<(&str, String)> = texts
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(name, text)| (name, text::encode(text)))
            .collect();
        if !self.partial_json.is_empty() {
            // A call that was cut in the middle is kept as the text that it is.
            let is_whole = serde_json::from_str::<IgnoredAny>(&self.partial_json).is_ok();
            let input = if is_whole { self.partial_json } else { text::encode(&self.partial_json) };
            values.push(("input", input));
        }
        if !self.citations.is_empty() {
            values.push(("citations", format!("[{}]", self.citations.join(","))));
        }
        let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        splice::set_members(&self.start, &values).unwrap_or(self.start)
    }
}
