//! `GET /api/query`: numbers over time; `GET /api/query/instant`: one number for each group.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use weir_query::{Answer, InstantAnswer, Query, QueryContext, QueryError};
use weir_types::{Scan, ScanError, ScanRequest, ScanRow, TagKey};

use crate::Shared;
use crate::answer::JsonText;
use crate::blocking::Abandoned;
use crate::csv::{CsvText, Tabular};
use crate::error::ApiError;
use crate::extract::Params;
use crate::instant;
use crate::wire::{DataPoint, InstantQueryAnswer, QueryAnswer, SeriesItem, TagMap, UnitName, ValueItem};

/// Bytes of an expression: far beyond what people write, and little to parse.
const EXPRESSION_BYTES_MAX: usize = 16 * 1024;

/// What to evaluate, and over which time.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueryParams {
    /// The expression.
    #[param(required = true, example = "p95:llm.request.duration{team:payments} by {model}")]
    expr: Option<String>,
    /// The first instant; an hour before `to` unless said.
    #[param(example = "now-1h")]
    from: Option<String>,
    /// The first instant after the range; now unless said.
    #[param(example = "now")]
    to: Option<String>,
    /// The time between two points, such as `60s` or `5m`; chosen for about 300 points unless said.
    #[param(example = "60s")]
    step: Option<String>,
    /// The time zone whose days are meant, such as `Europe/Berlin`; UTC unless said.
    #[param(example = "Europe/Berlin")]
    tz: Option<String>,
    /// `json` or `csv`; JSON unless said.
    #[param(example = "csv")]
    format: Option<String>,
}

/// What to evaluate, and over which window.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct InstantQueryParams {
    /// The expression.
    #[param(required = true, example = "sum:llm.cost.usd{*} by {team}")]
    expr: Option<String>,
    /// The first instant; an hour before `to` unless said.
    #[param(example = "now-1d")]
    from: Option<String>,
    /// The first instant after the window; now unless said.
    #[param(example = "now")]
    to: Option<String>,
    /// The time zone whose days are meant, such as `Europe/Berlin`; UTC unless said.
    #[param(example = "Europe/Berlin")]
    tz: Option<String>,
    /// `json` or `csv`; JSON unless said.
    #[param(example = "csv")]
    format: Option<String>,
}

/// Numbers over time: evaluates an expression at every step.
#[utoipa::path(
    get,
    path = "/api/query",
    tag = "query",
    params(QueryParams),
    responses((status = 200, description = "One series for each group; as CSV one line for each point.", body = QueryAnswer), ApiError)
)]
pub(crate) async fn query_range(
    State(shared): State<Shared>,
    Params(params): Params<QueryParams>,
) -> Result<Response, ApiError> {
    let range = instant::range(params.from.as_deref(), params.to.as_deref(), shared.clock.now())?;
    let step_us = params.step.as_deref().map(|step| instant::step_us("step", step)).transpose()?;
    let context = QueryContext { range, step_us, tz: params.tz };
    evaluate::<_, QueryAnswer>(&shared, params.expr, params.format.as_deref(), context, weir_query::run).await
}

/// One number for each group: evaluates an expression over the whole window.
#[utoipa::path(
    get,
    path = "/api/query/instant",
    tag = "query",
    params(InstantQueryParams),
    responses((status = 200, description = "One value for each group.", body = InstantQueryAnswer), ApiError)
)]
pub(crate) async fn query_instant(
    State(shared): State<Shared>,
    Params(params): Params<InstantQueryParams>,
) -> Result<Response, ApiError> {
    let range = instant::range(params.from.as_deref(), params.to.as_deref(), shared.clock.now())?;
    let context = QueryContext { range, step_us: None, tz: params.tz };
    let format = params.format.as_deref();
    evaluate::<_, InstantQueryAnswer>(&shared, params.expr, format, context, weir_query::run_instant).await
}

/// Parses on the async thread, which takes microseconds, and evaluates on a blocking one.
async fn evaluate<A, W>(
    shared: &Shared,
    expr: Option<String>,
    format: Option<&str>,
    context: QueryContext,
    run: fn(&Query, &QueryContext, &dyn Scan) -> Result<A, QueryError>,
) -> Result<Response, ApiError>
where
    A: 'static,
    W: From<A> + Serialize + Tabular,
{
    let text = expression(expr)?;
    let format = Format::of(format)?;
    let query = weir_query::parse(&text).map_err(|error| ApiError::in_expression(&error, &text))?;
    let scan = Arc::clone(&shared.scan);
    let evaluating = shared.gate.run(move |abandoned| {
        let scan = UntilAbandoned { scan: &*scan, abandoned };
        let answer = run(&query, &context, &scan).map_err(|error| ApiError::in_expression(&error, &text))?;
        format.write(&W::from(answer))
    });
    evaluating.await
}

/// An expression that is there and no longer than people write.
pub(super) fn expression(text: Option<String>) -> Result<String, ApiError> {
    let text =
        text.ok_or_else(|| ApiError::missing("expr", "an expression, such as count:llm.request.count{*}"))?;
    if text.len() > EXPRESSION_BYTES_MAX {
        return Err(ApiError::parameter("expr", &text, &format!("at most {EXPRESSION_BYTES_MAX} bytes")));
    }
    Ok(text)
}

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Csv,
}

impl Format {
    /// Reads `format`.
    pub fn of(text: Option<&str>) -> Result<Self, ApiError> {
        match text {
            None | Some("json") => Ok(Self::Json),
            Some("csv") => Ok(Self::Csv),
            Some(other) => Err(ApiError::parameter("format", other, "json or csv")),
        }
    }

    /// Writes a table; to be called on a blocking thread.
    pub fn write(self, table: &(impl Serialize + Tabular)) -> Result<Response, ApiError> {
        Ok(match self {
            Self::Json => JsonText::of(table)?.into_response(),
            Self::Csv => CsvText::of(table)?.into_response(),
        })
    }
}

/// Stops a query between two of its scans once its client has gone.
pub(super) struct UntilAbandoned<'a> {
    pub scan: &'a dyn Scan,
    pub abandoned: &'a Abandoned,
}

impl Scan for UntilAbandoned<'_> {
    fn scan(&self, request: &ScanRequest) -> Result<Vec<ScanRow>, ScanError> {
        if self.abandoned.yes() {
            return Err(ScanError::Store("the client has gone".to_owned()));
        }
        self.scan.scan(request)
    }

    fn metrics(&self) -> Vec<Arc<str>> {
        self.scan.metrics()
    }

    fn cell_tags(&self, metric: &str) -> Option<Vec<TagKey>> {
        self.scan.cell_tags(metric)
    }
}

impl From<Answer> for QueryAnswer {
    fn from(answer: Answer) -> Self {
        let series = answer.series.into_iter().map(|series| SeriesItem {
            tags: TagMap(series.tags),
            points: series.points.into_iter().map(|(at, value)| DataPoint(at.as_millis(), value)).collect(),
        });
        Self {
            series: series.collect(),
            unit: UnitName(answer.unit),
            step_ms: answer.step_us / 1_000,
            notes: answer.notes,
        }
    }
}

impl From<InstantAnswer> for InstantQueryAnswer {
    fn from(answer: InstantAnswer) -> Self {
        let values = answer.values.into_iter().map(|(tags, value)| ValueItem { tags: TagMap(tags), value });
        Self { values: values.collect(), unit: UnitName(answer.unit), notes: answer.notes }
    }
}
