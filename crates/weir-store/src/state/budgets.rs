//! Budgets in SQLite: those that were made or changed while Weir runs.

use std::sync::Arc;

use serde_json::Value;
use sqlx::Row as _;
use sqlx::sqlite::SqlitePool;
use weir_types::{BoxFuture, BudgetError, BudgetStore, Clock, SavedBudget};

/// The budgets of one data directory.
pub(crate) struct BudgetTable {
    pool: SqlitePool,
    clock: Arc<dyn Clock>,
}

impl BudgetTable {
    pub(crate) fn new(pool: SqlitePool, clock: Arc<dyn Clock>) -> Self {
        Self { pool, clock }
    }

    async fn all(&self) -> Result<Vec<SavedBudget>, BudgetError> {
        let query = sqlx::query("SELECT name, entry FROM budgets ORDER BY name");
        let rows = query.fetch_all(&self.pool).await.map_err(failed)?;
        let read = |row: &sqlx::sqlite::SqliteRow| {
            let (name, entry) = (row.try_get::<String, _>("name")?, row.try_get::<String, _>("entry")?);
            let entry = serde_json::from_str(&entry).map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
            Ok(SavedBudget { name: Arc::from(name), entry })
        };
        rows.iter().map(read).collect::<Result<_, _>>().map_err(failed)
    }

    async fn write(&self, name: &str, entry: &Value) -> Result<(), BudgetError> {
        let sql = "INSERT INTO budgets (name, entry, updated_at) VALUES ($1, $2, $3) \
                   ON CONFLICT (name) DO UPDATE SET entry = excluded.entry, updated_at = excluded.updated_at";
        let query = sqlx::query(sql).bind(name).bind(entry.to_string()).bind(self.clock.now().0);
        query.execute(&self.pool).await.map(drop).map_err(failed)
    }

    async fn delete(&self, name: &str) -> Result<(), BudgetError> {
        let query = sqlx::query("DELETE FROM budgets WHERE name = $1").bind(name);
        match query.execute(&self.pool).await.map_err(failed)?.rows_affected() {
            0 => Err(BudgetError::NotFound(name.to_owned())),
            _ => Ok(()),
        }
    }
}

impl BudgetStore for BudgetTable {
    fn list(&self) -> BoxFuture<'_, Result<Vec<SavedBudget>, BudgetError>> {
        Box::pin(self.all())
    }

    fn save<'a>(&'a self, name: &'a str, entry: &'a Value) -> BoxFuture<'a, Result<(), BudgetError>> {
        Box::pin(self.write(name, entry))
    }

    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), BudgetError>> {
        Box::pin(self.delete(name))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "used with map_err")]
fn failed(error: sqlx::Error) -> BudgetError {
    BudgetError::Store(error.to_string())
}
