//! Which wire format a request speaks, told from its path.
//!
//! Clients reach Weir under many prefixes (`/v1`, `/openai/v1`, Azure's deployments, Databricks' endpoints), so a
//! dialect is recognised by how the path ends. A path that ends like none of them has no dialect and is passed through
//! unread.

use weir_types::SpanKind;

/// A wire format of one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `POST /v1/chat/completions`, also Azure's deployments and Databricks' invocations.
    OpenAiChat,
    /// `POST /v1/completions`, the legacy text completion.
    OpenAiCompletions,
    /// `POST /v1/responses`.
    OpenAiResponses,
    /// `POST /v1/embeddings`.
    OpenAiEmbeddings,
    /// `POST /v1/messages`.
    AnthropicMessages,
    /// `POST /v1/messages/count_tokens`.
    AnthropicCountTokens,
}

/// Whose shapes errors and streams have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// OpenAI and everything that is compatible with it.
    OpenAi,
    /// Anthropic.
    Anthropic,
}

impl Dialect {
    /// Every dialect, in the order of declaration.
    pub const ALL: &'static [Self] = &[
        Self::OpenAiChat,
        Self::OpenAiCompletions,
        Self::OpenAiResponses,
        Self::OpenAiEmbeddings,
        Self::AnthropicMessages,
        Self::AnthropicCountTokens,
    ];

    /// The dialect of a path, with or without a prefix, a query or a trailing slash. `None` for every other path,
    /// among them those that only look alike, such as `/v1/threads/t/messages` or `/v1/responses/resp_1`.
    pub fn of_path(path: &str) -> Option<Self> {
        let path = path.split(['?', '#']).next().unwrap_or(path);
        let mut segments = path.trim_end_matches('/').rsplit('/');
        let last = segments.next()?;
        let parent = segments.next();
        match (parent, last) {
            (Some("chat"), "completions") => Some(Self::OpenAiChat),
            (Some(_), "completions") => Some(Self::OpenAiCompletions),
            (Some(_), "responses") => Some(Self::OpenAiResponses),
            (Some(_), "embeddings") => Some(Self::OpenAiEmbeddings),
            (Some("v1"), "messages") => Some(Self::AnthropicMessages),
            (Some("messages"), "count_tokens") if segments.next() == Some("v1") => {
                Some(Self::AnthropicCountTokens)
            }
            (Some(_), "invocations") if segments.next() == Some("serving-endpoints") => {
                Some(Self::OpenAiChat)
            }
            _ => None,
        }
    }

    /// Whose shapes errors and streams have.
    pub const fn family(self) -> Family {
        match self {
            Self::OpenAiChat | Self::OpenAiCompletions | Self::OpenAiResponses | Self::OpenAiEmbeddings => {
                Family::OpenAi
            }
            Self::AnthropicMessages | Self::AnthropicCountTokens => Family::Anthropic,
        }
    }

    /// What kind of span a call is. Counting tokens runs no model, so it is not counted as a model call.
    pub const fn span_kind(self) -> SpanKind {
        match self {
            Self::OpenAiChat | Self::OpenAiCompletions | Self::OpenAiResponses | Self::AnthropicMessages => {
                SpanKind::Llm
            }
            Self::OpenAiEmbeddings => SpanKind::Embedding,
            Self::AnthropicCountTokens => SpanKind::Other,
        }
    }

    /// The operation as OpenTelemetry GenAI spells it (`count_tokens` has no spelling there and keeps its own).
    pub const fn operation(self) -> &'static str {
        match self {
            Self::OpenAiChat | Self::OpenAiResponses | Self::AnthropicMessages => "chat",
            Self::OpenAiCompletions => "text_completion",
            Self::OpenAiEmbeddings => "embeddings",
            Self::AnthropicCountTokens => "count_tokens",
        }
    }

    /// Whether a stream of this dialect states its usage only when `stream_options.include_usage` asks for it.
    pub const fn has_stream_options(self) -> bool {
        matches!(self, Self::OpenAiChat | Self::OpenAiCompletions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialect_is_known_by_how_its_path_ends() {
        let cases: &[(&str, Option<Dialect>)] = &[
            ("/v1/chat/completions", Some(Dialect::OpenAiChat)),
            ("/chat/completions/", Some(Dialect::OpenAiChat)),
            ("/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21", Some(Dialect::OpenAiChat)),
            ("/serving-endpoints/chat/completions", Some(Dialect::OpenAiChat)),
            ("/serving-endpoints/my-model/invocations", Some(Dialect::OpenAiChat)),
            ("/other/my-model/invocations", None),
            ("/v1/completions", Some(Dialect::OpenAiCompletions)),
            ("/v1/responses", Some(Dialect::OpenAiResponses)),
            ("/openai/v1/responses?api-version=preview", Some(Dialect::OpenAiResponses)),
            ("/v1/responses/resp_123", None),
            ("/v1/embeddings", Some(Dialect::OpenAiEmbeddings)),
            ("/v1/messages", Some(Dialect::AnthropicMessages)),
            ("/anthropic/v1/messages", Some(Dialect::AnthropicMessages)),
            ("/v1/messages/count_tokens", Some(Dialect::AnthropicCountTokens)),
            ("/v1/messages/batches", None),
            ("/v1/threads/thread_1/messages", None),
            ("/v1/models", None),
            ("completions", None),
            ("", None),
            ("/", None),
        ];
        for (path, expected) in cases {
            assert_eq!(Dialect::of_path(path), *expected, "{path}");
        }
    }

    #[test]
    fn counting_tokens_is_not_a_model_call() {
        assert!(!Dialect::AnthropicCountTokens.span_kind().is_model_call());
        assert!(Dialect::OpenAiEmbeddings.span_kind().is_model_call());
    }
}
