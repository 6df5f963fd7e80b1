//! Tables: results of SQL, and values of tags with their counts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use weir_types::{Column, Facet, FacetGroup, Table};

/// A statement to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SqlRequest {
    /// One read-only SQL statement.
    #[schema(example = "SELECT model, count(*) FROM spans GROUP BY model")]
    pub sql: String,
    /// `json` or `csv`; JSON unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
}

/// What a statement returned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SqlAnswer {
    /// The columns in order.
    pub columns: Vec<ColumnItem>,
    /// The rows: JSON values, integers beyond 2^53 and decimals as text.
    pub rows: Vec<Vec<serde_json::Value>>,
    /// Whether rows were left out because there were too many.
    pub truncated: bool,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ColumnItem {
    /// The name.
    pub name: String,
    /// The type, as the store names it.
    #[serde(rename = "type")]
    pub data_type: String,
}

/// Values of a tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FacetList {
    /// Most frequent first.
    pub values: Vec<FacetItem>,
}

/// A value of a tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FacetItem {
    /// The value.
    pub value: String,
    /// How many spans have it.
    pub count: u64,
}

/// Values of several tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FacetGroups {
    /// By tag.
    pub facets: BTreeMap<String, FacetGroupItem>,
    /// How many spans there are.
    pub total: u64,
}

/// Values of one of several tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FacetGroupItem {
    /// Most frequent first.
    pub values: Vec<FacetItem>,
    /// How many values the tag has in all.
    pub distinct: u64,
}

impl From<(Vec<FacetGroup>, u64)> for FacetGroups {
    fn from((groups, total): (Vec<FacetGroup>, u64)) -> Self {
        let item = |group: FacetGroup| FacetGroupItem {
            values: group.values.into_iter().map(FacetItem::from).collect(),
            distinct: group.distinct,
        };
        Self { facets: groups.into_iter().map(|group| (group.tag.to_string(), item(group))).collect(), total }
    }
}

impl From<Table> for SqlAnswer {
    fn from(table: Table) -> Self {
        let columns = table.columns.into_iter().map(ColumnItem::from).collect();
        Self { columns, rows: table.rows, truncated: table.truncated }
    }
}

impl From<Column> for ColumnItem {
    fn from(column: Column) -> Self {
        Self { name: column.name, data_type: column.data_type }
    }
}

impl From<Facet> for FacetItem {
    fn from(facet: Facet) -> Self {
        Self { value: facet.value, count: facet.count }
    }
}
