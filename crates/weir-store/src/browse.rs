//! Answers questions about single spans: lists, traces, values of tags, and SQL.

mod guard;
mod json;
mod order;
mod overview;
mod selection;
mod span_row;
mod spans;
mod sql;
mod traces;

pub(crate) use span_row::{SCORE_COLUMNS, joining_columns, read_score, read_span, whole_columns};

use std::sync::Arc;
use std::time::Duration;

use weir_types::{
    Browse, BrowseError, Contrast, Facet, FacetGroup, Scope, Score, Span, SpanCount, SpanFilter, SpanId,
    SpanPage, SpanSelection, SqlLimits, TagKey, TimeRange, TraceFilter, TraceId, TracePage, UnixMicros,
};

use crate::coverage;
use crate::duck::{Duck, Params, QueryError, Reader};
use crate::tag_sql::{TagTable, span_column};

/// Answers from DuckDB.
pub(crate) struct DuckBrowse {
    duck: Arc<Duck>,
    time_max: Duration,
}

impl DuckBrowse {
    pub(crate) fn new(duck: Arc<Duck>, time_max: Duration) -> Self {
        Self { duck, time_max }
    }

    /// A connection; `None` when nothing was ever stored, which is no reason to make a file.
    fn reader(&self) -> Result<Option<Reader>, BrowseError> {
        if self.duck.exists() { Ok(Some(self.duck.reader(self.time_max)?)) } else { Ok(None) }
    }
}

impl Browse for DuckBrowse {
    fn spans(&self, filter: &SpanFilter) -> Result<SpanPage, BrowseError> {
        match self.reader()? {
            Some(reader) => {
                reader.in_snapshot(|error| reader.judge(error).into(), || spans::page(&reader, filter))
            }
            None => Ok(SpanPage { spans: Vec::new(), next: None }),
        }
    }

    fn traces_within(
        &self,
        traces: &[TraceId],
        range: TimeRange,
    ) -> Result<(Vec<Span>, Vec<Score>), BrowseError> {
        match self.reader()? {
            Some(reader) if !traces.is_empty() => Ok(spans::of_traces(&reader, traces, range)?),
            _ => Ok((Vec::new(), Vec::new())),
        }
    }

    fn traces(&self, filter: &TraceFilter) -> Result<TracePage, BrowseError> {
        match self.reader()? {
            Some(reader) => {
                reader.in_snapshot(|error| reader.judge(error).into(), || traces::page(&reader, filter))
            }
            None => Ok(TracePage { traces: Vec::new(), next: None }),
        }
    }

    fn span_counts(&self, which: &SpanSelection, step_us: i64) -> Result<Vec<SpanCount>, BrowseError> {
        let Some(reader) = self.reader()? else { return Ok(Vec::new()) };
        Ok(overview::counts(&reader, which, step_us.max(1))?)
    }

    fn facet_groups(
        &self,
        tags: &[TagKey],
        which: &SpanSelection,
        limit: usize,
    ) -> Result<(Vec<FacetGroup>, u64), BrowseError> {
        if let Some(reader) = self.reader()? {
            return Ok(overview::facets(&reader, tags, which, limit)?);
        }
        let empty = |tag: &TagKey| FacetGroup { tag: tag.clone(), values: Vec::new(), distinct: 0 };
        Ok((tags.iter().map(empty).collect(), 0))
    }

    fn contrast(&self, base: &SpanSelection, selected: &SpanSelection) -> Result<Contrast, BrowseError> {
        let Some(reader) = self.reader()? else { return Ok(Contrast::default()) };
        Ok(overview::contrast(&reader, base, selected)?)
    }

    fn span(&self, trace_id: TraceId, span_id: SpanId) -> Result<Option<Span>, BrowseError> {
        let Some(reader) = self.reader()? else { return Ok(None) };
        Ok(spans::of_trace(&reader, trace_id, Some(span_id))?.pop())
    }

    fn trace(&self, trace_id: TraceId) -> Result<(Vec<Span>, Vec<Score>), BrowseError> {
        let Some(reader) = self.reader()? else { return Ok((Vec::new(), Vec::new())) };
        Ok((spans::of_trace(&reader, trace_id, None)?, spans::scores_of_trace(&reader, trace_id)?))
    }

    fn facets(
        &self,
        tag: &TagKey,
        range: TimeRange,
        scope: &Scope,
        limit: usize,
    ) -> Result<Vec<Facet>, BrowseError> {
        let (Some(reader), Some(value)) = (self.reader()?, span_column(tag.as_str())) else {
            return Ok(Vec::new());
        };
        let mut params = Params::default();
        let (from, to) = (params.time(range.from), params.time(range.to));
        let scope = TagTable::Spans(None).scope_sql(scope, &mut params);
        let sql = format!(
            "SELECT {value} AS value, count(*) AS spans FROM spans WHERE {value} IS NOT NULL \
             AND start_time >= {from} AND start_time < {to} AND {scope} \
             GROUP BY 1 ORDER BY spans DESC, value LIMIT {limit}"
        );
        let facets = reader.rows(&sql, &params, |row| {
            Ok(Facet { value: row.get(0)?, count: u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0) })
        })?;
        Ok(facets)
    }

    fn sql(&self, statement: &str, limits: SqlLimits) -> Result<weir_types::Table, BrowseError> {
        let reader = self.duck.reader(limits.time_max)?;
        sql::run(reader, statement, limits.rows_max)
    }

    fn coverage(&self, range: TimeRange) -> Result<weir_types::Coverage, BrowseError> {
        let Some(reader) = self.reader()? else { return Ok(weir_types::Coverage::default()) };
        Ok(coverage::coverage(reader.connection(), range).map_err(|error| reader.judge(error))?)
    }

    fn extent(&self) -> Result<Option<TimeRange>, BrowseError> {
        let Some(reader) = self.reader()? else { return Ok(None) };
        let sql = "SELECT epoch_us(min(start_time)), epoch_us(max(start_time)) FROM spans";
        let extents = reader.rows(sql, &Params::default(), |row| {
            Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?))
        })?;
        Ok(match extents.first() {
            Some((Some(first), Some(last))) => {
                Some(TimeRange { from: UnixMicros(*first), to: UnixMicros(*last) })
            }
            _ => None,
        })
    }
}

impl From<QueryError> for BrowseError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::TimedOut { seconds } => Self::TimedOut { seconds },
            other => Self::Store(other.to_string()),
        }
    }
}
