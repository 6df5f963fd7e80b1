//! `GET /api/facets`: the values of a tag, for filters.

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use weir_types::{BrowseError, TagKey};

use crate::Shared;
use crate::answer::JsonText;
use crate::error::ApiError;
use crate::extract::{Params, limit};
use crate::instant;
use crate::wire::{FacetItem, FacetList};

/// Values unless said: what a menu shows.
const LIMIT_DEFAULT: usize = 20;

/// Values at most.
const LIMIT_MAX: usize = 1_000;

/// Which tag, and among which spans.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct FacetParams {
    /// The tag.
    #[param(required = true, example = "model")]
    tag: Option<String>,
    /// The first instant; an hour before `to` unless said.
    #[param(example = "now-1h")]
    from: Option<String>,
    /// The first instant after the range; now unless said.
    #[param(example = "now")]
    to: Option<String>,
    /// A condition on tags, as in expressions.
    #[param(example = "team:payments")]
    filter: Option<String>,
    /// How many values, 1 to 1000; 20 unless said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 20)]
    limit: Option<String>,
}

/// The values of a tag among spans, most frequent first.
#[utoipa::path(
    get,
    path = "/api/facets",
    tag = "spans",
    params(FacetParams),
    responses((status = 200, description = "The values.", body = FacetList), ApiError)
)]
pub(crate) async fn list_facets(
    State(shared): State<Shared>,
    Params(params): Params<FacetParams>,
) -> Result<JsonText, ApiError> {
    let tag =
        params.tag.ok_or_else(|| ApiError::missing("tag", "the name of a tag, such as model or team"))?;
    let range = instant::range(params.from.as_deref(), params.to.as_deref(), shared.clock.now())?;
    let scope = super::spans::scope(params.filter.as_deref())?;
    let limit = limit(params.limit.as_deref(), LIMIT_DEFAULT, LIMIT_MAX)?;
    let browse = Arc::clone(&shared.browse);
    shared
        .gate
        .answer(move |_| {
            let values =
                browse.facets(&TagKey::new(&tag), range, &scope, limit).map_err(|error| match error {
                    BrowseError::Invalid(why) => {
                        ApiError::parameter("tag", &tag, &format!("a tag of spans ({why})"))
                    }
                    other => other.into(),
                })?;
            Ok(FacetList { values: values.into_iter().map(FacetItem::from).collect() })
        })
        .await
}
