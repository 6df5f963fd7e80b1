//! The one door through which records pass the guard on their way into the journal.
//!
//! Every source appends through one sink; this one stands before it, so that a secret is taken out before the first byte is
//! written anywhere, and before anybody watches it live. A span that is in order passes as it is, without a copy.
//!
//! Failure: should looking at a span panic, the span is recorded without what it says, and counted. An unredacted text is
//! never written because of a fault here, and no call fails because of one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use weir_types::{Content, Record, RecordSink, SinkError};

use crate::record::{Judgements, withheld};
use crate::{Guard, InjectionModel};

/// A sink behind a guard.
pub struct GuardedSink {
    sink: Arc<dyn RecordSink>,
    guard: Arc<Guard>,
}

impl GuardedSink {
    /// A sink that appends to `sink` what `guard` lets through.
    pub fn new(sink: Arc<dyn RecordSink>, guard: Arc<Guard>) -> Self {
        Self { sink, guard }
    }

    /// What is recorded in place of a record, and with it; `None` when it is recorded as it is.
    fn look(&self, record: &Record) -> Option<Vec<Record>> {
        match record {
            Record::Span(span) => {
                let looked = catch_unwind(AssertUnwindSafe(|| self.guard.record(span)));
                let looked = looked.unwrap_or_else(|_| {
                    self.guard.counters.failures.fetch_add(1, Ordering::Relaxed);
                    Some((withheld(span), Vec::new()))
                });
                looked.map(|(span, more)| std::iter::once(Record::Span(span)).chain(more).collect())
            }
            Record::Event(event) => {
                let (text, _) = self.guard.secrets.redact(&event.text)?;
                let mut event = event.clone();
                event.text = Arc::from(text);
                Some(vec![Record::Event(event)])
            }
            Record::Score(score) => {
                let body = self.guard.secrets.redact_body(score.rationale.as_ref()?.expose())?;
                let mut score = score.clone();
                score.rationale = Some(Content::new(body.text));
                Some(vec![Record::Score(score)])
            }
            Record::Point(_) => None,
        }
    }

    /// Has the classifier's model score a span that was recorded, when it has time. Scores are recorded like those of rules.
    fn ask(&self, model: &dyn InjectionModel, record: &Record) {
        let Record::Span(span) = record else { return };
        let said = catch_unwind(AssertUnwindSafe(|| self.guard.said_for_model(span))).unwrap_or_default();
        if said.is_empty() {
            return;
        }
        let (guard, sink, span) = (Arc::clone(&self.guard), Arc::clone(&self.sink), span.clone());
        let told = move |score: Option<f64>| {
            let Some(score) = score else { return };
            let records = Judgements::of_model(&guard, &span, score);
            // A journal that cannot be written is told of by everybody who appends to it.
            if !records.is_empty() {
                let _ = sink.append(&records);
            }
        };
        if !model.score_later(said, Box::new(told)) {
            self.guard.counters.unscored.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl RecordSink for GuardedSink {
    fn append(&self, records: &[Record]) -> Result<(), SinkError> {
        let mut passed: Option<Vec<Record>> = None;
        for (number, record) in records.iter().enumerate() {
            match (self.look(record), &mut passed) {
                (None, None) => {}
                (None, Some(passed)) => passed.push(record.clone()),
                (Some(instead), passed) => {
                    passed.get_or_insert_with(|| records[..number].to_vec()).extend(instead);
                }
            }
        }
        let passed = passed.as_deref().unwrap_or(records);
        self.sink.append(passed)?;
        if let Some(model) = &self.guard.model {
            for record in passed {
                self.ask(&**model, record);
            }
        }
        Ok(())
    }
}
