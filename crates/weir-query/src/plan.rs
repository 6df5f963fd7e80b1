//! From an expression to the questions that the store is asked.
//!
//! The planner walks the expression as the executor will ([`crate::eval`]) and notes each leaf on its grid. Equal
//! questions become one, and a question that another's answer contains (the same series in buckets that it is made of)
//! is not asked: `top(5, x)` needs the total of each series and gets it from the points.

use std::sync::Arc;

use weir_types::metric;
use weir_types::{Need, Scan, ScanRequest, ScanSource, TagKey};

use crate::ast::{Aggregator, Expr, Leaf};
use crate::error::{QueryError, QueryErrorKind};
use crate::eval::{Evaluator, LeafSource};
use crate::grid::{Buckets, Grid};
use crate::limits;
use crate::place::Place;
use crate::series::{Group, Points};

/// One question to the store and why it is asked as it is.
#[derive(Debug, Clone)]
pub(crate) struct PlannedScan {
    pub(crate) request: ScanRequest,
    /// The tag that cells do not carry, when that is why rows are read.
    pub(crate) tag_not_in_cells: Option<TagKey>,
    /// The metric in the query, for errors.
    pub(crate) place: Place,
}

/// All questions of a query.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    pub(crate) scans: Vec<PlannedScan>,
}

impl Plan {
    /// Plans an expression on a grid.
    pub(crate) fn new(expr: &Expr, grid: &Grid, scan: &dyn Scan) -> Result<Self, QueryError> {
        let mut planner = Planner { scan, plan: Self::default() };
        Evaluator::new(&mut planner).expr(expr, grid)?;
        Ok(planner.plan)
    }

    /// The place of the scan whose answer holds what a leaf needs on a grid.
    pub(crate) fn find(&self, leaf: &Leaf, buckets: Buckets) -> Option<usize> {
        self.scans.iter().position(|planned| {
            let request = &planned.request;
            is_same_series(request, leaf)
                && contains(request, buckets)
                && has_need(request.need, need(leaf.aggregator))
        })
    }

    /// Adds a question, unless one of the others has its answer; then those whose answers it has are dropped.
    fn add(&mut self, mut new: PlannedScan) {
        let holds = |a: &ScanRequest, b: &ScanRequest| is_same_question(a, b) && contains(a, buckets_of(b));
        if let Some(old) = self.scans.iter_mut().find(|old| holds(&old.request, &new.request)) {
            old.request.need = greater(old.request.need, new.request.need);
            return;
        }
        self.scans.retain(|old| {
            let is_held = holds(&new.request, &old.request);
            if is_held {
                new.request.need = greater(new.request.need, old.request.need);
            }
            !is_held
        });
        self.scans.push(new);
    }
}

fn greater(a: Need, b: Need) -> Need {
    if has_need(a, b) { a } else { b }
}

fn buckets_of(request: &ScanRequest) -> Buckets {
    Buckets { range: request.range, step_us: request.step_us }
}

/// Whether two requests ask for the same series from the same source.
fn is_same_question(a: &ScanRequest, b: &ScanRequest) -> bool {
    a.metric == b.metric && a.scope == b.scope && a.by == b.by && a.source == b.source
}

fn is_same_series(request: &ScanRequest, leaf: &Leaf) -> bool {
    request.metric == leaf.metric && request.scope == leaf.scope && request.by == leaf.by
}

fn has_need(has: Need, wanted: Need) -> bool {
    has == wanted || has == Need::Histogram
}

/// Whether the answer to a request has buckets that those wanted are made of, over all of their time.
fn contains(request: &ScanRequest, wanted: Buckets) -> bool {
    let whole = request.range;
    let Some(step_us) = request.step_us else { return whole == wanted.range && wanted.step_us.is_none() };
    let on_edge = |at: i64| (at - whole.from.0).rem_euclid(step_us) == 0;
    let starts_on_edge = on_edge(wanted.range.from.0) && wanted.range.from >= whole.from;
    let ends_on_edge =
        wanted.range.to == whole.to || wanted.range.to < whole.to && on_edge(wanted.range.to.0);
    let is_made_of = wanted.step_us.is_none_or(|wanted_us| wanted_us % step_us == 0);
    starts_on_edge && ends_on_edge && is_made_of
}

fn need(aggregator: Aggregator) -> Need {
    if aggregator.needs_histogram() { Need::Histogram } else { Need::Totals }
}

struct Planner<'a> {
    scan: &'a dyn Scan,
    plan: Plan,
}

impl LeafSource for Planner<'_> {
    fn leaf(&mut self, leaf: &Leaf, grid: &Grid) -> Result<Vec<(Group, Points)>, QueryError> {
        let buckets = grid.buckets();
        let step_us = buckets.step_us.unwrap_or(i64::MAX);
        if buckets.range.len_us() / step_us > limits::BUCKETS_MAX {
            let message = format!("this looks at more than {} buckets of time", limits::BUCKETS_MAX);
            return Err(QueryError::new(QueryErrorKind::Limit, leaf.metric_place.range(), message)
                .with_hint("ask for a shorter range or a longer step"));
        }
        let tags = leaf.by.iter().chain(leaf.scope.keys());
        let tag_not_in_cells = tag_not_in_cells(&leaf.metric, tags, self.scan);
        let source = if tag_not_in_cells.is_some() { ScanSource::Rows } else { ScanSource::Cells };
        let request = ScanRequest {
            metric: Arc::clone(&leaf.metric),
            scope: leaf.scope.clone(),
            by: leaf.by.clone(),
            range: buckets.range,
            step_us: buckets.step_us,
            origin: buckets.range.from,
            need: need(leaf.aggregator),
            source,
        };
        self.plan.add(PlannedScan { request, tag_not_in_cells, place: leaf.metric_place });
        Ok(Vec::new())
    }
}

/// From what a metric is answered when these tags are looked at.
pub(crate) fn source<'a>(
    metric: &str,
    tags: impl IntoIterator<Item = &'a TagKey>,
    scan: &dyn Scan,
) -> ScanSource {
    match tag_not_in_cells(metric, tags, scan) {
        Some(_) => ScanSource::Rows,
        None => ScanSource::Cells,
    }
}

/// The first tag that cells of a metric do not carry.
fn tag_not_in_cells<'a>(
    metric: &str,
    tags: impl IntoIterator<Item = &'a TagKey>,
    scan: &dyn Scan,
) -> Option<TagKey> {
    let mut wanted = tags.into_iter().peekable();
    wanted.peek()?;
    if metric == metric::EVENTS {
        // Series of events are made of all that events say.
        return None;
    }
    if let Some(info) = metric::derived(metric) {
        let in_cells = |key: &str| metric::CELL_TAGS.contains(&key) || info.extra_tags.contains(&key);
        return wanted.find(|key| !in_cells(key.as_str())).cloned();
    }
    let carried = scan.cell_tags(metric).unwrap_or_default();
    wanted.find(|key| !carried.contains(key)).cloned()
}

#[cfg(test)]
mod tests {
    use weir_types::{Scope, TimeRange, UnixMicros};

    use super::*;

    fn range(from_minute: i64, to_minute: i64) -> TimeRange {
        TimeRange {
            from: UnixMicros(from_minute * UnixMicros::MINUTE),
            to: UnixMicros(to_minute * UnixMicros::MINUTE),
        }
    }

    #[test]
    fn an_answer_holds_coarser_buckets_within_it_that_share_its_edges() {
        let step = |minutes: i64| Some(minutes * UnixMicros::MINUTE);
        let request = ScanRequest {
            metric: Arc::from("m"),
            scope: Scope::All,
            by: Vec::new(),
            range: range(10, 38),
            step_us: step(10),
            origin: range(10, 38).from,
            need: Need::Totals,
            source: ScanSource::Cells,
        };
        for (wanted_range, wanted_step, expected) in [
            (range(10, 38), step(10), true),
            (range(10, 38), step(20), true),
            (range(10, 38), None, true),
            (range(20, 30), None, true),
            (range(10, 38), step(5), false),
            (range(10, 38), step(15), false),
            (range(15, 38), None, false),
            (range(10, 35), None, false),
            (range(0, 38), step(10), false),
            (range(10, 40), step(10), false),
        ] {
            let wanted = Buckets { range: wanted_range, step_us: wanted_step };
            assert_eq!(contains(&request, wanted), expected, "{wanted:?}");
        }
        let single = ScanRequest { step_us: None, ..request };
        assert!(contains(&single, Buckets { range: range(10, 38), step_us: None }));
        assert!(!contains(&single, Buckets { range: range(20, 30), step_us: None }));
    }
}
