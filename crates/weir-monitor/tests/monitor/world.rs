//! A world for tests of the engine: cells that are written down, ticks that are turned by hand.

use std::sync::Arc;

use weir_monitor::{Definitions, Engine, History, Ledger, Monitor, Presence, TickReport};
use weir_types::{AlertState, Cell, CellDelta, CellKey, Tags, UnixMicros};

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
    pub(crate) reports: Vec<TickReport>,
    now: i64,
}

impl World {
    pub(crate) fn new(definitions: &str) -> Self {
        let monitors = monitors(definitions);
        let (mut engine, ledger) = (Engine::new(&monitors), Ledger::new(None));
        follow(&mut engine, &ledger);
        Self { engine, ledger, reports: Vec::new(), now: 0 }
    }

    /// Values of a metric in the minute that begins `n` minutes after the start.
    pub(crate) fn add(&self, n: i64, metric: &str, tags: &[(&str, &str)], values: &[f64]) {
        let mut cell = Cell::default();
        for value in values {
            cell.record(*value);
        }
        let tags: Tags = tags.iter().copied().collect();
        let key = CellKey { metric: Arc::from(metric), tags };
        self.ledger.add(&[CellDelta { key, minute: minute(n), cell }]);
    }

    /// Ticks up to and including minute `n`.
    pub(crate) fn tick_to(&mut self, n: i64) {
        while self.now < n {
            self.now += 1;
            let report = self.engine.tick(minute(self.now), Presence::Here, true, &self.ledger);
            self.reports.push(report);
        }
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
                lines.push(format!("      told: {:?} {}", telling.kind, telling.transition.message));
            }
        }
        lines.join("\n")
    }

    /// The states of one monitor without groups, a character a tick.
    pub(crate) fn states(&mut self, name: &str, to: i64) -> String {
        let mut states = String::new();
        while self.now < to {
            self.tick_to(self.now + 1);
            let groups = self.engine.groups(name).unwrap_or_default();
            states.push(match groups.first().map(|group| group.state) {
                None => ' ',
                Some(AlertState::Ok) => '.',
                Some(AlertState::NoData) => '?',
                Some(AlertState::Warn) => 'w',
                Some(AlertState::Alert) => 'A',
            });
        }
        states
    }
}

pub(crate) fn follow(engine: &mut Engine, ledger: &Ledger) {
    for follow in engine.follows(START, ledger) {
        let history = History {
            minutes_from: UnixMicros(i64::MIN),
            hours_from: UnixMicros(i64::MIN),
            ..History::default()
        };
        ledger.follow(follow.selection, follow.keep, &history);
    }
}
