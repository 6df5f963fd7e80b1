//! Errors: what providers' bodies are classified as, and what Weir's own look like.

use serde_json::Value;
use weir_dialect::{ErrorKind, Family, WeirErrorKind, error_body, read_error};

#[test]
fn providers_errors_become_one_closed_set() {
    let cases: &[(u16, &str, ErrorKind)] = &[
        (
            429,
            r#"{"error":{"message":"m","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#,
            ErrorKind::RateLimit,
        ),
        (
            429,
            r#"{"error":{"message":"m","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
            ErrorKind::Quota,
        ),
        (
            401,
            r#"{"error":{"message":"m","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
            ErrorKind::Authentication,
        ),
        (
            401,
            r#"{"error":{"message":"m","type":"invalid_request_error","param":null,"code":null}}"#,
            ErrorKind::Authentication,
        ),
        (403, r#"{"error":{"message":"m","type":"permission_error"}}"#, ErrorKind::Permission),
        (
            400,
            r#"{"error":{"message":"m","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
            ErrorKind::ContextLength,
        ),
        (
            400,
            r#"{"object":"error","message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","code":400}"#,
            ErrorKind::ContextLength,
        ),
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
            ErrorKind::ContextLength,
        ),
        (
            400,
            r#"{"error":{"code":"content_filter","message":"m","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
            ErrorKind::ContentFilter,
        ),
        (400, r#"{"error":{"message":"m","type":"invalid_request_error"}}"#, ErrorKind::InvalidRequest),
        (
            404,
            r#"{"error":{"message":"m","type":"invalid_request_error","code":"model_not_found"}}"#,
            ErrorKind::NotFound,
        ),
        (404, r#"{"error":"model 'x' not found, try pulling it first"}"#, ErrorKind::NotFound),
        (404, r#"{"error_code":"ENDPOINT_NOT_FOUND","message":"m"}"#, ErrorKind::NotFound),
        (413, r#"{"type":"error","error":{"type":"request_too_large","message":"m"}}"#, ErrorKind::TooLarge),
        (
            529,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            ErrorKind::Overloaded,
        ),
        (500, r#"{"type":"error","error":{"type":"api_error","message":"m"}}"#, ErrorKind::ServerError),
        (504, r#"{"type":"error","error":{"type":"timeout_error","message":"m"}}"#, ErrorKind::Timeout),
        (503, "<html><body>503 Service Temporarily Unavailable</body></html>", ErrorKind::Overloaded),
        (502, "", ErrorKind::ServerError),
        (422, r#"{"detail":[{"loc":["body"],"msg":"field required"}]}"#, ErrorKind::InvalidRequest),
        (418, "teapot", ErrorKind::Unknown),
    ];
    for (status, body, expected) in cases {
        assert_eq!(read_error(*status, body.as_bytes()).kind, *expected, "{status} {body}");
    }
}

#[test]
fn a_message_is_kept_and_cut_at_a_character() {
    let error = read_error(400, br#"{"error":{"message":"bad \"thing\"","code":17}}"#);
    assert_eq!((error.message.as_str(), error.code.as_deref()), ("bad \"thing\"", Some("17")));

    let long = format!(r#"{{"error":{{"message":"{}"}}}}"#, "ü".repeat(3_000));
    assert_eq!(read_error(500, long.as_bytes()).message, "ü".repeat(1_024));
    assert_eq!(read_error(500, "é".repeat(3_000).as_bytes()).message.chars().next(), Some('é'));
    assert_eq!(read_error(500, b"\xff\xfe gone").message, "\u{fffd}\u{fffd} gone");
}

#[test]
fn weirs_own_errors_wear_the_callers_shape() {
    let (status, body) =
        error_body(Family::OpenAi, WeirErrorKind::RateLimited, "slow \"down\"", "key_rate_limit");
    assert_eq!(status, 429);
    assert_eq!(
        String::from_utf8(body).unwrap(),
        r#"{"error":{"message":"slow \"down\"","type":"rate_limit_error","param":null,"code":"key_rate_limit"}}"#
    );
    let (status, body) =
        error_body(Family::Anthropic, WeirErrorKind::UpstreamTimeout, "too late", "first_byte");
    assert_eq!(status, 504);
    assert_eq!(
        String::from_utf8(body).unwrap(),
        r#"{"type":"error","error":{"type":"timeout_error","message":"too late","details":{"error_code":"first_byte"}}}"#
    );
}

/// The `openai` and `anthropic` clients retry these statuses and no others.
fn is_retried(status: u16) -> bool {
    matches!(status, 408 | 409 | 429) || status >= 500
}

#[test]
fn sdks_retry_weirs_errors_exactly_when_that_can_help() {
    use WeirErrorKind as Kind;
    let helps = [
        (Kind::InvalidRequest, false),
        (Kind::Authentication, false),
        (Kind::PermissionDenied, false),
        (Kind::NotFound, false),
        (Kind::MethodNotAllowed, false),
        (Kind::TooLarge, false),
        (Kind::RequestTimeout, true),
        (Kind::RateLimited, true),
        (Kind::UpstreamUnavailable, true),
        (Kind::UpstreamInvalid, true),
        (Kind::UpstreamTimeout, true),
        (Kind::Overloaded, true),
        (Kind::Internal, true),
    ];
    for (kind, helps) in helps {
        for family in [Family::OpenAi, Family::Anthropic] {
            let (status, body) = error_body(family, kind, "m", "c");
            assert_eq!(is_retried(status), helps, "{kind:?}");
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["error"]["message"], "m");
            assert_eq!(read_error(status, body.to_string().as_bytes()).code.as_deref(), Some("c"));
        }
    }
}
