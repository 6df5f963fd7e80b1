//! The judge: runs the monitors of a Weir that serves.
//!
//! One thread follows what the store does to cells, turns the engine's ticks when their time has come, adds the traces
//! that show an alert, and commits what changed to the state store in one transaction: states, transitions and notices
//! are there together or not at all. After a restart it reads the states back and judges the minutes that were missed, in
//! order; of these only the end is told.
//!
//! On failure: a question that fails changes no state. A commit that fails is tried again, and no further tick is judged
//! until it succeeds, so that what is told and what is known never part. A store that cannot be read is asked again.

mod definitions;
mod evidence;
mod feed;
mod lateness;
mod policies;
mod tell;
pub(crate) mod verify;
mod view;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::Handle;
use weir_monitor::{Engine, Ledger, Presence, TickReport};
use weir_types::{
    AlertStore, AuditLog, Browse, CellFeed, Clock, Event, EventLevel, PriceSource, Record, RecordSink, Scan,
    SharedPolicies, TickCommit, UnixMicros,
};

use definitions::DefinitionStore;
use lateness::{LateCounts, Lateness, Looker};
use policies::Board;

/// How long after a minute's end it is judged at the earliest: the store commits several times a second, and a call is
/// recorded when it ends.
const DELAY_US: i64 = 10 * UnixMicros::SECOND;

/// How often the thread looks at the clock and at what the store did.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The longest time that is judged after Weir was away: a day of ticks takes seconds.
const AWAY_US_MAX: i64 = UnixMicros::DAY;

/// What the judge is made of.
pub struct JudgeParts {
    /// Tells what happens to cells.
    pub feed: Arc<dyn CellFeed>,
    /// Answers what the ledger does not follow.
    pub scan: Arc<dyn Scan>,
    /// Finds the traces that show an alert.
    pub browse: Arc<dyn Browse>,
    /// Keeps states, transitions and notices.
    pub alerts: Arc<dyn AlertStore>,
    /// Called when notices were written.
    pub on_notices: Box<dyn Fn() + Send + Sync>,
    /// Keeps who changed what.
    pub audit: Arc<dyn AuditLog>,
    /// Where events about monitors go.
    pub sink: Arc<dyn RecordSink>,
    /// For what a change of spend is made of.
    pub prices: Arc<dyn PriceSource>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// What `weir.toml` defines.
    pub configured: weir_monitor::Definitions,
    /// Runs what the state store does.
    pub runtime: Handle,
    /// Whether the store has all that was in the journal when Weir started: what was missed is judged by nothing less.
    pub is_recovered: Box<dyn Fn() -> bool + Send + Sync>,
}

/// See the module.
pub struct Judge {
    parts: JudgeParts,
    definitions: DefinitionStore,
    state: Mutex<State>,
    board: Board,
    is_stopped: AtomicBool,
    woken: Condvar,
    /// Guards nothing; the condition variable needs one.
    sleep: Mutex<()>,
}

struct State {
    engine: Engine,
    ledger: Arc<Ledger>,
    lateness: Lateness,
    late_counts: LateCounts,
    /// The last tick that was judged.
    ticked_to: Option<UnixMicros>,
    /// The last tick that was written.
    committed_to: Option<UnixMicros>,
    /// Before this instant Weir was away.
    here_since: UnixMicros,
    /// Whether the ledger follows everything that the engine asks for.
    is_following: bool,
    /// The minute in which that was asked last.
    asked_at: UnixMicros,
    /// A commit that failed.
    unwritten: Option<TickCommit>,
}

impl Judge {
    /// A judge that has not started yet.
    pub fn new(parts: JudgeParts) -> Arc<Self> {
        let alerts = Arc::clone(&parts.alerts);
        let definitions = DefinitionStore::new(parts.configured.clone(), alerts, parts.runtime.clone());
        let engine = Engine::new(&definitions.monitors());
        let ledger = Arc::new(Ledger::new(Some(Arc::clone(&parts.scan))));
        let here_since = parts.clock.now();
        let state = State {
            engine,
            ledger,
            lateness: Lateness::default(),
            late_counts: LateCounts::default(),
            ticked_to: None,
            committed_to: None,
            here_since,
            is_following: false,
            asked_at: UnixMicros(i64::MIN),
            unwritten: None,
        };
        Arc::new(Self {
            board: Board::new(Arc::clone(&parts.clock)),
            parts,
            definitions,
            state: Mutex::new(state),
            is_stopped: AtomicBool::new(false),
            woken: Condvar::new(),
            sleep: Mutex::new(()),
        })
    }

    /// The policies that monitors set for the gateway.
    pub fn policies(&self) -> Arc<SharedPolicies> {
        self.board.policies()
    }

    /// Starts the thread. It ends after [`Judge::stop`].
    pub fn start(self: &Arc<Self>) -> anyhow::Result<JoinHandle<()>> {
        let judge = Arc::clone(self);
        let thread = std::thread::Builder::new().name("weir-judge".to_owned());
        Ok(thread.spawn(move || judge.run())?)
    }

    /// Asks the thread to end.
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::Release);
        self.woken.notify_all();
    }

    fn run(&self) {
        while !(self.is_stopped() || (self.parts.is_recovered)() && self.resume()) {
            self.wait();
        }
        while !self.is_stopped() {
            self.look();
            self.wait();
        }
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Acquire)
    }

    fn wait(&self) {
        let guard = self.sleep.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever wakes it early wants it to look again, and looking is all it does.
        let _ = self.woken.wait_timeout(guard, LOOK_EVERY);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads back what was kept. Whether that succeeded.
    fn resume(&self) -> bool {
        let kept = match self.parts.runtime.block_on(self.parts.alerts.kept()) {
            Ok(kept) => kept,
            Err(error) => {
                tracing::error!(%error, "monitors wait for the state store");
                return false;
            }
        };
        if let Err(error) = self.definitions.read_saved() {
            tracing::error!(%error, "monitors wait for the state store");
            return false;
        }
        let mut state = self.state();
        state.engine = Engine::new(&self.definitions.monitors());
        let strangers = state.engine.restore(&kept);
        state.ticked_to = kept.tick;
        state.committed_to = kept.tick;
        self.board.restore(&state.engine, &self.parts);
        let closed = tell::close_strangers(&strangers, kept.tick.unwrap_or_default());
        if !closed.dropped.is_empty() {
            let commit = TickCommit { chain: Arc::from(state.engine.chain()), ..closed };
            self.write(&mut state, commit);
        }
        true
    }

    /// Takes in what the store did, and judges the ticks whose time has come.
    fn look(&self) {
        let mut state = self.state();
        if let Some(commit) = state.unwritten.take() {
            self.write(&mut state, commit);
            if state.unwritten.is_some() {
                return;
            }
        }
        let now = self.parts.clock.now();
        if !self.follow(&mut state, now) {
            return;
        }
        state.set_delays();
        let due = now.saturating_add_us(-DELAY_US).floor_to(UnixMicros::MINUTE);
        let first = match state.ticked_to {
            Some(last) => {
                let last = last.max(due.saturating_add_us(-AWAY_US_MAX)).floor_to(UnixMicros::MINUTE);
                last.saturating_add_us(UnixMicros::MINUTE)
            }
            None => due,
        };
        let mut at = first;
        while at <= due && !self.is_stopped() && state.unwritten.is_none() {
            self.tick(&mut state, at, at == due);
            at = at.saturating_add_us(UnixMicros::MINUTE);
        }
    }

    fn tick(&self, state: &mut State, at: UnixMicros, is_last: bool) {
        let presence = if at > state.here_since { Presence::Here } else { Presence::Away };
        let ledger = Arc::clone(&state.ledger);
        let report = state.engine.tick(at, presence, is_last, &ledger);
        state.ticked_to = Some(at);
        self.finish(state, report, presence == Presence::Away);
        if is_last {
            state.ledger.forget_before(at);
        }
    }

    /// Adds evidence to what a report tells, sets policies, and writes it down.
    fn finish(&self, state: &mut State, mut report: TickReport, is_catching_up: bool) {
        evidence::add(&self.parts, &mut state.engine, &mut report);
        self.board.update(&state.engine, &self.parts);
        for (monitor, error) in &report.failing {
            self.note_failing(monitor, error);
        }
        let commit = tell::commit(&state.engine, &report, is_catching_up);
        self.write(state, commit);
    }

    /// Writes what changed. The state store takes each tick once, so what changes between two ticks counts as a tick a
    /// microsecond after the last one.
    fn write(&self, state: &mut State, commit: TickCommit) {
        let after_last = state.committed_to.map_or(commit.tick, |last| last.saturating_add_us(1));
        let commit = TickCommit { tick: commit.tick.max(after_last), ..commit };
        match self.parts.runtime.block_on(self.parts.alerts.commit(&commit)) {
            Ok(()) => {
                state.committed_to = Some(commit.tick);
                if !commit.notices.is_empty() {
                    (self.parts.on_notices)();
                }
            }
            Err(error) => {
                tracing::error!(%error, "what monitors found is not written yet; it is tried again");
                state.unwritten = Some(commit);
            }
        }
    }

    /// A monitor that cannot be evaluated is worth an event, and never an alert of its own.
    fn note_failing(&self, monitor: &str, error: &str) {
        tracing::warn!(monitor, error, "a monitor cannot be evaluated");
        let event = Event {
            time: self.parts.clock.now(),
            title: Arc::from(format!("monitor {monitor} cannot be evaluated")),
            text: Arc::from(error),
            level: EventLevel::Warning,
            source: Arc::from("weir"),
            tags: [("monitor", monitor), ("kind", "weir.monitor.eval_error")].into_iter().collect(),
        };
        if let Err(error) = self.parts.sink.append(&[Record::Event(Box::new(event))]) {
            tracing::warn!(%error, "the event about it was not kept");
        }
    }
}

impl State {
    /// Which monitors look at each metric, and when they were evaluated last.
    fn lookers(&self) -> HashMap<Arc<str>, Vec<Looker>> {
        let mut lookers: HashMap<Arc<str>, Vec<Looker>> = HashMap::new();
        for monitor in self.engine.monitors().filter(|monitor| monitor.is_enabled) {
            let looker: Looker = (Arc::from(monitor.name.as_str()), self.engine.evaluated_at(&monitor.name));
            let mut metrics = monitor.condition.metrics();
            metrics.sort();
            metrics.dedup();
            for metric in metrics {
                lookers.entry(metric).or_default().push(looker.clone());
            }
        }
        lookers
    }

    /// Has each monitor wait for what its metrics were seen to need.
    fn set_delays(&mut self) {
        let metrics: Vec<(String, Vec<Arc<str>>)> = self
            .engine
            .monitors()
            .map(|monitor| (monitor.name.clone(), monitor.condition.metrics()))
            .collect();
        for (monitor, metrics) in metrics {
            let seen_us = metrics.iter().map(|metric| self.lateness.delay_us(metric)).max().unwrap_or(0);
            self.engine.set_delay(&monitor, seen_us);
        }
    }
}
