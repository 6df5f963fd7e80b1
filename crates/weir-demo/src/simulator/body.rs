//! The body of an answer: bytes with pauses between them, and an end that may be a bad one.
//!
//! A body knows its call ([`Ongoing`]): when it is dropped before its end the client went away, and the tally says so.
//! That is how a test sees that a gateway cancelled upstream.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use serde::Serialize;
use tokio::time::{Instant, Sleep, sleep_until};

/// What the simulator has seen so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Tally {
    /// Requests whose head arrived.
    pub requests: u64,
    /// Answers that were sent to their end.
    pub finished: u64,
    /// Calls whose client went away before the end of the answer.
    pub cancelled: u64,
    /// Calls that are being answered.
    pub in_flight: u64,
}

/// [`Tally`] while it is counted.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    requests: AtomicU64,
    finished: AtomicU64,
    cancelled: AtomicU64,
}

impl Counters {
    pub(crate) fn begin(self: &Arc<Self>) -> Ongoing {
        self.requests.fetch_add(1, Ordering::Relaxed);
        Ongoing { counters: Arc::clone(self), finished: false }
    }

    pub(crate) fn tally(&self) -> Tally {
        let finished = self.finished.load(Ordering::Relaxed);
        let cancelled = self.cancelled.load(Ordering::Relaxed);
        let requests = self.requests.load(Ordering::Relaxed);
        Tally { requests, finished, cancelled, in_flight: requests.saturating_sub(finished + cancelled) }
    }
}

/// A call from its head to the last byte of its answer.
#[derive(Debug)]
pub(crate) struct Ongoing {
    counters: Arc<Counters>,
    finished: bool,
}

impl Ongoing {
    /// The simulator has done what it meant to do.
    pub(crate) fn finish(&mut self) {
        if !self.finished {
            self.finished = true;
            self.counters.finished.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Ongoing {
    fn drop(&mut self) {
        if !self.finished {
            self.counters.cancelled.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Bytes, and how long to wait before they are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub pause: Duration,
    pub bytes: Bytes,
}

/// What happens after the last step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Ending {
    /// The body ends as it should.
    #[default]
    Complete,
    /// The connection is closed in the middle.
    Cut,
    /// Nothing more comes, and the connection stays open.
    Hang,
}

/// A body that was promised and not kept; makes hyper close the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the simulator was asked to break this answer off")]
pub(crate) struct BrokenOff;

/// The body.
pub(crate) struct Playback {
    steps: std::vec::IntoIter<Step>,
    /// The step whose pause is running.
    waiting: Option<Bytes>,
    /// Made when the first pause comes: most bodies have none.
    sleep: Option<Pin<Box<Sleep>>>,
    ending: Ending,
    /// Every step is a write of its own.
    flush: bool,
    flushed: bool,
    /// How much is to come, where the head says so; streams come in chunks instead.
    bytes_left: Option<u64>,
    call: Ongoing,
}

impl Playback {
    pub(crate) fn new(steps: Vec<Step>, ending: Ending, flush: bool, call: Ongoing) -> Self {
        Self {
            steps: steps.into_iter(),
            waiting: None,
            sleep: None,
            ending,
            flush,
            flushed: true,
            bytes_left: None,
            call,
        }
    }

    /// A body that is all there.
    pub(crate) fn whole(bytes: impl Into<Bytes>, call: Ongoing) -> Self {
        let step = Step { pause: Duration::ZERO, bytes: bytes.into() };
        let bytes_left = Some(step.bytes.len() as u64);
        Self { bytes_left, ..Self::new(vec![step], Ending::Complete, false, call) }
    }

    fn send(&mut self, bytes: Bytes) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        self.bytes_left = self.bytes_left.map(|left| left.saturating_sub(bytes.len() as u64));
        self.flushed = false;
        if self.steps.as_slice().is_empty() && self.ending == Ending::Complete {
            // hyper need not poll again when the length was known.
            self.call.finish();
        }
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn end(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match self.ending {
            Ending::Complete => {
                self.call.finish();
                Poll::Ready(None)
            }
            // hyper writes what it has before it asks again, so what was sent before the cut arrives.
            Ending::Cut if !self.flushed => self.let_hyper_write(context),
            Ending::Cut => {
                self.call.finish();
                Poll::Ready(Some(Err(BrokenOff)))
            }
            Ending::Hang => Poll::Pending,
        }
    }

    fn let_hyper_write<T>(&mut self, context: &Context<'_>) -> Poll<T> {
        self.flushed = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Body for Playback {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let this = &mut *self;
        if this.waiting.is_none() {
            if this.flush && !this.flushed {
                return this.let_hyper_write(context);
            }
            let Some(step) = this.steps.next() else { return this.end(context) };
            if step.pause.is_zero() {
                return this.send(step.bytes);
            }
            this.sleep = Some(Box::pin(sleep_until(Instant::now() + step.pause)));
            this.waiting = Some(step.bytes);
        }
        if let Some(sleep) = &mut this.sleep {
            ready!(sleep.as_mut().poll(context));
        }
        let bytes = this.waiting.take().unwrap_or_default();
        this.send(bytes)
    }

    fn is_end_stream(&self) -> bool {
        self.ending == Ending::Complete && self.waiting.is_none() && self.steps.as_slice().is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.bytes_left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
