//! What the judge keeps and what it found: states of groups, transitions, digests.

use std::sync::Arc;

use serde_json::Value;
use sqlx::{Row as _, Sqlite, Transaction};
use weir_types::{
    AlertState, AlertStoreError, KeptGroup, KeptJudge, Notice, SavedMonitor, TickCommit,
    Transition as Change, TransitionFilter, TransitionReason, UnixMicros,
};

use super::{AlertDb, failed, json, limit_of, parsed};

/// Bytes of the JSON of a saved entry: the longest message and condition, and room.
const ENTRY_BYTES_MAX: usize = 64 * 1024;

/// Monitors that are saved from the dashboard.
const SAVED_MAX: i64 = 1_000;

impl AlertDb {
    pub(super) async fn read_kept(&self) -> Result<KeptJudge, AlertStoreError> {
        // One transaction, so that tick and groups are of the same moment.
        let mut transaction = self.pool.begin().await.map_err(failed)?;
        let head = sqlx::query("SELECT tick, chain FROM judge").fetch_optional(&mut *transaction).await;
        let sql = "SELECT monitor, group_tags, state FROM judge_groups ORDER BY monitor, group_tags";
        let rows = sqlx::query(sql).fetch_all(&mut *transaction).await.map_err(failed)?;
        // A loose scan of the index: one step for each monitor, and not one for each minute of thirty days.
        let sql = "WITH RECURSIVE names (name) AS ( \
                       SELECT min(monitor) FROM judge_digests \
                       UNION ALL \
                       SELECT (SELECT min(monitor) FROM judge_digests WHERE monitor > name) \
                       FROM names WHERE name IS NOT NULL) \
                   SELECT monitor, tick, digest FROM names JOIN judge_digests ON monitor = name \
                   AND tick = (SELECT max(tick) FROM judge_digests WHERE monitor = name) ORDER BY monitor";
        let judged = sqlx::query_as::<_, (String, i64, String)>(sql).fetch_all(&mut *transaction).await;
        let mut kept = KeptJudge::default();
        let judged = judged.map_err(failed)?.into_iter();
        kept.judged =
            judged.map(|(monitor, at, digest)| (monitor.into(), UnixMicros(at), digest.into())).collect();
        if let Some(head) = head.map_err(failed)? {
            kept.tick = Some(UnixMicros(head.try_get("tick").map_err(failed)?));
            kept.chain = head.try_get::<String, _>("chain").map_err(failed)?.into();
        }
        kept.groups.reserve(rows.len());
        for row in &rows {
            let text = |column| row.try_get::<&str, _>(column).map_err(failed);
            kept.groups.push(KeptGroup {
                monitor: text("monitor")?.into(),
                group: parsed(text("group_tags")?)?,
                state: text("state")?.into(),
            });
        }
        Ok(kept)
    }

    pub(super) async fn write_tick(&self, commit: &TickCommit) -> Result<(), AlertStoreError> {
        let mut transaction = self.writing().await?;
        let sql = "INSERT INTO judge (id, tick, chain) VALUES (1, $1, $2) \
                   ON CONFLICT (id) DO UPDATE SET tick = excluded.tick, chain = excluded.chain \
                   WHERE judge.tick < excluded.tick";
        let query = sqlx::query(sql).bind(commit.tick.0).bind(&*commit.chain);
        let written = query.execute(&mut *transaction).await.map_err(failed)?;
        if written.rows_affected() == 0 {
            return Ok(());
        }
        write_groups(&mut transaction, commit).await?;
        write_transitions(&mut transaction, &commit.transitions).await?;
        write_notices(&mut transaction, &commit.notices, self.clock.now()).await?;
        transaction.commit().await.map_err(failed)
    }

    pub(super) async fn read_transitions(
        &self,
        filter: &TransitionFilter,
    ) -> Result<Vec<Change>, AlertStoreError> {
        let sql = "SELECT body FROM transitions \
                   WHERE ($1 IS NULL OR monitor = $1) AND ($2 IS NULL OR group_tags = $2) \
                   AND ($3 IS NULL OR at >= $3) AND ($4 IS NULL OR at < $4) \
                   ORDER BY at DESC, number DESC LIMIT $5";
        let group = filter.group.as_ref().map(json).transpose()?;
        let rows = sqlx::query_scalar::<_, String>(sql)
            .bind(filter.monitor.as_deref())
            .bind(group)
            .bind(filter.from.map(|at| at.0))
            .bind(filter.to.map(|at| at.0))
            .bind(limit_of(filter.limit))
            .fetch_all(&self.pool)
            .await
            .map_err(failed)?;
        rows.iter().map(|body| parsed(body)).collect()
    }

    pub(super) async fn read_digests(
        &self,
        monitor: &str,
        from: UnixMicros,
        to: UnixMicros,
    ) -> Result<Vec<(UnixMicros, Arc<str>)>, AlertStoreError> {
        let sql = "SELECT tick, digest FROM judge_digests \
                   WHERE monitor = $1 AND tick >= $2 AND tick < $3 ORDER BY tick";
        let query = sqlx::query_as::<_, (i64, String)>(sql).bind(monitor).bind(from.0).bind(to.0);
        let rows = query.fetch_all(&self.pool).await.map_err(failed)?;
        Ok(rows.into_iter().map(|(tick, digest)| (UnixMicros(tick), digest.into())).collect())
    }

    pub(super) async fn read_saved_monitors(&self) -> Result<Vec<SavedMonitor>, AlertStoreError> {
        let sql = "SELECT name, entry, saved_at FROM saved_monitors ORDER BY name";
        let rows = sqlx::query_as::<_, (String, String, i64)>(sql).fetch_all(&self.pool).await;
        let read = |(name, entry, saved_at): (String, String, i64)| {
            Ok(SavedMonitor { name: name.into(), entry: parsed(&entry)?, saved_at: UnixMicros(saved_at) })
        };
        rows.map_err(failed)?.into_iter().map(read).collect()
    }

    pub(super) async fn write_saved_monitor(&self, name: &str, entry: &Value) -> Result<(), AlertStoreError> {
        let text = json(entry)?;
        if text.len() > ENTRY_BYTES_MAX {
            return Err(AlertStoreError::Invalid(format!(
                "the entry has {} bytes of JSON; at most {ENTRY_BYTES_MAX} are kept",
                text.len()
            )));
        }
        let sql = "INSERT INTO saved_monitors (name, entry, saved_at) SELECT $1, $2, $3 \
                   WHERE (SELECT count(*) FROM saved_monitors WHERE name <> $1) < $4 \
                   ON CONFLICT (name) DO UPDATE SET entry = excluded.entry, saved_at = excluded.saved_at";
        let query = sqlx::query(sql).bind(name).bind(text).bind(self.clock.now().0).bind(SAVED_MAX);
        match query.execute(&self.pool).await.map_err(failed)?.rows_affected() {
            0 => Err(AlertStoreError::Invalid(format!(
                "{SAVED_MAX} monitors are saved from the dashboard already, which is the most"
            ))),
            _ => Ok(()),
        }
    }

    pub(super) async fn delete_saved_monitor(&self, name: &str) -> Result<(), AlertStoreError> {
        let query = sqlx::query("DELETE FROM saved_monitors WHERE name = $1").bind(name);
        match query.execute(&self.pool).await.map_err(failed)?.rows_affected() {
            0 => Err(AlertStoreError::NotFound { what: "saved monitor", id: name.to_owned() }),
            _ => Ok(()),
        }
    }
}

async fn write_groups(
    transaction: &mut Transaction<'static, Sqlite>,
    commit: &TickCommit,
) -> Result<(), AlertStoreError> {
    // Most ticks change no group, and after a time away a day of them is written at once.
    if !commit.dropped.is_empty() {
        let mut dropped = Vec::with_capacity(commit.dropped.len());
        for (monitor, group) in &commit.dropped {
            dropped.push((monitor, json(group)?));
        }
        let sql = "DELETE FROM judge_groups WHERE (monitor, group_tags) IN \
                   (SELECT value->>0, value->>1 FROM json_each($1))";
        sqlx::query(sql).bind(json(&dropped)?).execute(&mut **transaction).await.map_err(failed)?;
    }
    if !commit.kept.is_empty() {
        let mut kept = Vec::with_capacity(commit.kept.len());
        for group in &commit.kept {
            kept.push((&group.monitor, json(&group.group)?, &group.state));
        }
        let sql = "INSERT INTO judge_groups (monitor, group_tags, state) \
                   SELECT value->>0, value->>1, value->>2 FROM json_each($1) WHERE true \
                   ON CONFLICT (monitor, group_tags) DO UPDATE SET state = excluded.state";
        sqlx::query(sql).bind(json(&kept)?).execute(&mut **transaction).await.map_err(failed)?;
    }
    let sql = "INSERT OR IGNORE INTO judge_digests (monitor, tick, digest) \
               SELECT value->>0, value->>1, value->>2 FROM json_each($1)";
    let query = sqlx::query(sql).bind(json(&commit.digests)?);
    query.execute(&mut **transaction).await.map_err(failed)?;
    Ok(())
}

async fn write_transitions(
    transaction: &mut Transaction<'static, Sqlite>,
    changes: &[Change],
) -> Result<(), AlertStoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    let mut rows = Vec::with_capacity(changes.len());
    for change in changes {
        let ended_at = (change.to == AlertState::Ok).then_some(change.at);
        rows.push((
            &change.monitor,
            json(&change.group)?,
            change.seq,
            change.at,
            json(change)?,
            &change.alert_id,
            change.to,
            ended_at,
            change.reason == TransitionReason::Revised,
        ));
    }
    let rows = json(&rows)?;
    let sql = "INSERT OR IGNORE INTO transitions (monitor, group_tags, seq, at, body) \
               SELECT value->>0, value->>1, value->>2, value->>3, value->>4 FROM json_each($1) ORDER BY key";
    sqlx::query(sql).bind(&rows).execute(&mut **transaction).await.map_err(failed)?;
    // A change that nobody was told of may end an alert and another one go on with it. A correction of the past must not
    // bring back what is over.
    let sql = "INSERT INTO alerts (id, monitor, group_tags, state, since, ended_at) \
               SELECT value->>5, value->>0, value->>1, value->>6, value->>3, value->>7 FROM json_each($1) \
               WHERE value->>5 <> '' AND NOT (value->>8 AND EXISTS \
                 (SELECT 1 FROM alerts WHERE id = value->>5 AND ended_at IS NOT NULL)) ORDER BY key \
               ON CONFLICT (id) DO UPDATE SET state = excluded.state, ended_at = excluded.ended_at";
    sqlx::query(sql).bind(&rows).execute(&mut **transaction).await.map_err(failed)?;
    Ok(())
}

async fn write_notices(
    transaction: &mut Transaction<'static, Sqlite>,
    notices: &[Notice],
    now: UnixMicros,
) -> Result<(), AlertStoreError> {
    if notices.is_empty() {
        return Ok(());
    }
    let mut rows = Vec::with_capacity(notices.len());
    for notice in notices {
        rows.push((&notice.id, &notice.alert_id, &notice.transition.monitor, json(notice)?));
    }
    let sql = "INSERT OR IGNORE INTO notices (id, alert_id, monitor, committed_at, is_open, body) \
               SELECT value->>0, value->>1, value->>2, $2, 1, value->>3 FROM json_each($1) ORDER BY key";
    let query = sqlx::query(sql).bind(json(&rows)?).bind(now.0);
    query.execute(&mut **transaction).await.map_err(failed)?;
    Ok(())
}
