//! Whether a layer of cost control acts, or only says what it would do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far a layer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It notes on the span what it would have done. Nobody else is told, nothing changes.
    Observe,
    /// It tells the client too, by the header `weir-policy`. Nothing changes.
    Warn,
    /// It acts.
    #[default]
    Enforce,
}
