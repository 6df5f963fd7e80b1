//! OpenTelemetry over its transports: what is kept, what is refused, and what a client is told.

use std::io::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::Response;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use proptest::prelude::*;
use prost::Message as _;
use tower::ServiceExt as _;
use weir_ingest::mlflow::Known;
use weir_ingest::otlp::wire::{
    AnyValue, KeyValue, LogRecord, LogsRequest, ResourceLogs, ResourceSpans, ScopeLogs, ScopeSpans, Span,
    TraceRequest, Value,
};
use weir_ingest::otlp::{self, decode};
use weir_types::{ScoreValue, Source, SpanKind};

use crate::kept::{self, Kept, NOW};

const PROTOBUF: &str = "application/x-protobuf";
const NANOS: u64 = 1_000;

fn router() -> (Router, Arc<Kept>) {
    let (inlet, kept) = kept::inlet();
    (otlp::router(inlet, Arc::new(Known::default())), kept)
}

pub fn text(key: &str, value: &str) -> KeyValue {
    let value = AnyValue { value: Some(Value::Text(value.to_owned())) };
    KeyValue { key: key.to_owned(), value: Some(value) }
}

pub fn number(key: &str, value: i64) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(Value::Int(value)) }) }
}

pub fn span(id: u8, attributes: Vec<KeyValue>) -> Span {
    let start = u64::try_from(NOW.0).unwrap() * NANOS;
    Span {
        trace_id: vec![1; 16],
        span_id: vec![id; 8],
        name: "chat".to_owned(),
        start_time_unix_nano: start,
        end_time_unix_nano: start + 1_500_000,
        attributes,
        ..Span::default()
    }
}

pub fn request(spans: Vec<Span>) -> TraceRequest {
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    TraceRequest { resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }] }
}

async fn post(router: &Router, content_type: &str, encoding: Option<&str>, body: Vec<u8>) -> Response {
    let mut request = Request::post("/v1/traces").header("content-type", content_type);
    if let Some(encoding) = encoding {
        request = request.header("content-encoding", encoding);
    }
    router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap()
}

async fn body_of(response: Response) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

#[tokio::test]
async fn every_packing_carries_the_same_span() {
    let plain = request(vec![span(1, vec![text("gen_ai.operation.name", "chat")])]).encode_to_vec();
    let zstd = zstd::encode_all(&plain[..], 3).unwrap();
    for (encoding, body) in [(None, plain.clone()), (Some("gzip"), gzip(&plain)), (Some("zstd"), zstd)] {
        let (router, kept) = router();
        let response = post(&router, PROTOBUF, encoding, body).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert!(body_of(response).await.is_empty(), "nothing was refused");
        let [span] = kept.spans().try_into().unwrap();
        assert_eq!((span.kind, span.source, span.duration_us), (SpanKind::Llm, Source::Otlp, 1_500));
    }
}

#[tokio::test]
async fn a_bad_span_is_named_and_the_others_are_kept() {
    let (router, kept) = router();
    let nameless = Span { span_id: vec![0; 8], name: "the bad one".to_owned(), ..span(1, vec![]) };
    let ahead = Span { start_time_unix_nano: u64::MAX, ..span(3, vec![]) };
    let body = request(vec![nameless, span(2, vec![]), ahead]).encode_to_vec();
    let response = post(&router, PROTOBUF, None, body).await;
    assert_eq!(response.status(), StatusCode::OK);
    let answer = otlp::wire::ExportAnswer::decode(body_of(response).await).unwrap().partial_success.unwrap();
    assert_eq!(answer.rejected, 2);
    assert!(
        answer.error_message.contains("\"the bad one\": a span_id of 8 bytes"),
        "{}",
        answer.error_message
    );
    assert!(answer.error_message.contains("ahead of this Weir's clock"), "{}", answer.error_message);
    assert_eq!(kept.spans().len(), 1);
}

#[tokio::test]
async fn a_journal_that_fails_asks_the_client_to_come_back() {
    let (router, kept) = router();
    kept.set_fails(true);
    let body = request(vec![span(1, vec![])]).encode_to_vec();
    let response = post(&router, PROTOBUF, None, body.clone()).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "2");
    kept.set_fails(false);
    assert_eq!(post(&router, PROTOBUF, None, body).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_cannot_be_read_is_told_and_not_to_be_repeated() {
    let (router, kept) = router();
    let bomb = gzip(&vec![0; 100 * 1024 * 1024]);
    for (content_type, encoding, body, status) in [
        (PROTOBUF, None, b"garbage".to_vec(), StatusCode::BAD_REQUEST),
        ("application/json", None, b"{\"resourceSpans\": 7}".to_vec(), StatusCode::BAD_REQUEST),
        ("application/json", None, b"[".repeat(100_000), StatusCode::BAD_REQUEST),
        (PROTOBUF, Some("gzip"), b"no gzip".to_vec(), StatusCode::BAD_REQUEST),
        (PROTOBUF, Some("br"), b"x".to_vec(), StatusCode::BAD_REQUEST),
        (PROTOBUF, Some("gzip"), bomb, StatusCode::PAYLOAD_TOO_LARGE),
        ("text/plain", None, b"x".to_vec(), StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ] {
        let response = post(&router, content_type, encoding, body).await;
        assert_eq!(response.status(), status, "{content_type} {encoding:?}");
        assert!(response.headers().get("retry-after").is_none());
    }
    assert!(kept.records().is_empty());
}

/// A message as gRPC frames it.
fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], &length[..], message].concat()
}

#[tokio::test]
async fn grpc_says_when_to_come_back() {
    let (router, kept) = router();
    let call = async |router: &Router| {
        let request = Request::post("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Body::from(frame(&request(vec![span(1, vec![])]).encode_to_vec())))
            .unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let headers = response.headers().clone();
        let trailers = response.into_body().collect().await.unwrap().trailers().cloned().unwrap_or_default();
        let status = headers.get("grpc-status").or(trailers.get("grpc-status")).unwrap().clone();
        let details = headers.get("grpc-status-details-bin").cloned();
        (status, details)
    };
    kept.set_fails(true);
    let (status, details) = call(&router).await;
    assert_eq!(status, "14", "UNAVAILABLE");
    // `RetryInfo` in base64: its name is enough to know that it is there.
    let details = details.unwrap();
    let has_retry_info = details.to_str().unwrap().contains("UmV0cnlJbmZv")
        || details.to_str().unwrap().contains("JldHJ5SW5mb")
        || details.to_str().unwrap().contains("SZXRyeUluZm");
    assert!(has_retry_info, "{details:?}");
    kept.set_fails(false);
    let (status, _) = call(&router).await;
    assert_eq!((status.to_str().unwrap(), kept.spans().len()), ("0", 1));
}

#[tokio::test]
async fn logs_that_are_judgements_become_scores_and_others_are_refused() {
    let log = |name: &str, attributes| LogRecord {
        event_name: name.to_owned(),
        time_unix_nano: u64::try_from(NOW.0).unwrap() * NANOS,
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        attributes,
        ..LogRecord::default()
    };
    let judgement = vec![
        text("gen_ai.evaluation.name", "relevance"),
        number("gen_ai.evaluation.score.value", 1),
        text("gen_ai.evaluation.explanation", "it fits"),
    ];
    let log_records = vec![
        log("gen_ai.evaluation.result", judgement),
        log("gen_ai.user.message", vec![text("content", "why?")]),
        log("app.started", vec![]),
    ];
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    let request = LogsRequest { resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }] };
    let (router, kept) = router();
    let post = Request::post("/v1/logs").header("content-type", PROTOBUF);
    let response = router.oneshot(post.body(Body::from(request.encode_to_vec())).unwrap()).await.unwrap();
    let answer = otlp::wire::ExportAnswer::decode(body_of(response).await).unwrap().partial_success.unwrap();
    assert_eq!(answer.rejected, 1);
    assert!(answer.error_message.contains("app.started"), "{}", answer.error_message);
    let [score] = kept.scores().try_into().unwrap();
    assert_eq!((&*score.name, score.value), ("relevance", ScoreValue::Number(1.0)));
    let [messages] = kept.spans().try_into().unwrap();
    assert_eq!(messages.parent_id.unwrap().to_string(), "0202020202020202");
    assert_eq!(messages.input.unwrap().expose(), r#"[{"content":"why?"}]"#);
}

proptest! {
    #[test]
    fn no_bytes_stop_a_decoder(bytes in proptest::collection::vec(any::<u8>(), 0..512), is_json: bool) {
        let bytes = Bytes::from(bytes);
        let _ = decode::traces(&bytes, is_json, NOW);
        let _ = decode::metrics(&bytes, is_json, NOW);
        let _ = decode::logs(&bytes, is_json, NOW);
    }

    /// A whole request with one byte changed is nearly right, which is where decoders go wrong.
    #[test]
    fn a_changed_byte_gives_records_or_nothing(at: prop::sample::Index, byte: u8, keys in proptest::collection::vec("[a-z.0-9]{1,40}", 0..8)) {
        let attributes = keys.iter().map(|key| text(key, "{\"a\":[1]}")).collect();
        let mut bytes = request(vec![span(1, attributes), span(2, vec![number("gen_ai.usage.input_tokens", 5)])]).encode_to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        for record in decode::traces(&Bytes::from(bytes), false, NOW).unwrap_or_default() {
            let weir_types::Record::Span(span) = record else { continue };
            for content in [&span.input, &span.output, &span.documents, &span.tools, &span.attributes] {
                let is_json = content.as_ref().is_none_or(|text| serde_json::from_str::<serde_json::Value>(text.expose()).is_ok());
                prop_assert!(is_json, "{:?}", content.as_ref().map(weir_types::Content::expose));
            }
        }
    }

    /// Tokens on anything but a call would be counted beside the call's own.
    #[test]
    fn only_calls_carry_tokens(word in "chat|embeddings|invoke_agent|execute_tool|chain|RETRIEVER|task|nonsense", count in 0i64..1_000_000) {
        let attributes = vec![text("gen_ai.operation.name", &word), number("gen_ai.usage.input_tokens", count)];
        let bytes = Bytes::from(request(vec![span(1, attributes)]).encode_to_vec());
        let records = decode::traces(&bytes, false, NOW).unwrap();
        let [weir_types::Record::Span(span)] = records.as_slice() else { panic!("one span") };
        prop_assert_eq!(span.tokens.is_unknown(), !span.kind.is_model_call());
    }
}
