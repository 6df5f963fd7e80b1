//! What a query is asked with and what it answers.

use weir_types::metric::Unit;
use weir_types::{TimeRange, UnixMicros};

/// What a query is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryContext {
    /// Which time. A series covers it in whole steps: its start is moved back to the start of a step.
    pub range: TimeRange,
    /// The distance of points in microseconds, a multiple of a minute; `None` for the shortest of the usual steps that
    /// makes at most about 300 points.
    pub step_us: Option<i64>,
    /// The IANA time zone that days and weeks are counted in, such as `Europe/Berlin`; `None` for UTC.
    pub tz: Option<String>,
}

/// The tags of one series, in the order of the query's `by`; the value is `None` where a tag is absent.
pub type SeriesTags = Vec<(String, Option<String>)>;

/// One line of a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What distinguishes it from the others.
    pub tags: SeriesTags,
    /// The start of each step and the value in it; `None` where there is no value. Every series of an answer has the
    /// same instants.
    pub points: Vec<(UnixMicros, Option<f64>)>,
}

/// The answer to a query over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The series, in the order of their tags or, under `top` and `bottom`, of their rank.
    pub series: Vec<Series>,
    /// The unit of every value.
    pub unit: Unit,
    /// The distance of points; days of a local calendar are 24 hours here although some are 23 or 25 long.
    pub step_us: i64,
    /// What a reader should know: defaults that were filled in, limits that were reached.
    pub notes: Vec<String>,
}

/// The answer to a query over one window of time: what tables and big numbers show.
#[derive(Debug, Clone, PartialEq)]
pub struct InstantAnswer {
    /// One value for each group, in the order of their tags or of their rank.
    pub values: Vec<(SeriesTags, Option<f64>)>,
    /// The unit of every value.
    pub unit: Unit,
    /// What a reader should know.
    pub notes: Vec<String>,
}
