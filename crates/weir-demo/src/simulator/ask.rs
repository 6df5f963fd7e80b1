//! What a request asks for, whichever format it is in.
//!
//! Formats differ in names, not in meaning, so each is read into one [`Ask`]. Reading is as strict as the providers are:
//! no JSON, no model, no messages, a wrong type are refused with their words.

use serde_json::Value;

use super::problem::{Family, Problem};

mod anthropic;
mod openai;

pub(crate) use anthropic::read_count;
pub(crate) use openai::prompts;

/// The format of a request that wants text back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// `POST /v1/chat/completions`
    Chat,
    /// `POST /v1/completions`
    Completions,
    /// `POST /v1/responses`
    Responses,
    /// `POST /v1/messages`
    Messages,
}

impl Format {
    pub(crate) const fn family(self) -> Family {
        match self {
            Self::Chat | Self::Completions | Self::Responses => Family::OpenAi,
            Self::Messages => Family::Anthropic,
        }
    }
}

/// A tool that the model may call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tool {
    pub name: String,
    /// The JSON schema of its arguments.
    pub parameters: Value,
}

/// Whether the model must, may or must not call a tool.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum ToolChoice {
    #[default]
    Auto,
    None,
    Required,
    Named(String),
}

/// What the tokens of the input are counted of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reading {
    /// Messages (and tools) as JSON, counted with their overhead.
    Chat { messages: String, tools: Option<String> },
    /// Texts, and how many tokens come on top of them.
    Texts { texts: Vec<String>, overhead_tokens: u64 },
}

/// A request that wants text back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ask {
    pub format: Format,
    pub model: String,
    pub stream: bool,
    /// Whether a stream of OpenAI's ends with its usage.
    pub include_usage: bool,
    /// How many answers.
    pub choices: usize,
    pub output_tokens_max: Option<u64>,
    pub tools: Vec<Tool>,
    pub tool_choice: ToolChoice,
    /// The schema that the answer must follow.
    pub schema: Option<Value>,
    /// What the user said last.
    pub question: String,
    /// How many results of tools came after that.
    pub tool_results: usize,
    /// Whether the provider may serve part of the input from its cache: OpenAI always, Anthropic when it is asked to.
    pub cacheable: bool,
    pub reading: Reading,
}

/// The most answers to one request; OpenAI's own limit is 128.
const CHOICES_MAX: usize = 128;

impl Ask {
    /// Reads a request. `path_model` is the model that the path names, as Azure's does.
    pub(crate) fn read(format: Format, body: &[u8], path_model: Option<&str>) -> Result<Self, Problem> {
        match format {
            Format::Chat => openai::read_chat(body, path_model),
            Format::Completions => openai::read_completions(body, path_model),
            Format::Responses => openai::read_responses(body, path_model),
            Format::Messages => anthropic::read_messages(body),
        }
    }
}

/// Parses a body, with the provider's words for what is wrong with it.
fn parse<'a, T: serde::Deserialize<'a>>(family: Family, body: &'a [u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        if error.is_data() {
            Problem::invalid(format!("Invalid type in the request body: {error}"))
        } else {
            Problem::not_json(family, &error)
        }
    })
}

/// The text of a message's content: a string, or the texts of its parts.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| match part {
                Value::String(text) => Some(text.as_str()),
                part => part.get("text").and_then(Value::as_str),
            });
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

/// The token counts that every chat format adds to the texts: about four for a message and three for the answer's start.
fn message_overhead_tokens(messages: usize) -> u64 {
    messages as u64 * 4 + 3
}
