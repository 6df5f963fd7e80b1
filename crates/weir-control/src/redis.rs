//! One connection to Redis or Valkey for all that a fleet of gateways shares: budgets and the cache.
//!
//! A task of its own keeps the connection: it connects, and connects again when it was lost, with a pause that grows. Callers
//! use what is there. While nothing is connected every command fails at once, so that no call ever waits for a server that
//! is away; what that means is the caller's business (a miss, or what `on_unavailable` says).
//!
//! Commands of all threads go over one connection, one after the other without waiting for each other's answers. The task
//! lives on the runtime that is not the workers', so that a busy worker holds up nobody.
//!
//! Failure: a command that is not answered within [`ANSWER_MAX`] fails, and the connection is made anew. Failures are counted
//! and logged when the server goes away and when it is back, not for each command.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, IntoConnectionInfo, Script,
    ServerErrorKind,
};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use weir_types::Secret;

/// How long a command may take. On one network they take a few hundred microseconds; more than this would be felt by those
/// who wait for a call.
pub const ANSWER_MAX: Duration = Duration::from_millis(250);

/// How long connecting may take. Nobody waits for it.
const CONNECT_MAX: Duration = Duration::from_secs(2);

/// The pause before connecting again, at first and at most.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Why a command brought nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedisError {
    /// The address cannot be understood.
    #[error("cannot use `redis.url`: {0}; expected redis://host[:port][/database] or unix:///path")]
    Url(String),
    /// Nothing is connected.
    #[error("redis is not connected")]
    Away,
    /// The server, or the way to it, failed.
    #[error("redis failed: {0}")]
    Failed(String),
    /// The server refused the command.
    #[error("redis refused: {0}")]
    Refused(String),
    /// The server does not know the script, and was not told what it is.
    #[error("redis does not know the script")]
    NoScript,
}

/// A connection that comes back.
pub struct Redis {
    shared: Arc<Shared>,
    runtime: Handle,
    task: JoinHandle<()>,
}

struct Shared {
    client: Client,
    connection: ArcSwapOption<MultiplexedConnection>,
    is_lost: Notify,
    failures: AtomicU64,
}

impl Redis {
    /// Begins to connect, on this runtime. Returns before anything is connected; the URL alone is checked.
    pub fn open(url: &str, password: Option<&Secret>, runtime: &Handle) -> Result<Self, RedisError> {
        let bad = |error: redis::RedisError| RedisError::Url(error.to_string());
        let mut place = url.into_connection_info().map_err(bad)?;
        if let Some(password) = password {
            let settings = place.redis_settings().clone().set_password(password.expose());
            place = place.set_redis_settings(settings);
        }
        let client = Client::open(place).map_err(bad)?;
        let shared = Arc::new(Shared {
            client,
            connection: ArcSwapOption::empty(),
            is_lost: Notify::new(),
            failures: AtomicU64::new(0),
        });
        let task = runtime.spawn(keep_connected(Arc::clone(&shared)));
        Ok(Self { shared, runtime: runtime.clone(), task })
    }

    /// Does something with the server that nobody waits for.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(work);
    }

    /// Whether something is connected.
    pub fn is_connected(&self) -> bool {
        self.shared.connection.load().is_some()
    }

    /// Commands that brought nothing, since the start.
    pub fn failures(&self) -> u64 {
        self.shared.failures.load(Ordering::Relaxed)
    }

    /// Sends a command and waits for its answer.
    pub async fn run<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        let outcome = self.try_run(command).await;
        if outcome.is_err() {
            self.shared.failures.fetch_add(1, Ordering::Relaxed);
        }
        outcome
    }

    /// Runs a script by its hash, and by its text when the server does not know it. `words` are the number of keys, the keys,
    /// and what follows them.
    pub async fn run_script<T: FromRedisValue>(
        &self,
        (script, code): (&Script, &str),
        words: &[Vec<u8>],
    ) -> Result<T, RedisError> {
        let by = |verb: &str, script: &[u8]| {
            let mut command = redis::cmd(verb);
            command.arg(script).arg(words);
            command
        };
        let outcome = match self.try_run(&by("EVALSHA", script.get_hash().as_bytes())).await {
            Err(RedisError::NoScript) => self.try_run(&by("EVAL", code.as_bytes())).await,
            outcome => outcome,
        };
        if outcome.is_err() {
            self.shared.failures.fetch_add(1, Ordering::Relaxed);
        }
        outcome
    }

    async fn try_run<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        let used = self.shared.connection.load_full().ok_or(RedisError::Away)?;
        let mut connection = MultiplexedConnection::clone(&used);
        let error = match command.query_async(&mut connection).await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        if error.is_unrecoverable_error() || error.is_timeout() || error.is_io_error() {
            self.shared.lose(&used);
            return Err(RedisError::Failed(error.to_string()));
        }
        if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) {
            return Err(RedisError::NoScript);
        }
        Err(RedisError::Refused(error.to_string()))
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    /// Gives a connection up, unless somebody else has, and has it made anew.
    fn lose(&self, used: &Arc<MultiplexedConnection>) {
        let current = self.connection.load();
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, used)) {
            self.connection.store(None);
            self.is_lost.notify_one();
        }
    }
}

/// Connects whenever nothing is connected.
async fn keep_connected(shared: Arc<Shared>) {
    let mut pause = PAUSE_MIN;
    let mut is_away = false;
    loop {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_MAX))
            .set_response_timeout(Some(ANSWER_MAX));
        match shared.client.get_multiplexed_async_connection_with_config(&config).await {
            Ok(connection) => {
                if is_away {
                    tracing::info!("redis is back");
                }
                (pause, is_away) = (PAUSE_MIN, false);
                shared.connection.store(Some(Arc::new(connection)));
                shared.is_lost.notified().await;
            }
            Err(error) => {
                if !is_away {
                    tracing::warn!(%error, "redis is away; its users do without");
                }
                is_away = true;
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
    }
}
