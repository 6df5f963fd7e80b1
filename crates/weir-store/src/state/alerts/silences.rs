//! Silences and acknowledgements: what people say to alerts.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use weir_types::{Acknowledgement, AlertStoreError, Silence, UnixMicros};

use super::{AlertDb, failed};
use crate::state::secret;

/// Silences that are or will be: each is compared with every alert.
const SILENCES_MAX: i64 = 1_000;

/// Bytes of a scope: some hundred names.
const SCOPE_BYTES_MAX: usize = 4 * 1024;

/// Bytes of a note, a name or a rule.
const TEXT_BYTES_MAX: usize = 2 * 1024;

impl AlertDb {
    pub(super) async fn read_silences(&self) -> Result<Vec<Silence>, AlertStoreError> {
        let sql = "SELECT * FROM silences WHERE ended_at IS NULL AND (rrule IS NOT NULL OR ends_at > $1) \
                   ORDER BY starts_at, id";
        let query = sqlx::query(sql).bind(self.clock.now().0);
        let rows = query.fetch_all(&self.pool).await.map_err(failed)?;
        rows.iter().map(read_silence).collect::<Result<_, _>>().map_err(failed)
    }

    pub(super) async fn write_silence(&self, silence: Silence) -> Result<Silence, AlertStoreError> {
        let now = self.clock.now();
        check(&silence, now).map_err(AlertStoreError::Invalid)?;
        (self.check)(&silence).map_err(AlertStoreError::Invalid)?;
        let id = secret::new_id("sil")
            .map_err(|error| AlertStoreError::Store(format!("no randomness: {error}")))?;
        let silence = Silence { id: id.into(), created_at: now, ..silence };
        let sql = "INSERT INTO silences (id, scope, starts_at, ends_at, rrule, tz, by, note, created_at) \
                   SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 WHERE (SELECT count(*) FROM silences \
                     WHERE ended_at IS NULL AND (rrule IS NOT NULL OR ends_at > $9)) < $10";
        let written = sqlx::query(sql)
            .bind(&*silence.id)
            .bind(&*silence.scope)
            .bind(silence.starts_at.0)
            .bind(silence.ends_at.0)
            .bind(silence.rrule.as_deref())
            .bind(silence.tz.as_deref())
            .bind(&*silence.by)
            .bind(&*silence.note)
            .bind(now.0)
            .bind(SILENCES_MAX)
            .execute(&self.pool)
            .await
            .map_err(failed)?;
        match written.rows_affected() {
            0 => Err(AlertStoreError::Invalid(format!(
                "there are {SILENCES_MAX} silences already, which is the most; end some"
            ))),
            _ => Ok(silence),
        }
    }

    pub(super) async fn write_end_of_silence(&self, id: &str) -> Result<(), AlertStoreError> {
        let sql = "UPDATE silences SET ended_at = $2 \
                   WHERE id = $1 AND ended_at IS NULL AND (rrule IS NOT NULL OR ends_at > $2)";
        let query = sqlx::query(sql).bind(id).bind(self.clock.now().0);
        match query.execute(&self.pool).await.map_err(failed)?.rows_affected() {
            0 => Err(AlertStoreError::NotFound { what: "silence", id: id.to_owned() }),
            _ => Ok(()),
        }
    }

    pub(super) async fn write_acknowledgement(
        &self,
        acknowledgement: Acknowledgement,
    ) -> Result<(), AlertStoreError> {
        let Acknowledgement { alert_id, by, note, at } = acknowledgement;
        bounded("note", &note).and_then(|()| bounded("name", &by)).map_err(AlertStoreError::Invalid)?;
        let sql = "INSERT INTO acknowledgements (alert_id, by, note, at) SELECT id, $2, $3, $4 FROM alerts \
                   WHERE id = $1 AND ended_at IS NULL \
                   ON CONFLICT (alert_id) DO UPDATE SET by = excluded.by, note = excluded.note, \
                     at = excluded.at";
        let query = sqlx::query(sql).bind(&*alert_id).bind(&*by).bind(&*note).bind(at.0);
        match query.execute(&self.pool).await.map_err(failed)?.rows_affected() {
            0 => Err(AlertStoreError::NotFound { what: "active alert", id: alert_id.to_string() }),
            _ => Ok(()),
        }
    }

    pub(super) async fn read_acknowledgements(&self) -> Result<Vec<Acknowledgement>, AlertStoreError> {
        let sql = "SELECT k.alert_id, k.by, k.note, k.at FROM acknowledgements k \
                   JOIN alerts a ON a.id = k.alert_id WHERE a.ended_at IS NULL ORDER BY k.at, k.alert_id";
        let query = sqlx::query_as::<_, (String, String, String, i64)>(sql);
        let rows = query.fetch_all(&self.pool).await.map_err(failed)?;
        let read = |(alert_id, by, note, at): (String, String, String, i64)| Acknowledgement {
            alert_id: alert_id.into(),
            by: by.into(),
            note: note.into(),
            at: UnixMicros(at),
        };
        Ok(rows.into_iter().map(read).collect())
    }
}

fn check(silence: &Silence, now: UnixMicros) -> Result<(), String> {
    if silence.ends_at <= silence.starts_at {
        return Err("a silence must end after it starts".to_owned());
    }
    if silence.rrule.is_none() && silence.ends_at <= now {
        return Err("the silence would be over already".to_owned());
    }
    if silence.scope.trim().is_empty() || silence.scope.len() > SCOPE_BYTES_MAX {
        return Err(format!(
            "the scope has {} bytes: expected 1 to {SCOPE_BYTES_MAX}; `*` stands for every alert",
            silence.scope.trim().len()
        ));
    }
    bounded("note", &silence.note)?;
    bounded("name", &silence.by)?;
    bounded("rule", silence.rrule.as_deref().unwrap_or(""))?;
    bounded("time zone", silence.tz.as_deref().unwrap_or(""))
}

fn bounded(what: &str, text: &str) -> Result<(), String> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(format!("the {what} has {} bytes; at most {TEXT_BYTES_MAX} are kept", text.len()));
    }
    Ok(())
}

fn read_silence(row: &SqliteRow) -> Result<Silence, sqlx::Error> {
    let text = |column| row.try_get::<String, _>(column).map(Into::into);
    let optional_text = |column| row.try_get::<Option<String>, _>(column).map(|text| text.map(Into::into));
    Ok(Silence {
        id: text("id")?,
        scope: text("scope")?,
        starts_at: UnixMicros(row.try_get("starts_at")?),
        ends_at: UnixMicros(row.try_get("ends_at")?),
        rrule: optional_text("rrule")?,
        tz: optional_text("tz")?,
        by: text("by")?,
        note: text("note")?,
        created_at: UnixMicros(row.try_get("created_at")?),
    })
}
