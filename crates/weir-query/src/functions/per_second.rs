//! `per_second`: how many in a second.

use super::{Bare, FunctionSpec, VALUES};
use crate::ast::Call;
use crate::check::Checked;
use crate::error::{QueryError, QueryErrorKind};
use crate::eval::Evaluator;
use crate::grid::Grid;
use crate::series::Value;

/// `per_second(expr)`
pub(crate) static PER_SECOND: FunctionSpec = FunctionSpec {
    name: "per_second",
    parameters: &[VALUES],
    summary: "a total divided by the seconds of its step",
    doc: "\
The total of each step divided by the seconds of the step. The last step of a range that ends now is not over, so it is \
divided by the seconds that it has lasted. A metric without an aggregator stands for its sum. Only totals can be spread \
over seconds: sums, counts, and sums and differences of them. Datadog's `.as_rate()` means the same.",
    examples: &["per_second(llm.request.count) by model", "per_second(sum(llm.tokens.output))"],
    bare: Bare::Sum,
    check,
    eval,
};

fn check(call: &Call, mut args: Vec<Checked>) -> Result<Checked, QueryError> {
    let arg = args.swap_remove(0);
    if !arg.additive {
        let message = "only totals can be spread over seconds: this is not a sum or a count";
        return Err(QueryError::new(QueryErrorKind::Argument, call.args[0].place.range(), message)
            .with_hint("for example `per_second(sum(llm.tokens.output))`"));
    }
    Ok(Checked { measure: arg.measure.per_second(), keys: arg.keys, additive: false })
}

fn eval(evaluator: &mut Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, QueryError> {
    let mut set = evaluator.expr(&call.args[0], grid)?.into_series(grid.windows.len());
    // A step that has only begun is at least a second long.
    let seconds: Vec<f64> =
        grid.windows.iter().map(|window| (window.covered_us as f64 / 1e6).max(1.0)).collect();
    for (_, points) in &mut set.series {
        for (point, seconds) in points.iter_mut().zip(&seconds) {
            *point = point.map(|total| total / seconds);
        }
    }
    // What is additive has no absent groups but zeros, and zero is zero in each second.
    Ok(Value::Series(set))
}
