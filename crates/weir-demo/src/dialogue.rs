//! One conversation of the company with a model, in the shape of the model's provider.

use serde_json::{Value, json};

use crate::company::{Document, Scenario, Shape};

/// Something that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Turn {
    User(String),
    Model(String),
    /// The model called a tool.
    Call {
        id: String,
        name: String,
        arguments: String,
    },
    /// The tool returned.
    Result {
        id: String,
        text: String,
    },
}

/// A conversation, and with whom.
#[derive(Debug, Clone)]
pub(crate) struct Dialogue {
    pub scenario: &'static Scenario,
    pub model: &'static str,
    pub turns: Vec<Turn>,
}

/// What a model may write in one call of the demo; all scripted answers are shorter.
const OUTPUT_TOKENS_MAX: u64 = 2_048;

impl Dialogue {
    pub(crate) fn new(scenario: &'static Scenario, model: &'static str) -> Self {
        Self { scenario, model, turns: Vec::new() }
    }

    /// Whether the model is Anthropic's.
    pub(crate) fn is_anthropic(&self) -> bool {
        is_anthropic(self.model)
    }

    /// Where such requests go.
    pub(crate) fn path(&self) -> &'static str {
        if self.is_anthropic() { "/v1/messages" } else { "/v1/chat/completions" }
    }

    /// The next request of the conversation.
    pub(crate) fn body(&self) -> Vec<u8> {
        let mut body = if self.is_anthropic() { self.anthropic() } else { self.openai() };
        if self.scenario.stream {
            body["stream"] = json!(true);
        }
        body.to_string().into_bytes()
    }

    /// What the model is given to read, as the gateway keeps it, but for the handbook: it is the same in ten thousand
    /// calls of the past, where only its length counts.
    pub(crate) fn input_json(&self) -> String {
        let system = &self.scenario.system;
        if self.is_anthropic() {
            json!({"system": system, "messages": self.anthropic_messages()}).to_string()
        } else {
            Value::Array(self.openai_messages(system)).to_string()
        }
    }

    /// Everything that the model is told before the conversation begins.
    fn whole_system(&self) -> String {
        format!("{}\n\n{}", self.scenario.system, self.scenario.handbook).trim_end().to_owned()
    }

    /// The last message alone.
    pub(crate) fn last_message(&self) -> Value {
        let mut messages =
            if self.is_anthropic() { self.anthropic_messages() } else { self.openai_messages("") };
        messages.pop().unwrap_or_default()
    }

    /// The tools that are offered, as the gateway keeps them; `None` when there are none.
    pub(crate) fn tools_json(&self) -> Option<String> {
        let tools = if self.is_anthropic() { self.anthropic_tools() } else { self.openai_tools() };
        (!tools.is_empty()).then(|| Value::Array(tools).to_string())
    }

    fn openai(&self) -> Value {
        let mut body = json!({
            "model": self.model,
            "messages": self.openai_messages(&self.whole_system()),
            "max_completion_tokens": OUTPUT_TOKENS_MAX,
        });
        if !self.scenario.tools.is_empty() {
            body["tools"] = Value::Array(self.openai_tools());
        }
        if self.scenario.shape == Shape::Extract {
            body["response_format"] = json!({"type": "json_object"});
        }
        body
    }

    fn openai_messages(&self, system: &str) -> Vec<Value> {
        let system = json!({"role": "system", "content": system});
        let said = self.turns.iter().map(|turn| match turn {
            Turn::User(text) => json!({"role": "user", "content": text}),
            Turn::Model(text) => json!({"role": "assistant", "content": text}),
            Turn::Call { id, name, arguments } => json!({
                "role": "assistant",
                "content": null,
                "tool_calls": [{"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}],
            }),
            Turn::Result { id, text } => json!({"role": "tool", "tool_call_id": id, "content": text}),
        });
        std::iter::once(system).chain(said).collect()
    }

    fn openai_tools(&self) -> Vec<Value> {
        let tools = self.scenario.tools.iter().map(|tool| {
            json!({
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": parameters(&tool.arguments),
                },
            })
        });
        tools.collect()
    }

    fn anthropic(&self) -> Value {
        let cache = json!({"type": "ephemeral"});
        let mut body = json!({
            "model": self.model,
            "max_tokens": OUTPUT_TOKENS_MAX,
            "system": [{"type": "text", "text": self.whole_system(), "cache_control": cache}],
            "messages": self.anthropic_messages(),
        });
        if !self.scenario.tools.is_empty() {
            body["tools"] = Value::Array(self.anthropic_tools());
        }
        body
    }

    fn anthropic_messages(&self) -> Vec<Value> {
        let said = self.turns.iter().map(|turn| match turn {
            Turn::User(text) => json!({"role": "user", "content": text}),
            Turn::Model(text) => json!({"role": "assistant", "content": text}),
            Turn::Call { id, name, arguments } => {
                let input: Value = serde_json::from_str(arguments).unwrap_or_else(|_| json!({}));
                let call = json!({"type": "tool_use", "id": id, "name": name, "input": input});
                json!({"role": "assistant", "content": [call]})
            }
            Turn::Result { id, text } => {
                let result = json!({"type": "tool_result", "tool_use_id": id, "content": text});
                json!({"role": "user", "content": [result]})
            }
        });
        said.collect()
    }

    fn anthropic_tools(&self) -> Vec<Value> {
        let tools = self.scenario.tools.iter().map(|tool| {
            json!({
                "name": tool.name,
                "description": tool.description,
                "input_schema": parameters(&tool.arguments),
            })
        });
        tools.collect()
    }
}

/// Whether a model is Anthropic's.
pub(crate) fn is_anthropic(model: &str) -> bool {
    model.starts_with("claude")
}

/// The schema of a tool whose arguments are all strings.
fn parameters(arguments: &[String]) -> Value {
    let properties: serde_json::Map<String, Value> =
        arguments.iter().map(|name| (name.clone(), json!({"type": "string"}))).collect();
    json!({"type": "object", "properties": properties, "required": arguments})
}

/// A question with the texts that were found for it.
pub(crate) fn with_documents(question: &str, documents: &[&Document]) -> String {
    let mut text = format!("{question}\n\nContext:");
    for document in documents {
        text.extend(["\n[", &document.id, "] ", &document.text]);
    }
    text
}

/// A request for vectors.
pub(crate) fn embeddings_body(model: &str, texts: &[&str]) -> Vec<u8> {
    json!({"model": model, "input": texts, "encoding_format": "base64"}).to_string().into_bytes()
}
