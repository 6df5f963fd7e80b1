//! Streams of chat completions: chunks with deltas, put together into messages.

use std::borrow::Cow;

use serde::Serialize;
use smallvec::SmallVec;

use super::{Meaning, Said};
use crate::openai::{self, Function, keep};
use crate::wire::{self, List, Raw, wire};
use crate::{ResponseFacts, error};

/// Choices of one answer that are kept; OpenAI's own limit for `n`.
const CHOICES_MAX: usize = 128;

/// Tool calls of one message that are kept; OpenAI's own limit for tools.
const TOOL_CALLS_MAX: usize = 128;

wire! {
    struct Chunk<'a> {
        id: Option<Cow<'a, str>> = "id",
        model: Option<Cow<'a, str>> = "model",
        choices: List<[Choice<'a>; 1]> = "choices",
        usage: Option<Box<openai::Usage>> = "usage",
        service_tier: Option<Cow<'a, str>> = "service_tier",
        error: Option<Raw<'a>> = "error",
    }
}

wire! {
    struct Choice<'a> {
        index: Option<u64> = "index",
        delta: Option<openai::Message<'a>> = "delta",
        finish_reason: Option<Cow<'a, str>> = "finish_reason",
    }
}

/// The messages as far as they have come.
#[derive(Debug, Default)]
pub(super) struct ChatStream {
    choices: SmallVec<[ChoiceState; 1]>,
}

#[derive(Debug, Default)]
struct ChoiceState {
    index: u64,
    finish_reason: Option<String>,
    message: Message,
}

/// A message in the shape of a whole answer's.
#[derive(Debug, Default, Serialize)]
struct Message {
    role: Option<String>,
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCall>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<Called>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio: Option<Audio>,
}

#[derive(Debug, Default, Serialize)]
struct ToolCall {
    #[serde(skip)]
    index: Option<u64>,
    id: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    function: Called,
}

#[derive(Debug, Default, Serialize)]
struct Called {
    name: String,
    arguments: String,
}

#[derive(Debug, Default, Serialize)]
struct Audio {
    id: Option<String>,
    transcript: String,
}

impl ChatStream {
    /// Reads one chunk; `None` when it is not JSON.
    pub(super) fn read(&mut self, json: &str, said: &mut Said) -> Option<Meaning> {
        let mut chunk = Chunk::default();
        wire::fill(json, &mut chunk).ok().filter(|is_object| *is_object)?;
        let mut meaning = Meaning {
            has_content: false,
            is_terminal: chunk.error.is_some(),
            is_usage_only: chunk.choices.is_array
                && chunk.choices.items.is_empty()
                && chunk.usage.is_some()
                && chunk.error.is_none(),
        };
        // Azure's first chunk, which holds only its filter's results, leaves both empty.
        keep(&mut said.facts.response_id, chunk.id.as_deref().filter(|id| !id.is_empty()));
        keep(&mut said.facts.response_model, chunk.model.as_deref().filter(|model| !model.is_empty()));
        keep(&mut said.facts.usage_detail.service_tier, chunk.service_tier.as_deref());
        if let Some(usage) = chunk.usage {
            said.facts.tokens = usage.tokens(&mut said.facts.usage_detail);
        }
        if let Some(error) = chunk.error {
            said.facts.error = Some(error::of_raw(error));
        }
        for choice in &chunk.choices.items {
            let Some(state) = self.choice(choice.index.unwrap_or(0)) else { continue };
            keep(&mut state.finish_reason, choice.finish_reason.as_deref());
            if let Some(delta) = &choice.delta {
                let text_bytes = delta.text_bytes();
                said.facts.output_text_bytes += text_bytes;
                meaning.has_content |= text_bytes > 0 || !delta.tool_calls.items.is_empty();
                state.message.append(delta, said);
            }
        }
        Some(meaning)
    }

    pub(super) fn is_finished(&self) -> bool {
        !self.choices.is_empty() && self.choices.iter().all(|choice| choice.finish_reason.is_some())
    }

    /// The messages in the order of their choices.
    pub(super) fn output(mut self, facts: &mut ResponseFacts) -> Option<String> {
        self.choices.sort_by_key(|choice| choice.index);
        facts.finish_reason = self.choices.iter().find_map(|choice| choice.finish_reason.clone());
        let messages: Vec<Message> =
            self.choices.into_iter().map(|choice| choice.message.complete()).collect();
        let calls = messages
            .iter()
            .map(|message| message.tool_calls.len() + usize::from(message.function_call.is_some()));
        facts.tool_calls = u32::try_from(calls.sum::<usize>()).unwrap_or(u32::MAX);
        if messages.is_empty() { None } else { serde_json::to_string(&messages).ok() }
    }

    fn choice(&mut self, index: u64) -> Option<&mut ChoiceState> {
        let at = self.choices.iter().position(|choice| choice.index == index);
        let at = at.unwrap_or(self.choices.len());
        if at == self.choices.len() {
            if at >= CHOICES_MAX {
                return None;
            }
            self.choices.push(ChoiceState { index, ..ChoiceState::default() });
        }
        self.choices.get_mut(at)
    }
}

impl Message {
    fn append(&mut self, delta: &openai::Message<'_>, said: &mut Said) {
        let budget = &mut said.budget;
        let mut text = |to: &mut Option<String>, text: Option<&str>| {
            if let Some(text) = text {
                budget.append(to.get_or_insert_default(), text);
            }
        };
        text(&mut self.content, delta.content.text.as_deref());
        text(&mut self.refusal, delta.refusal.as_deref());
        text(&mut self.reasoning_content, delta.reasoning_content.as_deref());
        text(&mut self.reasoning, delta.reasoning.as_deref());
        for part in &delta.content.parts {
            let to = if part.is_reasoning() { &mut self.reasoning_content } else { &mut self.content };
            part.texts().for_each(|piece| text(to, Some(piece)));
        }
        if self.role.is_none() {
            text(&mut self.role, delta.role.as_deref());
        }
        for call in &delta.tool_calls.items {
            self.append_call(call, said);
        }
        if let Some(function) = &delta.function_call {
            self.function_call.get_or_insert_default().append(function, said);
        }
        if let Some(audio) = &delta.audio {
            let state = self.audio.get_or_insert_default();
            keep(&mut state.id, audio.id.as_deref());
            said.budget.append(&mut state.transcript, audio.transcript.as_deref().unwrap_or_default());
        }
    }

    /// A delta belongs to the call of its index. Servers that send no index begin a call with an id that is new, and go
    /// on with the last one otherwise.
    fn append_call(&mut self, delta: &openai::ToolCall<'_>, said: &mut Said) {
        let known = match (delta.index, &delta.id) {
            (Some(index), _) => self.tool_calls.iter().position(|call| call.index == Some(index)),
            (None, Some(id)) => self.tool_calls.iter().position(|call| call.id.as_deref() == Some(&**id)),
            (None, None) => self.tool_calls.len().checked_sub(1),
        };
        let at = known.unwrap_or(self.tool_calls.len());
        if at == self.tool_calls.len() {
            if at >= TOOL_CALLS_MAX {
                return;
            }
            self.tool_calls.push(ToolCall { index: delta.index, ..ToolCall::default() });
        }
        let call = &mut self.tool_calls[at];
        for (kept, stated) in [(&mut call.id, &delta.id), (&mut call.kind, &delta.kind)] {
            if let (None, Some(stated)) = (&kept, stated) {
                *kept = said.budget.keep(stated);
            }
        }
        if let Some(function) = &delta.function {
            call.function.append(function, said);
        }
    }

    /// Fills in what servers leave out of deltas.
    fn complete(mut self) -> Self {
        self.role.get_or_insert_with(|| "assistant".to_owned());
        for call in &mut self.tool_calls {
            call.kind.get_or_insert_with(|| "function".to_owned());
        }
        self
    }
}

impl Called {
    fn append(&mut self, delta: &Function<'_>, said: &mut Said) {
        if self.name.is_empty() {
            said.budget.append(&mut self.name, delta.name.as_deref().unwrap_or_default());
        }
        said.budget.append(&mut self.arguments, delta.arguments.as_deref().unwrap_or_default());
    }
}
