//! Streams of legacy text completions: chunks with pieces of text.

use std::borrow::Cow;

use serde::Serialize;
use smallvec::SmallVec;

use super::{Meaning, Said};
use crate::openai::{self, keep};
use crate::wire::{self, List, Raw, wire};
use crate::{ResponseFacts, error};

/// Choices of one answer that are kept; OpenAI's own limit for `n`.
const CHOICES_MAX: usize = 128;

wire! {
    struct Chunk<'a> {
        id: Option<Cow<'a, str>> = "id",
        model: Option<Cow<'a, str>> = "model",
        choices: List<[Choice<'a>; 1]> = "choices",
        usage: Option<openai::Usage> = "usage",
        error: Option<Raw<'a>> = "error",
    }
}

wire! {
    struct Choice<'a> {
        index: Option<u64> = "index",
        text: Option<Cow<'a, str>> = "text",
        finish_reason: Option<Cow<'a, str>> = "finish_reason",
    }
}

/// The texts as far as they have come.
#[derive(Debug, Default)]
pub(super) struct CompletionsStream {
    choices: SmallVec<[Written; 1]>,
}

#[derive(Debug, Default, Serialize)]
struct Written {
    #[serde(skip)]
    index: u64,
    #[serde(skip)]
    finish_reason: Option<String>,
    text: String,
}

impl CompletionsStream {
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
        keep(&mut said.facts.response_id, chunk.id.as_deref());
        keep(&mut said.facts.response_model, chunk.model.as_deref());
        if let Some(usage) = chunk.usage {
            said.facts.tokens = usage.tokens(&mut said.facts.usage_detail);
        }
        if let Some(error) = chunk.error {
            said.facts.error = Some(error::of_raw(error));
        }
        for choice in &chunk.choices.items {
            let index = choice.index.unwrap_or(0);
            let at = self.choices.iter().position(|known| known.index == index);
            let at = at.unwrap_or(self.choices.len());
            if at == self.choices.len() {
                if at >= CHOICES_MAX {
                    continue;
                }
                self.choices.push(Written { index, ..Written::default() });
            }
            let state = &mut self.choices[at];
            keep(&mut state.finish_reason, choice.finish_reason.as_deref());
            let text = choice.text.as_deref().unwrap_or_default();
            meaning.has_content |= !text.is_empty();
            said.facts.output_text_bytes += text.len() as u64;
            said.budget.append(&mut state.text, text);
        }
        Some(meaning)
    }

    pub(super) fn is_finished(&self) -> bool {
        !self.choices.is_empty() && self.choices.iter().all(|choice| choice.finish_reason.is_some())
    }

    /// The texts in the order of their choices.
    pub(super) fn output(mut self, facts: &mut ResponseFacts) -> Option<String> {
        self.choices.sort_by_key(|choice| choice.index);
        facts.finish_reason = self.choices.iter().find_map(|choice| choice.finish_reason.clone());
        if self.choices.is_empty() { None } else { serde_json::to_string(self.choices.as_slice()).ok() }
    }
}
