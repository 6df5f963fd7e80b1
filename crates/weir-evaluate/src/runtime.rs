//! Judging as calls end.
//!
//! [`Watch`] taps the sink that every source appends to, and notes traces with something to judge. The runtime waits until a trace
//! has settled (no new span for some seconds), reads it from the store with others, plans, and performs: what needs no model at once,
//! what does through a queue with an end. When it starts it first goes over what was stored in the last hour, so that a restart leaves
//! no hole; what has its score is not judged again.
//!
//! Invariants: an append costs a check and a try to put a note down, never a wait; everything that waits has an end, and what is
//! left out is counted. On failure: a store that cannot be read is asked again; a judge that fails costs its score and nothing else.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use weir_types::{Clock, Record, RecordSink, SinkError, Span, SpanId, TimeRange, TraceId, UnixMicros};

use crate::error::EvaluateError;
use crate::judge::JudgeStats;
use crate::judgement::scores_in;
use crate::panel::{Panel, Task};
use crate::subject::may_be_judged;
use crate::traces::{AROUND_US, BATCH, Traces};

/// Notes that wait to be read: a second of a gateway at its limit.
const NOTES_MAX: usize = 16_384;

/// Traces that have not settled yet.
const UNSETTLED_MAX: usize = 50_000;

/// How often settled traces are looked for: with [`BATCH`], 50 traces in a second at most.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The longest a trace to which spans are added all the time is waited for.
const UNSETTLED_US_MAX: i64 = 15 * UnixMicros::MINUTE;

/// How often a trace that is not stored yet is looked for again.
const TRIES_MAX: u8 = 60;

/// What the runtime is made of.
pub struct RuntimeParts {
    /// Who judges.
    pub panel: Arc<Panel>,
    /// Where traces are read.
    pub traces: Arc<dyn Traces>,
    /// Where scores go.
    pub sink: Arc<dyn RecordSink>,
    /// Says what now is.
    pub clock: Arc<dyn Clock>,
    /// How long no span must have been added to a trace, in microseconds.
    pub settle_us: i64,
    /// How far back is looked when Weir starts, in microseconds.
    pub catch_up_us: i64,
    /// Judgements that wait for a model.
    pub queue_max: usize,
    /// Whether the store has all that was in the journal when Weir started.
    pub is_recovered: Box<dyn Fn() -> bool + Send + Sync>,
}

/// What was done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EvaluationStats {
    /// Traces that were looked at.
    pub traces: u64,
    /// Scores that were written.
    pub scores: u64,
    /// Judgements that failed.
    pub failed: u64,
    /// What was left out because too much waited: notes, traces and judgements.
    pub left_out: u64,
    /// Traces and judgements that wait now.
    pub waiting: u64,
    /// Of the judge, where there is one.
    pub judge: JudgeStats,
}

#[derive(Default)]
struct Counters {
    traces: AtomicU64,
    scores: AtomicU64,
    failed: AtomicU64,
    left_out: AtomicU64,
    waiting: AtomicU64,
}

/// A trace was added to.
#[derive(Debug, Clone, Copy)]
struct Note {
    trace: TraceId,
    span: SpanId,
    start: UnixMicros,
    at: UnixMicros,
}

/// Sees what is recorded, for the runtime. Clones are the same watch.
#[derive(Clone)]
pub struct Watch {
    panel: Arc<Panel>,
    clock: Arc<dyn Clock>,
    notes: mpsc::Sender<Note>,
    counters: Arc<Counters>,
}

/// A sink that is watched.
struct Tap {
    sink: Arc<dyn RecordSink>,
    watch: Watch,
}

impl RecordSink for Tap {
    fn append(&self, records: &[Record]) -> Result<(), SinkError> {
        self.sink.append(records)?;
        for record in records {
            if let Record::Span(span) = record {
                self.watch.note(span);
            }
        }
        Ok(())
    }
}

impl Watch {
    /// The sink that appends to `sink` and is watched.
    pub fn tap(&self, sink: Arc<dyn RecordSink>) -> Arc<dyn RecordSink> {
        Arc::new(Tap { sink, watch: self.clone() })
    }

    /// How judging goes.
    pub fn stats(&self) -> EvaluationStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        EvaluationStats {
            traces: read(&self.counters.traces),
            scores: read(&self.counters.scores),
            failed: read(&self.counters.failed),
            left_out: read(&self.counters.left_out),
            waiting: read(&self.counters.waiting),
            judge: self.panel.judge().map(crate::judge::Judge::stats).unwrap_or_default(),
        }
    }

    fn note(&self, span: &Span) {
        if !may_be_judged(span) || !self.panel.looks_at(span) {
            return;
        }
        let note = Note { trace: span.trace_id, span: span.span_id, start: span.start, at: self.clock.now() };
        if self.notes.try_send(note).is_err() {
            add(&self.counters.left_out, 1);
        }
    }
}

fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(count as u64, Ordering::Relaxed);
}

/// A trace that may be added to.
struct Unsettled {
    last: Note,
    first_at: UnixMicros,
    /// The earliest start that was noted.
    start: UnixMicros,
    tries: u8,
}

/// What was stored before Weir started, page by page.
enum CatchUp {
    Waiting,
    Going { range: TimeRange, after: Option<String>, traces: VecDeque<(TraceId, UnixMicros)> },
    Done,
}

/// See the module.
pub struct Runtime {
    parts: RuntimeParts,
    notes: mpsc::Receiver<Note>,
    counters: Arc<Counters>,
    unsettled: HashMap<TraceId, Unsettled>,
    catch_up: CatchUp,
    /// Judgements that ask a model, those that wait for their turn among them.
    judging: JoinSet<Result<Vec<Record>, EvaluateError>>,
}

/// A runtime that has not started, and what it watches.
pub fn runtime(parts: RuntimeParts) -> (Runtime, Watch) {
    let (sender, notes) = mpsc::channel(NOTES_MAX);
    let counters = Arc::new(Counters::default());
    let watch = Watch {
        panel: Arc::clone(&parts.panel),
        clock: Arc::clone(&parts.clock),
        notes: sender,
        counters: Arc::clone(&counters),
    };
    let runtime = Runtime {
        parts,
        notes,
        counters,
        unsettled: HashMap::new(),
        catch_up: CatchUp::Waiting,
        judging: JoinSet::new(),
    };
    (runtime, watch)
}

impl Runtime {
    /// Judges until `stop` is ready; judgements under way are dropped then, and made after the next start. To be run on a runtime
    /// of its own: reading the store blocks.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => return,
                Some(ended) = self.judging.join_next() => self.finish(ended.unwrap_or(Err(EvaluateError::Ended))),
                _ = looks.tick() => {
                    // Notes first, so that a trace that was just added to is not taken for settled.
                    while let Ok(note) = self.notes.try_recv() {
                        self.take(note);
                    }
                    tokio::select! {
                        () = &mut stop => return,
                        () = self.look() => {}
                    }
                }
                Some(note) = self.notes.recv() => self.take(note),
            }
            let waiting = self.unsettled.len() + self.judging.len();
            self.counters.waiting.store(waiting as u64, Ordering::Relaxed);
        }
    }

    fn take(&mut self, note: Note) {
        if let Some(known) = self.unsettled.get_mut(&note.trace) {
            (known.last, known.start) = (note, known.start.min(note.start));
        } else if self.unsettled.len() < UNSETTLED_MAX {
            let unsettled = Unsettled { last: note, first_at: note.at, start: note.start, tries: 0 };
            self.unsettled.insert(note.trace, unsettled);
        } else {
            add(&self.counters.left_out, 1);
        }
    }

    /// Judges what has settled, or else a little of what was there before.
    async fn look(&mut self) {
        let now = self.parts.clock.now();
        let settled = self.settled(now);
        if !settled.is_empty() {
            self.judge_live(&settled, now).await;
        } else if self.judging.is_empty() {
            self.go_on_catching_up(now).await;
        }
    }

    fn settled(&self, now: UnixMicros) -> Vec<TraceId> {
        let is_settled = |trace: &Unsettled| {
            let quiet_us = now.0.saturating_sub(trace.last.at.0);
            quiet_us >= self.parts.settle_us || now.0.saturating_sub(trace.first_at.0) >= UNSETTLED_US_MAX
        };
        let mut settled: Vec<_> = self.unsettled.iter().filter(|(_, trace)| is_settled(trace)).collect();
        settled.sort_by_key(|(id, trace)| (trace.start, **id));
        settled.into_iter().take(BATCH).map(|(id, _)| *id).collect()
    }

    async fn judge_live(&mut self, settled: &[TraceId], now: UnixMicros) {
        let starts = settled.iter().filter_map(|id| Some(self.unsettled.get(id)?.start));
        let from = starts.min().unwrap_or(now).saturating_add_us(-AROUND_US);
        let range = TimeRange { from, to: UnixMicros(i64::MAX) };
        let whole = match self.parts.traces.whole(settled, range) {
            Ok(whole) => whole,
            Err(error) => {
                tracing::warn!(%error, "traces wait to be judged");
                return;
            }
        };
        for trace in settled {
            let Some(mut waiting) = self.unsettled.remove(trace) else { continue };
            let found =
                whole.iter().find(|(spans, _)| spans.first().is_some_and(|span| span.trace_id == *trace));
            let has_last =
                found.is_some_and(|(spans, _)| spans.iter().any(|span| span.span_id == waiting.last.span));
            if !has_last && waiting.tries < TRIES_MAX {
                // Not stored yet: the store is behind, or away.
                waiting.tries += 1;
                self.unsettled.insert(*trace, waiting);
                continue;
            }
            if let Some((spans, scores)) = found {
                self.judge(spans, scores).await;
            }
        }
    }

    async fn go_on_catching_up(&mut self, now: UnixMicros) {
        if matches!(self.catch_up, CatchUp::Waiting) && (self.parts.is_recovered)() {
            let range = TimeRange { from: now.saturating_add_us(-self.parts.catch_up_us), to: now };
            self.catch_up = CatchUp::Going { range, after: None, traces: VecDeque::new() };
            if let Err(error) = self.next_page() {
                tracing::warn!(%error, "what was stored before is not judged yet");
                self.catch_up = CatchUp::Waiting;
            }
        }
        let CatchUp::Going { traces, after, .. } = &mut self.catch_up else { return };
        let batch: Vec<_> = (0..BATCH).map_while(|_| traces.pop_front()).collect();
        let is_last = traces.is_empty() && after.is_none();
        let needs_page = traces.is_empty() && after.is_some();
        if let Some((_, first)) = batch.first() {
            let range = TimeRange { from: first.saturating_add_us(-AROUND_US), to: UnixMicros(i64::MAX) };
            // A trace that is added to now is judged when it has settled.
            let ids: Vec<_> =
                batch.iter().map(|(id, _)| *id).filter(|id| !self.unsettled.contains_key(id)).collect();
            match self.parts.traces.whole(&ids, range) {
                Ok(whole) => {
                    for (spans, scores) in &whole {
                        self.judge(spans, scores).await;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "some traces of before are not judged");
                    add(&self.counters.left_out, ids.len());
                }
            }
        }
        if is_last {
            self.catch_up = CatchUp::Done;
        } else if needs_page && let Err(error) = self.next_page() {
            tracing::warn!(%error, "what was stored before is not judged");
            self.catch_up = CatchUp::Done;
        }
    }

    fn next_page(&mut self) -> Result<(), EvaluateError> {
        let CatchUp::Going { range, after, traces } = &mut self.catch_up else { return Ok(()) };
        let page = self.parts.traces.page(*range, after.take())?;
        *after = page.next;
        traces.extend(page.traces);
        Ok(())
    }

    async fn judge(&mut self, spans: &[Span], scores: &[weir_types::Score]) {
        add(&self.counters.traces, 1);
        for task in self.parts.panel.plan(spans, scores) {
            if task.asks_model {
                self.put(task);
            } else {
                let done = self.parts.panel.perform(&task).await;
                self.finish(done);
            }
        }
    }

    fn put(&mut self, task: Task) {
        if self.judging.len() >= self.parts.queue_max {
            add(&self.counters.left_out, 1);
            return;
        }
        let panel = Arc::clone(&self.parts.panel);
        self.judging.spawn(async move { panel.perform(&task).await });
    }

    fn finish(&self, done: Result<Vec<Record>, EvaluateError>) {
        let appended = done.and_then(|records| {
            let scores = scores_in(&records);
            if !records.is_empty() {
                self.parts.sink.append(&records).map_err(|error| EvaluateError::Store(error.to_string()))?;
            }
            Ok(scores)
        });
        match appended {
            Ok(scores) => add(&self.counters.scores, scores),
            Err(error) => {
                let failed = self.counters.failed.fetch_add(1, Ordering::Relaxed) + 1;
                // Each doubling is told: a judge that is away all night should not fill the log.
                if failed.is_power_of_two() {
                    tracing::warn!(%error, failed, "a judgement failed; there is no score");
                }
            }
        }
    }
}
