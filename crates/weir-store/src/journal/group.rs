//! A frame's payload back to records. Converted by hand, so that the wire structs may stay as they are while the records
//! change.

use weir_types::{Content, Event, Point, Record, Score, ScoreValue, SpanId, Tags, TraceId, UnixMicros};

use crate::journal::decode::{self, Fields, Value};
use crate::journal::wire;
use crate::names;

/// Why a payload whose checksum is right could not be read: it was not written by this program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the payload is not a group of records: {0}")]
pub struct DecodeError(String);

impl DecodeError {
    pub(crate) fn new(cause: &dyn std::fmt::Display) -> Self {
        Self(cause.to_string())
    }
}

/// The records of a payload. Records of a kind that this version does not know are left out.
pub(crate) fn decode(payload: &[u8]) -> Result<Vec<Record>, DecodeError> {
    let mut records = Vec::new();
    let mut group = Fields::of(payload);
    while let Some(field) = group.next()? {
        if let (1, Value::Bytes(any)) = field {
            let mut kinds = Fields::of(any);
            while let Some(kind) = kinds.next()? {
                if let (number, Value::Bytes(message)) = kind {
                    records.extend(record(number, message)?);
                }
            }
        }
    }
    Ok(records)
}

fn record(kind: u64, message: &[u8]) -> Result<Option<Record>, DecodeError> {
    Ok(Some(match kind {
        1 => Record::Span(Box::new(decode::span(message)?)),
        2 => Record::Score(Box::new(score_from_wire(read(message)?))),
        3 => {
            let point: wire::Point = read(message)?;
            Record::Point(Box::new(Point {
                time: UnixMicros(point.time_us),
                name: point.name.into(),
                kind: names::point_kind(&point.kind),
                value: point.value,
                tags: tags_from_wire(point.tags),
            }))
        }
        4 => {
            let event: wire::Event = read(message)?;
            Record::Event(Box::new(Event {
                time: UnixMicros(event.time_us),
                title: event.title.into(),
                text: event.text.into(),
                level: names::event_level(&event.level),
                source: event.source.into(),
                tags: tags_from_wire(event.tags),
            }))
        }
        _ => return Ok(None),
    }))
}

fn read<M: prost::Message + Default>(message: &[u8]) -> Result<M, DecodeError> {
    M::decode(message).map_err(|error| DecodeError::new(&error))
}

fn score_from_wire(score: wire::Score) -> Score {
    let value = match (score.number, score.label) {
        (Some(number), _) => ScoreValue::Number(number),
        (None, label) => ScoreValue::Label(label.unwrap_or_default().into()),
    };
    Score {
        time: UnixMicros(score.time_us),
        trace_id: trace_from_wire(score.trace_id_high, score.trace_id_low),
        span_id: score.span_id.map(span_id_from_wire),
        by_span_alone: score.by_span_alone,
        name: score.name.into(),
        value,
        judge: score.judge.into(),
        rationale: score.rationale.map(Content::new),
        tags: tags_from_wire(score.tags),
    }
}

fn tags_from_wire(tags: Vec<wire::Tag>) -> Tags {
    tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

fn trace_from_wire(high: u64, low: u64) -> TraceId {
    TraceId::from_bytes((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
}

fn span_id_from_wire(number: u64) -> SpanId {
    SpanId::from_bytes(number.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::journal::encode::encode;
    use crate::journal::frame::FRAME_HEADER_BYTES;
    use crate::samples;

    proptest! {
        #[test]
        fn every_record_survives_the_journal(records in prop::collection::vec(samples::record(), 0..5)) {
            let (bytes, _) = encode(&records);
            prop_assert_eq!(decode(&bytes[FRAME_HEADER_BYTES..]), Ok(records));
        }
    }

    #[test]
    fn fields_and_kinds_of_a_newer_version_are_skipped() {
        let known = Record::Span(Box::new(samples::plain_span(UnixMicros(1))));
        let (bytes, _) = encode(std::slice::from_ref(&known));
        let mut payload = bytes[FRAME_HEADER_BYTES..].to_vec();
        // A record of kind 9, and a field 200 of the group itself.
        payload.extend([0x0a, 0x03, 0x4a, 0x01, 0x00]);
        payload.extend([0xc2, 0x0c, 0x01, 0x78]);
        assert_eq!(decode(&payload), Ok(vec![known]));
    }
}
