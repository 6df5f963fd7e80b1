//! Answers questions about single spans: lists, traces, values of tags, and SQL.

mod guard;
mod json;
mod span_row;
mod spans;
mod sql;

pub(crate) use span_row::{joining_columns, read_span, whole_columns};

use std::sync::Arc;
use std::time::Duration;

use weir_types::{
    Browse, BrowseError, Facet, Scope, Score, Span, SpanFilter, SpanId, SpanPage, SqlLimits, TagKey,
    TimeRange, TraceId, UnixMicros,
};

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
            Some(reader) => spans::page(&reader, filter),
            None => Ok(SpanPage { spans: Vec::new(), next: None }),
        }
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
