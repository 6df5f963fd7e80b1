//! Who pays for a call, and how much it can be.

use std::sync::Arc;

use weir_types::NanoUsd;

use super::{Amount, Dimension, Measure};

/// Whom a call is charged to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Payer {
    /// The team.
    pub team: Option<Arc<str>>,
    /// The application.
    pub app: Option<Arc<str>>,
    /// The agent.
    pub agent: Option<Arc<str>>,
    /// The end user.
    pub user: Option<Arc<str>>,
    /// The virtual key's id.
    pub key: Option<Arc<str>>,
    /// The model asked for.
    pub model: Option<Arc<str>>,
    /// The provider that is asked first.
    pub provider: Option<Arc<str>>,
}

impl Payer {
    pub(crate) fn value(&self, dimension: Dimension) -> Option<&Arc<str>> {
        match dimension {
            Dimension::Team => self.team.as_ref(),
            Dimension::App => self.app.as_ref(),
            Dimension::Agent => self.agent.as_ref(),
            Dimension::User => self.user.as_ref(),
            Dimension::Key => self.key.as_ref(),
            Dimension::Model => self.model.as_ref(),
            Dimension::Provider => self.provider.as_ref(),
        }
    }
}

/// What one call uses of each measure: the most it can be before it is made, what it was after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Charge {
    /// Money; zero where the model has no price.
    pub cost: NanoUsd,
    /// Tokens, in and out.
    pub tokens: u64,
}

impl Charge {
    /// What a call that this was reserved for holds of a measure.
    pub(crate) fn held(&self, measure: Measure) -> Amount {
        match measure {
            Measure::Usd => self.cost.0.max(0),
            Measure::Tokens => i64::try_from(self.tokens).unwrap_or(i64::MAX),
            Measure::Calls | Measure::Concurrent => 1,
        }
    }

    /// What a call that used this has used up of a measure.
    pub(crate) fn used(&self, measure: Measure) -> Amount {
        match measure {
            Measure::Concurrent => 0,
            other => self.held(other),
        }
    }
}
