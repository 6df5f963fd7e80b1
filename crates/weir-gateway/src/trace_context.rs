//! Where a call stands in its trace: W3C Trace Context, <https://www.w3.org/TR/trace-context/>.
//!
//! A client's `traceparent` is continued: its trace id is kept and its span becomes the parent of ours. What goes
//! upstream names our span as the parent. Without a valid header a trace begins here. `tracestate` passes as it is.

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use weir_types::{IdGenerator, SpanId, TraceId, UnixMicros};

pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The flag that says that the trace is recorded.
const SAMPLED: u8 = 1;

/// Who a call is in its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceContext {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) parent_id: Option<SpanId>,
    flags: u8,
}

impl TraceContext {
    /// Continues the client's trace, or begins one.
    pub(crate) fn continued(headers: &HeaderMap, ids: &IdGenerator, now: UnixMicros) -> Self {
        let span_id = ids.span_id(now);
        match headers.get(TRACEPARENT).and_then(|value| parse(value.to_str().ok()?)) {
            Some((trace_id, parent_id, flags)) => {
                Self { trace_id, span_id, parent_id: Some(parent_id), flags }
            }
            None => Self { trace_id: ids.trace_id(now), span_id, parent_id: None, flags: SAMPLED },
        }
    }

    /// The header that goes upstream.
    pub(crate) fn traceparent(&self) -> HeaderValue {
        let mut text = [0u8; 55];
        text[..3].copy_from_slice(b"00-");
        hex_into(&mut text[3..35], self.trace_id.as_bytes());
        text[35] = b'-';
        hex_into(&mut text[36..52], self.span_id.as_bytes());
        text[52] = b'-';
        hex_into(&mut text[53..], &[self.flags]);
        HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static(""))
    }

    /// The span id as a header value.
    pub(crate) fn span_id_header(&self) -> HeaderValue {
        let mut text = [0u8; 16];
        hex_into(&mut text, self.span_id.as_bytes());
        HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static(""))
    }
}

fn hex_into(text: &mut [u8], bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}

/// Versions after 00 may append fields; the first four keep their meaning. Version ff is forbidden.
fn parse(text: &str) -> Option<(TraceId, SpanId, u8)> {
    let mut fields = text.trim().split('-');
    let (version, trace_id, span_id, flags) =
        (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let version = hex_byte(version).filter(|version| *version != 0xff)?;
    if version == 0 && fields.next().is_some() {
        return None;
    }
    Some((trace_id.parse().ok()?, span_id.parse().ok()?, hex_byte(flags)?))
}

fn hex_byte(text: &str) -> Option<u8> {
    let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits.then(|| u8::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn continued(header: Option<&str>) -> TraceContext {
        let headers = header.map(|text| (TRACEPARENT, text.parse().unwrap())).into_iter().collect();
        TraceContext::continued(&headers, &IdGenerator::new(), UnixMicros(1))
    }

    #[test]
    fn a_clients_trace_is_continued_with_our_span_as_the_parent_upstream() {
        let context = continued(Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"));
        assert_eq!(context.parent_id, Some("b7ad6b7169203331".parse().unwrap()));
        let upstream = context.traceparent();
        let expected = format!("00-0af7651916cd43dd8448eb211c80319c-{}-00", context.span_id);
        assert_eq!(upstream, expected);
        assert_eq!(context.span_id_header(), context.span_id.to_string());
    }

    #[test]
    fn headers_that_are_none_begin_a_trace() {
        for header in [
            None,
            Some(""),
            Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"),
            Some("00-00000000000000000000000000000000-b7ad6b7169203331-01"),
            Some("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"),
            Some("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x"),
            Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-+1"),
        ] {
            assert_eq!(continued(header).parent_id, None, "{header:?}");
        }
    }

    #[test]
    fn later_versions_may_append_fields() {
        let context = continued(Some("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x"));
        assert!(context.parent_id.is_some());
    }
}
