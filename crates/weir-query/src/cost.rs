//! Questions about money that the expression language has no words for: why spend changed, and what the month will come
//! to. Amounts are exact nano-dollars; only weights and expectations are floats.

mod change;
mod forecast;
mod seasonal;

use std::sync::Arc;

use weir_types::{Need, Scan, ScanRequest, ScanRow, Scope, TagKey};

use crate::error::QueryError;
use crate::grid::Buckets;
use crate::plan;

pub use change::{ChangePart, CostChange, ValueChange, change};
pub use forecast::{DayOutlook, Forecast, Outlook, forecast};
pub use seasonal::{BacktestError, Seasonal};

/// The totals of a metric for each group and bucket, from cells where they carry what is asked for.
fn totals(
    metric: &str,
    scope: &Scope,
    by: &[TagKey],
    buckets: Buckets,
    scan: &dyn Scan,
) -> Result<Vec<ScanRow>, QueryError> {
    let keys = scope.keys().into_iter().chain(by);
    let request = ScanRequest {
        metric: Arc::from(metric),
        scope: scope.clone(),
        by: by.to_vec(),
        range: buckets.range,
        step_us: buckets.step_us,
        origin: buckets.range.from,
        need: Need::Totals,
        source: plan::source(metric, keys, scan),
    };
    scan.scan(&request).map_err(|error| QueryError::of_scan(&error, 0..0))
}
