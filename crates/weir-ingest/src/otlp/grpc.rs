//! OTLP over gRPC: the three `Export` methods.
//!
//! `tonic` speaks the protocol; the message itself is left as bytes until [`Exporter`] decodes it, so that both transports
//! decode in one place and long bodies off the async threads. A client that should come back is told when by `RetryInfo`:
//! without it the specification forbids to repeat what was `RESOURCE_EXHAUSTED`.

use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::{Buf as _, BufMut as _, Bytes};
use prost::Message as _;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, UnaryService};

use super::export::{BODY_BYTES_MAX, Export, Exporter, Failure, Format, RETRY_AFTER_S, Signal};
use super::wire::ExportAnswer;

/// The receiver that requests over gRPC are counted for.
const RECEIVER: &str = "otlp_grpc";

/// Codes of gRPC, as they also stand in answers over HTTP.
pub(crate) const INVALID_ARGUMENT: i32 = 3;
pub(crate) const RESOURCE_EXHAUSTED: i32 = 8;
pub(crate) const UNAVAILABLE: i32 = 14;

/// The three methods.
pub(crate) fn routes(exporter: &Arc<Exporter>) -> Router {
    let route = |signal: Signal| {
        post(move |State(exporter): State<Arc<Exporter>>, request: Request| async move {
            serve(exporter, signal, request).await
        })
    };
    let path = |package: &str, service: &str| {
        format!("/opentelemetry.proto.collector.{package}.v1.{service}/Export")
    };
    Router::new()
        .route(&path("trace", "TraceService"), route(Signal::Traces))
        .route(&path("metrics", "MetricsService"), route(Signal::Metrics))
        .route(&path("logs", "LogsService"), route(Signal::Logs))
        .with_state(Arc::clone(exporter))
}

async fn serve(exporter: Arc<Exporter>, signal: Signal, request: Request) -> Response {
    let mut grpc = Grpc::new(BytesCodec)
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Zstd)
        .max_decoding_message_size(BODY_BYTES_MAX);
    grpc.unary(Method { exporter, signal }, request).await.into_response()
}

struct Method {
    exporter: Arc<Exporter>,
    signal: Signal,
}

impl UnaryService<Bytes> for Method {
    type Response = ExportAnswer;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<ExportAnswer>, tonic::Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let (exporter, signal) = (Arc::clone(&self.exporter), self.signal);
        Box::pin(async move {
            let body = request.into_inner();
            let export =
                Export { signal, format: Format::Protobuf, body, experiment_id: None, receiver: RECEIVER };
            exporter.export(export).await.map(tonic::Response::new).map_err(|failure| status(&failure))
        })
    }
}

fn status(failure: &Failure) -> tonic::Status {
    let code = match failure {
        Failure::Unreadable(_) | Failure::TooLarge => INVALID_ARGUMENT,
        Failure::Busy => RESOURCE_EXHAUSTED,
        Failure::Unavailable(_) => UNAVAILABLE,
    };
    let message = failure.to_string();
    let has_retry = matches!(failure, Failure::Busy | Failure::Unavailable(_));
    let details = if has_retry { vec![retry_info()] } else { Vec::new() };
    let details = Status { code, message: message.clone(), details }.encode_to_vec();
    tonic::Status::with_details(tonic::Code::from(code), message, details.into())
}

/// `google.rpc.Status`: what went wrong, for programs.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Status {
    #[prost(int32, tag = "1")]
    pub(crate) code: i32,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
    #[prost(message, repeated, tag = "3")]
    pub(crate) details: Vec<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, prost::Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, prost::Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
}

fn retry_info() -> Any {
    let info = RetryInfo { retry_delay: Some(Delay { seconds: RETRY_AFTER_S.cast_signed() }) };
    Any { type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(), value: info.encode_to_vec() }
}

/// Leaves the question as bytes and encodes the answer.
#[derive(Debug, Clone, Copy, Default)]
struct BytesCodec;

impl Codec for BytesCodec {
    type Encode = ExportAnswer;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for BytesCodec {
    type Item = ExportAnswer;
    type Error = tonic::Status;

    fn encode(&mut self, answer: ExportAnswer, buffer: &mut EncodeBuf<'_>) -> Result<(), tonic::Status> {
        buffer.put_slice(&answer.encode_to_vec());
        Ok(())
    }
}

impl Decoder for BytesCodec {
    type Item = Bytes;
    type Error = tonic::Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, tonic::Status> {
        let length = buffer.remaining();
        Ok(Some(buffer.copy_to_bytes(length)))
    }
}
