//! What one payload brings: records, and what was refused.

use weir_types::{Record, Span};

use super::repeated;

/// Records of one payload.
#[derive(Debug, Default)]
pub struct Batch {
    /// What is kept.
    pub records: Vec<Record>,
    /// What is not, by reason.
    pub refusals: Vec<(&'static str, u64)>,
}

impl Batch {
    /// Counts one thing that is not kept.
    pub(super) fn refuse(&mut self, reason: &'static str) {
        match self.refusals.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, count)) => *count += 1,
            None => self.refusals.push((reason, 1)),
        }
    }

    /// Adds the spans of the payload, each call counted once.
    pub(super) fn keep_spans(&mut self, mut spans: Vec<Span>) {
        repeated::settle(&mut spans);
        self.records.extend(spans.into_iter().map(|span| Record::Span(Box::new(span))));
    }
}
