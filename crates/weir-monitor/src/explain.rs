//! What a condition means, in words: every default that was filled in, each marked as one.

use std::fmt::Write as _;

use weir_query::Query;
use weir_types::metric::Unit;

use crate::condition::{
    Algorithm, Anomaly, BudgetRule, Composite, Condition, Dialect, Direction, EventQuery, Filled, Judged,
    MonitorRef, OutlierAlgorithm, Period, PointAggregator, Reading, Rule, Rules, Seasonality, Shape,
    Threshold, Window, looks_over_days, shown_length,
};
use crate::detect::Transform;

/// Explains a condition in lines of a label and a text, for people. Settings that were not written are marked
/// `(default)`.
pub fn explain(condition: &Condition) -> String {
    let mut page = Page::default();
    page.line(
        "form",
        match condition.dialect {
            Dialect::Weir => "Weir's own",
            Dialect::Datadog => "a Datadog monitor query",
        },
    );
    match &condition.judged {
        Judged::Metric(rule) => page.rule(rule),
        Judged::Composite(composite) => page.composite(composite),
        Judged::Events(query) => page.events(query),
        Judged::Budget(rule) => page.budget(rule),
    }
    page.text
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, label: &str, text: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{label:<14}{text}");
    }

    fn filled<T>(&mut self, label: &str, setting: &Filled<T>, text: &str) {
        let mark = if setting.is_written { "" } else { " (default)" };
        self.line(label, &format!("{text}{mark}"));
    }

    fn rule(&mut self, rule: &Rule) {
        self.line("asks", &rule.query.to_string());
        self.line("unit", unit_name(rule.judged_unit()));
        self.shape(rule);
        self.window(rule);
        self.thresholds(&rule.rules, rule.judged_unit());
        self.times(&rule.rules);
        let samples = match rule.rules.min_samples.value {
            0 => "any number of values".to_owned(),
            n => format!("no judgement on fewer than {n} values in the window"),
        };
        self.filled("samples", &rule.rules.min_samples, &samples);
        if let Some(confidence) = rule.rules.confidence {
            let percent = confidence * 100.0;
            self.line(
                "confidence",
                &format!("a worse state counts when its bound is crossed with {percent} % confidence"),
            );
        }
        self.line("missing", &missing(rule));
    }

    fn shape(&mut self, rule: &Rule) {
        match &rule.shape {
            Shape::Value(_) => {}
            Shape::Change(change) => {
                let kind =
                    if change.is_percent { "in percent of the earlier value" } else { "as a difference" };
                let shift = shown_length(change.shift_us);
                self.line("compares", &format!("each point with the one {shift} before, {kind}"));
            }
            Shape::Anomaly(anomaly) => self.anomaly(anomaly, rule.query.unit()),
            Shape::Outliers(outliers) => {
                let name = match outliers.algorithm.value {
                    OutlierAlgorithm::Dbscan => "dbscan",
                    OutlierAlgorithm::ScaledDbscan => "scaleddbscan",
                    OutlierAlgorithm::Mad => "mad",
                    OutlierAlgorithm::ScaledMad => "scaledmad",
                };
                self.filled("outliers", &outliers.algorithm, name);
                self.filled("tolerance", &outliers.tolerance, &outliers.tolerance.value.to_string());
                if matches!(outliers.algorithm.value, OutlierAlgorithm::Mad | OutlierAlgorithm::ScaledMad) {
                    let share = format!("{} % of the points must be outside", outliers.points_percent.value);
                    self.filled("points", &outliers.points_percent, &share);
                }
            }
            Shape::Forecast(forecast) => {
                let kind = if forecast.is_seasonal { "seasonal" } else { "linear" };
                self.line("forecast", &format!("{kind}, {} deviations", forecast.bounds));
            }
        }
    }

    fn anomaly(&mut self, anomaly: &Anomaly, unit: Unit) {
        let name = match anomaly.algorithm.value {
            Algorithm::Basic => "basic: a rolling quantile, no seasons",
            Algorithm::Agile => "agile: follows shifts of level soon",
            Algorithm::Robust => "robust: trusts the season more than the present",
        };
        self.filled("anomaly", &anomaly.algorithm, name);
        let share = 2.0 * upper_tail(anomaly.bounds.value) * 100.0;
        let width = format!("{} deviations: {share:.2} % of usual points are outside", anomaly.bounds.value);
        self.filled("band", &anomaly.bounds, &width);
        if let Some(budget) = anomaly.budget_per_week {
            self.line(
                "budget",
                &format!(
                    "{budget} alerts a week for each series when nothing is wrong, instead of the width"
                ),
            );
        }
        self.line("learns", &Transform::of_unit(unit).to_string());
        let direction = match anomaly.direction.value {
            Direction::Above => "points above the band count",
            Direction::Below => "points below the band count",
            Direction::Both => "points on either side of the band count",
        };
        self.filled("direction", &anomaly.direction, direction);
        let season = match anomaly.seasonality.value {
            Seasonality::Hourly => "hourly",
            Seasonality::Daily => "daily",
            Seasonality::Weekly => "weekly",
        };
        self.filled("season", &anomaly.seasonality, season);
        let interval = format!("every {}", shown_length(anomaly.interval_us.value));
        self.filled("points", &anomaly.interval_us, &interval);
        let window = shown_length(anomaly.alert_window_us.value);
        self.filled(
            "value",
            &anomaly.alert_window_us,
            &format!("the share of points outside of the band in the last {window}"),
        );
        let gaps = if anomaly.count_default_zero.value { "count as zero" } else { "are left out" };
        self.filled("gaps", &anomaly.count_default_zero, &format!("of counts {gaps}"));
    }

    fn window(&mut self, rule: &Rule) {
        if let Some(days) = looks_over_days(&rule.query) {
            let days = if days == 1 { "day".to_owned() } else { format!("{days} days") };
            self.line("window", &format!("the last {days} against those before, ended on a whole hour"));
            return;
        }
        if matches!(rule.shape, Shape::Anomaly(_)) {
            return;
        }
        let window = match rule.window.value {
            Window::Last(us) if matches!(rule.shape, Shape::Forecast(_)) => {
                format!("the coming {}", shown_length(us))
            }
            Window::Last(us) => format!("the last {}", shown_length(us)),
            Window::Current(period) => format!("from the start of the {} on", period_name(period)),
        };
        self.filled("window", &rule.window, &window);
        self.line(
            "reading",
            &match rule.reading {
                Reading::Merged => {
                    "everything in the window merged: ratios of sums, percentiles of all values".to_owned()
                }
                Reading::Points { aggregator, interval_us } => {
                    let aggregator = match aggregator {
                        PointAggregator::Avg => "the mean",
                        PointAggregator::Sum => "the sum",
                        PointAggregator::Min => "the least",
                        PointAggregator::Max => "the greatest",
                    };
                    format!("{aggregator} of points of {}", shown_length(interval_us))
                }
            },
        );
    }

    fn thresholds(&mut self, rules: &Rules, unit: Unit) {
        let shown = |threshold: Threshold| shown_number(threshold.0, unit);
        let (comparison, recovery) = (rules.comparison, rules.comparison.recovery());
        self.line("holds", &format!("when the value is {comparison} {}", shown(rules.threshold)));
        if let Some(warning) = rules.warning {
            self.line("warning", &format!("when it is {comparison} {}", shown(warning)));
        }
        if let Some(critical) = rules.critical {
            self.line("critical", &format!("when it is {comparison} {}", shown(critical)));
        }
        match rules.recovery {
            Some(bound) => self.line("recovers", &format!("when it is {recovery} {}", shown(bound))),
            None => {
                self.line("recovers", &format!("when it is {recovery} {} (default)", shown(rules.threshold)));
            }
        }
    }

    fn times(&mut self, rules: &Rules) {
        self.filled("evaluated", &rules.every_us, &format!("every {}", shown_length(rules.every_us.value)));
        let held =
            |us: i64| if us == 0 { "at once".to_owned() } else { format!("after {}", shown_length(us)) };
        self.filled("for", &rules.for_us, &format!("a worse state counts {}", held(rules.for_us.value)));
        self.filled(
            "keeps firing",
            &rules.keep_firing_us,
            &format!("a better state counts {}", held(rules.keep_firing_us.value)),
        );
        if rules.offset_us.value > 0 {
            self.filled(
                "offset",
                &rules.offset_us,
                &format!("windows end {} earlier", shown_length(rules.offset_us.value)),
            );
        }
        match &rules.tz {
            Some(tz) => self.line("time zone", tz),
            None => self.line("time zone", "UTC (default)"),
        }
    }

    fn composite(&mut self, composite: &Composite) {
        self.line("asks", &composite_text(composite, 0));
        self.line("and", "as bad as the better of both");
        self.line("or", "as bad as the worse of both");
        self.line("not", "OK becomes ALERT; WARN and ALERT become OK; NO_DATA stays");
        self.line("groups", "monitors are joined where tags that both have are equal");
    }

    fn events(&mut self, query: &EventQuery) {
        self.line("searches", &format!("{} for {:?}", query.source, query.search));
        if let Some(index) = &query.index {
            self.line("index", index);
        }
        let measure = query.measure.as_ref().map_or_else(String::new, |measure| format!(" of {measure}"));
        self.line("value", &format!("{}{measure}", query.aggregator));
        if !query.by.is_empty() {
            self.line("by", &query.by.join(", "));
        }
        if let Some(rule) = &query.rule {
            self.rule(rule);
            return;
        }
        self.line("window", &format!("the last {}", shown_length(query.window_us)));
        self.line("holds", &format!("when the value is {} {}", query.comparison, query.threshold));
        if let Some(why) = query.why_not() {
            self.line("evaluated", &format!("never: {why}"));
        }
    }

    fn budget(&mut self, rule: &BudgetRule) {
        self.line("objective", &rule.objective);
        if let Some(Rule { burn: Some(burn), query, .. }) = rule.rule.as_deref() {
            let allowed = burn.allowed * 100.0;
            self.line(
                "target",
                &format!("{} % are good, so {} % may be bad", tidy(100.0 - allowed), tidy(allowed)),
            );
            self.line("bad", &query.to_string());
        }
        match rule.over_us {
            Some(us) => self.line("over", &shown_length(us)),
            None => self.line("over", "the objective's own time (default)"),
        }
        match rule.burn_windows_us {
            Some((long_us, short_us)) => {
                let (long, short) = (shown_length(long_us), shown_length(short_us));
                self.line(
                    "value",
                    &format!("the burn rate over {long} and over {short}; both must be that high"),
                );
            }
            None => self.line("value", "the part of the error budget that is spent, in percent"),
        }
        let Some(evaluated) = &rule.rule else {
            self.line("holds", &format!("when it is {} {}", rule.comparison, rule.threshold));
            self.line("evaluated", "never: its objective is not defined here");
            return;
        };
        self.thresholds(&evaluated.rules, evaluated.judged_unit());
        self.times(&evaluated.rules);
        self.line("missing", "without values the state stays as it is (default)");
    }
}

/// A percentage without the noise of binary fractions.
fn tidy(percent: f64) -> f64 {
    (percent * 1e9).round() / 1e9
}

fn missing(rule: &Rule) -> String {
    if rule.zero_fill {
        return "nothing seen counts as zero".to_owned();
    }
    let is_total = |query: &Query| {
        query.expr().leaves().iter().all(|leaf| {
            matches!(leaf.aggregator, weir_query::Aggregator::Sum | weir_query::Aggregator::Count)
        }) && matches!(query.unit(), Unit::Count | Unit::Tokens | Unit::Usd)
    };
    if is_total(&rule.query) && looks_over_days(&rule.query).is_none() {
        "a total without values is zero (default)".to_owned()
    } else {
        "without values the state stays as it is (default)".to_owned()
    }
}

fn composite_text(composite: &Composite, power: u8) -> String {
    let wrapped = |own: u8, text: String| if own < power { format!("({text})") } else { text };
    match composite {
        Composite::Monitor(MonitorRef::Name(name)) => format!("@{name}"),
        Composite::Monitor(MonitorRef::Id(id)) => id.to_string(),
        Composite::Not(inner) => format!("!{}", composite_text(inner, 3)),
        Composite::And(a, b) => wrapped(2, format!("{} && {}", composite_text(a, 2), composite_text(b, 3))),
        Composite::Or(a, b) => wrapped(1, format!("{} || {}", composite_text(a, 1), composite_text(b, 2))),
    }
}

fn period_name(period: Period) -> &'static str {
    match period {
        Period::Hour => "hour",
        Period::Day => "day",
        Period::Week => "week (Monday)",
        Period::Month => "month",
    }
}

fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "a count",
        Unit::None => "a number",
        Unit::Ratio => "a ratio, 1 is all",
        Unit::Percent => "percent",
        Unit::Millis => "milliseconds",
        Unit::Tokens => "tokens",
        Unit::Usd => "US dollars",
        Unit::PerSecond => "things per second",
    }
}

fn shown_number(value: f64, unit: Unit) -> String {
    let suffix = match unit {
        Unit::Percent => "%",
        Unit::Millis => "ms",
        Unit::Tokens => " tokens",
        Unit::Usd => "usd",
        Unit::PerSecond => " req/s",
        Unit::Count | Unit::None | Unit::Ratio => "",
    };
    format!("{value}{suffix}")
}

/// The probability that a normal value exceeds `z` deviations, within 1.5e-7: Abramowitz and Stegun 7.1.26.
fn upper_tail(z: f64) -> f64 {
    let x = z / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let polynomial = ((((1.061_405_429 * t - 1.453_152_027) * t + 1.421_413_741) * t - 0.284_496_736) * t
        + 0.254_829_592)
        * t;
    0.5 * polynomial * (-x * x).exp()
}
