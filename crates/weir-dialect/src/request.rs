//! What a request says, read in one borrowed pass.
//!
//! Only the few fields that routing, attribution, limits and prices need are decoded; messages, tools and everything
//! else are skipped over as text, so that the cost is that of a scan whatever the size of the conversation.
//!
//! Failure: only a body that is not one JSON object in UTF-8 is an error, and that error says where. Fields of the
//! wrong type read as absent; the provider is the one to complain about them.

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::wire::{self, Raw, WireObject, wire};
use crate::{Dialect, Family, text};

/// Pairs of `metadata` that are read. OpenAI allows 16; the limit keeps a hostile body from growing lists.
const METADATA_PAIRS_MAX: usize = 64;

/// Why a request body could not be read. Never carries what the body says.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RequestError {
    /// The body is not UTF-8.
    #[error("request body is not UTF-8: invalid byte at offset {offset}")]
    NotUtf8 {
        /// Where the first invalid byte is.
        offset: usize,
    },
    /// The body is not JSON.
    #[error("request body is not valid JSON at offset {offset}: {reason}")]
    NotJson {
        /// Where reading stopped.
        offset: usize,
        /// What was expected there.
        reason: String,
    },
    /// The body is JSON, but not an object.
    #[error("request body is not a JSON object: expected `{{` at offset {offset}")]
    NotObject {
        /// Where the object should begin.
        offset: usize,
    },
}

/// What a request says. Borrowed from the body wherever a string holds no escapes.
#[derive(Clone, PartialEq, Default)]
pub struct RequestFacts<'a> {
    /// The model asked for.
    pub model: Option<Cow<'a, str>>,
    /// Whether the answer shall be a stream.
    pub stream: bool,
    /// Whether the client asked for usage in the stream (`stream_options.include_usage`).
    pub include_usage: bool,
    /// The client's bound on output tokens, whatever the dialect calls it.
    pub max_output_tokens: Option<u64>,
    /// How many answers the client wants (`n`).
    pub choices: Option<u64>,
    /// The end user: `user`, or Anthropic's `metadata.user_id`.
    pub user: Option<Cow<'a, str>>,
    /// OpenAI's `safety_identifier`.
    pub safety_identifier: Option<Cow<'a, str>>,
    /// The tier asked for.
    pub service_tier: Option<Cow<'a, str>>,
    /// Pairs of `metadata` whose value is a string.
    pub metadata: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// `metadata.tags` where it is an array of strings, as LiteLLM's clients send.
    pub metadata_tags: Vec<Cow<'a, str>>,
    /// JSON text of the messages, the input or the prompt.
    pub input: Option<&'a str>,
    /// JSON text of the instructions where the dialect keeps them apart (`system`, `instructions`).
    pub instructions: Option<&'a str>,
    /// JSON text of the tools offered.
    pub tools: Option<&'a str>,
}

impl<'a> RequestFacts<'a> {
    /// Everything the model is asked to read, as one JSON text: the input alone, or an object that holds the
    /// instructions beside it (`{"system":…,"messages":…}`, `{"instructions":…,"input":…}`).
    pub fn input_json(&self, dialect: Dialect) -> Option<Cow<'a, str>> {
        let (Some(instructions), Some(input)) = (self.instructions, self.input) else {
            return self.input.or(self.instructions).map(Cow::Borrowed);
        };
        let (instructions_name, input_name) = match dialect {
            Dialect::OpenAiResponses => ("instructions", "input"),
            _ => ("system", "messages"),
        };
        Some(Cow::Owned(format!(r#"{{"{instructions_name}":{instructions},"{input_name}":{input}}}"#)))
    }
}

/// Shows everything but what users said.
impl fmt::Debug for RequestFacts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestFacts")
            .field("model", &self.model)
            .field("stream", &self.stream)
            .field("include_usage", &self.include_usage)
            .field("max_output_tokens", &self.max_output_tokens)
            .field("choices", &self.choices)
            .field("user", &self.user)
            .field("safety_identifier", &self.safety_identifier)
            .field("service_tier", &self.service_tier)
            .field("metadata", &self.metadata)
            .field("metadata_tags", &self.metadata_tags)
            .field("input_bytes", &self.input.map(str::len))
            .field("instructions_bytes", &self.instructions.map(str::len))
            .field("tools_bytes", &self.tools.map(str::len))
            .finish()
    }
}

wire! {
    struct Request<'a> {
        model: Option<Cow<'a, str>> = "model",
        stream: bool = "stream",
        stream_options: Option<StreamOptions> = "stream_options",
        max_tokens: Option<u64> = "max_tokens",
        max_completion_tokens: Option<u64> = "max_completion_tokens",
        max_output_tokens: Option<u64> = "max_output_tokens",
        n: Option<u64> = "n",
        user: Option<Cow<'a, str>> = "user",
        safety_identifier: Option<Cow<'a, str>> = "safety_identifier",
        service_tier: Option<Cow<'a, str>> = "service_tier",
        metadata: Option<Metadata<'a>> = "metadata",
        messages: Option<Raw<'a>> = "messages",
        input: Option<Raw<'a>> = "input",
        prompt: Option<Raw<'a>> = "prompt",
        system: Option<Raw<'a>> = "system",
        instructions: Option<Raw<'a>> = "instructions",
        tools: Option<Raw<'a>> = "tools",
        functions: Option<Raw<'a>> = "functions",
    }
}

wire! {
    struct StreamOptions {
        include_usage: bool = "include_usage",
    }
}

/// `metadata`: whatever names the client chose.
#[derive(Default)]
struct Metadata<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    tags: Vec<Cow<'a, str>>,
}

impl<'de: 'a, 'a> WireObject<'de> for Metadata<'a> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        if self.pairs.len() >= METADATA_PAIRS_MAX {
            map.next_value::<IgnoredAny>()?;
            return Ok(());
        }
        let value = map.next_value::<Raw<'de>>()?.get();
        self.pairs.retain(|(known, _)| known != name);
        if let Some(value) = text::decode(value) {
            self.pairs.push((Cow::Owned(name.to_owned()), value));
        } else if name == "tags" {
            let tags: Vec<Raw<'de>> = serde_json::from_str(value).unwrap_or_default();
            self.tags =
                tags.iter().take(METADATA_PAIRS_MAX).filter_map(|tag| text::decode(tag.get())).collect();
        }
        Ok(())
    }
}

/// Reads a request body.
pub fn read_request(dialect: Dialect, body: &[u8]) -> Result<RequestFacts<'_>, RequestError> {
    let json = json_object(body)?;
    let mut request = Request::default();
    wire::fill(json, &mut request).map_err(|error| not_json(json, &error))?;
    Ok(facts(dialect, request))
}

/// The body as text, known to begin like an object.
pub(crate) fn json_object(body: &[u8]) -> Result<&str, RequestError> {
    let json =
        std::str::from_utf8(body).map_err(|error| RequestError::NotUtf8 { offset: error.valid_up_to() })?;
    let offset = json.find(|c: char| !c.is_ascii_whitespace()).unwrap_or(json.len());
    if json[offset..].starts_with('{') { Ok(json) } else { Err(RequestError::NotObject { offset }) }
}

/// Says where and why, without the text around it.
pub(crate) fn not_json(json: &str, error: &serde_json::Error) -> RequestError {
    let line_start = match error.line() {
        0 | 1 => 0,
        line => memchr::memchr_iter(b'\n', json.as_bytes()).nth(line - 2).map_or(0, |newline| newline + 1),
    };
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or(&text).to_owned();
    let offset = if error.is_eof() { json.len() } else { line_start + error.column().saturating_sub(1) };
    RequestError::NotJson { offset, reason }
}

fn facts(dialect: Dialect, request: Request<'_>) -> RequestFacts<'_> {
    let metadata = request.metadata.unwrap_or_default();
    let (input, instructions, max_output_tokens) = match dialect {
        Dialect::OpenAiChat => (request.messages, None, request.max_completion_tokens.or(request.max_tokens)),
        Dialect::OpenAiCompletions => (request.prompt, None, request.max_tokens),
        Dialect::OpenAiResponses => (request.input, request.instructions, request.max_output_tokens),
        Dialect::OpenAiEmbeddings => (request.input, None, None),
        Dialect::AnthropicMessages | Dialect::AnthropicCountTokens => {
            (request.messages, request.system, request.max_tokens)
        }
    };
    let user = request.user.or_else(|| {
        let named = metadata.pairs.iter().find(|(name, _)| name == "user_id");
        named.filter(|_| dialect.family() == Family::Anthropic).map(|(_, user)| user.clone())
    });
    RequestFacts {
        model: request.model,
        stream: request.stream,
        include_usage: request.stream_options.is_some_and(|options| options.include_usage),
        max_output_tokens,
        choices: request.n,
        user,
        safety_identifier: request.safety_identifier,
        service_tier: request.service_tier,
        metadata: metadata.pairs,
        metadata_tags: metadata.tags,
        input: input.map(RawValue::get),
        instructions: instructions.map(RawValue::get),
        tools: request.tools.or(request.functions).map(RawValue::get),
    }
}
