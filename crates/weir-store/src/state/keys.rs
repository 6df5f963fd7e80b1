//! Virtual keys in SQLite, and all of them in memory.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow};
use sqlx::{Row as _, SqliteConnection};
use tokio::task::JoinHandle;
use weir_types::{
    BoxFuture, Clock, KeyAdmin, KeyDirectory, KeyError, KeyHash, NewKey, Secret, UnixMicros, VirtualKey,
};

use crate::StoreError;
use crate::state::{AlertDb, AuditDb, BudgetTable, DocumentStore, SilenceCheck, secret};
use crate::stats::lock;

/// How often the database is asked whether another process changed it; the question costs some microseconds.
const REFRESH_INTERVAL: Duration = Duration::from_secs(1);

/// How long a writer waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest name of a key.
const NAME_BYTES_MAX: usize = 200;

type Keys = HashMap<KeyHash, Arc<VirtualKey>>;

/// The virtual keys of one data directory. Needs no lock on it: several processes may have it open, and each sees what
/// the others change within a second. Clones share everything.
#[derive(Clone)]
pub struct KeyStore {
    inner: Arc<Inner>,
}

struct Inner {
    pool: SqlitePool,
    clock: Arc<dyn Clock>,
    keys: ArcSwap<Keys>,
    /// Taken when the store closes.
    refresher: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(refresher) = lock(&self.refresher).take() {
            refresher.abort();
        }
    }
}

impl KeyStore {
    /// Opens the keys in this data directory. Must be called within a Tokio runtime.
    pub async fn open(data_dir: &Path, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        std::fs::create_dir_all(data_dir)
            .map_err(|source| StoreError::DataDir { path: data_dir.to_owned(), source })?;
        let options = SqliteConnectOptions::new()
            .filename(data_dir.join("state.sqlite"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = SqlitePoolOptions::new()
            .max_connections(2)
            .connect_with(options)
            .await
            .map_err(StoreError::state("open its file"))?;
        sqlx::migrate!("migrations/sqlite").run(&pool).await.map_err(|error| StoreError::State {
            action: "prepare its schema",
            message: error.to_string(),
        })?;
        let keys = load(&pool).await.map_err(StoreError::state("read the keys"))?;
        let watching = pool.acquire().await.map_err(StoreError::state("connect"))?;
        let inner = Arc::new_cyclic(|inner: &std::sync::Weak<Inner>| {
            let refresher = tokio::spawn(refresh(watching.detach(), inner.clone()));
            Inner { pool, clock, keys: ArcSwap::from_pointee(keys), refresher: Mutex::new(Some(refresher)) }
        });
        Ok(Self { inner })
    }

    /// Closes the file. Keys in memory can still be found.
    pub async fn close(&self) {
        let refresher = lock(&self.inner.refresher).take();
        if let Some(refresher) = refresher {
            refresher.abort();
            // The end of an aborted task is an error by its nature; its connection is closed with it.
            let _ = refresher.await;
        }
        self.inner.pool.close().await;
    }

    /// The documents beside the keys, in the same file. They can be used until the keys are closed.
    pub(crate) fn documents(&self) -> DocumentStore {
        DocumentStore::new(self.inner.pool.clone(), Arc::clone(&self.inner.clock))
    }

    /// The budgets beside the keys, in the same file, as [`Self::documents`].
    pub(crate) fn budgets(&self) -> BudgetTable {
        BudgetTable::new(self.inner.pool.clone(), Arc::clone(&self.inner.clock))
    }

    /// The alerts beside the keys, in the same file, as [`Self::documents`].
    pub(crate) fn alerts(&self, check: SilenceCheck) -> AlertDb {
        AlertDb::new(self.inner.pool.clone(), Arc::clone(&self.inner.clock), check)
    }

    /// The audit log beside the keys, in the same file, as [`Self::documents`].
    pub(crate) fn audit(&self) -> AuditDb {
        AuditDb::new(self.inner.pool.clone(), Arc::clone(&self.inner.clock))
    }

    async fn insert(&self, new: NewKey) -> Result<(VirtualKey, Secret), KeyError> {
        check(&new, self.inner.clock.now())?;
        let no_randomness = |error: getrandom::Error| KeyError::Store(format!("no randomness: {error}"));
        let secret = secret::new_secret().map_err(no_randomness)?;
        let key = VirtualKey {
            id: secret::new_id("key").map_err(no_randomness)?.into(),
            name: new.name,
            prefix: secret::shown_prefix(&secret).into(),
            team: new.team,
            app: new.app,
            models: new.models,
            providers: new.providers,
            created_at: self.inner.clock.now(),
            expires_at: new.expires_at,
            revoked_at: None,
        };
        let sql = "INSERT INTO keys (id, hash, name, prefix, team, app, models, providers, created_at, expires_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        sqlx::query(sql)
            .bind(&*key.id)
            .bind(&secret::hash_key(secret.expose()).0[..])
            .bind(&*key.name)
            .bind(&*key.prefix)
            .bind(key.team.as_deref())
            .bind(key.app.as_deref())
            .bind(json(&key.models)?)
            .bind(json(&key.providers)?)
            .bind(key.created_at.0)
            .bind(key.expires_at.map(|at| at.0))
            .execute(&self.inner.pool)
            .await
            .map_err(failed)?;
        self.reload().await?;
        Ok((key, secret))
    }

    async fn all(&self) -> Result<Vec<VirtualKey>, KeyError> {
        self.reload().await?;
        let mut keys: Vec<_> = self.inner.keys.load().values().map(|key| VirtualKey::clone(key)).collect();
        keys.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        Ok(keys)
    }

    async fn end(&self, id: &str) -> Result<VirtualKey, KeyError> {
        sqlx::query("UPDATE keys SET revoked_at = coalesce(revoked_at, $1) WHERE id = $2")
            .bind(self.inner.clock.now().0)
            .bind(id)
            .execute(&self.inner.pool)
            .await
            .map_err(failed)?;
        self.reload().await?;
        let keys = self.inner.keys.load();
        let key = keys.values().find(|key| &*key.id == id);
        key.map(|key| VirtualKey::clone(key)).ok_or_else(|| KeyError::NotFound(id.to_owned()))
    }

    async fn reload(&self) -> Result<(), KeyError> {
        let keys = load(&self.inner.pool).await.map_err(failed)?;
        self.inner.keys.store(Arc::new(keys));
        Ok(())
    }
}

impl KeyDirectory for KeyStore {
    fn find(&self, hash: &KeyHash) -> Option<Arc<VirtualKey>> {
        self.inner.keys.load().get(hash).cloned()
    }
}

impl KeyAdmin for KeyStore {
    fn create(&self, key: NewKey) -> BoxFuture<'_, Result<(VirtualKey, Secret), KeyError>> {
        Box::pin(self.insert(key))
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<VirtualKey>, KeyError>> {
        Box::pin(self.all())
    }

    fn revoke<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<VirtualKey, KeyError>> {
        Box::pin(self.end(id))
    }
}

/// Watches for changes by other connections for as long as the store is there. The number that is asked for changes
/// with every such commit, and is read from shared memory.
async fn refresh(mut connection: SqliteConnection, inner: std::sync::Weak<Inner>) {
    let mut seen: Option<i64> = None;
    let mut ticks = tokio::time::interval(REFRESH_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        let version = sqlx::query_scalar::<_, i64>("PRAGMA data_version").fetch_one(&mut connection).await;
        let version = match version {
            Ok(version) => version,
            Err(error) => {
                tracing::warn!(%error, "cannot ask whether keys have changed");
                continue;
            }
        };
        if seen == Some(version) {
            continue;
        }
        match load(&inner.pool).await {
            Ok(keys) => {
                inner.keys.store(Arc::new(keys));
                seen = Some(version);
            }
            Err(error) => tracing::warn!(%error, "cannot read the keys that have changed"),
        }
    }
}

async fn load(pool: &SqlitePool) -> Result<Keys, sqlx::Error> {
    let sql = "SELECT id, hash, name, prefix, team, app, models, providers, created_at, expires_at, revoked_at FROM keys";
    let rows = sqlx::query(sql).fetch_all(pool).await?;
    rows.iter().map(|row| Ok((read_hash(row)?, Arc::new(read_key(row)?)))).collect()
}

fn read_hash(row: &SqliteRow) -> Result<KeyHash, sqlx::Error> {
    let bytes: Vec<u8> = row.try_get("hash")?;
    let hash = bytes.try_into().map_err(|_| sqlx::Error::Decode("a hash has 32 bytes".into()))?;
    Ok(KeyHash(hash))
}

fn read_key(row: &SqliteRow) -> Result<VirtualKey, sqlx::Error> {
    let text = |name| row.try_get::<String, _>(name).map(Arc::<str>::from);
    let optional_text = |name| row.try_get::<Option<String>, _>(name).map(|text| text.map(Arc::<str>::from));
    let list = |name| -> Result<Vec<Arc<str>>, sqlx::Error> {
        serde_json::from_str(row.try_get(name)?).map_err(|error| sqlx::Error::Decode(Box::new(error)))
    };
    let optional_time = |name| row.try_get::<Option<i64>, _>(name).map(|time| time.map(UnixMicros));
    Ok(VirtualKey {
        id: text("id")?,
        name: text("name")?,
        prefix: text("prefix")?,
        team: optional_text("team")?,
        app: optional_text("app")?,
        models: list("models")?,
        providers: list("providers")?,
        created_at: UnixMicros(row.try_get("created_at")?),
        expires_at: optional_time("expires_at")?,
        revoked_at: optional_time("revoked_at")?,
    })
}

fn check(new: &NewKey, now: UnixMicros) -> Result<(), KeyError> {
    if new.name.trim().is_empty() {
        return Err(KeyError::Invalid("a key needs a name, by which people recognise it".to_owned()));
    }
    if new.name.len() > NAME_BYTES_MAX {
        return Err(KeyError::Invalid(format!(
            "the name has {} bytes; at most {NAME_BYTES_MAX} are allowed",
            new.name.len()
        )));
    }
    if new.expires_at.is_some_and(|at| at <= now) {
        return Err(KeyError::Invalid("the key would have expired already".to_owned()));
    }
    Ok(())
}

fn json(list: &[Arc<str>]) -> Result<String, KeyError> {
    serde_json::to_string(list).map_err(|error| KeyError::Store(error.to_string()))
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn failed(error: sqlx::Error) -> KeyError {
    KeyError::Store(error.to_string())
}
