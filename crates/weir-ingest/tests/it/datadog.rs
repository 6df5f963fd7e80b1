//! The trace agent over HTTP, fed with what ddtrace 4.16 sent: agent mode, events, agentless, evaluations.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use weir_ingest::Inlet;
use weir_ingest::datadog::{self, DatadogInfo};
use weir_types::{PointKind, ScoreValue, Span, SpanKind};

use crate::kept::{self, Kept};

const TRACES: &[u8] = include_bytes!("../../../../testdata/datadog/agent_traces.msgpack");
const LANGCHAIN: &[u8] = include_bytes!("../../../../testdata/datadog/agent_traces_langchain.msgpack");
const AGENTLESS: &[u8] = include_bytes!("../../../../testdata/datadog/agentless_traces.msgpack");
const EVENTS: &[u8] = include_bytes!("../../../../testdata/datadog/events.json");
const EVALUATIONS: &[u8] = include_bytes!("../../../../testdata/datadog/evaluations.json");

struct Agent {
    router: Router,
    inlet: Arc<Inlet>,
    kept: Arc<Kept>,
}

impl Agent {
    fn new() -> Self {
        let (inlet, kept) = kept::inlet();
        let info = DatadogInfo { version: "0.1.0".to_owned(), statsd_port: Some(8125) };
        Self { router: datadog::router(Arc::clone(&inlet), info), inlet, kept }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> (StatusCode, String) {
        let mut request = Request::builder().method(method).uri(path).header("content-length", body.len());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_vec())).unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn post(&self, path: &str, body: &[u8]) -> (StatusCode, String) {
        self.send(Method::POST, path, &[("datadog-meta-lang", "python")], body).await
    }

    fn span(&self, name: &str) -> Span {
        let found: Vec<_> = self.kept.spans().into_iter().filter(|span| &*span.name == name).collect();
        assert!(!found.is_empty(), "no span {name}");
        found[0].clone()
    }

    fn refusals(&self) -> Vec<(&'static str, u64)> {
        self.inlet.refusals().iter().map(|refusal| (refusal.reason, refusal.count)).collect()
    }
}

/// Everything a span says, one field in a line, for comparison.
fn told(span: &Span) -> String {
    let mut text = String::new();
    let parent = span.parent_id.map(|id| id.to_string());
    let tokens = &span.tokens;
    let lines: [(&str, Option<String>); 24] = [
        ("span", Some(format!("{} {} under {}", span.span_id, span.kind, parent.as_deref().unwrap_or("-")))),
        ("name", Some(span.name.to_string())),
        ("trace", Some(span.trace_id.to_string())),
        ("time", Some(format!("{} for {} µs", span.start.0, span.duration_us))),
        ("status", Some(format!("{} {:?} {:?}", span.status, span.error_type, span.error_message))),
        ("provider", span.provider.as_deref().map(str::to_owned)),
        ("model", span.model.as_deref().map(str::to_owned)),
        ("response_model", span.response_model.as_deref().map(str::to_owned)),
        ("app", span.app.as_deref().map(str::to_owned)),
        ("agent", span.agent.as_deref().map(str::to_owned)),
        ("team", span.team.as_deref().map(str::to_owned)),
        ("session", span.session.as_deref().map(str::to_owned)),
        ("user", span.user.as_deref().map(str::to_owned)),
        ("service", span.service.as_deref().map(str::to_owned)),
        ("env", span.env.as_deref().map(str::to_owned)),
        ("client", span.client.as_deref().map(str::to_owned)),
        ("tokens", (!tokens.is_unknown()).then(|| format!("{tokens:?}"))),
        (
            "cost",
            span.cost.map(|cost| {
                format!("{cost} by {}", span.price_version.as_deref().map_or("client", |_| "list"))
            }),
        ),
        ("stream", span.stream.then(|| format!("{:?}", span.ttft_us))),
        ("finish", span.finish_reason.as_deref().map(str::to_owned)),
        ("input", span.input.as_ref().map(|content| content.expose().to_owned())),
        ("output", span.output.as_ref().map(|content| content.expose().to_owned())),
        (
            "documents",
            span.documents.as_ref().or(span.tools.as_ref()).map(|content| content.expose().to_owned()),
        ),
        ("attributes", span.attributes.as_ref().map(|content| content.expose().to_owned())),
    ];
    for (name, value) in lines {
        if let Some(value) = value {
            writeln!(text, "{name}: {value}").unwrap();
        }
    }
    text
}

fn all_told(kept: &Kept) -> String {
    kept.spans().iter().map(told).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn spans_of_the_default_mode_are_kept_in_full() {
    let agent = Agent::new();
    let (status, body) = agent.post("/v0.4/traces", TRACES).await;
    assert_eq!((status, &*body), (StatusCode::OK, r#"{"rate_by_service":{"service:,env:":1}}"#));
    insta::assert_snapshot!("agent_traces", all_told(&agent.kept));
    assert_eq!(agent.refusals(), []);
    assert_eq!(agent.kept.appends(), 1, "one payload is one append");
}

#[tokio::test]
async fn events_say_the_same_as_spans_do() {
    let agent = Agent::new();
    let (status, _) = agent.post("/evp_proxy/v2/api/v2/llmobs", EVENTS).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    insta::assert_snapshot!("events", all_told(&agent.kept));
    let call = agent.span("manual_llm");
    assert_eq!(call.cost.map(|cost| cost.0), Some(3_000_000), "what the client states");
    assert_eq!((call.tokens.total(), call.ttft_us), (Some(15), Some(250_000)));
    assert_eq!(agent.span("planner").agent.as_deref(), Some("planner"));
}

#[tokio::test]
async fn a_chain_around_a_call_is_told_and_counts_no_tokens() {
    let agent = Agent::new();
    agent.post("/v0.4/traces", LANGCHAIN).await;
    insta::assert_snapshot!("agent_traces_langchain", all_told(&agent.kept));
    let with_tokens = agent.kept.spans().iter().filter(|span| !span.tokens.is_unknown()).count();
    assert_eq!(with_tokens, 1);
}

#[tokio::test]
async fn what_was_sent_as_an_event_is_not_kept_again_as_a_poorer_span() {
    let agent = Agent::new();
    let (status, _) = agent.send(Method::PUT, "/v0.4/traces", &[], AGENTLESS).await;
    assert_eq!((status, agent.kept.spans().len()), (StatusCode::OK, 0));
}

#[tokio::test]
async fn an_evaluation_names_its_span_by_the_spans_id_alone() {
    let agent = Agent::new();
    agent.post("/v0.4/traces", TRACES).await;
    let (status, _) = agent.post("/evp_proxy/v4/api/intake/llm-obs/v2/eval-metric", EVALUATIONS).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let call = agent.span("manual_llm");
    let scores = agent.kept.scores();
    assert_eq!(scores.len(), 4);
    for score in &scores {
        assert_eq!((score.by_span_alone, score.span_id), (true, Some(call.span_id)), "{}", score.name);
    }
    let values: Vec<_> = scores.iter().map(|score| (&*score.name, score.value.clone())).collect();
    let label = |text: &str| ScoreValue::Label(Arc::from(text));
    assert_eq!(
        values,
        [
            ("faithfulness", ScoreValue::Number(0.8)),
            ("tone", label("nice")),
            ("ok", ScoreValue::Number(1.0)),
            ("js", label("{\"a\": 1}")),
        ]
    );
    let first = &scores[0];
    assert_eq!(first.rationale.as_ref().map(weir_types::Content::expose), Some("because"));
    assert_eq!(
        (&*first.judge, first.tags.get("e"), first.tags.get("app")),
        ("ddtrace", Some("1"), Some("shop"))
    );
    assert_eq!((first.time.0, first.tags.get("assessment")), (1_795_477_171_456_000, Some("pass")));
    // One names its span by a tag: it stays a number with that tag.
    let points = agent.kept.points();
    assert_eq!((points.len(), points[0].kind, points[0].tags.get("msg")), (1, PointKind::Gauge, Some("1")));
}

#[tokio::test]
async fn an_evaluation_that_comes_first_names_the_same_span() {
    let agent = Agent::new();
    agent.post("/api/intake/llm-obs/v2/eval-metric", EVALUATIONS).await;
    agent.post("/v0.4/traces", TRACES).await;
    let call = agent.span("manual_llm");
    assert!(agent.kept.scores().iter().all(|score| score.span_id == Some(call.span_id)));
}

#[tokio::test]
async fn version_1_of_evaluations_states_ids_beside_the_rest() {
    let agent = Agent::new();
    let metric = |more: Value| {
        let mut metric = json!({"span_id": "7", "trace_id": "ff", "label": "l", "ml_app": "shop"});
        metric.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        metric
    };
    let metrics = [
        metric(json!({"metric_type": "numerical", "numerical_value": 0.25})),
        metric(json!({"metric_type": "score"})),
        metric(json!({"score_value": 1, "label": ""})),
        metric(json!({"score_value": 1, "span_id": "undefined"})),
    ];
    let body = json!({"data": {"type": "evaluation_metric", "attributes": {"metrics": metrics}}}).to_string();
    let (status, _) = agent.post("/evp_proxy/v1/api/intake/llm-obs/v1/eval-metric", body.as_bytes()).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let scores = agent.kept.scores();
    assert_eq!((scores.len(), &scores[0].value, scores[0].time), (1, &ScoreValue::Number(0.25), kept::NOW));
    assert_eq!(agent.refusals(), [("bad_value", 1), ("no_label", 1), ("no_span", 1)]);
}

#[tokio::test]
async fn spans_that_people_send_to_the_http_api_are_kept() {
    let agent = Agent::new();
    let span = json!({
        "name": "ask", "span_id": "1", "trace_id": "2", "parent_id": "undefined", "start_ns": 1_700_000_000_000_000_000_u64,
        "duration": 1.5e9, "status": "error",
        "meta": {"kind": "llm", "input": {"messages": []}, "error": {"message": "no"}},
        "metrics": {"input_tokens": 3.0},
    });
    let spans = [span, json!({"name": "nameless"}), json!(5)];
    let body = json!({"data": {"type": "span", "attributes": {"ml_app": "shop", "session_id": "s", "spans": spans}}});
    let (status, _) = agent.post("/api/intake/llm-obs/v1/trace/spans", body.to_string().as_bytes()).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let ask = agent.span("ask");
    assert_eq!((ask.kind, ask.duration_us, ask.tokens.input), (SpanKind::Llm, 1_500_000, Some(3)));
    assert_eq!((ask.app.as_deref(), ask.session.as_deref()), (Some("shop"), Some("s")));
    assert_eq!((ask.parent_id, ask.error_message.as_deref()), (None, Some("no")));
    assert_eq!(agent.refusals(), [("no_id", 2)]);
}

#[tokio::test]
async fn plain_spans_are_context_of_the_same_trace() {
    let agent = Agent::new();
    let web = [
        b"\x91\x91\x8a\xa7service\xa3web\xa4name\xadflask.request\xa8resource\xabGET /orders\xa4type\xa3web"
            .as_slice(),
        b"\xa8trace_id\x02\xa7span_id\x03\xa5start\xce\x3b\x9a\xca\x00\xa8duration\xcd\x27\x10\xa5error\x01",
        b"\xa4meta\x83\xa9_dd.p.tid\xb00000000000000001\xb0http.status_code\xa3500\xaferror.msg_other\xa1x",
    ]
    .concat();
    agent.post("/v0.3/traces", &web).await;
    let span = agent.span("GET /orders");
    assert_eq!(
        (span.kind, span.service.as_deref(), span.http_status),
        (SpanKind::Http, Some("web"), Some(500))
    );
    assert_eq!(span.trace_id.to_string(), "00000000000000010000000000000002");
    assert_eq!((span.start.0, span.duration_us, span.client.as_deref()), (1_000_000, 10, Some("ddtrace")));
    assert_eq!(span.status.as_str(), "error");
}

#[tokio::test]
async fn info_names_every_path_and_other_paths_are_accepted() {
    let agent = Agent::new();
    let (status, body) = agent.send(Method::GET, "/info", &[], b"").await;
    let info: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status, &info["span_meta_structs"], &info["config"]["statsd_port"]),
        (StatusCode::OK, &json!(true), &json!(8125))
    );
    let endpoints: Vec<_> = info["endpoints"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for path in [
        "/v0.4/traces",
        "/v0.5/traces",
        "/evp_proxy/v2/",
        "/evp_proxy/v4/",
        "/telemetry/proxy/",
        "/v0.6/stats",
    ] {
        assert!(endpoints.contains(&path), "{path}");
    }
    for path in ["/telemetry/proxy/api/v2/apmtelemetry", "/v0.6/stats", "/v0.7/config"] {
        assert_eq!(agent.post(path, b"anything").await, (StatusCode::OK, "{}".to_owned()), "{path}");
    }
    assert_eq!(agent.post("/evp_proxy/v2/api/v2/citestcycle", b"{}").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn packed_bodies_are_unpacked() {
    let agent = Agent::new();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(EVENTS).unwrap();
    let bodies = [("gzip", gzip.finish().unwrap()), ("zstd", zstd::encode_all(EVENTS, 1).unwrap())];
    for (count, (encoding, body)) in bodies.iter().enumerate() {
        let headers = [("content-encoding", *encoding), ("dd-api-key", "k")];
        assert_eq!(agent.send(Method::POST, "/api/v2/llmobs", &headers, body).await.0, StatusCode::ACCEPTED);
        assert_eq!(agent.kept.spans().len(), 15 * (count + 1));
    }
}

#[tokio::test]
async fn what_is_no_payload_is_refused_with_a_reason_and_nothing_is_kept() {
    let agent = Agent::new();
    let (status, body) = agent.post("/v0.4/traces", &TRACES[..TRACES.len() - 1]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body.contains(&format!("the input ends at byte {}", TRACES.len() - 1)), "{body}");
    assert_eq!(agent.post("/v0.5/traces", TRACES).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(agent.post("/api/v2/llmobs", b"[{").await.0, StatusCode::BAD_REQUEST);
    let deep = "[".repeat(100_000);
    assert_eq!(agent.post("/api/v2/llmobs", deep.as_bytes()).await.0, StatusCode::BAD_REQUEST);
    let packed = [("content-encoding", "gzip")];
    assert_eq!(
        agent.send(Method::POST, "/api/v2/llmobs", &packed, b"no gzip").await.0,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(agent.kept.records(), []);
    assert_eq!(agent.refusals(), [("bad_json", 2), ("bad_msgpack", 2), ("unreadable", 1)]);
}

#[tokio::test]
async fn a_failing_journal_asks_the_client_to_come_again() {
    let agent = Agent::new();
    agent.kept.set_fails(true);
    assert_eq!(agent.post("/v0.4/traces", TRACES).await.0, StatusCode::SERVICE_UNAVAILABLE);
    agent.kept.set_fails(false);
    assert_eq!(agent.post("/v0.4/traces", TRACES).await.0, StatusCode::OK);
    assert_eq!(agent.kept.appends(), 1);
}

#[tokio::test]
async fn statsd_lines_come_through_the_agent_too() {
    let agent = Agent::new();
    assert_eq!(agent.post("/dogstatsd/v2/proxy", b"a:1|c\nb:2|g").await.0, StatusCode::OK);
    assert_eq!(agent.kept.points().len(), 2);
}
