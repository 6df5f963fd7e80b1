//! A real Redis for one test, on a unix socket of its own.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use tempfile::TempDir;
use weir_control::redis::Redis;

use super::patiently;

pub struct RedisServer {
    folder: TempDir,
    child: Option<Child>,
}

impl RedisServer {
    pub fn start() -> Self {
        let mut server = Self { folder: tempfile::tempdir().unwrap(), child: None };
        server.go_on();
        server
    }

    /// Starts it again, empty.
    pub fn go_on(&mut self) {
        let child = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--daemonize", "no"])
            .arg("--unixsocket")
            .arg(self.socket())
            .arg("--dir")
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is not installed: `make tools` does that");
        self.child = Some(child);
    }

    /// Kills it.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// A connection, once there is one.
    pub async fn connection(&self) -> Arc<Redis> {
        let url = format!("unix://{}", self.socket().display());
        let redis = Arc::new(Redis::open(&url, None, &tokio::runtime::Handle::current()).unwrap());
        Self::connected(&redis).await;
        redis
    }

    /// Waits until something is connected.
    pub async fn connected(redis: &Redis) {
        let connected = async {
            while !redis.is_connected() {
                tokio::task::yield_now().await;
            }
        };
        patiently("a connection to redis", connected).await;
    }

    /// Waits until it holds so many keys.
    pub async fn keys(&self, count: u64) {
        let redis = self.connection().await;
        let counted = async { while redis.run::<u64>(&::redis::cmd("DBSIZE")).await != Ok(count) {} };
        patiently("keys in redis", counted).await;
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.stop();
    }
}
