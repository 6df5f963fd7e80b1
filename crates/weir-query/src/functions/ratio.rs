//! `ratio`: which share of one total another is.

use super::{Bare, FunctionSpec, Parameter, ParameterKind};
use crate::ast::{BinaryOperator, Call};
use crate::check::{Checked, joined};
use crate::error::{QueryError, QueryErrorKind};
use crate::eval::Evaluator;
use crate::grid::Grid;
use crate::series::Value;

/// `ratio(a, b)`
pub(crate) static RATIO: FunctionSpec = FunctionSpec {
    name: "ratio",
    parameters: &[
        Parameter { name: "part", kind: ParameterKind::Values },
        Parameter { name: "whole", kind: ParameterKind::Values },
    ],
    summary: "the share that one total is of another",
    doc: "\
`ratio(a, b)` is `a / b`, but for this: a metric without an aggregator stands for its sum, and where the whole has a \
value and the part has none, the part is 0 rather than missing. The ratio of two values of the same unit is a ratio; of \
others it has the unit of the quotient, such as dollars for each call.",
    examples: &[
        "ratio(llm.tokens.cached, llm.tokens.input) by model",
        "ratio(llm.cost.usd by team, llm.request.count by team)",
    ],
    bare: Bare::Sum,
    check,
    eval,
};

fn check(call: &Call, _: Vec<Checked>) -> Result<Checked, QueryError> {
    let checked = joined(BinaryOperator::Divide, &call.args[0], &call.args[1])?;
    if checked.keys.is_none() {
        return Err(QueryError::new(
            QueryErrorKind::Argument,
            call.name_place.range(),
            "ratio takes metrics, not numbers",
        ));
    }
    Ok(checked)
}

fn eval(evaluator: &mut Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, QueryError> {
    let part = super::default_zero::with_zeros(evaluator.expr(&call.args[0], grid)?);
    let whole = evaluator.expr(&call.args[1], grid)?;
    Ok(part.join(whole, |part, whole| part / whole))
}
