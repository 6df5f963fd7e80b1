//! A body that passes through: piece by piece, as it arrives.
//!
//! The server's connection polls it, and it polls the provider's connection: there is no task and no channel between
//! them, so a piece costs one wake-up, and a client that goes away drops this body and the provider's connection with it.
//! How such a call is recorded is [`crate::session`]'s business; nothing is recorded by dropping.
//!
//! Pieces that have arrived together leave together: a burst of small events costs one write to the client, not one for
//! each. A piece that comes alone is passed on without a copy, and none waits for another.
//!
//! States: `Relaying` until the answer is over or the call is recorded; `Counting` while the tokens that the provider did
//! not state are counted elsewhere and the last pieces wait here; `Ended`. A cut upstream is first `Cut`: what arrived
//! before the cut must be written before the error closes the client's connection.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;
use tokio::time::{Instant, Sleep};
use weir_dialect::{ResponseFacts, StreamForward, StreamReader, StreamStep};

use super::body::RelayError;
use crate::cache;
use crate::context::CallContext;
use crate::finish::{Counting, Ending, Finished, begin_finish};
use crate::upstream::connection::Exchange;

/// Bytes of pieces that are joined before they are sent. More would only delay the first of them.
const JOINED_BYTES_MAX: usize = 32 * 1024;

pub(super) struct Relay {
    ctx: Rc<CallContext>,
    provider: usize,
    exchange: Option<Exchange>,
    state: State,
    /// Pieces to send, before anything else is done.
    waiting: Waiting,
    idle: IdleTimer,
    length: Option<u64>,
}

enum State {
    Relaying,
    /// The pieces in `waiting` may leave when this is done; then the state is the other one.
    Counting(Counting, Box<State>),
    /// The error is told at the next poll.
    Cut {
        is_flushed: bool,
        cause: String,
    },
    Ended,
}

impl Relay {
    pub(super) fn new(ctx: &Rc<CallContext>, provider: usize, exchange: Exchange) -> Self {
        let is_read = ctx.progress.borrow().answer.as_ref().is_some_and(|answer| answer.reader.is_some());
        Self {
            length: exchange.length().filter(|_| !is_read),
            idle: IdleTimer::new(ctx.provider(provider).timeouts.idle_stream_ms),
            ctx: Rc::clone(ctx),
            provider,
            exchange: Some(exchange),
            state: State::Relaying,
            waiting: Waiting::default(),
        }
    }

    /// The same, with the beginning of the body, which has been read already.
    pub(super) fn with_beginning(mut self, beginning: Bytes) -> Self {
        self.length = self.length.map(|rest| rest + beginning.len() as u64);
        self.note_bytes(beginning.len());
        self.waiting.push(beginning);
        self
    }

    pub(super) fn is_end(&self) -> bool {
        matches!(self.state, State::Ended) && self.waiting.is_empty()
    }

    pub(super) fn length(&self) -> Option<u64> {
        self.length
    }

    pub(super) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, RelayError>>> {
        loop {
            if let State::Counting(counting, _) = &mut self.state {
                ready!(counting.poll(cx));
                if let State::Counting(_, next) = std::mem::replace(&mut self.state, State::Ended) {
                    self.state = *next;
                }
            }
            let is_enough = self.waiting.bytes >= JOINED_BYTES_MAX || !matches!(self.state, State::Relaying);
            if !self.waiting.is_empty() && (is_enough || self.poll_exchange(cx).is_pending()) {
                return Poll::Ready(self.waiting.take().map(Ok));
            }
            if !self.waiting.is_empty() {
                continue;
            }
            match &mut self.state {
                State::Relaying => ready!(self.poll_exchange(cx)),
                State::Counting(..) => {}
                State::Ended => return Poll::Ready(None),
                State::Cut { is_flushed: true, cause } => {
                    return Poll::Ready(Some(Err(RelayError(std::mem::take(cause)))));
                }
                State::Cut { is_flushed, .. } => {
                    *is_flushed = true;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        }
    }

    /// Takes in what the provider sends next, its end, or its silence.
    fn poll_exchange(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(exchange) = &mut self.exchange else {
            self.state = State::Ended;
            return Poll::Ready(());
        };
        match exchange.poll_data(cx) {
            Poll::Ready(Some(Ok(piece))) => {
                self.idle.restart();
                let is_last = exchange.is_end();
                self.take(piece);
                if is_last {
                    self.end();
                }
            }
            Poll::Ready(None) => self.end(),
            Poll::Ready(Some(Err(error))) => self.cut("upstream_cut", error.to_string()),
            Poll::Pending => {
                ready!(self.idle.poll(cx));
                self.cut("timeout", format!("nothing arrived for {} ms", self.idle.time_max.as_millis()));
            }
        }
        Poll::Ready(())
    }

    /// Reads a piece and lets it wait to be sent. A piece that ends the stream waits until the call is recorded.
    fn take(&mut self, piece: Bytes) {
        self.note_bytes(piece.len());
        let step = match self.ctx.progress.borrow_mut().reader() {
            Some(reader) => reader.push(piece),
            None => StreamStep { forward: StreamForward::Same(piece), first_token: false, terminal: false },
        };
        self.follow(step);
    }

    fn follow(&mut self, step: StreamStep) {
        if step.first_token {
            self.ctx.progress.borrow_mut().first_token_us = Some(self.ctx.elapsed_us());
        }
        match step.forward {
            StreamForward::None => {}
            StreamForward::Same(piece) => self.pass_on(piece),
            StreamForward::Parts(pieces) => pieces.into_iter().for_each(|piece| self.pass_on(piece)),
        }
        if step.terminal {
            self.record(|_| Ending::Answered, State::Relaying);
        }
    }

    fn pass_on(&mut self, piece: Bytes) {
        cache::capture_piece(&self.ctx, &piece);
        self.waiting.push(piece);
    }

    /// The provider has said everything.
    fn end(&mut self) {
        if let Some(exchange) = self.exchange.take() {
            self.ctx.worker.give_back(self.provider, exchange);
        }
        let rest = self.ctx.progress.borrow_mut().reader().map(StreamReader::flush);
        if let Some(step) = rest {
            self.follow(step);
        }
        let is_over = |is_complete| if is_complete { Ending::Answered } else { Ending::Cut("upstream_cut") };
        self.record(is_over, State::Ended);
    }

    /// The provider went away or fell silent: closes its connection and, soon, the client's.
    fn cut(&mut self, error_type: &'static str, cause: String) {
        self.exchange = None;
        self.record(|_| Ending::Cut(error_type), State::Cut { is_flushed: false, cause });
    }

    /// Records the call, if that has not been done, and goes on to the next state when it is recorded. `ending` is told
    /// whether the answer is complete.
    fn record(&mut self, ending: impl FnOnce(bool) -> Ending<'static>, next: State) {
        let reader = self.ctx.progress.borrow_mut().answer.as_mut().and_then(|answer| answer.reader.take());
        let is_complete = reader.as_ref().is_none_or(|reader| reader.is_complete());
        let facts = reader.map_or_else(ResponseFacts::default, |reader| reader.finish());
        self.state = match begin_finish(&self.ctx, facts, ending(is_complete)) {
            // Counting of an earlier `record` goes on; its pieces still wait.
            Finished::Before if matches!(self.state, State::Counting(..)) => {
                return self.after_counting(next);
            }
            Finished::Recorded(_) | Finished::Before => next,
            Finished::Counting(counting) => State::Counting(counting, Box::new(next)),
        };
    }

    fn after_counting(&mut self, then: State) {
        if let State::Counting(_, next) = &mut self.state {
            **next = then;
        }
    }

    fn note_bytes(&self, bytes: usize) {
        if let Some(answer) = self.ctx.progress.borrow_mut().answer.as_mut() {
            answer.bytes += bytes as u64;
        }
    }
}

/// Pieces that have arrived and not been sent.
#[derive(Default)]
struct Waiting {
    pieces: SmallVec<[Bytes; 4]>,
    bytes: usize,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.bytes += piece.len();
            self.pieces.push(piece);
        }
    }

    /// All of them as one; one alone as it is.
    fn take(&mut self) -> Option<Bytes> {
        let bytes = std::mem::take(&mut self.bytes);
        if self.pieces.len() < 2 {
            return self.pieces.pop();
        }
        let mut joined = BytesMut::with_capacity(bytes);
        self.pieces.drain(..).for_each(|piece| joined.extend_from_slice(&piece));
        Some(joined.freeze())
    }
}

/// Notices that nothing has arrived for too long. The timer is not reset by every piece, which would cost more than the
/// piece: it runs out, finds out how long ago the last piece came, and sleeps for the rest.
struct IdleTimer {
    time_max: Duration,
    last: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl IdleTimer {
    fn new(time_max_ms: u64) -> Self {
        Self { time_max: Duration::from_millis(time_max_ms), last: Instant::now(), sleep: None }
    }

    fn restart(&mut self) {
        self.last = Instant::now();
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.last + self.time_max;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        loop {
            ready!(sleep.as_mut().poll(cx));
            let deadline = self.last + self.time_max;
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline);
        }
    }
}
