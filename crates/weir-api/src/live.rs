//! The live feed: spans on their way into the store, shown to whoever watches.
//!
//! A [`LiveFeed`] taps the [`RecordSink`] that every source appends to, so one feed sees the gateway's calls and all
//! telemetry. It must cost the gateway nothing when nobody watches: then [`RecordSink::append`] is the store's own plus
//! one atomic load. With watchers a span is copied once (its texts are shared, not copied) into a bounded ring.
//!
//! Invariants: what is shown is in the journal already; a watcher that is slow loses spans and is told how many, and
//! never holds anyone up. Behaviour on failure: an append that fails is not shown.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use weir_types::{Record, RecordSink, SinkError, Span};

/// Spans that wait for the slowest watcher: a second of a busy gateway, and some megabytes at most, because contents are
/// shared with what is being stored anyway.
const WAITING_MAX: usize = 4_096;

/// Watchers at once; each is a browser tab that someone looks at.
const WATCHERS_MAX: usize = 64;

/// Shows spans as they are recorded. Clones are the same feed.
#[derive(Debug, Clone)]
pub struct LiveFeed {
    channel: broadcast::Sender<Option<Arc<Span>>>,
    watchers: Arc<AtomicUsize>,
    ended: Arc<AtomicBool>,
}

impl Default for LiveFeed {
    fn default() -> Self {
        let (channel, _) = broadcast::channel(WAITING_MAX);
        Self { channel, watchers: Arc::default(), ended: Arc::default() }
    }
}

impl LiveFeed {
    /// The sink that appends to `sink` and shows what was appended.
    pub fn tap(&self, sink: Arc<dyn RecordSink>) -> Arc<dyn RecordSink> {
        Arc::new(Tap { sink, feed: self.clone() })
    }

    /// Ends every watcher's stream, now and from now on: open streams must not hold up a shutdown.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Release);
        // Nobody may be watching, which is what is wanted.
        let _ = self.channel.send(None);
    }

    /// A new watcher; `None` when there are too many.
    pub(crate) fn watch(&self) -> Option<Watcher> {
        // Counted before the channel is joined, so that no span is shown to a channel that nobody reads.
        let place = Place::take(&self.watchers)?;
        Some(Watcher { receiver: self.channel.subscribe(), ended: Arc::clone(&self.ended), _place: place })
    }

    fn show(&self, records: &[Record]) {
        for record in records {
            if let Record::Span(span) = record {
                // The last watcher may have gone just now.
                let _ = self.channel.send(Some(Arc::new(Span::clone(span))));
            }
        }
    }
}

struct Tap {
    sink: Arc<dyn RecordSink>,
    feed: LiveFeed,
}

impl RecordSink for Tap {
    fn append(&self, records: &[Record]) -> Result<(), SinkError> {
        self.sink.append(records)?;
        if self.feed.watchers.load(Ordering::Relaxed) > 0 {
            self.feed.show(records);
        }
        Ok(())
    }
}

/// What a watcher sees next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sight {
    /// A span.
    Span(Arc<Span>),
    /// This many spans went by unseen.
    Missed(u64),
}

/// One who watches.
pub(crate) struct Watcher {
    receiver: broadcast::Receiver<Option<Arc<Span>>>,
    ended: Arc<AtomicBool>,
    _place: Place,
}

impl Watcher {
    /// Waits for what comes next; `None` when the feed has ended.
    pub async fn next(&mut self) -> Option<Sight> {
        if self.ended.load(Ordering::Acquire) {
            return None;
        }
        match self.receiver.recv().await {
            Ok(span) => span.map(Sight::Span),
            Err(RecvError::Lagged(missed)) => Some(Sight::Missed(missed)),
            Err(RecvError::Closed) => None,
        }
    }
}

/// A place among the watchers, given back when its watcher goes.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(watchers: &Arc<AtomicUsize>) -> Option<Self> {
        let place = Self(Arc::clone(watchers));
        (watchers.fetch_add(1, Ordering::Relaxed) < WATCHERS_MAX).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use weir_types::{Source, SpanId, SpanKind, TraceId, UnixMicros};

    use super::*;

    /// Counts what it takes, and refuses when told to.
    #[derive(Default)]
    struct Counted {
        taken: Mutex<usize>,
        refuses: AtomicBool,
    }

    impl RecordSink for Counted {
        fn append(&self, records: &[Record]) -> Result<(), SinkError> {
            if self.refuses.load(Ordering::Relaxed) {
                return Err(SinkError::Closed);
            }
            *self.taken.lock().unwrap() += records.len();
            Ok(())
        }
    }

    fn record(number: u8) -> Record {
        let (trace, span) = (TraceId::from_bytes([number; 16]), SpanId::from_bytes([number; 8]));
        Record::Span(Box::new(Span::new(trace, span, SpanKind::Llm, Source::Gateway, UnixMicros(0))))
    }

    async fn next_span(watcher: &mut Watcher) -> u8 {
        match watcher.next().await {
            Some(Sight::Span(span)) => span.span_id.as_bytes()[0],
            other => panic!("{other:?} is no span"),
        }
    }

    #[tokio::test]
    async fn a_watcher_sees_what_was_appended_since_it_came_and_only_that() {
        let (feed, counted) = (LiveFeed::default(), Arc::new(Counted::default()));
        let sink = feed.tap(counted.clone());
        sink.append(&[record(1)]).unwrap();
        let mut watcher = feed.watch().unwrap();
        counted.refuses.store(true, Ordering::Relaxed);
        assert!(sink.append(&[record(2)]).is_err());
        counted.refuses.store(false, Ordering::Relaxed);
        sink.append(&[record(3), record(4)]).unwrap();
        assert_eq!((next_span(&mut watcher).await, next_span(&mut watcher).await), (3, 4));
        assert_eq!(*counted.taken.lock().unwrap(), 3);
    }

    #[tokio::test]
    async fn a_slow_watcher_is_told_how_many_it_missed_and_holds_up_nobody() {
        let (feed, counted) = (LiveFeed::default(), Arc::new(Counted::default()));
        let sink = feed.tap(counted.clone());
        let mut watcher = feed.watch().unwrap();
        for _ in 0..WAITING_MAX + 5 {
            sink.append(&[record(7)]).unwrap();
        }
        assert_eq!(watcher.next().await, Some(Sight::Missed(5)));
        assert_eq!(next_span(&mut watcher).await, 7);
    }

    #[tokio::test]
    async fn the_end_ends_those_who_watch_and_those_who_come_later() {
        let feed = LiveFeed::default();
        let mut early = feed.watch().unwrap();
        feed.end();
        assert_eq!(early.next().await, None);
        assert_eq!(feed.watch().unwrap().next().await, None);
    }

    #[test]
    fn places_are_bounded_and_given_back() {
        let feed = LiveFeed::default();
        let mut watchers: Vec<_> = (0..WATCHERS_MAX).map(|_| feed.watch().unwrap()).collect();
        assert!(feed.watch().is_none());
        watchers.pop();
        assert!(feed.watch().is_some());
        drop(watchers);
        assert_eq!(feed.watchers.load(Ordering::Relaxed), 0);
    }
}
