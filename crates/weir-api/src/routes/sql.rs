//! `POST /api/sql`: one read-only statement.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use weir_types::SqlLimits;

use crate::Shared;
use crate::error::ApiError;
use crate::extract::JsonBody;
use crate::routes::query::Format;
use crate::wire::{SqlAnswer, SqlRequest};

/// What a statement may use: long enough for a scan of a month, and as many rows as a browser holds.
const LIMITS: SqlLimits = SqlLimits { time_max: Duration::from_secs(30), rows_max: 10_000 };

/// Runs one read-only SQL statement over the tables `spans`, `scores`, `points`, `events`, `cells_1m` and `cells_1h`.
///
/// At most 10,000 rows are returned, and a statement is stopped after 30 seconds. With `"format": "csv"` the rows come as
/// CSV.
#[utoipa::path(
    post,
    path = "/api/sql",
    tag = "query",
    request_body = SqlRequest,
    responses((status = 200, description = "The rows.", body = SqlAnswer), ApiError)
)]
pub(crate) async fn run_sql(
    State(shared): State<Shared>,
    JsonBody(request): JsonBody<SqlRequest>,
) -> Result<Response, ApiError> {
    let format = Format::of(request.format.as_deref())?;
    let browse = Arc::clone(&shared.browse);
    shared.sql_gate.run(move |_| format.write(&SqlAnswer::from(browse.sql(&request.sql, LIMITS)?))).await
}
