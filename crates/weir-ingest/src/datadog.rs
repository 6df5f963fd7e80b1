//! Datadog's trace agent, as far as its clients can tell: APM traces, LLM Observability, evaluations.
//!
//! A tracer asks `/info` what there is, and sends accordingly; what Weir has no use for (profiles of the tracer itself,
//! its statistics) is accepted and let go, so that no client complains. LLM Observability comes in two ways, inside of APM
//! spans ([`trace`]) and as events ([`event`]), and both go through one mapping (`llmobs`).
//!
//! The id of a span is the same either way, and its trace is always the APM trace, whose id travels with the call in
//! `traceparent`: that is how the gateway's span of the same call is found. Evaluations name traces by LLM Observability's
//! own ids; the store finds their spans by the spans' ids.
//!
//! Behaviour on failure: what is no payload is refused as a whole with 400, since a client may repair and repeat it;
//! single spans and evaluations that make no sense are counted and the rest is kept; when the journal fails the client is
//! asked to come again with 503.

mod apm;
mod attributes;
mod batch;
mod context;
mod error;
pub mod evaluation;
pub mod event;
mod ids;
mod llmobs;
mod msgpack;
mod object;
mod repeated;
pub mod trace;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::Inlet;
use crate::body::read_body;

pub use apm::TraceVersion;
pub use batch::Batch;
pub use error::DatadogError;
pub use msgpack::MsgpackError;

/// How this receiver is named in counts of what was accepted and refused.
pub const RECEIVER: &str = "datadog";

/// Bytes over which a body is worth another thread: decoding takes about a microsecond for each kilobyte.
const INLINE_BYTES_MAX: usize = 64 * 1024;

/// Bytes over which a body counts as large.
const LARGE_BYTES: usize = 1024 * 1024;

/// Large bodies in memory at one time; others wait. Each may take 64 MiB, packed and unpacked.
const LARGE_BODIES_MAX: usize = 4;

/// Every path that is served, as `/info` tells it.
const ENDPOINTS: [&str; 12] = [
    "/info",
    "/v0.3/traces",
    "/v0.4/traces",
    "/v0.5/traces",
    "/v0.6/stats",
    "/v0.7/config",
    "/telemetry/proxy/",
    "/evp_proxy/v1/",
    "/evp_proxy/v2/",
    "/evp_proxy/v3/",
    "/evp_proxy/v4/",
    "/dogstatsd/v2/proxy",
];

/// What the agent says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatadogInfo {
    /// Weir's version.
    pub version: String,
    /// Where DogStatsD is received, if it is.
    pub statsd_port: Option<u16>,
}

/// Bytes of a body, packed and unpacked. Tracers send 20 MB of traces at most and 5 MB of events.
const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// What requests of all paths share.
struct Agent {
    inlet: Arc<Inlet>,
    info: Bytes,
    large_bodies: Semaphore,
}

/// What a payload is.
#[derive(Debug, Clone, Copy)]
enum Payload {
    Traces(TraceVersion, &'static str),
    Events(&'static str),
    Evaluations,
    Statsd,
}

/// The routes of the agent, and those of Datadog's intake that clients without an agent use.
#[expect(clippy::needless_pass_by_value, reason = "who serves has no more use for it")]
pub fn router(inlet: Arc<Inlet>, info: DatadogInfo) -> Router {
    let agent =
        Arc::new(Agent { inlet, info: info_json(&info), large_bodies: Semaphore::new(LARGE_BODIES_MAX) });
    let traces = || post(traces).put(traces);
    Router::new()
        .route(
            "/info",
            get(async |State(agent): State<Arc<Agent>>| json_answer(StatusCode::OK, agent.info.clone())),
        )
        .route("/v0.3/traces", traces())
        .route("/v0.4/traces", traces())
        .route("/v0.5/traces", traces())
        .route("/v0.6/stats", post(let_go).put(let_go))
        .route("/v0.7/config", post(let_go))
        .route("/telemetry/proxy/{*path}", post(let_go))
        .route("/api/v2/apmtelemetry", post(let_go))
        .route("/evp_proxy/{version}/{*path}", post(event_platform))
        .route("/dogstatsd/v2/proxy", post(statsd).put(statsd))
        .route("/api/v2/llmobs", post(events))
        .route("/api/intake/llm-obs/v1/trace/spans", post(events))
        .route("/api/intake/llm-obs/v1/eval-metric", post(evaluations))
        .route("/api/intake/llm-obs/v2/eval-metric", post(evaluations))
        .with_state(agent)
}

fn info_json(info: &DatadogInfo) -> Bytes {
    let text = json!({
        "version": info.version,
        "endpoints": ENDPOINTS,
        "feature_flags": [],
        "client_drop_p0s": false,
        "span_meta_structs": true,
        "long_running_spans": true,
        "evp_proxy_allowed_headers": ["Content-Type", "Content-Encoding", "Accept-Encoding", "User-Agent"],
        "config": { "statsd_port": info.statsd_port, "max_request_bytes": BODY_BYTES_MAX },
    });
    text.to_string().into()
}

async fn traces(State(agent): State<Arc<Agent>>, uri: http::Uri, headers: HeaderMap, body: Body) -> Response {
    let language = headers.get("datadog-meta-lang").and_then(|value| value.to_str().ok());
    let tracer = language.and_then(llmobs::tracer_of).unwrap_or("datadog");
    let version = if uri.path().starts_with("/v0.5") { TraceVersion::Table } else { TraceVersion::Maps };
    // Tracers sample by these rates; everything is wanted.
    let answer = match uri.path() {
        "/v0.3/traces" => (StatusCode::OK, "OK\n").into_response(),
        _ => json_answer(StatusCode::OK, r#"{"rate_by_service":{"service:,env:":1}}"#.into()),
    };
    agent.receive(Payload::Traces(version, tracer), &headers, body, answer).await
}

async fn event_platform(
    state: State<Arc<Agent>>,
    Path((_, path)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match &*path {
        "api/v2/llmobs" | "api/intake/llm-obs/v1/trace/spans" => events(state, headers, body).await,
        "api/intake/llm-obs/v1/eval-metric" | "api/intake/llm-obs/v2/eval-metric" => {
            evaluations(state, headers, body).await
        }
        _ => {
            let text = json!({ "errors": [format!("weir receives nothing at {path:?}")] }).to_string();
            json_answer(StatusCode::NOT_FOUND, text.into())
        }
    }
}

async fn events(State(agent): State<Arc<Agent>>, headers: HeaderMap, body: Body) -> Response {
    agent.receive(Payload::Events("datadog"), &headers, body, accepted()).await
}

async fn evaluations(State(agent): State<Arc<Agent>>, headers: HeaderMap, body: Body) -> Response {
    agent.receive(Payload::Evaluations, &headers, body, accepted()).await
}

async fn statsd(State(agent): State<Arc<Agent>>, headers: HeaderMap, body: Body) -> Response {
    agent.receive(Payload::Statsd, &headers, body, StatusCode::OK.into_response()).await
}

/// Accepts what Weir has no use for.
async fn let_go(body: Body) -> Response {
    // It is read to its end, so that the connection can be used again.
    match read_body(&HeaderMap::new(), body, BODY_BYTES_MAX).await {
        Ok(_) => json_answer(StatusCode::OK, "{}".into()),
        Err(fault) => refusal(&fault.into()),
    }
}

impl Agent {
    /// Reads, decodes and keeps a payload. The answer is given once the records are in the journal.
    async fn receive(
        self: &Arc<Self>,
        payload: Payload,
        headers: &HeaderMap,
        body: Body,
        answer: Response,
    ) -> Response {
        match self.try_receive(payload, headers, body).await {
            Ok(()) => answer,
            Err(error) => {
                self.inlet.refuse(RECEIVER, error.reason(), 1);
                tracing::debug!(%error, ?payload, "refused a payload");
                refusal(&error)
            }
        }
    }

    async fn try_receive(
        self: &Arc<Self>,
        payload: Payload,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<(), DatadogError> {
        let len =
            headers.get(header::CONTENT_LENGTH).and_then(|len| len.to_str().ok()?.parse::<usize>().ok());
        let is_small =
            !headers.contains_key(header::CONTENT_ENCODING) && len.is_some_and(|len| len <= LARGE_BYTES);
        let _place = if is_small {
            None
        } else {
            Some(self.large_bodies.acquire().await.map_err(|_| DatadogError::Lost)?)
        };
        let body = read_body(headers, body, BODY_BYTES_MAX).await?;
        if body.len() <= INLINE_BYTES_MAX {
            return self.keep(payload, &body);
        }
        let agent = Arc::clone(self);
        tokio::task::spawn_blocking(move || agent.keep(payload, &body))
            .await
            .map_err(|_| DatadogError::Lost)?
    }

    fn keep(&self, payload: Payload, body: &[u8]) -> Result<(), DatadogError> {
        let now = self.inlet.clock().now();
        let batch = match payload {
            Payload::Traces(version, tracer) => trace::decode(body, version, tracer)?,
            Payload::Events(tracer) => event::decode(body, tracer)?,
            Payload::Evaluations => evaluation::decode(body, now)?,
            Payload::Statsd => {
                let (records, refusals) = crate::dogstatsd::decode(body, now);
                Batch { records, refusals }
            }
        };
        self.inlet.accept_from(RECEIVER, batch.records)?;
        for (reason, count) in batch.refusals {
            self.inlet.refuse(RECEIVER, reason, count);
        }
        Ok(())
    }
}

fn accepted() -> Response {
    json_answer(StatusCode::ACCEPTED, "{}".into())
}

/// An error in the shape of Datadog's intake.
fn refusal(error: &DatadogError) -> Response {
    let text = json!({ "errors": [error.to_string()] }).to_string();
    let mut answer = json_answer(error.status(), text.into());
    if error.status() == StatusCode::SERVICE_UNAVAILABLE {
        answer.headers_mut().insert(header::RETRY_AFTER, http::HeaderValue::from_static("1"));
    }
    answer
}

fn json_answer(status: StatusCode, body: Bytes) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
