//! What differs between some calls and the rest, on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which spans to compare.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DiffersRequest {
    /// The first instant of all spans; an hour before `to` unless said.
    #[serde(default)]
    #[schema(example = "now-1h")]
    pub from: Option<String>,
    /// The first instant after them; now unless said.
    #[serde(default)]
    pub to: Option<String>,
    /// A condition on the tags of all spans.
    #[serde(default)]
    pub filter: Option<String>,
    /// A text that the input or the output of all spans contains.
    #[serde(default)]
    pub text: Option<String>,
    /// Which of them to compare with the others.
    pub selected: SelectedCalls,
}

/// Which spans were selected: all that is said here holds for them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SelectedCalls {
    /// The first instant; that of all spans unless said.
    #[serde(default)]
    pub from: Option<String>,
    /// The first instant after them; that of all spans unless said.
    #[serde(default)]
    pub to: Option<String>,
    /// A condition on tags.
    #[serde(default)]
    #[schema(example = "status:error")]
    pub filter: Option<String>,
    /// The shortest duration, in milliseconds.
    #[serde(default)]
    pub min_duration_ms: Option<f64>,
    /// The longest duration, in milliseconds.
    #[serde(default)]
    pub max_duration_ms: Option<f64>,
    /// The least cost, in US dollars.
    #[serde(default)]
    pub min_cost_usd: Option<f64>,
}

/// What differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DiffersAnswer {
    /// How many spans were selected.
    pub selected: u64,
    /// How many others there are.
    pub rest: u64,
    /// How many of the selected were looked at: all, or a sample of very many.
    pub selected_seen: u64,
    /// How many of the others were looked at.
    pub rest_seen: u64,
    /// The tags that differ, most first.
    pub tags: Vec<DifferingTag>,
}

/// A tag that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DifferingTag {
    /// The tag, or `attributes.name` for an attribute.
    pub tag: String,
    /// How much it differs: the largest difference of shares, 0 to 1, with small counts damped.
    pub score: f64,
    /// The values that differ most, at most 12.
    pub values: Vec<DifferingValue>,
}

/// A value that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DifferingValue {
    /// The value; `null` for spans without the tag.
    pub value: Option<String>,
    /// How many of the selected spans that were looked at have it.
    pub selected: u64,
    /// How many of the others.
    pub rest: u64,
    /// Their share of the selected ones, 0 to 1.
    pub selected_share: f64,
    /// Their share of the others.
    pub rest_share: f64,
}
