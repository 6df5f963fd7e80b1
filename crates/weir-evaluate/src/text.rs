//! Texts out of what spans keep: JSON in the shapes of several dialects, or plain text.
//!
//! Contents stay in their dialect's own shape (see [`weir_types::Span::input`]), so reading them is tolerant: what has no text is
//! nothing, and never an error. What was cut at the store's limit is no JSON any more and counts as plain text.

use serde_json::{Map, Value};

/// Keys under which objects keep their text, in the order in which they are looked for.
const TEXT_KEYS: [&str; 9] =
    ["text", "content", "page_content", "pageContent", "value", "output_text", "body", "snippet", "parts"];

/// Keys under which objects keep a list of messages.
const LIST_KEYS: [&str; 6] = ["messages", "input", "inputs", "contents", "output", "choices"];

/// Keys of a question that is an object with named fields.
const QUESTION_KEYS: [&str; 6] = ["query", "question", "input", "prompt", "text", "value"];

/// What the user asked last: the query of a retrieval, the last message of the user of a call.
pub(crate) fn question(content: &str) -> Option<String> {
    let Ok(value) = serde_json::from_str::<Value>(content) else { return non_empty(content.to_owned()) };
    question_of(&value)
}

fn question_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => non_empty(text.clone()),
        Value::Array(items) => {
            let by_user = items.iter().rev().find(|item| role(item) == Some("user"));
            by_user.and_then(text_of).or_else(|| items.last().and_then(question_of))
        }
        Value::Object(fields) => {
            if let Some(text) = LIST_KEYS.iter().find_map(|key| fields.get(*key)?.as_array()) {
                return question_of(&Value::Array(text.clone()));
            }
            let named = QUESTION_KEYS.iter().find_map(|key| question_of(fields.get(*key)?));
            named.or_else(|| text_of(value))
        }
        _ => None,
    }
}

/// What the model said: the text of the last message that has one. A call that only calls tools said nothing.
pub(crate) fn answer(content: &str) -> Option<String> {
    let Ok(value) = serde_json::from_str::<Value>(content) else { return non_empty(content.to_owned()) };
    match &value {
        Value::Array(items)
            if items.iter().any(|item| role(item).is_some() || item.get("message").is_some()) =>
        {
            items.iter().rev().find_map(text_of)
        }
        Value::Object(fields) => {
            let list = LIST_KEYS.iter().find_map(|key| fields.get(*key)?.as_array());
            match list {
                Some(items) => items.iter().rev().find_map(text_of),
                None => text_of(&value),
            }
        }
        other => text_of(other),
    }
}

/// All of a content's texts, whoever said them, for evaluators that want to see everything.
pub(crate) fn everything(content: &str) -> Option<String> {
    let Ok(value) = serde_json::from_str::<Value>(content) else { return non_empty(content.to_owned()) };
    match &value {
        Value::Array(items) => conversation(items),
        Value::Object(fields) => {
            let told = ["system", "instructions"].iter().find_map(|key| text_of(fields.get(*key)?));
            let list = LIST_KEYS.iter().find_map(|key| fields.get(*key)?.as_array());
            let rest = list.map_or_else(|| question_of(&value), |items| conversation(items));
            non_empty(
                [told.map(|text| format!("system: {text}")), rest]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join("\n"),
            )
        }
        other => text_of(other),
    }
}

/// What was said, each with who said it where that is known.
fn conversation(items: &[Value]) -> Option<String> {
    let texts = items.iter().filter_map(|item| {
        let text = text_of(item)?;
        Some(role(item).map_or_else(|| text.clone(), |role| format!("{role}: {text}")))
    });
    non_empty(texts.collect::<Vec<_>>().join("\n"))
}

/// The text of a value: a string itself, parts one after the other, an object by the key that holds it.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => non_empty(text.clone()),
        Value::Array(parts) => non_empty(parts.iter().filter_map(text_of).collect::<Vec<_>>().join("\n")),
        Value::Object(fields) => text_of_object(fields),
        _ => None,
    }
}

fn text_of_object(fields: &Map<String, Value>) -> Option<String> {
    // Thoughts, calls of tools and their results are no answer.
    let kind = fields.get("type").and_then(Value::as_str).unwrap_or_default();
    if matches!(kind, "tool_call" | "tool_use" | "function_call" | "tool_result" | "thinking" | "reasoning") {
        return None;
    }
    if let Some(message) = fields.get("message") {
        return text_of(message);
    }
    TEXT_KEYS.iter().find_map(|key| text_of(fields.get(*key)?))
}

fn role(value: &Value) -> Option<&str> {
    value.get("role").and_then(Value::as_str)
}

fn non_empty(text: String) -> Option<String> {
    (!text.trim().is_empty()).then_some(text)
}

/// The words of a text in lower case: letters and digits, with what binds numbers (`3.5`, `1,200`) kept together.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let chars: Vec<char> = text.chars().collect();
    for (at, &char) in chars.iter().enumerate() {
        let digit_near =
            |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(char::is_ascii_digit);
        let binds = matches!(char, '.' | ',') && digit_near(at.checked_sub(1)) && digit_near(Some(at + 1));
        if char.is_alphanumeric() || binds || (matches!(char, '\'' | '’') && !word.is_empty()) {
            word.extend(if char == '’' { '\''.to_lowercase() } else { char.to_lowercase() });
        } else if !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    for word in &mut words {
        let bare = word.trim_end_matches('\'');
        let bare = bare.strip_suffix("'s").unwrap_or(bare).to_owned();
        *word = bare;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_and_answers_are_found_in_every_dialect() {
        let questions = [
            r#"[{"role":"system","content":"be kind"},{"role":"user","content":"when?"},{"role":"assistant","content":"x"}]"#,
            r#"[{"role":"user","content":[{"type":"text","text":"when?"},{"type":"image_url"}]}]"#,
            r#"[{"role":"user","parts":[{"type":"text","content":"when?"}]}]"#,
            r#"{"messages":[{"role":"user","content":"when?"}]}"#,
            r#"{"query":"when?","k":4}"#,
            r#""when?""#,
            "when?",
        ];
        for content in questions {
            assert_eq!(question(content).as_deref(), Some("when?"), "{content}");
        }
        let answers = [
            r#"{"role":"assistant","content":"now"}"#,
            r#"[{"role":"assistant","content":"now"}]"#,
            r#"[{"role":"assistant","content":[{"type":"thinking","text":"hm"},{"type":"text","text":"now"}]}]"#,
            r#"[{"role":"assistant","parts":[{"type":"text","content":"now"}],"finish_reason":"stop"}]"#,
            r#"{"choices":[{"message":{"role":"assistant","content":"now"}}]}"#,
            r#"{"output":[{"type":"reasoning","content":"hm"},{"type":"message","content":[{"type":"output_text","text":"now"}]}]}"#,
            r#""now""#,
            "now",
        ];
        for content in answers {
            assert_eq!(answer(content).as_deref(), Some("now"), "{content}");
        }
        assert_eq!(answer(r#"{"role":"assistant","content":null,"tool_calls":[{"id":"1"}]}"#), None);
    }

    #[test]
    fn everything_that_was_said_is_there_with_who_said_it() {
        let content = r#"{"system":"be kind","messages":[{"role":"user","content":"when?"},{"role":"tool","content":"noon"}]}"#;
        assert_eq!(everything(content).as_deref(), Some("system: be kind\nuser: when?\ntool: noon"));
        assert_eq!(
            everything(r#"{"instructions":"be kind","input":"when?"}"#).as_deref(),
            Some("system: be kind\nwhen?")
        );
    }

    #[test]
    fn numbers_stay_whole_and_marks_go() {
        assert_eq!(
            words("Weir's limit: 1,200 calls (3.5%). Don’t."),
            ["weir", "limit", "1,200", "calls", "3.5", "don't"]
        );
    }
}
