//! The expression language that dashboards, the API, the command line and monitors ask in.
//!
//! The way of a query: text → tokens (`lexer`) → tree (`parser`, one tree for Weir's own form and Datadog's) →
//! `check` (units, groups, tags) → `plan` (which cells or rows to scan) → `execute` (evaluation over what the store
//! gave). Monitors extend it at two places: clauses after an expression in the parser, and a fold of their own over
//! minute cells in place of `execute`.
//!
//! Invariants: this crate does no I/O and knows no store, it meets one in [`weir_types::Scan`]; it never reads the clock;
//! no text makes it panic, recurse without bound or run without bound ([`limits`]). Percentiles come from merged
//! histograms and averages from merged sums and counts, never from percentiles or averages. A missing value is `None`,
//! never 0, and an answer holds finite numbers only.
//!
//! On failure every function returns a [`QueryError`] that points at the place in the text.

mod answer;
mod ast;
mod calendar;
mod check;
mod complete;
pub mod cost;
mod error;
mod eval;
mod execute;
mod explain;
mod functions;
mod grid;
mod heatmap;
mod lexer;
pub mod limits;
mod measure;
mod name;
mod number;
mod parser;
mod place;
mod plan;
mod prefix;
mod print;
mod reference;
mod series;
mod step;
mod window;

use std::fmt;
use std::str::FromStr;

use weir_types::metric::Unit;
use weir_types::{Scan, Scope};

pub use answer::{Answer, InstantAnswer, QueryContext, Series, SeriesTags};
pub use ast::{Aggregator, BinaryOperator, Call, Expr, ExprKind, Leaf, Percentile};
pub use complete::{Suggestion, complete};
pub use error::{QueryError, QueryErrorKind};
pub use functions::rate::rate_terms;
pub use functions::{FunctionSpec, Parameter, ParameterKind};
pub use heatmap::{Heatmap, heatmap};
pub use name::{SPAN_TAGS, did_you_mean};
pub use number::{Number, Suffix};
pub use place::Place;
pub use prefix::{Prefix, SeriesMethod, parse_prefix};
pub use reference::reference;
pub use window::{WindowAnswer, WindowValue, Zone, ZonePeriod, run_cells, run_window};

/// A query that was parsed and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    expr: Expr,
    unit: Unit,
}

impl Query {
    /// What it asks for.
    pub fn expr(&self) -> &Expr {
        &self.expr
    }

    /// The unit of its answer.
    pub fn unit(&self) -> Unit {
        self.unit
    }
}

impl fmt::Display for Query {
    /// The canonical text: Weir's own form, aliases resolved, aggregators filled in.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expr.fmt(f)
    }
}

impl FromStr for Query {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        parse(text)
    }
}

/// Parses and checks a query. Never panics, whatever the text.
pub fn parse(text: &str) -> Result<Query, QueryError> {
    let expr = parser::parse_expression(text)?;
    let unit = check::check(&expr)?.measure.unit();
    Ok(Query { expr, unit })
}

/// Parses an expression without checking units, groups and tags: for tools that only read or print it.
pub fn parse_unchecked(text: &str) -> Result<Expr, QueryError> {
    parser::parse_expression(text)
}

/// Parses a scope, with or without braces: `team:payments AND !model:gpt-*`. An empty text is everything. Which tags
/// exist depends on what is filtered and is not checked; see [`parse_span_scope`].
pub fn parse_scope(text: &str) -> Result<Scope, QueryError> {
    Ok(parser::parse_whole_scope(text)?.0)
}

/// Parses a scope over spans: as [`parse_scope`], and a tag that no span has is an error, not a filter that matches
/// nothing.
pub fn parse_span_scope(text: &str) -> Result<Scope, QueryError> {
    let (scope, places) = parser::parse_whole_scope(text)?;
    check::check_span_tags(&scope, &places)?;
    Ok(scope)
}

/// Answers a query over time. Blocks on the store: run it off the async threads.
pub fn run(query: &Query, ctx: &QueryContext, scan: &dyn Scan) -> Result<Answer, QueryError> {
    execute::run(query, ctx, scan)
}

/// Answers a query with one value for each group over the whole range; the step of the context is not used. Blocks on
/// the store.
pub fn run_instant(query: &Query, ctx: &QueryContext, scan: &dyn Scan) -> Result<InstantAnswer, QueryError> {
    execute::run_instant(query, ctx, scan)
}

/// Checks that a time zone exists; the error suggests the one that was probably meant. Its place is empty.
pub fn check_time_zone(name: &str) -> Result<(), QueryError> {
    calendar::Calendar::new(Some(name)).map(|_| ())
}

/// Says how a query would be answered, as text of several lines for people. What is wrong with the range, the step or the
/// zone is part of the text.
pub fn explain(query: &Query, ctx: &QueryContext, scan: &dyn Scan) -> String {
    explain::explain(query, ctx, scan)
}
