//! Errors as the providers word them: status, headers and body.
//!
//! Shapes and texts are those that the public APIs return. SDKs decide by status and headers whether to retry, and show
//! the message; both must look real here for a test of a gateway to mean something.

use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;

use super::identity::Identity;

/// Whose wire format a call uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    OpenAi,
    Anthropic,
}

/// A call that fails, before it is worded for one provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub status: u16,
    /// What to say; the usual words for the status when absent.
    pub message: Option<String>,
    /// Which part of the request is at fault (OpenAI).
    pub param: Option<String>,
    /// OpenAI's machine-readable cause; the usual one for the status when absent.
    pub code: Option<&'static str>,
    /// Seconds after which to try again.
    pub retry_after_s: Option<u64>,
}

impl Problem {
    /// The usual error of this status.
    pub(crate) fn of_status(status: u16) -> Self {
        Self { status, message: None, param: None, code: None, retry_after_s: None }
    }

    /// A request that makes no sense.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self { message: Some(message.into()), ..Self::of_status(400) }
    }

    /// A request without something that it must have.
    pub(crate) fn missing(family: Family, field: &str) -> Self {
        match family {
            Family::OpenAi => Self {
                param: Some(field.to_owned()),
                code: Some("missing_required_parameter"),
                ..Self::invalid(format!("Missing required parameter: '{field}'."))
            },
            Family::Anthropic => Self::invalid(format!("{field}: Field required")),
        }
    }

    /// A body that is no JSON.
    pub(crate) fn not_json(family: Family, error: &serde_json::Error) -> Self {
        match family {
            Family::OpenAi => Self::invalid(
                "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your \
                 HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid \
                 JSON. If you have trouble figuring out how to fix this, please contact us through our help center \
                 at help.openai.com.)",
            ),
            Family::Anthropic => Self::invalid(format!("The request body is not valid JSON: {error}")),
        }
    }

    /// A model that the provider does not have.
    pub(crate) fn unknown_model(family: Family, model: &str) -> Self {
        let message = match family {
            Family::OpenAi => {
                format!("The model `{model}` does not exist or you do not have access to it.")
            }
            Family::Anthropic => format!("model: {model}"),
        };
        Self { message: Some(message), code: Some("model_not_found"), ..Self::of_status(404) }
    }

    /// A key that is not valid, worded as the provider does: with its ends.
    pub(crate) fn wrong_key(family: Family, key: &str) -> Self {
        match family {
            Family::OpenAi => {
                let shown = |range: Option<&str>| range.unwrap_or_default().to_owned();
                let ends =
                    (shown(key.get(..8)), shown(key.len().checked_sub(4).and_then(|at| key.get(at..))));
                Self {
                    message: Some(format!(
                        "Incorrect API key provided: {}********{}. You can find your API key at \
                         https://platform.openai.com/account/api-keys.",
                        ends.0, ends.1
                    )),
                    code: Some("invalid_api_key"),
                    ..Self::of_status(401)
                }
            }
            Family::Anthropic => {
                Self { message: Some("invalid x-api-key".to_owned()), ..Self::of_status(401) }
            }
        }
    }

    /// The status as HTTP knows it.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The headers that only errors carry.
    pub(crate) fn add_headers(&self, family: Family, headers: &mut HeaderMap) {
        if let Some(seconds) = self.retry_after_s {
            headers.insert(http::header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if family == Family::Anthropic {
            let retry = matches!(self.status, 408 | 409 | 429) || self.status >= 500;
            headers.insert("x-should-retry", HeaderValue::from_static(if retry { "true" } else { "false" }));
        }
    }

    /// The body in the family's shape.
    pub(crate) fn body(&self, family: Family, model: &str, identity: &Identity, request_id: &str) -> Vec<u8> {
        match family {
            Family::OpenAi => json(&OpenAiBody { error: self.openai(model, identity) }),
            Family::Anthropic => json(&self.anthropic(request_id)),
        }
    }

    fn openai(&self, model: &str, identity: &Identity) -> OpenAiError<'_> {
        let (kind, code, usual) = openai_words(self.status, model, identity);
        OpenAiError {
            message: self.message.clone().unwrap_or(usual),
            kind,
            param: self.param.as_deref(),
            code: self.code.or(code),
        }
    }

    fn anthropic<'a>(&'a self, request_id: &'a str) -> AnthropicBody<'a> {
        let (kind, usual) = anthropic_words(self.status);
        let message = self.message.as_deref().unwrap_or(usual);
        AnthropicBody { kind: "error", error: AnthropicError { kind, message }, request_id }
    }
}

#[derive(Serialize)]
struct OpenAiBody<'a> {
    error: OpenAiError<'a>,
}

#[derive(Serialize)]
struct OpenAiError<'a> {
    message: String,
    #[serde(rename = "type")]
    kind: &'static str,
    param: Option<&'a str>,
    code: Option<&'static str>,
}

#[derive(Serialize)]
struct AnthropicBody<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    error: AnthropicError<'a>,
    request_id: &'a str,
}

#[derive(Serialize)]
struct AnthropicError<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: &'a str,
}

/// OpenAI's type, code and words for a status.
fn openai_words(
    status: u16,
    model: &str,
    identity: &Identity,
) -> (&'static str, Option<&'static str>, String) {
    const INVALID: &str = "invalid_request_error";
    match status {
        401 => (
            INVALID,
            Some("invalid_api_key"),
            "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer \
             auth (i.e. Authorization: Bearer YOUR_KEY). You can obtain an API key from \
             https://platform.openai.com/account/api-keys."
                .to_owned(),
        ),
        403 => (
            "request_forbidden",
            Some("unsupported_country_region_territory"),
            "Country, region, or territory not supported".to_owned(),
        ),
        404 => (INVALID, Some("not_found"), "The requested resource was not found.".to_owned()),
        408 => ("timeout", Some("request_timeout"), "Request timed out.".to_owned()),
        409 => (INVALID, Some("conflict"), "The resource was changed by another request.".to_owned()),
        413 => (INVALID, Some("request_too_large"), "The request body is too large.".to_owned()),
        422 => (INVALID, Some("unprocessable_entity"), "The request could not be processed.".to_owned()),
        429 => ("tokens", Some("rate_limit_exceeded"), rate_limit_words(model, identity.clone())),
        503 => (
            "server_error",
            Some("service_unavailable"),
            "The engine is currently overloaded, please try again later.".to_owned(),
        ),
        400..=499 => (INVALID, None, "The request is not valid.".to_owned()),
        _ => (
            "server_error",
            None,
            "The server had an error while processing your request. Sorry about that!".to_owned(),
        ),
    }
}

fn rate_limit_words(model: &str, mut identity: Identity) -> String {
    let organization = identity.alphanumeric("org-", 24);
    let used = identity.rng.u32(26_000..30_000);
    let requested = identity.rng.u32(4_000..9_000);
    let wait_s = f64::from(used + requested - 30_000) / 500.0;
    format!(
        "Rate limit reached for {model} in organization {organization} on tokens per min (TPM): Limit 30000, Used \
         {used}, Requested {requested}. Please try again in {wait_s:.3}s. Visit \
         https://platform.openai.com/account/rate-limits to learn more."
    )
}

/// Anthropic's type and words for a status.
fn anthropic_words(status: u16) -> (&'static str, &'static str) {
    match status {
        401 => ("authentication_error", "x-api-key header is required"),
        403 => ("permission_error", "Your API key does not have permission to use the specified resource."),
        404 => ("not_found_error", "The requested resource could not be found."),
        408 | 504 => ("timeout_error", "The request timed out."),
        413 => ("request_too_large", "Request exceeds the maximum allowed number of bytes."),
        429 => (
            "rate_limit_error",
            "This request would exceed your organization's rate limit of 40,000 input tokens per minute. For details, \
             refer to: https://docs.claude.com/en/api/rate-limits.",
        ),
        529 => ("overloaded_error", "Overloaded"),
        400..=499 => ("invalid_request_error", "The request is not valid."),
        _ => ("api_error", "Internal server error"),
    }
}

fn json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("plain structs of strings always serialise")
}

#[cfg(test)]
mod tests {
    use super::super::identity::Identities;
    use super::*;

    fn worded(problem: &Problem, family: Family) -> String {
        let identity = Identities::new(1).next(Some(1), "gpt-4o");
        String::from_utf8(problem.body(family, "gpt-4o", &identity, "req_1")).unwrap()
    }

    #[test]
    fn each_provider_words_errors_in_its_own_shape() {
        insta::assert_snapshot!(worded(&Problem::unknown_model(Family::OpenAi, "gpt-x"), Family::OpenAi), @r#"{"error":{"message":"The model `gpt-x` does not exist or you do not have access to it.","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#);
        insta::assert_snapshot!(worded(&Problem::wrong_key(Family::OpenAi, "sk-invalid-1234567890"), Family::OpenAi), @r#"{"error":{"message":"Incorrect API key provided: sk-inval********7890. You can find your API key at https://platform.openai.com/account/api-keys.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#);
        insta::assert_snapshot!(worded(&Problem::of_status(529), Family::Anthropic), @r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}"#);
    }
}
