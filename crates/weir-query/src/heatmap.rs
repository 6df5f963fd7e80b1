//! How values are spread, over time: merged histograms as columns of a picture.
//!
//! A histogram has up to some hundred buckets; a picture has about thirty rows that an eye can tell apart. Neighbouring
//! buckets are joined, the same number for each row, so rows are as tall as each other on a logarithmic scale, and every
//! count is exact.

use std::sync::Arc;

use weir_types::metric::{self, Unit};
use weir_types::{Cell, Need, Scan, ScanRequest, Scope, UnixMicros};

use crate::answer::QueryContext;
use crate::error::{QueryError, QueryErrorKind};
use crate::{name, plan, step};

/// Rows of the picture, about.
const ROWS: i32 = 30;

/// Columns of the picture when no step is asked for, at most.
const COLUMNS_MAX: i64 = 120;

/// Columns at most in any case: each has a count for every row.
const COLUMNS_ASKED_MAX: i64 = 1_000;

/// Buckets for each doubling of a value, as [`weir_types::Histogram`] has them.
const BUCKETS_PER_DOUBLING: f64 = 32.0;

/// A picture of how values are spread.
#[derive(Debug, Clone, PartialEq)]
pub struct Heatmap {
    /// The distance of columns; days of a local calendar are 24 hours here although some are 23 or 25 long.
    pub step_us: i64,
    /// The unit of the values.
    pub unit: Unit,
    /// The upper edge of each row, ascending; the first row holds everything up to its edge.
    pub edges: Vec<f64>,
    /// The start of each column, and how many values are in each of its rows.
    pub columns: Vec<(UnixMicros, Vec<u64>)>,
}

/// Draws a metric. Blocks on the store.
pub fn heatmap(
    metric: &str,
    scope: &Scope,
    ctx: &QueryContext,
    scan: &dyn Scan,
) -> Result<Heatmap, QueryError> {
    let metric = metric::canonical_metric(metric);
    let info = metric::derived(metric);
    if info.is_some_and(|info| info.is_count) {
        let message = format!("each value of {} is 1, so there is nothing to spread", name::shown(metric));
        return Err(QueryError::new(QueryErrorKind::Argument, 0..0, message)
            .with_hint("ask for a duration, such as llm.request.duration"));
    }
    let step_us = ctx.step_us.unwrap_or_else(|| step::chosen(ctx.range, 0, COLUMNS_MAX));
    let ctx = QueryContext { step_us: Some(step_us), ..ctx.clone() };
    let (grid, step_us) = step::series_grid(&ctx, 0)?;
    if ctx.range.len_us() / step_us > COLUMNS_ASKED_MAX {
        let message = format!("that step makes more than {COLUMNS_ASKED_MAX} columns");
        return Err(QueryError::new(QueryErrorKind::Limit, 0..0, message)
            .with_hint("leave the step out and one is chosen"));
    }
    let buckets = grid.buckets();
    let request = ScanRequest {
        metric: Arc::from(metric),
        scope: scope.clone(),
        by: Vec::new(),
        range: buckets.range,
        step_us: buckets.step_us,
        origin: buckets.range.from,
        need: Need::Histogram,
        source: plan::source(metric, scope.keys(), scan),
    };
    let rows = scan.scan(&request).map_err(|error| QueryError::of_scan(&error, 0..0))?;
    let mut cells = vec![Cell::default(); grid.windows.len()];
    for row in &rows {
        let after = grid.windows.partition_point(|window| window.range.from <= row.bucket);
        if let Some(column) = after.checked_sub(1) {
            cells[column].merge(&row.cell);
        }
    }
    let scale = Scale::of(&cells);
    let columns =
        grid.windows.iter().zip(&cells).map(|(window, cell)| (window.range.from, scale.counts(cell)));
    let unit = info.map_or(Unit::None, |info| info.unit);
    Ok(Heatmap { step_us, unit, edges: scale.edges(), columns: columns.collect() })
}

/// Which buckets make which row.
struct Scale {
    /// The first bucket, and how many there are in each row.
    first: i32,
    per_row: i32,
    rows: i32,
    /// Whether there are values that are not above zero; they have a row of their own, the first.
    has_zero: bool,
}

impl Scale {
    fn of(cells: &[Cell]) -> Self {
        let positive = || cells.iter().flat_map(|cell| cell.histogram.positive_buckets());
        let has_zero = cells.iter().any(|cell| not_above_zero(cell) > 0);
        let first = positive().map(|(bucket, _)| i32::from(*bucket)).min();
        let last = positive().map(|(bucket, _)| i32::from(*bucket)).max();
        let Some((first, last)) = first.zip(last) else {
            return Self { first: 0, per_row: 1, rows: 0, has_zero };
        };
        let count = last - first + 1;
        let per_row = (count + ROWS - 1) / ROWS;
        Self { first, per_row, rows: (count + per_row - 1) / per_row, has_zero }
    }

    fn edges(&self) -> Vec<f64> {
        let upper =
            |row: i32| (f64::from(self.first + (row + 1) * self.per_row) / BUCKETS_PER_DOUBLING).exp2();
        self.has_zero.then_some(0.0).into_iter().chain((0..self.rows).map(upper)).collect()
    }

    fn counts(&self, cell: &Cell) -> Vec<u64> {
        let zero_rows = usize::from(self.has_zero);
        let mut counts = vec![0; zero_rows + usize::try_from(self.rows).unwrap_or(0)];
        if self.has_zero {
            counts[0] = not_above_zero(cell);
        }
        for (bucket, n) in cell.histogram.positive_buckets() {
            let row = (i32::from(*bucket) - self.first) / self.per_row;
            if let Some(count) = usize::try_from(row).ok().and_then(|row| counts.get_mut(zero_rows + row)) {
                *count += n;
            }
        }
        counts
    }
}

fn not_above_zero(cell: &Cell) -> u64 {
    cell.histogram.count() - cell.histogram.positive_buckets().iter().map(|(_, n)| n).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_value_is_in_the_row_below_whose_edge_it_lies(
            values in prop::collection::vec(prop_oneof![Just(0.0), 0.001..1e7f64], 1..60),
        ) {
            let mut cell = Cell::default();
            for value in &values {
                cell.record(*value);
            }
            let scale = Scale::of(std::slice::from_ref(&cell));
            let (edges, counts) = (scale.edges(), scale.counts(&cell));
            prop_assert_eq!(edges.len(), counts.len());
            prop_assert!(edges.is_sorted() && edges.len() <= 31);
            prop_assert_eq!(counts.iter().sum::<u64>(), values.len() as u64);
            for (row, edge) in edges.iter().enumerate() {
                let below = values.iter().filter(|value| **value <= edge * (1.0 + 1e-12)).count() as u64;
                let counted: u64 = counts[..=row].iter().sum();
                prop_assert!(counted <= below, "{} of {} up to {}", counted, below, edge);
            }
        }
    }

    #[test]
    fn nothing_has_no_rows() {
        let scale = Scale::of(&[Cell::default()]);
        assert_eq!((scale.edges(), scale.counts(&Cell::default())), (vec![], vec![]));
    }
}
