//! Conditions on metrics: what a tick reads for each group.

use std::collections::BTreeMap;

use weir_query::{Aggregator, ExprKind, QueryError, WindowValue, Zone, ZonePeriod, run_window};
use weir_types::{Judgement, TagKey, TimeRange, UnixMicros};

use super::BandHistory;
use super::anomalies::Anomalies;
use super::gate::Gate;
use super::needs::{Asked, HOURLY_FROM_US, Need1, keys, needs};
use super::points::{PointQuery, Points, aggregate};
use super::reading::{Group, Outcome, Reading, Readings};
use crate::condition::{Burn, Period, PointAggregator, Reading as Read, Rule, Shape, Window};
use crate::detect::{forecast, outliers};
use crate::ledger::{Ledger, Selection};

/// How much history a forecast is made of, in lengths of its window, and the most of it.
const FORECAST_HISTORY: i64 = 4;
const FORECAST_HISTORY_US_MAX: i64 = 28 * UnixMicros::DAY;

/// A condition on metrics as it is evaluated.
pub(super) struct Metric {
    rule: Rule,
    zone: Zone,
    /// The tags that groups are told apart by.
    keys: Vec<TagKey>,
    groups_max: usize,
    group_retention_us: i64,
    needs_full_window: bool,
    /// What is asked of the ledger, from the first evaluation on.
    needs: Vec<Need1>,
    points: Points,
    anomalies: Option<Anomalies>,
    gate: Option<Gate>,
}

/// What a tick says about all groups.
pub(super) enum Evaluated {
    /// These readings.
    Readings(Readings),
    /// The window begins before there were values.
    NotFull,
}

impl Metric {
    pub(super) fn new(
        rule: Rule,
        groups_max: usize,
        group_retention_us: i64,
        needs_full_window: Option<bool>,
    ) -> Result<Self, QueryError> {
        let zone = Zone::named(rule.rules.tz.as_deref())?;
        let anomalies = match &rule.shape {
            Shape::Anomaly(anomaly) => Some(Anomalies::new(anomaly, rule.query.unit())),
            _ => None,
        };
        let gate = rule.rules.confidence.and_then(|confidence| Gate::new(&rule, confidence));
        let looks_over_days = crate::condition::looks_over_days(&rule.query).is_some();
        Ok(Self {
            needs_full_window: needs_full_window.unwrap_or(looks_over_days),
            keys: keys(&rule.query, &zone)?,
            rule,
            zone,
            groups_max,
            group_retention_us,
            needs: Vec::new(),
            points: Points::default(),
            anomalies,
            gate,
        })
    }

    /// Whether a group without values has none because nothing happened: where things are counted.
    pub(super) fn counts(&self) -> bool {
        let is_additive = match &self.rule.query.expr().kind {
            ExprKind::Leaf(leaf) => {
                matches!(leaf.aggregator, Aggregator::Sum | Aggregator::Count | Aggregator::CountAbove(_))
            }
            _ => false,
        };
        is_additive && matches!(self.rule.shape, Shape::Value(_))
    }

    /// The window in microseconds, for defaults that depend on it.
    pub(super) fn window_us(&self) -> i64 {
        match self.rule.window.value {
            Window::Last(us) => us,
            Window::Current(Period::Hour) => UnixMicros::HOUR,
            Window::Current(Period::Day) => UnixMicros::DAY,
            Window::Current(Period::Week) => 7 * UnixMicros::DAY,
            Window::Current(Period::Month) => 31 * UnixMicros::DAY,
        }
    }

    /// The time that is judged at a tick.
    pub(super) fn window(&self, at: UnixMicros) -> TimeRange {
        let to = at.saturating_add_us(-self.rule.rules.offset_us.value);
        let from = match self.rule.window.value {
            Window::Last(us) => {
                let from = to.saturating_add_us(-us);
                if us >= HOURLY_FROM_US { from.floor_to(UnixMicros::HOUR) } else { from }
            }
            // At the very end of a period it is that period that is judged, not the empty beginning of the next.
            Window::Current(period) => self.zone.start_of(to.saturating_add_us(-1), zone_period(period)),
        };
        TimeRange { from, to }
    }

    /// What is asked of the ledger by an evaluation at an instant.
    pub(super) fn needs(&mut self, at: UnixMicros, ledger: &Ledger) -> &[Need1] {
        let window = self.window(at);
        let mut windows = vec![window];
        match &self.rule.shape {
            Shape::Anomaly(anomaly) => {
                let interval_us = anomaly.interval_us.value.max(UnixMicros::MINUTE);
                let first = window.from.floor_to(interval_us).saturating_add_us(-interval_us);
                windows = vec![TimeRange { from: first, to: first.saturating_add_us(interval_us) }];
            }
            Shape::Change(change) => windows.push(window.earlier_by(change.shift_us)),
            Shape::Forecast(_) => {
                windows = vec![TimeRange {
                    from: window.to.saturating_add_us(-self.forecast_history_us()),
                    to: window.to,
                }];
            }
            Shape::Value(_) | Shape::Outliers(_) => {
                let short_us = self.rule.burn.and_then(|burn| burn.short_us);
                windows.extend(
                    short_us.map(|us| TimeRange { from: window.to.saturating_add_us(-us), ..window }),
                );
            }
        }
        if let Window::Current(_) = self.rule.window.value {
            // The window grows until its period is over; clocks may be put back within it.
            let from = window.to.saturating_add_us(-self.window_us() - UnixMicros::HOUR);
            windows.push(TimeRange { from: from.floor_to(UnixMicros::HOUR), to: window.to });
        }
        let asked = Asked {
            query: &self.rule.query,
            zone: &self.zone,
            windows: &windows,
            cells: self.gate.as_ref().is_some_and(Gate::needs_cells),
        };
        self.needs = needs(&asked, at, self.groups_max, ledger);
        if let Read::Points { .. } = self.rule.reading {
            // Points are minutes however long the window is.
            for need in &mut self.needs {
                need.keep.minutes_us = need.keep.minutes_us.max(need.keep.hours_us);
            }
        }
        &self.needs
    }

    /// What it looks at, as far as cells show it.
    pub(super) fn selections(&self) -> Vec<Selection> {
        self.needs.iter().map(|need| need.selection.clone()).collect()
    }

    /// What its bands are made of, when it has bands that have learned nothing.
    pub(super) fn band_histories(&self, at: UnixMicros) -> Vec<BandHistory> {
        let Some(anomalies) = self.anomalies.as_ref().filter(|anomalies| anomalies.is_new()) else {
            return Vec::new();
        };
        let range = anomalies.history(at.saturating_add_us(-self.rule.rules.offset_us.value));
        let histories = self.needs.iter().map(|need| BandHistory {
            selection: need.selection.clone(),
            histograms: need.keep.histograms,
            groups_max: need.keep.groups_max,
            range,
            interval_us: anomalies.interval_us(),
        });
        histories.collect()
    }

    /// Makes bands that have learned nothing of what a ledger of their history knows, up to an instant.
    pub(super) fn warm(&mut self, at: UnixMicros, ledger: &Ledger) -> Result<(), QueryError> {
        let Some(anomalies) = self.anomalies.as_mut().filter(|anomalies| anomalies.is_new()) else {
            return Ok(());
        };
        let history = anomalies.history(at.saturating_add_us(-self.rule.rules.offset_us.value));
        let began = self.needs.iter().filter_map(|need| ledger.began(&need.selection)).min();
        let Some(began) = began.filter(|began| *began < history.to) else {
            anomalies.start_at(history.to);
            return Ok(());
        };
        anomalies.start_at(history.from.max(began));
        anomalies.move_to(history.to, &self.rule.query, &self.zone, self.group_retention_us, ledger)
    }

    /// Reads what a tick judges.
    pub(super) fn evaluate(&mut self, at: UnixMicros, ledger: &Ledger) -> Result<Evaluated, QueryError> {
        if self.needs_full_window && !self.is_full(at, ledger) {
            return Ok(Evaluated::NotFull);
        }
        let window = self.window(at);
        let readings = match (&self.rule.shape, self.rule.reading) {
            (Shape::Anomaly(_), _) => self.anomalies(window, ledger)?,
            (Shape::Outliers(_), reading) => {
                let interval_us = interval_us(reading, window);
                self.move_points(window, interval_us, ledger)?;
                self.outliers()
            }
            (Shape::Forecast(_), reading) => {
                let from = window.to.saturating_add_us(-self.forecast_history_us());
                let interval_us = interval_us(reading, window);
                self.move_points(TimeRange { from, to: window.to }, interval_us, ledger)?;
                self.forecasts(interval_us)
            }
            (_, Read::Points { aggregator, interval_us }) => {
                self.move_points(window, interval_us, ledger)?;
                self.aggregated(aggregator)
            }
            (_, Read::Merged) => match self.rule.burn {
                Some(burn) => self.burned(burn, window, ledger)?,
                None => self.merged(window, ledger)?,
            },
        };
        Ok(Evaluated::Readings(readings))
    }

    fn is_full(&self, at: UnixMicros, ledger: &Ledger) -> bool {
        self.needs.iter().all(|need| {
            let earliest = at.saturating_add_us(UnixMicros::HOUR - need.reach_us);
            ledger.began(&need.selection).is_some_and(|began| began <= earliest)
        })
    }

    /// What the share of bad is to the error budget: over the window, and where there is a short one no worse than there.
    /// Where nothing happened lately nothing burns.
    fn burned(&self, burn: Burn, window: TimeRange, ledger: &Ledger) -> Result<Readings, QueryError> {
        let answer = run_window(&self.rule.query, window, &self.zone, ledger)?;
        let mut lately: BTreeMap<Group, f64> = BTreeMap::new();
        if let Some(us) = burn.short_us {
            let short = TimeRange { from: window.to.saturating_add_us(-us), to: window.to };
            let short = run_window(&self.rule.query, short, &self.zone, ledger)?;
            lately.extend(short.values.into_iter().filter_map(|seen| Some((seen.group, seen.value?))));
        }
        let groups = answer.values.into_iter().map(|WindowValue { group, value, samples }| {
            let value = value.map(|share| match burn.short_us {
                Some(_) => burn.of(share.min(lately.get(&group).copied().unwrap_or(0.0))),
                None => burn.of(share),
            });
            let outcome = self.outcome(value, samples);
            Reading { group, outcome, judgement: plain(value, samples), is_learning: false }
        });
        Ok(Readings { keys: answer.keys, groups: groups.collect() })
    }

    fn merged(&self, window: TimeRange, ledger: &Ledger) -> Result<Readings, QueryError> {
        let answer = run_window(&self.rule.query, window, &self.zone, ledger)?;
        let cells = match &self.gate {
            Some(gate) => gate.cells(&self.rule, window, &self.zone, ledger)?,
            None => BTreeMap::new(),
        };
        let groups = answer.values.into_iter().map(|WindowValue { group, value, samples }| {
            let value = value.or(self.rule.zero_fill.then_some(0.0));
            let outcome = match (self.outcome(value, samples), &self.gate) {
                (Outcome::Value(value), Some(gate)) => {
                    Outcome::Estimate { value, bound: gate.bound(value, samples, cells.get(&group)) }
                }
                (outcome, _) => outcome,
            };
            Reading { group, outcome, judgement: plain(value, samples), is_learning: false }
        });
        Ok(Readings { keys: answer.keys, groups: groups.collect() })
    }

    fn aggregated(&self, aggregator: PointAggregator) -> Readings {
        let groups = self.points.groups().into_iter().map(|group| {
            let value = aggregate(aggregator, &self.points.of(&group), self.rule.zero_fill);
            let samples = self.points.samples(&group);
            Reading {
                outcome: self.outcome(value, samples),
                judgement: plain(value, samples),
                is_learning: false,
                group,
            }
        });
        Readings { keys: self.keys.clone(), groups: groups.collect() }
    }

    fn anomalies(&mut self, window: TimeRange, ledger: &Ledger) -> Result<Readings, QueryError> {
        let Some(anomalies) = &mut self.anomalies else { return Ok(Readings::default()) };
        anomalies.move_to(window.to, &self.rule.query, &self.zone, self.group_retention_us, ledger)?;
        Ok(Readings { keys: self.keys.clone(), groups: anomalies.readings() })
    }

    fn outliers(&self) -> Readings {
        let Shape::Outliers(settings) = &self.rule.shape else { return Readings::default() };
        let groups = self.points.groups();
        let series: Vec<Vec<Option<f64>>> = groups.iter().map(|group| self.points.of(group)).collect();
        let verdicts = outliers(&series, settings);
        let readings = groups.into_iter().zip(series).zip(verdicts).map(|((group, points), is_outlier)| {
            let samples = self.points.samples(&group);
            let shown = aggregate(PointAggregator::Avg, &points, false);
            let verdict = f64::from(u8::from(is_outlier));
            let judgement = Judgement { fraction: Some(verdict), ..plain(shown, samples) };
            Reading { group, outcome: self.outcome(Some(verdict), samples), judgement, is_learning: false }
        });
        Readings { keys: self.keys.clone(), groups: readings.collect() }
    }

    /// The worst value that is expected within the coming window.
    fn forecasts(&self, interval_us: i64) -> Readings {
        let Shape::Forecast(settings) = &self.rule.shape else { return Readings::default() };
        let whole = |length_us: i64| usize::try_from(length_us / interval_us).unwrap_or(0).max(1);
        let (horizon, season) = (whole(self.window_us()), whole(7 * UnixMicros::DAY));
        let is_upward = self.rule.rules.comparison.is_upward();
        let groups = self.points.groups().into_iter().map(|group| {
            let coming = forecast(&self.points.of(&group), settings, season, horizon).unwrap_or_default();
            let worst = coming.iter().copied().reduce(|a, b| {
                let is_worse = if is_upward { b.upper > a.upper } else { b.lower < a.lower };
                if is_worse { b } else { a }
            });
            let edge = worst.map(|range| if is_upward { range.upper } else { range.lower });
            let samples = self.points.samples(&group);
            let judgement = Judgement {
                baseline: worst.map(|range| range.value),
                lower: worst.map(|range| range.lower),
                upper: worst.map(|range| range.upper),
                ..plain(edge, samples)
            };
            Reading { outcome: self.outcome(edge, samples), judgement, is_learning: false, group }
        });
        Readings { keys: self.keys.clone(), groups: groups.collect() }
    }

    fn move_points(
        &mut self,
        window: TimeRange,
        interval_us: i64,
        ledger: &Ledger,
    ) -> Result<(), QueryError> {
        let change = match &self.rule.shape {
            Shape::Change(change) => Some(*change),
            _ => None,
        };
        let query = PointQuery { query: &self.rule.query, zone: &self.zone, interval_us, change };
        self.points.move_to(window, &query, ledger)
    }

    fn outcome(&self, value: Option<f64>, samples: u64) -> Outcome {
        match value {
            None => Outcome::Missing,
            Some(_) if samples < self.rule.rules.min_samples.value => Outcome::Insufficient,
            Some(value) => Outcome::Value(value),
        }
    }

    fn forecast_history_us(&self) -> i64 {
        self.window_us().saturating_mul(FORECAST_HISTORY).min(FORECAST_HISTORY_US_MAX)
    }
}

fn plain(value: Option<f64>, samples: u64) -> Judgement {
    Judgement { value, samples, ..Judgement::default() }
}

/// The distance of points where the condition reads its window at once.
fn interval_us(reading: Read, window: TimeRange) -> i64 {
    const POINTS: i64 = 60;
    match reading {
        Read::Points { interval_us, .. } => interval_us,
        Read::Merged => {
            (window.len_us() / POINTS).max(UnixMicros::MINUTE) / UnixMicros::MINUTE * UnixMicros::MINUTE
        }
    }
}

fn zone_period(period: Period) -> ZonePeriod {
    match period {
        Period::Hour => ZonePeriod::Hour,
        Period::Day => ZonePeriod::Day,
        Period::Week => ZonePeriod::Week,
        Period::Month => ZonePeriod::Month,
    }
}
