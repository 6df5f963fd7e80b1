//! Asks the store and makes the answer.

use std::collections::{HashMap, HashSet};

use weir_types::metric::{self, MetricInfo};
use weir_types::{Cell, Histogram, Scan, ScanRow, TagKey, UnixMicros};

use crate::answer::{Answer, InstantAnswer, QueryContext, Series, SeriesTags};
use crate::ast::{Aggregator, Expr, Leaf};
use crate::check::is_occurrence;
use crate::error::{QueryError, QueryErrorKind};
use crate::eval::{Evaluator, LeafSource};
use crate::functions::{change, top};
use crate::grid::{Grid, WindowIndex};
use crate::limits;
use crate::name;
use crate::plan::Plan;
use crate::series::{Group, Points, SeriesSet};
use crate::{Query, step};

/// Answers a query over time.
pub(crate) fn run(query: &Query, ctx: &QueryContext, scan: &dyn Scan) -> Result<Answer, QueryError> {
    let (grid, step_us) = step::series_grid(ctx, step_min(query.expr()))?;
    let (set, notes) = evaluate(query.expr(), &grid, scan)?;
    let starts: Vec<UnixMicros> = grid.windows.iter().map(|window| window.range.from).collect();
    let series = set.series.into_iter().map(|(group, points)| Series {
        tags: tags(&set.keys, group),
        points: starts.iter().copied().zip(points).collect(),
    });
    Ok(Answer { series: series.collect(), unit: query.unit(), step_us, notes })
}

/// Answers a query with one value for each group.
pub(crate) fn run_instant(
    query: &Query,
    ctx: &QueryContext,
    scan: &dyn Scan,
) -> Result<InstantAnswer, QueryError> {
    let grid = step::instant_grid(ctx)?;
    let (set, notes) = evaluate(query.expr(), &grid, scan)?;
    let values = set.series.into_iter();
    let values = values.map(|(group, points)| (tags(&set.keys, group), points.first().copied().flatten()));
    Ok(InstantAnswer { values: values.collect(), unit: query.unit(), notes })
}

/// The shortest step that makes sense for an expression.
pub(crate) fn step_min(expr: &Expr) -> i64 {
    let mut step_us = UnixMicros::MINUTE;
    expr.visit_calls(&mut |call| {
        if change::is_over_days(call) {
            step_us = UnixMicros::HOUR;
        }
    });
    step_us
}

fn tags(keys: &[TagKey], group: Group) -> SeriesTags {
    let values = group.into_iter().map(|value| value.map(|value| value.to_string()));
    keys.iter().map(|key| key.as_str().to_owned()).zip(values).collect()
}

fn evaluate(expr: &Expr, grid: &Grid, scan: &dyn Scan) -> Result<(SeriesSet, Vec<String>), QueryError> {
    let mut notes = name_notes(expr, scan)?;
    let plan = Plan::new(expr, grid, scan)?;
    let mut cells = ScannedCells::read(plan, scan)?;
    let mut evaluator = Evaluator::new(&mut cells);
    let mut set = evaluator.expr(expr, grid)?.into_series(grid.windows.len());
    notes.append(&mut evaluator.notes);
    if !is_ranked(expr) {
        set.series.sort_by(|(a, _), (b, _)| a.cmp(b));
    }
    set.series.retain(|(_, points)| points.iter().any(Option::is_some) || set.keys.is_empty());
    notes.extend(limit_series(&mut set));
    Ok((set, notes))
}

fn is_ranked(expr: &Expr) -> bool {
    let mut ranked = false;
    expr.visit_calls(&mut |call| ranked |= [top::TOP.name, top::BOTTOM.name].contains(&call.function.name));
    ranked
}

/// Keeps the series that are largest over all of their points, when there are too many.
fn limit_series(set: &mut SeriesSet) -> Option<String> {
    let count = set.series.len();
    if count <= limits::SERIES_MAX {
        return None;
    }
    let size = |points: &[Option<f64>]| points.iter().flatten().map(|value| value.abs()).sum::<f64>();
    let sizes: Vec<f64> = set.series.iter().map(|(_, points)| size(points)).collect();
    let mut by_size: Vec<usize> = (0..count).collect();
    by_size.sort_by(|a, b| sizes[*b].total_cmp(&sizes[*a]));
    let kept: HashSet<usize> = by_size.into_iter().take(limits::SERIES_MAX).collect();
    let mut places = 0..;
    set.series.retain(|_| places.next().is_some_and(|place| kept.contains(&place)));
    Some(format!(
        "only the {} largest of {count} series are listed; choose with top(n, …)",
        limits::SERIES_MAX
    ))
}

/// What to know about the metrics of a query; an error when one is surely misspelt.
///
/// A metric that nobody has sent yet is no mistake: monitors and panels are written before the first value comes. So
/// only a name that is a slip away from one of Weir's own is refused; for others a note says what may have been meant.
fn name_notes(expr: &Expr, scan: &dyn Scan) -> Result<Vec<String>, QueryError> {
    let mut notes = Vec::new();
    for leaf in expr.leaves() {
        let note = match metric::derived(&leaf.metric) {
            Some(info) => odd_aggregator(leaf, info),
            None => not_seen(leaf, scan)?,
        };
        notes.extend(note.filter(|note| !notes.contains(note)));
    }
    Ok(notes)
}

fn odd_aggregator(leaf: &Leaf, info: &MetricInfo) -> Option<String> {
    let (aggregator, metric) = (leaf.aggregator, &leaf.metric);
    (is_occurrence(info) && !aggregator.is_additive()).then(|| {
        format!(
            "each value of {metric} is 1, and so is its {aggregator}; ask for its sum, or for rate({metric})"
        )
    })
}

fn not_seen(leaf: &Leaf, scan: &dyn Scan) -> Result<Option<String>, QueryError> {
    let seen = scan.metrics();
    if seen.contains(&leaf.metric) {
        return Ok(None);
    }
    let own = metric::DERIVED.iter().map(|info| info.name).chain(["token_spend"]);
    if let Some(hint) = name::did_you_mean(&leaf.metric, own) {
        let message = format!("there is no metric `{}`", name::shown(&leaf.metric));
        return Err(QueryError::new(QueryErrorKind::Name, leaf.metric_place.range(), message).with_hint(hint));
    }
    let mut note = format!("no value of {} has been seen yet", name::shown(&leaf.metric));
    if let Some(hint) = name::did_you_mean(&leaf.metric, seen.iter().map(|metric| &**metric)) {
        note = format!("{note}; {hint}");
    }
    Ok(Some(note))
}

/// The answers of the store to the scans of a plan.
struct ScannedCells {
    plan: Plan,
    /// For each scan its rows.
    rows: Vec<Vec<ScanRow>>,
}

impl ScannedCells {
    fn read(plan: Plan, scan: &dyn Scan) -> Result<Self, QueryError> {
        let rows = plan.scans.iter().map(|planned| {
            scan.scan(&planned.request).map_err(|error| QueryError::of_scan(&error, planned.place.range()))
        });
        let rows = rows.collect::<Result<_, _>>()?;
        Ok(Self { plan, rows })
    }
}

impl LeafSource for ScannedCells {
    fn leaf(&mut self, leaf: &Leaf, grid: &Grid) -> Result<Vec<(Group, Points)>, QueryError> {
        let Some(at) = self.plan.find(leaf, grid.buckets()) else {
            // The planner walked the same expression on the same grid.
            let message = "a part of the query was not planned";
            return Err(QueryError::new(QueryErrorKind::Store, leaf.metric_place.range(), message));
        };
        Ok(aggregate_in_windows(&self.rows[at], grid, leaf.aggregator))
    }
}

/// What a window has seen so far. Most windows are one bucket, whose cell need not be copied.
enum Seen<'a> {
    Nothing,
    One(&'a Cell),
    Many(Cell),
}

impl<'a> Seen<'a> {
    fn add(&mut self, cell: &'a Cell, aggregator: Aggregator) {
        match self {
            Self::Nothing => *self = Self::One(cell),
            Self::One(first) => {
                let mut merged = Cell::default();
                merge(&mut merged, first, aggregator);
                merge(&mut merged, cell, aggregator);
                *self = Self::Many(merged);
            }
            Self::Many(merged) => merge(merged, cell, aggregator),
        }
    }

    fn value(&self, aggregator: Aggregator) -> Option<f64> {
        match self {
            Self::Nothing => None,
            Self::One(cell) => aggregate(aggregator, cell),
            Self::Many(cell) => aggregate(aggregator, cell),
        }
    }
}

/// Adds a cell to another; histograms only where they are needed, because they are most of the work.
fn merge(into: &mut Cell, cell: &Cell, aggregator: Aggregator) {
    if aggregator.needs_histogram() {
        into.merge(cell);
    } else {
        into.merge(&Cell { histogram: Histogram::new(), ..*cell });
    }
}

/// Merges the cells of buckets into windows and takes one value of each, for each group. Groups are sorted.
pub(crate) fn aggregate_in_windows(
    rows: &[ScanRow],
    grid: &Grid,
    aggregator: Aggregator,
) -> Vec<(Group, Points)> {
    let index = WindowIndex::new(grid);
    let mut by_group: HashMap<&Group, Vec<&ScanRow>> = HashMap::new();
    for row in rows {
        by_group.entry(&row.group).or_default().push(row);
    }
    let mut groups: Vec<_> = by_group.into_iter().collect();
    groups.sort_by_key(|(group, _)| *group);
    let series = groups.into_iter().map(|(group, rows)| {
        let mut windows: Vec<Seen<'_>> = grid.windows.iter().map(|_| Seen::Nothing).collect();
        for row in rows {
            for window in index.holding(row.bucket) {
                windows[window].add(&row.cell, aggregator);
            }
        }
        (group.clone(), windows.iter().map(|seen| seen.value(aggregator)).collect())
    });
    series.collect()
}

/// One value of everything that a cell saw.
pub(crate) fn aggregate(aggregator: Aggregator, cell: &Cell) -> Option<f64> {
    if cell.count == 0 {
        return None;
    }
    let value = match aggregator {
        Aggregator::Sum => cell.sum(),
        Aggregator::Avg => cell.mean()?,
        Aggregator::Min => cell.min?,
        Aggregator::Max => cell.max?,
        Aggregator::Count => cell.count as f64,
        Aggregator::Percentile(percentile) => cell.quantile(percentile.quantile())?,
        Aggregator::CountAbove(_) if cell.histogram.is_empty() => return None,
        Aggregator::CountAbove(bound) => cell.histogram.count_above(bound.base_value()) as f64,
    };
    Some(value).filter(|value| value.is_finite())
}
