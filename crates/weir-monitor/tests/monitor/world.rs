//! A world for tests of the engine: cells that are written down, ticks that are turned by hand.

use std::collections::BTreeMap;
use std::sync::Arc;

use weir_monitor::{
    BandHistory, Definitions, Engine, Follow, History, Keep, Ledger, Monitor, Presence, Selection, TickReport,
};
use weir_types::{
    AlertState, Cell, CellDelta, CellKey, KeptGroup, KeptJudge, Need, Scan, ScanRequest, ScanSource, Tags,
    TimeRange, UnixMicros,
};

use crate::memory::Memory;

/// Sunday, 1 March 2026, noon UTC.
pub(crate) const START: UnixMicros = UnixMicros(1_772_366_400 * UnixMicros::SECOND);

pub(crate) fn minute(n: i64) -> UnixMicros {
    START.saturating_add_us(n * UnixMicros::MINUTE)
}

/// The monitors that a text defines, without the bundled ones.
pub(crate) fn monitors(text: &str) -> Vec<Monitor> {
    let definitions = Definitions::read("test.toml", text).unwrap_or_else(|error| panic!("{error}"));
    let all = weir_monitor::load(&[definitions]);
    let all =
        all.unwrap_or_else(|errors| panic!("{}", errors.iter().map(ToString::to_string).collect::<String>()));
    all.into_iter().filter(|monitor| monitor.file == "test.toml").collect()
}

pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) ledger: Ledger,
    pub(crate) memory: Arc<Memory>,
    pub(crate) reports: Vec<TickReport>,
    definitions: Vec<Monitor>,
    /// What was kept of groups, as a state store keeps it.
    kept: BTreeMap<(Arc<str>, Tags), KeptGroup>,
    /// What was judged last of each monitor, as a state store keeps it.
    judged: BTreeMap<Arc<str>, (UnixMicros, Arc<str>)>,
    now: i64,
}

impl World {
    pub(crate) fn new(definitions: &str) -> Self {
        Self::over(definitions, Arc::default())
    }

    /// A world that has a past.
    pub(crate) fn over(definitions: &str, memory: Arc<Memory>) -> Self {
        Self::at(definitions, memory, 0)
    }

    /// A world that has a past, in which nobody has looked before minute `now`.
    pub(crate) fn at(definitions: &str, memory: Arc<Memory>, now: i64) -> Self {
        let definitions = monitors(definitions);
        let mut engine = Engine::new(&definitions);
        let ledger = ledger_of(&mut engine, &memory, minute(now));
        let (reports, kept, judged) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        Self { engine, ledger, memory, reports, definitions, kept, judged, now }
    }

    /// Values of a metric in the minute that begins `n` minutes after the start.
    pub(crate) fn add(&self, n: i64, metric: &str, tags: &[(&str, &str)], values: &[f64]) {
        let delta = delta(n, metric, tags, values);
        self.memory.add(&delta);
        self.ledger.add(&[delta]);
    }

    /// Ticks up to and including minute `n`.
    pub(crate) fn tick_to(&mut self, n: i64) {
        while self.now < n {
            self.tick(Presence::Here, true);
        }
    }

    /// Ticks that are made up for up to and including minute `n`: Weir was away, and the last of them tells.
    pub(crate) fn away_to(&mut self, n: i64) {
        while self.now < n {
            self.tick(Presence::Away, self.now + 1 == n);
        }
    }

    /// The same, and minute `n` is not the last of them: nothing is told yet.
    pub(crate) fn catch_up_to(&mut self, n: i64) {
        while self.now < n {
            self.tick(Presence::Away, false);
        }
    }

    fn tick(&mut self, presence: Presence, tell: bool) {
        self.now += 1;
        let report = self.engine.tick(minute(self.now), presence, tell, &self.ledger);
        self.keep(report);
    }

    fn keep(&mut self, report: TickReport) {
        for kept in self.engine.kept(&report.touched) {
            self.kept.insert((Arc::clone(&kept.monitor), kept.group.clone()), kept);
        }
        for dropped in &report.dropped {
            self.kept.remove(dropped);
        }
        for (monitor, at, digest) in &report.digests {
            self.judged.insert(Arc::clone(monitor), (*at, Arc::clone(digest)));
        }
        self.reports.push(report);
    }

    /// Stops, and starts again from what was kept and from the store.
    pub(crate) fn restart(&mut self) {
        let kept = KeptJudge {
            tick: Some(minute(self.now)),
            chain: Arc::from(self.engine.chain()),
            judged: self
                .judged
                .iter()
                .map(|(monitor, (at, digest))| (Arc::clone(monitor), *at, Arc::clone(digest)))
                .collect(),
            groups: self.kept.values().cloned().collect(),
        };
        self.engine = Engine::new(&self.definitions);
        let strangers = self.engine.restore(&kept);
        assert!(strangers.is_empty(), "{strangers:?}");
        self.ledger = ledger_of(&mut self.engine, &self.memory, minute(self.now));
    }

    /// Changes the monitors.
    pub(crate) fn replace(&mut self, definitions: &str) {
        self.definitions = monitors(definitions);
        let report = self.engine.replace(&self.definitions, minute(self.now));
        self.keep(report);
        self.ledger = ledger_of(&mut self.engine, &self.memory, minute(self.now));
    }

    /// What became of the groups: one line for each change, and for each thing that people hear.
    pub(crate) fn story(&self) -> String {
        let mut lines = Vec::new();
        for report in &self.reports {
            let at = (report.at.0 - START.0) / UnixMicros::MINUTE;
            for change in &report.transitions {
                let group: Vec<String> =
                    change.group.iter().map(|(key, value)| format!("{key}={value}")).collect();
                lines.push(format!(
                    "{at:>4}m {} {{{}}} {} -> {} ({}) {}",
                    change.monitor,
                    group.join(","),
                    change.from.as_str(),
                    change.to.as_str(),
                    change.reason.as_str(),
                    change.message,
                ));
            }
            for telling in &report.tellings {
                let reason = telling.transition.reason.as_str();
                let at = if report.transitions.is_empty() { format!("{at:>4}m") } else { String::new() };
                lines.push(format!(
                    "{at:5} told: {:?} ({reason}) {}",
                    telling.kind, telling.transition.message
                ));
            }
        }
        lines.join("\n")
    }

    /// The states of one monitor's first group, a character a tick.
    pub(crate) fn states(&mut self, name: &str, to: i64) -> String {
        self.states_of(name, &[], to)
    }

    /// The states of one group of a monitor, a character a tick; a blank where there is no such group.
    pub(crate) fn states_of(&mut self, name: &str, group: &[(&str, &str)], to: i64) -> String {
        let mut states = String::new();
        while self.now < to {
            self.tick_to(self.now + 1);
            states.push(self.state(name, group));
        }
        states
    }

    /// The state of a group now.
    pub(crate) fn state(&self, name: &str, group: &[(&str, &str)]) -> char {
        let tags: Tags = group.iter().copied().collect();
        let groups = self.engine.groups(name).unwrap_or_default();
        match groups.iter().find(|status| status.group == tags).map(|status| status.state) {
            None => ' ',
            Some(AlertState::Ok) => '.',
            Some(AlertState::NoData) => '?',
            Some(AlertState::Warn) => 'w',
            Some(AlertState::Alert) => 'A',
        }
    }

    /// The value that a group was judged by last.
    pub(crate) fn value(&self, name: &str, group: &[(&str, &str)]) -> Option<f64> {
        let tags: Tags = group.iter().copied().collect();
        let groups = self.engine.groups(name).unwrap_or_default();
        groups.iter().find(|status| status.group == tags).and_then(|status| status.judgement.value)
    }
}

pub(crate) fn delta(n: i64, metric: &str, tags: &[(&str, &str)], values: &[f64]) -> CellDelta {
    let mut cell = Cell::default();
    for value in values {
        cell.record(*value);
    }
    let tags: Tags = tags.iter().copied().collect();
    CellDelta { key: CellKey { metric: Arc::from(metric), tags }, minute: minute(n), cell }
}

/// A ledger of what monitors look at, read from a store as of an instant; bands are made of it too.
fn ledger_of(engine: &mut Engine, memory: &Arc<Memory>, at: UnixMicros) -> Ledger {
    let rows = |selection: &Selection, from: UnixMicros, to: UnixMicros, step_us: Option<i64>| {
        let Selection { metric, scope, by } = selection.clone();
        let (range, need, source) = (TimeRange { from, to }, Need::Histogram, ScanSource::Cells);
        let request = ScanRequest { metric, scope, by, range, step_us, origin: from, need, source };
        memory.scan(&request).unwrap_or_default()
    };
    let ledger = Ledger::new(Some(Arc::clone(memory) as Arc<dyn Scan>));
    for Follow { selection, keep } in engine.follows(at, &ledger) {
        let minutes_from = at.saturating_add_us(-keep.minutes_us).floor_to(UnixMicros::HOUR);
        let hours_from = at.saturating_add_us(-keep.hours_us).floor_to(UnixMicros::HOUR);
        // What comes later is part of it: no window reaches beyond its tick.
        let to = at.saturating_add_us(400 * UnixMicros::DAY);
        let before = rows(&selection, UnixMicros(0), minutes_from.min(hours_from), None);
        let history = History {
            position: 0,
            minutes: rows(&selection, minutes_from, to, Some(UnixMicros::MINUTE)),
            hours: rows(&selection, hours_from, to, Some(UnixMicros::HOUR)),
            minutes_from,
            hours_from,
            began_before: !before.is_empty(),
        };
        ledger.follow(selection, keep, &history);
    }
    let past = Ledger::new(None);
    for BandHistory { selection, histograms, groups_max, range, interval_us } in engine.band_histories(at) {
        let minutes = rows(&selection, range.from, range.to, Some(interval_us));
        let keep = Keep { minutes_us: range.len_us(), hours_us: 0, histograms, groups_max };
        let (minutes_from, hours_from) = (range.from, UnixMicros(i64::MAX));
        past.follow(selection, keep, &History { minutes, minutes_from, hours_from, ..History::default() });
    }
    engine.warm(at, &past);
    ledger
}
