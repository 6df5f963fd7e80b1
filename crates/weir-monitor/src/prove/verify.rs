//! Whether what a running Weir judged comes out again from what is stored.
//!
//! Each minute that was judged left a digest: a hash of what was read, a hash of the states that followed, and the definition
//! that it was judged by. Here the engine judges the same minutes over the same cells, and the digests are compared. The
//! fold begins some time before the first minute that is compared, so that clocks and groups are as they were; what
//! state a group had before that is taken from the changes that were written down.
//!
//! A difference is no failure: the report says when it begins, what differs and what that can come from.

use std::fmt;
use std::sync::Arc;

use weir_types::{Scan, ScanError, Tags, TimeRange, Transition, UnixMicros};

use super::history::HistoryReader;
use crate::condition::{Judged, Rule};
use crate::definition::Monitor;
use crate::engine::{DigestText, Engine, Presence};
use crate::ledger::Ledger;

/// After how many ticks the ledger forgets what is old.
const FORGET_EVERY_US: i64 = 30 * UnixMicros::MINUTE;

/// The longest that is folded before the first minute that is compared.
const LEAD_US_MAX: i64 = 7 * UnixMicros::DAY;

/// What was written down of one monitor.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recorded {
    /// Which times were judged, and the digest of each, in order.
    pub digests: Vec<(UnixMicros, Arc<str>)>,
    /// Its changes of state, in any order.
    pub changes: Vec<Transition>,
}

/// What became of one monitor.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    /// Its name.
    pub monitor: Arc<str>,
    /// How many minutes were compared.
    pub compared: u64,
    /// How many minutes were judged by another definition, and are not compared.
    pub of_other_definitions: u64,
    /// What came of it.
    pub outcome: Outcome,
}

/// What a comparison came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Everything came out again.
    Same,
    /// Something did not.
    Differs {
        /// The first minute of which it did not.
        first: UnixMicros,
        /// How many minutes differ.
        minutes: u64,
        /// What differs there.
        what: Difference,
        /// What that can come from.
        why: Arc<str>,
    },
    /// There is nothing to compare, and why.
    Nothing(Arc<str>),
}

/// What differs in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// Other values are stored than those that were read.
    Readings,
    /// The same values, and other states.
    States,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Readings => "what was read",
            Self::States => "the states that followed",
        })
    }
}

/// Judges anew what a monitor judged in a range, and compares. Blocks on the scan.
pub fn verify(
    monitor: &Monitor,
    recorded: &Recorded,
    range: TimeRange,
    scan: &Arc<dyn Scan>,
) -> Result<Verified, ScanError> {
    let name = Arc::from(monitor.name.as_str());
    let nothing = |why: &str| Verified {
        monitor: Arc::clone(&name),
        compared: 0,
        of_other_definitions: 0,
        outcome: Outcome::Nothing(Arc::from(why)),
    };
    if let Judged::Composite(_) = monitor.condition.judged {
        return Ok(nothing("it follows from the monitors that it names; verify those"));
    }
    let from = range.from.saturating_add_us(-lead_us(monitor));
    let digests: Vec<(UnixMicros, &str, DigestText<'_>)> = recorded
        .digests
        .iter()
        .filter(|(at, _)| *at >= from && *at < range.to)
        .filter_map(|(at, text)| Some((*at, &**text, DigestText::read(text)?)))
        .collect();
    if !digests.iter().any(|(at, ..)| *at >= range.from) {
        return Ok(nothing("no minute of the range was judged"));
    }
    let is_beginning = recorded.digests.first().is_some_and(|(first, _)| *first >= from);
    let before: &[Transition] = if is_beginning { &[] } else { &recorded.changes };
    let mut fold = Fold::start(monitor, digests[0].0, before, scan)?;
    let revision = fold.engine.revision(&monitor.name).unwrap_or_default();
    let mut report = Verified { compared: 0, of_other_definitions: 0, ..nothing("") };
    let mut first: Option<(UnixMicros, Difference, bool)> = None;
    let mut minutes = 0;
    for (at, text, digest) in digests {
        let again = fold.judge(at, digest.presence)?;
        // Which times a monitor judges besides its turns follows from what it had judged before, and by which definition.
        fold.engine.resume(&monitor.name, at, text);
        if at < range.from {
            continue;
        }
        // Another definition may have had other turns, so this one may have judged nothing there.
        if !revision.starts_with(digest.revision) {
            report.of_other_definitions += 1;
            continue;
        }
        let Some(again) = again.as_deref().and_then(DigestText::read) else { continue };
        report.compared += 1;
        let what = if again.readings != digest.readings {
            Difference::Readings
        } else if again.states != digest.states {
            Difference::States
        } else {
            continue;
        };
        minutes += 1;
        first = first.or(Some((at, what, again.is_of_nothing() && !digest.is_of_nothing())));
    }
    report.outcome = match first {
        Some((first, what, is_gone)) => {
            let why = Arc::from(why(monitor, what, is_gone, &report));
            Outcome::Differs { first, minutes, what, why }
        }
        None if report.compared == 0 => Outcome::Nothing(Arc::from(if report.of_other_definitions > 0 {
            "all of it was judged by another definition"
        } else {
            "it cannot be judged now"
        })),
        None => Outcome::Same,
    };
    Ok(report)
}

/// How long before what is compared the fold begins: as long as a group or a clock may remember.
fn lead_us(monitor: &Monitor) -> i64 {
    let handling = &monitor.handling;
    let rule = monitor.condition.judged.rule();
    let clocks = rule.map_or(0, |rule| rule.rules.for_us.value.max(rule.rules.keep_firing_us.value));
    let longest = handling.group_retention_us.max(handling.no_data_for_us.unwrap_or(0)).max(clocks);
    (longest + UnixMicros::HOUR).min(LEAD_US_MAX)
}

/// One monitor as it judges again.
struct Fold<'a> {
    engine: Engine,
    ledger: Ledger,
    history: HistoryReader<'a>,
    forgot_at: UnixMicros,
}

impl<'a> Fold<'a> {
    fn start(
        monitor: &Monitor,
        first: UnixMicros,
        changes: &[Transition],
        scan: &'a Arc<dyn Scan>,
    ) -> Result<Self, ScanError> {
        let mut monitor = Monitor { is_enabled: true, ..monitor.clone() };
        // Ticks are the times that were judged, so nothing waits.
        monitor.handling.delay_us = Some(0);
        let mut engine = Engine::new(std::slice::from_ref(&monitor));
        let from = first.saturating_add_us(-UnixMicros::MINUTE);
        engine.seed(&monitor.name, from, &last_changes(changes, first));
        let ledger = Ledger::new(Some(Arc::clone(scan)));
        let history = HistoryReader::start(&mut engine, &ledger, &**scan, from)?;
        Ok(Self { engine, ledger, history, forgot_at: from })
    }

    /// Judges a time, and returns its digest; `None` when that failed.
    fn judge(&mut self, at: UnixMicros, presence: Presence) -> Result<Option<Arc<str>>, ScanError> {
        self.history.read_to(&self.ledger, at)?;
        let report = self.engine.tick(at, presence, true, &self.ledger);
        if at.0 - self.forgot_at.0 >= FORGET_EVERY_US {
            self.ledger.forget_before(at);
            self.forgot_at = at;
        }
        Ok(report.digests.into_iter().next().map(|(_, _, digest)| digest))
    }
}

/// Of each group the last change before an instant.
fn last_changes(changes: &[Transition], before: UnixMicros) -> Vec<Transition> {
    let mut last: std::collections::BTreeMap<&Tags, &Transition> = std::collections::BTreeMap::new();
    for change in changes.iter().filter(|change| change.at < before) {
        let known = last.entry(&change.group).or_insert(change);
        if (known.at, known.seq) < (change.at, change.seq) {
            *known = change;
        }
    }
    last.into_values().cloned().collect()
}

fn why(monitor: &Monitor, what: Difference, is_gone: bool, report: &Verified) -> String {
    let is_anomaly = monitor.condition.judged.rule().is_some_and(Rule::judges_the_unusual);
    let mut why = match what {
        Difference::Readings if is_gone => {
            "nothing of that time is stored any more: it is older than what is kept, or was deleted"
                .to_owned()
        }
        Difference::Readings => {
            "values of that time came, changed or went after it was judged: late values, a second \
                                 report of a call, an import, or what is not kept any more"
                .to_owned()
        }
        Difference::States if is_anomaly => {
            "its bands are made of other history than they were then: of what is \
                                             stored now, up to six weeks before"
                .to_owned()
        }
        Difference::States => {
            "a clock or a group is older than what was folded again, or another version of Weir \
                               judged it"
                .to_owned()
        }
    };
    if report.of_other_definitions > 0 && what == Difference::States {
        why.push_str("; before it was judged by another definition, whose states it took over");
    }
    why
}
