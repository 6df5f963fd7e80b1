//! `GET /api/audit`: who changed what, and what monitors did to the gateway.

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use weir_types::AuditFilter;

use crate::Shared;
use crate::answer::JsonText;
use crate::error::ApiError;
use crate::extract::{self, Params};
use crate::instant;
use crate::wire::{AuditItem, AuditList};

/// Entries in an answer unless said, and at most.
const ENTRIES_DEFAULT: usize = 100;
const ENTRIES_MAX: usize = 1_000;

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditParams {
    /// Done by this one.
    #[param(example = "monitor:token-spend-rate-of-change")]
    who: Option<String>,
    /// With this action; what ends in a dot stands for all that begin so.
    #[param(example = "silence.")]
    action: Option<String>,
    /// Done to this one.
    target: Option<String>,
    /// Not before this instant; from the first on unless said.
    #[param(example = "now-7d")]
    from: Option<String>,
    /// Before this instant; until the last unless said.
    to: Option<String>,
    /// With a smaller `number`: the next page.
    #[param(value_type = Option<u64>)]
    before: Option<String>,
    /// At most so many; 100 unless said, 1000 at most.
    #[param(value_type = Option<u32>, example = "100")]
    limit: Option<String>,
}

/// Who changed what.
#[utoipa::path(
    get,
    path = "/api/audit",
    tag = "monitors",
    params(AuditParams),
    responses((status = 200, description = "The newest first.", body = AuditList), ApiError)
)]
pub(crate) async fn list_audit(
    State(shared): State<Shared>,
    Params(params): Params<AuditParams>,
) -> Result<JsonText, ApiError> {
    let now = shared.clock.now();
    let at = |name: &str, text: &Option<String>| {
        text.as_deref().map(|text| instant::instant(name, text, now)).transpose()
    };
    let number = |text: &String| {
        text.parse().map_err(|_| ApiError::parameter("before", text, "the number of an entry"))
    };
    let filter = AuditFilter {
        from: at("from", &params.from)?,
        to: at("to", &params.to)?,
        before_number: params.before.as_ref().map(number).transpose()?,
        who: params.who.map(Arc::from),
        action: params.action.map(Arc::from),
        target: params.target.map(Arc::from),
    };
    let limit = extract::limit(params.limit.as_deref(), ENTRIES_DEFAULT, ENTRIES_MAX)?;
    let entries = shared.audit.list(limit, &filter).await?;
    JsonText::of(&AuditList { entries: entries.into_iter().map(AuditItem::from).collect() })
}
