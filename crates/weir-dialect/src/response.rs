//! What a whole answer says.
//!
//! The answer has already gone to the client when this is read, so nothing here can hurt it: a body that is not JSON,
//! or not what was expected, yields facts that are `None`. The output is kept as the provider spelt it, by slices of
//! the body, not printed again.

use std::borrow::Cow;

use crate::anthropic::Counts;
use crate::wire::{self, List, Raw, read_list, read_raw, wire};
use crate::{Dialect, ResponseFacts, anthropic, error, openai};

wire! {
    /// The members that any dialect's answer may have.
    struct Answer<'a> {
        id: Option<Cow<'a, str>> = "id",
        model: Option<Cow<'a, str>> = "model",
        choices: List<[Choice<'a>; 1]> = "choices",
        usage: Option<Raw<'a>> = "usage",
        service_tier: Option<Cow<'a, str>> = "service_tier",
        status: Option<Cow<'a, str>> = "status",
        incomplete_details: Option<IncompleteDetails<'a>> = "incomplete_details",
        output: Option<Raw<'a>> = "output",
        tool_usage: Option<openai::ToolUsage> = "tool_usage",
        role: Option<Raw<'a>> = "role",
        content: Option<Raw<'a>> = "content",
        stop_reason: Option<Cow<'a, str>> = "stop_reason",
        error: Option<Raw<'a>> = "error",
    }
}

wire! {
    struct Choice<'a> {
        message: Option<Raw<'a>> = "message",
        text: Option<Raw<'a>> = "text",
        finish_reason: Option<Cow<'a, str>> = "finish_reason",
    }
}

wire! {
    struct IncompleteDetails<'a> {
        reason: Option<Cow<'a, str>> = "reason",
    }
}

wire! {
    /// An output item of responses or a content block of messages: the parts that are text of the model's own.
    struct Item<'a> {
        kind: Option<Cow<'a, str>> = "type",
        text: Option<Cow<'a, str>> = "text",
        thinking: Option<Cow<'a, str>> = "thinking",
        refusal: Option<Cow<'a, str>> = "refusal",
        arguments: Option<Cow<'a, str>> = "arguments",
        input: Option<Raw<'a>> = "input",
        content: Option<Raw<'a>> = "content",
        summary: Option<Raw<'a>> = "summary",
    }
}

/// Reads an answer that arrived whole, an error among them. Never fails: what cannot be read is `None`.
pub fn read_response(dialect: Dialect, body: &[u8]) -> ResponseFacts {
    let json = std::str::from_utf8(body).ok();
    let Some(answer) = json.and_then(wire::read::<Answer<'_>>) else {
        return ResponseFacts::default();
    };
    let mut facts = ResponseFacts { error: answer.error.map(error::of_raw), ..ResponseFacts::default() };
    facts.usage_detail.service_tier = answer.service_tier.as_deref().map(str::to_owned);
    match dialect {
        Dialect::OpenAiChat | Dialect::OpenAiCompletions | Dialect::OpenAiEmbeddings => {
            read_choices(answer, &mut facts);
        }
        Dialect::OpenAiResponses => read_items(answer, &mut facts),
        Dialect::AnthropicMessages => read_blocks(answer, &mut facts),
        // The count is of tokens that nobody read: it is the answer, and not the usage of the call.
        Dialect::AnthropicCountTokens if facts.error.is_none() => facts.output = json.map(str::to_owned),
        Dialect::AnthropicCountTokens => {}
    }
    facts
}

/// Reads the `response` that a responses stream ends with into what the stream has said so far.
pub(crate) fn read_final_response(response: Raw<'_>, facts: &mut ResponseFacts) {
    let answer: Answer<'_> = read_raw(response);
    facts.error = answer.error.map(error::of_raw).or(facts.error.take());
    openai::keep(&mut facts.usage_detail.service_tier, answer.service_tier.as_deref());
    let gathered_bytes = facts.output_text_bytes;
    read_items(answer, facts);
    // A response that failed states no output, though some was streamed.
    facts.output_text_bytes = facts.output_text_bytes.max(gathered_bytes);
}

fn read_choices(answer: Answer<'_>, facts: &mut ResponseFacts) {
    facts.response_id = answer.id.map(Cow::into_owned);
    facts.response_model = answer.model.map(Cow::into_owned);
    if let Some(usage) = answer.usage {
        facts.tokens = read_raw::<openai::Usage>(usage).tokens(&mut facts.usage_detail);
    }
    facts.finish_reason =
        answer.choices.items.iter().find_map(|choice| choice.finish_reason.as_deref()).map(str::to_owned);
    let mut outputs = Vec::with_capacity(answer.choices.items.len());
    for choice in &answer.choices.items {
        if let Some(message) = choice.message {
            let read: openai::Message<'_> = read_raw(message);
            facts.output_text_bytes += read.text_bytes();
            facts.tool_calls += count(read.tool_calls.items.len()) + u32::from(read.function_call.is_some());
            outputs.push(Cow::Borrowed(message.get()));
        } else if let Some(text) = choice.text {
            facts.output_text_bytes += text_bytes(text);
            outputs.push(Cow::Owned(format!(r#"{{"text":{}}}"#, text.get())));
        }
    }
    facts.output = (!outputs.is_empty()).then(|| format!("[{}]", outputs.join(",")));
}

fn read_items(answer: Answer<'_>, facts: &mut ResponseFacts) {
    openai::keep(&mut facts.response_id, answer.id.as_deref());
    openai::keep(&mut facts.response_model, answer.model.as_deref());
    if let Some(usage) = answer.usage {
        facts.tokens = read_raw::<openai::Usage>(usage).tokens(&mut facts.usage_detail);
    }
    facts.usage_detail.web_search_requests =
        answer.tool_usage.and_then(|tools| tools.web_search).and_then(|search| search.number);
    let reason = answer.incomplete_details.and_then(|details| details.reason);
    facts.finish_reason = reason.or(answer.status).map(Cow::into_owned);
    if let Some(output) = answer.output {
        (facts.output_text_bytes, facts.tool_calls) = (0, 0);
        for item in &read_list::<[Item<'_>; 4]>(output) {
            count_item(item, facts);
        }
        facts.output = Some(output.get().to_owned());
    }
}

fn read_blocks(answer: Answer<'_>, facts: &mut ResponseFacts) {
    facts.response_id = answer.id.map(Cow::into_owned);
    facts.response_model = answer.model.map(Cow::into_owned);
    facts.finish_reason = answer.stop_reason.map(Cow::into_owned);
    if let Some(usage) = answer.usage {
        let mut counts = Counts::default();
        counts.update(&read_raw::<anthropic::Usage<'_>>(usage), &mut facts.usage_detail);
        facts.tokens = counts.tokens();
    }
    if let Some(content) = answer.content {
        for block in &read_list::<[Item<'_>; 4]>(content) {
            count_item(block, facts);
        }
        let role = answer.role.map_or(r#""assistant""#, |role| role.get());
        facts.output = Some(format!(r#"[{{"role":{role},"content":{}}}]"#, content.get()));
    }
}

/// Adds the text and the calls of an output item or content block.
fn count_item(item: &Item<'_>, facts: &mut ResponseFacts) {
    let own = [&item.text, &item.thinking, &item.refusal, &item.arguments];
    facts.output_text_bytes += own.into_iter().flatten().map(|text| text.len() as u64).sum::<u64>();
    facts.output_text_bytes += item.input.map_or(0, text_bytes);
    // What a provider's own tool found is not text that the model wrote.
    let is_result = item.kind.as_deref().is_some_and(|kind| kind.ends_with("_result"));
    for part in [item.content, item.summary].into_iter().flatten().filter(|_| !is_result) {
        for inner in &read_list::<[Item<'_>; 4]>(part) {
            let texts = [&inner.text, &inner.refusal];
            facts.output_text_bytes += texts.into_iter().flatten().map(|text| text.len() as u64).sum::<u64>();
        }
    }
    facts.tool_calls += u32::from(is_client_call(item.kind.as_deref()));
}

/// Whether an item or block asks the client to run one of its tools.
pub(crate) fn is_client_call(kind: Option<&str>) -> bool {
    matches!(kind, Some("function_call" | "custom_tool_call" | "tool_use"))
}

/// Bytes of text in a JSON value: of the string it is, or of its JSON text.
fn text_bytes(json: Raw<'_>) -> u64 {
    crate::text::decode(json.get()).map_or(json.get().len(), |text| text.len()) as u64
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
