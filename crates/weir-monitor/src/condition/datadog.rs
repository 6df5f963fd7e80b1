//! Datadog's form: `avg(last_5m):avg:m{*} by {host} > 5`, `pct_change(avg(last_1h),last_1d):… < -30`.
//!
//! Evaluation follows Datadog where it is known to bite. Points are made by the expression and then aggregated over the
//! window. With `.as_count()` everything in the window is summed before it is divided, and so it is for `percentile`,
//! whose points could not be merged. A change is taken point by point, before the aggregation.

use std::ops::Range;

use weir_query::{Prefix, QueryError, QueryErrorKind, did_you_mean};
use weir_types::UnixMicros;
use weir_types::metric::Unit;

use super::cursor::Cursor;
use super::defaults::Draft;
use super::source::length_of_text;
use super::{
    Change, Dialect, Hinted as _, Period, PointAggregator, Reading, Rule, Shape, Value, Window, detector,
    located, syntax,
};

/// The longest window, in microseconds: a month of 31 days.
const WINDOW_US_MAX: i64 = 31 * UnixMicros::DAY;

/// What stands before the colon.
struct Head {
    /// `None` for `percentile`.
    aggregator: Option<PointAggregator>,
    window: Window,
    /// Whether the window is one that is yet to come, which only a forecast can look at.
    is_ahead: bool,
    change: Option<Change>,
}

/// A rule in Datadog's form; `None` when the text does not start with an aggregation over a window.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Option<Rule>, QueryError> {
    if !is_head(cursor) {
        return Ok(None);
    }
    let start = cursor.place();
    let head = head(cursor)?;
    let head_span = start..cursor.place();
    cursor.expect(":", "after the window")?;
    let expr_start = cursor.place();
    let detector = detector::parse(cursor, Dialect::Datadog)?;
    let (shape, prefix, tz) = match (detector, head.change) {
        (Some(_), Some(_)) => {
            return Err(syntax(head_span, "a change of a detector's result is not defined"));
        }
        (Some(detector), None) => (detector.shape, detector.prefix, detector.tz),
        (None, Some(change)) => (Shape::Change(change), cursor.expression(false)?, None),
        (None, None) => (Shape::Value(Value), cursor.expression(false)?, None),
    };
    if head.is_ahead && !matches!(shape, Shape::Forecast(_)) {
        return Err(located(
            QueryErrorKind::Argument,
            head_span,
            "only a forecast looks at what is yet to come",
        )
        .hinted("write `last_` for `next_`, or `forecast(…)` around the metric"));
    }
    let is_as_count = cursor.text()[expr_start..cursor.place()].contains(".as_count(");
    let (rollup_us, zero_fill) = methods(&prefix)?;
    let reading = reading(&head, &shape, is_as_count, rollup_us, head_span)?;
    let unit = match &shape {
        Shape::Change(change) if change.is_percent => Unit::Percent,
        Shape::Anomaly(_) | Shape::Outliers(_) => Unit::Ratio,
        _ => prefix.query.unit(),
    };
    let comparison = cursor.comparison()?;
    let (is_negative, number, span) = cursor.number("after the comparison")?;
    let threshold = super::threshold::in_unit(is_negative, number, unit, span)?;
    let mut draft = Draft::new(Dialect::Datadog, shape, prefix.query, comparison, threshold);
    draft.window = Some(head.window);
    draft.reading = Some(reading);
    draft.zero_fill = zero_fill;
    draft.tz = tz;
    Ok(Some(draft.filled()))
}

/// Whether the text starts as `word(last_…` or `change(word(last_…` do.
fn is_head(cursor: &Cursor<'_>) -> bool {
    let mut ahead = *cursor;
    let mut calls = 0;
    while calls < 3 {
        let (word, _) = ahead.word();
        if calls > 0 && ["last_", "next_", "current_"].iter().any(|start| word.starts_with(start)) {
            return true;
        }
        if word.is_empty() || !ahead.take("(") {
            return false;
        }
        calls += 1;
    }
    false
}

fn head(cursor: &mut Cursor<'_>) -> Result<Head, QueryError> {
    let name = cursor.peek_word();
    if name != "change" && name != "pct_change" {
        let (aggregator, (window, is_ahead)) = aggregation(cursor)?;
        return Ok(Head { aggregator, window, is_ahead, change: None });
    }
    cursor.word();
    cursor.expect("(", "after the name")?;
    let (aggregator, (window, is_ahead)) = aggregation(cursor)?;
    cursor.expect(",", "before how much earlier")?;
    let (shift, place) = shift(cursor)?;
    cursor.expect(")", "after how much earlier")?;
    let Window::Last(shift_us) = shift else {
        return Err(located(QueryErrorKind::Argument, place, "how much earlier is written `last_1h`"));
    };
    let change = Some(Change { is_percent: name == "pct_change", shift_us });
    Ok(Head { aggregator, window, is_ahead, change })
}

/// `avg(last_5m)`; no aggregator for `percentile`.
fn aggregation(cursor: &mut Cursor<'_>) -> Result<(Option<PointAggregator>, (Window, bool)), QueryError> {
    let (word, place) = cursor.word();
    let aggregator = match word {
        "avg" => Some(PointAggregator::Avg),
        "sum" => Some(PointAggregator::Sum),
        "min" => Some(PointAggregator::Min),
        "max" => Some(PointAggregator::Max),
        "percentile" => None,
        _ => {
            let known = ["avg", "sum", "min", "max", "percentile", "change", "pct_change"];
            let error =
                located(QueryErrorKind::Name, place, format!("a window is not aggregated by `{word}`"));
            let hint = did_you_mean(word, known);
            return Err(error.hinted(hint.unwrap_or_else(|| format!("it is by {}", known.join(", ")))));
        }
    };
    cursor.expect("(", "after the aggregator")?;
    // `next_1w` is the week to come, which forecasts look at.
    let is_ahead = cursor.peek_word().starts_with("next_");
    let (window, _) = window(cursor)?;
    cursor.expect(")", "after the window")?;
    Ok((aggregator, (window, is_ahead)))
}

/// How much earlier: `last_1h`, or `1h_ago` as Datadog wrote it first.
fn shift(cursor: &mut Cursor<'_>) -> Result<(Window, Range<usize>), QueryError> {
    let Some(us) = cursor.peek_word().strip_suffix("_ago").and_then(length_of_text) else {
        return window(cursor);
    };
    let (_, place) = cursor.word();
    Ok((Window::Last(us), place))
}

/// `last_5m`, `current_1d`
fn window(cursor: &mut Cursor<'_>) -> Result<(Window, Range<usize>), QueryError> {
    let (word, place) = cursor.word();
    let window = if let Some(length) = word.strip_prefix("last_").or_else(|| word.strip_prefix("next_")) {
        let us = match length {
            "1mo" => Some(30 * UnixMicros::DAY),
            length => length_of_text(length),
        };
        us.filter(|us| *us % UnixMicros::MINUTE == 0 && *us <= WINDOW_US_MAX).map(Window::Last)
    } else {
        match word.strip_prefix("current_") {
            Some("1h") => Some(Window::Current(Period::Hour)),
            Some("1d") => Some(Window::Current(Period::Day)),
            Some("1w") => Some(Window::Current(Period::Week)),
            Some("1mo") => Some(Window::Current(Period::Month)),
            _ => None,
        }
    };
    let window = window.ok_or_else(|| {
        located(QueryErrorKind::Argument, place.clone(), format!("`{}` is no window", super::cursor::shown(word)))
            .hinted("windows are last_1m to last_1mo in whole minutes, current_1h, current_1d, current_1w, current_1mo")
    })?;
    Ok((window, place))
}

/// What `.rollup` and `.fill` ask for: the distance of points, and whether gaps are zero.
pub(super) fn methods(prefix: &Prefix) -> Result<(Option<i64>, bool), QueryError> {
    let (mut rollup_us, mut zero_fill) = (None, false);
    for method in &prefix.methods {
        let error = |message: &str| located(QueryErrorKind::Argument, method.place.range(), message);
        let arguments: Vec<&str> = method.arguments.iter().map(String::as_str).collect();
        match (method.name.as_str(), &arguments[..]) {
            ("rollup", [aggregator, ..]) if !makes_points(prefix, aggregator) => {
                return Err(error("points are made by the aggregator of the metric")
                    .hinted("write the same one in both places: `max:m{*}.rollup(max, 60)`"));
            }
            ("rollup", [_, seconds]) => {
                let us = seconds.parse::<u32>().ok().map(|seconds| i64::from(seconds) * UnixMicros::SECOND);
                let us = us.filter(|us| *us > 0);
                let us = us.ok_or_else(|| error("the distance of points is in whole seconds"))?;
                // Cells are minutes: a shorter distance has no finer data behind it.
                rollup_us = Some(((us + UnixMicros::MINUTE - 1) / UnixMicros::MINUTE) * UnixMicros::MINUTE);
            }
            ("rollup", [_]) | ("fill", ["null"]) => {}
            ("fill", ["zero", ..]) => zero_fill = true,
            ("fill", ["last" | "linear", ..]) => {
                return Err(error("values that were never measured are not judged")
                    .hinted("leave .fill out, or write .fill(zero) where nothing means zero"));
            }
            _ => return Err(error("expected `.rollup(sum, 60)` or `.fill(zero)`")),
        }
    }
    Ok((rollup_us, zero_fill))
}

/// Whether some metric of an expression has this aggregator.
fn makes_points(prefix: &Prefix, aggregator: &str) -> bool {
    prefix.query.expr().leaves().iter().any(|leaf| leaf.aggregator.to_string() == aggregator)
}

fn reading(
    head: &Head,
    shape: &Shape,
    is_as_count: bool,
    rollup_us: Option<i64>,
    span: Range<usize>,
) -> Result<Reading, QueryError> {
    let Some(aggregator) = head.aggregator else {
        if head.change.is_some() {
            return Err(syntax(span, "a change of percentiles is not defined").hinted("use avg, min or max"));
        }
        return Ok(Reading::Merged);
    };
    if is_as_count && aggregator == PointAggregator::Sum && matches!(shape, Shape::Value(_)) {
        return Ok(Reading::Merged);
    }
    Ok(Reading::Points { aggregator, interval_us: rollup_us.unwrap_or_else(|| interval_us(head.window)) })
}

/// The distance of points of a window, where none is written: a minute for hours, five for days, an hour for more.
pub(crate) fn interval_us(window: Window) -> i64 {
    match window {
        Window::Last(us) if us <= 4 * UnixMicros::HOUR => UnixMicros::MINUTE,
        Window::Last(us) if us <= UnixMicros::DAY => 5 * UnixMicros::MINUTE,
        Window::Current(Period::Hour) => UnixMicros::MINUTE,
        Window::Current(Period::Day) => 5 * UnixMicros::MINUTE,
        Window::Last(_) | Window::Current(_) => UnixMicros::HOUR,
    }
}
