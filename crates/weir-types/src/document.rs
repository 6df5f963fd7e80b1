//! Documents: what people arrange in the dashboard and want to find again (views, panels, dashboards).
//!
//! The store does not look into them: the body is the web app's own JSON, so that a new kind of chart needs no change
//! here. What it does keep is the revision, so that two people who edit one dashboard cannot overwrite each other.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{BoxFuture, UnixMicros};

/// Bytes of a document's body as JSON text. A dashboard of a hundred panels has some 100 KiB.
pub const DOCUMENT_BYTES_MAX: usize = 256 * 1024;

/// Bytes of a document's name.
pub const DOCUMENT_NAME_BYTES_MAX: usize = 200;

/// Documents of one kind: lists are shown whole.
pub const DOCUMENTS_PER_KIND_MAX: usize = 1_000;

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// A page with its range, filters and settings.
    View,
    /// One expression or statement and how it is drawn.
    Panel,
    /// Panels on a grid.
    Dashboard,
}

impl DocumentKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[Self::View, Self::Panel, Self::Dashboard];

    /// The one spelling of this kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Panel => "panel",
            Self::Dashboard => "dashboard",
        }
    }

    /// The kind with this spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }
}

/// A document as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Its own name, `doc_…`; never used again after the document is deleted.
    pub id: Arc<str>,
    /// What it is; never changes.
    pub kind: DocumentKind,
    /// A name for people.
    pub name: Arc<str>,
    /// Whatever the web app put in.
    pub body: Value,
    /// When it was made.
    pub created_at: UnixMicros,
    /// When it was last changed.
    pub updated_at: UnixMicros,
    /// How often it was written: 1 when it is new.
    pub revision: u64,
}

/// A document to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDocument {
    /// What it is.
    pub kind: DocumentKind,
    /// A name for people.
    pub name: Arc<str>,
    /// Whatever the web app puts in.
    pub body: Value,
}

/// What a document shall become.
#[derive(Debug, Clone, PartialEq)]
pub struct DocumentChange {
    /// The name from now on.
    pub name: Arc<str>,
    /// The body from now on.
    pub body: Value,
    /// The revision that was changed: when it is not the one that is kept, nothing is written.
    pub revision: u64,
}

/// Why a document could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// There is no such document.
    #[error("there is no document {0:?}")]
    NotFound(String),
    /// Someone else has changed it.
    #[error("the document is at revision {kept}, and the change was made to revision {changed}")]
    Conflict {
        /// The revision that is kept.
        kept: u64,
        /// The one that the change was made to.
        changed: u64,
    },
    /// What was asked for makes no sense; the text says why.
    #[error("{0}")]
    Invalid(String),
    /// The state store failed.
    #[error("the state store failed: {0}")]
    Store(String),
}

/// Keeps documents.
pub trait Documents: Send + Sync {
    /// All documents, of one kind when one is given, by name.
    fn list(&self, kind: Option<DocumentKind>) -> BoxFuture<'_, Result<Vec<Document>, DocumentError>>;

    /// One document.
    fn get<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Document, DocumentError>>;

    /// Makes a document.
    fn create(&self, document: NewDocument) -> BoxFuture<'_, Result<Document, DocumentError>>;

    /// Changes a document.
    fn replace<'a>(
        &'a self,
        id: &'a str,
        change: DocumentChange,
    ) -> BoxFuture<'a, Result<Document, DocumentError>>;

    /// Deletes a document.
    fn delete<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<(), DocumentError>>;
}
