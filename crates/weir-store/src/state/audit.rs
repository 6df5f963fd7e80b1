//! The audit log in SQLite: rows that are only added, and forgotten with the history of alerts.

use std::sync::Arc;

use serde_json::{Value, json};
use sqlx::Row as _;
use sqlx::sqlite::{SqlitePool, SqliteRow};
use weir_types::{
    AUDIT_BYTES_MAX, AuditEntry, AuditError, AuditFilter, AuditLog, BoxFuture, Clock, NewAuditEntry,
    UnixMicros,
};

/// The audit log of one data directory.
pub(crate) struct AuditDb {
    pool: SqlitePool,
    clock: Arc<dyn Clock>,
}

impl AuditDb {
    pub(crate) fn new(pool: SqlitePool, clock: Arc<dyn Clock>) -> Self {
        Self { pool, clock }
    }

    async fn insert(&self, new: NewAuditEntry) -> Result<AuditEntry, AuditError> {
        let (before, after) = (new.before.map(bounded), new.after.map(bounded));
        let at = self.clock.now();
        let sql =
            "INSERT INTO audit (at, who, action, target, before, after) VALUES ($1, $2, $3, $4, $5, $6)";
        let written = sqlx::query(sql)
            .bind(at.0)
            .bind(&*new.who)
            .bind(&*new.action)
            .bind(&*new.target)
            .bind(before.as_ref().map(Value::to_string))
            .bind(after.as_ref().map(Value::to_string))
            .execute(&self.pool)
            .await
            .map_err(failed)?;
        let number = written.last_insert_rowid().unsigned_abs();
        let NewAuditEntry { who, action, target, .. } = new;
        Ok(AuditEntry { number, at, who, action, target, before, after })
    }

    async fn read(&self, limit: usize, filter: &AuditFilter) -> Result<Vec<AuditEntry>, AuditError> {
        let sql = "SELECT * FROM audit WHERE ($1 IS NULL OR who = $1) AND ($2 IS NULL OR action = $2 \
                     OR (substr($2, -1) = '.' AND substr(action, 1, length($2)) = $2)) \
                   AND ($3 IS NULL OR target = $3) AND ($4 IS NULL OR at >= $4) AND ($5 IS NULL OR at < $5) \
                   AND ($6 IS NULL OR number < $6) ORDER BY number DESC LIMIT $7";
        let rows = sqlx::query(sql)
            .bind(filter.who.as_deref())
            .bind(filter.action.as_deref())
            .bind(filter.target.as_deref())
            .bind(filter.from.map(|at| at.0))
            .bind(filter.to.map(|at| at.0))
            .bind(filter.before_number.map(|number| i64::try_from(number).unwrap_or(i64::MAX)))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.pool)
            .await
            .map_err(failed)?;
        rows.iter().map(read_entry).collect::<Result<_, _>>().map_err(failed)
    }
}

impl AuditLog for AuditDb {
    fn append(&self, entry: NewAuditEntry) -> BoxFuture<'_, Result<AuditEntry, AuditError>> {
        Box::pin(self.insert(entry))
    }

    fn list<'a>(
        &'a self,
        limit: usize,
        filter: &'a AuditFilter,
    ) -> BoxFuture<'a, Result<Vec<AuditEntry>, AuditError>> {
        Box::pin(self.read(limit, filter))
    }
}

/// The value, or its size where it is too large to be kept.
fn bounded(value: Value) -> Value {
    let bytes = value.to_string().len();
    if bytes > AUDIT_BYTES_MAX { json!({ "omitted_bytes": bytes }) } else { value }
}

fn read_entry(row: &SqliteRow) -> Result<AuditEntry, sqlx::Error> {
    let text = |column| row.try_get::<String, _>(column).map(Arc::<str>::from);
    let value = |column| -> Result<Option<Value>, sqlx::Error> {
        let text = row.try_get::<Option<String>, _>(column)?;
        let parsed = text.map(|text| serde_json::from_str(&text)).transpose();
        parsed.map_err(|error| sqlx::Error::Decode(Box::new(error)))
    };
    Ok(AuditEntry {
        number: row.try_get::<i64, _>("number")?.unsigned_abs(),
        at: UnixMicros(row.try_get("at")?),
        who: text("who")?,
        action: text("action")?,
        target: text("target")?,
        before: value("before")?,
        after: value("after")?,
    })
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn failed(error: sqlx::Error) -> AuditError {
    AuditError(error.to_string())
}
