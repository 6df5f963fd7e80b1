//! A real Redis for one test, on a unix socket of its own, with nothing kept on disk.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::TestError;

/// A server that ends with the test.
pub struct RedisServer {
    folder: TempDir,
    child: Option<Child>,
}

impl RedisServer {
    /// Starts one; it takes a moment until it listens. Fails where no `redis-server` is installed.
    pub fn start() -> Result<Self, TestError> {
        let folder = tempfile::tempdir().map_err(TestError::io("make a folder for redis"))?;
        let mut server = Self { folder, child: None };
        server.go_on()?;
        Ok(server)
    }

    /// Starts it again, empty.
    pub fn go_on(&mut self) -> Result<(), TestError> {
        let started = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--daemonize", "no"])
            .arg("--unixsocket")
            .arg(self.socket())
            .arg("--dir")
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .spawn();
        self.child = Some(started.map_err(TestError::io("start redis-server, which `make redis` installs"))?);
        Ok(())
    }

    /// Kills it.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // One that has ended by itself is gone as well.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Where it is, as `redis.url` says it.
    pub fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
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
