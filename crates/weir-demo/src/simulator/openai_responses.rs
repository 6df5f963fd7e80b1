//! Writes the responses API: the whole response, or its events.

use super::answer::{Choice, Finish, Usage};
use super::reply::Reply;
use super::sse::{Event, write_json};

mod event;
mod wire;

use wire::{Content, IncompleteDetails, Item, Response, ResponseTool, WireUsage};

/// The whole response.
pub(crate) fn whole(mut reply: Reply<'_>) -> Vec<u8> {
    let id = reply.identity.hex("resp_", 48);
    let items = items(&mut reply);
    let mut bytes = Vec::with_capacity(4_096);
    write_json(&mut bytes, &finished(&reply, &id, items));
    bytes
}

/// The response as a stream.
pub(crate) fn stream(mut reply: Reply<'_>) -> Vec<Event> {
    let id = reply.identity.hex("resp_", 48);
    let items = items(&mut reply);
    event::stream(&reply, &id, items)
}

/// What the model made: its reasoning, its message, its calls.
fn items(reply: &mut Reply<'_>) -> Vec<Item> {
    let Some(choice) = reply.answer.choices.first() else { return Vec::new() };
    let mut items = Vec::new();
    if reply.answer.usage.is_some_and(|usage| usage.reasoning > 0) {
        items.push(Item::Reasoning { id: reply.identity.hex("rs_", 48), summary: [] });
    }
    if !choice.pieces.is_empty() || choice.calls.is_empty() {
        let content = vec![content(choice)];
        let id = reply.identity.hex("msg_", 48);
        items.push(Item::Message { id, status: status(choice), content, role: "assistant" });
    }
    for call in &choice.calls {
        items.push(Item::FunctionCall {
            id: reply.identity.hex("fc_", 48),
            status: "completed",
            arguments: call.arguments.clone(),
            call_id: reply.identity.alphanumeric("call_", 24),
            name: call.name.clone(),
        });
    }
    items
}

fn content(choice: &Choice) -> Content {
    let said = choice.pieces.iter().map(AsRef::as_ref).collect();
    if choice.refused {
        Content::Refusal { refusal: said }
    } else {
        Content::OutputText { annotations: [], logprobs: [], text: said }
    }
}

fn status(choice: &Choice) -> &'static str {
    if choice.finish == Finish::Length { "incomplete" } else { "completed" }
}

/// The response when all is said.
fn finished<'a>(reply: &Reply<'a>, id: &'a str, items: Vec<Item>) -> Response<'a> {
    let cut = reply.answer.choices.iter().any(|choice| choice.finish == Finish::Length);
    Response {
        status: if cut { "incomplete" } else { "completed" },
        incomplete_details: cut.then_some(IncompleteDetails { reason: "max_output_tokens" }),
        output: items,
        usage: reply.answer.usage.map(WireUsage::from),
        ..started(reply, id)
    }
}

/// The response when nothing is said yet.
fn started<'a>(reply: &Reply<'a>, id: &'a str) -> Response<'a> {
    let tools = reply.ask.tools.iter().map(|tool| ResponseTool {
        kind: "function",
        description: None,
        name: &tool.name,
        parameters: &tool.parameters,
        strict: true,
    });
    Response {
        max_output_tokens: reply.ask.output_tokens_max,
        tools: tools.collect(),
        ..Response::new(id, reply.identity.unix_s, reply.model)
    }
}

impl From<Usage> for WireUsage {
    fn from(usage: Usage) -> Self {
        Self {
            input_tokens: usage.input,
            input_tokens_details: wire::InputDetails { cached_tokens: usage.cached },
            output_tokens: usage.output,
            output_tokens_details: wire::OutputDetails { reasoning_tokens: usage.reasoning },
            total_tokens: usage.input + usage.output,
        }
    }
}
