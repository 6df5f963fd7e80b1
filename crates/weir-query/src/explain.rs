//! How a query would be answered, as text for people: what it means after aliases and defaults are filled in, which
//! windows it has, and what the store is asked. Nothing is read from the store but names.

use std::fmt::Write as _;

use jiff::Timestamp;
use weir_types::{Need, Scan, ScanSource, Scope, TagKey, UnixMicros};

use crate::answer::QueryContext;
use crate::error::QueryError;
use crate::grid::Grid;
use crate::plan::{Plan, PlannedScan};
use crate::{Query, execute, step};

/// Explains a query over time; an error is explained too.
pub(crate) fn explain(query: &Query, ctx: &QueryContext, scan: &dyn Scan) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "query   {query}");
    let _ = writeln!(text, "unit    {}", unit_name(query));
    if let Err(error) = explain_plan(&mut text, query, ctx, scan) {
        let _ = writeln!(text, "error   {error}");
        if let Some(hint) = error.hint {
            let _ = writeln!(text, "hint    {hint}");
        }
    }
    text
}

fn explain_plan(
    text: &mut String,
    query: &Query,
    ctx: &QueryContext,
    scan: &dyn Scan,
) -> Result<(), QueryError> {
    let (grid, step_us) = step::series_grid(ctx, execute::step_min(query.expr()))?;
    let why = if ctx.step_us.is_some() { "asked for" } else { "chosen" };
    let _ = writeln!(text, "step    {} ({why}), {} points", length(step_us), grid.windows.len());
    let _ = writeln!(text, "range   {}", range_of(&grid));
    let _ = writeln!(text, "zone    {}", grid.calendar.name());
    let plan = Plan::new(query.expr(), &grid, scan)?;
    for planned in &plan.scans {
        explain_scan(text, planned);
    }
    Ok(())
}

fn explain_scan(text: &mut String, planned: &PlannedScan) {
    let request = &planned.request;
    let source = match (&planned.tag_not_in_cells, request.source) {
        (Some(tag), _) => format!("rows, because cells do not carry {tag}"),
        (None, ScanSource::Rows) => "rows".to_owned(),
        (None, ScanSource::Cells) => "cells".to_owned(),
    };
    let part = match request.need {
        Need::Totals => "totals",
        Need::Histogram => "totals and histograms",
    };
    let buckets = request
        .step_us
        .map_or_else(|| "one bucket".to_owned(), |step_us| format!("buckets of {}", length(step_us)));
    let _ = writeln!(text, "scan    {}", request.metric);
    if request.scope != Scope::All {
        let _ = writeln!(text, "        where {}", request.scope);
    }
    if !request.by.is_empty() {
        let names: Vec<&str> = request.by.iter().map(TagKey::as_str).collect();
        let _ = writeln!(text, "        by {}", names.join(", "));
    }
    let _ =
        writeln!(text, "        {} to {}, {buckets}", instant(request.range.from), instant(request.range.to));
    let _ = writeln!(text, "        {part} from {source}");
}

fn range_of(grid: &Grid) -> String {
    let whole = grid.whole().windows[0].range;
    format!("{} to {}", instant(whole.from), instant(whole.to))
}

fn unit_name(query: &Query) -> String {
    // The one spelling of a unit is its JSON.
    serde_json::to_value(query.unit())
        .ok()
        .and_then(|name| name.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn instant(at: UnixMicros) -> String {
    Timestamp::from_microsecond(at.0).map_or_else(|_| at.0.to_string(), |timestamp| timestamp.to_string())
}

/// A length of time in its largest whole unit.
fn length(us: i64) -> String {
    let units = [
        ("d", UnixMicros::DAY),
        ("h", UnixMicros::HOUR),
        ("m", UnixMicros::MINUTE),
        ("s", UnixMicros::SECOND),
    ];
    let whole = units.iter().find(|(_, unit_us)| us % unit_us == 0);
    whole.map_or_else(|| format!("{us}us"), |(name, unit_us)| format!("{}{name}", us / unit_us))
}
