//! Writes chat completions: the whole answer, or its chunks.
//!
//! A stream opens with a chunk that carries the role, has one chunk for each piece, one with the finish reason, one with
//! the usage if the client asked for it (then all others say `"usage":null`), and `[DONE]`.

use serde::Serialize;

use super::answer::{Call, Choice, Finish, Usage};
use super::reply::{Reply, fragments};
use super::sse::{Beat, Event, EventWriter, write_json};

#[derive(Serialize)]
struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: Vec<CompletionChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<WireUsage>,
    service_tier: &'static str,
    system_fingerprint: &'a str,
}

#[derive(Serialize)]
struct CompletionChoice<'a> {
    index: usize,
    message: Message<'a>,
    logprobs: Option<()>,
    finish_reason: &'a str,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<WireCall<'a>>,
    refusal: Option<String>,
    annotations: [(); 0],
}

#[derive(Serialize)]
struct WireCall<'a> {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    function: WireFunction<'a>,
}

#[derive(Serialize)]
struct WireFunction<'a> {
    name: &'a str,
    arguments: &'a str,
}

/// OpenAI's usage of chat completions and legacy completions.
#[derive(Serialize)]
pub(crate) struct WireUsage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
}

#[derive(Serialize)]
struct PromptDetails {
    cached_tokens: u64,
    audio_tokens: u64,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are those of the wire")]
struct CompletionDetails {
    reasoning_tokens: u64,
    audio_tokens: u64,
    accepted_prediction_tokens: u64,
    rejected_prediction_tokens: u64,
}

impl From<Usage> for WireUsage {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.input,
            completion_tokens: usage.output,
            total_tokens: usage.input + usage.output,
            prompt_tokens_details: PromptDetails { cached_tokens: usage.cached, audio_tokens: 0 },
            completion_tokens_details: CompletionDetails {
                reasoning_tokens: usage.reasoning,
                audio_tokens: 0,
                accepted_prediction_tokens: 0,
                rejected_prediction_tokens: 0,
            },
        }
    }
}

/// OpenAI's word for why the model stopped.
pub(crate) fn finish_reason(finish: &Finish) -> &str {
    match finish {
        Finish::Stop | Finish::Refusal => "stop",
        Finish::Length => "length",
        Finish::ToolCalls => "tool_calls",
        Finish::Said(word) => word,
    }
}

/// The whole answer.
pub(crate) fn whole(mut reply: Reply<'_>) -> Vec<u8> {
    let id = reply.identity.alphanumeric("chatcmpl-", 29);
    let fingerprint = reply.identity.hex("fp_", 10);
    let choices = reply.answer.choices.iter().enumerate();
    let choices = choices.map(|(index, choice)| CompletionChoice {
        index,
        message: message(choice, &mut |prefix| reply.identity.alphanumeric(prefix, 24)),
        logprobs: None,
        finish_reason: finish_reason(&choice.finish),
    });
    let choices = choices.collect();
    let completion = Completion {
        id: &id,
        object: "chat.completion",
        created: reply.identity.unix_s,
        model: reply.model,
        choices,
        usage: reply.answer.usage.map(WireUsage::from),
        service_tier: "default",
        system_fingerprint: &fingerprint,
    };
    let mut bytes = Vec::with_capacity(1_024);
    write_json(&mut bytes, &completion);
    bytes
}

fn message<'a>(choice: &'a Choice, new_id: &mut impl FnMut(&str) -> String) -> Message<'a> {
    let text = || choice.pieces.iter().map(AsRef::as_ref).collect::<String>();
    Message {
        role: "assistant",
        content: (!choice.refused && choice.calls.is_empty()).then(text),
        tool_calls: choice.calls.iter().map(|call| wire_call(call, new_id("call_"))).collect(),
        refusal: choice.refused.then(text),
        annotations: [],
    }
}

fn wire_call(call: &Call, id: String) -> WireCall<'_> {
    let function = WireFunction { name: &call.name, arguments: &call.arguments };
    WireCall { id, kind: "function", function }
}

/// What follows from one call of a tool to the next chunk of it.
#[derive(Serialize)]
struct CallDelta<'a> {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    function: FunctionDelta<'a>,
}

#[derive(Serialize)]
struct FunctionDelta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

#[derive(Serialize)]
struct CallsDelta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<()>,
    tool_calls: [CallDelta<'a>; 1],
}

/// Writes chunks. All that is the same in each is made once, so that a chunk costs little more than its text.
struct Chunks {
    writer: EventWriter,
    /// Up to the index of the choice.
    before_index: Vec<u8>,
    /// After the last choice.
    tail: &'static [u8],
}

impl Chunks {
    fn choice(&mut self, beat: Beat, index: usize, finish: Option<&str>, delta: impl FnOnce(&mut Vec<u8>)) {
        let Self { writer, before_index, tail } = self;
        writer.event(None, beat, |bytes| {
            bytes.extend_from_slice(before_index);
            bytes.extend_from_slice(b"[{\"index\":");
            write_json(bytes, &index);
            bytes.extend_from_slice(b",\"delta\":");
            delta(bytes);
            bytes.extend_from_slice(b",\"logprobs\":null,\"finish_reason\":");
            write_json(bytes, &finish);
            bytes.extend_from_slice(b"}]");
            bytes.extend_from_slice(tail);
        });
    }

    fn text(&mut self, index: usize, field: &str, piece: &str) {
        self.choice(Beat::Token, index, None, |bytes| {
            bytes.extend_from_slice(b"{\"");
            bytes.extend_from_slice(field.as_bytes());
            bytes.extend_from_slice(b"\":");
            write_json(bytes, &piece);
            bytes.push(b'}');
        });
    }

    fn usage(&mut self, usage: Usage) {
        let Self { writer, before_index, .. } = self;
        writer.event(None, Beat::Prompt, |bytes| {
            bytes.extend_from_slice(before_index);
            bytes.extend_from_slice(b"[],\"usage\":");
            write_json(bytes, &WireUsage::from(usage));
            bytes.push(b'}');
        });
    }
}

#[derive(Serialize)]
struct ChunkHead<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    service_tier: &'static str,
    system_fingerprint: &'a str,
    choices: (),
}

/// The answer as a stream.
pub(crate) fn stream(mut reply: Reply<'_>) -> Vec<Event> {
    let pieces: usize = reply.answer.choices.iter().map(|choice| choice.pieces.len()).sum();
    let mut chunks = chunks(&mut reply, pieces);
    for (index, choice) in reply.answer.choices.iter().enumerate() {
        if choice.calls.is_empty() {
            stream_text(&mut chunks, index, choice);
        } else {
            stream_calls(&mut chunks, index, choice, &mut reply);
        }
        chunks.choice(Beat::Prompt, index, Some(finish_reason(&choice.finish)), |bytes| {
            bytes.extend_from_slice(b"{}");
        });
    }
    if let Some(usage) = reply.answer.usage.filter(|_| reply.ask.include_usage) {
        chunks.usage(usage);
    }
    if reply.done {
        chunks.writer.event(None, Beat::Prompt, |bytes| bytes.extend_from_slice(b"[DONE]"));
    }
    chunks.writer.into_events()
}

fn chunks(reply: &mut Reply<'_>, pieces: usize) -> Chunks {
    const CHUNK_BYTES: usize = 320;
    let head = ChunkHead {
        id: &reply.identity.alphanumeric("chatcmpl-", 29),
        object: "chat.completion.chunk",
        system_fingerprint: &reply.identity.hex("fp_", 10),
        created: reply.identity.unix_s,
        model: reply.model,
        service_tier: "default",
        choices: (),
    };
    let mut before_index = Vec::with_capacity(CHUNK_BYTES);
    write_json(&mut before_index, &head);
    // The head ends with `"choices":null}`; the choices are written in place of that.
    before_index.truncate(before_index.len() - "null}".len());
    let tail: &[u8] = if reply.ask.include_usage { b",\"usage\":null}" } else { b"}" };
    Chunks { writer: EventWriter::new(reply.lines, (pieces + 4) * CHUNK_BYTES), before_index, tail }
}

fn stream_text(chunks: &mut Chunks, index: usize, choice: &Choice) {
    chunks.choice(Beat::Prompt, index, None, |bytes| {
        bytes.extend_from_slice(br#"{"role":"assistant","content":"","refusal":null}"#);
    });
    let field = if choice.refused { "refusal" } else { "content" };
    for piece in &choice.pieces {
        chunks.text(index, field, piece);
    }
}

fn stream_calls(chunks: &mut Chunks, index: usize, choice: &Choice, reply: &mut Reply<'_>) {
    for (at, call) in choice.calls.iter().enumerate() {
        let function = FunctionDelta { name: Some(&call.name), arguments: "" };
        let id = Some(reply.identity.alphanumeric("call_", 24));
        let opening = CallsDelta {
            role: (at == 0).then_some("assistant"),
            content: None,
            tool_calls: [CallDelta { index: at, id, kind: Some("function"), function }],
        };
        chunks.choice(Beat::Token, index, None, |bytes| write_json(bytes, &opening));
        for arguments in fragments(&call.arguments) {
            let function = FunctionDelta { name: None, arguments };
            let delta = CallDelta { index: at, id: None, kind: None, function };
            let fragment = CallsDelta { role: None, content: None, tool_calls: [delta] };
            chunks.choice(Beat::Token, index, None, |bytes| write_json(bytes, &fragment));
        }
    }
}
