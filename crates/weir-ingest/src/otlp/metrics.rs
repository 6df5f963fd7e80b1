//! A request of metrics becomes points.
//!
//! Monotonic sums become counts, other sums and gauges become gauges, histograms of either kind become weighted samples of
//! a distribution. Cumulative data becomes differences first. Summaries are refused: quantiles of several processes cannot
//! be put together.
//!
//! Tags are the attributes of the point, and of the resource those that the mapping table knows as tags.

use std::sync::Arc;

use weir_types::{Point, PointKind, Record, TagKey, Tags, UnixMicros, limits};

use super::buckets::Buckets;
use super::cumulative::{Reading, Total, Tracker, series};
use super::export::{Decoded, RECORDS_MAX};
use super::mapping::{Field, MAPPING};
use super::span::{AHEAD_MAX_US, Refused, instant, tag};
use super::value;
use super::wire::{
    CUMULATIVE, ExponentialPoint, HistogramPoint, KeyValue, Metric, MetricsRequest, NO_RECORDED_VALUE,
    NumberPoint, Resource, Sum,
};

/// Bytes of a metric's name.
const NAME_BYTES_MAX: usize = 200;

/// Tags of a point.
const TAGS_MAX: usize = 32;

/// What the points of one metric have in common.
struct Context<'a> {
    name: Arc<str>,
    resource: &'a [KeyValue],
    tracker: &'a Tracker,
    now: UnixMicros,
}

/// Converts a request.
pub(crate) fn records(request: &MetricsRequest, tracker: &Tracker, now: UnixMicros) -> Decoded {
    let mut decoded = Decoded::default();
    for group in &request.resource_metrics {
        let resource = group.resource.as_ref().map(attributes_of).unwrap_or_default();
        for metric in group.scope_metrics.iter().flat_map(|scoped| &scoped.metrics) {
            let name = &metric.name[..metric.name.floor_char_boundary(NAME_BYTES_MAX)];
            let context = Context { name: Arc::from(name), resource, tracker, now };
            context.metric(metric, &mut decoded);
        }
    }
    decoded
}

fn attributes_of(resource: &Resource) -> &[KeyValue] {
    &resource.attributes
}

impl Context<'_> {
    fn metric(&self, metric: &Metric, decoded: &mut Decoded) {
        if self.name.is_empty() {
            return decoded.refuse("a metric", &Refused::new("no_name", "it has no name"));
        }
        for point in metric.gauge.iter().flat_map(|gauge| &gauge.data_points) {
            let level = number(point).map(|value| vec![(value, 1)]);
            self.keep(point.time_unix_nano, &point.attributes, PointKind::Gauge, level, decoded);
        }
        if let Some(sum) = &metric.sum {
            sum.data_points.iter().for_each(|point| self.sum(sum, point, decoded));
        }
        if let Some(histogram) = &metric.histogram {
            let is_cumulative = histogram.aggregation_temporality == CUMULATIVE;
            histogram.data_points.iter().for_each(|point| self.histogram(point, is_cumulative, decoded));
        }
        if let Some(histogram) = &metric.exponential_histogram {
            let is_cumulative = histogram.aggregation_temporality == CUMULATIVE;
            histogram.data_points.iter().for_each(|point| self.exponential(point, is_cumulative, decoded));
        }
        for _ in metric.summary.iter().flat_map(|summary| &summary.data_points) {
            let text = "summaries cannot be put together with others; export a histogram";
            decoded.refuse(&format!("metric {:?}", self.name), &Refused::new("summary", text));
        }
    }

    fn sum(&self, sum: &Sum, point: &NumberPoint, decoded: &mut Decoded) {
        let is_cumulative = sum.aggregation_temporality == CUMULATIVE;
        if is_cumulative && !sum.is_monotonic {
            // The total of what goes up and down is a level.
            let level = number(point).map(|value| vec![(value, 1)]);
            return self.keep(point.time_unix_nano, &point.attributes, PointKind::Gauge, level, decoded);
        }
        let change = number(point).map(|value| {
            if !is_cumulative {
                return vec![(value, 1)];
            }
            let times = (point.start_time_unix_nano, point.time_unix_nano);
            match self.since_last(Total::Sum(value), times, &point.attributes) {
                Some(Total::Sum(change)) => vec![(change, 1)],
                _ => Vec::new(),
            }
        });
        self.keep(point.time_unix_nano, &point.attributes, PointKind::Count, change, decoded);
    }

    fn histogram(&self, point: &HistogramPoint, is_cumulative: bool, decoded: &mut Decoded) {
        if point.flags & NO_RECORDED_VALUE != 0 {
            return;
        }
        // The least and greatest of a total are not those of the difference.
        let range = if is_cumulative { (None, None) } else { (point.min, point.max) };
        let times = (point.start_time_unix_nano, point.time_unix_nano);
        let buckets = self.buckets(Buckets::explicit(point), is_cumulative, times, &point.attributes);
        let values = buckets.map(|buckets| buckets.map_or_else(Vec::new, |buckets| buckets.values(range)));
        self.keep(point.time_unix_nano, &point.attributes, PointKind::Distribution, values, decoded);
    }

    fn exponential(&self, point: &ExponentialPoint, is_cumulative: bool, decoded: &mut Decoded) {
        if point.flags & NO_RECORDED_VALUE != 0 {
            return;
        }
        let times = (point.start_time_unix_nano, point.time_unix_nano);
        let buckets = self.buckets(Buckets::exponential(point), is_cumulative, times, &point.attributes);
        let values =
            buckets.map(|buckets| buckets.map_or_else(Vec::new, |buckets| buckets.values((None, None))));
        self.keep(point.time_unix_nano, &point.attributes, PointKind::Distribution, values, decoded);
    }

    fn buckets(
        &self,
        buckets: Result<Buckets, &'static str>,
        is_cumulative: bool,
        times: (u64, u64),
        attributes: &[KeyValue],
    ) -> Result<Option<Buckets>, Refused> {
        let buckets = buckets.map_err(|why| Refused::new("bad_histogram", why))?;
        if !is_cumulative {
            return Ok(Some(buckets));
        }
        Ok(match self.since_last(Total::Buckets(buckets), times, attributes) {
            Some(Total::Buckets(change)) => Some(change),
            _ => None,
        })
    }

    fn since_last(&self, total: Total, (start, time): (u64, u64), attributes: &[KeyValue]) -> Option<Total> {
        self.tracker.since_last(Reading {
            series: series(&self.name, self.resource, attributes),
            started_at: instant(start),
            time: instant(time),
            total,
        })
    }

    /// Keeps values with their weights as points, or notes why there are none.
    fn keep(
        &self,
        nanos: u64,
        attributes: &[KeyValue],
        kind: PointKind,
        values: Result<Vec<(f64, u64)>, Refused>,
        decoded: &mut Decoded,
    ) {
        let time = if nanos == 0 { self.now } else { instant(nanos) };
        let values = if time.0.saturating_sub(self.now.0) > AHEAD_MAX_US {
            Err(Refused::new("future", "its time is more than a day ahead of this Weir's clock"))
        } else if decoded.records.len() >= RECORDS_MAX {
            Err(Decoded::too_many())
        } else {
            values
        };
        match values {
            Err(refused) => decoded.refuse(&format!("metric {:?}", self.name), &refused),
            Ok(values) => {
                let tags = self.tags(attributes);
                decoded.records.extend(values.into_iter().map(|(value, weight)| {
                    let (name, tags) = (Arc::clone(&self.name), tags.clone());
                    let weight = weight.min(limits::POINT_WEIGHT_MAX);
                    Record::Point(Box::new(Point { time, name, kind, value, weight, tags }))
                }));
            }
        }
    }

    fn tags(&self, attributes: &[KeyValue]) -> Tags {
        let mut tags = Tags::new();
        for pair in self.resource {
            if let Some(name) = tag_name(&pair.key) {
                set(&mut tags, name, pair);
            }
        }
        for pair in attributes.iter().take(TAGS_MAX) {
            set(&mut tags, tag_name(&pair.key).unwrap_or(&pair.key), pair);
        }
        if tags.get("app").is_none()
            && let Some(service) = tags.get("service").map(Arc::<str>::from)
        {
            tags.set(TagKey::new("app"), service);
        }
        tags
    }
}

fn set(tags: &mut Tags, name: &str, pair: &KeyValue) {
    let value = pair.value.as_ref().and_then(|value| value::text(value.value.as_ref()?));
    if let Some(value) = value {
        tags.set(TagKey::new(name), tag(&value));
    }
}

/// The tag that an attribute of the table is for spans.
fn tag_name(key: &str) -> Option<&'static str> {
    Some(match MAPPING.place(key)?.0.field {
        Field::Provider => "provider",
        Field::Model => "model",
        Field::ResponseModel => "response_model",
        Field::Session => "session",
        Field::User => "user",
        Field::Agent => "agent",
        Field::Team => "team",
        Field::App => "app",
        Field::Env => "env",
        Field::Service => "service",
        Field::ErrorType => "error_type",
        _ => return None,
    })
}

fn number(point: &NumberPoint) -> Result<f64, Refused> {
    let stated = point.as_double.or_else(|| point.as_int.map(|number| number as f64));
    let is_stated = point.flags & NO_RECORDED_VALUE == 0;
    let refuse = || Refused::new("no_value", "a point without a finite value");
    stated.filter(|value| value.is_finite() && is_stated).ok_or_else(refuse)
}
