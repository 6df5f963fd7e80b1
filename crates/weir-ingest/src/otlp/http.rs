//! OTLP over HTTP: `/v1/traces`, `/v1/metrics` and `/v1/logs`, in protobuf and in JSON, plain, gzip or zstd.
//!
//! Answers have the format of the question. A client that should come back is told when (`retry-after`); a body that
//! cannot be read is a 400, which exporters do not repeat.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::{HeaderMap, StatusCode, header};
use prost::Message as _;

use super::export::{BODY_BYTES_MAX, Export, Exporter, Failure, Format, RETRY_AFTER_S, Signal};
use super::grpc;
use super::wire::ExportAnswer;
use crate::body::{BodyFault, read_body};

/// By what an MLflow client tells itself.
const MLFLOW_HEADER: &str = "x-mlflow-experiment-id";

/// The receiver that requests over HTTP are counted for.
pub(crate) const RECEIVER: &str = "otlp_http";

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";

/// The three paths.
pub(crate) fn routes(exporter: &Arc<Exporter>) -> Router {
    let route = |signal: Signal| {
        post(move |State(exporter): State<Arc<Exporter>>, request: Request| async move {
            answer(&exporter, signal, request).await
        })
    };
    Router::new()
        .route("/v1/traces", route(Signal::Traces))
        .route("/v1/metrics", route(Signal::Metrics))
        .route("/v1/logs", route(Signal::Logs))
        .with_state(Arc::clone(exporter))
}

async fn answer(exporter: &Arc<Exporter>, signal: Signal, request: Request) -> Response {
    let Some(format) = format(request.headers()) else {
        exporter.inlet().refuse(RECEIVER, "content_type", 1);
        let message = format!("content-type must be {PROTOBUF} or {JSON}");
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, message).into_response();
    };
    let experiment_id =
        request.headers().get(MLFLOW_HEADER).and_then(|id| id.to_str().ok()).map(str::to_owned);
    let (head, body) = request.into_parts();
    let accepted = match read_body(&head.headers, body, BODY_BYTES_MAX).await {
        Ok(body) => exporter.export(Export { signal, format, body, experiment_id, receiver: RECEIVER }).await,
        Err(fault) => Err(exporter.fail(RECEIVER, failure(fault))),
    };
    match accepted {
        Ok(answer) => ok(&answer, format),
        Err(failure) => refusal(&failure, format),
    }
}

fn failure(fault: BodyFault) -> Failure {
    match fault {
        BodyFault::TooLarge => Failure::TooLarge,
        BodyFault::Unreadable(why) => Failure::Unreadable(why),
    }
}

fn format(headers: &HeaderMap) -> Option<Format> {
    let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    match content_type.split(';').next().unwrap_or_default().trim() {
        PROTOBUF | "application/protobuf" => Some(Format::Protobuf),
        JSON => Some(Format::Json),
        _ => None,
    }
}

fn ok(answer: &ExportAnswer, format: Format) -> Response {
    let body = match format {
        Format::Protobuf => Body::from(answer.encode_to_vec()),
        Format::Json => {
            let partial = answer.partial_success.as_ref();
            // A 64-bit number is a text in this JSON. Each signal names its count in its own way, and clients read theirs.
            let partial = partial.map(|partial| {
                let rejected = partial.rejected.to_string();
                serde_json::json!({ "partialSuccess": {
                    "rejectedSpans": rejected, "rejectedDataPoints": rejected, "rejectedLogRecords": rejected,
                    "errorMessage": partial.error_message,
                }})
            });
            Body::from(partial.unwrap_or_else(|| serde_json::json!({})).to_string())
        }
    };
    respond(StatusCode::OK, body, format)
}

fn refusal(failure: &Failure, format: Format) -> Response {
    let (status, code) = match failure {
        Failure::Unreadable(_) => (StatusCode::BAD_REQUEST, grpc::INVALID_ARGUMENT),
        Failure::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, grpc::INVALID_ARGUMENT),
        Failure::Busy => (StatusCode::TOO_MANY_REQUESTS, grpc::RESOURCE_EXHAUSTED),
        Failure::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, grpc::UNAVAILABLE),
    };
    let status_message = grpc::Status { code, message: failure.to_string(), details: Vec::new() };
    let body = match format {
        Format::Protobuf => Body::from(status_message.encode_to_vec()),
        Format::Json => {
            Body::from(serde_json::json!({ "code": code, "message": status_message.message }).to_string())
        }
    };
    let mut response = respond(status, body, format);
    if matches!(failure, Failure::Busy | Failure::Unavailable(_)) {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER_S.into());
    }
    response
}

fn respond(status: StatusCode, body: Body, format: Format) -> Response {
    let content_type = match format {
        Format::Protobuf => PROTOBUF,
        Format::Json => JSON,
    };
    (status, [(header::CONTENT_TYPE, content_type)], body).into_response()
}
