//! What monitors would have done over a time that has passed.
//!
//! The engine itself judges it, minute by minute, as if it had been there: nothing here knows what a condition means.

use std::collections::BTreeMap;
use std::sync::Arc;

use weir_types::{AlertState, Preview, Scan, ScanError, Tags, TimeRange, Transition, UnixMicros, metric};

use super::history::HistoryReader;
use super::suggest;
use super::tally::{GroupBacktest, Tally, share};
use super::verdict::{Evidence, Verdict, verdicts};
use crate::condition::{Rule, Shape, Window};
use crate::definition::Monitor;
use crate::engine::{Engine, Presence};
use crate::ledger::Ledger;

/// Groups whose points are shown: as many as a chart can show.
const SERIES_MAX: usize = 20;

/// Values of one monitor that are kept to suggest a threshold; beyond them nothing is suggested.
const VALUES_MAX: usize = 4_000_000;

/// After how many ticks the ledger forgets what is old.
const FORGET_EVERY_US: i64 = 30 * UnixMicros::MINUTE;

const WEEK_US: f64 = (7 * UnixMicros::DAY) as f64;

/// Over what monitors are tried, and what is wanted of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BacktestOptions {
    /// The time.
    pub range: TimeRange,
    /// The alerts in a week for which a threshold is suggested.
    pub alerts_per_week: f64,
    /// The most points of one group for charts.
    pub points_max: usize,
}

/// What monitors would have done.
#[derive(Debug, Clone, PartialEq)]
pub struct BacktestReport {
    /// The time that was judged.
    pub range: TimeRange,
    /// The monitors, those that are switched on, in their order.
    pub monitors: Vec<MonitorBacktest>,
}

/// What one monitor would have done.
#[derive(Debug, Clone, PartialEq)]
pub struct MonitorBacktest {
    /// Its name.
    pub monitor: Arc<str>,
    /// Its groups, those with the most alerts first.
    pub groups: Vec<GroupBacktest>,
    /// Alerts of all groups.
    pub alerts: u64,
    /// Alerts in a week.
    pub alerts_per_week: f64,
    /// Alerts that were over within ten minutes.
    pub flaps: u64,
    /// The share of the time in which some group was not well.
    pub firing_share: f64,
    /// The share of what was judged, of all groups together, that had no value.
    pub missing_share: f64,
    /// What is wrong with it.
    pub verdicts: Vec<Verdict>,
    /// A threshold with the number of alerts that is wanted.
    pub suggested_threshold: Option<f64>,
    /// Changes of state, in order.
    pub transitions: Vec<Transition>,
}

impl MonitorBacktest {
    /// As the dashboard shows it, without what does not come from trying it.
    pub fn preview(self) -> Preview {
        let worst = self.groups.iter().take(SERIES_MAX);
        Preview {
            series: worst
                .map(|group| weir_types::JudgedSeries {
                    group: group.group.clone(),
                    points: group.points.clone(),
                })
                .collect(),
            groups: self.groups.len() as u64,
            transitions: self.transitions,
            alerts_per_week: self.alerts_per_week,
            flaps: self.flaps,
            firing_share: self.firing_share,
            verdicts: self.verdicts.iter().map(|verdict| Arc::from(verdict.to_string())).collect(),
            suggested_threshold: self.suggested_threshold,
            ..Preview::default()
        }
    }
}

/// One monitor while it is tried.
struct Trial {
    monitor: Arc<Monitor>,
    tallies: BTreeMap<Tags, Tally>,
    ticks: u64,
    firing_ticks: u64,
    values: usize,
    is_full: bool,
    error: Option<String>,
    transitions: Vec<Transition>,
}

/// Tries monitors over a time that has passed. Composites need the monitors that they name among them. Blocks on the
/// scan for as long as it takes to judge each minute.
pub fn backtest(
    monitors: &[Monitor],
    scan: &Arc<dyn Scan>,
    options: &BacktestOptions,
) -> Result<BacktestReport, ScanError> {
    let range = TimeRange {
        from: options.range.from.floor_to(UnixMicros::MINUTE),
        to: options.range.to.floor_to(UnixMicros::MINUTE),
    };
    let mut engine = Engine::new(monitors);
    let ledger = Ledger::new(Some(Arc::clone(scan)));
    let mut history = HistoryReader::start(&mut engine, &ledger, &**scan, range.from)?;
    let on = monitors.iter().filter(|monitor| monitor.is_enabled);
    let mut trials: Vec<Trial> = on.map(Trial::new).collect();
    let options = BacktestOptions { range, ..*options };
    let mut at = range.from.saturating_add_us(UnixMicros::MINUTE);
    while at <= range.to {
        history.read_to(&ledger, at)?;
        let report = engine.tick(at, Presence::Here, true, &ledger);
        for trial in &mut trials {
            trial.note(at, &engine, &options);
        }
        for transition in report.transitions {
            if let Some(trial) = trials.iter_mut().find(|trial| trial.monitor.name == *transition.monitor) {
                trial.transitions.push(transition);
            }
        }
        if at.0 % FORGET_EVERY_US == 0 {
            ledger.forget_before(at);
        }
        at = at.saturating_add_us(UnixMicros::MINUTE);
    }
    let monitors = trials.into_iter().map(|trial| trial.finish(&engine, &ledger, &history, &options));
    Ok(BacktestReport { range, monitors: monitors.collect() })
}

impl Trial {
    fn new(monitor: &Monitor) -> Self {
        Self {
            monitor: Arc::new(monitor.clone()),
            tallies: BTreeMap::new(),
            ticks: 0,
            firing_ticks: 0,
            values: 0,
            is_full: false,
            error: None,
            transitions: Vec::new(),
        }
    }

    fn rule(&self) -> Option<&Rule> {
        self.monitor.condition.judged.rule()
    }

    fn is_upward(&self) -> bool {
        self.rule().is_none_or(|rule| rule.rules.comparison.is_upward())
    }

    fn note(&mut self, at: UnixMicros, engine: &Engine, options: &BacktestOptions) {
        let name = &self.monitor.name;
        if let Some(error) = engine.error(name) {
            self.error = Some(error.to_string());
        }
        let at = at.saturating_add_us(-engine.delay_us(name));
        if engine.evaluated_at(name) != Some(at) {
            return;
        }
        self.is_full = true;
        self.ticks += 1;
        let is_upward = self.is_upward();
        let mut is_firing = false;
        let tallies = &mut self.tallies;
        let values = &mut self.values;
        engine.visit_groups(name, &mut |tags, state, judgement, had| {
            is_firing |= state >= AlertState::Warn;
            if !tallies.contains_key(tags) {
                let tally = Tally::new(tags.clone(), options.range, options.points_max, is_upward);
                tallies.insert(tags.clone(), tally);
            }
            if let Some(tally) = tallies.get_mut(tags) {
                tally.note(at, state, judgement, had);
                *values += 1;
                if *values > VALUES_MAX {
                    tally.values = Vec::new();
                }
            }
        });
        self.firing_ticks += u64::from(is_firing);
    }

    fn finish(
        self,
        engine: &Engine,
        ledger: &Ledger,
        history: &HistoryReader<'_>,
        options: &BacktestOptions,
    ) -> MonitorBacktest {
        let weeks = (options.range.len_us() as f64 / WEEK_US).max(f64::MIN_POSITIVE);
        let sum = |of: fn(&GroupBacktest) -> u64| self.tallies.values().map(|tally| of(&tally.report)).sum();
        let (alerts, flaps): (u64, u64) = (sum(|group| group.alerts), sum(|group| group.flaps));
        let missing_share = share(sum(|group| group.missing_ticks), sum(|group| group.ticks));
        let firing_share = share(self.firing_ticks, self.ticks);
        let selections = engine.selections(&self.monitor.name);
        let has_series = self.rule().is_none()
            || !self.tallies.is_empty()
            || selections.iter().any(|selection| ledger.began(selection).is_some());
        let has_values =
            self.rule().is_none() || self.tallies.values().any(|tally| tally.report.judged_ticks > 0);
        let worst_of = |group: &GroupBacktest| if self.is_upward() { group.greatest } else { group.least };
        let all_worst = self.tallies.values().filter_map(|tally| worst_of(&tally.report));
        let worst = all_worst.reduce(|a, b| if self.is_upward() { a.max(b) } else { a.min(b) });
        let first_level = self.monitor.levels().and_then(|levels| levels.warning.or(levels.critical));
        let evidence = Evidence {
            error: self.error.clone().filter(|_| self.ticks == 0),
            has_series,
            is_full: self.is_full || !engine.waits_for_full_window(&self.monitor.name),
            has_values,
            alerts,
            flaps,
            firing_share,
            missing_share,
            window_us: self.rule().and_then(compared_window_us),
            pace_us: selections.iter().filter_map(|selection| history.pace_us(selection)).max(),
            min_samples: self.rule().map_or(0, |rule| rule.rules.min_samples.value),
            worst: first_level.zip(worst),
        };
        let suggested_threshold = self.suggested_threshold(weeks * options.alerts_per_week);
        let monitor = Arc::from(self.monitor.name.as_str());
        let mut groups: Vec<GroupBacktest> = self.tallies.into_values().map(|tally| tally.report).collect();
        groups.sort_by(|a, b| {
            (b.alerts, b.firing_ticks).cmp(&(a.alerts, a.firing_ticks)).then_with(|| a.group.cmp(&b.group))
        });
        MonitorBacktest {
            monitor,
            groups,
            alerts,
            alerts_per_week: alerts as f64 / weeks,
            flaps,
            firing_share,
            missing_share,
            verdicts: verdicts(&evidence),
            suggested_threshold,
            transitions: self.transitions,
        }
    }

    fn suggested_threshold(&self, alerts_max: f64) -> Option<f64> {
        let rule = self.rule().filter(|rule| !rule.judges_the_unusual())?;
        if self.values > VALUES_MAX {
            return None;
        }
        let bounds = crate::engine::Bounds {
            comparison: rule.rules.comparison,
            warning: Some(rule.rules.threshold.0),
            critical: None,
            recovery: None,
            for_us: rule.rules.for_us.value,
            keep_firing_us: rule.rules.keep_firing_us.value,
        };
        let groups: Vec<&[f64]> = self.tallies.values().map(|tally| &tally.values[..]).collect();
        suggest::threshold(&groups, &bounds, rule.rules.every_us.value, alerts_max)
    }
}

/// The window in which a condition needs values; `None` where an empty one says something.
fn compared_window_us(rule: &Rule) -> Option<i64> {
    // Events are rare, and that there was none is an answer.
    if rule.query.expr().leaves().iter().any(|leaf| *leaf.metric == *metric::EVENTS) {
        return None;
    }
    match (&rule.shape, rule.window.value) {
        (Shape::Value(_) | Shape::Change(_), Window::Last(us)) => Some(us),
        _ => None,
    }
}
