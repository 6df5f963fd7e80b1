//! Reads Anthropic's messages, for an answer and for a count of tokens.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use super::{Ask, Format, Reading, Tool, ToolChoice, message_overhead_tokens, parse, text_of};
use crate::simulator::problem::{Family, Problem};

#[derive(Deserialize)]
struct MessagesBody<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    messages: Option<Vec<Value>>,
    system: Option<Value>,
    stream: Option<bool>,
    max_tokens: Option<u64>,
    tools: Option<Vec<Value>>,
    tool_choice: Option<Value>,
    output_format: Option<Value>,
    output_config: Option<Value>,
}

pub(super) fn read_messages(body: &[u8]) -> Result<Ask, Problem> {
    let body: MessagesBody<'_> = parse(Family::Anthropic, body)?;
    if body.max_tokens.is_none() {
        return Err(Problem::missing(Family::Anthropic, "max_tokens"));
    }
    read(body)
}

/// Reads a request to count tokens: the same without an answer.
pub(crate) fn read_count(body: &[u8]) -> Result<Ask, Problem> {
    read(parse(Family::Anthropic, body)?)
}

fn read(body: MessagesBody<'_>) -> Result<Ask, Problem> {
    let missing = |field| Problem::missing(Family::Anthropic, field);
    let model = body.model.ok_or_else(|| missing("model"))?.into_owned();
    let messages = body.messages.ok_or_else(|| missing("messages"))?;
    let (question, tool_results) =
        last_turn(&messages).ok_or_else(|| Problem::invalid("messages: at least one message is required"))?;
    let tools = body.tools.unwrap_or_default();
    Ok(Ask {
        format: Format::Messages,
        model,
        stream: body.stream.unwrap_or(false),
        include_usage: true,
        choices: 1,
        output_tokens_max: body.max_tokens,
        tool_choice: tool_choice(body.tool_choice.as_ref()),
        schema: schema(body.output_config.as_ref(), body.output_format.as_ref()),
        question,
        tool_results,
        cacheable: asks_for_cache(&messages, body.system.as_ref(), &tools),
        reading: reading(&messages, body.system.as_ref(), &tools),
        tools: tools.iter().filter_map(read_tool).collect(),
    })
}

fn reading(messages: &[Value], system: Option<&Value>, tools: &[Value]) -> Reading {
    let mut texts: Vec<String> = messages.iter().map(|message| content_text(&message["content"])).collect();
    texts.extend(system.map(text_of));
    let overhead_tokens = message_overhead_tokens(texts.len());
    texts.extend(tools.iter().map(Value::to_string));
    Reading::Texts { texts, overhead_tokens }
}

/// Whether any block, system text or tool is marked as the end of what to cache.
fn asks_for_cache(messages: &[Value], system: Option<&Value>, tools: &[Value]) -> bool {
    let blocks = |content: &Value| content.as_array().cloned().unwrap_or_default();
    let mut marked = messages
        .iter()
        .flat_map(|message| blocks(&message["content"]))
        .chain(system.into_iter().flat_map(blocks))
        .chain(tools.iter().cloned());
    marked.any(|block| block.get("cache_control").is_some())
}

/// The text of a message; blocks that are no text (tool calls and results) count as their JSON.
fn content_text(content: &Value) -> String {
    match content {
        Value::Array(blocks) => {
            let texts = blocks.iter().map(|block| match block.get("text").and_then(Value::as_str) {
                Some(text) => text.to_owned(),
                None => block.to_string(),
            });
            texts.collect::<Vec<_>>().join("\n")
        }
        other => text_of(other),
    }
}

/// What the user said last, and how many results of tools came after it; `None` when there are no messages.
fn last_turn(messages: &[Value]) -> Option<(String, usize)> {
    let mut tool_results = 0;
    for message in messages.iter().rev() {
        let results = count_tool_results(&message["content"]);
        if results == 0 && message["role"] == "user" {
            return Some((text_of(&message["content"]), tool_results));
        }
        tool_results += results;
    }
    messages.last().map(|message| (text_of(&message["content"]), tool_results))
}

fn count_tool_results(content: &Value) -> usize {
    let blocks = content.as_array().map_or(&[][..], Vec::as_slice);
    blocks.iter().filter(|block| block["type"] == "tool_result").count()
}

fn read_tool(tool: &Value) -> Option<Tool> {
    let name = tool.get("name")?.as_str()?.to_owned();
    Some(Tool { name, parameters: tool.get("input_schema").cloned().unwrap_or_default() })
}

fn tool_choice(choice: Option<&Value>) -> ToolChoice {
    let Some(choice) = choice else { return ToolChoice::Auto };
    match choice.get("type").and_then(Value::as_str) {
        Some("none") => ToolChoice::None,
        Some("any") => ToolChoice::Required,
        Some("tool") => match choice.get("name").and_then(Value::as_str) {
            Some(name) => ToolChoice::Named(name.to_owned()),
            None => ToolChoice::Required,
        },
        _ => ToolChoice::Auto,
    }
}

/// The schema of structured output: in `output_config.format`, or in `output_format` as the beta spelt it.
fn schema(config: Option<&Value>, format: Option<&Value>) -> Option<Value> {
    config.and_then(|config| config.get("format")).or(format)?.get("schema").cloned()
}
