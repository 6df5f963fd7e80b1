//! A point: one sample of a metric that someone sent.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Tags, UnixMicros};

/// How samples of a metric combine within a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PointKind {
    /// Occurrences: values add up.
    Count,
    /// A level: the average, least and greatest are meaningful.
    Gauge,
    /// Observations: percentiles are meaningful.
    Distribution,
    /// Members: how many different values there were is meaningful.
    Set,
}

/// One sample of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// When it was taken.
    pub time: UnixMicros,
    /// The metric.
    pub name: Arc<str>,
    /// How samples combine.
    pub kind: PointKind,
    /// The value; for a set, a hash of the member.
    pub value: f64,
    /// How many samples of this value it stands for, 1 to [`limits::POINT_WEIGHT_MAX`](crate::limits::POINT_WEIGHT_MAX):
    /// those of a bucket of a histogram, or those that a sampled one speaks for. Where values add up, the value is the
    /// sum already and the weight is 1.
    pub weight: u64,
    /// The tags it was sent with.
    pub tags: Tags,
}
