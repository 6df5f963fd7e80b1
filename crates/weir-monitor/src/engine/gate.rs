//! The gate of `confidence`: how far towards the good side the truth behind a value may be.
//!
//! A group gets worse only when even that has crossed, so that few values with bad luck wake nobody. It gets better as soon as
//! the value itself is back: that few values came is no reason to believe that all is well, and none to hold an alert.

use std::collections::BTreeMap;

use weir_query::{QueryError, Zone, run_cells};
use weir_types::{Cell, Scan, TimeRange};

use super::reading::Group;
use crate::condition::{Estimate, Rule};
use crate::detect::interval::{self, Side};

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    estimate: Estimate,
    confidence: f64,
    deviate: f64,
    side: Side,
}

impl Gate {
    /// The gate of a rule; `None` for rules whose values are no estimates, which definitions with a confidence never have.
    pub(super) fn new(rule: &Rule, confidence: f64) -> Option<Self> {
        let side = if rule.rules.comparison.is_upward() { Side::Lower } else { Side::Upper };
        let deviate = interval::deviate(confidence);
        rule.estimate().map(|estimate| Self { estimate, confidence, deviate, side })
    }

    /// Whether bounds follow from how values are spread.
    pub(super) fn needs_cells(&self) -> bool {
        self.estimate != Estimate::Share
    }

    /// How values are spread, where that is needed.
    pub(super) fn cells(
        &self,
        rule: &Rule,
        window: TimeRange,
        zone: &Zone,
        scan: &dyn Scan,
    ) -> Result<BTreeMap<Group, Cell>, QueryError> {
        if !self.needs_cells() {
            return Ok(BTreeMap::new());
        }
        Ok(run_cells(&rule.query, window, zone, scan)?.into_iter().collect())
    }

    /// The bound of a value that was made of so many samples, which are spread as a cell says.
    pub(super) fn bound(&self, value: f64, samples: u64, cell: Option<&Cell>) -> f64 {
        let empty = Cell::default();
        let cell = cell.unwrap_or(&empty);
        match self.estimate {
            Estimate::Share => interval::share(self.deviate, value, samples, self.side),
            Estimate::Mean => interval::mean(self.deviate, cell, self.side),
            Estimate::Quantile(q) => interval::quantile(self.confidence, q, &cell.histogram, self.side),
        }
    }
}
