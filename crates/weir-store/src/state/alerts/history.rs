//! How long what monitors found and told is kept.
//!
//! Rows go in small batches, each a transaction of its own, so that a tick never waits long for its turn to write.

use weir_types::{AlertStoreError, UnixMicros};

use super::{AlertDb, failed};

/// Changes of state are kept so long: a year and a month, for comparisons with last year.
const TRANSITIONS_KEPT_DAYS: i64 = 400;

/// Deliveries that are done, notices that are dealt with, alerts and silences that are over.
const DELIVERIES_KEPT_DAYS: i64 = 90;

/// Digests: they prove that a state was right, which is asked soon or never.
const DIGESTS_KEPT_DAYS: i64 = 30;

/// Entries of the audit log.
const AUDIT_KEPT_DAYS: i64 = 400;

/// Rows of one batch.
const BATCH_ROWS: i64 = 2_000;

/// What is deleted, in this order: what refers to a thing goes before it. `$1` is the instant before which, `$2` the
/// number of rows. What belongs to an alert that is not over is kept, because it says who was told of it.
const STEPS: &[(&str, i64)] = &[
    (
        "DELETE FROM transitions WHERE number IN (SELECT number FROM transitions WHERE at < $1 LIMIT $2)",
        TRANSITIONS_KEPT_DAYS,
    ),
    (
        "DELETE FROM judge_digests WHERE (monitor, tick) IN \
         (SELECT monitor, tick FROM judge_digests WHERE tick < $1 LIMIT $2)",
        DIGESTS_KEPT_DAYS,
    ),
    ("DELETE FROM audit WHERE number IN (SELECT number FROM audit WHERE at < $1 LIMIT $2)", AUDIT_KEPT_DAYS),
    (
        "DELETE FROM alerts WHERE id IN (SELECT id FROM alerts WHERE ended_at < $1 AND NOT EXISTS \
         (SELECT 1 FROM notices n WHERE n.alert_id = alerts.id AND n.is_open = 1) LIMIT $2)",
        DELIVERIES_KEPT_DAYS,
    ),
    (
        "DELETE FROM tellings WHERE delivery IN (SELECT number FROM deliveries d WHERE d.created_at < $1 \
         AND d.state <> 'pending' AND EXISTS (SELECT 1 FROM tellings t WHERE t.delivery = d.number) \
         AND NOT EXISTS (SELECT 1 FROM tellings t JOIN alerts a ON a.id = t.alert_id \
         WHERE t.delivery = d.number AND a.ended_at IS NULL) LIMIT $2)",
        DELIVERIES_KEPT_DAYS,
    ),
    (
        "DELETE FROM deliveries WHERE number IN (SELECT number FROM deliveries d WHERE d.created_at < $1 \
         AND d.state <> 'pending' AND NOT EXISTS (SELECT 1 FROM tellings t WHERE t.delivery = d.number) \
         LIMIT $2)",
        DELIVERIES_KEPT_DAYS,
    ),
    (
        "DELETE FROM notices WHERE number IN (SELECT number FROM notices n WHERE n.committed_at < $1 \
         AND n.is_open = 0 AND NOT EXISTS (SELECT 1 FROM alerts a WHERE a.id = n.alert_id) \
         AND NOT EXISTS (SELECT 1 FROM tellings t WHERE t.alert_id = n.alert_id) LIMIT $2)",
        DELIVERIES_KEPT_DAYS,
    ),
    (
        "DELETE FROM acknowledgements WHERE alert_id IN (SELECT k.alert_id FROM acknowledgements k \
         WHERE k.at < $1 AND NOT EXISTS (SELECT 1 FROM alerts a WHERE a.id = k.alert_id) LIMIT $2)",
        DELIVERIES_KEPT_DAYS,
    ),
    (
        "DELETE FROM silences WHERE id IN (SELECT id FROM silences WHERE coalesce(ended_at, \
         CASE WHEN rrule IS NULL THEN ends_at END) < $1 LIMIT $2)",
        DELIVERIES_KEPT_DAYS,
    ),
];

impl AlertDb {
    pub(super) async fn delete_old(&self) -> Result<(), AlertStoreError> {
        let now = self.clock.now();
        for (sql, kept_days) in STEPS {
            let before = now.saturating_add_us(-kept_days * UnixMicros::DAY);
            loop {
                let query = sqlx::query(*sql).bind(before.0).bind(BATCH_ROWS);
                let deleted = query.execute(&self.pool).await.map_err(failed)?.rows_affected();
                if deleted < BATCH_ROWS.unsigned_abs() {
                    break;
                }
            }
        }
        Ok(())
    }
}
