//! `exclude_null`: without what has no value of a tag.

use super::{Bare, FunctionSpec, VALUES};
use crate::ast::Call;
use crate::check::Checked;
use crate::error::QueryError;
use crate::eval::Evaluator;
use crate::grid::Grid;
use crate::series::Value;

/// `exclude_null(expr)`
pub(crate) static EXCLUDE_NULL: FunctionSpec = FunctionSpec {
    name: "exclude_null",
    parameters: &[VALUES],
    summary: "groups that lack one of the tags are left out",
    doc: "\
Grouped by a tag, values without that tag make a group of their own. `exclude_null` leaves out every group that lacks one of \
the tags, as Datadog's function of that name leaves out `N/A`. An expression without groups stays as it is.",
    examples: &["exclude_null(sum(llm.cost.usd) by team)"],
    bare: Bare::Usual,
    check,
    eval,
};

#[expect(clippy::unnecessary_wraps, reason = "the signature of every check")]
fn check(_: &Call, mut args: Vec<Checked>) -> Result<Checked, QueryError> {
    // What is left out is not part of a total of all groups.
    Ok(Checked { additive: false, ..args.swap_remove(0) })
}

fn eval(evaluator: &mut Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, QueryError> {
    Ok(match evaluator.expr(&call.args[0], grid)? {
        Value::Series(mut set) => {
            set.series.retain(|(group, _)| group.iter().all(Option::is_some));
            Value::Series(set)
        }
        Value::Constant(value) => Value::Constant(value),
    })
}
