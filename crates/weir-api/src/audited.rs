//! Writes down who changed what through the API.
//!
//! What was done is done when it is written down. A log that cannot be written is therefore told in Weir's own log, and is
//! no reason to answer that the change failed.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use weir_types::NewAuditEntry;

use crate::Shared;

/// Who did it when nobody says so. Weir has one admin token, and no list of people.
const SOMEBODY: &str = "somebody";

/// The name that people gave themselves.
pub(crate) fn name(written: Option<&str>) -> Arc<str> {
    let written = written.unwrap_or_default().trim();
    Arc::from(if written.is_empty() { SOMEBODY } else { written })
}

/// Something that was done.
pub(crate) struct Done {
    /// Who did it.
    pub who: Arc<str>,
    /// What, as noun and verb.
    pub action: &'static str,
    /// To which one.
    pub target: Arc<str>,
    /// How it was.
    pub before: Option<Value>,
    /// How it is.
    pub after: Option<Value>,
}

impl Done {
    /// Writes it down.
    pub async fn note(self, shared: &Shared) {
        let Self { who, action, target, before, after } = self;
        tracing::info!(%who, action, %target, "changed through the api");
        let entry = NewAuditEntry { who, action: Arc::from(action), target, before, after };
        if let Err(error) = shared.audit.append(entry).await {
            tracing::error!(%error, action, "a change is not in the audit log");
        }
    }
}

/// A shape of the API as the log keeps it.
pub(crate) fn kept(shape: &impl Serialize) -> Option<Value> {
    serde_json::to_value(shape).ok()
}
