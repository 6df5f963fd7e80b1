//! Numbers of a condition in the unit of its query.

use std::ops::Range;

use weir_query::{Number, QueryError, QueryErrorKind, Suffix};
use weir_types::metric::Unit;

use super::cursor::Cursor;
use super::{Hinted as _, Threshold, located};

/// A written number in a unit; an error when it measures something else.
pub(super) fn in_unit(
    is_negative: bool,
    number: Number,
    unit: Unit,
    span: Range<usize>,
) -> Result<Threshold, QueryError> {
    let goes = match (number.suffix, unit) {
        // Metrics of users carry no unit, so a threshold on them says which one they have.
        (Suffix::Plain, _) | (_, Unit::None) => true,
        (Suffix::Percent, unit) => matches!(unit, Unit::Percent | Unit::Ratio),
        (Suffix::Usd, unit) => unit == Unit::Usd,
        (Suffix::Tokens, unit) => unit == Unit::Tokens,
        (Suffix::PerSecond, unit) => unit == Unit::PerSecond,
        (_, unit) => unit == Unit::Millis,
    };
    if !goes {
        let message = format!("the value is {}, the threshold is {number}", described(unit));
        return Err(located(QueryErrorKind::Unit, span, message)
            .hinted(format!("write it in {}, or without a unit", spelling(unit))));
    }
    let value = match (number.suffix, unit) {
        (Suffix::Percent, Unit::Percent) => number.value,
        _ => number.base_value(),
    };
    Ok(Threshold(if is_negative { -value } else { value }))
}

/// The share that a text is: `99.9%` or `0.999`.
pub(crate) fn share_of_text(text: &str) -> Result<f64, QueryError> {
    let mut cursor = Cursor::new(text);
    let (is_negative, number, span) = cursor.number("here")?;
    let share = in_unit(is_negative, number, Unit::Ratio, span)?;
    cursor.expect_end()?;
    Ok(share.0)
}

fn described(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "a count",
        Unit::None => "a number",
        Unit::Ratio => "a ratio",
        Unit::Percent => "a percentage",
        Unit::Millis => "in milliseconds",
        Unit::Tokens => "in tokens",
        Unit::Usd => "in US dollars",
        Unit::PerSecond => "in things per second",
    }
}

fn spelling(unit: Unit) -> &'static str {
    match unit {
        Unit::Count | Unit::None => "plain numbers",
        Unit::Ratio => "% or as a ratio",
        Unit::Percent => "%",
        Unit::Millis => "ms or s",
        Unit::Tokens => "tokens",
        Unit::Usd => "usd",
        Unit::PerSecond => "req/s",
    }
}
