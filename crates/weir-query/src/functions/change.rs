//! `week_over_week_change` and `day_over_day_change`: one whole period against the one before it.

use super::{Bare, FunctionSpec, VALUES};
use crate::ast::Call;
use crate::check::Checked;
use crate::error::QueryError;
use crate::eval::Evaluator;
use crate::grid::{Grid, Shift};
use crate::measure::Measure;
use crate::series::Value;

/// `week_over_week_change(expr)`
pub(crate) static WEEK_OVER_WEEK_CHANGE: FunctionSpec = FunctionSpec {
    name: "week_over_week_change",
    parameters: &[VALUES],
    summary: "the change of the last seven days against the seven before, in percent",
    doc: "\
`100 * (S(t - 7d, t) / S(t - 14d, t - 7d) - 1)`, where S is the expression over all of the given time: for a sum the ratio \
of the two sums, for a percentile the percentiles of all calls of each week. It is not the average of changes of \
single points, which is what Datadog's `pct_change` aggregates. Days are those of the local calendar, in the time zone of \
the query; windows end on whole hours; a single value looks back from the last whole hour of the range. There is no value where the \
earlier week has none or is zero.",
    examples: &["week_over_week_change(token_spend)", "week_over_week_change(token_spend) by team"],
    bare: Bare::Usual,
    check,
    eval,
};

/// `day_over_day_change(expr)`
pub(crate) static DAY_OVER_DAY_CHANGE: FunctionSpec = FunctionSpec {
    name: "day_over_day_change",
    parameters: &[VALUES],
    summary: "the change of the last day against the day before, in percent",
    doc: "As `week_over_week_change`, with one day of the local calendar for seven.",
    examples: &["day_over_day_change(sum(llm.request.count)) by app"],
    bare: Bare::Usual,
    check,
    eval,
};

fn days(call: &Call) -> i64 {
    if call.function.name == WEEK_OVER_WEEK_CHANGE.name { 7 } else { 1 }
}

/// Whether a call looks back over whole days: then steps shorter than an hour would repeat values.
pub(crate) fn is_over_days(call: &Call) -> bool {
    [WEEK_OVER_WEEK_CHANGE.name, DAY_OVER_DAY_CHANGE.name].contains(&call.function.name)
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of every check")]
fn check(_: &Call, mut args: Vec<Checked>) -> Result<Checked, QueryError> {
    let arg = args.swap_remove(0);
    Ok(Checked { measure: Measure::PERCENT, keys: arg.keys, additive: false })
}

fn eval(evaluator: &mut Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, QueryError> {
    let last = grid.trailing(days(call));
    let before = last.shifted(Shift::Days(days(call)));
    let (last, before) = (evaluator.expr(&call.args[0], &last)?, evaluator.expr(&call.args[0], &before)?);
    Ok(last.join(before, |last, before| 100.0 * (last / before - 1.0)))
}
