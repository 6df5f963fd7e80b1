//! A frame's payload back to records. Converted by hand, so that the wire structs may stay as they are while the records
//! change.

use std::sync::Arc;

use prost::Message as _;
use weir_types::{
    CacheStatus, Content, Event, NanoUsd, Point, PolicyDecision, Record, Score, ScoreValue, Source, Span,
    SpanId, SpanKind, SpanStatus, Tags, TokenUsage, TraceId, UnixMicros,
};

use crate::journal::wire::{self, RecordKind};
use crate::names;

/// Why a payload whose checksum is right could not be read: it was not written by this program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the payload is not a group of records: {0}")]
pub struct DecodeError(String);

/// The records of a payload. Records of a kind that this version does not know are left out.
pub(crate) fn decode(payload: &[u8]) -> Result<Vec<Record>, DecodeError> {
    let group = wire::Group::decode(payload).map_err(|e| DecodeError(e.to_string()))?;
    Ok(group.records.into_iter().filter_map(|any| any.record).map(from_wire).collect())
}

fn from_wire(record: RecordKind) -> Record {
    match record {
        RecordKind::Span(span) => Record::Span(Box::new(span_from_wire(*span))),
        RecordKind::Score(score) => Record::Score(Box::new(score_from_wire(*score))),
        RecordKind::Point(point) => Record::Point(Box::new(Point {
            time: UnixMicros(point.time_us),
            name: point.name.into(),
            kind: names::point_kind(&point.kind),
            value: point.value,
            tags: tags_from_wire(point.tags),
        })),
        RecordKind::Event(event) => Record::Event(Box::new(Event {
            time: UnixMicros(event.time_us),
            title: event.title.into(),
            text: event.text.into(),
            level: names::event_level(&event.level),
            source: event.source.into(),
            tags: tags_from_wire(event.tags),
        })),
    }
}

fn span_from_wire(span: wire::Span) -> Span {
    Span {
        start: UnixMicros(span.start_us),
        duration_us: span.duration_us,
        trace_id: trace_from_wire(span.trace_id_high, span.trace_id_low),
        span_id: span_id_from_wire(span.span_id),
        parent_id: span.parent_id.map(span_id_from_wire),
        kind: SpanKind::parse(&span.kind).unwrap_or(SpanKind::Other),
        name: span.name.into(),
        source: Source::parse(&span.source).unwrap_or(Source::Gateway),
        status: SpanStatus::parse(&span.status).unwrap_or(SpanStatus::Error),
        error_type: shared(span.error_type),
        error_message: shared(span.error_message),
        http_status: span.http_status.and_then(|status| u16::try_from(status).ok()),
        provider: shared(span.provider),
        model: shared(span.model),
        response_model: shared(span.response_model),
        team: shared(span.team),
        app: shared(span.app),
        agent: shared(span.agent),
        session: shared(span.session),
        user: shared(span.user),
        env: shared(span.env),
        service: shared(span.service),
        key_id: shared(span.key_id),
        client: shared(span.client),
        response_id: shared(span.response_id),
        same_as: span.same_as.map(span_id_from_wire),
        tokens: TokenUsage {
            input: span.input_tokens,
            output: span.output_tokens,
            cache_read: span.cache_read_tokens,
            cache_write: span.cache_write_tokens,
            reasoning: span.reasoning_tokens,
        },
        tokens_estimated: span.tokens_estimated,
        cost: span.cost_nano_usd.map(NanoUsd),
        price_version: shared(span.price_version),
        ttft_us: span.ttft_us,
        stream: span.stream,
        finish_reason: shared(span.finish_reason),
        cache: span.cache.as_deref().and_then(CacheStatus::parse),
        saved: span.saved_nano_usd.map(NanoUsd),
        policy: span.policy.into_iter().map(policy_from_wire).collect(),
        input: span.input.map(Content::new),
        output: span.output.map(Content::new),
        documents: span.documents.map(Content::new),
        tools: span.tools.map(Content::new),
        attributes: span.attributes.map(Content::new),
    }
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

fn policy_from_wire(decision: wire::PolicyDecision) -> PolicyDecision {
    PolicyDecision {
        policy: decision.policy.into(),
        action: decision.action.into(),
        detail: shared(decision.detail),
        saved: decision.saved_nano_usd.map(NanoUsd),
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

fn shared(text: Option<String>) -> Option<Arc<str>> {
    text.map(Into::into)
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
