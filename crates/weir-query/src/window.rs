//! One value for each group over exactly one window: what monitors judge.
//!
//! It differs from an instant answer in three ways. The window is taken as it is, to the minute, however long it is,
//! because a judgement must not see what came after its time. Every group is there, because a group that is left out would
//! never be judged. And each value comes with the number of samples behind it, because few samples are no ground for a
//! judgement.

use std::collections::HashMap;

use weir_types::{Cell, Scan, ScanRow, TagKey, TimeRange, UnixMicros};

use crate::Query;
use crate::ast::{Aggregator, Expr, ExprKind, Leaf, Percentile};
use crate::calendar::Calendar;
use crate::error::{QueryError, QueryErrorKind};
use crate::eval::{Evaluator, LeafSource};
use crate::execute::{aggregate, aggregate_in_windows};
use crate::grid::{Grid, Window};
use crate::plan::{Plan, PlannedScan};
use crate::series::{Group, Points};

/// A time zone that was looked up once and is used for many windows.
#[derive(Debug, Clone)]
pub struct Zone(Calendar);

impl Zone {
    /// The zone with an IANA name; UTC when there is none.
    pub fn named(name: Option<&str>) -> Result<Self, QueryError> {
        Calendar::new(name).map(Self)
    }

    /// The start of the hour, day, week (from Monday) or month that holds an instant, in local time.
    pub fn start_of(&self, at: UnixMicros, period: ZonePeriod) -> UnixMicros {
        match period {
            ZonePeriod::Hour => {
                let offset_us = self.offset_us(at);
                at.saturating_add_us(offset_us).floor_to(UnixMicros::HOUR).saturating_add_us(-offset_us)
            }
            ZonePeriod::Day => self.0.start_of_period(at, 1),
            ZonePeriod::Week => self.0.start_of_period(at, 7),
            ZonePeriod::Month => self.0.days_of_month(at).first().copied().unwrap_or(at),
        }
    }

    /// How far local clocks are ahead of UTC at an instant, in microseconds.
    pub fn offset_us(&self, at: UnixMicros) -> i64 {
        self.0.offset_us(at)
    }
}

/// A period of the local calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ZonePeriod {
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A week, from Monday on.
    Week,
    /// A month.
    Month,
}

/// The value of one group.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowValue {
    /// The values of the answer's keys; `None` where a tag is absent.
    pub group: Group,
    /// The value; `None` where there is none.
    pub value: Option<f64>,
    /// How many samples it is made of: of the metric with the most, where several are combined. The rate of an outcome
    /// is made of as many samples as there were cases.
    pub samples: u64,
}

/// The values of a window.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WindowAnswer {
    /// The tags that groups are told apart by.
    pub keys: Vec<TagKey>,
    /// The groups, in their order.
    pub values: Vec<WindowValue>,
}

/// Evaluates a query over a window whose ends are whole minutes. Functions over trailing days look back from its end.
pub fn run_window(
    query: &Query,
    range: TimeRange,
    zone: &Zone,
    scan: &dyn Scan,
) -> Result<WindowAnswer, QueryError> {
    if range.is_empty() {
        return Err(QueryError::new(QueryErrorKind::Range, 0..0, "the window is empty"));
    }
    let window = Window { range, as_of: range.to, covered_us: range.len_us() };
    let grid = Grid { windows: vec![window], calendar: zone.0.clone(), to: range.to };
    let mut source =
        Counted { plan: Plan::new(query.expr(), &grid, scan)?, rows: Vec::new(), counts: Vec::new() };
    if let (ExprKind::Leaf(leaf), [planned]) = (&query.expr().kind, &source.plan.scans[..])
        && planned.request.step_us.is_none()
    {
        return of_leaf(leaf, planned, scan);
    }
    for planned in &source.plan.scans {
        let rows = scan.scan(&planned.request);
        source.rows.push(rows.map_err(|error| QueryError::of_scan(&error, planned.place.range()))?);
    }
    let mut evaluator = Evaluator::new(&mut source);
    let set = evaluator.expr(query.expr(), &grid)?.into_series(1);
    let samples = Samples::new(&set.keys, &source.counts);
    let values = set.series.into_iter().map(|(group, points)| WindowValue {
        samples: samples.of(&group),
        value: points.first().copied().flatten(),
        group,
    });
    let values = values.collect();
    Ok(WindowAnswer { keys: set.keys, values })
}

/// How the values of one aggregated metric are spread over a window, for each group, histograms included: for those who
/// must know how sure its value is. Groups are told apart by the keys of [`run_window`]. Empty where the query is more than
/// one aggregated metric.
pub fn run_cells(
    query: &Query,
    range: TimeRange,
    zone: &Zone,
    scan: &dyn Scan,
) -> Result<Vec<(Group, Cell)>, QueryError> {
    let ExprKind::Leaf(leaf) = &query.expr().kind else { return Ok(Vec::new()) };
    let Some(percentile) = Percentile::from_hundredths(5_000) else { return Ok(Vec::new()) };
    // A percentile is what the planner asks histograms for.
    let leaf = Leaf { aggregator: Aggregator::Percentile(percentile), ..leaf.clone() };
    let expr = Expr { kind: ExprKind::Leaf(leaf), place: query.expr().place };
    let window = Window { range, as_of: range.to, covered_us: range.len_us() };
    let grid = Grid { windows: vec![window], calendar: zone.0.clone(), to: range.to };
    let mut cells: HashMap<Group, Cell> = HashMap::new();
    for planned in &Plan::new(&expr, &grid, scan)?.scans {
        let rows = scan.scan(&planned.request);
        for row in rows.map_err(|error| QueryError::of_scan(&error, planned.place.range()))? {
            cells.entry(row.group).or_default().merge(&row.cell);
        }
    }
    let mut cells: Vec<_> = cells.into_iter().collect();
    cells.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(cells)
}

/// The values of a single metric, which most conditions are about: a row of the store is a group of the answer.
fn of_leaf(leaf: &Leaf, planned: &PlannedScan, scan: &dyn Scan) -> Result<WindowAnswer, QueryError> {
    let rows = scan.scan(&planned.request);
    let rows = rows.map_err(|error| QueryError::of_scan(&error, planned.place.range()))?;
    let values = rows.into_iter().map(|ScanRow { group, cell, .. }| WindowValue {
        group,
        value: aggregate(leaf.aggregator, &cell),
        samples: cell.count,
    });
    let mut values: Vec<WindowValue> = values.collect();
    values.sort_by(|a, b| a.group.cmp(&b.group));
    Ok(WindowAnswer { keys: leaf.by.clone(), values })
}

/// The samples of each group.
type Counts = HashMap<Group, u64>;

/// What one leaf saw: its keys, and the samples of each of its groups.
type LeafCounts = (Vec<TagKey>, Counts);

/// The answers of the store, and how many samples they hold.
struct Counted {
    plan: Plan,
    rows: Vec<Vec<ScanRow>>,
    counts: Vec<LeafCounts>,
}

impl LeafSource for Counted {
    fn leaf(&mut self, leaf: &Leaf, grid: &Grid) -> Result<Vec<(Group, Points)>, QueryError> {
        let Some(at) = self.plan.find(leaf, grid.buckets()) else {
            // The planner walked the same expression on the same grid.
            let message = "a part of the query was not planned";
            return Err(QueryError::new(QueryErrorKind::Store, leaf.metric_place.range(), message));
        };
        let rows = &self.rows[at];
        let mut counts: Counts = Counts::with_capacity(rows.len());
        for row in rows {
            *counts.entry(row.group.clone()).or_default() += row.cell.count;
        }
        self.counts.push((leaf.by.clone(), counts));
        Ok(aggregate_in_windows(rows, grid, leaf.aggregator))
    }
}

/// Finds the samples behind a group of the answer, whose keys may be more than a leaf's.
struct Samples<'a> {
    /// For each leaf the places of its keys among those of the answer, and its counts.
    leaves: Vec<(Vec<Option<usize>>, &'a Counts)>,
}

impl<'a> Samples<'a> {
    fn new(keys: &[TagKey], counts: &'a [LeafCounts]) -> Self {
        let place = |key: &TagKey| keys.iter().position(|other| other == key);
        let leaves = counts.iter().map(|(own, counts)| (own.iter().map(place).collect(), counts));
        Self { leaves: leaves.collect() }
    }

    fn of(&self, group: &Group) -> u64 {
        let in_leaf = |(places, counts): &(Vec<Option<usize>>, &Counts)| {
            let key: Group = places
                .iter()
                .map(|place| place.and_then(|place| group.get(place).cloned().flatten()))
                .collect();
            counts.get(&key).copied().unwrap_or(0)
        };
        self.leaves.iter().map(in_leaf).max().unwrap_or(0)
    }
}
