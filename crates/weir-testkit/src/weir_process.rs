//! The real binary as a child process: started on a free port, killed, started again.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use crate::wait::DEADLINE;
use crate::{Answer, HttpClient, TestError, free_address};

/// A running Weir with a configuration and a data folder of its own. It is killed when this is dropped.
pub struct WeirProcess {
    folder: TempDir,
    address: SocketAddr,
    child: Child,
    log: Log,
    client: HttpClient,
}

/// What the process wrote so far.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

/// Characters of the log that an error shows.
const LOG_TAIL_CHARS: usize = 4_000;

impl WeirProcess {
    /// Starts `weir serve` with this `weir.toml`, on a free port and with an empty data folder, and returns when it is
    /// ready. What the text says about `server.listen` and `server.data_dir` is overridden. Receivers are off unless the
    /// text has a table `[listeners]`: many Weirs run at once, and the standard ports are there only once.
    pub async fn start(config: &str) -> Result<Self, TestError> {
        let folder = tempfile::tempdir().map_err(TestError::io("make a folder for weir"))?;
        let config = with_listeners(config);
        std::fs::write(folder.path().join("weir.toml"), config).map_err(TestError::io("write weir.toml"))?;
        let address = free_address()?;
        let log = Log::default();
        let child = spawn(folder.path(), address, &log)?;
        let mut process = Self { folder, address, child, log, client: HttpClient };
        process.wait_until_ready().await?;
        Ok(process)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Its data folder.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Its process id; `None` when it has ended.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// What it has written to its standard output and error so far, over all restarts.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Sends a GET and reads the answer.
    pub async fn get(&self, path: &str) -> Result<Answer, TestError> {
        self.client.get(&self.url(path)).await
    }

    /// Posts JSON and reads the answer.
    pub async fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<bytes::Bytes>,
    ) -> Result<Answer, TestError> {
        self.client.post(&self.url(path), headers, body).await
    }

    /// The rows of a SQL statement, each a list of values.
    pub async fn sql(&self, statement: &str) -> Result<Vec<Vec<Value>>, TestError> {
        let answer = self.post("/api/sql", &[], json!({ "sql": statement }).to_string()).await?;
        let rows = answer.json()["rows"].as_array().cloned().ok_or_else(|| TestError::Http {
            method: "POST".to_owned(),
            url: self.url("/api/sql"),
            reason: format!("{statement:?} gave status {}: {}", answer.status, answer.text()),
        })?;
        Ok(rows.iter().map(|row| row.as_array().cloned().unwrap_or_default()).collect())
    }

    /// Kills it without a warning (SIGKILL), as a crash would, and returns when it is gone.
    pub async fn kill9(&mut self) -> Result<(), TestError> {
        self.child.kill().await.map_err(TestError::io("kill weir"))
    }

    /// Asks it to stop (SIGTERM) and returns how it ended.
    pub async fn stop(&mut self) -> Result<ExitStatus, TestError> {
        if let Some(pid) = self.child.id() {
            let kill = Command::new("kill").arg("-TERM").arg(pid.to_string()).status().await;
            kill.map_err(TestError::io("send SIGTERM to weir"))?;
        }
        let ended = tokio::time::timeout(DEADLINE, self.child.wait()).await;
        match ended {
            Ok(status) => status.map_err(TestError::io("wait for weir")),
            Err(_) => Err(TestError::TimedOut { what: "weir to stop".to_owned(), waited: DEADLINE }),
        }
    }

    /// Starts it again on the same port and data, after it ended or was killed, and returns when it is ready.
    pub async fn restart(&mut self) -> Result<(), TestError> {
        self.child = spawn(self.folder.path(), self.address, &self.log)?;
        self.wait_until_ready().await
    }

    async fn wait_until_ready(&mut self) -> Result<(), TestError> {
        let started_at = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().map_err(TestError::io("look after weir"))? {
                return Err(TestError::Ended { status: status.to_string(), log: self.log.tail() });
            }
            if self.get("/healthz").await.is_ok_and(|answer| answer.status.is_success()) {
                return Ok(());
            }
            if started_at.elapsed() > DEADLINE {
                let what = format!("weir to be ready; its log ends with:\n{}", self.log.tail());
                return Err(TestError::TimedOut { what, waited: DEADLINE });
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
}

impl Log {
    fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn tail(&self) -> String {
        let text = self.text();
        let skipped = text.chars().count().saturating_sub(LOG_TAIL_CHARS);
        text.chars().skip(skipped).collect()
    }

    /// Copies a stream of the process line by line until it ends.
    fn follow(&self, stream: Option<impl AsyncRead + Send + Unpin + 'static>) {
        let Some(stream) = stream else { return };
        let log = self.clone();
        tokio::spawn(async move {
            let mut lines = BufReader::new(stream).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let mut text = log.0.lock().unwrap_or_else(PoisonError::into_inner);
                text.push_str(&line);
                text.push('\n');
            }
        });
    }
}

fn with_listeners(config: &str) -> String {
    const OFF: &str = "otlp_grpc = \"off\"\notlp_http = \"off\"\ndatadog = \"off\"\ndogstatsd = \"off\"\n";
    if config.contains("[listeners]") { config.to_owned() } else { format!("{config}\n[listeners]\n{OFF}") }
}

fn spawn(folder: &Path, address: SocketAddr, log: &Log) -> Result<Child, TestError> {
    let binary = binary()?;
    let mut child = Command::new(&binary)
        .arg("serve")
        .arg("--config")
        .arg(folder.join("weir.toml"))
        .arg("--data-dir")
        .arg(folder.join("data"))
        .arg("--listen")
        .arg(address.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(TestError::io(format!("start {}", binary.display())))?;
    log.follow(child.stdout.take());
    log.follow(child.stderr.take());
    Ok(child)
}

/// The binary: `WEIR_BIN`, what Cargo says, or beside the tests' own folder.
fn binary() -> Result<PathBuf, TestError> {
    let mut looked_at: Vec<PathBuf> =
        ["WEIR_BIN", "CARGO_BIN_EXE_weir"].iter().filter_map(std::env::var_os).map(PathBuf::from).collect();
    // Tests are in target/PROFILE/deps, the binary is in target/PROFILE.
    if let Ok(test) = std::env::current_exe() {
        looked_at.extend(test.ancestors().skip(1).take(2).map(|folder| folder.join("weir")));
    }
    match looked_at.iter().find(|path| path.is_file()) {
        Some(path) => Ok(path.clone()),
        None => Err(TestError::NoBinary { looked_at }),
    }
}
