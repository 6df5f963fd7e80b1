//! What an editor of expressions asks, on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Ways to go on at a cursor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Completion {
    /// Where the text begins that an item replaces, in bytes.
    pub from: usize,
    /// Where it ends.
    pub to: usize,
    /// The ways to go on, the likeliest first.
    pub items: Vec<CompletionItem>,
}

/// One way to go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CompletionItem {
    /// The text to put in.
    pub text: String,
    /// What it is.
    pub kind: CompletionKind,
    /// What it does, in a few words.
    pub detail: String,
}

/// What a way to go on is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CompletionKind {
    /// A function or an aggregator.
    Function,
    /// A metric.
    Metric,
    /// A tag.
    Tag,
    /// A unit.
    Unit,
}

/// How an expression would be answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// Several lines for people.
    pub text: String,
}
