//! Experiments: applications with a number.
//!
//! The id of an experiment is made from its name, so it is the same after a restart and on every Weir, and nothing needs to
//! be kept. The way back goes through the names that are known: those of applications that MLflow reported, and those
//! that a client made since Weir started.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use weir_types::{Browse, Scope, Source, TagKey, TimeRange, UnixMicros};

use super::error::MlflowError;
use super::known::Known;

/// The experiment of a client that names none, and its id, as MLflow has them.
const DEFAULT: (&str, &str) = ("Default", "0");

/// Experiments that are listed.
const LISTED_MAX: usize = 1_000;

/// All times that a store can hold: up to the year 2200.
pub(crate) const ALWAYS: TimeRange = TimeRange { from: UnixMicros(0), to: UnixMicros(7_258_118_400_000_000) };

/// The id of an experiment: FNV-1a of its name, in as many bits as JavaScript's numbers hold.
pub(crate) fn id_of(name: &str) -> String {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    if name == DEFAULT.0 {
        return DEFAULT.1.to_owned();
    }
    let hash = name.bytes().fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    ((hash >> 11) | 1).to_string()
}

/// An experiment as clients read it.
pub(crate) fn json_of(name: &str) -> Value {
    let id = id_of(name);
    json!({
        "artifact_location": format!("mlflow-artifacts:/{id}"),
        "experiment_id": id,
        "name": name,
        "lifecycle_stage": "active",
    })
}

/// The names of all that are known.
pub(crate) fn all(browse: &dyn Browse, known: &Known) -> Result<BTreeSet<String>, MlflowError> {
    let reported = browse.facets(&TagKey::new("app"), ALWAYS, &reported_by_mlflow(), LISTED_MAX);
    let reported = reported.map_err(MlflowError::from_browse)?;
    let mut names: BTreeSet<String> = reported.into_iter().map(|facet| facet.value).collect();
    names.extend(known.experiments());
    names.insert(DEFAULT.0.to_owned());
    Ok(names)
}

/// Whether there is an experiment of this name.
pub(crate) fn is_known(browse: &dyn Browse, known: &Known, name: &str) -> Result<bool, MlflowError> {
    Ok(name == DEFAULT.0 || known.has_experiment(name) || all(browse, known)?.contains(name))
}

/// The name of the experiment of this id.
pub(crate) fn name_of(browse: &dyn Browse, known: &Known, id: &str) -> Result<Option<String>, MlflowError> {
    if let Some(name) = known.experiment_of(id) {
        return Ok(Some(name));
    }
    Ok(all(browse, known)?.into_iter().find(|name| id_of(name) == id))
}

/// Spans that MLflow reported.
pub(crate) fn reported_by_mlflow() -> Scope {
    Scope::Is(TagKey::new("source"), Source::Mlflow.as_str().into())
}
