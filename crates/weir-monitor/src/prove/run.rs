//! Runs tests of monitors: the engine judges what the series of a test see, and its states are compared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use weir_types::{
    AlertState, Cell, CellDelta, KeptGroup, KeptJudge, Scan, ScanError, TagKey, Tags, Transition, UnixMicros,
    metric,
};

use super::case::{Case, Fault, TestFile};
use super::cells::Cells;
use super::compare;
use super::expect::FoundState;
use super::history::HistoryReader;
use crate::condition::Judged;
use crate::definition::Monitor;
use crate::engine::{Engine, Presence, Telling, TickReport};
use crate::ledger::Ledger;

/// Something that is not as it was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line of the file that expects it.
    pub line: usize,
    /// What it is about, what was expected, and what was found: a line each.
    pub text: String,
}

/// What became of one test.
#[derive(Debug, Clone, PartialEq)]
pub struct TestRun {
    /// The test's name.
    pub name: String,
    /// The line of its file that names it.
    pub line: usize,
    /// The monitor that it is about.
    pub monitor: String,
    /// What is not as it was expected; empty when all is.
    pub problems: Vec<Problem>,
    /// The states of each group, as they are written in tests.
    pub found: Vec<(String, Vec<FoundState>)>,
    /// Whether the states are others than those that were expected, or none were expected.
    pub has_new_states: bool,
}

impl TestRun {
    /// Whether some group was ever not well.
    pub fn leaves_ok(&self) -> bool {
        self.found.iter().any(|(_, states)| states.iter().any(|found| found.state != AlertState::Ok))
    }
}

/// Runs all tests of a file with these monitors, in order.
pub fn run_tests(file: &TestFile, monitors: &[Monitor]) -> Vec<TestRun> {
    file.cases.iter().map(|case| run(case, monitors)).collect()
}

fn run(case: &Case, monitors: &[Monitor]) -> TestRun {
    let mut run = TestRun {
        name: case.name.clone(),
        line: case.line,
        monitor: case.monitor.clone(),
        problems: Vec::new(),
        found: Vec::new(),
        has_new_states: false,
    };
    let Some(tested) = tested(case, monitors) else {
        let names = monitors.iter().map(|monitor| monitor.name.as_str());
        let hint = weir_query::did_you_mean(&case.monitor, names);
        let hint = hint.map_or_else(String::new, |hint| format!("; {hint}"));
        let text = format!("there is no monitor {}{hint}", case.monitor);
        run.problems.push(Problem { line: case.monitor_line, text });
        return run;
    };
    let own = |text: String| Problem { line: case.monitor_line, text };
    let story = match Stage::play(case, &tested, Faults::ALL) {
        Ok(story) => story,
        Err(error) => {
            run.problems.push(own(error.to_string()));
            return run;
        }
    };
    run.found = found(&story, case);
    run.problems.extend(story.errors.iter().map(|error| own(format!("it cannot be judged: {error}"))));
    let different = compare::states(case, &run.found);
    run.has_new_states = !different.is_empty() || case.expected.is_empty() && !run.found.is_empty();
    run.problems.extend(different);
    run.problems.extend(compare::notifications(case, &story.tellings));
    if case.faults.iter().any(|fault| matches!(fault, Fault::Restart { .. }))
        && let Ok(whole) = Stage::play(case, &tested, Faults { restarts: false, ..Faults::ALL })
        && (&whole.transitions, &whole.tellings) != (&story.transitions, &story.tellings)
    {
        run.problems.push(own("a restart changed what happened or what was told".to_owned()));
    }
    if waits_for_late_values(case, &tested)
        && let Ok(in_time) = Stage::play(case, &tested, Faults { late: false, ..Faults::ALL })
        && (&in_time.transitions, &in_time.tellings) != (&story.transitions, &story.tellings)
    {
        run.problems.push(own(
            "values that are late by no more than its evaluation_delay changed what happened or what was told".to_owned(),
        ));
    }
    run
}

/// Which faults happen.
#[derive(Clone, Copy)]
struct Faults {
    restarts: bool,
    late: bool,
}

impl Faults {
    const ALL: Self = Self { restarts: true, late: true };
}

/// Whether values are late, and every monitor of the test waits for them.
fn waits_for_late_values(case: &Case, tested: &[Monitor]) -> bool {
    let late = case.faults.iter().filter_map(|fault| match fault {
        Fault::Late { by, .. } => Some(by * UnixMicros::MINUTE),
        Fault::Restart { .. } => None,
    });
    let delay_us = tested.iter().map(|monitor| monitor.handling.delay_us.unwrap_or(0)).min();
    late.max().is_some_and(|late_us| delay_us.is_some_and(|delay_us| delay_us >= late_us))
}

/// The monitor of a test, and those that it names.
fn tested(case: &Case, monitors: &[Monitor]) -> Option<Vec<Monitor>> {
    let mut wanted: BTreeSet<&str> = BTreeSet::from([case.monitor.as_str()]);
    let mut open: Vec<&str> = vec![&case.monitor];
    while let Some(name) = open.pop() {
        let monitor = monitors.iter().find(|monitor| monitor.name == name)?;
        if let Judged::Composite(composite) = &monitor.condition.judged {
            open.extend(composite.names().into_iter().filter(|name| wanted.insert(name)));
        }
    }
    let tested = monitors.iter().filter(|monitor| wanted.contains(monitor.name.as_str()));
    // What is tested is tested, also when it is switched off.
    Some(tested.map(|monitor| Monitor { is_enabled: true, ..monitor.clone() }).collect())
}

/// What happened in a test.
#[derive(Default)]
struct Story {
    transitions: Vec<Transition>,
    tellings: Vec<Telling>,
    groups: BTreeSet<Tags>,
    errors: BTreeSet<String>,
}

/// Everything that runs while a test does.
struct Stage<'a> {
    case: &'a Case,
    monitors: &'a [Monitor],
    engine: Engine,
    ledger: Ledger,
    cells: Arc<Cells>,
    kept: BTreeMap<(Arc<str>, Tags), KeptGroup>,
    judged: BTreeMap<Arc<str>, (UnixMicros, Arc<str>)>,
    story: Story,
}

impl<'a> Stage<'a> {
    fn play(case: &'a Case, monitors: &'a [Monitor], faults: Faults) -> Result<Story, ScanError> {
        let mut tags: BTreeMap<Arc<str>, Vec<TagKey>> = BTreeMap::new();
        for series in &case.series {
            let known = tags.entry(Arc::clone(&series.key.metric)).or_default();
            known.extend(series.key.tags.iter().map(|(key, _)| key.clone()));
            known.sort();
            known.dedup();
        }
        let cells = Arc::new(Cells::new(tags));
        let mut arriving = arrivals(case, faults.late);
        let still_to_come = arriving.split_off(&1);
        for (_, there_before) in arriving {
            cells.add(&there_before);
        }
        let mut arriving = still_to_come;
        let mut engine = Engine::new(monitors);
        let ledger = read(&mut engine, &cells, case.start)?;
        let (kept, judged, story) = (BTreeMap::new(), BTreeMap::new(), Story::default());
        let mut stage = Self { case, monitors, engine, ledger, cells, kept, judged, story };
        for tick in 1..=case.ticks {
            let arrived = arriving.remove(&tick).unwrap_or_default();
            stage.cells.add(&arrived);
            stage.ledger.add(&arrived);
            let at = case.start.saturating_add_us(tick * UnixMicros::MINUTE);
            let report = stage.engine.tick(at, Presence::Here, true, &stage.ledger);
            stage.note(report);
            if faults.restarts && case.faults.contains(&Fault::Restart { tick }) {
                stage.restart(at)?;
            }
            if tick % 60 == 0 {
                stage.ledger.forget_before(at);
            }
        }
        Ok(stage.story)
    }

    fn note(&mut self, report: TickReport) {
        for kept in self.engine.kept(&report.touched) {
            self.kept.insert((Arc::clone(&kept.monitor), kept.group.clone()), kept);
        }
        for dropped in &report.dropped {
            self.kept.remove(dropped);
        }
        for (monitor, at, digest) in &report.digests {
            self.judged.insert(Arc::clone(monitor), (*at, Arc::clone(digest)));
        }
        let name = &self.case.monitor;
        let groups = self.engine.groups(name).unwrap_or_default();
        for group in groups {
            if !self.story.groups.contains(&group.group) {
                self.story.groups.insert(group.group);
            }
        }
        if let Some(error) = self.engine.error(name) {
            self.story.errors.insert(error.to_string());
        }
        let is_own = |monitor: &str| monitor == name;
        self.story
            .transitions
            .extend(report.transitions.into_iter().filter(|change| is_own(&change.monitor)));
        self.story
            .tellings
            .extend(report.tellings.into_iter().filter(|told| is_own(&told.transition.monitor)));
    }

    fn restart(&mut self, at: UnixMicros) -> Result<(), ScanError> {
        let groups = self.kept.values().cloned().collect();
        let judged = self.judged.iter();
        let judged =
            judged.map(|(monitor, (at, digest))| (Arc::clone(monitor), *at, Arc::clone(digest))).collect();
        let kept = KeptJudge { tick: Some(at), chain: Arc::from(self.engine.chain()), judged, groups };
        self.engine = Engine::new(self.monitors);
        self.engine.restore(&kept);
        self.ledger = read(&mut self.engine, &self.cells, at)?;
        Ok(())
    }
}

/// A ledger of what is known at an instant.
fn read(engine: &mut Engine, cells: &Arc<Cells>, at: UnixMicros) -> Result<Ledger, ScanError> {
    let ledger = Ledger::new(Some(Arc::clone(cells) as Arc<dyn Scan>));
    HistoryReader::start(engine, &ledger, &**cells, at)?.read_to(&ledger, at)?;
    Ok(ledger)
}

/// Which cells are there from which tick on; those of the history are there before the first.
fn arrivals(case: &Case, with_late: bool) -> BTreeMap<i64, Vec<CellDelta>> {
    let mut arriving: BTreeMap<i64, Vec<CellDelta>> = BTreeMap::new();
    for series in &case.series {
        for (minute, values) in
            (-case.history..).zip(&series.minutes).filter(|(_, values)| !values.is_empty())
        {
            let mut cell = Cell::default();
            for value in values {
                if *series.key.metric == *metric::EVENTS {
                    record_events(&mut cell, *value);
                } else {
                    cell.record(*value);
                }
            }
            if cell.count == 0 {
                continue;
            }
            let late = case.faults.iter().filter_map(|fault| match fault {
                Fault::Late { from, by } if with_late && (*from..from + by).contains(&minute) => Some(*by),
                _ => None,
            });
            let tick = minute + 1 + late.max().unwrap_or(0);
            let minute = case.start.saturating_add_us(minute * UnixMicros::MINUTE);
            arriving.entry(tick).or_default().push(CellDelta { key: series.key.clone(), minute, cell });
        }
    }
    arriving
}

/// A number of events: each is one of its series.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of events, clamped")]
fn record_events(cell: &mut Cell, events: f64) {
    const EVENTS_MAX: f64 = 1_000_000.0;
    for _ in 0..events.clamp(0.0, EVENTS_MAX) as u64 {
        cell.record_exact(1_000_000_000);
    }
}

fn found(story: &Story, case: &Case) -> Vec<(String, Vec<FoundState>)> {
    let mut found: BTreeMap<Tags, Vec<FoundState>> = BTreeMap::new();
    let start = FoundState { state: AlertState::Ok, at_us: 0 };
    for group in story.groups.iter().chain(story.transitions.iter().map(|change| &change.group)) {
        found.entry(group.clone()).or_insert_with(|| vec![start]);
    }
    for change in &story.transitions {
        let at_us = change.at.0 - case.start.0;
        found.entry(change.group.clone()).or_default().push(FoundState { state: change.to, at_us });
    }
    found.into_iter().map(|(group, states)| (compare::written(&group), states)).collect()
}
