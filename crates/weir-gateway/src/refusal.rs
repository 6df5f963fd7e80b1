//! What clients are told when Weir itself refuses or fails a call: one closed set, each with a stable code, the status
//! on which SDKs do the right thing, and a sentence that says what, where and what to do.
//!
//! The body has the shape of the client's own dialect, and the header `weir-error` carries the code, so that a caller can
//! tell Weir's answers from a provider's. No text repeats what a request says beyond the name of a model.

use std::time::Duration;

use http::header::{self, HeaderValue};
use http::{HeaderMap, Response};
use weir_control::budget::{Denial, LimitKind, LimitSpec, Measure};
use weir_control::trim::Tokens;
use weir_dialect::{Family, RequestError, WeirErrorKind, error_body};

use crate::headers::WEIR_ERROR;
use crate::relay::GatewayBody;

/// A call that Weir answers itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) kind: WeirErrorKind,
    /// The cause as one stable word: the header `weir-error`, `error.code`, and `error_type` of the span.
    pub(crate) code: &'static str,
    /// The cause as a sentence or two.
    pub(crate) message: String,
    /// When to come back.
    pub(crate) retry_after: Option<Duration>,
}

impl Refusal {
    fn new(kind: WeirErrorKind, code: &'static str, message: String) -> Self {
        Self { kind, code, message, retry_after: None }
    }

    pub(crate) fn method_not_allowed(method: &http::Method, path: &str, allowed: &str) -> Self {
        let message = format!("{method} is not possible on {path}; use {allowed}");
        Self::new(WeirErrorKind::MethodNotAllowed, "method_not_allowed", message)
    }

    pub(crate) fn body(error: &RequestError) -> Self {
        let code = match error {
            RequestError::NotUtf8 { .. } => "invalid_utf8",
            RequestError::NotJson { .. } => "invalid_json",
            RequestError::NotObject { .. } => "not_an_object",
        };
        Self::new(WeirErrorKind::InvalidRequest, code, error.to_string())
    }

    pub(crate) fn body_too_large(max: usize) -> Self {
        let message =
            format!("request body is over the limit of {max} bytes; send less, or files by reference");
        Self::new(WeirErrorKind::TooLarge, "body_too_large", message)
    }

    pub(crate) fn body_timeout(max_ms: u64) -> Self {
        let message = format!("request body did not arrive within {max_ms} ms");
        Self::new(WeirErrorKind::RequestTimeout, "body_timeout", message)
    }

    pub(crate) fn body_cut(cause: &hyper::Error) -> Self {
        let message = format!("request body ended early: {cause}");
        Self::new(WeirErrorKind::InvalidRequest, "body_cut", message)
    }

    pub(crate) fn content_type(got: &HeaderValue) -> Self {
        let got = String::from_utf8_lossy(got.as_bytes());
        let message = format!("content-type is {got:?}; this path takes application/json");
        Self::new(WeirErrorKind::InvalidRequest, "unsupported_content_type", message)
    }

    pub(crate) fn content_encoding(got: &HeaderValue) -> Self {
        let got = String::from_utf8_lossy(got.as_bytes());
        let message = format!(
            "content-encoding is {got:?}; send the request body uncompressed, Weir reads the model from it"
        );
        Self::new(WeirErrorKind::InvalidRequest, "unsupported_content_encoding", message)
    }

    pub(crate) fn model_missing() -> Self {
        let message = "request body has no `model`; name the model to call as a string".to_owned();
        Self::new(WeirErrorKind::InvalidRequest, "model_missing", message)
    }

    pub(crate) fn model_unknown(model: &str, configured: &str) -> Self {
        let message = format!(
            "no provider for model {model:?}: no [[routes]] entry matches it and its family has no provider; \
             configured providers: {configured}"
        );
        Self::new(WeirErrorKind::NotFound, "model_unknown", message)
    }

    pub(crate) fn no_provider(path: &str, configured: &str) -> Self {
        let message = format!("no provider for {path}; configured providers: {configured}");
        Self::new(WeirErrorKind::NotFound, "no_provider", message)
    }

    pub(crate) fn key_missing() -> Self {
        let message =
            "this Weir needs a virtual key: send `authorization: Bearer wk-…` (or `x-api-key: wk-…`); \
                       `weir key create` makes one"
                .to_owned();
        Self::new(WeirErrorKind::Authentication, "key_missing", message)
    }

    pub(crate) fn key_unknown() -> Self {
        let message = "the virtual key is not known to this Weir; `weir key list` shows all keys".to_owned();
        Self::new(WeirErrorKind::Authentication, "key_unknown", message)
    }

    pub(crate) fn key_revoked(id: &str) -> Self {
        Self::new(WeirErrorKind::Authentication, "key_revoked", format!("the virtual key {id} was revoked"))
    }

    pub(crate) fn key_expired(id: &str) -> Self {
        Self::new(WeirErrorKind::Authentication, "key_expired", format!("the virtual key {id} has expired"))
    }

    pub(crate) fn model_not_allowed(id: &str, model: &str, allowed: &str) -> Self {
        let message = format!("the virtual key {id} may not call model {model:?}; it may call: {allowed}");
        Self::new(WeirErrorKind::PermissionDenied, "model_not_allowed", message)
    }

    pub(crate) fn provider_not_allowed(id: &str, allowed: &str) -> Self {
        let message = format!(
            "the virtual key {id} may not call the providers of this request; it may call: {allowed}"
        );
        Self::new(WeirErrorKind::PermissionDenied, "provider_not_allowed", message)
    }

    pub(crate) fn throttled(monitor: &str, calls_per_minute: u32, retry_after: Duration) -> Self {
        let message =
            format!("monitor {monitor:?} lets {calls_per_minute} such calls through in a minute for now");
        let retry_after = Some(retry_after);
        Self { retry_after, ..Self::new(WeirErrorKind::RateLimited, "policy_throttle", message) }
    }

    /// A status that SDKs do not repeat: a block lasts longer than they would wait.
    pub(crate) fn blocked(monitor: &str, retry_after: Duration) -> Self {
        let seconds = retry_after.as_secs();
        let message = format!("monitor {monitor:?} blocks such calls, for {seconds} s at most");
        let retry_after = Some(retry_after);
        Self { retry_after, ..Self::new(WeirErrorKind::PermissionDenied, "policy_block", message) }
    }

    /// `has_cache` says whether one answers at all.
    pub(crate) fn not_cached(monitor: &str, retry_after: Duration, has_cache: bool) -> Self {
        let seconds = retry_after.as_secs();
        let why = if has_cache { "" } else { ": no cache is configured" };
        let message = format!(
            "monitor {monitor:?} lets such calls be answered from the cache only, for {seconds} s at most, and this one is not in \
             it{why}"
        );
        let retry_after = Some(retry_after);
        Self { retry_after, ..Self::new(WeirErrorKind::PermissionDenied, "policy_cache_only", message) }
    }

    /// A budget or rate limit that the call would pass. `reason` is what else stood in the way.
    pub(crate) fn over_limit(denial: &Denial, retry_after: Duration, reason: &str) -> Self {
        let code = match denial.limit.kind {
            LimitKind::Budget => "budget_exceeded",
            LimitKind::Rate => "rate_limited",
        };
        let name = kind_name(denial.limit.kind);
        let what_then = match (denial.limit.kind, denial.limit.measure) {
            (LimitKind::Budget, _) => "; ask for less (`max_tokens`), or have the budget raised",
            (LimitKind::Rate, Measure::Concurrent) => "; wait until one of them ends",
            (LimitKind::Rate, _) => "",
        };
        let message = format!("{name} {}{reason}{what_then}", denial.describe());
        let retry_after = Some(retry_after);
        Self { retry_after, ..Self::new(WeirErrorKind::RateLimited, code, message) }
    }

    /// What the fleet has used of a limit is not known now. SDKs try again, which can help soon.
    pub(crate) fn ledger_away(limit: &LimitSpec, retry_after: Duration) -> Self {
        let message = format!(
            "{} {:?} is shared with other gateways, and what they have used is not known for now, because Redis is away or was \
             emptied; try again, or see `redis.on_unavailable`",
            kind_name(limit.kind),
            limit.name
        );
        let retry_after = Some(retry_after);
        Self { retry_after, ..Self::new(WeirErrorKind::Overloaded, "ledger_unavailable", message) }
    }

    /// A status that SDKs do not repeat, and the code by which clients know that a prompt must be shorter.
    pub(crate) fn over_token_budget(agent: &str, tokens: Tokens, limit: u64, key: &str) -> Self {
        let about = if tokens.is_exact { "" } else { "about " };
        let message = format!(
            "the prompt has {about}{} tokens, and calls of {agent} may have {limit}; send a shorter prompt, or have \
             `agents.{key:?}.max_input_tokens` raised",
            tokens.count
        );
        Self::new(WeirErrorKind::InvalidRequest, "context_length_exceeded", message)
    }

    /// A status that SDKs do not repeat. Which rules matched is for the operator: an attacker would work around them.
    pub(crate) fn prompt_blocked() -> Self {
        let message = "the prompt was not sent: it looks like an attempt to take the model over; the span of this call says why"
            .to_owned();
        Self::new(WeirErrorKind::InvalidRequest, "prompt_blocked", message)
    }

    /// `kinds` are names such as `openai_key`, never the secrets.
    pub(crate) fn secret_in_prompt(kinds: &str) -> Self {
        let message = format!(
            "the prompt was not sent: it holds a secret ({kinds}); take it out, and have it replaced"
        );
        Self::new(WeirErrorKind::InvalidRequest, "secret_in_prompt", message)
    }

    pub(crate) fn out_of_scope(summary: &str) -> Self {
        let message = format!("{summary}; see `agents` in the configuration");
        Self::new(WeirErrorKind::PermissionDenied, "out_of_scope", message)
    }

    pub(crate) fn circuit_open(providers: &str, retry_in_ms: u64) -> Self {
        let message = format!("provider {providers} failed several calls in a row and is left alone for now");
        let retry_after = Some(Duration::from_millis(retry_in_ms));
        Self { retry_after, ..Self::new(WeirErrorKind::UpstreamUnavailable, "circuit_open", message) }
    }

    pub(crate) fn unreachable(provider: &str, cause: &str) -> Self {
        let message = format!("provider {provider:?} could not be reached: {cause}");
        Self::new(WeirErrorKind::UpstreamUnavailable, "upstream_unreachable", message)
    }

    pub(crate) fn unsendable(provider: &str, cause: &str) -> Self {
        let message = format!("the request cannot be sent to provider {provider:?}: {cause}");
        Self::new(WeirErrorKind::InvalidRequest, "unsendable", message)
    }

    pub(crate) fn upstream_invalid(provider: &str, cause: &str) -> Self {
        let message = format!("provider {provider:?} answered with something that is no answer: {cause}");
        Self::new(WeirErrorKind::UpstreamInvalid, "upstream_invalid", message)
    }

    pub(crate) fn upstream_cut(provider: &str, cause: &str) -> Self {
        let message = format!("provider {provider:?} ended its answer early: {cause}");
        Self::new(WeirErrorKind::UpstreamInvalid, "upstream_cut", message)
    }

    pub(crate) fn upstream_timeout(provider: &str, what: &str, after_ms: u64) -> Self {
        let message = format!("provider {provider:?} {what} within {after_ms} ms");
        Self::new(WeirErrorKind::UpstreamTimeout, "upstream_timeout", message)
    }

    /// The cause as spans name it: a timeout is one whoever noticed it.
    pub(crate) fn error_type(&self) -> &'static str {
        if self.kind == WeirErrorKind::UpstreamTimeout { "timeout" } else { self.code }
    }

    /// The status the client gets.
    pub(crate) fn status(&self) -> u16 {
        self.kind.status()
    }

    /// What the client gets; `headers` are added.
    pub(crate) fn response(&self, family: Family, headers: HeaderMap) -> Response<GatewayBody> {
        let (status, body) = error_body(family, self.kind, &self.message, self.code);
        let mut response = Response::new(GatewayBody::whole(body.into()));
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::BAD_GATEWAY);
        *response.headers_mut() = headers;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(WEIR_ERROR, HeaderValue::from_static(self.code));
        if let Some(pause) = self.retry_after {
            headers.insert(
                header::RETRY_AFTER,
                HeaderValue::from(pause.as_secs() + u64::from(pause.subsec_nanos() > 0)),
            );
        }
        response
    }
}

fn kind_name(kind: LimitKind) -> &'static str {
    match kind {
        LimitKind::Budget => "budget",
        LimitKind::Rate => "rate limit",
    }
}
