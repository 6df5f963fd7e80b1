//! Records to a frame's payload and back. Converted by hand, so that the wire structs may stay as they are while the
//! records change.

use std::sync::Arc;

use prost::Message as _;
use weir_types::{
    CacheStatus, Content, Event, NanoUsd, Point, PolicyDecision, Record, Score, ScoreValue, Source, Span,
    SpanId, SpanKind, SpanStatus, Tags, TokenUsage, TraceId, UnixMicros,
};

use crate::journal::frame::FRAME_HEADER_BYTES;
use crate::journal::wire::{self, RecordKind};
use crate::names;

/// Why a payload whose checksum is right could not be read: it was not written by this program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the payload is not a group of records: {0}")]
pub struct DecodeError(String);

/// The bytes of a group, with room for a frame's header before them, and the largest record's size.
pub(crate) fn encode(records: &[Record]) -> (Vec<u8>, usize) {
    let group = wire::Group { records: records.iter().map(to_wire).collect() };
    let largest = group.records.iter().map(prost::Message::encoded_len).max().unwrap_or(0);
    let mut bytes = Vec::with_capacity(FRAME_HEADER_BYTES + group.encoded_len());
    bytes.resize(FRAME_HEADER_BYTES, 0);
    group.encode_raw(&mut bytes);
    (bytes, largest)
}

/// The records of a payload. Records of a kind that this version does not know are left out.
pub(crate) fn decode(payload: &[u8]) -> Result<Vec<Record>, DecodeError> {
    let group = wire::Group::decode(payload).map_err(|e| DecodeError(e.to_string()))?;
    Ok(group.records.into_iter().filter_map(|any| any.record).map(from_wire).collect())
}

fn to_wire(record: &Record) -> wire::AnyRecord {
    let record = match record {
        Record::Span(span) => RecordKind::Span(Box::new(span_to_wire(span))),
        Record::Score(score) => RecordKind::Score(Box::new(score_to_wire(score))),
        Record::Point(point) => RecordKind::Point(Box::new(wire::Point {
            time_us: point.time.0,
            name: point.name.to_string(),
            kind: names::of_point_kind(point.kind).to_owned(),
            value: point.value,
            tags: tags_to_wire(&point.tags),
        })),
        Record::Event(event) => RecordKind::Event(Box::new(wire::Event {
            time_us: event.time.0,
            title: event.title.to_string(),
            text: event.text.to_string(),
            level: names::of_event_level(event.level).to_owned(),
            source: event.source.to_string(),
            tags: tags_to_wire(&event.tags),
        })),
    };
    wire::AnyRecord { record: Some(record) }
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

fn span_to_wire(span: &Span) -> wire::Span {
    let (trace_id_high, trace_id_low) = trace_to_wire(span.trace_id);
    wire::Span {
        start_us: span.start.0,
        duration_us: span.duration_us,
        trace_id_high,
        trace_id_low,
        span_id: span_id_to_wire(span.span_id),
        parent_id: span.parent_id.map(span_id_to_wire),
        kind: span.kind.as_str().to_owned(),
        name: span.name.to_string(),
        source: span.source.as_str().to_owned(),
        status: span.status.as_str().to_owned(),
        error_type: owned(span.error_type.as_ref()),
        error_message: owned(span.error_message.as_ref()),
        http_status: span.http_status.map(u32::from),
        provider: owned(span.provider.as_ref()),
        model: owned(span.model.as_ref()),
        response_model: owned(span.response_model.as_ref()),
        team: owned(span.team.as_ref()),
        app: owned(span.app.as_ref()),
        agent: owned(span.agent.as_ref()),
        session: owned(span.session.as_ref()),
        user: owned(span.user.as_ref()),
        env: owned(span.env.as_ref()),
        service: owned(span.service.as_ref()),
        key_id: owned(span.key_id.as_ref()),
        input_tokens: span.tokens.input,
        output_tokens: span.tokens.output,
        cache_read_tokens: span.tokens.cache_read,
        cache_write_tokens: span.tokens.cache_write,
        reasoning_tokens: span.tokens.reasoning,
        tokens_estimated: span.tokens_estimated,
        cost_nano_usd: span.cost.map(|cost| cost.0),
        price_version: owned(span.price_version.as_ref()),
        ttft_us: span.ttft_us,
        stream: span.stream,
        finish_reason: owned(span.finish_reason.as_ref()),
        cache: span.cache.map(|cache| cache.as_str().to_owned()),
        saved_nano_usd: span.saved.map(|saved| saved.0),
        policy: span.policy.iter().map(policy_to_wire).collect(),
        input: exposed(span.input.as_ref()),
        output: exposed(span.output.as_ref()),
        documents: exposed(span.documents.as_ref()),
        tools: exposed(span.tools.as_ref()),
        attributes: exposed(span.attributes.as_ref()),
        client: owned(span.client.as_ref()),
        response_id: owned(span.response_id.as_ref()),
        same_as: span.same_as.map(span_id_to_wire),
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

fn score_to_wire(score: &Score) -> wire::Score {
    let (trace_id_high, trace_id_low) = trace_to_wire(score.trace_id);
    let (number, label) = match &score.value {
        ScoreValue::Number(number) => (Some(*number), None),
        ScoreValue::Label(label) => (None, Some(label.to_string())),
    };
    wire::Score {
        time_us: score.time.0,
        trace_id_high,
        trace_id_low,
        span_id: score.span_id.map(span_id_to_wire),
        name: score.name.to_string(),
        number,
        label,
        judge: score.judge.to_string(),
        rationale: exposed(score.rationale.as_ref()),
        tags: tags_to_wire(&score.tags),
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
        name: score.name.into(),
        value,
        judge: score.judge.into(),
        rationale: score.rationale.map(Content::new),
        tags: tags_from_wire(score.tags),
    }
}

fn policy_to_wire(decision: &PolicyDecision) -> wire::PolicyDecision {
    wire::PolicyDecision {
        policy: decision.policy.to_string(),
        action: decision.action.to_string(),
        detail: owned(decision.detail.as_ref()),
    }
}

fn policy_from_wire(decision: wire::PolicyDecision) -> PolicyDecision {
    PolicyDecision {
        policy: decision.policy.into(),
        action: decision.action.into(),
        detail: shared(decision.detail),
    }
}

fn tags_to_wire(tags: &Tags) -> Vec<wire::Tag> {
    tags.iter()
        .map(|(key, value)| wire::Tag { key: key.as_str().to_owned(), value: value.to_string() })
        .collect()
}

fn tags_from_wire(tags: Vec<wire::Tag>) -> Tags {
    tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

fn trace_to_wire(id: TraceId) -> (u64, u64) {
    let number = u128::from_be_bytes(*id.as_bytes());
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of a number")]
    ((number >> 64) as u64, number as u64)
}

fn trace_from_wire(high: u64, low: u64) -> TraceId {
    TraceId::from_bytes((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
}

fn span_id_to_wire(id: SpanId) -> u64 {
    u64::from_be_bytes(*id.as_bytes())
}

fn span_id_from_wire(number: u64) -> SpanId {
    SpanId::from_bytes(number.to_be_bytes())
}

fn owned(text: Option<&Arc<str>>) -> Option<String> {
    text.map(ToString::to_string)
}

fn shared(text: Option<String>) -> Option<Arc<str>> {
    text.map(Into::into)
}

fn exposed(content: Option<&Content>) -> Option<String> {
    content.map(|content| content.expose().to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
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
