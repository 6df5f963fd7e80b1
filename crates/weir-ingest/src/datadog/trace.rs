//! A payload of APM traces as records.

use super::apm::{self, TraceVersion};
use super::batch::Batch;
use super::context::{self, Dropped};
use super::msgpack::MsgpackError;

/// The records of a payload. A span without an id is refused, and the others are kept; bytes that are no traces are an
/// error, and nothing is kept.
pub fn decode(payload: &[u8], version: TraceVersion, tracer: &'static str) -> Result<Batch, MsgpackError> {
    let (mut batch, mut spans) = (Batch::default(), Vec::new());
    for trace in apm::decode(payload, version)? {
        let high = context::trace_id_high(&trace);
        for apm in &trace {
            match context::span(apm, high, tracer) {
                Ok((span, unread)) => {
                    if unread.is_some() {
                        batch.refuse("bad_llmobs");
                    }
                    spans.push(span);
                }
                Err(Dropped::NoId) => batch.refuse("no_id"),
                // Nothing is lost: the event of the same span is kept.
                Err(Dropped::SentAsEvent) => {}
            }
        }
    }
    batch.keep_spans(spans);
    Ok(batch)
}
