//! How values are spread over time, on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use weir_query::Heatmap;

use super::UnitName;

/// A picture: columns of time, rows of values on a logarithmic scale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HeatmapAnswer {
    /// The time between two columns, in milliseconds.
    pub step_ms: i64,
    /// The upper edge of each row, ascending. A row holds what is above the edge before and not above its own.
    pub buckets: Vec<f64>,
    /// The columns, earliest first.
    pub columns: Vec<HeatmapColumn>,
    /// What the values measure.
    #[schema(inline = false)]
    pub unit: UnitName,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeatmapColumn {
    /// Its start, in Unix milliseconds.
    pub start_ms: i64,
    /// How many values are in each row.
    pub counts: Vec<u64>,
}

impl From<Heatmap> for HeatmapAnswer {
    fn from(heatmap: Heatmap) -> Self {
        let column = |(start, counts): (weir_types::UnixMicros, Vec<u64>)| HeatmapColumn {
            start_ms: start.as_millis(),
            counts,
        };
        Self {
            step_ms: heatmap.step_us / 1_000,
            buckets: heatmap.edges,
            columns: heatmap.columns.into_iter().map(column).collect(),
            unit: UnitName(heatmap.unit),
        }
    }
}
