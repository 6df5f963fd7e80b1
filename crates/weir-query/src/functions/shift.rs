//! `hour_before`, `day_before`, `week_before`, `month_before` and `timeshift`: the same question about an earlier time.

use weir_types::UnixMicros;

use super::{Bare, FunctionSpec, Parameter, ParameterKind, VALUES};
use crate::ast::Call;
use crate::check::Checked;
use crate::error::{QueryError, QueryErrorKind};
use crate::eval::Evaluator;
use crate::grid::{Grid, Shift};
use crate::limits;
use crate::number::Suffix;
use crate::series::Value;

/// `hour_before(expr)`
pub(crate) static HOUR_BEFORE: FunctionSpec = FunctionSpec {
    name: "hour_before",
    parameters: &[VALUES],
    summary: "the value an hour earlier",
    doc: "The value of the expression sixty minutes earlier.",
    examples: &["sum(llm.request.count) - hour_before(sum(llm.request.count))"],
    bare: Bare::Usual,
    check,
    eval,
};

/// `day_before(expr)`
pub(crate) static DAY_BEFORE: FunctionSpec = FunctionSpec {
    name: "day_before",
    parameters: &[VALUES],
    summary: "the value a day earlier, at the same time of day",
    doc: "\
The value of the expression one day of the local calendar earlier, in the time zone of the query: when clocks changed in \
between, 23 or 25 hours earlier, so that the same times of day are compared.",
    examples: &["sum(llm.cost.usd) / day_before(sum(llm.cost.usd))"],
    bare: Bare::Usual,
    check,
    eval,
};

/// `week_before(expr)`
pub(crate) static WEEK_BEFORE: FunctionSpec = FunctionSpec {
    name: "week_before",
    parameters: &[VALUES],
    summary: "the value a week earlier, at the same time of day",
    doc: "\
The value of the expression seven days of the local calendar earlier, in the time zone of the query: Monday 9:00 is \
compared with Monday 9:00 also when clocks changed in between (the difference is then 167 or 169 hours). A time of day \
that was skipped a week before is compared with the hour after it. Without a time zone days are those of UTC, which is \
Datadog's fixed 168 hours.",
    examples: &["sum(llm.request.count) by app / week_before(sum(llm.request.count)) by app"],
    bare: Bare::Usual,
    check,
    eval,
};

/// `month_before(expr)`
pub(crate) static MONTH_BEFORE: FunctionSpec = FunctionSpec {
    name: "month_before",
    parameters: &[VALUES],
    summary: "the value four weeks earlier, at the same time of day",
    doc: "\
The value of the expression 28 days of the local calendar earlier, as Datadog counts a month here: the same day of the \
week is compared. Otherwise as `week_before`.",
    examples: &["sum(llm.cost.usd) by team / month_before(sum(llm.cost.usd)) by team"],
    bare: Bare::Usual,
    check,
    eval,
};

/// `timeshift(expr, -1h)`
pub(crate) static TIMESHIFT: FunctionSpec = FunctionSpec {
    name: "timeshift",
    parameters: &[VALUES, Parameter { name: "-time", kind: ParameterKind::HowLong }],
    summary: "the value at an earlier time",
    doc: "\
The value of the expression at a time that is earlier by the given length, which is written as a negative one: \
`timeshift(x, -1h)`. Days and weeks are those of the local calendar, as in `week_before`; hours and minutes are fixed; a \
plain number is seconds, as Datadog has it. The length is a whole number of minutes and at most 400 days.",
    examples: &["p95(llm.request.duration) - timeshift(p95(llm.request.duration), -30m)"],
    bare: Bare::Usual,
    check,
    eval,
};

/// How far a call looks back.
fn shift(call: &Call) -> Result<Shift, QueryError> {
    match call.function.name {
        "hour_before" => Ok(Shift::Micros(UnixMicros::HOUR)),
        "day_before" => Ok(Shift::Days(1)),
        "week_before" => Ok(Shift::Days(7)),
        "month_before" => Ok(Shift::Days(28)),
        _ => written_shift(call),
    }
}

fn written_shift(call: &Call) -> Result<Shift, QueryError> {
    let arg = &call.args[1];
    let error = |message: String| QueryError::new(QueryErrorKind::Argument, arg.place.range(), message);
    let constant =
        arg.as_constant().and_then(|(negative, number)| Some((negative, number, number.as_micros()?)));
    let Some((negative, number, micros)) = constant else {
        return Err(error("timeshift takes a length of time here".to_owned()));
    };
    if !negative {
        return Err(error("timeshift looks back, so the length of time is negative".to_owned())
            .with_hint(format!("write `-{number}`")));
    }
    if micros % UnixMicros::MINUTE != 0 || micros == 0 {
        return Err(
            error("timeshift moves by whole minutes".to_owned()).with_hint("values are kept for each minute")
        );
    }
    if micros > limits::SHIFT_DAYS_MAX * UnixMicros::DAY {
        return Err(error(format!("timeshift looks back {} days at most", limits::SHIFT_DAYS_MAX)));
    }
    let is_calendar = matches!(number.suffix, Suffix::Days | Suffix::Weeks) && micros % UnixMicros::DAY == 0;
    Ok(if is_calendar { Shift::Days(micros / UnixMicros::DAY) } else { Shift::Micros(micros) })
}

fn check(call: &Call, mut args: Vec<Checked>) -> Result<Checked, QueryError> {
    shift(call)?;
    Ok(args.swap_remove(0))
}

fn eval(evaluator: &mut Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, QueryError> {
    evaluator.expr(&call.args[0], &grid.shifted(shift(call)?))
}
