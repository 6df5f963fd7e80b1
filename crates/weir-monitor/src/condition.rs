//! Reads conditions: chooses between the forms, each of which is a file of its own, and makes one tree.
//!
//! Both front ends make the same tree: [`Filled`] says of each setting whether it was written or is a default, so that
//! `explain` can print what a short condition means. Numbers are in the unit of the query when the parser is done: `5s`
//! against milliseconds is 5000, `30%` against a percentage is 30 and against a ratio 0.3.

mod composite;
mod cursor;
mod datadog;
mod defaults;
mod detector;
mod estimate;
mod search;
mod settings;
mod source;
mod threshold;
mod tree;
mod weir;

use weir_query::{Query, QueryError, QueryErrorKind};
use weir_types::UnixMicros;

use cursor::Cursor;
pub(crate) use datadog::interval_us as default_interval_us;
pub(crate) use estimate::Estimate;
pub(crate) use settings::{Setting, not_of_this_kind};
pub(crate) use source::length_of_text;
pub(crate) use threshold::share_of_text;
pub use tree::{
    Algorithm, Anomaly, BudgetRule, Burn, Change, Comparison, Composite, Condition, Dialect, Direction,
    EventQuery, Filled, Forecast, Judged, MonitorRef, OutlierAlgorithm, Outliers, Period, PointAggregator,
    Reading, Rule, Rules, Seasonality, Shape, Threshold, Value, Window,
};

/// Bytes of a condition; as much as the query language takes.
const CONDITION_BYTES_MAX: usize = 16 * 1024;

/// Parses a condition in either form.
pub(crate) fn parse(text: &str) -> Result<Condition, QueryError> {
    if text.len() > CONDITION_BYTES_MAX {
        let message = format!("the condition has {} bytes; the most is {CONDITION_BYTES_MAX}", text.len());
        return Err(located(QueryErrorKind::Limit, CONDITION_BYTES_MAX..text.len(), message));
    }
    let mut cursor = Cursor::new(text);
    if cursor.at_end() {
        return Err(syntax(0..0, "the condition is empty")
            .hinted("for example `p95(llm.request.duration) by model > 5000ms over 5m`"));
    }
    let condition = if composite::is_composite(&cursor) {
        let dialect = if text.contains('@') { Dialect::Weir } else { Dialect::Datadog };
        Condition { dialect, judged: Judged::Composite(composite::parse(&mut cursor)?) }
    } else if let Some(judged) = source::parse(&mut cursor)? {
        Condition { dialect: Dialect::Datadog, judged }
    } else if let Some(rule) = datadog::parse(&mut cursor)? {
        Condition { dialect: Dialect::Datadog, judged: Judged::Metric(Box::new(rule)) }
    } else {
        Condition { dialect: Dialect::Weir, judged: Judged::Metric(Box::new(weir::parse(&mut cursor)?)) }
    };
    cursor.expect_end()?;
    Ok(condition)
}

fn located(kind: QueryErrorKind, span: std::ops::Range<usize>, message: impl Into<String>) -> QueryError {
    QueryError { kind, message: message.into(), span, hint: None }
}

fn syntax(span: std::ops::Range<usize>, message: impl Into<String>) -> QueryError {
    located(QueryErrorKind::Syntax, span, message)
}

/// Gives an error a hint.
trait Hinted {
    fn hinted(self, hint: impl Into<String>) -> Self;
}

impl Hinted for QueryError {
    fn hinted(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// A length of time as people write it: `5m`, `2h`, `7d`.
pub(crate) fn shown_length(us: i64) -> String {
    let units = [
        (UnixMicros::DAY, "d"),
        (UnixMicros::HOUR, "h"),
        (UnixMicros::MINUTE, "m"),
        (UnixMicros::SECOND, "s"),
    ];
    let unit = units.into_iter().find(|(length, _)| us != 0 && us % length == 0);
    unit.map_or_else(
        || if us == 0 { "0".to_owned() } else { format!("{us}us") },
        |(length, name)| format!("{}{name}", us / length),
    )
}

/// Over how many whole days an expression looks back, when it does.
pub(crate) fn looks_over_days(query: &Query) -> Option<i64> {
    days_back(query.expr())
}

fn days_back(expr: &weir_query::Expr) -> Option<i64> {
    let mut days = None;
    defaults::visit_functions(expr, &mut |name| match name {
        "week_over_week_change" => days = Some(7),
        "day_over_day_change" => days = days.or(Some(1)),
        _ => {}
    });
    days
}
