//! Streams of the responses API.
//!
//! The last event carries the whole response, which is then the output. Until it comes, items and their text are
//! gathered from the events, so that a stream that is cut leaves what was consumed.

use std::borrow::Cow;

use super::{Meaning, Said};
use crate::openai::keep;
use crate::response::{is_client_call, read_final_response};
use crate::wire::{self, Raw, read_raw, wire};
use crate::{ResponseFacts, error, splice, text};

/// Output items of one response that are kept; far more than any model writes.
const ITEMS_MAX: usize = 1_024;

wire! {
    struct StreamEvent<'a> {
        kind: Option<Cow<'a, str>> = "type",
        response: Option<Raw<'a>> = "response",
        output_index: Option<u64> = "output_index",
        delta: Option<Cow<'a, str>> = "delta",
        item: Option<Raw<'a>> = "item",
        error: Option<Raw<'a>> = "error",
        code: Option<Raw<'a>> = "code",
        message: Option<Cow<'a, str>> = "message",
    }
}

wire! {
    struct Opening<'a> {
        id: Option<Cow<'a, str>> = "id",
        model: Option<Cow<'a, str>> = "model",
    }
}

wire! {
    struct Ending<'a> {
        output: Option<Raw<'a>> = "output",
    }
}

wire! {
    struct ItemKind<'a> {
        kind: Option<Cow<'a, str>> = "type",
    }
}

/// The response as far as it has come.
#[derive(Debug, Default)]
pub(super) struct ResponsesStream {
    items: Vec<Item>,
    /// The final output was over the budget, or never came.
    is_output_final: bool,
}

#[derive(Debug, Default)]
struct Item {
    index: u64,
    /// The item as it was last stated whole: when it was added, or when it was done.
    stated: String,
    is_done: bool,
    text: String,
    refusal: String,
    arguments: String,
    reasoning: String,
    summary: String,
}

impl ResponsesStream {
    /// Reads one event; `None` when it is not JSON.
    pub(super) fn read(&mut self, json: &str, said: &mut Said) -> Option<Meaning> {
        let mut event = StreamEvent::default();
        wire::fill(json, &mut event).ok().filter(|is_object| *is_object)?;
        let kind = event.kind.as_deref()?;
        let mut meaning = Meaning::default();
        match kind {
            "response.created" | "response.in_progress" | "response.queued" => {
                let opening: Opening<'_> = event.response.map(read_raw).unwrap_or_default();
                keep(&mut said.facts.response_id, opening.id.as_deref());
                keep(&mut said.facts.response_model, opening.model.as_deref());
            }
            "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled" => {
                meaning.is_terminal = true;
                if let Some(response) = event.response {
                    self.end(response, said);
                }
            }
            "error" => {
                meaning.is_terminal = true;
                said.facts.error = Some(match event.error {
                    Some(error) => error::of_raw(error),
                    None => error::of_parts(event.code, event.message),
                });
            }
            "response.output_item.added" | "response.output_item.done" => {
                if let Some(item) = event.item {
                    self.state_item(event.output_index.unwrap_or(0), item, kind.ends_with("done"), said);
                }
            }
            _ => {
                if let (Some(part), Some(delta)) = (kind.strip_suffix(".delta"), &event.delta) {
                    meaning.has_content = !delta.is_empty();
                    said.facts.output_text_bytes += delta.len() as u64;
                    self.append(event.output_index.unwrap_or(0), part, delta, said);
                }
            }
        }
        Some(meaning)
    }

    /// What was gathered, unless the stream said its output itself.
    pub(super) fn output(mut self, facts: &mut ResponseFacts) -> Option<String> {
        if self.is_output_final || self.items.is_empty() {
            return None;
        }
        self.items.sort_by_key(|item| item.index);
        let calls = self.items.iter().filter(|item| {
            let item: ItemKind<'_> = wire::read(&item.stated).unwrap_or_default();
            is_client_call(item.kind.as_deref())
        });
        facts.tool_calls = u32::try_from(calls.count()).unwrap_or(u32::MAX);
        let items: Vec<String> = self.items.into_iter().map(Item::complete).collect();
        Some(format!("[{}]", items.join(",")))
    }

    /// The final response: its output replaces what was gathered, if it may be kept.
    fn end(&mut self, response: Raw<'_>, said: &mut Said) {
        let gathered: usize = self.items.iter().map(Item::bytes).sum();
        read_final_response(response, &mut said.facts);
        let ending: Ending<'_> = read_raw(response);
        let Some(output) = ending.output.filter(|output| output.get() != "[]" || self.items.is_empty())
        else {
            said.facts.output = None;
            return;
        };
        said.budget.give_back(gathered);
        if said.budget.keep(output.get()).is_some() {
            self.is_output_final = true;
            self.items.clear();
        } else {
            said.facts.output = None;
        }
    }

    fn item(&mut self, index: u64) -> Option<&mut Item> {
        let at = self.items.iter().rposition(|item| item.index == index).unwrap_or(self.items.len());
        if at == self.items.len() {
            if at >= ITEMS_MAX {
                return None;
            }
            self.items.push(Item { index, ..Item::default() });
        }
        self.items.get_mut(at)
    }

    fn state_item(&mut self, index: u64, stated: Raw<'_>, is_done: bool, said: &mut Said) {
        let Some(item) = self.item(index) else { return };
        said.budget.give_back(std::mem::take(&mut item.stated).len());
        // Stated anew but too long to keep, it is known by its deltas alone, also when it had been done before.
        item.is_done = false;
        if let Some(stated) = said.budget.keep(stated.get()) {
            item.stated = stated;
            item.is_done = is_done;
        }
    }

    fn append(&mut self, index: u64, part: &str, delta: &str, said: &mut Said) {
        let Some(item) = self.item(index) else { return };
        let to = match part {
            "response.output_text" => &mut item.text,
            "response.refusal" => &mut item.refusal,
            "response.reasoning_text" => &mut item.reasoning,
            "response.reasoning_summary_text" => &mut item.summary,
            "response.function_call_arguments"
            | "response.custom_tool_call_input"
            | "response.mcp_call_arguments" => &mut item.arguments,
            _ => return,
        };
        said.budget.append(to, delta);
    }
}

impl Item {
    fn bytes(&self) -> usize {
        let texts =
            [&self.stated, &self.text, &self.refusal, &self.arguments, &self.reasoning, &self.summary];
        texts.into_iter().map(String::len).sum()
    }

    /// The item in the shape of a whole answer's: as stated when it was done, else what its deltas brought spliced
    /// into what was stated when it was added.
    fn complete(self) -> String {
        if self.is_done {
            return self.stated;
        }
        let typed = |kind: &str, member: &str, value: &str| {
            (!value.is_empty()).then(|| format!(r#"{{"type":"{kind}","{member}":{}}}"#, text::encode(value)))
        };
        let list = |parts: Vec<Option<String>>| {
            let parts: Vec<String> = parts.into_iter().flatten().collect();
            (!parts.is_empty()).then(|| format!("[{}]", parts.join(",")))
        };
        let content = list(vec![
            typed("output_text", "text", &self.text),
            typed("refusal", "refusal", &self.refusal),
            typed("reasoning_text", "text", &self.reasoning),
        ]);
        let summary = list(vec![typed("summary_text", "text", &self.summary)]);
        let stated =
            if self.stated.is_empty() { r#"{"type":"message","role":"assistant"}"# } else { &self.stated };
        let item: ItemKind<'_> = wire::read(stated).unwrap_or_default();
        let arguments_name =
            if item.kind.as_deref() == Some("custom_tool_call") { "input" } else { "arguments" };
        let arguments = (!self.arguments.is_empty()).then(|| text::encode(&self.arguments));
        let values: Vec<(&str, &str)> =
            [("content", &content), ("summary", &summary), (arguments_name, &arguments)]
                .into_iter()
                .filter_map(|(name, value)| value.as_deref().map(|value| (name, value)))
                .collect();
        splice::set_members(stated, &values).unwrap_or_else(|| stated.to_owned())
    }
}
