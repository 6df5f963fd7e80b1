//! A span of the journal back to a record, read in one pass: a text goes from the frame into the record and nowhere in
//! between.
//!
//! The recorder reads every span this way, so it must not cost more than what keeping a copy in memory would. What the
//! fields mean is declared in [`wire`](super::wire), which tests read the same bytes with.
//!
//! Behaviour on failure: any bytes are a span or a reason. A field that this version does not know, or knows as
//! something else, is skipped.

use std::sync::Arc;

use prost::encoding::decode_varint;
use weir_types::{
    CacheStatus, Content, NanoUsd, PolicyDecision, Source, Span, SpanId, SpanKind, SpanStatus, TraceId,
    UnixMicros,
};

use crate::journal::group::DecodeError;

/// The value of a field.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Fixed(u64),
    Bytes(&'a [u8]),
    /// Four bytes; no field of ours has any.
    Short,
}

/// The fields of a message that are still to be read.
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn of(message: &'a [u8]) -> Self {
        Self(message)
    }

    /// The next field's number and value; `None` at the end of the message.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Value<'a>)>, DecodeError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => {
                let mut bits = [0; 8];
                bits.copy_from_slice(self.take(8)?);
                Value::Fixed(u64::from_le_bytes(bits))
            }
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(usize::try_from(length).unwrap_or(usize::MAX))?)
            }
            5 => {
                self.take(4)?;
                Value::Short
            }
            other => return Err(DecodeError::new(&format!("wire type {other} of field {}", key >> 3))),
        };
        Ok(Some((key >> 3, value)))
    }

    fn varint(&mut self) -> Result<u64, DecodeError> {
        decode_varint(&mut self.0).map_err(|error| DecodeError::new(&error))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let ends_early = || DecodeError::new(&format!("a field of {length} bytes ends early"));
        let (value, rest) = self.0.split_at_checked(length).ok_or_else(ends_early)?;
        self.0 = rest;
        Ok(value)
    }
}

/// Reads a span.
pub(crate) fn span(message: &[u8]) -> Result<Span, DecodeError> {
    let none = SpanId::from_bytes([0; 8]);
    let trace_id = TraceId::from_bytes([0; 16]);
    let mut span = Span::new(trace_id, none, SpanKind::Other, Source::Gateway, UnixMicros(0));
    // What an older version does not know is an error rather than a success.
    span.status = SpanStatus::Error;
    let (mut high, mut low) = (0, 0);
    let mut fields = Fields::of(message);
    while let Some((number, value)) = fields.next()? {
        match value {
            Value::Bytes(bytes) => set_bytes(&mut span, number, bytes)?,
            Value::Varint(integer) => set_integer(&mut span, number, integer),
            Value::Fixed(bits) => match number {
                1 => span.start = UnixMicros(bits.cast_signed()),
                3 => high = bits,
                4 => low = bits,
                5 => span.span_id = SpanId::from_bytes(bits.to_be_bytes()),
                6 => span.parent_id = Some(SpanId::from_bytes(bits.to_be_bytes())),
                46 => span.same_as = Some(SpanId::from_bytes(bits.to_be_bytes())),
                _ => {}
            },
            Value::Short => {}
        }
    }
    span.trace_id = TraceId::from_bytes((u128::from(high) << 64 | u128::from(low)).to_be_bytes());
    Ok(span)
}

fn set_bytes(span: &mut Span, number: u64, bytes: &[u8]) -> Result<(), DecodeError> {
    let slot = match number {
        7 => return Ok(span.kind = SpanKind::parse(text(bytes)?).unwrap_or(SpanKind::Other)),
        8 => return Ok(span.name = Arc::from(text(bytes)?)),
        9 => return Ok(span.source = Source::parse(text(bytes)?).unwrap_or(Source::Gateway)),
        10 => return Ok(span.status = SpanStatus::parse(text(bytes)?).unwrap_or(SpanStatus::Error)),
        36 => return Ok(span.cache = CacheStatus::parse(text(bytes)?)),
        38 => return Ok(span.policy.push(decision(bytes)?)),
        39 => return Ok(span.input = Some(Content::new(text(bytes)?))),
        40 => return Ok(span.output = Some(Content::new(text(bytes)?))),
        41 => return Ok(span.documents = Some(Content::new(text(bytes)?))),
        42 => return Ok(span.tools = Some(Content::new(text(bytes)?))),
        43 => return Ok(span.attributes = Some(Content::new(text(bytes)?))),
        11 => &mut span.error_type,
        12 => &mut span.error_message,
        14 => &mut span.provider,
        15 => &mut span.model,
        16 => &mut span.response_model,
        17 => &mut span.team,
        18 => &mut span.app,
        19 => &mut span.agent,
        20 => &mut span.session,
        21 => &mut span.user,
        22 => &mut span.env,
        23 => &mut span.service,
        24 => &mut span.key_id,
        32 => &mut span.price_version,
        35 => &mut span.finish_reason,
        44 => &mut span.client,
        45 => &mut span.response_id,
        _ => return Ok(()),
    };
    *slot = Some(Arc::from(text(bytes)?));
    Ok(())
}

fn set_integer(span: &mut Span, number: u64, integer: u64) {
    match number {
        2 => span.duration_us = integer,
        13 => span.http_status = u16::try_from(integer).ok(),
        25 => span.tokens.input = Some(integer),
        26 => span.tokens.output = Some(integer),
        27 => span.tokens.cache_read = Some(integer),
        28 => span.tokens.cache_write = Some(integer),
        29 => span.tokens.reasoning = Some(integer),
        30 => span.tokens_estimated = integer != 0,
        31 => span.cost = Some(NanoUsd(signed(integer))),
        33 => span.ttft_us = Some(integer),
        34 => span.stream = integer != 0,
        37 => span.saved = Some(NanoUsd(signed(integer))),
        _ => {}
    }
}

fn decision(message: &[u8]) -> Result<PolicyDecision, DecodeError> {
    let (mut policy, mut action, mut detail) = ("", "", None);
    let mut fields = Fields::of(message);
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Bytes(bytes)) => policy = text(bytes)?,
            (2, Value::Bytes(bytes)) => action = text(bytes)?,
            (3, Value::Bytes(bytes)) => detail = Some(text(bytes)?),
            _ => {}
        }
    }
    Ok(PolicyDecision { policy: Arc::from(policy), action: Arc::from(action), detail: detail.map(Arc::from) })
}

fn text(bytes: &[u8]) -> Result<&str, DecodeError> {
    std::str::from_utf8(bytes).map_err(|error| DecodeError::new(&error))
}

/// A signed number from `sint64`: zig-zag.
fn signed(integer: u64) -> i64 {
    (integer >> 1).cast_signed() ^ -(integer & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message as _;
    use weir_types::Record;

    use super::*;
    use crate::journal::encode::encode;
    use crate::journal::frame::FRAME_HEADER_BYTES;
    use crate::journal::wire;
    use crate::samples;

    /// The bytes of the only span of a group.
    fn span_bytes(record: &Record) -> Vec<u8> {
        let (bytes, _) = encode(std::slice::from_ref(record));
        let group = wire::Group::decode(&bytes[FRAME_HEADER_BYTES..]).unwrap();
        match group.records.into_iter().next().unwrap().record.unwrap() {
            wire::RecordKind::Span(span) => span.encode_to_vec(),
            other => panic!("{other:?} is no span"),
        }
    }

    proptest! {
        #[test]
        fn a_span_that_the_declared_format_wrote_is_read_as_it_was(record in samples::record()) {
            if let Record::Span(expected) = &record {
                prop_assert_eq!(span(&span_bytes(&record)), Ok(Span::clone(expected)));
            }
        }

        #[test]
        fn any_bytes_are_a_span_or_a_reason(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = span(&bytes);
        }

        #[test]
        fn a_cut_span_is_never_more_than_it_was(record in samples::record(), end in any::<prop::sample::Index>()) {
            if let Record::Span(_) = &record {
                let bytes = span_bytes(&record);
                let _ = span(&bytes[..end.index(bytes.len())]);
            }
        }
    }

    #[test]
    fn zig_zag_is_undone() {
        for (integer, number) in [(0, 0), (1, -1), (2, 1), (u64::MAX, i64::MIN), (u64::MAX - 1, i64::MAX)] {
            assert_eq!(signed(integer), number);
        }
    }
}
