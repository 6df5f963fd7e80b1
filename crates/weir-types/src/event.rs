//! An event: something that happened once.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Tags, UnixMicros};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventLevel {
    /// Good news.
    Success,
    /// Worth knowing.
    Info,
    /// Worth a look.
    Warning,
    /// Needs a person.
    Error,
}

/// Something that happened once: a deployment, a price change, a warning that a client sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When it happened.
    pub time: UnixMicros,
    /// One line.
    pub title: Arc<str>,
    /// The rest.
    pub text: Arc<str>,
    /// How bad it is.
    pub level: EventLevel,
    /// Who says so: `weir`, `dogstatsd`, …
    pub source: Arc<str>,
    /// Tags.
    pub tags: Tags,
}
