//! A store in memory: single values, folded anew for each scan. It answers as the trait says and nothing more: cells
//! refuse tags that they do not carry, and histograms are there only when they were asked for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use weir_query::{QueryContext, Series};
use weir_types::{
    Cell, Histogram, Need, Scan, ScanError, ScanRequest, ScanRow, ScanSource, TagKey, Tags, TimeRange,
    UnixMicros, metric,
};

/// The values of a group in a bucket.
type Key = (Vec<Option<Arc<str>>>, UnixMicros);

/// One value.
struct Sample {
    metric: &'static str,
    at: UnixMicros,
    tags: Tags,
    value: f64,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Memory {
    samples: Vec<Sample>,
    cell_tags: BTreeMap<&'static str, Vec<TagKey>>,
    asked: Mutex<Vec<ScanRequest>>,
    failure: Option<ScanError>,
    without_histograms: bool,
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A store whose every scan fails.
    pub(crate) fn failing(failure: ScanError) -> Self {
        Self { failure: Some(failure), ..Self::default() }
    }

    /// Adds values of one metric at one instant.
    pub(crate) fn add(
        &mut self,
        metric: &'static str,
        at: UnixMicros,
        tags: &[(&str, &str)],
        values: &[f64],
    ) {
        let tags: Tags = tags.iter().copied().collect();
        self.samples.extend(values.iter().map(|value| Sample {
            metric,
            at,
            tags: tags.clone(),
            value: *value,
        }));
    }

    /// A store whose cells have no histograms, as those of metrics that are only counted.
    pub(crate) fn without_histograms() -> Self {
        Self { without_histograms: true, ..Self::default() }
    }

    /// Says which tags cells of a metric that users send carry.
    pub(crate) fn carry(&mut self, metric: &'static str, tags: &[&str]) {
        self.cell_tags.insert(metric, tags.iter().map(|tag| TagKey::new(tag)).collect());
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<ScanRequest> {
        self.asked.lock().unwrap().clone()
    }
}

impl Scan for Memory {
    fn scan(&self, request: &ScanRequest) -> Result<Vec<ScanRow>, ScanError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        self.asked.lock().unwrap().push(request.clone());
        assert!(!request.range.is_empty(), "a scan of no time: {request:?}");
        assert!(request.step_us.is_none_or(|step_us| step_us > 0 && step_us % UnixMicros::MINUTE == 0));
        if request.source == ScanSource::Cells {
            assert_eq!(request.range.from.0 % UnixMicros::MINUTE, 0, "cells start on minutes");
            assert_eq!(request.range.to.0 % UnixMicros::MINUTE, 0, "cells end on minutes");
            let carried = self.cell_tags(&request.metric).unwrap_or_default();
            if let Some(tag) =
                request.by.iter().chain(request.scope.keys()).find(|tag| !carried.contains(tag))
            {
                return Err(ScanError::TagNotInCells { metric: request.metric.clone(), tag: tag.clone() });
            }
        }
        let mut cells: BTreeMap<Key, Cell> = BTreeMap::new();
        for sample in self.samples.iter().filter(|sample| *sample.metric == *request.metric) {
            let in_range = (request.range.from..request.range.to).contains(&sample.at);
            if !in_range || !request.scope.matches(&|key| sample.tags.get(key)) {
                continue;
            }
            let bucket = request.step_us.map_or(request.range.from, |step_us| {
                let since = sample.at.0 - request.origin.0;
                UnixMicros(request.origin.0 + since.div_euclid(step_us) * step_us)
            });
            let group = request.by.iter().map(|key| sample.tags.get(key.as_str()).map(Arc::from)).collect();
            cells.entry((group, bucket)).or_default().record(sample.value);
        }
        let rows = cells.into_iter().map(|((group, bucket), mut cell)| {
            if request.need == Need::Totals || self.without_histograms {
                cell.histogram = Histogram::new();
            }
            ScanRow { group, bucket, cell }
        });
        Ok(rows.collect())
    }

    fn metrics(&self) -> Vec<Arc<str>> {
        let mut names: Vec<Arc<str>> = self.samples.iter().map(|sample| Arc::from(sample.metric)).collect();
        names.sort();
        names.dedup();
        names
    }

    fn cell_tags(&self, metric: &str) -> Option<Vec<TagKey>> {
        if let Some(info) = metric::derived(metric) {
            let tags = metric::CELL_TAGS.iter().chain(info.extra_tags);
            return Some(tags.map(|tag| TagKey::new(tag)).collect());
        }
        self.cell_tags.get(metric).cloned()
    }
}

/// An instant in RFC 3339.
pub(crate) fn at(text: &str) -> UnixMicros {
    UnixMicros(text.parse::<Timestamp>().unwrap().as_microsecond())
}

/// `at` plus minutes.
pub(crate) fn minutes(start: UnixMicros, minutes: i64) -> UnixMicros {
    start.saturating_add_us(minutes * UnixMicros::MINUTE)
}

/// A context from one instant to another.
pub(crate) fn between(from: &str, to: &str, step_minutes: Option<i64>, tz: Option<&str>) -> QueryContext {
    QueryContext {
        range: TimeRange { from: at(from), to: at(to) },
        step_us: step_minutes.map(|minutes| minutes * UnixMicros::MINUTE),
        tz: tz.map(str::to_owned),
    }
}

/// Series as text: a line for each, its tags and its values; a point without a value is a dot.
pub(crate) fn drawn(series: &[Series]) -> String {
    let lines = series.iter().map(|series| {
        let points: Vec<String> = series.points.iter().map(|(_, value)| number(*value)).collect();
        format!("{}: {}", tags(&series.tags), points.join(" "))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The values of an instant answer as text.
pub(crate) fn listed(values: &[(weir_query::SeriesTags, Option<f64>)]) -> String {
    let lines =
        values.iter().map(|(series_tags, value)| format!("{}: {}", tags(series_tags), number(*value)));
    lines.collect::<Vec<_>>().join("\n")
}

fn tags(tags: &weir_query::SeriesTags) -> String {
    if tags.is_empty() {
        return "all".to_owned();
    }
    let pairs = tags.iter().map(|(key, value)| format!("{key}={}", value.as_deref().unwrap_or("-")));
    pairs.collect::<Vec<_>>().join(",")
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| ".".to_owned(), |value| ((value * 1e6).round() / 1e6).to_string())
}
