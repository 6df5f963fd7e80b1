//! The tree of a condition: what both forms become.
//!
//! [`Filled`] says of each setting whether it was written or is a default. Numbers are in the unit of the query, times are
//! microseconds.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use weir_query::Query;
use weir_types::metric::Unit;

use super::defaults::Draft;

/// What a monitor watches for.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// In which form it was written.
    pub dialect: Dialect,
    /// What is judged.
    pub judged: Judged,
}

impl Condition {
    /// The names of the metrics that it is about.
    pub fn metrics(&self) -> Vec<Arc<str>> {
        let leaves = self.judged.rule().map(|rule| rule.query.expr().leaves()).unwrap_or_default();
        leaves.iter().map(|leaf| Arc::clone(&leaf.metric)).collect()
    }
}

/// The form of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Weir's own.
    Weir,
    /// A Datadog monitor query.
    Datadog,
}

/// What is judged.
#[derive(Debug, Clone, PartialEq)]
pub enum Judged {
    /// Values of metrics.
    Metric(Box<Rule>),
    /// Other monitors.
    Composite(Composite),
    /// How many events or logs match a search.
    Events(EventQuery),
    /// The error budget of a service level objective.
    Budget(BudgetRule),
}

impl Judged {
    /// What is evaluated: for searches of events the number of events that it finds, for objectives the share of bad. `None`
    /// for composites, for what Weir does not keep, and for objectives that are not known.
    pub fn rule(&self) -> Option<&Rule> {
        match self {
            Self::Metric(rule) => Some(rule),
            Self::Events(query) => query.rule.as_deref(),
            Self::Budget(budget) => budget.rule.as_deref(),
            Self::Composite(_) => None,
        }
    }

    /// The same, to be changed.
    pub(crate) fn rule_mut(&mut self) -> Option<&mut Rule> {
        match self {
            Self::Metric(rule) => Some(rule),
            Self::Events(query) => query.rule.as_deref_mut(),
            Self::Budget(budget) => budget.rule.as_deref_mut(),
            Self::Composite(_) => None,
        }
    }

    /// The comparison and the number that it compares with; `None` for composites.
    pub fn compared(&self) -> Option<(Comparison, f64)> {
        match (self.rule(), self) {
            (Some(rule), _) => Some((rule.rules.comparison, rule.rules.threshold.0)),
            (None, Self::Events(query)) => Some((query.comparison, query.threshold)),
            (None, Self::Budget(rule)) => Some((rule.comparison, rule.threshold)),
            (None, _) => None,
        }
    }
}

/// A setting, and whether it was written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Filled<T> {
    /// The setting.
    pub value: T,
    /// Whether it stands in the condition; otherwise it is a default.
    pub is_written: bool,
}

impl<T> Filled<T> {
    /// What was written, or a default.
    pub fn or(written: Option<T>, default: impl FnOnce() -> T) -> Self {
        match written {
            Some(value) => Self { value, is_written: true },
            None => Self { value: default(), is_written: false },
        }
    }
}

/// A condition on values of metrics.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// What is compared: the value itself, its change, how unusual it is.
    pub shape: Shape,
    /// The expression.
    pub query: Query,
    /// How much time one evaluation looks at.
    pub window: Filled<Window>,
    /// How the window becomes one value.
    pub reading: Reading,
    /// Whether a minute without values counts as zero (`.fill(zero)`).
    pub zero_fill: bool,
    /// What the share of bad means to the error budget of an objective, where that is judged.
    pub burn: Option<Burn>,
    /// The comparison and the times that go with it.
    pub rules: Rules,
}

/// How a share of bad is compared with what an objective allows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Burn {
    /// The share that may be bad.
    pub allowed: f64,
    /// The window within which it must be as bad as in the whole, in microseconds: the value is a burn rate. `None` for
    /// the part of the budget that is spent, in percent.
    pub short_us: Option<i64>,
}

impl Burn {
    /// What a share of bad is to the budget.
    pub fn of(self, bad_share: f64) -> f64 {
        let rate = bad_share / self.allowed;
        if self.short_us.is_some() { rate } else { rate * 100.0 }
    }

    /// The unit of that.
    pub const fn unit(self) -> Unit {
        if self.short_us.is_some() { Unit::None } else { Unit::Percent }
    }
}

/// What is compared with the threshold.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// The value.
    Value(Value),
    /// The value against an earlier one.
    Change(Change),
    /// The share of points outside of the band that was expected.
    Anomaly(Anomaly),
    /// Whether a group behaves unlike the others.
    Outliers(Outliers),
    /// The value that is expected.
    Forecast(Forecast),
}

/// The value as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value;

/// `change(…)` or `pct_change(…)`: each point against the one `shift_us` before, then aggregated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Whether the change is in percent of the earlier value.
    pub is_percent: bool,
    /// How much earlier, in microseconds.
    pub shift_us: i64,
}

/// How a band is learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// A rolling quantile; knows no seasons.
    Basic,
    /// Follows shifts of level soon.
    Agile,
    /// Trusts the season more than the present.
    Robust,
}

/// Which side of a band counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// More than expected.
    Above,
    /// Less than expected.
    Below,
    /// Either.
    Both,
}

/// The longest season of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seasonality {
    /// Each hour is alike.
    Hourly,
    /// Each day is alike.
    Daily,
    /// Each week is alike.
    Weekly,
}

/// `anomalies(…)`
#[derive(Debug, Clone, PartialEq)]
pub struct Anomaly {
    /// How the band is learned.
    pub algorithm: Filled<Algorithm>,
    /// How wide it is, in standard deviations of a normal distribution of the same probability.
    pub bounds: Filled<f64>,
    /// Which side counts.
    pub direction: Filled<Direction>,
    /// Over which time the share of points is taken, in microseconds.
    pub alert_window_us: Filled<i64>,
    /// The distance of points, in microseconds.
    pub interval_us: Filled<i64>,
    /// The longest season.
    pub seasonality: Filled<Seasonality>,
    /// Whether a point without values counts as zero.
    pub count_default_zero: Filled<bool>,
    /// How many alerts a week a series may raise when nothing is wrong, which says how wide the band is once it is learned;
    /// `bounds` says it when `None`.
    pub budget_per_week: Option<f64>,
}

/// How groups are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutlierAlgorithm {
    /// Density-based clusters.
    Dbscan,
    /// The same, scaled by the spread of the data.
    ScaledDbscan,
    /// Distance from the median in median absolute deviations.
    Mad,
    /// The same, scaled by the spread of the data.
    ScaledMad,
}

/// `outliers(…)`
#[derive(Debug, Clone, PartialEq)]
pub struct Outliers {
    /// How groups are told apart.
    pub algorithm: Filled<OutlierAlgorithm>,
    /// How far apart they must be.
    pub tolerance: Filled<f64>,
    /// For the MAD algorithms, the percentage of points that must be outside.
    pub points_percent: Filled<f64>,
}

/// `forecast(…)`
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// Whether the season is part of the forecast; otherwise it is a line.
    pub is_seasonal: bool,
    /// How wide the band is, in standard deviations.
    pub bounds: f64,
}

/// A length of time that an evaluation looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// The last so many microseconds.
    Last(i64),
    /// From the start of the running hour, day, week or month in the monitor's time zone.
    Current(Period),
}

/// A period of the local calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A week, from Monday on.
    Week,
    /// A month.
    Month,
}

/// How a window becomes one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Everything in the window is merged and evaluated once: ratios are ratios of sums, percentiles are of all values.
    Merged,
    /// The expression is evaluated for each interval, and the points are aggregated.
    Points {
        /// How points become one value.
        aggregator: PointAggregator,
        /// The distance of points in microseconds.
        interval_us: i64,
    },
}

/// How points become one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointAggregator {
    /// Their mean.
    Avg,
    /// Their sum.
    Sum,
    /// The least.
    Min,
    /// The greatest.
    Max,
}

/// The comparison and the times that go with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// Which side of the threshold is bad.
    pub comparison: Comparison,
    /// The number after the comparison, in the unit of the query.
    pub threshold: Threshold,
    /// Where a warning starts, when it is not the threshold.
    pub warning: Option<Threshold>,
    /// Where an alert starts, when it is not the threshold.
    pub critical: Option<Threshold>,
    /// Where an alert ends, when it is not the threshold.
    pub recovery: Option<Threshold>,
    /// How long a worse state must hold before it counts, in microseconds.
    pub for_us: Filled<i64>,
    /// How long a better state must hold before it counts, in microseconds.
    pub keep_firing_us: Filled<i64>,
    /// How often the condition is evaluated, in microseconds.
    pub every_us: Filled<i64>,
    /// How much earlier than now the window ends, in microseconds.
    pub offset_us: Filled<i64>,
    /// Fewer values than this in the window are no ground for a judgement.
    pub min_samples: Filled<u64>,
    /// With which confidence a rate, an average or a percentile must have crossed; the value itself when `None`.
    pub confidence: Option<f64>,
    /// The time zone of days and weeks; UTC when `None`.
    pub tz: Option<String>,
}

/// A number in the unit of the query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold(pub f64);

/// Which side of a threshold is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `<=`
    AtMost,
}

impl Comparison {
    /// Whether a value is on the bad side.
    pub fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Above => value > threshold,
            Self::AtLeast => value >= threshold,
            Self::Below => value < threshold,
            Self::AtMost => value <= threshold,
        }
    }

    /// The comparison with which a value has recovered: `>` is undone by `<=`, `>=` by `<`.
    #[must_use]
    pub const fn recovery(self) -> Self {
        match self {
            Self::Above => Self::AtMost,
            Self::AtLeast => Self::Below,
            Self::Below => Self::AtLeast,
            Self::AtMost => Self::Above,
        }
    }

    /// Whether greater values are worse.
    pub const fn is_upward(self) -> bool {
        matches!(self, Self::Above | Self::AtLeast)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Below => "<",
            Self::AtMost => "<=",
        })
    }
}

/// A condition on other monitors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Composite {
    /// A monitor is bad.
    Monitor(MonitorRef),
    /// It is not.
    Not(Box<Composite>),
    /// Both are: as bad as the better of them.
    And(Box<Composite>, Box<Composite>),
    /// One of them is: as bad as the worse of them.
    Or(Box<Composite>, Box<Composite>),
}

impl Composite {
    /// The names of the monitors that it is about.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Monitor(MonitorRef::Name(name)) => vec![name],
            Self::Monitor(MonitorRef::Id(_)) => Vec::new(),
            Self::Not(inner) => inner.names(),
            Self::And(a, b) | Self::Or(a, b) => [a.names(), b.names()].concat(),
        }
    }
}

/// Another monitor.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MonitorRef {
    /// `@name`
    Name(String),
    /// A Datadog id.
    Id(u64),
}

/// `events("…").rollup("count").last("5m") > 0` and its relatives.
#[derive(Debug, Clone, PartialEq)]
pub struct EventQuery {
    /// What is searched: `events`, `logs`, `rum`, ….
    pub source: String,
    /// The search.
    pub search: String,
    /// The index, where one is named.
    pub index: Option<String>,
    /// How what is found becomes a number: `count`, `cardinality`, `avg`, ….
    pub aggregator: String,
    /// Of which measure, where one is named.
    pub measure: Option<String>,
    /// What it is grouped by.
    pub by: Vec<String>,
    /// Over which time, in microseconds.
    pub window_us: i64,
    /// Which side of the threshold is bad.
    pub comparison: Comparison,
    /// The threshold, as it was written.
    pub threshold: f64,
    /// What is evaluated; `None` for what Weir does not keep.
    pub rule: Option<Box<Rule>>,
}

impl EventQuery {
    /// Why it is not evaluated; `None` when it is.
    pub fn why_not(&self) -> Option<String> {
        if self.rule.is_some() {
            return None;
        }
        Some(if self.source == "events" {
            format!("events are counted, and have no {}; count them, or send a metric", self.aggregator)
        } else {
            format!("Weir keeps events and no {}; send what matters as events or as a metric", self.source)
        })
    }
}

/// `error_budget("id").over("7d") > 75` and `burn_rate("id").over("30d").long_window("1h").short_window("5m") > 14.4`.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetRule {
    /// Which objective.
    pub objective: String,
    /// Where it is named.
    pub place: Range<usize>,
    /// The time of the objective, in microseconds; its own when `None`.
    pub over_us: Option<i64>,
    /// For a burn rate the long and the short window, in microseconds; `None` for the part of the budget that is spent.
    pub burn_windows_us: Option<(i64, i64)>,
    /// Which side of the threshold is bad.
    pub comparison: Comparison,
    /// The threshold, as it was written.
    pub threshold: f64,
    /// What is evaluated, when the objective is known.
    pub rule: Option<Box<Rule>>,
}

impl BudgetRule {
    /// Evaluates the share of bad of an objective, whose time is `over_us`.
    pub(crate) fn evaluate(&mut self, bad_share: Query, burn: Burn, over_us: i64) {
        let threshold = Threshold(self.threshold);
        let mut draft =
            Draft::new(Dialect::Datadog, Shape::Value(Value), bad_share, self.comparison, threshold);
        draft.window = Some(Window::Last(self.burn_windows_us.map_or(over_us, |(long_us, _)| long_us)));
        self.rule = Some(Box::new(Rule { burn: Some(burn), ..draft.filled() }));
    }
}
