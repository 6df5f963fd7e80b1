//! Where all receivers put their records: priced, counted, and in the journal before a client is answered.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use weir_meter::{Meter, PriceDetail};
use weir_types::{Clock, Record, RecordSink, SinkError, Span};

/// What an inlet needs.
pub struct InletParts {
    /// Where records are kept.
    pub sink: Arc<dyn RecordSink>,
    /// Prices for spans whose client stated tokens and no cost.
    pub meter: Arc<Meter>,
    /// For what arrives without a time.
    pub clock: Arc<dyn Clock>,
}

/// Takes the records of every receiver.
pub struct Inlet {
    parts: InletParts,
    accepted: Mutex<BTreeMap<&'static str, u64>>,
    refusals: Refusals,
}

impl Inlet {
    /// An inlet before a journal.
    pub fn new(parts: InletParts) -> Self {
        Self { parts, accepted: Mutex::default(), refusals: Refusals::default() }
    }

    /// Prices spans and appends everything, all or none. When this returns `Ok` the records survive `kill -9`, and the
    /// client may be told that they were accepted.
    pub fn accept(&self, mut records: Vec<Record>) -> Result<(), SinkError> {
        if records.is_empty() {
            return Ok(());
        }
        for record in &mut records {
            if let Record::Span(span) = record {
                self.price(span);
            }
        }
        self.parts.sink.append(&records)
    }

    /// The same as [`Self::accept`], and counts the records for this receiver.
    pub fn accept_from(&self, receiver: &'static str, records: Vec<Record>) -> Result<(), SinkError> {
        let count = records.len() as u64;
        self.accept(records)?;
        self.count_accepted(receiver, count);
        Ok(())
    }

    /// Counts records that were accepted, for a receiver that appends what it merged from several.
    pub fn count_accepted(&self, receiver: &'static str, count: u64) {
        // Counters are whole after every step, so a panic elsewhere leaves nothing half-done in them.
        let mut accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        *accepted.entry(receiver).or_default() += count;
    }

    /// How many records of this receiver were accepted since the start.
    pub fn accepted(&self, receiver: &str) -> u64 {
        let accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        accepted.get(receiver).copied().unwrap_or_default()
    }

    /// Counts something that was not accepted, by receiver and by reason (`truncated`, `bad_value`, …).
    pub fn refuse(&self, receiver: &'static str, reason: &'static str, count: u64) {
        self.refusals.add(receiver, reason, count);
    }

    /// What was not accepted since the start.
    pub fn refusals(&self) -> Vec<RefusalCount> {
        self.refusals.all()
    }

    /// Weir's clock.
    pub fn clock(&self) -> &dyn Clock {
        &*self.parts.clock
    }

    /// A cost that the client stated stays; a model call with tokens and a known price gets one.
    fn price(&self, span: &mut Span) {
        if span.cost.is_some() || !span.kind.is_model_call() {
            return;
        }
        let (input, output) = (span.tokens.input, span.tokens.output);
        if input.is_none() && output.is_none() {
            return;
        }
        let provider = span.provider.as_deref().unwrap_or_default();
        // The model that answered is what is charged; a name that no price list knows falls back to what was asked for.
        let models = [span.response_model.as_deref(), span.model.as_deref()];
        for model in models.into_iter().flatten() {
            let detail = PriceDetail::default();
            if let Some(priced) = self.parts.meter.cost(provider, model, &span.tokens, &detail) {
                (span.cost, span.price_version) = (Some(priced.cost), Some(priced.version));
                return;
            }
        }
    }
}

/// How often something was not accepted, by receiver and reason.
#[derive(Debug, Default)]
pub struct Refusals {
    counts: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
}

/// One line of [`Inlet::refusals`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusalCount {
    /// Which receiver: `dogstatsd`, `datadog`, `otlp`, `mlflow`.
    pub receiver: &'static str,
    /// Why, in a word.
    pub reason: &'static str,
    /// How often since the start.
    pub count: u64,
}

impl Refusals {
    fn add(&self, receiver: &'static str, reason: &'static str, count: u64) {
        // Counters are whole after every step, so a panic elsewhere leaves nothing half-done in them.
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((receiver, reason)).or_default() += count;
    }

    fn all(&self) -> Vec<RefusalCount> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().map(|(&(receiver, reason), &count)| RefusalCount { receiver, reason, count }).collect()
    }
}
