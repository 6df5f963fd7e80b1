//! Answers scans: from cells, in the coarsest tier that fits, or from rows.
//!
//! Either way DuckDB groups and adds up totals; histograms of cells are merged here, because SQL has no function for
//! them, and histograms of rows come as counts of buckets. Both give the same [`Cell`]s to the last bit, which a
//! property test holds them to.

mod answers;
mod cells;
mod groups;
mod rows;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use weir_types::{Need, Scan, ScanError, ScanRequest, ScanRow, ScanSource, TagKey, UnixMicros, metric};

use crate::duck::{Duck, Marks, QueryError, Reader};
use crate::recorder::Catalog;
use crate::scan::groups::Groups;

pub(crate) use answers::Answers;

/// The most groups and buckets of an answer: three hundred points of three hundred series.
const ROWS_MAX: usize = 100_000;

/// Answers scans from DuckDB.
pub(crate) struct DuckScan {
    duck: Arc<Duck>,
    catalog: Arc<Catalog>,
    answers: Arc<Answers>,
    time_max: Duration,
}

impl DuckScan {
    pub(crate) fn new(
        duck: Arc<Duck>,
        catalog: Arc<Catalog>,
        answers: Arc<Answers>,
        time_max: Duration,
    ) -> Self {
        Self { duck, catalog, answers, time_max }
    }

    fn answer(&self, request: &ScanRequest) -> Result<Vec<ScanRow>, ScanError> {
        let buckets = Buckets::of(request);
        let mut groups = Groups::new(request.by.len(), ROWS_MAX);
        let reader = self.duck.reader(self.time_max)?;
        match source(request) {
            ScanSource::Cells => cells::scan(&reader, request, buckets, &mut groups)?,
            ScanSource::Rows => rows::scan(&reader, request, buckets, &mut groups)?,
        }
        Ok(groups.finish(|index| buckets.start(index)))
    }

    /// The catalog of metrics, read from the table when the recorder has not done that yet.
    fn catalog(&self) -> &Catalog {
        if !self.catalog.is_loaded() && self.duck.exists() {
            let loaded = self
                .duck
                .reader(self.time_max)
                .and_then(|reader| Ok(self.catalog.load(reader.connection())?));
            if let Err(error) = loaded {
                tracing::warn!(%error, "cannot read the names of metrics");
            }
        }
        &self.catalog
    }
}

impl Scan for DuckScan {
    fn scan(&self, request: &ScanRequest) -> Result<Vec<ScanRow>, ScanError> {
        check_tags(request)?;
        if request.range.is_empty() || !self.duck.exists() {
            return Ok(Vec::new());
        }
        self.answers.get_or_scan(request, || self.answer(request))
    }

    fn metrics(&self) -> Vec<Arc<str>> {
        let mut metrics = self.catalog().metrics();
        let place = metrics.partition_point(|name| **name < *metric::EVENTS);
        if metrics.get(place).is_none_or(|name| **name != *metric::EVENTS) {
            metrics.insert(place, Arc::from(metric::EVENTS));
        }
        metrics
    }

    fn cell_tags(&self, metric: &str) -> Option<Vec<TagKey>> {
        if metric == metric::EVENTS {
            return Some(metric::EVENT_TAGS.map(TagKey::new).to_vec());
        }
        match derived_tags(metric) {
            Some(tags) => Some(tags.map(TagKey::new).collect()),
            None => self.catalog().tags(metric),
        }
    }
}

/// From what a scan is answered. Events have no stored cells: they are few, and their series are made of what they say.
fn source(request: &ScanRequest) -> ScanSource {
    if *request.metric == *metric::EVENTS { ScanSource::Rows } else { request.source }
}

/// Answers a scan from cells within a transaction of the caller, however many rows that makes.
pub(crate) fn cells_in_snapshot(
    reader: &Reader,
    request: &ScanRequest,
    marks: &Marks,
) -> Result<Vec<ScanRow>, Failure> {
    let buckets = Buckets::of(request);
    let mut groups = Groups::new(request.by.len(), usize::MAX);
    match source(request) {
        _ if request.range.is_empty() => {}
        ScanSource::Cells => cells::scan_at(reader, request, buckets, marks, &mut groups)?,
        ScanSource::Rows => rows::scan(reader, request, buckets, &mut groups)?,
    }
    Ok(groups.finish(|index| buckets.start(index)))
}

/// The tags that cells of a derived metric carry; `None` for any other metric, whose cells carry whatever it was sent
/// with.
fn derived_tags(name: &str) -> Option<impl Iterator<Item = &'static str>> {
    let info = metric::derived(name)?;
    Some(metric::CELL_TAGS.into_iter().chain(info.extra_tags.iter().copied()))
}

/// Refuses to answer from cells what they do not know.
fn check_tags(request: &ScanRequest) -> Result<(), ScanError> {
    if request.source == ScanSource::Rows || metric::derived(&request.metric).is_none() {
        return Ok(());
    }
    let carried =
        |key: &TagKey| derived_tags(&request.metric).is_some_and(|mut tags| tags.any(|t| t == key.as_str()));
    match request.scope.keys().into_iter().chain(&request.by).find(|key| !carried(key)) {
        Some(tag) => Err(ScanError::TagNotInCells { metric: Arc::clone(&request.metric), tag: tag.clone() }),
        None => Ok(()),
    }
}

/// How time is cut: buckets are numbered from the one that holds the start of the range.
#[derive(Debug, Clone, Copy)]
struct Buckets {
    /// The start of bucket 0.
    first: UnixMicros,
    /// `None` for one bucket.
    step_us: Option<i64>,
}

impl Buckets {
    fn of(request: &ScanRequest) -> Self {
        match request.step_us.filter(|step| *step > 0) {
            None => Self { first: request.range.from, step_us: None },
            Some(step) => {
                let offset = request.origin.0.rem_euclid(step);
                let first =
                    request.range.from.saturating_add_us(-offset).floor_to(step).saturating_add_us(offset);
                Self { first, step_us: Some(step) }
            }
        }
    }

    /// The number of the bucket of a time within the range. The division is one of integers: `time_bucket` and
    /// `date_trunc` cost several times as much.
    fn index_sql(&self, time: &str) -> String {
        match self.step_us {
            None => "0::BIGINT".to_owned(),
            Some(step) => format!("(epoch_us({time}) - {}) // {step}", self.first.0),
        }
    }

    fn start(&self, index: i64) -> UnixMicros {
        self.first.saturating_add_us(index.saturating_mul(self.step_us.unwrap_or(0)))
    }

    /// Whether no hour is cut by the edge of a bucket.
    fn keep_hours_whole(&self) -> bool {
        self.step_us.is_none_or(|step| step % UnixMicros::HOUR == 0 && self.first.0 % UnixMicros::HOUR == 0)
    }
}

/// Whether histograms are wanted.
fn wants_histogram(request: &ScanRequest) -> bool {
    request.need == Need::Histogram
}

/// A failure of a scan on its way out.
#[derive(Debug)]
pub(crate) enum Failure {
    Query(QueryError),
    TooManyRows,
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        Self::Query(error)
    }
}

impl From<duckdb::Error> for Failure {
    fn from(error: duckdb::Error) -> Self {
        Self::Query(QueryError::Failed(error))
    }
}

impl From<Failure> for ScanError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::TooManyRows => Self::TooManyRows { max: ROWS_MAX },
            Failure::Query(error) => error.into(),
        }
    }
}

impl From<QueryError> for ScanError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::TimedOut { seconds } => Self::TimedOut { seconds },
            other => Self::Store(other.to_string()),
        }
    }
}
