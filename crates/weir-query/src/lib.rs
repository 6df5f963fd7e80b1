//! The expression language: lexer, parser, unit check, plan, execute, explain.

mod answer;
mod error;

pub use answer::{Answer, InstantAnswer, QueryContext, Series, SeriesTags};
pub use error::{QueryError, QueryErrorKind};

use weir_types::{Scan, Scope, metric::Unit};

/// A query that was parsed and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    unit: Unit,
}

impl Query {
    /// The unit of its answer.
    pub fn unit(&self) -> Unit {
        self.unit
    }
}

fn unfinished() -> QueryError {
    QueryError::new(QueryErrorKind::Store, 0..0, "the query language is being built")
}

/// Parses and checks a query.
pub fn parse(_text: &str) -> Result<Query, QueryError> {
    Err(unfinished().with_hint("soon").with_hint_if(None))
}

/// Parses a scope: `team:payments AND !model:gpt-*`.
pub fn parse_scope(_text: &str) -> Result<Scope, QueryError> {
    Err(unfinished())
}

/// Answers a query over time.
pub fn run(_query: &Query, _ctx: &QueryContext, scan: &dyn Scan) -> Result<Answer, QueryError> {
    let _ = scan.metrics();
    Err(QueryError::of_scan(&weir_types::ScanError::Store(String::new()), 0..0))
}

/// Answers a query with one value for each group over the whole range; the context's step is not used.
pub fn run_instant(
    _query: &Query,
    _ctx: &QueryContext,
    _scan: &dyn Scan,
) -> Result<InstantAnswer, QueryError> {
    Err(unfinished())
}

/// Says how a query would be answered, as text for people.
pub fn explain(_query: &Query, _ctx: &QueryContext, _scan: &dyn Scan) -> String {
    String::new()
}

/// One way to go on at the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// The text to put in place of `replace`.
    pub insert: String,
    /// What it is, in a few words.
    pub detail: String,
    /// The bytes of the text that it replaces.
    pub replace: std::ops::Range<usize>,
}

/// Ways to go on at `cursor`, a byte offset, given the metrics and tags that exist.
pub fn complete(_text: &str, _cursor: usize, _metrics: &[&str], _tags: &[&str]) -> Vec<Suggestion> {
    Vec::new()
}
