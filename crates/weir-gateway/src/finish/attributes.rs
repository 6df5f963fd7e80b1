//! What a span says beyond its fields: one JSON object, absent members left out.

use http::header::{HeaderName, USER_AGENT};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use weir_dialect::ResponseFacts;

use super::span::Cuts;
use crate::context::CallContext;

/// Bytes of a header's value that are kept.
const HEADER_BYTES_MAX: usize = 200;

/// Bytes of a schema that is kept with each call that asks for it.
const RESPONSE_FORMAT_BYTES_MAX: usize = 16 * 1024;

/// What the official SDKs say about themselves.
static SDK_LANG: HeaderName = HeaderName::from_static("x-stainless-lang");
static SDK_VERSION: HeaderName = HeaderName::from_static("x-stainless-package-version");
static SDK_RETRY_COUNT: HeaderName = HeaderName::from_static("x-stainless-retry-count");

#[derive(Serialize)]
struct Attributes<'a> {
    /// The provider's name for the request, for talking to its support.
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_request_id: Option<&'a str>,
    /// `host:port` of the provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<&'a str>,
    /// The model asked for where a route names another one than the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    routed_model: Option<&'a str>,
    /// From the call's start to the head of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_head_us: Option<u64>,
    /// Attempts after the first.
    #[serde(skip_serializing_if = "is_zero")]
    retries: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_retry_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
    /// Language and version of the official SDKs.
    #[serde(skip_serializing_if = "Option::is_none")]
    sdk: Option<Sdk<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    choices: Option<u64>,
    /// In what form the answer shall be, as the client wrote it: evaluators hold the answer against it.
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
    #[serde(skip_serializing_if = "is_zero_u32")]
    tool_calls: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'a str>,
    #[serde(skip_serializing_if = "is_zero")]
    request_bytes: usize,
    #[serde(skip_serializing_if = "is_zero_u64")]
    response_bytes: u64,
    #[serde(skip_serializing_if = "is_false")]
    input_truncated: bool,
    #[serde(skip_serializing_if = "is_false")]
    output_truncated: bool,
    #[serde(skip_serializing_if = "is_false")]
    tools_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Tags<'a>>,
}

#[derive(Serialize)]
struct Sdk<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    lang: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
}

struct Tags<'a>(&'a [(String, String)]);

impl Serialize for Tags<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// The attributes as JSON text.
pub(super) fn of_call(
    ctx: &CallContext,
    facts: &ResponseFacts,
    cuts: Cuts,
    tags: &[(String, String)],
) -> Option<String> {
    let progress = ctx.progress.borrow();
    let (answer, question) = (progress.answer.as_ref(), ctx.question.get());
    let header = |name: &HeaderName| {
        ctx.header(name).map(|value| &value[..value.floor_char_boundary(HEADER_BYTES_MAX)])
    };
    let lang = header(&SDK_LANG);
    let last = progress.attempts.last();
    let attributes = Attributes {
        upstream_request_id: answer.and_then(|answer| answer.upstream_request_id.as_ref()?.to_str().ok()),
        upstream: last.map(|attempt| ctx.provider(attempt.provider).authority()),
        routed_model: last.and_then(|attempt| attempt.model.as_deref()),
        upstream_head_us: answer.map(|answer| answer.head_us),
        retries: progress.attempts.len().saturating_sub(1),
        client_retry_count: header(&SDK_RETRY_COUNT).and_then(|count| count.parse().ok()),
        user_agent: header(&USER_AGENT),
        sdk: lang.map(|_| Sdk { lang, version: header(&SDK_VERSION) }),
        path: ctx.dialect().is_none().then(|| ctx.head.uri.path()),
        max_output_tokens: question.and_then(|question| question.max_output_tokens),
        choices: question.and_then(|question| question.choices),
        response_format: question.and_then(|question| response_format(&question.body)),
        service_tier: facts
            .usage_detail
            .service_tier
            .as_deref()
            .or(question.and_then(|question| question.service_tier.as_deref())),
        tool_calls: facts.tool_calls,
        error_code: facts.error.as_ref().and_then(|error| error.code.as_deref()),
        request_bytes: question.map_or(0, |question| question.body.len()),
        response_bytes: answer.map_or(0, |answer| answer.bytes),
        input_truncated: cuts.input,
        output_truncated: cuts.output,
        tools_truncated: cuts.tools,
        tags: (!tags.is_empty()).then_some(Tags(tags)),
    };
    serde_json::to_string(&attributes).ok()
}

/// `response_format` of chats, `text.format` of responses. Few bodies have one, and only these are read again.
fn response_format(body: &[u8]) -> Option<&RawValue> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        response_format: Option<&'a RawValue>,
        #[serde(borrow)]
        text: Option<Text<'a>>,
    }
    #[derive(Deserialize)]
    struct Text<'a> {
        #[serde(borrow)]
        format: Option<&'a RawValue>,
    }
    let has = |name: &str| memchr::memmem::find(body, name.as_bytes()).is_some();
    if !has("\"response_format\"") && !has("\"json_schema\"") {
        return None;
    }
    let body: Body<'_> = serde_json::from_slice(body).ok()?;
    let format = body.response_format.or_else(|| body.text?.format)?;
    (format.get().len() <= RESPONSE_FORMAT_BYTES_MAX).then_some(format)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
fn is_zero_u32(number: &u32) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
fn is_zero_u64(number: &u64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
fn is_false(flag: &bool) -> bool {
    !*flag
}
