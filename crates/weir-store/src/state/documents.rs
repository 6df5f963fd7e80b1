//! Documents in SQLite: saved views, panels, dashboards.
//!
//! A change is one `UPDATE` that names the revision it was made to, so two people who change the same document cannot
//! overwrite each other, in one process or in two.

use std::sync::Arc;

use sqlx::Row as _;
use sqlx::sqlite::{SqlitePool, SqliteRow};
use weir_types::{
    BoxFuture, Clock, DOCUMENT_BYTES_MAX, DOCUMENT_NAME_BYTES_MAX, DOCUMENTS_PER_KIND_MAX, Document,
    DocumentChange, DocumentError, DocumentKind, Documents, NewDocument, UnixMicros,
};

use crate::state::secret;

/// The documents of one data directory.
pub(crate) struct DocumentStore {
    pool: SqlitePool,
    clock: Arc<dyn Clock>,
}

impl DocumentStore {
    pub(crate) fn new(pool: SqlitePool, clock: Arc<dyn Clock>) -> Self {
        Self { pool, clock }
    }

    async fn all(&self, kind: Option<DocumentKind>) -> Result<Vec<Document>, DocumentError> {
        let sql = "SELECT * FROM documents WHERE $1 IS NULL OR kind = $1 ORDER BY name, id";
        let query = sqlx::query(sql).bind(kind.map(DocumentKind::as_str));
        let rows = query.fetch_all(&self.pool).await.map_err(failed)?;
        rows.iter().map(read).collect::<Result<_, _>>().map_err(failed)
    }

    async fn one(&self, id: &str) -> Result<Document, DocumentError> {
        let query = sqlx::query("SELECT * FROM documents WHERE id = $1").bind(id);
        match query.fetch_optional(&self.pool).await.map_err(failed)? {
            Some(row) => read(&row).map_err(failed),
            None => Err(DocumentError::NotFound(id.to_owned())),
        }
    }

    async fn insert(&self, new: NewDocument) -> Result<Document, DocumentError> {
        let body = checked(&new.name, &new.body)?;
        let id =
            secret::new_id("doc").map_err(|error| DocumentError::Store(format!("no randomness: {error}")))?;
        let now = self.clock.now();
        // Counted and written in one statement, so that the bound holds whoever writes at the same time.
        let sql = "INSERT INTO documents (id, kind, name, body, created_at, updated_at, revision) \
                   SELECT $1, $2, $3, $4, $5, $5, 1 WHERE (SELECT count(*) FROM documents WHERE kind = $2) < $6";
        let written = sqlx::query(sql)
            .bind(&id)
            .bind(new.kind.as_str())
            .bind(&*new.name)
            .bind(body)
            .bind(now.0)
            .bind(i64::try_from(DOCUMENTS_PER_KIND_MAX).unwrap_or(i64::MAX))
            .execute(&self.pool)
            .await
            .map_err(failed)?;
        if written.rows_affected() == 0 {
            let kind = new.kind.as_str();
            return Err(DocumentError::Invalid(format!(
                "there are {DOCUMENTS_PER_KIND_MAX} documents of kind {kind} already, which is the most; delete some"
            )));
        }
        let NewDocument { kind, name, body } = new;
        Ok(Document { id: id.into(), kind, name, body, created_at: now, updated_at: now, revision: 1 })
    }

    async fn change(&self, id: &str, change: DocumentChange) -> Result<Document, DocumentError> {
        let body = checked(&change.name, &change.body)?;
        let sql = "UPDATE documents SET name = $1, body = $2, updated_at = $3, revision = revision + 1 \
                   WHERE id = $4 AND revision = $5";
        let written = sqlx::query(sql)
            .bind(&*change.name)
            .bind(body)
            .bind(self.clock.now().0)
            .bind(id)
            .bind(i64::try_from(change.revision).unwrap_or(i64::MAX))
            .execute(&self.pool)
            .await
            .map_err(failed)?;
        let kept = self.one(id).await?;
        if written.rows_affected() == 0 {
            return Err(DocumentError::Conflict { kept: kept.revision, changed: change.revision });
        }
        Ok(kept)
    }

    async fn remove(&self, id: &str) -> Result<(), DocumentError> {
        let query = sqlx::query("DELETE FROM documents WHERE id = $1").bind(id);
        match query.execute(&self.pool).await.map_err(failed)?.rows_affected() {
            0 => Err(DocumentError::NotFound(id.to_owned())),
            _ => Ok(()),
        }
    }
}

impl Documents for DocumentStore {
    fn list(&self, kind: Option<DocumentKind>) -> BoxFuture<'_, Result<Vec<Document>, DocumentError>> {
        Box::pin(self.all(kind))
    }

    fn get<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Document, DocumentError>> {
        Box::pin(self.one(id))
    }

    fn create(&self, document: NewDocument) -> BoxFuture<'_, Result<Document, DocumentError>> {
        Box::pin(self.insert(document))
    }

    fn replace<'a>(
        &'a self,
        id: &'a str,
        change: DocumentChange,
    ) -> BoxFuture<'a, Result<Document, DocumentError>> {
        Box::pin(self.change(id, change))
    }

    fn delete<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<(), DocumentError>> {
        Box::pin(self.remove(id))
    }
}

/// The body as text, when name and body may be kept.
fn checked(name: &str, body: &serde_json::Value) -> Result<String, DocumentError> {
    if name.trim().is_empty() || name.len() > DOCUMENT_NAME_BYTES_MAX {
        return Err(DocumentError::Invalid(format!(
            "the name has {} bytes: expected 1 to {DOCUMENT_NAME_BYTES_MAX}",
            name.trim().len()
        )));
    }
    let text = body.to_string();
    if text.len() > DOCUMENT_BYTES_MAX {
        return Err(DocumentError::Invalid(format!(
            "the body has {} bytes of JSON: expected at most {DOCUMENT_BYTES_MAX}",
            text.len()
        )));
    }
    Ok(text)
}

fn read(row: &SqliteRow) -> Result<Document, sqlx::Error> {
    let decode = |what: &'static str| sqlx::Error::Decode(what.into());
    Ok(Document {
        id: row.try_get::<String, _>("id")?.into(),
        kind: DocumentKind::parse(row.try_get("kind")?).ok_or_else(|| decode("an unknown kind"))?,
        name: row.try_get::<String, _>("name")?.into(),
        body: serde_json::from_str(row.try_get("body")?).map_err(|_| decode("a body that is no JSON"))?,
        created_at: UnixMicros(row.try_get("created_at")?),
        updated_at: UnixMicros(row.try_get("updated_at")?),
        revision: u64::try_from(row.try_get::<i64, _>("revision")?).unwrap_or(0),
    })
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn failed(error: sqlx::Error) -> DocumentError {
    DocumentError::Store(error.to_string())
}
