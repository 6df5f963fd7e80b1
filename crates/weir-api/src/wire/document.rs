//! Documents on the wire: what people arrange in the dashboard.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use weir_types::{Document, DocumentKind};

/// Documents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DocumentList {
    /// By name.
    pub documents: Vec<DocumentItem>,
}

/// A document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DocumentItem {
    /// Its own name, `doc_…`.
    pub id: String,
    /// What it is.
    pub kind: DocumentKindName,
    /// A name for people.
    pub name: String,
    /// Whatever the web app put in: any JSON.
    pub body: serde_json::Value,
    /// When it was made, in Unix milliseconds.
    pub created_at_ms: i64,
    /// When it was last changed, in Unix milliseconds.
    pub updated_at_ms: i64,
    /// How often it was written; to be sent back with a change.
    pub revision: u64,
}

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKindName {
    /// A page with its range, filters and settings.
    View,
    /// One expression or statement and how it is drawn.
    Panel,
    /// Panels on a grid.
    Dashboard,
}

/// A document to be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentRequest {
    /// What it is.
    pub kind: DocumentKindName,
    /// A name for people, at most 200 bytes.
    #[schema(example = "Spend of payments")]
    pub name: String,
    /// Any JSON, at most 256 KiB.
    pub body: serde_json::Value,
}

/// What a document shall become.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentUpdate {
    /// The name from now on.
    pub name: String,
    /// The body from now on.
    pub body: serde_json::Value,
    /// The revision that was changed. When the document has another one, nothing is written (409, `conflict`).
    pub revision: u64,
}

impl From<Document> for DocumentItem {
    fn from(document: Document) -> Self {
        Self {
            id: document.id.to_string(),
            kind: document.kind.into(),
            name: document.name.to_string(),
            body: document.body,
            created_at_ms: document.created_at.as_millis(),
            updated_at_ms: document.updated_at.as_millis(),
            revision: document.revision,
        }
    }
}

impl From<DocumentKind> for DocumentKindName {
    fn from(kind: DocumentKind) -> Self {
        match kind {
            DocumentKind::View => Self::View,
            DocumentKind::Panel => Self::Panel,
            DocumentKind::Dashboard => Self::Dashboard,
        }
    }
}

impl From<DocumentKindName> for DocumentKind {
    fn from(kind: DocumentKindName) -> Self {
        match kind {
            DocumentKindName::View => Self::View,
            DocumentKindName::Panel => Self::Panel,
            DocumentKindName::Dashboard => Self::Dashboard,
        }
    }
}
