//! What can go wrong while something is judged. A failure costs a score and never a call.

use thiserror::Error;

/// Why there is no score.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EvaluateError {
    /// The model that judges could not be asked, or refused.
    #[error("the judge {model} gave no answer: {reason}")]
    Judge {
        /// Which model.
        model: String,
        /// What happened.
        reason: String,
    },
    /// The model that judges answered something else than was asked for.
    #[error("the judge {model} answered in another shape: {reason}")]
    Malformed {
        /// Which model.
        model: String,
        /// What is not as expected.
        reason: String,
    },
    /// The budget of the evaluators is used up.
    #[error("the budget of the evaluators is used up")]
    Budget,
    /// Weir is shutting down.
    #[error("evaluation has ended")]
    Ended,
    /// The store could not be read.
    #[error("the store failed: {0}")]
    Store(String),
}
