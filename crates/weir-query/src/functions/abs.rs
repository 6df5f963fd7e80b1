//! `abs`: how far from zero.

use super::{Bare, FunctionSpec, VALUES};
use crate::ast::Call;
use crate::check::Checked;
use crate::error::QueryError;
use crate::eval::Evaluator;
use crate::grid::Grid;
use crate::series::Value;

/// `abs(expr)`
pub(crate) static ABS: FunctionSpec = FunctionSpec {
    name: "abs",
    parameters: &[VALUES],
    summary: "values without their sign",
    doc: "\
The value of the expression without its sign: for differences that matter in both directions.",
    examples: &["abs(sum(llm.request.count) - day_before(sum(llm.request.count)))"],
    bare: Bare::Usual,
    check,
    eval,
};

#[expect(clippy::unnecessary_wraps, reason = "the signature of every check")]
fn check(_: &Call, mut args: Vec<Checked>) -> Result<Checked, QueryError> {
    // The signs of parts are lost, so parts no longer add up.
    Ok(Checked { additive: false, ..args.swap_remove(0) })
}

fn eval(evaluator: &mut Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, QueryError> {
    Ok(evaluator.expr(&call.args[0], grid)?.map(f64::abs))
}
