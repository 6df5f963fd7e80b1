//! The plain text in an output's JSON: what the model wrote, without the format around it.

use serde_json::Value;

/// Members that hold text of the model's own, in any dialect.
const TEXT_MEMBERS: &[&str] = &[
    "content",
    "text",
    "refusal",
    "arguments",
    "reasoning",
    "reasoning_content",
    "thinking",
    "partial_json",
];

/// Members that hold more of the same.
const NESTED_MEMBERS: &[&str] =
    &["content", "message", "tool_calls", "function", "function_call", "summary", "output"];

/// All text in an output, in order, one piece to a line. Empty when the JSON cannot be read.
pub(super) fn text(output_json: &str) -> String {
    let mut text = String::new();
    if let Ok(value) = serde_json::from_str(output_json) {
        collect(&value, &mut text);
    }
    text
}

fn collect(value: &Value, text: &mut String) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, text)),
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(piece) if TEXT_MEMBERS.contains(&name.as_str()) => {
                        if !text.is_empty() {
                            text.push('\n');
                        }
                        text.push_str(piece);
                    }
                    // The arguments of Anthropic's tool calls are JSON, not text that holds JSON.
                    Value::Object(_) if name == "input" => text.push_str(&value.to_string()),
                    value if NESTED_MEMBERS.contains(&name.as_str()) => collect(value, text),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_model_wrote_is_text() {
        let cases = [
            (r#"[{"role":"assistant","content":"Hi","refusal":null}]"#, "Hi"),
            (
                r#"[{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]}]"#,
                r#"{"a":1}"#,
            ),
            (
                r#"[{"role":"assistant","content":[{"type":"text","text":"A"},{"type":"text","text":"B"}]}]"#,
                "A\nB",
            ),
            (
                r#"[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"a":1}}]}]"#,
                r#"{"a":1}"#,
            ),
            (r#"[{"type":"message","id":"m","content":[{"type":"output_text","text":"A"}]}]"#, "A"),
            (r#"[{"text":"A"}]"#, "A"),
            ("{broken", ""),
        ];
        for (json, expected) in cases {
            assert_eq!(text(json), expected, "{json}");
        }
    }
}
