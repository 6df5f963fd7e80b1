//! Input tokens of requests to OpenAI's models: messages, what stands around them, tools and images.
//!
//! Exact are plain messages to the models of the OpenAI cookbook's formula ("How to count tokens with tiktoken"): 3
//! tokens for each message, its role, name (and 1) and text, 3 for the beginning of the answer; images whose size and
//! detail are known (the formula of the vision guide); and inputs of embeddings and text completions, which nothing
//! stands around. Everything else is approximate and says so: tools (OpenAI renders them as a TypeScript namespace
//! whose overhead is known only from observation), tool calls, reasoning models, audio, files, unknown shapes.
//!
//! JSON that is not a request is never an error: what cannot be understood counts by its bytes.

use serde_json::{Map, Value};

use crate::encoding::{self, Encoding};
use crate::{image, tools};

/// Tokens that Weir counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenCount {
    /// How many.
    pub tokens: u64,
    /// Whether this is what the provider counts; otherwise an estimate.
    pub exact: bool,
}

/// Around each message: its start, the separator and its end.
const PER_MESSAGE: u64 = 3;
/// A name stands beside its role at the price of its own tokens and this.
const PER_NAME: u64 = 1;
/// The beginning of the answer.
const PRIMING: u64 = 3;
/// Around each tool call, as observed.
const PER_TOOL_CALL: u64 = 3;
/// Bytes of JSON for a token where nothing better is known.
const BYTES_PER_TOKEN: u64 = 4;
/// Bytes of base64 for a token of audio: 10 tokens a second, between 2,100 (MP3) and 6,400 (WAV).
const AUDIO_BYTES_PER_TOKEN: u64 = 4_000;
/// Bytes of base64 for a token of a file: a page of a PDF has about 1,000 tokens and 70 kB.
const FILE_BYTES_PER_TOKEN: u64 = 70;

/// Models that the cookbook's formula was published for, by the beginning of their names.
const FORMULA_MODELS: [&str; 5] = ["gpt-3.5-turbo", "gpt-35-turbo", "gpt-4-", "gpt-4o", "ft:gpt-"];

/// Counts the input of a request.
pub(crate) fn count(
    encoding: Encoding,
    model: &str,
    messages_json: &str,
    tools_json: Option<&str>,
) -> TokenCount {
    let name = encoding::bare_name(model);
    let mut counter = Counter { encoding, model: name, tokens: 0, exact: true };
    let has_functions = tools_json.is_some_and(|json| counter.tools(json));
    match serde_json::from_str::<Value>(messages_json) {
        Ok(input) if is_plain_text_model(name) => counter.plain(&input),
        Ok(Value::Array(messages)) => counter.messages(&messages, has_functions),
        Ok(Value::String(text)) => {
            counter.guess(PER_MESSAGE + PRIMING + 1);
            counter.text(&text);
        }
        Ok(_) | Err(_) => counter.guess_bytes(messages_json.len()),
    }
    TokenCount { tokens: counter.tokens, exact: counter.exact }
}

/// Embeddings and text completions read exactly their input.
fn is_plain_text_model(name: &str) -> bool {
    name.starts_with("text-embedding-")
        || name.ends_with("-instruct")
        || name.ends_with("davinci-002")
        || name.ends_with("babbage-002")
}

/// A sum in the making.
struct Counter<'a> {
    encoding: Encoding,
    model: &'a str,
    tokens: u64,
    exact: bool,
}

impl Counter<'_> {
    fn add(&mut self, tokens: u64) {
        self.tokens = self.tokens.saturating_add(tokens);
    }

    fn guess(&mut self, tokens: u64) {
        self.add(tokens);
        self.exact = false;
    }

    fn guess_bytes(&mut self, bytes: usize) {
        self.guess((bytes as u64).div_ceil(BYTES_PER_TOKEN));
    }

    fn guess_value(&mut self, value: &Value) {
        self.guess_bytes(value.to_string().len());
    }

    fn text(&mut self, text: &str) {
        self.add(self.encoding.count(text));
    }

    /// A text, texts, token ids, or lists of token ids.
    fn plain(&mut self, input: &Value) {
        match input {
            Value::String(text) => self.text(text),
            Value::Number(_) => self.add(1),
            Value::Array(parts) => parts.iter().for_each(|part| self.plain(part)),
            other => self.guess_value(other),
        }
    }

    fn messages(&mut self, messages: &[Value], has_functions: bool) {
        self.exact &=
            self.model == "gpt-4" || FORMULA_MODELS.iter().any(|start| self.model.starts_with(start));
        let mut has_system = false;
        for message in messages {
            match message {
                Value::Object(message) => {
                    self.message(message);
                    has_system |= message.get("role").and_then(Value::as_str) == Some("system");
                }
                other => self.guess_value(other),
            }
        }
        if has_functions && has_system {
            self.tokens = self.tokens.saturating_sub(tools::WITHIN_SYSTEM_MESSAGE);
        }
        self.add(PRIMING);
    }

    fn message(&mut self, message: &Map<String, Value>) {
        self.add(PER_MESSAGE);
        for (key, value) in message {
            match (key.as_str(), value) {
                ("role", Value::String(role)) => {
                    self.exact &= matches!(role.as_str(), "system" | "user" | "assistant");
                    self.text(role);
                }
                ("name", Value::String(name)) => {
                    self.text(name);
                    self.add(PER_NAME);
                }
                ("content", content) => self.content(content),
                ("tool_calls", Value::Array(calls)) => calls.iter().for_each(|call| self.tool_call(call)),
                ("function_call", call) => self.tool_call(call),
                ("arguments" | "output" | "refusal" | "reasoning_content", Value::String(text)) => {
                    self.text(text);
                    self.exact = false;
                }
                (_, Value::Null) => {}
                // Ids, types and marks that the model does not read.
                ("id" | "call_id" | "tool_call_id" | "type" | "status" | "cache_control", _) => {
                    self.exact = false;
                }
                (_, other) => self.guess_value(other),
            }
        }
    }

    fn content(&mut self, content: &Value) {
        match content {
            Value::Null => {}
            Value::String(text) => self.text(text),
            Value::Array(parts) => parts.iter().for_each(|part| self.part(part)),
            other => self.guess_value(other),
        }
    }

    fn part(&mut self, part: &Value) {
        let field = |name: &str| part.get(name).unwrap_or(&Value::Null);
        match field("type").as_str() {
            Some("text") if field("text").is_string() => self.content(field("text")),
            Some("input_text" | "output_text") if field("text").is_string() => {
                self.content(field("text"));
                self.exact = false;
            }
            Some("image_url") if field("image_url").is_object() => {
                let image = field("image_url");
                self.image(image.get("url"), image.get("detail"));
            }
            Some("image_url" | "input_image") => self.image(part.get("image_url"), part.get("detail")),
            Some("input_audio") => self.media(field("input_audio"), AUDIO_BYTES_PER_TOKEN),
            Some("file" | "input_file") => self.media(part, FILE_BYTES_PER_TOKEN),
            _ => self.guess_value(part),
        }
    }

    fn image(&mut self, url: Option<&Value>, detail: Option<&Value>) {
        let url = url.and_then(Value::as_str);
        let count = image::count(self.model, url, detail.and_then(Value::as_str));
        self.add(count.tokens);
        self.exact &= count.exact;
    }

    fn media(&mut self, value: &Value, bytes_per_token: u64) {
        self.guess((value.to_string().len() as u64).div_ceil(bytes_per_token));
    }

    fn tool_call(&mut self, call: &Value) {
        let function = call.get("function").unwrap_or(call);
        let (name, arguments) = (function.get("name"), function.get("arguments"));
        match (name.and_then(Value::as_str), arguments.and_then(Value::as_str)) {
            (Some(name), Some(arguments)) => {
                self.text(name);
                self.text(arguments);
                self.guess(PER_TOOL_CALL);
            }
            _ => self.guess_value(call),
        }
    }

    /// Whether there are tools at all.
    fn tools(&mut self, tools_json: &str) -> bool {
        let Ok(Value::Array(tools)) = serde_json::from_str::<Value>(tools_json) else {
            self.guess_bytes(tools_json.len());
            return false;
        };
        if !tools.is_empty() {
            let namespace = tools::namespace(&tools);
            self.text(&namespace.text);
            self.guess(tools::AROUND_NAMESPACE);
            self.guess_bytes(namespace.unknown_bytes);
        }
        !tools.is_empty()
    }
}
