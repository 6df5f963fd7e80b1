//! What the journal leaves out when DuckDB has been away for so long that the journal nears its limit.
//!
//! From 70 % on the bodies of successful spans are left out, from 85 % on those of all spans; what they cost and how
//! long they took stays exact. At 100 % records are refused. A span without its bodies says so in its policy list.

use std::borrow::Cow;
use std::sync::Arc;

use weir_types::{PolicyDecision, Record, Span, SpanStatus};

/// How full the journal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fullness {
    Fine,
    /// From 70 %.
    High,
    /// From 85 %.
    VeryHigh,
    Full,
}

impl Fullness {
    pub(crate) fn of(bytes: u64, bytes_max: u64) -> Self {
        let percent = u128::from(bytes) * 100 / u128::from(bytes_max.max(1));
        match percent {
            0..70 => Self::Fine,
            70..85 => Self::High,
            85..100 => Self::VeryHigh,
            _ => Self::Full,
        }
    }
}

/// The records as they are kept at this fullness, and how many spans lost their bodies.
pub(crate) fn lighten(records: &[Record], fullness: Fullness) -> (Cow<'_, [Record]>, u64) {
    let loses_bodies = |record: &Record| match record {
        Record::Span(span) => {
            has_bodies(span) && (fullness == Fullness::VeryHigh || span.status == SpanStatus::Ok)
        }
        _ => false,
    };
    if fullness == Fullness::Fine || !records.iter().any(loses_bodies) {
        return (Cow::Borrowed(records), 0);
    }
    let mut records = records.to_vec();
    let mut dropped = 0;
    for record in &mut records {
        if !loses_bodies(record) {
            continue;
        }
        if let Record::Span(span) = record {
            drop_bodies(span);
            dropped += 1;
        }
    }
    (Cow::Owned(records), dropped)
}

fn has_bodies(span: &Span) -> bool {
    [&span.input, &span.output, &span.documents, &span.tools].into_iter().any(Option::is_some)
}

fn drop_bodies(span: &mut Span) {
    (span.input, span.output, span.documents, span.tools) = (None, None, None, None);
    span.policy.push(PolicyDecision {
        policy: Arc::from("journal"),
        action: Arc::from("bodies_dropped"),
        detail: Some(Arc::from("the journal was nearly full")),
        saved: None,
    });
}

#[cfg(test)]
mod tests {
    use weir_types::{Content, UnixMicros};

    use super::*;
    use crate::samples::plain_span;

    fn span(status: SpanStatus) -> Record {
        let mut span = plain_span(UnixMicros(1));
        span.status = status;
        span.input = Some(Content::new("[]"));
        Record::Span(Box::new(span))
    }

    fn kept_bodies(records: &[Record]) -> Vec<bool> {
        records.iter().map(|r| matches!(r, Record::Span(span) if span.input.is_some())).collect()
    }

    #[test]
    fn bodies_of_successful_calls_go_first_then_all_bodies() {
        let records = [span(SpanStatus::Ok), span(SpanStatus::Error)];
        for (percent, kept, dropped) in
            [(69, [true, true], 0), (70, [false, true], 1), (85, [false, false], 2)]
        {
            let (lightened, count) = lighten(&records, Fullness::of(percent, 100));
            assert_eq!((kept_bodies(&lightened), count), (kept.to_vec(), dropped), "at {percent} %");
        }
        assert_eq!(Fullness::of(100, 100), Fullness::Full);
    }

    #[test]
    fn a_span_without_its_bodies_says_so_and_keeps_its_cost() {
        let original = span(SpanStatus::Ok);
        let (lightened, _) = lighten(std::slice::from_ref(&original), Fullness::High);
        let (Record::Span(before), Record::Span(after)) = (&original, &lightened[0]) else { panic!("spans") };
        assert_eq!(after.cost, before.cost);
        assert_eq!(&*after.policy[0].action, "bodies_dropped");
    }
}
