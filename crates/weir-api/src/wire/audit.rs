//! The audit log on the wire.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use weir_types::AuditEntry;

/// Who changed what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditList {
    /// The newest first.
    pub entries: Vec<AuditItem>,
}

/// One thing that was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditItem {
    /// Its number: more with each.
    pub number: u64,
    /// When, in Unix milliseconds.
    pub at_ms: i64,
    /// Who: the name that a person gave, `monitor:NAME`, `config`.
    pub who: String,
    /// What was done, as noun and verb: `silence.create`, `monitor.save`, `policy.set`.
    pub action: String,
    /// To which one: its name or id.
    pub target: String,
    /// How it was; `null` when it was not there.
    pub before: Value,
    /// How it is; `null` when it is no more.
    pub after: Value,
}

impl From<AuditEntry> for AuditItem {
    fn from(entry: AuditEntry) -> Self {
        Self {
            number: entry.number,
            at_ms: entry.at.as_millis(),
            who: entry.who.to_string(),
            action: entry.action.to_string(),
            target: entry.target.to_string(),
            before: entry.before.unwrap_or_default(),
            after: entry.after.unwrap_or_default(),
        }
    }
}
