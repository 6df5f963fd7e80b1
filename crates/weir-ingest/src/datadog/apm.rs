//! Traces as tracers send them: versions 0.3 and 0.4 are maps, 0.5 is lists with a table of texts.
//!
//! Decoding borrows from the payload. A payload that is no msgpack is refused as a whole, because a tracer sends it again;
//! a field of an unknown name or type is stepped over.

use std::borrow::Cow;

use super::msgpack::{MsgpackError, Reader, Token};

/// Entries (spans, tags, metrics, texts) of one payload. Tracers send 20 MB at most, and an entry takes about 20 bytes;
/// the limit keeps a payload of empty entries from growing fifty-fold in memory.
const ENTRIES_MAX: usize = 1_000_000;

/// What a span weighs in entries: it is that much larger than a tag.
const SPAN_ENTRIES: usize = 8;

/// Which shape a payload has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraceVersion {
    /// Maps: `/v0.3/traces` and `/v0.4/traces`.
    Maps,
    /// Lists and a table of texts: `/v0.5/traces`.
    Table,
}

/// A span as its tracer sent it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ApmSpan<'a> {
    pub service: Cow<'a, str>,
    pub name: Cow<'a, str>,
    pub resource: Cow<'a, str>,
    pub kind: Cow<'a, str>,
    /// The low 64 bits.
    pub trace_id: u64,
    pub span_id: u64,
    /// 0 for none.
    pub parent_id: u64,
    pub start_ns: i64,
    pub duration_ns: i64,
    pub is_error: bool,
    pub meta: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    pub metrics: Vec<(Cow<'a, str>, f64)>,
    /// What LLM Observability says about it: msgpack.
    pub llmobs: Option<&'a [u8]>,
}

impl ApmSpan<'_> {
    pub(super) fn meta(&self, key: &str) -> Option<&str> {
        self.meta.iter().find(|(known, _)| known == key).map(|(_, value)| &**value)
    }

    pub(super) fn metric(&self, key: &str) -> Option<f64> {
        self.metrics.iter().find(|(known, _)| known == key).map(|(_, value)| *value)
    }
}

/// The traces of a payload.
pub(super) fn decode(payload: &[u8], version: TraceVersion) -> Result<Vec<Vec<ApmSpan<'_>>>, MsgpackError> {
    let mut decoder = Decoder { reader: Reader::new(payload), entries: 0, texts: Vec::new() };
    match version {
        TraceVersion::Maps => decoder.traces(Decoder::span_of_map),
        TraceVersion::Table => {
            let at = decoder.reader.at();
            if decoder.reader.array_len()? != 2 {
                return Err(MsgpackError::Unexpected { expected: "a table of texts and traces", at });
            }
            decoder.table()?;
            decoder.traces(Decoder::span_of_list)
        }
    }
}

struct Decoder<'a> {
    reader: Reader<'a>,
    entries: usize,
    texts: Vec<&'a str>,
}

impl<'a> Decoder<'a> {
    fn traces(
        &mut self,
        span: fn(&mut Self) -> Result<ApmSpan<'a>, MsgpackError>,
    ) -> Result<Vec<Vec<ApmSpan<'a>>>, MsgpackError> {
        let mut traces = Vec::new();
        for _ in 0..self.reader.array_len()? {
            self.count(1)?;
            let mut trace = Vec::new();
            for _ in 0..self.reader.array_len()? {
                self.count(SPAN_ENTRIES)?;
                trace.push(span(self)?);
            }
            traces.push(trace);
        }
        Ok(traces)
    }

    fn count(&mut self, entries: usize) -> Result<(), MsgpackError> {
        self.entries += entries;
        if self.entries > ENTRIES_MAX { Err(MsgpackError::TooMany { max: ENTRIES_MAX }) } else { Ok(()) }
    }

    fn table(&mut self) -> Result<(), MsgpackError> {
        for _ in 0..self.reader.array_len()? {
            self.count(1)?;
            let text = match self.reader.text()? {
                Some(Cow::Borrowed(text)) => text,
                // A text that is no UTF-8 would be copied for each span that names it.
                _ => "\u{fffd}",
            };
            self.texts.push(text);
        }
        Ok(())
    }

    fn span_of_map(&mut self) -> Result<ApmSpan<'a>, MsgpackError> {
        let mut span = ApmSpan::default();
        let at = self.reader.at();
        let Token::Map(len) = self.reader.token()? else {
            return Err(MsgpackError::Unexpected { expected: "a span", at });
        };
        for _ in 0..len {
            let key = self.reader.text()?.unwrap_or_default();
            let token = self.reader.token()?;
            match &*key {
                "meta" => span.meta = self.pairs(token, Reader::text)?,
                "metrics" => span.metrics = self.pairs(token, Self::float)?,
                "meta_struct" => span.llmobs = self.llmobs(token)?,
                _ => {
                    self.reader.skip_rest(token)?;
                    set_field(&mut span, &key, token);
                }
            }
        }
        Ok(span)
    }

    /// Fields in the order of version 0.5.
    fn span_of_list(&mut self) -> Result<ApmSpan<'a>, MsgpackError> {
        let at = self.reader.at();
        let len = self.reader.array_len()?;
        if len != 12 {
            return Err(MsgpackError::Unexpected { expected: "a span of 12 fields", at });
        }
        let mut span = ApmSpan { service: self.known_text()?, ..ApmSpan::default() };
        span.name = self.known_text()?;
        span.resource = self.known_text()?;
        for key in ["trace_id", "span_id", "parent_id", "start", "duration", "error"] {
            let token = self.reader.token()?;
            self.reader.skip_rest(token)?;
            set_field(&mut span, key, token);
        }
        for _ in 0..self.map_len()? {
            self.count(1)?;
            span.meta.push((self.known_text()?, self.known_text()?));
        }
        for _ in 0..self.map_len()? {
            self.count(1)?;
            let key = self.known_text()?;
            if let Some(value) = Self::float(&mut self.reader)? {
                span.metrics.push((key, value));
            }
        }
        span.kind = self.known_text()?;
        Ok(span)
    }

    fn known_text(&mut self) -> Result<Cow<'a, str>, MsgpackError> {
        let at = self.reader.at();
        let token = self.reader.token()?;
        self.reader.skip_rest(token)?;
        let index = token.uint().and_then(|index| usize::try_from(index).ok());
        let text = index.and_then(|index| self.texts.get(index));
        text.map(|text| Cow::Borrowed(*text))
            .ok_or(MsgpackError::Unexpected { expected: "the number of a text in the table", at })
    }

    fn map_len(&mut self) -> Result<usize, MsgpackError> {
        let at = self.reader.at();
        match self.reader.token()? {
            Token::Map(len) => Ok(len),
            Token::Nil => Ok(0),
            _ => Err(MsgpackError::Unexpected { expected: "a map", at }),
        }
    }

    fn float(reader: &mut Reader<'a>) -> Result<Option<f64>, MsgpackError> {
        let token = reader.token()?;
        reader.skip_rest(token)?;
        Ok(token.float())
    }

    /// The pairs of a map whose values `read` takes; none when it is no map.
    fn pairs<T>(
        &mut self,
        head: Token<'a>,
        read: fn(&mut Reader<'a>) -> Result<Option<T>, MsgpackError>,
    ) -> Result<Vec<(Cow<'a, str>, T)>, MsgpackError> {
        let Token::Map(len) = head else {
            self.reader.skip_rest(head)?;
            return Ok(Vec::new());
        };
        let mut pairs = Vec::new();
        for _ in 0..len {
            self.count(1)?;
            let key = self.reader.text()?;
            if let (Some(key), Some(value)) = (key, read(&mut self.reader)?) {
                pairs.push((key, value));
            }
        }
        Ok(pairs)
    }

    fn llmobs(&mut self, head: Token<'a>) -> Result<Option<&'a [u8]>, MsgpackError> {
        let Token::Map(len) = head else {
            self.reader.skip_rest(head)?;
            return Ok(None);
        };
        let mut found = None;
        for _ in 0..len {
            let key = self.reader.text()?;
            let token = self.reader.token()?;
            self.reader.skip_rest(token)?;
            if let (Some("_llmobs"), Token::Bin(bytes)) = (key.as_deref(), token) {
                found = Some(bytes);
            }
        }
        Ok(found)
    }
}

fn set_field<'a>(span: &mut ApmSpan<'a>, key: &str, token: Token<'a>) {
    match key {
        "service" => span.service = token.text().unwrap_or_default(),
        "name" => span.name = token.text().unwrap_or_default(),
        "resource" => span.resource = token.text().unwrap_or_default(),
        "type" => span.kind = token.text().unwrap_or_default(),
        "trace_id" => span.trace_id = token.uint().unwrap_or_default(),
        "span_id" => span.span_id = token.uint().unwrap_or_default(),
        "parent_id" => span.parent_id = token.uint().unwrap_or_default(),
        "start" => span.start_ns = token.int().unwrap_or_default(),
        "duration" => span.duration_ns = token.int().unwrap_or_default(),
        "error" => span.is_error = token.int().unwrap_or_default() != 0,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `[["", "web", "get", "k", "v"], [[[1, 2, 1, 7, 8, 0, 1000, 500, 1, {3: 4}, {3: 1.5}, 2]]]]`.
    fn table_payload() -> Vec<u8> {
        let mut bytes = vec![0x92, 0x95, 0xa0, 0xa3];
        bytes.extend_from_slice(b"web\xa3get\xa1k\xa1v");
        bytes.extend_from_slice(&[0x91, 0x91, 0x9c, 1, 2, 1, 7, 8, 0, 0xcd, 0x03, 0xe8, 0xcd, 0x01, 0xf4, 1]);
        bytes.extend_from_slice(&[0x81, 3, 4, 0x81, 3, 0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 2]);
        bytes
    }

    #[test]
    fn a_span_of_the_table_has_its_texts_back() {
        let payload = table_payload();
        let traces = decode(&payload, TraceVersion::Table).unwrap();
        let span = &traces[0][0];
        assert_eq!((&*span.service, &*span.name, &*span.resource, &*span.kind), ("web", "get", "web", "get"));
        assert_eq!((span.trace_id, span.span_id, span.parent_id), (7, 8, 0));
        assert_eq!((span.start_ns, span.duration_ns, span.is_error), (1000, 500, true));
        assert_eq!((span.meta("k"), span.metric("k")), (Some("v"), Some(1.5)));
    }

    #[test]
    fn a_payload_that_ends_anywhere_is_refused() {
        let payload = table_payload();
        for len in 0..payload.len() {
            assert!(decode(&payload[..len], TraceVersion::Table).is_err(), "{len}");
        }
    }

    #[test]
    fn fields_of_other_types_are_stepped_over() {
        // [[{"name": {"a": [1]}, "service": "s", "meta": 5, "span_id": -1, "error": true, 3: nil}]]
        let payload = [
            b"\x91\x91\x86\xa4name\x81\xa1a\x91\x01\xa7service\xa1s\xa4meta\x05\xa7span_id\xff".as_slice(),
            b"\xa5error\xc3\x03\xc0",
        ]
        .concat();
        let traces = decode(&payload, TraceVersion::Maps).unwrap();
        let span = &traces[0][0];
        assert_eq!((&*span.name, &*span.service, span.span_id, span.is_error), ("", "s", u64::MAX, true));
    }

    #[test]
    fn a_small_payload_that_would_become_a_large_one_is_refused() {
        let spans = 500_000;
        let mut payload = vec![0x91, 0xdd, 0, 0x07, 0xa1, 0x20];
        payload.extend(std::iter::repeat_n(0x80, spans));
        assert_eq!(
            decode(&payload, TraceVersion::Maps),
            Err(MsgpackError::TooMany { max: ENTRIES_MAX }),
            "half a megabyte of empty spans"
        );
    }

    proptest! {
        #[test]
        fn bytes_of_any_kind_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = decode(&bytes, TraceVersion::Maps);
            let _ = decode(&bytes, TraceVersion::Table);
        }

        #[test]
        fn a_payload_with_any_byte_changed_is_survived(at in 0usize..60, byte in any::<u8>()) {
            let mut payload = table_payload();
            let len = payload.len();
            payload[at % len] = byte;
            let _ = decode(&payload, TraceVersion::Table);
        }
    }
}
