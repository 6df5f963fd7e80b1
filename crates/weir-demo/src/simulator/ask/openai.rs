//! Reads OpenAI's chat completions, legacy completions and responses.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Ask, CHOICES_MAX, Format, Reading, Tool, ToolChoice, message_overhead_tokens, parse, text_of};
use crate::simulator::problem::{Family, Problem};

#[derive(Deserialize)]
struct ChatBody<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    messages: Option<&'a RawValue>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    n: Option<usize>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    #[serde(borrow)]
    tools: Option<&'a RawValue>,
    tool_choice: Option<Value>,
    response_format: Option<Value>,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

pub(super) fn read_chat(body: &[u8], path_model: Option<&str>) -> Result<Ask, Problem> {
    let body: ChatBody<'_> = parse(Family::OpenAi, body)?;
    let model = model(body.model.as_ref(), path_model)?;
    let raw_messages = body.messages.ok_or_else(|| Problem::missing(Family::OpenAi, "messages"))?;
    let messages = messages(raw_messages)?;
    let (question, tool_results) = last_turn(&messages).ok_or_else(empty_messages)?;
    let tools: Vec<Value> = match body.tools {
        Some(tools) => parse(Family::OpenAi, tools.get().as_bytes())?,
        None => Vec::new(),
    };
    Ok(Ask {
        format: Format::Chat,
        model,
        stream: body.stream.unwrap_or(false),
        include_usage: body.stream_options.is_some_and(|options| options.include_usage),
        choices: choices(body.n)?,
        output_tokens_max: body.max_completion_tokens.or(body.max_tokens),
        tools: tools.iter().filter_map(|tool| read_tool(tool.get("function")?)).collect(),
        tool_choice: tool_choice(body.tool_choice.as_ref()),
        schema: body.response_format.as_ref().and_then(chat_schema),
        question,
        tool_results,
        cacheable: true,
        reading: Reading::Chat {
            messages: raw_messages.get().to_owned(),
            tools: body.tools.map(|tools| tools.get().to_owned()),
        },
    })
}

fn messages(raw: &RawValue) -> Result<Vec<Value>, Problem> {
    let messages: Vec<Value> = parse(Family::OpenAi, raw.get().as_bytes())?;
    match messages.iter().position(|message| message.get("role").and_then(Value::as_str).is_none()) {
        Some(at) => Err(Problem::missing(Family::OpenAi, &format!("messages[{at}].role"))),
        None => Ok(messages),
    }
}

/// What the user said last, and how many results of tools came after it; `None` when there are no messages.
fn last_turn(messages: &[Value]) -> Option<(String, usize)> {
    let role = |message: &Value| message.get("role").and_then(Value::as_str).map(str::to_owned);
    let tool_results = messages
        .iter()
        .rev()
        .take_while(|message| role(message).as_deref() != Some("user"))
        .filter(|message| role(message).as_deref() == Some("tool"))
        .count();
    let asked =
        messages.iter().rev().find(|message| role(message).as_deref() == Some("user")).or(messages.last())?;
    Some((text_of(asked.get("content").unwrap_or(&Value::Null)), tool_results))
}

fn empty_messages() -> Problem {
    Problem {
        param: Some("messages".to_owned()),
        code: Some("empty_array"),
        ..Problem::invalid(
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
        )
    }
}

#[derive(Deserialize)]
struct CompletionsBody<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    prompt: Option<Value>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    n: Option<usize>,
    max_tokens: Option<u64>,
}

/// What the legacy endpoint takes when nothing is said.
const COMPLETIONS_MAX_TOKENS: u64 = 16;

pub(super) fn read_completions(body: &[u8], path_model: Option<&str>) -> Result<Ask, Problem> {
    let body: CompletionsBody<'_> = parse(Family::OpenAi, body)?;
    let model = model(body.model.as_ref(), path_model)?;
    let (texts, overhead_tokens) = prompts(body.prompt.as_ref());
    let choices = choices(body.n)? * texts.len().max(1);
    Ok(Ask {
        format: Format::Completions,
        model,
        stream: body.stream.unwrap_or(false),
        include_usage: body.stream_options.is_some_and(|options| options.include_usage),
        choices: choices.min(CHOICES_MAX),
        output_tokens_max: Some(body.max_tokens.unwrap_or(COMPLETIONS_MAX_TOKENS)),
        tools: Vec::new(),
        tool_choice: ToolChoice::None,
        schema: None,
        question: texts.first().cloned().unwrap_or_default(),
        tool_results: 0,
        cacheable: false,
        reading: Reading::Texts { texts, overhead_tokens },
    })
}

/// The prompts as texts; those that came as tokens are counted instead.
pub(crate) fn prompts(prompt: Option<&Value>) -> (Vec<String>, u64) {
    match prompt {
        Some(Value::String(text)) => (vec![text.clone()], 0),
        Some(Value::Array(items)) => {
            let texts: Vec<String> = items.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            let tokens: usize = items
                .iter()
                .map(|item| match item {
                    Value::Array(tokens) => tokens.len(),
                    Value::Number(_) => 1,
                    _ => 0,
                })
                .sum();
            (texts, tokens as u64)
        }
        _ => (vec![String::new()], 1),
    }
}

#[derive(Deserialize)]
struct ResponsesBody<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    input: Option<Value>,
    instructions: Option<String>,
    stream: Option<bool>,
    max_output_tokens: Option<u64>,
    tools: Option<Vec<Value>>,
    tool_choice: Option<Value>,
    text: Option<Value>,
}

pub(super) fn read_responses(body: &[u8], path_model: Option<&str>) -> Result<Ask, Problem> {
    let body: ResponsesBody<'_> = parse(Family::OpenAi, body)?;
    let model = model(body.model.as_ref(), path_model)?;
    let input = body.input.ok_or_else(|| Problem::missing(Family::OpenAi, "input"))?;
    let (mut texts, question, tool_results) = read_input(&input);
    texts.extend(body.instructions);
    let overhead_tokens = message_overhead_tokens(texts.len());
    let tools = body.tools.unwrap_or_default();
    texts.extend(tools.iter().map(Value::to_string));
    Ok(Ask {
        format: Format::Responses,
        model,
        stream: body.stream.unwrap_or(false),
        include_usage: true,
        choices: 1,
        output_tokens_max: body.max_output_tokens,
        tools: tools.iter().filter_map(read_tool).collect(),
        tool_choice: tool_choice(body.tool_choice.as_ref()),
        schema: body.text.as_ref().and_then(responses_schema),
        question,
        tool_results,
        cacheable: true,
        reading: Reading::Texts { texts, overhead_tokens },
    })
}

/// The texts of a response's input, what the user said last, and how many results of tools came after it.
fn read_input(input: &Value) -> (Vec<String>, String, usize) {
    let items = match input {
        Value::Array(items) => items.as_slice(),
        text => return (vec![text_of(text)], text_of(text), 0),
    };
    let text =
        |item: &Value| text_of(item.get("content").or_else(|| item.get("output")).unwrap_or(&Value::Null));
    let is_user = |item: &&Value| item.get("role").and_then(Value::as_str) == Some("user");
    let is_result = |item: &&Value| item.get("type").and_then(Value::as_str) == Some("function_call_output");
    let question = items.iter().rev().find(is_user).or(items.last()).map(text).unwrap_or_default();
    let tool_results = items.iter().rev().take_while(|item| !is_user(item)).filter(is_result).count();
    (items.iter().map(text).collect(), question, tool_results)
}

fn model(asked: Option<&Cow<'_, str>>, path_model: Option<&str>) -> Result<String, Problem> {
    match asked.map(AsRef::<str>::as_ref).filter(|name| !name.is_empty()).or(path_model) {
        Some(name) => Ok(name.to_owned()),
        None => Err(Problem::invalid("you must provide a model parameter")),
    }
}

fn choices(n: Option<usize>) -> Result<usize, Problem> {
    match n.unwrap_or(1) {
        n @ 1..=CHOICES_MAX => Ok(n),
        n => Err(Problem {
            param: Some("n".to_owned()),
            code: Some("integer_out_of_range"),
            ..Problem::invalid(format!("Invalid 'n': expected a value from 1 to {CHOICES_MAX}, but got {n}."))
        }),
    }
}

/// A tool; chat nests it below `function`, responses do not.
fn read_tool(tool: &Value) -> Option<Tool> {
    let name = tool.get("name")?.as_str()?.to_owned();
    Some(Tool { name, parameters: tool.get("parameters").cloned().unwrap_or_default() })
}

fn tool_choice(choice: Option<&Value>) -> ToolChoice {
    match choice {
        Some(Value::String(word)) if word == "none" => ToolChoice::None,
        Some(Value::String(word)) if word == "required" => ToolChoice::Required,
        Some(Value::Object(named)) => {
            let name =
                named.get("function").unwrap_or(&Value::Null).get("name").or_else(|| named.get("name"));
            name.and_then(Value::as_str)
                .map_or(ToolChoice::Required, |name| ToolChoice::Named(name.to_owned()))
        }
        _ => ToolChoice::Auto,
    }
}

fn chat_schema(format: &Value) -> Option<Value> {
    match format.get("type")?.as_str()? {
        "json_schema" => format.get("json_schema")?.get("schema").cloned(),
        "json_object" => Some(Value::Bool(true)),
        _ => None,
    }
}

fn responses_schema(text: &Value) -> Option<Value> {
    let format = text.get("format")?;
    match format.get("type")?.as_str()? {
        "json_schema" => format.get("schema").cloned(),
        "json_object" => Some(Value::Bool(true)),
        _ => None,
    }
}
