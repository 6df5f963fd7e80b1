//! OpenTelemetry: spans, metrics and GenAI events of logs, over gRPC and HTTP, in every dialect of LLM attributes.
//!
//! [`wire`] is the protocol, [`mapping`] the table of dialects, `span` turns one into the other; `metrics` and `logs` do
//! the same for the other signals. All of that is pure. `export` bounds, journals and answers; `http` and `grpc` carry.
//!
//! Invariants: nothing is acknowledged before it is in the journal; what is refused is named in the answer and counted;
//! a span that is no call to a model never carries tokens, so that a chain that repeats its child's usage counts once.

mod buckets;
mod cumulative;
mod export;
mod facts;
mod fold;
mod grpc;
mod http;
mod json;
mod kinds;
mod logs;
mod mapping;
mod metrics;
mod named;
#[cfg(test)]
mod reference_tests;
mod resource;
mod span;
mod traces;
mod value;
#[allow(missing_docs, reason = "the fields are the protocol's own and are documented there")]
pub mod wire;

use std::sync::Arc;

use axum::Router;

use crate::inlet::Inlet;
use crate::mlflow::Known;
use export::Exporter;
pub(crate) use span::tag;

/// The routes of both transports: gRPC's methods and `/v1/traces`, `/v1/metrics`, `/v1/logs`. A socket that speaks HTTP/2
/// serves gRPC with them; on HTTP/1.1 the paths of HTTP work. `known` is what MLflow clients said beside their spans.
pub fn router(inlet: Arc<Inlet>, known: Arc<Known>) -> Router {
    let exporter = Arc::new(Exporter::new(inlet, known));
    grpc::routes(&exporter).merge(http::routes(&exporter))
}

/// Decoders for tests that bring their own bytes.
pub mod decode {
    use bytes::Bytes;
    use weir_types::{Record, UnixMicros};

    use super::{cumulative, logs, metrics, traces, wire};

    /// Records of a request of spans; `None` when it cannot be read.
    pub fn traces(body: &Bytes, is_json: bool, now: UnixMicros) -> Option<Vec<Record>> {
        let request: wire::TraceRequest = read(body, is_json)?;
        Some(traces::records(&request, false, now).records)
    }

    /// Records of a request of metrics, as from a process that started after Weir.
    pub fn metrics(body: &Bytes, is_json: bool, now: UnixMicros) -> Option<Vec<Record>> {
        let request: wire::MetricsRequest = read(body, is_json)?;
        let tracker = cumulative::Tracker::new(UnixMicros(0));
        Some(metrics::records(&request, &tracker, now).records)
    }

    /// Records of a request of logs.
    pub fn logs(body: &Bytes, is_json: bool, now: UnixMicros) -> Option<Vec<Record>> {
        let request: wire::LogsRequest = read(body, is_json)?;
        Some(logs::records(&request, now).records)
    }

    fn read<M: prost::Message + serde::de::DeserializeOwned + Default>(
        body: &Bytes,
        is_json: bool,
    ) -> Option<M> {
        if is_json { serde_json::from_slice(body).ok() } else { M::decode(&body[..]).ok() }
    }
}
