//! `GET /api/metrics`: what expressions can be about.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use weir_types::Scan;
use weir_types::metric::{self, CELL_TAGS, DERIVED, Unit};

use crate::Shared;
use crate::answer::JsonText;
use crate::error::ApiError;
use crate::wire::{MetricItem, MetricList, UnitName};

/// Every metric: those that Weir derives from spans, and those that it has seen.
#[utoipa::path(
    get,
    path = "/api/metrics",
    tag = "query",
    responses((status = 200, description = "By name.", body = MetricList), ApiError)
)]
pub(crate) async fn list_metrics(State(shared): State<Shared>) -> Result<JsonText, ApiError> {
    let scan = Arc::clone(&shared.scan);
    shared.gate.answer(move |_| Ok(MetricList { metrics: list(&*scan) })).await
}

fn list(scan: &dyn Scan) -> Vec<MetricItem> {
    let seen = scan.metrics();
    let names: BTreeSet<&str> =
        seen.iter().map(|name| &**name).chain(DERIVED.iter().map(|info| info.name)).collect();
    names.into_iter().map(|name| item(scan, name)).collect()
}

fn item(scan: &dyn Scan, name: &str) -> MetricItem {
    let derived = metric::derived(name);
    let of_cells = scan.cell_tags(name).into_iter().flatten().map(|tag| tag.to_string());
    let of_derived =
        derived.iter().flat_map(|info| CELL_TAGS.iter().chain(info.extra_tags)).map(ToString::to_string);
    let tags: BTreeSet<String> = of_cells.chain(of_derived).collect();
    MetricItem {
        name: name.to_owned(),
        unit: UnitName(derived.map_or(Unit::None, |info| info.unit)),
        tags: tags.into_iter().collect(),
    }
}
