//! `POST /api/sql`: one read-only statement.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use weir_types::SqlLimits;

use crate::Shared;
use crate::answer::JsonText;
use crate::error::ApiError;
use crate::extract::JsonBody;
use crate::wire::{SqlAnswer, SqlRequest};

/// What a statement may use: long enough for a scan of a month, and as many rows as a browser holds.
const LIMITS: SqlLimits = SqlLimits { time_max: Duration::from_secs(30), rows_max: 10_000 };

/// Runs one read-only SQL statement over the tables `spans`, `scores`, `points`, `events`, `cells_1m` and `cells_1h`.
///
/// At most 10,000 rows are returned, and a statement is stopped after 30 seconds.
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
) -> Result<JsonText, ApiError> {
    let browse = Arc::clone(&shared.browse);
    shared.sql_gate.answer(move |_| Ok(SqlAnswer::from(browse.sql(&request.sql, LIMITS)?))).await
}
