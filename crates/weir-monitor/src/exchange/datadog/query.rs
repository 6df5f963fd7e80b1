//! Conditions on metrics in Datadog's spelling.
//!
//! What was written as a Datadog query stays as it was written, but for its number when that was changed from outside.
//! All else is printed from the tree. The two evaluate differently: Weir's form merges a window, Datadog makes points
//! and aggregates them. Totals are the same either way (`sum(…)` with `.as_count()`, which also divides sums), and so are
//! extremes and `percentile`; where the numbers may differ it is a loss.

mod expr;

use weir_query::{Aggregator, Expr, ExprKind};
use weir_types::{TagKey, metric};

use super::super::loss::Losses;
use super::super::message::{Saying, Shown};
use crate::condition::{
    Algorithm, Anomaly, Comparison, Dialect, Direction, Forecast, OutlierAlgorithm, Outliers, Period,
    PointAggregator, Reading, Rule, Seasonality, Shape, Window, default_interval_us, shown_length,
};
use expr::Printer;

/// The longest window that Datadog takes, in microseconds: a month.
const WINDOW_US_MAX: i64 = 31 * 86_400_000_000;

/// Minutes that the graph of an anomaly shows at least; it has no effect on the alert.
const GRAPH_US_MIN: i64 = 4 * 3_600_000_000;

/// A condition in Datadog's spelling.
pub(super) struct Spelled {
    pub(super) text: String,
    numbers: Numbers,
}

/// How numbers of the condition become those of the query.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Numbers {
    Same,
    /// A change in percent as the quotient of now and before: 30 is 1.3.
    Quotient,
    /// A share of points that is more than nothing, as the least that is.
    AnyPoint,
}

impl Spelled {
    /// A number of the condition as one of the query.
    pub(super) fn scaled(&self, value: f64) -> f64 {
        self.numbers.scaled(value)
    }

    /// What messages must know of it.
    pub(super) fn saying(&self, text: &str, rule: &Rule) -> Saying {
        let shown = match (self.numbers, &rule.shape) {
            (Numbers::Quotient, _) => Shown::Quotient,
            (_, Shape::Anomaly(_)) => Shown::Fraction,
            _ => Shown::Value,
        };
        let mut tags: Vec<(TagKey, String)> = Vec::new();
        for leaf in rule.query.expr().leaves() {
            for (key, place) in leaf.by.iter().zip(&leaf.by_places) {
                tags.push((key.clone(), expr::spelling(text, key, *place)));
            }
        }
        Saying { shown, tags }
    }
}

impl Numbers {
    fn scaled(self, value: f64) -> f64 {
        match self {
            Self::Same => value,
            // Twelve digits: what a person wrote has fewer, and the noise of floats is behind them.
            Self::Quotient => ((1.0 + value / 100.0) * 1e12).round() / 1e12,
            Self::AnyPoint => {
                if value == 0.0 {
                    0.01
                } else {
                    value
                }
            }
        }
    }
}

/// Spells a condition; an error says why Datadog cannot have it. `critical` is the number that the query ends with.
pub(super) fn spelled(
    text: &str,
    dialect: Dialect,
    rule: &Rule,
    critical: f64,
    losses: &mut Losses,
) -> Result<Spelled, String> {
    if dialect == Dialect::Datadog && expr::is_datadog(text, rule) {
        return Ok(Spelled { text: with_number(text, critical), numbers: Numbers::Same });
    }
    printed(text, rule, critical, losses)
}

/// A query with another number at its end; the text as it is when the number is the same.
pub(super) fn with_number(text: &str, number: f64) -> String {
    let text = text.trim();
    let at = text.rfind(['>', '<', '=']).map_or(text.len(), |at| at + 1);
    let is_same = text[at..].trim().parse().is_ok_and(|written: f64| written.total_cmp(&number).is_eq());
    if is_same { text.to_owned() } else { format!("{} {number}", &text[..at]) }
}

/// Prints a condition from its tree.
pub(super) fn printed(
    text: &str,
    rule: &Rule,
    critical: f64,
    losses: &mut Losses,
) -> Result<Spelled, String> {
    if let Some((period, inner)) = change_over_days(rule.query.expr()) {
        return change(text, rule, (period, inner), critical, losses);
    }
    let leaves = rule.query.expr().leaves();
    if leaves.iter().any(|leaf| *leaf.metric == *metric::EVENTS) {
        return Err(
            "Datadog searches events; write it as `events(\"…\").rollup(\"count\").last(\"5m\") > 0`"
                .to_owned(),
        );
    }
    let is_merged = rule.reading == Reading::Merged;
    let mut printer = Printer {
        text,
        is_as_count: is_merged && !expr::has_rates(rule.query.expr()),
        rollup: None,
        is_zero_filled: rule.zero_fill,
    };
    let window = window(rule.window.value)?;
    let aggregator = match rule.reading {
        Reading::Points { aggregator, interval_us } => {
            printer.rollup = (interval_us != default_interval_us(rule.window.value)).then_some(interval_us);
            point_aggregator(aggregator)
        }
        Reading::Merged if matches!(rule.shape, Shape::Value(_)) => merged(rule.query.expr(), losses),
        Reading::Merged => "avg",
    };
    if leaves.is_empty() {
        return Err("it names no metric".to_owned());
    }
    let asked = printer.print(rule.query.expr())?;
    let (comparison, numbers) = match &rule.shape {
        // Any point, which in Weir's form is more than none.
        Shape::Anomaly(_) if is_merged && rule.rules.comparison == Comparison::Above && critical == 0.0 => {
            (Comparison::AtLeast, Numbers::AnyPoint)
        }
        _ => (rule.rules.comparison, Numbers::Same),
    };
    let asked = match &rule.shape {
        Shape::Value(_) => format!("{aggregator}({window}):{asked}"),
        Shape::Change(change) => {
            let name = if change.is_percent { "pct_change" } else { "change" };
            format!("{name}({aggregator}({window}),last_{}):{asked}", shown_length(change.shift_us))
        }
        Shape::Anomaly(anomaly) => {
            let window = if is_merged { graph_window(anomaly) } else { window };
            losses.add(
                "the band",
                "Datadog learns its bands otherwise, so they alert at other times",
                "look at the evaluated data before you rely on it",
            );
            // Datadog wants five points or more in the window that is judged.
            let fifth = if is_merged { anomaly.alert_window_us.value / 5 } else { i64::MAX };
            let interval_us = anomaly.interval_us.value.min(fifth);
            let zone = rule.rules.tz.as_deref();
            format!("{aggregator}({window}):{}", anomalies(anomaly, &asked, interval_us, zone))
        }
        Shape::Outliers(outliers) => format!("{aggregator}({window}):{}", outliers_call(outliers, &asked)),
        Shape::Forecast(forecast) => {
            let worst = if rule.rules.comparison.is_upward() { "max" } else { "min" };
            let aggregator = if is_merged { worst } else { aggregator };
            let window = window.replacen("last_", "next_", 1);
            format!("{aggregator}({window}):{}", forecast_call(forecast, &asked))
        }
    };
    let text = format!("{asked} {comparison} {}", numbers.scaled(critical));
    Ok(Spelled { text, numbers })
}

/// How a merged window is aggregated in Datadog.
fn merged(expr: &Expr, losses: &mut Losses) -> &'static str {
    let leaves = expr.leaves();
    let all = |is: &dyn Fn(Aggregator) -> bool| leaves.iter().all(|leaf| is(leaf.aggregator));
    let is_total =
        |a: Aggregator| matches!(a, Aggregator::Sum | Aggregator::Count | Aggregator::CountAbove(_));
    if all(&is_total) && !expr::has_rates(expr) {
        return "sum";
    }
    if all(&is_total) && leaves.len() == 1 {
        return "avg";
    }
    if all(&|a| matches!(a, Aggregator::Percentile(_))) {
        return "percentile";
    }
    if all(&|a| a == Aggregator::Min) && leaves.len() == 1 {
        return "min";
    }
    if all(&|a| a == Aggregator::Max) && leaves.len() == 1 {
        return "max";
    }
    losses.add(
        "the average over the window",
        "Datadog computes each point of the window and averages the points; Weir computes once, from all values",
        "expect other numbers where points have unlike numbers of values",
    );
    "avg"
}

/// `week_over_week_change(…)` and `day_over_day_change(…)`: over how long, and of what.
fn change_over_days(expr: &Expr) -> Option<(&'static str, &Expr)> {
    let ExprKind::Call(call) = &expr.kind else { return None };
    let period = match call.function.name {
        "week_over_week_change" => "week",
        "day_over_day_change" => "day",
        _ => return None,
    };
    Some((period, call.args.first()?))
}

/// A change of totals is a quotient of totals in Datadog. `pct_change` would sum the percentages of single points.
fn change(
    text: &str,
    rule: &Rule,
    (period, inner): (&str, &Expr),
    critical: f64,
    losses: &mut Losses,
) -> Result<Spelled, String> {
    let is_total =
        |a: Aggregator| matches!(a, Aggregator::Sum | Aggregator::Count | Aggregator::CountAbove(_));
    if !inner.leaves().iter().all(|leaf| is_total(leaf.aggregator)) || expr::has_rates(inner) {
        return Err(
            "Datadog has changes of totals only: its pct_change aggregates the changes of points".to_owned()
        );
    }
    let printer = Printer { text, is_as_count: true, rollup: None, is_zero_filled: false };
    let now = printer.operand(inner)?;
    let window = if period == "week" { "last_7d" } else { "last_1d" };
    losses.add(
        format!("{period} of the change"),
        "Datadog's ends now and is compared with the same time in UTC; Weir's are days of the time zone and end on a whole hour",
        "",
    );
    let numbers = Numbers::Quotient;
    let (comparison, number) = (rule.rules.comparison, numbers.scaled(critical));
    let before = printer.print(inner)?;
    Ok(Spelled {
        text: format!("sum({window}):{now} / {period}_before({before}) {comparison} {number}"),
        numbers,
    })
}

fn window(window: Window) -> Result<String, String> {
    match window {
        Window::Last(us) if us > WINDOW_US_MAX => {
            Err(format!("its window of {} is longer than a month, Datadog's longest", shown_length(us)))
        }
        Window::Last(us) => Ok(window_name(us)),
        Window::Current(Period::Hour) => Ok("current_1h".to_owned()),
        Window::Current(Period::Day) => Ok("current_1d".to_owned()),
        Window::Current(Period::Month) => Ok("current_1mo".to_owned()),
        Window::Current(Period::Week) => {
            Err("Datadog has windows from the start of an hour, a day or a month, and none of a week"
                .to_owned())
        }
    }
}

/// `last_5m`
pub(super) fn window_name(us: i64) -> String {
    format!("last_{}", shown_length(us))
}

/// What the graph of an anomaly shows: five times what is judged, as Datadog advises.
fn graph_window(anomaly: &Anomaly) -> String {
    window_name((5 * anomaly.alert_window_us.value).clamp(GRAPH_US_MIN, WINDOW_US_MAX))
}

fn point_aggregator(aggregator: PointAggregator) -> &'static str {
    match aggregator {
        PointAggregator::Avg => "avg",
        PointAggregator::Sum => "sum",
        PointAggregator::Min => "min",
        PointAggregator::Max => "max",
    }
}

fn anomalies(anomaly: &Anomaly, asked: &str, interval_us: i64, tz: Option<&str>) -> String {
    let algorithm = match anomaly.algorithm.value {
        Algorithm::Basic => "basic",
        Algorithm::Agile => "agile",
        Algorithm::Robust => "robust",
    };
    let direction = match anomaly.direction.value {
        Direction::Above => "above",
        Direction::Below => "below",
        Direction::Both => "both",
    };
    let seasonality = match anomaly.seasonality.value {
        Seasonality::Hourly => "hourly",
        Seasonality::Daily => "daily",
        Seasonality::Weekly => "weekly",
    };
    let zone = tz.map_or_else(String::new, |tz| format!(", timezone='{}'", tz.to_lowercase()));
    format!(
        "anomalies({asked}, '{algorithm}', {}, direction='{direction}', alert_window='{}', interval={}, \
         count_default_zero='{}', seasonality='{seasonality}'{zone})",
        anomaly.bounds.value,
        window_name(anomaly.alert_window_us.value),
        interval_us / 1_000_000,
        anomaly.count_default_zero.value,
    )
}

fn outliers_call(outliers: &Outliers, asked: &str) -> String {
    let (algorithm, has_points) = match outliers.algorithm.value {
        OutlierAlgorithm::Dbscan => ("dbscan", false),
        OutlierAlgorithm::ScaledDbscan => ("scaleddbscan", false),
        OutlierAlgorithm::Mad => ("mad", true),
        OutlierAlgorithm::ScaledMad => ("scaledmad", true),
    };
    let points = if has_points { format!(", {}", outliers.points_percent.value) } else { String::new() };
    format!("outliers({asked}, '{algorithm}', {}{points})", outliers.tolerance.value)
}

fn forecast_call(forecast: &Forecast, asked: &str) -> String {
    let algorithm = if forecast.is_seasonal { "seasonal" } else { "linear" };
    format!("forecast({asked}, '{algorithm}', {})", forecast.bounds)
}
