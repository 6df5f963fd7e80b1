//! Writes Anthropic's messages: the whole message, or its events, and counts of tokens.
//!
//! Anthropic states exclusive counts: `input_tokens` holds neither the tokens read from the cache nor those written to
//! it. A stream states the input in `message_start` and the output in `message_delta`.

use serde::Serialize;
use serde_json::value::RawValue;

use super::answer::{Choice, Finish, Usage};
use super::phrase::Piece;
use super::reply::{Reply, fragments};
use super::sse::{Beat, Event, EventWriter, write_json};

#[derive(Serialize)]
struct Message<'a> {
    model: &'a str,
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    role: &'static str,
    content: &'a [Block],
    stop_reason: Option<&'a str>,
    stop_sequence: Option<()>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<WireUsage>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Text { text: String },
    ToolUse { id: String, name: String, input: Box<RawValue> },
}

#[derive(Serialize)]
struct WireUsage {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    cache_creation: CacheCreation,
    output_tokens: u64,
    service_tier: &'static str,
}

#[derive(Serialize)]
struct CacheCreation {
    ephemeral_5m_input_tokens: u64,
    ephemeral_1h_input_tokens: u64,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are those of the wire")]
struct DeltaUsage {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    output_tokens: u64,
}

/// What `message_start` states as output: the first token is already there.
const OUTPUT_TOKENS_AT_START: u64 = 1;

impl WireUsage {
    fn new(usage: Usage, output_tokens: u64) -> Self {
        Self {
            input_tokens: fresh(usage),
            cache_creation_input_tokens: usage.cache_write,
            cache_read_input_tokens: usage.cached,
            cache_creation: CacheCreation {
                ephemeral_5m_input_tokens: usage.cache_write,
                ephemeral_1h_input_tokens: 0,
            },
            output_tokens,
            service_tier: "standard",
        }
    }
}

/// The input tokens that have to do with no cache.
fn fresh(usage: Usage) -> u64 {
    usage.input.saturating_sub(usage.cached + usage.cache_write)
}

fn stop_reason(finish: &Finish) -> &str {
    match finish {
        Finish::Stop => "end_turn",
        Finish::Length => "max_tokens",
        Finish::ToolCalls => "tool_use",
        Finish::Refusal => "refusal",
        Finish::Said(word) => word,
    }
}

/// The whole message.
pub(crate) fn whole(mut reply: Reply<'_>) -> Vec<u8> {
    let id = reply.identity.base58("msg_01", 22);
    let content = blocks(&mut reply);
    let message = Message {
        content: &content,
        stop_reason: reply.answer.choices.first().map(|choice| stop_reason(&choice.finish)),
        usage: reply.answer.usage.map(|usage| WireUsage::new(usage, usage.output)),
        ..opening(&reply, &id)
    };
    let mut bytes = Vec::with_capacity(1_024);
    write_json(&mut bytes, &message);
    bytes
}

fn opening<'a>(reply: &Reply<'a>, id: &'a str) -> Message<'a> {
    Message {
        model: reply.model,
        id,
        kind: "message",
        role: "assistant",
        content: &[],
        stop_reason: None,
        stop_sequence: None,
        usage: reply
            .answer
            .usage
            .map(|usage| WireUsage::new(usage, OUTPUT_TOKENS_AT_START.min(usage.output))),
    }
}

fn blocks(reply: &mut Reply<'_>) -> Vec<Block> {
    let Some(choice) = reply.answer.choices.first() else { return Vec::new() };
    let mut blocks = Vec::new();
    if !choice.pieces.is_empty() {
        blocks.push(Block::Text { text: text(choice) });
    }
    for call in &choice.calls {
        let id = reply.identity.base58("toolu_01", 22);
        blocks.push(Block::ToolUse { id, name: call.name.clone(), input: raw(&call.arguments) });
    }
    blocks
}

fn text(choice: &Choice) -> String {
    choice.pieces.iter().map(AsRef::as_ref).collect()
}

/// Arguments are JSON by how they are made; if a script spoilt them, an empty object is still a valid call.
fn raw(arguments: &str) -> Box<RawValue> {
    RawValue::from_string(arguments.to_owned())
        .or_else(|_| RawValue::from_string("{}".to_owned()))
        .expect("an empty object is JSON")
}

#[derive(Serialize)]
struct Started<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: Message<'a>,
}

#[derive(Serialize)]
struct BlockStart<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    index: usize,
    content_block: OpenedBlock<'a>,
}

#[derive(Serialize)]
struct BlockDelta<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    index: usize,
    delta: Delta<'a>,
}

#[derive(Serialize)]
struct BlockStop {
    #[serde(rename = "type")]
    kind: &'static str,
    index: usize,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum OpenedBlock<'a> {
    Text { text: &'static str },
    ToolUse { id: &'a str, name: &'a str, input: Empty },
}

#[derive(Serialize)]
#[serde(tag = "type")]
enum Delta<'a> {
    #[serde(rename = "text_delta")]
    Text { text: &'a str },
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: &'a str },
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct MessageDelta<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    delta: StopDelta<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<DeltaUsage>,
}

#[derive(Serialize)]
struct StopDelta<'a> {
    stop_reason: Option<&'a str>,
    stop_sequence: Option<()>,
}

#[derive(Serialize)]
struct Bare {
    #[serde(rename = "type")]
    kind: &'static str,
}

/// The message as a stream.
pub(crate) fn stream(mut reply: Reply<'_>) -> Vec<Event> {
    let id = reply.identity.base58("msg_01", 22);
    let blocks = blocks(&mut reply);
    let mut writer = EventWriter::new(reply.lines, 8_192);
    let started = Started { kind: "message_start", message: opening(&reply, &id) };
    writer.named("message_start", Beat::Prompt, &started);
    let pieces = reply.answer.choices.first().map_or(&[][..], |choice| &choice.pieces);
    for (index, block) in blocks.iter().enumerate() {
        stream_block(&mut writer, index, block, pieces);
    }
    writer.named("message_delta", Beat::Prompt, &message_delta(&reply));
    if reply.done {
        writer.named("message_stop", Beat::Prompt, &Bare { kind: "message_stop" });
    }
    writer.into_events()
}

fn stream_block(writer: &mut EventWriter, index: usize, block: &Block, pieces: &[Piece]) {
    let start = BlockStart { kind: "content_block_start", index, content_block: opened(block) };
    writer.named(start.kind, Beat::Prompt, &start);
    if index == 0 {
        writer.named("ping", Beat::Prompt, &Bare { kind: "ping" });
    }
    let mut write = |delta| {
        let event = BlockDelta { kind: "content_block_delta", index, delta };
        writer.named(event.kind, Beat::Token, &event);
    };
    match block {
        Block::Text { .. } => pieces.iter().for_each(|text| write(Delta::Text { text })),
        Block::ToolUse { input, .. } => {
            write(Delta::InputJson { partial_json: "" });
            fragments(input.get()).for_each(|partial_json| write(Delta::InputJson { partial_json }));
        }
    }
    let stop = BlockStop { kind: "content_block_stop", index };
    writer.named(stop.kind, Beat::Prompt, &stop);
}

fn opened(block: &Block) -> OpenedBlock<'_> {
    match block {
        Block::Text { .. } => OpenedBlock::Text { text: "" },
        Block::ToolUse { id, name, .. } => OpenedBlock::ToolUse { id, name, input: Empty {} },
    }
}

fn message_delta<'a>(reply: &Reply<'a>) -> MessageDelta<'a> {
    let stop_reason = reply.answer.choices.first().map(|choice| stop_reason(&choice.finish));
    let usage = reply.answer.usage.map(|usage| DeltaUsage {
        input_tokens: fresh(usage),
        cache_creation_input_tokens: usage.cache_write,
        cache_read_input_tokens: usage.cached,
        output_tokens: usage.output,
    });
    MessageDelta { kind: "message_delta", delta: StopDelta { stop_reason, stop_sequence: None }, usage }
}

#[derive(Serialize)]
struct Counted {
    input_tokens: u64,
}

/// The answer to a request to count tokens.
pub(crate) fn counted(input_tokens: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_json(&mut bytes, &Counted { input_tokens });
    bytes
}
