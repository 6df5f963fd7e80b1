//! The events of a streamed response: `response.created` to `response.completed`, numbered.

use serde::Serialize;

use super::wire::{Content, Item, Response};
use super::{finished, started};
use crate::simulator::reply::{Reply, fragments};
use crate::simulator::sse::{Beat, Event, EventWriter};

/// Any event; each kind has its own few of these fields.
#[derive(Serialize, Default)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    sequence_number: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<&'a Response<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<&'a Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<&'a Content>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<[(); 0]>,
}

/// Numbers events as it writes them.
struct Numbered {
    writer: EventWriter,
    next: u64,
}

impl Numbered {
    fn write(&mut self, kind: &'static str, beat: Beat, body: &Body<'_>) {
        self.writer.named(kind, beat, &Body { kind, sequence_number: self.next, ..*body });
        self.next += 1;
    }
}

pub(super) fn stream(reply: &Reply<'_>, id: &str, items: Vec<Item>) -> Vec<Event> {
    let mut events = Numbered { writer: EventWriter::new(reply.lines, 16_384), next: 0 };
    let opening = started(reply, id);
    let of_response = |response| Body { response: Some(response), ..Body::default() };
    events.write("response.created", Beat::Prompt, &of_response(&opening));
    events.write("response.in_progress", Beat::Prompt, &of_response(&opening));
    for (output_index, item) in items.iter().enumerate() {
        let opened = item.opened();
        events.write("response.output_item.added", Beat::Token, &of_item(output_index, &opened));
        match item {
            Item::Message { content, .. } => {
                for (content_index, part) in content.iter().enumerate() {
                    stream_part(&mut events, reply, item, part, (output_index, content_index));
                }
            }
            Item::FunctionCall { arguments, name, .. } => {
                stream_arguments(&mut events, item, name, arguments, output_index);
            }
            Item::Reasoning { .. } => {}
        }
        events.write("response.output_item.done", Beat::Prompt, &of_item(output_index, item));
    }
    if reply.done {
        let closing = finished(reply, id, items);
        let kind = if closing.status == "completed" { "response.completed" } else { "response.incomplete" };
        events.write(kind, Beat::Prompt, &of_response(&closing));
    }
    events.writer.into_events()
}

fn of_item(output_index: usize, item: &Item) -> Body<'_> {
    Body { output_index: Some(output_index), item: Some(item), ..Body::default() }
}

fn stream_part(
    events: &mut Numbered,
    reply: &Reply<'_>,
    item: &Item,
    part: &Content,
    (output_index, content_index): (usize, usize),
) {
    let place = || Body {
        item_id: Some(item.id()),
        output_index: Some(output_index),
        content_index: Some(content_index),
        ..Body::default()
    };
    let pieces = reply.answer.choices.first().map_or(&[][..], |choice| &choice.pieces);
    let opened = part.opened();
    events.write("response.content_part.added", Beat::Prompt, &Body { part: Some(&opened), ..place() });
    match part {
        Content::OutputText { text, .. } => {
            for delta in pieces {
                let body = Body { delta: Some(delta), logprobs: Some([]), ..place() };
                events.write("response.output_text.delta", Beat::Token, &body);
            }
            let body = Body { text: Some(text), logprobs: Some([]), ..place() };
            events.write("response.output_text.done", Beat::Prompt, &body);
        }
        Content::Refusal { refusal } => {
            for delta in pieces {
                events.write("response.refusal.delta", Beat::Token, &Body { delta: Some(delta), ..place() });
            }
            events.write("response.refusal.done", Beat::Prompt, &Body { refusal: Some(refusal), ..place() });
        }
    }
    events.write("response.content_part.done", Beat::Prompt, &Body { part: Some(part), ..place() });
}

fn stream_arguments(events: &mut Numbered, item: &Item, name: &str, arguments: &str, output_index: usize) {
    let place = || Body { item_id: Some(item.id()), output_index: Some(output_index), ..Body::default() };
    for delta in fragments(arguments) {
        let body = Body { delta: Some(delta), ..place() };
        events.write("response.function_call_arguments.delta", Beat::Token, &body);
    }
    let body = Body { name: Some(name), arguments: Some(arguments), ..place() };
    events.write("response.function_call_arguments.done", Beat::Prompt, &body);
}
