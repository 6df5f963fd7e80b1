//! A server for one test, and a client that sends exactly the bytes it is told to.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use weir_api::{ApiAuth, ApiParts, LiveFeed};
use weir_types::Secret;

use crate::fake_monitors::{FakeAlerts, FakeAudit, FakeMonitors};
use crate::fakes::{
    FakeCache, FakeDocuments, FakeKeys, FakePrices, FakeSink, FakeStatus, FakeStore, FixedClock,
};

/// A running API with its fakes.
pub struct Weir {
    pub addr: SocketAddr,
    pub store: Arc<FakeStore>,
    pub status: Arc<FakeStatus>,
    pub monitors: Arc<FakeMonitors>,
    pub alerts: Arc<FakeAlerts>,
    pub live: LiveFeed,
    pub kept: Arc<FakeSink>,
}

impl Weir {
    /// Without a token, as on a laptop.
    pub async fn start() -> Self {
        Self::start_with(ApiAuth { admin_token: None, allowed_hosts: ApiAuth::loopback_hosts() }).await
    }

    /// With an admin token.
    pub async fn start_with_token(token: &str) -> Self {
        let auth =
            ApiAuth { admin_token: Some(Secret::new(token)), allowed_hosts: ApiAuth::loopback_hosts() };
        Self::start_with(auth).await
    }

    pub async fn start_with(auth: ApiAuth) -> Self {
        let store = Arc::new(FakeStore::default());
        let status = Arc::new(FakeStatus::default());
        let monitors = Arc::new(FakeMonitors::default());
        let alerts = Arc::new(FakeAlerts::default());
        let live = LiveFeed::default();
        let kept = Arc::new(FakeSink::default());
        let router = weir_api::router(ApiParts {
            scan: store.clone(),
            browse: store.clone(),
            key_admin: Arc::new(FakeKeys::default()),
            sink: kept.clone(),
            cache: Some(Arc::new(FakeCache)),
            prices: Arc::new(FakePrices),
            documents: Arc::new(FakeDocuments::default()),
            budgets: Arc::new(crate::budgets::FakeBudgets::default()),
            monitors: monitors.clone(),
            alerts: alerts.clone(),
            audit: Arc::new(FakeAudit::default()),
            silence_holds: Arc::new(|silence, now| silence.starts_at <= now && now < silence.ends_at),
            live: live.clone(),
            clock: Arc::new(FixedClock),
            status: status.clone(),
            metrics: Arc::new(|| "weir_up 1\n".to_owned()),
            auth,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { addr, store, status, monitors, alerts, live, kept }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.call("GET", path).send().await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.call("POST", path).json(body).send().await
    }

    pub fn call(&self, method: &str, path: &str) -> Call {
        Call {
            addr: self.addr,
            line: format!("{method} {path} HTTP/1.1\r\n"),
            headers: vec![("host".to_owned(), self.addr.to_string())],
            body: Vec::new(),
        }
    }
}

/// A request that is being put together.
pub struct Call {
    addr: SocketAddr,
    line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Call {
    /// Sets a header; one that is already there is replaced.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        let length = self.body.len().to_string();
        self.header("content-length", &length)
    }

    pub async fn send(self) -> Reply {
        let mut bytes = self.line.into_bytes();
        for (name, value) in self.headers {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"connection: close\r\n\r\n");
        bytes.extend_from_slice(&self.body);
        send(self.addr, &bytes).await
    }
}

/// Sends these bytes and reads until the server closes.
pub async fn send(addr: SocketAddr, bytes: &[u8]) -> Reply {
    let stream = TcpStream::connect(addr).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let bytes = bytes.to_vec();
    // A server that refuses a body may answer and close before it has read it all, so both ways go on together.
    let writing = tokio::spawn(async move {
        let _ = writer.write_all(&bytes).await;
        writer
    });
    let mut received = Vec::new();
    let read = reader.read_to_end(&mut received).await;
    assert!(read.is_ok() || !received.is_empty(), "the server closed without an answer: {read:?}");
    writing.abort();
    Reply::parse(&received)
}

/// What the server said.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Vec<u8>,
    head: String,
}

impl Reply {
    fn parse(received: &[u8]) -> Self {
        let end = received.windows(4).position(|window| window == b"\r\n\r\n").expect("a complete head");
        let head = String::from_utf8(received[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, body: received[end + 4..].to_vec(), head }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "))
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The body of a success.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.text());
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Status, code and message of an error in the one shape that errors have.
    #[track_caller]
    pub fn error(&self) -> (u16, String, String) {
        assert_eq!(self.header("content-type"), Some("application/json"), "{}", self.text());
        let body: weir_api::wire::ErrorBody = serde_json::from_slice(&self.body).unwrap();
        let code = serde_json::to_value(body.error.code).unwrap();
        (self.status, code.as_str().unwrap().to_owned(), body.error.message)
    }

    /// Asserts an error's status and code, and returns its message.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> String {
        let (actual_status, actual_code, message) = self.error();
        assert_eq!((actual_status, actual_code.as_str()), (status, code), "{message}");
        message
    }
}
