//! The engine: judges all monitors, tick by tick, as a pure fold over cells.
//!
//! A tick is a minute of event time. At each the due monitors are evaluated over the ledger, the machines of their groups
//! take a step, and what changed is reported. The same function serves a running Weir, its restart, `weir monitor test`
//! and `weir monitor backtest`: given the same cells and ticks it gives the same states, and a digest of each tick
//! proves it.
//!
//! Invariants: no I/O and no clock. An error of one monitor changes none of its states and nothing of the others.

mod anomalies;
mod composite;
mod digest;
mod gate;
mod group;
mod machine;
mod metric;
mod needs;
mod points;
mod reading;
mod say;
mod tick;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;

use weir_types::{
    AlertState, GroupStatus, Judgement, KeptGroup, KeptJudge, Tags, TimeRange, TraceId, Transition,
    UnixMicros,
};

use crate::condition::Judged;
use crate::definition::Monitor;
use crate::ledger::{Keep, Ledger, Selection};
use composite::States;
use watch::{Judged1, Kind, Watch};

pub(crate) use digest::DigestText;
pub use machine::{Bounds, Change, Machine, Seen};
pub use tick::{Presence, Telling, TickReport};

/// What the ledger must follow for a monitor.
#[derive(Debug, Clone, PartialEq)]
pub struct Follow {
    /// Which series.
    pub selection: Selection,
    /// How much of them.
    pub keep: Keep,
}

/// What the bands of a monitor are made of when they are made anew.
#[derive(Debug, Clone, PartialEq)]
pub struct BandHistory {
    /// Which series.
    pub selection: Selection,
    /// Whether histograms are needed.
    pub histograms: bool,
    /// The most groups.
    pub groups_max: usize,
    /// From when to when.
    pub range: TimeRange,
    /// The distance of points in microseconds.
    pub interval_us: i64,
}

/// What a tick had for a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Had {
    /// Ground for a judgement.
    Ground,
    /// Values, and too few of them.
    TooLittle,
    /// No values.
    Nothing,
}

/// See the module.
pub struct Engine {
    watches: Vec<Watch>,
    chain: String,
}

impl Engine {
    /// An engine for these monitors, none of whose groups is known yet.
    pub fn new(monitors: &[Monitor]) -> Self {
        let watches = monitors.iter().map(|monitor| Watch::new(Arc::new(monitor.clone())));
        Self { watches: in_order(watches.collect()), chain: String::new() }
    }

    /// Takes over what was kept. Groups of monitors that are no more are returned; so are those that cannot be read.
    pub fn restore(&mut self, kept: &KeptJudge) -> Vec<KeptGroup> {
        self.chain = kept.chain.to_string();
        let Some(at) = kept.tick else { return kept.groups.clone() };
        for (monitor, judged_at, digest) in &kept.judged {
            self.resume(monitor, *judged_at, digest);
        }
        let strangers = kept.groups.iter().filter(|group| {
            let watch = self.watches.iter_mut().find(|watch| watch.monitor.name == *group.monitor);
            watch.is_none_or(|watch| watch.restore(group, at).is_err())
        });
        strangers.cloned().collect()
    }

    /// Takes over that a monitor judged a time, as its digest tells.
    pub(crate) fn resume(&mut self, name: &str, at: UnixMicros, digest: &str) {
        let watch = self.watches.iter_mut().find(|watch| watch.monitor.name == name);
        if let (Some(watch), Some(digest)) = (watch, DigestText::read(digest)) {
            watch.resume(at, digest);
        }
    }

    /// Takes over how groups of a monitor were before an instant, as far as their last changes tell.
    pub(crate) fn seed(&mut self, name: &str, at: UnixMicros, changes: &[Transition]) {
        if let Some(watch) = self.watches.iter_mut().find(|watch| watch.monitor.name == name) {
            for change in changes {
                watch.seed(at, change);
            }
        }
    }

    /// Changes the monitors. Those that are as they were go on; of those that were changed the groups go on; the groups
    /// of those that are no more, or are switched off, are closed, which the report tells.
    pub fn replace(&mut self, monitors: &[Monitor], at: UnixMicros) -> TickReport {
        let mut old = std::mem::take(&mut self.watches);
        let mut report = TickReport { at, ..TickReport::default() };
        for monitor in monitors {
            let place = old.iter().position(|watch| watch.monitor.name == monitor.name);
            let before = place.map(|place| old.remove(place));
            let watch = match before {
                Some(watch) if *watch.monitor == *monitor => watch,
                Some(mut before) => {
                    let mut watch = Watch::new(Arc::new(monitor.clone()));
                    if monitor.is_enabled {
                        watch.inherit(&mut before);
                    } else {
                        let judged = before.close(at);
                        say::report(&mut report, &mut before, at, judged, true);
                    }
                    watch
                }
                None => Watch::new(Arc::new(monitor.clone())),
            };
            self.watches.push(watch);
        }
        for mut watch in old {
            let judged = watch.close(at);
            say::report(&mut report, &mut watch, at, judged, true);
        }
        self.watches = in_order(std::mem::take(&mut self.watches));
        report
    }

    /// What the ledger must follow for an evaluation at an instant.
    pub fn follows(&mut self, at: UnixMicros, ledger: &Ledger) -> Vec<Follow> {
        let mut follows: Vec<Follow> = Vec::new();
        for watch in self.watches.iter_mut().filter(|watch| watch.monitor.is_enabled) {
            let Kind::Metric(metric) = &mut watch.kind else { continue };
            for need in metric.needs(at, ledger) {
                match follows.iter_mut().find(|follow| follow.selection == need.selection) {
                    Some(known) => known.keep = known.keep.or(need.keep),
                    None => follows.push(Follow { selection: need.selection.clone(), keep: need.keep }),
                }
            }
        }
        follows
    }

    /// Whether the ledger follows all that [`Engine::follows`] says. It ceases to when a metric is seen for the first time:
    /// before that nobody knows which tags its cells carry.
    pub fn is_followed_by(&mut self, at: UnixMicros, ledger: &Ledger) -> bool {
        self.follows(at, ledger).iter().all(|follow| ledger.keeps(&follow.selection).is_some())
    }

    /// What bands are made of that have learned nothing yet, at an instant.
    pub fn band_histories(&self, at: UnixMicros) -> Vec<BandHistory> {
        let metrics = self.watches.iter().filter_map(|watch| match &watch.kind {
            Kind::Metric(metric) if watch.monitor.is_enabled => Some(metric),
            _ => None,
        });
        metrics.flat_map(|metric| metric.band_histories(at)).collect()
    }

    /// Makes bands that have learned nothing yet, from a ledger that follows their histories.
    pub fn warm(&mut self, at: UnixMicros, history: &Ledger) {
        for watch in &mut self.watches {
            if let Kind::Metric(metric) = &mut watch.kind
                && let Err(error) = metric.warm(at, history)
            {
                watch.error = Some(Arc::from(error.to_string()));
            }
        }
    }

    /// Judges all monitors that are due. Ticks come in order, a minute apart. With `tell` the report says what people shall
    /// hear, which is what has changed since they were told last.
    pub fn tick(&mut self, at: UnixMicros, presence: Presence, tell: bool, ledger: &Ledger) -> TickReport {
        let mut report = TickReport { at, ..TickReport::default() };
        let mut states: BTreeMap<Arc<str>, States> = BTreeMap::new();
        let needs_states = self.watches.iter().any(|watch| matches!(watch.kind, Kind::Composite(_)));
        for watch in &mut self.watches {
            let at = at.saturating_add_us(-watch.delay_us());
            if watch.is_due(at) && watch.evaluated_at.is_none_or(|last| last < at) {
                let was_failing = watch.is_failing();
                let judged = watch.judge(at, presence, ledger, &states);
                if let Some(error) = watch.error.as_ref().filter(|_| watch.is_failing() && !was_failing) {
                    report.failing.push((Arc::from(watch.monitor.name.as_str()), Arc::clone(error)));
                }
                if let Some(digest) = watch.close_tick(at, presence, judged.digest) {
                    report.digests.push((Arc::from(watch.monitor.name.as_str()), at, Arc::from(digest)));
                }
                say::report(&mut report, watch, at, judged, tell);
            } else if tell && watch.is_untold {
                // What changed at ticks of which only the end is told is told at that end, also by monitors that are judged
                // more rarely.
                let judged_at = watch.evaluated_at.unwrap_or(at);
                say::report(&mut report, watch, judged_at, Judged1::default(), true);
            }
            if needs_states {
                states.insert(Arc::from(watch.monitor.name.as_str()), watch.states());
            }
        }
        let digests = report.digests.iter().map(|(monitor, _, digest)| (&**monitor, &**digest));
        self.chain = digest::link(&self.chain, at, digests);
        report
    }

    /// The hash of the chain of ticks.
    pub fn chain(&self) -> &str {
        &self.chain
    }

    /// The monitors, composites after those that they name.
    pub fn monitors(&self) -> impl Iterator<Item = &Arc<Monitor>> {
        self.watches.iter().map(|watch| &watch.monitor)
    }

    /// The groups of a monitor as they are, those that are not well first; `None` when there is no such monitor.
    pub fn groups(&self, name: &str) -> Option<Vec<GroupStatus>> {
        let watch = self.watch(name)?;
        let mut groups: Vec<_> =
            watch.all_groups().map(|(tags, state)| say::status(watch, tags, state)).collect();
        groups.sort_by(|a, b| b.state.cmp(&a.state).then_with(|| a.group.cmp(&b.group)));
        Some(groups)
    }

    /// How many groups of a monitor are in each state: ok, no data, warn, alert.
    pub fn counts(&self, name: &str) -> [u64; 4] {
        let mut counts = [0; 4];
        for (_, state) in self.watch(name).into_iter().flat_map(Watch::all_groups) {
            counts[match state.machine.state() {
                AlertState::Ok => 0,
                AlertState::NoData => 1,
                AlertState::Warn => 2,
                AlertState::Alert => 3,
            }] += 1;
        }
        counts
    }

    /// When a monitor was evaluated last.
    pub fn evaluated_at(&self, name: &str) -> Option<UnixMicros> {
        self.watch(name).and_then(|watch| watch.evaluated_at)
    }

    /// Says how long after a minute its values were seen to come, for monitors that do not say themselves how long they
    /// wait. Whole minutes; a monitor is judged at ticks that lie so far back.
    pub fn set_delay(&mut self, name: &str, seen_us: i64) {
        if let Some(watch) = self.watches.iter_mut().find(|watch| watch.monitor.name == name) {
            watch.set_delay(seen_us);
        }
    }

    /// How long a monitor waits beyond the tick, in microseconds.
    pub fn delay_us(&self, name: &str) -> i64 {
        self.watch(name).map_or(0, Watch::delay_us)
    }

    /// Why a monitor could not be evaluated last time.
    pub fn error(&self, name: &str) -> Option<Arc<str>> {
        self.watch(name).and_then(|watch| watch.error.clone())
    }

    /// Looks at each group of a monitor: its state, the numbers of the last tick, and what that had for it.
    pub(crate) fn visit_groups(&self, name: &str, visit: &mut dyn FnMut(&Tags, AlertState, &Judgement, Had)) {
        let Some(watch) = self.watch(name) else { return };
        for (tags, state) in watch.all_groups() {
            let had = match (state.was_judged, Some(state.last_seen) == watch.evaluated_at) {
                (true, _) => Had::Ground,
                (false, true) => Had::TooLittle,
                (false, false) => Had::Nothing,
            };
            visit(tags, state.machine.state(), &state.judgement, had);
        }
    }

    /// What a monitor looks at, as far as cells show it.
    pub(crate) fn selections(&self, name: &str) -> Vec<Selection> {
        match self.watch(name).map(|watch| &watch.kind) {
            Some(Kind::Metric(metric)) => metric.selections(),
            _ => Vec::new(),
        }
    }

    /// The revision of a monitor's definition.
    pub fn revision(&self, name: &str) -> Option<Arc<str>> {
        self.watch(name).map(|watch| Arc::clone(&watch.revision))
    }

    /// Whether a monitor is not judged yet because its window begins before there were values.
    pub fn waits_for_full_window(&self, name: &str) -> bool {
        self.watch(name).is_some_and(|watch| !watch.is_full)
    }

    /// The window that a monitor judges at an instant; `None` for composites.
    pub fn window(&self, name: &str, at: UnixMicros) -> Option<TimeRange> {
        match &self.watch(name)?.kind {
            Kind::Metric(metric) => Some(metric.window(at)),
            _ => None,
        }
    }

    /// Notes which traces show an alert.
    pub fn note_exemplars(&mut self, monitor: &str, group: &Tags, exemplars: &[TraceId]) {
        let watch = self.watches.iter_mut().find(|watch| watch.monitor.name == *monitor);
        if let Some(state) = watch.and_then(|watch| watch.group_mut(group)) {
            state.exemplars = exemplars.to_vec();
        }
    }

    /// What is to be kept of groups, as JSON.
    pub fn kept(&self, groups: &[(Arc<str>, Tags)]) -> Vec<KeptGroup> {
        let kept = groups.iter().filter_map(|(monitor, group)| {
            let watch = self.watch(monitor)?;
            let (_, state) = watch.all_groups().find(|(tags, _)| *tags == group)?;
            let state = serde_json::to_string(state).ok()?;
            Some(KeptGroup { monitor: Arc::clone(monitor), group: group.clone(), state: Arc::from(state) })
        });
        kept.collect()
    }

    fn watch(&self, name: &str) -> Option<&Watch> {
        self.watches.iter().find(|watch| watch.monitor.name == name)
    }
}

/// Composites after the monitors that they name; otherwise as they were defined. Definitions have no circles.
fn in_order(watches: Vec<Watch>) -> Vec<Watch> {
    let (mut ordered, mut rest): (Vec<Watch>, Vec<Watch>) = watches
        .into_iter()
        .partition(|watch| !matches!(watch.monitor.condition.judged, Judged::Composite(_)));
    while !rest.is_empty() {
        let is_ready = |watch: &Watch| {
            let Judged::Composite(composite) = &watch.monitor.condition.judged else { return true };
            composite.names().iter().all(|name| ordered.iter().any(|known| known.monitor.name == *name))
        };
        let (ready, waiting): (Vec<Watch>, Vec<Watch>) = rest.into_iter().partition(is_ready);
        let is_stuck = ready.is_empty();
        ordered.extend(ready);
        rest = waiting;
        if is_stuck {
            ordered.append(&mut rest);
        }
    }
    ordered
}
