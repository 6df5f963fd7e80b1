//! The outbox: notices that wait for the notifier, and deliveries that wait for their receivers.

use std::sync::Arc;

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use weir_types::{
    AlertStoreError, Delivery, DeliveryQueue, DeliveryState, NewDelivery, Notice, OpenNotice, Telling,
    UnixMicros,
};

use super::{AlertDb, failed, json, limit_of, parsed};

impl AlertDb {
    pub(super) async fn read_open_notices(&self, limit: usize) -> Result<Vec<OpenNotice>, AlertStoreError> {
        let sql = "SELECT body, committed_at FROM notices WHERE is_open = 1 ORDER BY number LIMIT $1";
        let query = sqlx::query_as::<_, (String, i64)>(sql).bind(limit_of(limit));
        let rows = query.fetch_all(&self.pool).await.map_err(failed)?;
        let read = |(body, at): (String, i64)| {
            Ok(OpenNotice { notice: parsed(&body)?, committed_at: UnixMicros(at) })
        };
        rows.into_iter().map(read).collect()
    }

    pub(super) async fn read_active_alerts(&self, limit: usize) -> Result<Vec<Notice>, AlertStoreError> {
        let sql = "SELECT n.body FROM alerts a \
                   JOIN notices n ON n.number = (SELECT max(number) FROM notices WHERE alert_id = a.id) \
                   WHERE a.ended_at IS NULL ORDER BY a.since, n.number LIMIT $1";
        let query = sqlx::query_scalar::<_, String>(sql).bind(limit_of(limit));
        let rows = query.fetch_all(&self.pool).await.map_err(failed)?;
        rows.iter().map(|body| parsed(body)).collect()
    }

    pub(super) async fn read_tellings(
        &self,
        alert_ids: &[Arc<str>],
    ) -> Result<Vec<Telling>, AlertStoreError> {
        let sql = "SELECT t.alert_id, t.notice, t.receiver, t.round, d.id, d.state, d.created_at, d.receipt \
                   FROM tellings t JOIN deliveries d ON d.number = t.delivery \
                   WHERE t.alert_id IN (SELECT value FROM json_each($1)) ORDER BY d.number, t.notice";
        let query = sqlx::query(sql).bind(json(alert_ids)?);
        let rows = query.fetch_all(&self.pool).await.map_err(failed)?;
        rows.iter().map(read_telling).collect::<Result<_, _>>().map_err(failed)
    }

    pub(super) async fn read_last_told(
        &self,
        group_keys: &[Arc<str>],
    ) -> Result<Vec<(Arc<str>, UnixMicros)>, AlertStoreError> {
        let sql = "SELECT group_key, max(created_at) FROM deliveries \
                   WHERE group_key IN (SELECT value FROM json_each($1)) AND state <> 'suppressed' \
                   GROUP BY group_key";
        let query = sqlx::query_as::<_, (String, i64)>(sql).bind(json(group_keys)?);
        let rows = query.fetch_all(&self.pool).await.map_err(failed)?;
        Ok(rows.into_iter().map(|(key, at)| (key.into(), UnixMicros(at))).collect())
    }

    pub(super) async fn read_first_receipt(
        &self,
        group_key: &str,
    ) -> Result<Option<Arc<str>>, AlertStoreError> {
        let sql = "SELECT receipt FROM deliveries \
                   WHERE group_key = $1 AND receipt IS NOT NULL ORDER BY created_at, number LIMIT 1";
        let query = sqlx::query_scalar::<_, String>(sql).bind(group_key);
        Ok(query.fetch_optional(&self.pool).await.map_err(failed)?.map(Arc::from))
    }

    pub(super) async fn write_deliveries(
        &self,
        notices: &[Arc<str>],
        deliveries: &[NewDelivery],
    ) -> Result<(), AlertStoreError> {
        let mut transaction = self.writing().await?;
        for new in deliveries {
            let delivery = &new.delivery;
            let sql = "INSERT OR IGNORE INTO deliveries (id, receiver, group_key, round, notices, monitors, \
                       state, attempts, created_at, next_at, delivered_at, error, receipt, body) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
            let written = sqlx::query(sql)
                .bind(&*delivery.id)
                .bind(&*delivery.receiver)
                .bind(&*delivery.group_key)
                .bind(i64::from(delivery.round))
                .bind(json(&delivery.notices)?)
                .bind(json(&delivery.monitors)?)
                .bind(delivery.state.as_str())
                .bind(i64::from(delivery.attempts))
                .bind(delivery.created_at.0)
                .bind(delivery.next_at.map(|at| at.0))
                .bind(delivery.delivered_at.map(|at| at.0))
                .bind(delivery.error.as_deref())
                .bind(delivery.receipt.as_deref())
                .bind(&*new.body)
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
            if written.rows_affected() == 0 {
                continue;
            }
            let sql = "INSERT INTO tellings (notice, receiver, round, alert_id, monitor, delivery) \
                       SELECT id, $2, $3, alert_id, monitor, $4 FROM notices \
                       WHERE id IN (SELECT value FROM json_each($1))";
            let told = sqlx::query(sql)
                .bind(json(&delivery.notices)?)
                .bind(&*delivery.receiver)
                .bind(i64::from(delivery.round))
                .bind(written.last_insert_rowid())
                .execute(&mut *transaction)
                .await
                .map_err(|error| told_already(error, delivery))?;
            if told.rows_affected() != u64::try_from(delivery.notices.len()).unwrap_or(u64::MAX) {
                return Err(AlertStoreError::Invalid(format!(
                    "delivery {:?} tells a notice that is not there",
                    delivery.id
                )));
            }
        }
        let sql = "UPDATE notices SET is_open = 0 WHERE id IN (SELECT value FROM json_each($1))";
        sqlx::query(sql).bind(json(notices)?).execute(&mut *transaction).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }

    pub(super) async fn read_due(
        &self,
        now: UnixMicros,
        limit: usize,
    ) -> Result<Vec<(Delivery, Arc<str>)>, AlertStoreError> {
        let sql = "SELECT d.* FROM deliveries d WHERE d.state = 'pending' AND d.next_at <= $1 \
                   AND NOT EXISTS (SELECT 1 FROM tellings mine \
                     JOIN tellings earlier ON earlier.alert_id = mine.alert_id \
                       AND earlier.receiver = mine.receiver AND earlier.delivery < mine.delivery \
                     JOIN deliveries waiting ON waiting.number = earlier.delivery \
                       AND waiting.state = 'pending' \
                     WHERE mine.delivery = d.number) \
                   ORDER BY d.number LIMIT $2";
        let query = sqlx::query(sql).bind(now.0).bind(limit_of(limit));
        let rows = query.fetch_all(&self.pool).await.map_err(failed)?;
        let read = |row: &SqliteRow| {
            let body = row.try_get::<String, _>("body").map_err(failed)?;
            Ok((read_delivery(row)?, body.into()))
        };
        rows.iter().map(read).collect()
    }

    pub(super) async fn read_queue(&self) -> Result<DeliveryQueue, AlertStoreError> {
        let sql = "SELECT count(*), min(next_at) FROM deliveries WHERE state = 'pending'";
        let query = sqlx::query_as::<_, (i64, Option<i64>)>(sql);
        let (pending, next_at) = query.fetch_one(&self.pool).await.map_err(failed)?;
        Ok(DeliveryQueue { pending: u64::try_from(pending).unwrap_or(0), next_at: next_at.map(UnixMicros) })
    }

    pub(super) async fn write_attempt(&self, delivery: &Delivery) -> Result<(), AlertStoreError> {
        let sql = "UPDATE deliveries SET state = $2, attempts = $3, next_at = $4, delivered_at = $5, \
                   error = $6, receipt = $7, body = CASE WHEN $2 = 'pending' THEN body ELSE '' END \
                   WHERE id = $1 AND state = 'pending'";
        sqlx::query(sql)
            .bind(&*delivery.id)
            .bind(delivery.state.as_str())
            .bind(i64::from(delivery.attempts))
            .bind(delivery.next_at.map(|at| at.0))
            .bind(delivery.delivered_at.map(|at| at.0))
            .bind(delivery.error.as_deref())
            .bind(delivery.receipt.as_deref())
            .execute(&self.pool)
            .await
            .map_err(failed)?;
        Ok(())
    }

    pub(super) async fn read_deliveries(
        &self,
        monitor: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Delivery>, AlertStoreError> {
        let sql = "SELECT * FROM deliveries \
                   WHERE $1 IS NULL OR number IN (SELECT delivery FROM tellings WHERE monitor = $1) \
                   ORDER BY number DESC LIMIT $2";
        let query = sqlx::query(sql).bind(monitor).bind(limit_of(limit));
        let rows = query.fetch_all(&self.pool).await.map_err(failed)?;
        rows.iter().map(read_delivery).collect()
    }
}

/// A receiver that was told of a notice in this round by another delivery is the caller's mistake, or the work of
/// another process; everything else is the database's.
#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn told_already(error: sqlx::Error, delivery: &Delivery) -> AlertStoreError {
    let Delivery { id, receiver, round, .. } = delivery;
    match error.as_database_error() {
        Some(database) if database.is_unique_violation() => AlertStoreError::Invalid(format!(
            "delivery {id:?} tells {receiver:?} of a notice that it was told of in round {round}"
        )),
        _ => AlertStoreError::Store(error.to_string()),
    }
}

fn read_telling(row: &SqliteRow) -> Result<Telling, sqlx::Error> {
    let text = |column| row.try_get::<String, _>(column).map(Arc::<str>::from);
    Ok(Telling {
        alert_id: text("alert_id")?,
        notice: text("notice")?,
        receiver: text("receiver")?,
        round: read_count(row, "round")?,
        delivery: text("id")?,
        state: read_state(row)?,
        created_at: UnixMicros(row.try_get("created_at")?),
        receipt: row.try_get::<Option<String>, _>("receipt")?.map(Arc::from),
    })
}

fn read_delivery(row: &SqliteRow) -> Result<Delivery, AlertStoreError> {
    let read = || -> Result<Delivery, sqlx::Error> {
        let text = |column| row.try_get::<String, _>(column).map(Arc::<str>::from);
        let optional_text = |column| {
            let text = row.try_get::<Option<String>, _>(column);
            text.map(|text| text.map(Arc::<str>::from))
        };
        let optional_time = |column| row.try_get::<Option<i64>, _>(column).map(|time| time.map(UnixMicros));
        Ok(Delivery {
            id: text("id")?,
            receiver: text("receiver")?,
            group_key: text("group_key")?,
            round: read_count(row, "round")?,
            notices: Vec::new(),
            monitors: Vec::new(),
            state: read_state(row)?,
            attempts: read_count(row, "attempts")?,
            created_at: UnixMicros(row.try_get("created_at")?),
            next_at: optional_time("next_at")?,
            delivered_at: optional_time("delivered_at")?,
            error: optional_text("error")?,
            receipt: optional_text("receipt")?,
        })
    };
    let list = |column| parsed(row.try_get(column).map_err(failed)?);
    Ok(Delivery { notices: list("notices")?, monitors: list("monitors")?, ..read().map_err(failed)? })
}

fn read_count(row: &SqliteRow, column: &str) -> Result<u32, sqlx::Error> {
    Ok(u32::try_from(row.try_get::<i64, _>(column)?).unwrap_or(u32::MAX))
}

fn read_state(row: &SqliteRow) -> Result<DeliveryState, sqlx::Error> {
    let state = DeliveryState::parse(row.try_get("state")?);
    state.ok_or_else(|| sqlx::Error::Decode("an unknown state of a delivery".into()))
}
