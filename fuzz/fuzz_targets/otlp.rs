//! OTLP: no bytes stop a decoder, in protobuf or in JSON, and what a span keeps as JSON is JSON. The last byte chooses the
//! signal and the format.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use weir_ingest::otlp::decode;
use weir_types::{Record, UnixMicros};

const NOW: UnixMicros = UnixMicros(1_700_000_000_000_000);

fuzz_target!(|data: &[u8]| {
    let Some((choice, body)) = data.split_last() else { return };
    let body = Bytes::copy_from_slice(body);
    let is_json = choice & 4 != 0;
    let records = match choice & 3 {
        0 | 3 => decode::traces(&body, is_json, NOW),
        1 => decode::metrics(&body, is_json, NOW),
        _ => decode::logs(&body, is_json, NOW),
    };
    for record in records.unwrap_or_default() {
        match record {
            Record::Span(span) => {
                assert!(span.tokens.is_unknown() || span.kind.is_model_call());
                for content in [span.input, span.output, span.documents, span.tools, span.attributes].into_iter().flatten() {
                    let is_json = serde_json::from_str::<&serde_json::value::RawValue>(content.expose()).is_ok();
                    assert!(is_json || content.len() >= weir_types::limits::CONTENT_BYTES_MAX);
                }
            }
            Record::Point(point) => assert!(point.value.is_finite()),
            Record::Score(_) | Record::Event(_) => {}
        }
    }
});
