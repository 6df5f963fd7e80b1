//! Datadog's payloads: whatever the bytes, they are read or refused, what is kept can be priced and written, and nothing
//! panics or grows beyond its input. The last byte chooses the kind of payload.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;
use weir_ingest::datadog::{Batch, TraceVersion, evaluation, event, trace};
use weir_types::{Content, Record, UnixMicros};

const NOW: UnixMicros = UnixMicros(1_700_000_000_000_000);

fn decode(payload: &[u8], kind: u8) -> Option<Batch> {
    match kind % 4 {
        0 => trace::decode(payload, TraceVersion::Maps, "ddtrace").ok(),
        1 => trace::decode(payload, TraceVersion::Table, "ddtrace").ok(),
        2 => event::decode(payload, "ddtrace").ok(),
        _ => evaluation::decode(payload, NOW).ok(),
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((kind, payload)) = data.split_last() else { return };
    let Some(batch) = decode(payload, *kind) else { return };
    assert!(batch.records.len() <= payload.len());
    for record in &batch.records {
        let Record::Span(span) = record else { continue };
        assert!(span.same_as.is_none() || span.tokens.is_unknown());
        assert!(span.kind.is_model_call() || span.tokens.is_unknown());
        if let Some(attributes) = span.attributes.as_ref().map(Content::expose) {
            serde_json::from_str::<&RawValue>(attributes).expect("attributes are JSON");
        }
    }
});
