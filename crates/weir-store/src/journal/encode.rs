//! Records to a frame's payload: protobuf as [`wire`](super::wire) declares it, written in one pass from the records.
//!
//! Every call of the gateway is encoded on its way to the client, so nothing is copied but into the payload itself:
//! no struct in between, no text owned twice, no pass to compute lengths. The length of a nested message is not known
//! before it is written; it gets a varint of fixed width (protobuf allows leading groups of zeros) and is filled in
//! afterwards. Reading back, which is rare, uses the declared structs; a property test holds the two together.

use prost::encoding::{WireType, encode_key, encode_varint};
use weir_types::{
    Content, Event, Point, PolicyDecision, Record, Score, ScoreValue, Span, SpanId, Tags, TraceId,
};

use crate::journal::frame::FRAME_HEADER_BYTES;
use crate::names;

/// Bytes of a length that is filled in afterwards: 35 bits.
const LENGTH_BYTES: usize = 5;

/// What a record without its texts takes, about; a first guess at the payload's size.
const RECORD_BYTES_GUESS: usize = 512;

/// The bytes of a group, with room for a frame's header before them, and the largest record's size.
pub(crate) fn encode(records: &[Record]) -> (Vec<u8>, usize) {
    let guess: usize = records.iter().map(|record| RECORD_BYTES_GUESS + content_bytes(record)).sum();
    let mut group = Message(Vec::with_capacity(FRAME_HEADER_BYTES + guess));
    group.0.resize(FRAME_HEADER_BYTES, 0);
    let mut largest = 0;
    for record in records {
        let start = group.0.len();
        group.message(1, |any| match record {
            Record::Span(span) => any.message(1, |message| write_span(message, span)),
            Record::Score(score) => any.message(2, |message| write_score(message, score)),
            Record::Point(point) => any.message(3, |message| write_point(message, point)),
            Record::Event(event) => any.message(4, |message| write_event(message, event)),
        });
        largest = largest.max(group.0.len() - start);
    }
    (group.0, largest)
}

fn content_bytes(record: &Record) -> usize {
    let Record::Span(span) = record else { return 0 };
    let contents = [&span.input, &span.output, &span.documents, &span.tools, &span.attributes];
    contents.into_iter().flatten().map(|content| content.expose().len()).sum()
}

/// A message in the making.
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, tag: u32, value: u64) {
        encode_key(tag, WireType::Varint, &mut self.0);
        encode_varint(value, &mut self.0);
    }

    fn varint_if(&mut self, tag: u32, value: Option<u64>) {
        if let Some(value) = value {
            self.varint(tag, value);
        }
    }

    /// A signed number as `sint64`: zig-zag.
    fn signed_if(&mut self, tag: u32, value: Option<i64>) {
        self.varint_if(tag, value.map(|value| ((value << 1) ^ (value >> 63)).cast_unsigned()));
    }

    /// A flag; absent when false.
    fn flag(&mut self, tag: u32, value: bool) {
        if value {
            self.varint(tag, 1);
        }
    }

    fn fixed(&mut self, tag: u32, bits: u64) {
        encode_key(tag, WireType::SixtyFourBit, &mut self.0);
        self.0.extend_from_slice(&bits.to_le_bytes());
    }

    fn trace_id(&mut self, tag: u32, id: TraceId) {
        let number = u128::from_be_bytes(*id.as_bytes());
        #[expect(clippy::cast_possible_truncation, reason = "the two halves of a number")]
        let (high, low) = ((number >> 64) as u64, number as u64);
        self.fixed(tag, high);
        self.fixed(tag + 1, low);
    }

    fn span_id_if(&mut self, tag: u32, id: Option<SpanId>) {
        if let Some(id) = id {
            self.fixed(tag, u64::from_be_bytes(*id.as_bytes()));
        }
    }

    fn text(&mut self, tag: u32, text: &str) {
        encode_key(tag, WireType::LengthDelimited, &mut self.0);
        encode_varint(text.len() as u64, &mut self.0);
        self.0.extend_from_slice(text.as_bytes());
    }

    fn text_if(&mut self, tag: u32, text: Option<&str>) {
        if let Some(text) = text {
            self.text(tag, text);
        }
    }

    fn message(&mut self, tag: u32, write: impl FnOnce(&mut Self)) {
        encode_key(tag, WireType::LengthDelimited, &mut self.0);
        let at = self.0.len();
        self.0.extend_from_slice(&[0; LENGTH_BYTES]);
        let start = self.0.len();
        write(self);
        let mut length = self.0.len() - start;
        for (index, byte) in self.0[at..start].iter_mut().enumerate() {
            let more = if index + 1 < LENGTH_BYTES { 0x80 } else { 0 };
            *byte = length.to_le_bytes()[0] & 0x7f | more;
            length >>= 7;
        }
    }

    fn tags(&mut self, tag: u32, tags: &Tags) {
        for (key, value) in tags.iter() {
            self.message(tag, |message| {
                message.text(1, key.as_str());
                message.text(2, value);
            });
        }
    }
}

fn write_span(message: &mut Message, span: &Span) {
    message.fixed(1, span.start.0.cast_unsigned());
    message.varint(2, span.duration_us);
    message.trace_id(3, span.trace_id);
    message.span_id_if(5, Some(span.span_id));
    message.span_id_if(6, span.parent_id);
    message.text(7, span.kind.as_str());
    message.text(8, &span.name);
    message.text(9, span.source.as_str());
    message.text(10, span.status.as_str());
    message.text_if(11, span.error_type.as_deref());
    message.text_if(12, span.error_message.as_deref());
    message.varint_if(13, span.http_status.map(u64::from));
    let names = [&span.provider, &span.model, &span.response_model, &span.team, &span.app, &span.agent];
    let more = [&span.session, &span.user, &span.env, &span.service, &span.key_id];
    for (tag, name) in (14..).zip(names.into_iter().chain(more)) {
        message.text_if(tag, name.as_deref());
    }
    let tokens = &span.tokens;
    let counts = [tokens.input, tokens.output, tokens.cache_read, tokens.cache_write, tokens.reasoning];
    for (tag, count) in (25..).zip(counts) {
        message.varint_if(tag, count);
    }
    message.flag(30, span.tokens_estimated);
    message.signed_if(31, span.cost.map(|cost| cost.0));
    message.text_if(32, span.price_version.as_deref());
    message.varint_if(33, span.ttft_us);
    message.flag(34, span.stream);
    message.text_if(35, span.finish_reason.as_deref());
    message.text_if(36, span.cache.map(weir_types::CacheStatus::as_str));
    message.signed_if(37, span.saved.map(|saved| saved.0));
    for decision in &span.policy {
        message.message(38, |message| write_decision(message, decision));
    }
    let contents = [&span.input, &span.output, &span.documents, &span.tools, &span.attributes];
    for (tag, content) in (39..).zip(contents) {
        message.text_if(tag, content.as_ref().map(Content::expose));
    }
    message.text_if(44, span.client.as_deref());
    message.text_if(45, span.response_id.as_deref());
    message.span_id_if(46, span.same_as);
}

fn write_decision(message: &mut Message, decision: &PolicyDecision) {
    message.text(1, &decision.policy);
    message.text(2, &decision.action);
    message.text_if(3, decision.detail.as_deref());
    message.signed_if(4, decision.saved.map(|saved| saved.0));
}

fn write_score(message: &mut Message, score: &Score) {
    message.fixed(1, score.time.0.cast_unsigned());
    message.trace_id(2, score.trace_id);
    message.span_id_if(4, score.span_id);
    message.text(5, &score.name);
    match &score.value {
        ScoreValue::Number(number) => message.fixed(6, number.to_bits()),
        ScoreValue::Label(label) => message.text(7, label),
    }
    message.text(8, &score.judge);
    message.text_if(9, score.rationale.as_ref().map(Content::expose));
    message.tags(10, &score.tags);
    message.flag(11, score.by_span_alone);
}

fn write_point(message: &mut Message, point: &Point) {
    message.fixed(1, point.time.0.cast_unsigned());
    message.text(2, &point.name);
    message.text(3, names::of_point_kind(point.kind));
    message.fixed(4, point.value.to_bits());
    message.tags(5, &point.tags);
}

fn write_event(message: &mut Message, event: &Event) {
    message.fixed(1, event.time.0.cast_unsigned());
    message.text(2, &event.title);
    message.text(3, &event.text);
    message.text(4, event.level.as_str());
    message.text(5, &event.source);
    message.tags(6, &event.tags);
}
