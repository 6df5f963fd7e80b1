//! `default_zero`: nothing seen means zero.

use super::{Bare, FunctionSpec, VALUES};
use crate::ast::Call;
use crate::check::Checked;
use crate::error::QueryError;
use crate::eval::Evaluator;
use crate::grid::Grid;
use crate::series::{SeriesSet, Value};

/// `default_zero(expr)`
pub(crate) static DEFAULT_ZERO: FunctionSpec = FunctionSpec {
    name: "default_zero",
    parameters: &[VALUES],
    summary: "missing values become 0",
    doc: "\
A step in which nothing was seen has no value: no calls and no recorder look alike, and Weir does not guess. \
`default_zero` says that nothing seen means zero. It fills the gaps of every series, and in a sum or quotient with other \
groups a group that it does not have counts as zero too. An expression without groups that has no values at all becomes \
one series of zeros; groups that were never seen cannot be named and so are not listed.",
    examples: &["default_zero(sum(llm.request.error))", "default_zero(sum(llm.cost.usd) by team)"],
    bare: Bare::Usual,
    check,
    eval,
};

#[expect(clippy::unnecessary_wraps, reason = "the signature of every check")]
fn check(_: &Call, mut args: Vec<Checked>) -> Result<Checked, QueryError> {
    Ok(args.swap_remove(0))
}

fn eval(evaluator: &mut Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, QueryError> {
    let value = with_zeros(evaluator.expr(&call.args[0], grid)?);
    Ok(match value {
        Value::Series(mut set) if set.keys.is_empty() && set.series.is_empty() => {
            set.series.push((Vec::new(), vec![Some(0.0); grid.windows.len()]));
            Value::Series(set)
        }
        other => other,
    })
}

/// The same values with zeros where there were none, absent groups included.
pub(super) fn with_zeros(value: Value) -> Value {
    let Value::Series(mut set) = value else { return value };
    fill(&mut set);
    Value::Series(set)
}

/// Fills the gaps of every series and makes absent groups zero.
pub(super) fn fill(set: &mut SeriesSet) {
    for point in set.series.iter_mut().flat_map(|(_, points)| points) {
        point.get_or_insert(0.0);
    }
    set.absent = Some(set.absent.unwrap_or(0.0));
}
