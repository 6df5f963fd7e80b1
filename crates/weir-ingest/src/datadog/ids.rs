//! Identifiers as Datadog writes them: numbers of 64 bits, decimal or hexadecimal, and pairs of them.

use weir_types::{SpanId, TraceId};

/// A span's id from its number; `None` for 0, which means no span.
pub(super) fn span_id(number: u64) -> Option<SpanId> {
    (number != 0).then(|| SpanId::from_bytes(number.to_be_bytes()))
}

/// A span's id from text: decimal, as tracers write it. Sixteen hexadecimal digits with a letter among them are taken
/// too, because OpenTelemetry writes them so.
pub(super) fn span_id_of_text(text: &str) -> Option<SpanId> {
    text.parse().map_or_else(|_| text.parse().ok(), span_id)
}

/// A trace's id from its halves; `None` when both are 0.
pub(super) fn trace_id(high: u64, low: u64) -> Option<TraceId> {
    let number = u128::from(high) << 64 | u128::from(low);
    (number != 0).then(|| TraceId::from_bytes(number.to_be_bytes()))
}

/// A trace's id from text: 32 hexadecimal digits, fewer where the high half is 0, or a decimal number of 64 bits.
pub(super) fn trace_id_of_text(text: &str) -> Option<TraceId> {
    if text.len() == 32 {
        return text.parse().ok();
    }
    if let Ok(low) = text.parse() {
        return trace_id(0, low);
    }
    let number = u128::from_str_radix(text, 16).ok().filter(|_| text.len() < 32)?;
    (number != 0).then(|| TraceId::from_bytes(number.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_an_id_is_read() {
        let span = span_id(11_910_199_514_032_835_546).unwrap();
        assert_eq!(span.to_string(), "a549875ae5f50bda");
        assert_eq!(span_id_of_text("11910199514032835546"), Some(span));
        assert_eq!(span_id_of_text("a549875ae5f50bda"), Some(span));
        let trace = "6b04ceb000000000d673035c5d3ead38";
        assert_eq!(trace_id_of_text(trace).unwrap().to_string(), trace);
        assert_eq!(trace_id_of_text("255").unwrap().to_string(), format!("{:0>32}", "ff"));
        assert_eq!(
            trace_id_of_text("d673035c5d3ead38").unwrap().to_string(),
            format!("{:0>32}", "d673035c5d3ead38")
        );
    }

    #[test]
    fn what_names_nothing_is_no_id() {
        for text in ["", "0", "undefined", "-1", "xyz", &"0".repeat(32), &"f".repeat(40)] {
            assert_eq!((span_id_of_text(text), trace_id_of_text(text)), (None, None), "{text}");
        }
    }
}
