//! What all three signals have in common: decoding a body, accepting its records, and saying what was refused.
//!
//! The way of a request: its bytes take their share of the memory that all requests have, the body is unpacked, decoded
//! and converted off the async threads when it is long, the records are appended to the journal, and only then the client
//! is told. What is refused is told by name in the answer (partial success), and the rest is kept.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use weir_types::{Record, SinkError, UnixMicros};

use super::span::Refused;
use super::wire::{ExportAnswer, LogsRequest, MetricsRequest, PartialSuccess, TraceRequest};
use super::{cumulative, logs, metrics, traces};
use crate::inlet::Inlet;
use crate::mlflow::Known;

/// Bytes of a request's body, unpacked. Exporters send a few hundred spans at a time; with long prompts, megabytes.
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes of all bodies that are being read and converted. Records are about as large again, so memory stays below a
/// gigabyte whatever clients do.
const BODIES_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Bodies longer than this are converted on threads of their own: it takes more than half a millisecond.
const INLINE_BYTES_MAX: usize = 32 * 1024;

/// Records that one request becomes. A few bytes can ask for much: a histogram becomes many samples, and what a resource
/// says is repeated by each of its spans.
pub(crate) const RECORDS_MAX: usize = 50_000;

/// Refusals that an answer describes; all are counted.
const DESCRIBED_MAX: usize = 5;

/// After how many seconds a client that was turned away should come back.
pub(crate) const RETRY_AFTER_S: u64 = 2;

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Traces,
    Metrics,
    Logs,
}

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Protobuf,
    Json,
}

/// A request's body with what its head said.
pub(crate) struct Export {
    pub(crate) signal: Signal,
    pub(crate) format: Format,
    /// Unpacked.
    pub(crate) body: Bytes,
    /// The experiment, where an MLflow client sent it.
    pub(crate) experiment_id: Option<String>,
    /// The receiver that it is counted for.
    pub(crate) receiver: &'static str,
}

/// Records, and what was refused.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    pub(crate) records: Vec<Record>,
    pub(crate) refused: BTreeMap<&'static str, u64>,
    described: Vec<String>,
}

impl Decoded {
    /// Notes a refusal of the thing that `what` names.
    pub(crate) fn refuse(&mut self, what: &str, refused: &Refused) {
        *self.refused.entry(refused.reason).or_default() += 1;
        if self.described.len() < DESCRIBED_MAX {
            self.described.push(format!("{what}: {}", refused.text));
        }
    }

    /// The refusal of what would be over [`RECORDS_MAX`].
    pub(crate) fn too_many() -> Refused {
        Refused::new("too_many", format!("one request holds more than {RECORDS_MAX}; send smaller batches"))
    }

    fn answer(&self) -> ExportAnswer {
        let rejected: u64 = self.refused.values().sum();
        if rejected == 0 {
            return ExportAnswer::default();
        }
        let mut error_message = self.described.join("; ");
        let more = rejected.saturating_sub(self.described.len() as u64);
        if more > 0 {
            // Writing to a String cannot fail.
            let _ = write!(error_message, "; and {more} more");
        }
        let rejected = i64::try_from(rejected).unwrap_or(i64::MAX);
        ExportAnswer { partial_success: Some(PartialSuccess { rejected, error_message }) }
    }
}

/// Why a whole request was not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It cannot be read; sending it again would not help.
    Unreadable(String),
    /// It is over [`BODY_BYTES_MAX`].
    TooLarge,
    /// Too much is under way; later it will be accepted.
    Busy,
    /// The journal takes nothing now; later it may.
    Unavailable(String),
}

impl Failure {
    /// The word by which it is counted.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::TooLarge => "too_large",
            Self::Busy => "busy",
            Self::Unavailable(_) => "journal",
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreadable(why) => write!(f, "the body cannot be read: {why}"),
            Self::TooLarge => write!(f, "the body is over {BODY_BYTES_MAX} bytes; send smaller batches"),
            Self::Busy => f.write_str("too much is under way; send it again later"),
            Self::Unavailable(why) => write!(f, "{why}; send it again later"),
        }
    }
}

/// Takes requests of all signals and transports.
pub(crate) struct Exporter {
    inlet: Arc<Inlet>,
    room: Arc<Semaphore>,
    cumulative: cumulative::Tracker,
    mlflow: Arc<Known>,
}

impl Exporter {
    /// An exporter before an inlet.
    pub(crate) fn new(inlet: Arc<Inlet>, mlflow: Arc<Known>) -> Self {
        let started_at = inlet.clock().now();
        let room = Arc::new(Semaphore::new(BODIES_BYTES_MAX));
        Self { inlet, room, cumulative: cumulative::Tracker::new(started_at), mlflow }
    }

    /// The inlet.
    pub(crate) fn inlet(&self) -> &Arc<Inlet> {
        &self.inlet
    }

    /// Counts and passes on a failure.
    pub(crate) fn fail(&self, receiver: &'static str, failure: Failure) -> Failure {
        self.inlet.refuse(receiver, failure.reason(), 1);
        failure
    }

    /// Accepts a request. When this returns an answer, everything that the answer does not refuse survives `kill -9`.
    pub(crate) async fn export(self: &Arc<Self>, export: Export) -> Result<ExportAnswer, Failure> {
        let receiver = export.receiver;
        let result = self.export_bounded(export).await;
        result.map_err(|failure| self.fail(receiver, failure))
    }

    async fn export_bounded(self: &Arc<Self>, export: Export) -> Result<ExportAnswer, Failure> {
        let bytes = u32::try_from(export.body.len()).map_err(|_| Failure::TooLarge)?;
        let share = Arc::clone(&self.room).try_acquire_many_owned(bytes).map_err(|_| Failure::Busy)?;
        if export.body.len() <= INLINE_BYTES_MAX {
            return self.accept(&export);
        }
        let exporter = Arc::clone(self);
        let accepted = tokio::task::spawn_blocking(move || {
            let accepted = exporter.accept(&export);
            drop(share);
            accepted
        });
        accepted.await.map_err(|_| Failure::Unavailable("weir is shutting down".to_owned()))?
    }

    fn traces(&self, export: &Export, now: UnixMicros) -> Result<Decoded, Failure> {
        let experiment_id = export.experiment_id.as_deref();
        let mut decoded = traces::records(&read::<TraceRequest>(export)?, experiment_id.is_some(), now);
        if let Some(id) = experiment_id {
            self.mlflow.complete(&mut decoded.records, id);
        }
        Ok(decoded)
    }

    fn accept(&self, export: &Export) -> Result<ExportAnswer, Failure> {
        let now = self.inlet.clock().now();
        let mut decoded = match export.signal {
            Signal::Traces => self.traces(export, now)?,
            Signal::Metrics => metrics::records(&read::<MetricsRequest>(export)?, &self.cumulative, now),
            Signal::Logs => logs::records(&read::<LogsRequest>(export)?, now),
        };
        let answer = decoded.answer();
        for (reason, count) in &decoded.refused {
            self.inlet.refuse(export.receiver, reason, *count);
        }
        let records = std::mem::take(&mut decoded.records);
        self.inlet.accept_from(export.receiver, records).map_err(|error| match error {
            SinkError::TooLarge { .. } => Failure::TooLarge,
            SinkError::Journal(_) | SinkError::Closed => Failure::Unavailable(error.to_string()),
        })?;
        Ok(answer)
    }
}

/// Decodes a body. Neither decoder follows more than some hundred levels of nesting.
fn read<M: prost::Message + DeserializeOwned + Default>(export: &Export) -> Result<M, Failure> {
    match export.format {
        Format::Protobuf => M::decode(&*export.body).map_err(|error| Failure::Unreadable(error.to_string())),
        Format::Json => {
            serde_json::from_slice(&export.body).map_err(|error| Failure::Unreadable(error.to_string()))
        }
    }
}
