//! How an account stands.

use std::sync::Arc;

use super::spec::pairs_text;
use super::{Amount, Dimension, LimitSpec, Window};

/// How one account of a limit stands.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountStatus {
    /// The limit.
    pub limit: Arc<LimitSpec>,
    /// The values of its `*` dimensions.
    pub values: Vec<(Dimension, Arc<str>)>,
    /// The period that is now; `None` for calls under way.
    pub window: Option<Window>,
    /// What this process knows to be used.
    pub settled: Amount,
    /// What is reserved for calls under way, by it and by other gateways.
    pub reserved: Amount,
    /// What other gateways have used, as far as known.
    pub others: Amount,
}

impl AccountStatus {
    /// What is used and reserved, everywhere.
    pub fn committed(&self) -> Amount {
        self.settled.saturating_add(self.reserved).saturating_add(self.others)
    }

    /// What is used, as a share of the amount that is planned: 1.0 is all of it.
    pub fn used_share(&self) -> f64 {
        self.limit.share_of(self.settled.saturating_add(self.others))
    }

    /// Whether nothing more fits.
    pub fn is_exhausted(&self) -> bool {
        self.committed() >= self.limit.limit()
    }

    /// The values in one text: `user:ann`; empty for the one account of a limit without `*` dimensions.
    pub fn values_text(&self) -> String {
        pairs_text(&self.values)
    }
}
