//! Names of metrics on both sides: `llm.request.duration` is `llm_request_duration_milliseconds` in Prometheus, whose parts end
//! in `_bucket`, `_sum` and `_count`; totals end in `_total`.
//!
//! OpenTelemetry writes metrics of Weir's so when it hands them to Prometheus. What Weir does not know keeps its name.

use weir_types::metric::{self, Unit};

/// Which part of a metric a name is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The metric itself.
    Whole,
    /// The buckets of a histogram.
    Bucket,
    /// The number of values of a histogram.
    Count,
}

/// The metric of a name, and which part of it the name is of.
pub(super) fn to_weir(name: &str) -> (String, Part) {
    if let Some(known) = metric::DERIVED.iter().find(|info| total(info.name) == name) {
        return (known.name.to_owned(), Part::Whole);
    }
    let (base, part) = match name.rsplit_once('_') {
        Some((base, "bucket")) => (base, Part::Bucket),
        Some((base, "count")) => (base, Part::Count),
        Some((base, "sum")) => (base, Part::Whole),
        _ => (name, Part::Whole),
    };
    if base.is_empty() {
        return (name.to_owned(), Part::Whole);
    }
    let known = metric::DERIVED.iter().find(|info| histogram(info.name) == base);
    (known.map_or(base, |info| info.name).to_owned(), part)
}

/// The name of a metric that is a gauge or a histogram.
pub(super) fn histogram(metric: &str) -> String {
    let unit = match metric::derived(metric).map(|info| info.unit) {
        Some(Unit::Millis) => "_milliseconds",
        _ => "",
    };
    plain(metric) + unit
}

/// The name of a metric that only grows.
pub(super) fn total(metric: &str) -> String {
    let name = plain(metric);
    if name.ends_with("_total") { name } else { name + "_total" }
}

/// A name or label with the letters that Prometheus has.
pub(super) fn plain(name: &str) -> String {
    let name: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// Whether Weir's metric grows in Prometheus: counts, tokens and money add up.
pub(super) fn is_total(metric: &str) -> bool {
    metric::derived(metric).is_some_and(|info| matches!(info.unit, Unit::Count | Unit::Tokens | Unit::Usd))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_of_weirs_is_known_again() {
        for info in &metric::DERIVED {
            assert_eq!(to_weir(&total(info.name)), (info.name.to_owned(), Part::Whole));
            let buckets = format!("{}_bucket", histogram(info.name));
            assert_eq!(to_weir(&buckets), (info.name.to_owned(), Part::Bucket));
        }
        assert_eq!(to_weir("http_requests_total"), ("http_requests_total".to_owned(), Part::Whole));
        assert_eq!(
            to_weir("http_request_duration_seconds_sum"),
            ("http_request_duration_seconds".to_owned(), Part::Whole)
        );
    }
}
