//! Names within what a client keeps whole: the JSON of a provider's question or answer, and LangChain's record of it.
//!
//! Such JSON was never promised to be of any shape. What is not there, or is something else, is simply not found.

use std::borrow::Cow;

use serde::Deserialize;

use super::value::{text, truth};
use super::wire::Value;

/// Names within the JSON of a question or an answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Named<'a> {
    #[serde(borrow)]
    pub(crate) id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) model: Option<Cow<'a, str>>,
    pub(crate) stream: Option<bool>,
}

impl<'a> Named<'a> {
    /// What an answer names: a provider's, or the one in LangChain's record of it.
    pub(super) fn of_answer(value: &'a Value) -> Self {
        let named = Self::read(value);
        match value {
            Value::Text(text) if named.id.is_none() => LlmResult::read(text).unwrap_or(named),
            _ => named,
        }
    }

    /// What a question or a provider's own answer names.
    pub(super) fn read(value: &'a Value) -> Self {
        let map = match value {
            Value::Text(text) => return serde_json::from_str(text).unwrap_or_default(),
            Value::Map(map) => map,
            _ => return Self::default(),
        };
        let member = |name: &str| {
            map.values
                .iter()
                .find(|pair| pair.key == name)
                .and_then(|pair| pair.value.as_ref()?.value.as_ref())
        };
        Self {
            id: member("id").and_then(text),
            model: member("model").and_then(text),
            stream: member("stream").and_then(truth),
        }
    }
}

/// What LangChain keeps of an answer, as its tracers write it. A model's own fields are in `llm_output`, or, by other model
/// classes, in each message; a stream's record has no identifier.
#[derive(Deserialize)]
struct LlmResult<'a> {
    #[serde(borrow)]
    generations: Vec<Vec<Generation<'a>>>,
    #[serde(borrow, default)]
    llm_output: Option<Metadata<'a>>,
}

#[derive(Deserialize)]
struct Generation<'a> {
    #[serde(borrow, default)]
    message: Option<Message<'a>>,
}

/// A message, whose fields LangChain's serialised form has in `kwargs`.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    kwargs: Option<Fields<'a>>,
    #[serde(borrow, default)]
    response_metadata: Option<Metadata<'a>>,
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default)]
    response_metadata: Option<Metadata<'a>>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    model_name: Option<Cow<'a, str>>,
}

impl<'a> LlmResult<'a> {
    fn read(text: &'a str) -> Option<Named<'a>> {
        // Most answers are of other clients, and are not read a second time.
        if !text.contains("\"generations\"") {
            return None;
        }
        let result: Self = serde_json::from_str(text).ok()?;
        let message = || {
            let message = result.generations.into_iter().next()?.into_iter().next()?.message?;
            message.kwargs.and_then(|fields| fields.response_metadata).or(message.response_metadata)
        };
        let said = result.llm_output.filter(|said| said.id.is_some()).or_else(message)?;
        Some(Named { id: said.id, model: said.model_name, stream: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> (Option<String>, Option<String>) {
        let value = Value::Text(text.to_owned());
        let named = Named::of_answer(&value);
        (named.id.map(Cow::into_owned), named.model.map(Cow::into_owned))
    }

    fn some(id: &str, model: &str) -> (Option<String>, Option<String>) {
        (Some(id.to_owned()), Some(model.to_owned()))
    }

    #[test]
    fn an_answer_has_its_own_names() {
        assert_eq!(named(r#"{"id": "chatcmpl-1", "model": "gpt-4o"}"#), some("chatcmpl-1", "gpt-4o"));
        assert_eq!(named("You can."), (None, None));
    }

    #[test]
    fn langchain_has_them_with_the_answer_or_with_its_message() {
        let output = r#"{"generations": [[{"text": "hi", "message": {"kwargs": {"id": "lc_run--1"}}}]],
            "llm_output": {"model_name": "gpt-4o", "id": "chatcmpl-1", "system_fingerprint": null}, "run": null}"#;
        assert_eq!(named(output), some("chatcmpl-1", "gpt-4o"));
        let kwargs = r#"{"generations": [[{"text": "hi", "message": {"lc": 1, "kwargs": {"response_metadata":
            {"id": "msg_1", "model_name": "claude-sonnet-4-5"}}}}]], "llm_output": {}}"#;
        assert_eq!(named(kwargs), some("msg_1", "claude-sonnet-4-5"));
        let plain =
            r#"{"generations": [[{"message": {"response_metadata": {"id": "msg_1"}}}]], "llm_output": null}"#;
        assert_eq!(named(plain).0.as_deref(), Some("msg_1"));
        let stream =
            r#"{"generations": [[{"message": {"kwargs": {"id": "lc_run--1", "response_metadata": {}}}}]]}"#;
        assert_eq!(named(stream), (None, None));
        assert_eq!(named(r#"{"generations": "many"}"#), (None, None));
    }
}
