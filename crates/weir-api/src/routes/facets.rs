//! `GET /api/facets`: the values of a tag, for filters; `GET /api/facets/all`: those of several tags with their counts.

use std::collections::BTreeSet;
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
use crate::routes::selection::{scope, selecting};
use crate::wire::{FacetGroups, FacetItem, FacetList};

/// Values unless said: what a menu shows.
const LIMIT_DEFAULT: usize = 20;

/// Values at most.
const LIMIT_MAX: usize = 1_000;

/// Values of each of several tags at most: a sidebar shows some.
const EACH_LIMIT_MAX: usize = 100;

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
    let scope = scope(params.filter.as_deref())?;
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

selecting! {
    /// Which tags, and among which spans.
    FacetGroupParams {
        /// The tags, separated by commas; all unless said.
        #[param(example = "model,team,status")]
        tags,
        /// How many values of each tag, 1 to 100; 20 unless said.
        #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20)]
        limit,
    }
}

/// The values of several tags among spans, most frequent first, and how many spans there are.
#[utoipa::path(
    get,
    path = "/api/facets/all",
    tag = "spans",
    params(FacetGroupParams),
    responses((status = 200, description = "The values by tag.", body = FacetGroups), ApiError)
)]
pub(crate) async fn list_facet_groups(
    State(shared): State<Shared>,
    Params(params): Params<FacetGroupParams>,
) -> Result<JsonText, ApiError> {
    let which = params.selection(shared.clock.now())?;
    let tags = tags(params.tags.as_deref())?;
    let limit = limit(params.limit.as_deref(), LIMIT_DEFAULT, EACH_LIMIT_MAX)?;
    let browse = Arc::clone(&shared.browse);
    let counting = move |_: &_| Ok(FacetGroups::from(browse.facet_groups(&tags, &which, limit)?));
    shared.gate.answer(counting).await
}

/// Tags by name, each once; a name that no span has is refused.
fn tags(text: Option<&str>) -> Result<Vec<TagKey>, ApiError> {
    // The provider's name of an answer is another one for each call: its values are of no use in a list.
    let Some(text) = text else {
        let useful = weir_query::SPAN_TAGS.iter().filter(|tag| **tag != "response_id");
        return Ok(useful.map(|tag| TagKey::new(tag)).collect());
    };
    let known = |name: &str| {
        let tag = TagKey::new(name.trim());
        let expected = || ApiError::parameter("tags", name, "tags of spans, such as model,team,status");
        if weir_query::SPAN_TAGS.contains(&tag.as_str()) { Ok(tag) } else { Err(expected()) }
    };
    let tags: BTreeSet<_> = text.split(',').map(known).collect::<Result<_, _>>()?;
    Ok(tags.into_iter().collect())
}
