//! The audit log: what people changed, and what monitors did to the gateway in their name.
//!
//! Entries are only added. Each says who did what to which thing, and how the thing was before and after, as JSON in
//! the shape that the API shows it in. Secrets have no place in it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{BoxFuture, UnixMicros};

/// Bytes of `before` and of `after` as JSON text. What is larger is replaced by its size: the log shows changes, and is
/// no backup.
pub const AUDIT_BYTES_MAX: usize = 64 * 1024;

/// One thing that was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its number: 1 for the first entry, and more with each. Given by the log.
    pub number: u64,
    /// When. Given by the log.
    pub at: UnixMicros,
    /// Who: a person's name, the id of a key, `monitor:NAME`, `config`.
    pub who: Arc<str>,
    /// What was done, as noun and verb: `silence.create`, `monitor.save`, `policy.set`, `key.revoke`.
    pub action: Arc<str>,
    /// To which one: its name or id.
    pub target: Arc<str>,
    /// How it was; `None` when it was not there.
    pub before: Option<Value>,
    /// How it is; `None` when it is no more.
    pub after: Option<Value>,
}

/// An entry to be written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewAuditEntry {
    /// See [`AuditEntry::who`].
    pub who: Arc<str>,
    /// See [`AuditEntry::action`].
    pub action: Arc<str>,
    /// See [`AuditEntry::target`].
    pub target: Arc<str>,
    /// See [`AuditEntry::before`].
    pub before: Option<Value>,
    /// See [`AuditEntry::after`].
    pub after: Option<Value>,
}

/// Which entries are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditFilter {
    /// Done by this one.
    pub who: Option<Arc<str>>,
    /// With this action; what ends in a dot stands for all that begin so: `silence.`.
    pub action: Option<Arc<str>>,
    /// Done to this one.
    pub target: Option<Arc<str>>,
    /// Not before.
    pub from: Option<UnixMicros>,
    /// Before.
    pub to: Option<UnixMicros>,
    /// With a smaller number: the next page.
    pub before_number: Option<u64>,
}

/// Why the audit log could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the audit log failed: {0}")]
pub struct AuditError(pub String);

/// Keeps what was done.
pub trait AuditLog: Send + Sync {
    /// Adds an entry. Returns it with its number.
    fn append(&self, entry: NewAuditEntry) -> BoxFuture<'_, Result<AuditEntry, AuditError>>;

    /// Entries, the newest first.
    fn list<'a>(
        &'a self,
        limit: usize,
        filter: &'a AuditFilter,
    ) -> BoxFuture<'a, Result<Vec<AuditEntry>, AuditError>>;
}
