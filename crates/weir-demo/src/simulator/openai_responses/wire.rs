//! The objects of the responses API, in the order in which the API writes their fields.

use serde::Serialize;
use serde_json::Value;

/// An object without fields.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Empty {}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Response<'a> {
    pub id: &'a str,
    pub object: &'static str,
    pub created_at: i64,
    pub status: &'static str,
    pub background: bool,
    pub error: Option<()>,
    pub incomplete_details: Option<IncompleteDetails>,
    pub instructions: Option<()>,
    pub max_output_tokens: Option<u64>,
    pub max_tool_calls: Option<u64>,
    pub model: &'a str,
    pub output: Vec<Item>,
    pub parallel_tool_calls: bool,
    pub previous_response_id: Option<()>,
    pub prompt_cache_key: Option<()>,
    pub reasoning: ReasoningSettings,
    pub safety_identifier: Option<()>,
    pub service_tier: &'static str,
    pub store: bool,
    pub temperature: f64,
    pub text: TextSettings,
    pub tool_choice: &'static str,
    pub tools: Vec<ResponseTool<'a>>,
    pub top_logprobs: u64,
    pub top_p: f64,
    pub truncation: &'static str,
    pub usage: Option<WireUsage>,
    pub user: Option<()>,
    pub metadata: Empty,
}

impl<'a> Response<'a> {
    /// A response that has just begun, with everything at the API's defaults.
    pub(super) fn new(id: &'a str, created_at: i64, model: &'a str) -> Self {
        Self {
            id,
            object: "response",
            created_at,
            status: "in_progress",
            background: false,
            error: None,
            incomplete_details: None,
            instructions: None,
            max_output_tokens: None,
            max_tool_calls: None,
            model,
            output: Vec::new(),
            parallel_tool_calls: true,
            previous_response_id: None,
            prompt_cache_key: None,
            reasoning: ReasoningSettings { effort: None, summary: None },
            safety_identifier: None,
            service_tier: "default",
            store: true,
            temperature: 1.0,
            text: TextSettings { format: TextFormat { kind: "text" }, verbosity: "medium" },
            tool_choice: "auto",
            tools: Vec::new(),
            top_logprobs: 0,
            top_p: 1.0,
            truncation: "disabled",
            usage: None,
            user: None,
            metadata: Empty {},
        }
    }
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct IncompleteDetails {
    pub reason: &'static str,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct ReasoningSettings {
    pub effort: Option<()>,
    pub summary: Option<()>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct TextSettings {
    pub format: TextFormat,
    pub verbosity: &'static str,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct TextFormat {
    #[serde(rename = "type")]
    pub kind: &'static str,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct ResponseTool<'a> {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub description: Option<()>,
    pub name: &'a str,
    pub parameters: &'a Value,
    pub strict: bool,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct WireUsage {
    pub input_tokens: u64,
    pub input_tokens_details: InputDetails,
    pub output_tokens: u64,
    pub output_tokens_details: OutputDetails,
    pub total_tokens: u64,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct InputDetails {
    pub cached_tokens: u64,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct OutputDetails {
    pub reasoning_tokens: u64,
}

/// Something the model made.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Item {
    Reasoning { id: String, summary: [(); 0] },
    Message { id: String, status: &'static str, content: Vec<Content>, role: &'static str },
    FunctionCall { id: String, status: &'static str, arguments: String, call_id: String, name: String },
}

impl Item {
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Reasoning { id, .. } | Self::Message { id, .. } | Self::FunctionCall { id, .. } => id,
        }
    }

    /// The item when it has just been added: in progress, with nothing in it.
    pub(super) fn opened(&self) -> Self {
        match self.clone() {
            Self::Message { id, role, .. } => {
                Self::Message { id, status: "in_progress", content: Vec::new(), role }
            }
            Self::FunctionCall { id, call_id, name, .. } => {
                Self::FunctionCall { id, status: "in_progress", arguments: String::new(), call_id, name }
            }
            reasoning @ Self::Reasoning { .. } => reasoning,
        }
    }
}

/// A part of a message.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Content {
    OutputText { annotations: [(); 0], logprobs: [(); 0], text: String },
    Refusal { refusal: String },
}

impl Content {
    /// The part when it has just been added.
    pub(super) fn opened(&self) -> Self {
        match self {
            Self::OutputText { .. } => {
                Self::OutputText { annotations: [], logprobs: [], text: String::new() }
            }
            Self::Refusal { .. } => Self::Refusal { refusal: String::new() },
        }
    }
}
