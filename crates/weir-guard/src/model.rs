//! A model that tells attacks by what they mean, where rules tell them by how they are worded.
//!
//! It costs tens of milliseconds, so it never stands in a call's way unless an operator asks for that: calls that are observed or flagged
//! are scored after they were recorded, when the model's threads have time. Only a mode that blocks waits for it, and only
//! when no rule has refused the call already.
//!
//! What a model is, and where its threads are, is the business of whoever implements this: nothing here computes or waits.

use std::fmt;

/// What becomes of a score; `None` when there is none.
pub type Told = Box<dyn FnOnce(Option<f64>) + Send>;

/// See the module.
pub trait InjectionModel: Send + Sync {
    /// What scores name as judge after `weir/guard/classifier@`, with its version.
    fn name(&self) -> &str;

    /// How likely the worst of these texts is an attack, 0 to 1; `None` when it cannot be told now. Takes tens of milliseconds: not for
    /// threads that serve calls.
    fn score(&self, texts: Vec<String>) -> Option<f64>;

    /// The same when there is time, told on a thread of the model's. `false` when too much waits already; then nothing is told.
    fn score_later(&self, texts: Vec<String>, told: Told) -> bool;
}

impl fmt::Debug for dyn InjectionModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InjectionModel").field(&self.name()).finish()
    }
}
