//! Writes legacy completions: the whole answer, or its chunks.

use serde::Serialize;

use super::openai_chat::{WireUsage, finish_reason};
use super::reply::Reply;
use super::sse::{Beat, Event, EventWriter, write_json};

#[derive(Serialize)]
struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: Vec<CompletionChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<UsageField>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum UsageField {
    /// `null`: it comes in another chunk.
    Later(()),
    Stated(WireUsage),
}

#[derive(Serialize)]
struct CompletionChoice<'a> {
    text: &'a str,
    index: usize,
    logprobs: Option<()>,
    finish_reason: Option<&'a str>,
}

/// The whole answer.
pub(crate) fn whole(mut reply: Reply<'_>) -> Vec<u8> {
    let id = reply.identity.alphanumeric("cmpl-", 29);
    let texts: Vec<String> =
        reply.answer.choices.iter().map(|choice| choice.pieces.iter().map(AsRef::as_ref).collect()).collect();
    let choices = reply.answer.choices.iter().zip(&texts).enumerate();
    let choices = choices.map(|(index, (choice, text))| CompletionChoice {
        text,
        index,
        logprobs: None,
        finish_reason: Some(finish_reason(&choice.finish)),
    });
    let mut bytes = Vec::with_capacity(1_024);
    let usage = reply.answer.usage.map(|usage| UsageField::Stated(usage.into()));
    write_json(&mut bytes, &completion(&reply, &id, choices.collect(), usage));
    bytes
}

/// The answer as a stream.
pub(crate) fn stream(mut reply: Reply<'_>) -> Vec<Event> {
    let id = reply.identity.alphanumeric("cmpl-", 29);
    let mut writer = EventWriter::new(reply.lines, 4_096);
    let unsaid = || reply.ask.include_usage.then_some(UsageField::Later(()));
    for (index, choice) in reply.answer.choices.iter().enumerate() {
        let mut chunk = |beat, text: &str, finish_reason| {
            let choice = CompletionChoice { text, index, logprobs: None, finish_reason };
            writer.data(beat, &completion(&reply, &id, vec![choice], unsaid()));
        };
        for piece in &choice.pieces {
            chunk(Beat::Token, piece, None);
        }
        chunk(Beat::Prompt, "", Some(finish_reason(&choice.finish)));
    }
    if let Some(usage) = reply.answer.usage.filter(|_| reply.ask.include_usage) {
        writer
            .data(Beat::Prompt, &completion(&reply, &id, Vec::new(), Some(UsageField::Stated(usage.into()))));
    }
    if reply.done {
        writer.event(None, Beat::Prompt, |bytes| bytes.extend_from_slice(b"[DONE]"));
    }
    writer.into_events()
}

fn completion<'a>(
    reply: &Reply<'a>,
    id: &'a str,
    choices: Vec<CompletionChoice<'a>>,
    usage: Option<UsageField>,
) -> Completion<'a> {
    let created = reply.identity.unix_s;
    Completion { id, object: "text_completion", created, model: reply.model, choices, usage }
}
