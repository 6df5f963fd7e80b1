//! The functions of the language: one file for each, whose [`FunctionSpec`] is all that the rest knows of it.
//!
//! A spec holds how a function is called, how it is checked, how it is evaluated and what the reference says about it,
//! so a new function is one new file and one line in [`ALL`]. Aggregators (`sum`, `p95`, …) are not functions of
//! expressions: they stand before a metric and make a leaf. Their part of the reference is in [`AGGREGATORS`].

pub(crate) mod abs;
pub(crate) mod change;
pub(crate) mod default_zero;
pub(crate) mod exclude_null;
pub(crate) mod per_second;
pub(crate) mod rate;
pub(crate) mod ratio;
pub(crate) mod shift;
pub(crate) mod top;

use std::fmt;

pub(crate) use per_second::PER_SECOND;

use crate::ast::Call;
use crate::check::Checked;
use crate::error::QueryError;
use crate::eval::Evaluator;
use crate::grid::Grid;
use crate::series::Value;

/// A function of the language.
pub struct FunctionSpec {
    /// Its name, in lower case.
    pub name: &'static str,
    /// What it takes.
    pub parameters: &'static [Parameter],
    /// What it gives, in one line.
    pub summary: &'static str,
    /// The reference: what exactly it computes and why, what it does with missing values and with units.
    pub doc: &'static str,
    /// Queries that use it; a test parses each.
    pub examples: &'static [&'static str],
    /// What a metric without an aggregator stands for among the arguments.
    pub(crate) bare: Bare,
    /// Checks a call whose arguments have been checked.
    pub(crate) check: fn(&Call, Vec<Checked>) -> Result<Checked, QueryError>,
    /// Evaluates a call that has been checked.
    pub(crate) eval: fn(&mut Evaluator<'_>, &Call, &Grid) -> Result<Value, QueryError>,
}

/// One parameter of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    /// Its name in the reference.
    pub name: &'static str,
    /// What may be given.
    pub kind: ParameterKind,
}

/// What may be given to a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterKind {
    /// An expression over metrics.
    Values,
    /// A whole number of series.
    HowMany,
    /// A length of time.
    HowLong,
}

/// What a metric without an aggregator stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bare {
    /// Its sum, because the function makes sense for totals only.
    Sum,
    /// What it stands for anywhere else: see [`crate::ast::Aggregator::of_bare`].
    Usual,
}

/// The parameter of a function over one expression.
const VALUES: Parameter = Parameter { name: "expr", kind: ParameterKind::Values };

/// Every function, in the order of the reference.
pub static ALL: [&FunctionSpec; 15] = [
    &rate::RATE,
    &ratio::RATIO,
    &PER_SECOND,
    &top::TOP,
    &top::BOTTOM,
    &default_zero::DEFAULT_ZERO,
    &exclude_null::EXCLUDE_NULL,
    &abs::ABS,
    &shift::HOUR_BEFORE,
    &shift::DAY_BEFORE,
    &shift::WEEK_BEFORE,
    &shift::MONTH_BEFORE,
    &shift::TIMESHIFT,
    &change::DAY_OVER_DAY_CHANGE,
    &change::WEEK_OVER_WEEK_CHANGE,
];

/// The aggregators: the word, and what the reference says.
pub static AGGREGATORS: [(&str, &str); 7] = [
    ("sum", "the sum of the values"),
    (
        "avg",
        "the sum of the values divided by their count, over everything in the step; never an average of averages",
    ),
    ("min", "the least value"),
    ("max", "the greatest value"),
    ("count", "how many values there are"),
    (
        "p50, p75, p90, p95, p99, p99.9",
        "the value that this share of the values does not exceed, within 1.08 %: made from merged histograms, so a \
         percentile over a day or over all models is the percentile of all calls, never an average of percentiles; any \
         percentile from p0.01 to p99.99 may be written, and p999 is p99.9",
    ),
    (
        "count(v: v > N):metric",
        "how many values are greater than a bound, exact up to the histogram's bucket that holds the bound",
    ),
];

/// The function with this name, in capital letters or not.
pub(crate) fn find(name: &str) -> Option<&'static FunctionSpec> {
    ALL.into_iter().find(|function| function.name.eq_ignore_ascii_case(name))
}

/// Every name that may stand before a parenthesis.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    let aggregators = ["sum", "avg", "min", "max", "count", "p50", "p75", "p90", "p95", "p99", "p99.9"];
    ALL.iter().map(|function| function.name).chain(aggregators)
}

impl FunctionSpec {
    /// How it is called: `top(n, expr)`.
    pub fn signature(&self) -> String {
        let parameters: Vec<&str> = self.parameters.iter().map(|parameter| parameter.name).collect();
        format!("{}({})", self.name, parameters.join(", "))
    }
}

impl fmt::Debug for FunctionSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.signature())
    }
}
