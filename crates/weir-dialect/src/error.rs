//! Errors: providers' told apart, and Weir's own in the shape that the caller's SDK knows.
//!
//! A provider's error body reaches the client unchanged; here it is only classified, so that spans of all providers
//! share one closed set of causes. Weir's own errors take statuses on which SDKs do the right thing: the `openai` and
//! `anthropic` clients retry 408, 409, 429 and everything from 500, and raise at once on the rest.

use std::borrow::Cow;

use crate::Family;
use crate::text;
use crate::wire::{self, Raw, read_raw, wire};

/// Bytes of a provider's message that are kept. Long enough for every message seen, short enough for a table.
const MESSAGE_BYTES_MAX: usize = 2_048;

/// What a provider's error means, whatever its dialect. The spelling is what spans store as `error_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Too many requests or tokens for now.
    RateLimit,
    /// The account's money or quota is used up; waiting does not help.
    Quota,
    /// No key, or a wrong one.
    Authentication,
    /// The key may not do this.
    Permission,
    /// The request is malformed or asks for something impossible.
    InvalidRequest,
    /// No such model or endpoint.
    NotFound,
    /// The request has too many bytes.
    TooLarge,
    /// The request has too many tokens for the model.
    ContextLength,
    /// A filter of the provider refused the input or the output.
    ContentFilter,
    /// The provider has no capacity for now.
    Overloaded,
    /// The provider gave up waiting.
    Timeout,
    /// The provider failed.
    ServerError,
    /// An error that says none of these.
    Unknown,
}

impl ErrorKind {
    /// The one spelling of this kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RateLimit => "rate_limit",
            Self::Quota => "quota",
            Self::Authentication => "authentication",
            Self::Permission => "permission",
            Self::InvalidRequest => "invalid_request",
            Self::NotFound => "not_found",
            Self::TooLarge => "too_large",
            Self::ContextLength => "context_length",
            Self::ContentFilter => "content_filter",
            Self::Overloaded => "overloaded",
            Self::Timeout => "timeout",
            Self::ServerError => "server_error",
            Self::Unknown => "unknown",
        }
    }

    /// The kind that a code or type of any provider stands for. `invalid_request_error` stands for none: OpenAI
    /// uses it for wrong keys and unknown models too.
    fn of_code(code: &str) -> Option<Self> {
        Some(match code {
            "context_length_exceeded" | "model_context_window_exceeded" => Self::ContextLength,
            "content_filter"
            | "content_policy_violation"
            | "image_content_policy_violation"
            | "bio_policy"
            | "misalignment_policy_violation"
            | "invalid_prompt" => Self::ContentFilter,
            "insufficient_quota" | "billing_error" | "billing_hard_limit_reached" => Self::Quota,
            "rate_limit_exceeded" | "rate_limit_error" | "REQUEST_LIMIT_EXCEEDED" => Self::RateLimit,
            "overloaded_error"
            | "engine_overloaded"
            | "server_overloaded"
            | "slow_down"
            | "TEMPORARILY_UNAVAILABLE" => Self::Overloaded,
            "invalid_api_key" | "authentication_error" | "UNAUTHENTICATED" => Self::Authentication,
            "permission_error" | "permission_denied" | "PERMISSION_DENIED" => Self::Permission,
            "not_found_error"
            | "model_not_found"
            | "DeploymentNotFound"
            | "RESOURCE_DOES_NOT_EXIST"
            | "ENDPOINT_NOT_FOUND" => Self::NotFound,
            "request_too_large" => Self::TooLarge,
            "timeout_error" | "timeout" | "vector_store_timeout" => Self::Timeout,
            "api_error" | "server_error" | "internal_error" | "internal_server_error" | "INTERNAL_ERROR" => {
                Self::ServerError
            }
            _ => return None,
        })
    }

    const fn of_status(status: u16) -> Option<Self> {
        Some(match status {
            400 | 405 | 406 | 409 | 411 | 415 | 422 => Self::InvalidRequest,
            401 => Self::Authentication,
            402 => Self::Quota,
            403 => Self::Permission,
            404 | 410 => Self::NotFound,
            408 | 504 => Self::Timeout,
            413 => Self::TooLarge,
            429 => Self::RateLimit,
            503 | 529 => Self::Overloaded,
            500..=599 => Self::ServerError,
            _ => return None,
        })
    }
}

impl std::fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// An error that a provider stated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderError {
    /// What it means.
    pub kind: ErrorKind,
    /// What the provider said, cut at two kilobytes; empty when it said nothing.
    pub message: String,
    /// The provider's own code or, where it has none, its type.
    pub code: Option<String>,
}

wire! {
    /// The bodies that errors come in: `{"error":{…}}`, and the members that some servers put at the top.
    struct ErrorBody<'a> {
        error: Option<Raw<'a>> = "error",
        message: Option<Cow<'a, str>> = "message" | "detail",
        code: Option<Raw<'a>> = "code" | "error_code",
        kind: Option<Cow<'a, str>> = "type",
    }
}

wire! {
    struct ErrorObject<'a> {
        message: Option<Cow<'a, str>> = "message",
        code: Option<Raw<'a>> = "code",
        kind: Option<Cow<'a, str>> = "type",
        details: Option<ErrorDetails<'a>> = "details",
    }
}

wire! {
    /// Anthropic's machine-readable cause.
    struct ErrorDetails<'a> {
        code: Option<Raw<'a>> = "error_code",
    }
}

/// Reads the body of an answer whose status says that it is an error. Never fails: a body that is no JSON becomes the
/// message. The shapes of all families are tried, because compatible servers mix them.
pub fn read_error(status: u16, body: &[u8]) -> ProviderError {
    let json = std::str::from_utf8(body).ok();
    if let Some(error) = json.and_then(wire::read::<ErrorBody<'_>>) {
        return of_body(Some(status), error);
    }
    let text = String::from_utf8_lossy(&body[..body.len().min(MESSAGE_BYTES_MAX)]);
    classify(Some(status), None, None, cut(text.trim()))
}

/// The error in a value of `error`, which is an object or a text.
pub(crate) fn of_raw(error: Raw<'_>) -> ProviderError {
    of_value(None, error)
}

/// The error that a `response.failed` or a stream's `error` event states in members of its own.
pub(crate) fn of_parts(code: Option<Raw<'_>>, message: Option<Cow<'_, str>>) -> ProviderError {
    classify(None, code_text(code), None, cut(&message.unwrap_or_default()))
}

fn of_body(status: Option<u16>, body: ErrorBody<'_>) -> ProviderError {
    match body.error {
        Some(error) => of_value(status, error),
        None => classify(status, code_text(body.code), body.kind, cut(&body.message.unwrap_or_default())),
    }
}

fn of_value(status: Option<u16>, error: Raw<'_>) -> ProviderError {
    if let Some(message) = text::decode(error.get()) {
        return classify(status, None, None, cut(&message));
    }
    let object: ErrorObject<'_> = read_raw(error);
    let code = code_text(object.code.or(object.details.and_then(|details| details.code)));
    classify(status, code, object.kind, cut(&object.message.unwrap_or_default()))
}

/// A code is a text with some servers and a number with others.
fn code_text(code: Option<Raw<'_>>) -> Option<Cow<'_, str>> {
    let json = code?.get();
    match json.as_bytes().first() {
        Some(b'{' | b'[') => None,
        _ => Some(text::decode(json).unwrap_or(Cow::Borrowed(json))),
    }
}

fn classify(
    status: Option<u16>,
    code: Option<Cow<'_, str>>,
    kind: Option<Cow<'_, str>>,
    message: String,
) -> ProviderError {
    let named = |text: &Option<Cow<'_, str>>| text.as_deref().and_then(ErrorKind::of_code);
    let numbered = || code.as_deref().and_then(|code| code.parse().ok()).and_then(ErrorKind::of_status);
    let refused = || (kind.as_deref() == Some("invalid_request_error")).then_some(ErrorKind::InvalidRequest);
    let stated = named(&code)
        .or_else(|| named(&kind))
        .or_else(|| status.and_then(ErrorKind::of_status))
        .or_else(numbered)
        .or_else(refused)
        .unwrap_or(ErrorKind::Unknown);
    let is_about_length =
        matches!(stated, ErrorKind::InvalidRequest | ErrorKind::TooLarge | ErrorKind::Unknown)
            && ["maximum context length", "context window", "prompt is too long", "context length"]
                .iter()
                .any(|words| message.contains(words));
    ProviderError {
        kind: if is_about_length { ErrorKind::ContextLength } else { stated },
        message,
        code: code.or(kind).map(Cow::into_owned),
    }
}

fn cut(message: &str) -> String {
    message[..message.floor_char_boundary(MESSAGE_BYTES_MAX)].to_owned()
}

/// Why Weir itself refuses or fails a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WeirErrorKind {
    /// The request is malformed.
    InvalidRequest,
    /// No virtual key, or an unknown one.
    Authentication,
    /// The key may not do this.
    PermissionDenied,
    /// No such path or model.
    NotFound,
    /// The path exists, but not for this method.
    MethodNotAllowed,
    /// The client took too long to send its request.
    RequestTimeout,
    /// The request has too many bytes.
    TooLarge,
    /// Too many requests for now.
    RateLimited,
    /// No provider could be reached, or its circuit is open.
    UpstreamUnavailable,
    /// The provider answered with something that is no answer.
    UpstreamInvalid,
    /// The provider did not answer in time.
    UpstreamTimeout,
    /// Weir has no capacity for now.
    Overloaded,
    /// A fault in Weir.
    Internal,
}

impl WeirErrorKind {
    /// The HTTP status: the one on which SDKs raise the right class and retry if, and only if, that can help.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidRequest => 400,
            Self::Authentication => 401,
            Self::PermissionDenied => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::RequestTimeout => 408,
            Self::TooLarge => 413,
            Self::RateLimited => 429,
            Self::Internal => 500,
            Self::UpstreamInvalid => 502,
            Self::UpstreamUnavailable | Self::Overloaded => 503,
            Self::UpstreamTimeout => 504,
        }
    }

    /// What OpenAI calls it in `error.type`.
    const fn openai_type(self) -> &'static str {
        match self {
            Self::InvalidRequest
            | Self::Authentication
            | Self::PermissionDenied
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::RequestTimeout
            | Self::TooLarge => "invalid_request_error",
            Self::RateLimited => "rate_limit_error",
            Self::UpstreamUnavailable
            | Self::UpstreamInvalid
            | Self::UpstreamTimeout
            | Self::Overloaded
            | Self::Internal => "server_error",
        }
    }

    /// What Anthropic calls it in `error.type`.
    const fn anthropic_type(self) -> &'static str {
        match self {
            Self::InvalidRequest | Self::MethodNotAllowed => "invalid_request_error",
            Self::Authentication => "authentication_error",
            Self::PermissionDenied => "permission_error",
            Self::NotFound => "not_found_error",
            Self::RequestTimeout | Self::UpstreamTimeout => "timeout_error",
            Self::TooLarge => "request_too_large",
            Self::RateLimited => "rate_limit_error",
            Self::UpstreamUnavailable | Self::Overloaded => "overloaded_error",
            Self::UpstreamInvalid | Self::Internal => "api_error",
        }
    }
}

/// Weir's own error for a client of this family: the HTTP status and the JSON body.
///
/// OpenAI: `{"error":{"message","type","param":null,"code"}}`. Anthropic: `{"type":"error","error":{"type","message",
/// "details":{"error_code"}}}`; its SDK offers `details.error_code` as `error.error_code`. `code` is Weir's own stable
/// word for the cause.
pub fn error_body(family: Family, kind: WeirErrorKind, message: &str, code: &str) -> (u16, Vec<u8>) {
    let (message, code) = (text::encode(message), text::encode(code));
    let body = match family {
        Family::OpenAi => format!(
            r#"{{"error":{{"message":{message},"type":"{}","param":null,"code":{code}}}}}"#,
            kind.openai_type()
        ),
        Family::Anthropic => format!(
            r#"{{"type":"error","error":{{"type":"{}","message":{message},"details":{{"error_code":{code}}}}}}}"#,
            kind.anthropic_type()
        ),
    };
    (kind.status(), body.into_bytes())
}
