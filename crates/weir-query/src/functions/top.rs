//! `top` and `bottom`: the series that matter most.

use super::{Bare, FunctionSpec, Parameter, ParameterKind, VALUES};
use crate::ast::Call;
use crate::check::Checked;
use crate::error::{QueryError, QueryErrorKind};
use crate::eval::Evaluator;
use crate::grid::Grid;
use crate::limits;
use crate::series::{Group, SeriesSet, Value};

const HOW_MANY: Parameter = Parameter { name: "n", kind: ParameterKind::HowMany };

/// `top(n, expr)`
pub(crate) static TOP: FunctionSpec = FunctionSpec {
    name: "top",
    parameters: &[HOW_MANY, VALUES],
    summary: "the n series with the greatest value over the whole range",
    doc: "\
Keeps the n series whose value over the whole range is the greatest, the greatest first. The value over the whole range \
is the expression evaluated once over all of it, so the top by p95 are those with the greatest p95 of all their calls, \
not of the best single point. Among equals the order is that of the tags. A note says how many series were left out.",
    examples: &["top(5, sum(llm.cost.usd) by team)", "top(3, p95(llm.request.duration) by model)"],
    bare: Bare::Usual,
    check,
    eval,
};

/// `bottom(n, expr)`
pub(crate) static BOTTOM: FunctionSpec = FunctionSpec {
    name: "bottom",
    parameters: &[HOW_MANY, VALUES],
    summary: "the n series with the least value over the whole range",
    doc: "As `top`, with the least value first.",
    examples: &["bottom(5, avg(custom.llm.faithfulness_score) by app)"],
    bare: Bare::Usual,
    check,
    eval,
};

/// The number of series that a constant says, when it is one.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range and whole")]
pub(crate) fn how_many(value: f64) -> Option<usize> {
    let is_allowed = value.fract() == 0.0 && (1.0..=f64::from(limits::TOP_MAX)).contains(&value);
    is_allowed.then_some(value as usize)
}

fn check(call: &Call, mut args: Vec<Checked>) -> Result<Checked, QueryError> {
    let arg = args.swap_remove(1);
    if arg.keys.as_ref().is_none_or(Vec::is_empty) {
        let message = format!("{} chooses among groups, and this has none", call.function.name);
        return Err(QueryError::new(QueryErrorKind::Grouping, call.args[1].place.range(), message)
            .with_hint("add `by` and a tag, as in `top(5, sum(llm.cost.usd) by team)`"));
    }
    Ok(Checked { additive: false, ..arg })
}

fn eval(evaluator: &mut Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, QueryError> {
    let wanted = call.args[0].as_constant().and_then(|(_, number)| how_many(number.value)).unwrap_or(1);
    let set = evaluator.expr(&call.args[1], grid)?.into_series(grid.windows.len());
    let rank = evaluator.expr(&call.args[1], &grid.whole())?.into_series(1);
    let is_top = call.function.name == TOP.name;
    let left_out = set.series.len().saturating_sub(wanted);
    if left_out > 0 {
        evaluator.note(format!("{}({wanted}, …) left out {left_out} series", call.function.name));
    }
    Ok(Value::Series(ranked(set, &rank, wanted, is_top)))
}

/// The `wanted` first series by their value in `rank`; those without a value come last.
fn ranked(mut set: SeriesSet, rank: &SeriesSet, wanted: usize, is_top: bool) -> SeriesSet {
    let values: std::collections::HashMap<&Group, f64> =
        rank.series.iter().filter_map(|(group, points)| Some((group, points.first().copied()??))).collect();
    let place = |group: &Group| {
        let value = values.get(group).copied();
        let ordered = if is_top { value.map(|value| -value) } else { value };
        ordered.unwrap_or(f64::INFINITY)
    };
    set.series.sort_by(|(a, _), (b, _)| place(a).total_cmp(&place(b)).then_with(|| a.cmp(b)));
    set.series.truncate(wanted);
    set.absent = None;
    set
}
