//! The end of every call: its span is written, priced and appended to the journal.
//!
//! This happens before the client has the last bytes of its answer, so it is quick: one look-up for the price and one
//! append. The exceptions are a call whose provider did not state its tokens, and one with long bodies, which the sink looks
//! through for what must not be kept. Either can take milliseconds, so it is done on a thread for blocking work, and the last
//! bytes wait for it ([`Counting`]).
//!
//! Failure: a record that the journal does not take is counted, logged at most once in a while, and lost; the user's call
//! goes on.

mod attributes;
mod client;
mod metering;
mod said;
mod savings;
mod span;

pub(crate) use client::name_of as client_name;
pub(crate) use span::{input_json, name_of as span_name};

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::task::JoinHandle;
use weir_control::budget::{Charge, Reservation};
use weir_dialect::ResponseFacts;
use weir_types::{Content, NanoUsd, Record, Span};

use crate::cache::{self, Keep};
use crate::context::CallContext;
use crate::gateway::Gateway;
use crate::guard::INSPECTED_HERE_BYTES_MAX;
use crate::refusal::Refusal;
use metering::Metering;

/// How a call ended.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ending<'a> {
    /// A provider's answer, an error among them, reached its end.
    Answered,
    /// A provider's success reached its end and is no answer: the page of some proxy, say. It is passed on as it came.
    Unreadable,
    /// The provider's answer broke off; the cause in a word.
    Cut(&'static str),
    /// The client went away.
    Cancelled,
    /// Weir shut down before the answer was complete.
    Stopped,
    /// Weir answered itself.
    Refused(&'a Refusal),
}

/// What a recorded call cost.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Recorded {
    pub(crate) cost: Option<NanoUsd>,
}

/// Whether the record is made.
pub(crate) enum Finished {
    /// It is.
    Recorded(Recorded),
    /// It was made before; a call is recorded once.
    Before,
    /// It will be when its tokens are counted.
    Counting(Counting),
}

/// A record in the making.
pub(crate) struct Counting(JoinHandle<Recorded>);

impl Counting {
    /// Ready when the record is made. A record whose making failed is as good as lost and holds nobody up.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Recorded> {
        Pin::new(&mut self.0).poll(cx).map(Result::unwrap_or_default)
    }
}

/// Records the call and waits until that is done.
pub(crate) async fn finish(ctx: &CallContext, facts: ResponseFacts, ending: Ending<'_>) -> Recorded {
    match begin_finish(ctx, facts, ending) {
        Finished::Recorded(recorded) => recorded,
        Finished::Before => Recorded::default(),
        Finished::Counting(mut counting) => std::future::poll_fn(|cx| counting.poll(cx)).await,
    }
}

/// Records the call, or begins to.
pub(crate) fn begin_finish(ctx: &CallContext, facts: ResponseFacts, ending: Ending<'_>) -> Finished {
    if !ctx.claim_record() {
        return Finished::Before;
    }
    let spans = Spans {
        attempts: span::attempts(ctx),
        call: span::of_call(ctx, &facts, &ending),
        keep: cache::keep(ctx, &facts, &ending),
        reservation: ctx.progress.borrow_mut().reservation.take(),
    };
    let metering = Metering::of(ctx, facts, &ending);
    let must_count = metering.must_count(&spans.call);
    if must_count || spans.is_long() {
        let gateway = Arc::clone(&ctx.worker.gateway);
        let count = move || {
            let mut spans = spans;
            if must_count {
                metering.count(&gateway.parts.meter, &mut spans.call);
            }
            spans.price_and_append(&metering, &gateway)
        };
        return Finished::Counting(Counting(tokio::task::spawn_blocking(count)));
    }
    Finished::Recorded(spans.price_and_append(&metering, ctx.gateway()))
}

/// The span of a call, and those of its attempts where there were several.
struct Spans {
    call: Box<Span>,
    attempts: Vec<Record>,
    /// The answer, where it is to be given again.
    keep: Option<Keep>,
    /// What the call holds with budgets; settled when the cost is known.
    reservation: Option<Reservation>,
}

impl Spans {
    /// Whether the sink takes longer to look at what was said than other calls should wait.
    fn is_long(&self) -> bool {
        let call = &self.call;
        let bodies = [&call.input, &call.output, &call.tools].into_iter().flatten();
        bodies.map(Content::len).sum::<usize>() > INSPECTED_HERE_BYTES_MAX
    }

    fn price_and_append(mut self, metering: &Metering, gateway: &Gateway) -> Recorded {
        metering.price(&gateway.parts.meter, &mut self.call);
        let cost = self.call.cost;
        if let Some(keep) = self.keep.take() {
            keep.with(&self.call);
        }
        if let Some(reservation) = self.reservation.take() {
            let tokens = self.call.tokens.total().unwrap_or(0);
            reservation.settle(&Charge { cost: cost.unwrap_or_default(), tokens });
        }
        gateway.counters.note_end(self.call.status);
        let appended = if self.attempts.is_empty() {
            gateway.parts.sink.append(&[Record::Span(self.call)])
        } else {
            self.attempts.push(Record::Span(self.call));
            gateway.parts.sink.append(&self.attempts)
        };
        if let Err(error) = appended {
            gateway.counters.note_lost(&error, gateway.parts.clock.now());
        }
        Recorded { cost }
    }
}
