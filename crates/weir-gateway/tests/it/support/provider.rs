//! A provider that does what the test says, byte for byte.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http::Uri;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

use super::patiently;

/// One thing that a provider does with a request.
#[derive(Debug, Clone)]
pub enum Step {
    /// Writes these bytes, and waits until they have left.
    Write(Vec<u8>),
    /// Waits until the test calls [`Provider::go_on`].
    Wait,
    /// Does nothing until the other side goes away.
    Hang,
    /// Closes the connection.
    Close,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// `POST /v1/chat/completions`.
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// On which connection, counted from zero.
    pub connection: usize,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// What to do with the n-th request.
type Script = dyn Fn(usize, &Seen) -> Vec<Step> + Send + Sync;

struct Shared {
    script: Box<Script>,
    seen: Mutex<Vec<Seen>>,
    go_on: Notify,
    /// Connections that the other side has closed.
    closed: watch::Sender<usize>,
}

pub struct Provider {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

impl Provider {
    /// A provider that does the same with every request.
    pub async fn doing(steps: Vec<Step>) -> Self {
        Self::scripted(move |_, _| steps.clone()).await
    }

    /// A provider that answers every request with this JSON.
    pub async fn answering(status: u16, body: &str) -> Self {
        Self::doing(vec![json_answer(status, &[], body)]).await
    }

    /// A provider that looks at each request and its number.
    pub async fn scripted(script: impl Fn(usize, &Seen) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let shared = Arc::new(Shared {
            script: Box::new(script),
            seen: Mutex::default(),
            go_on: Notify::new(),
            closed: watch::Sender::new(0),
        });
        let provider = Self { address: listener.local_addr().unwrap(), shared: Arc::clone(&shared) };
        tokio::spawn(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, connection, Arc::clone(&shared)));
            }
        });
        provider
    }

    /// Its base URL, with a path.
    pub fn url(&self, path: &str) -> Uri {
        format!("http://{}{path}", self.address).parse().unwrap()
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// The only request so far.
    pub fn only(&self) -> Seen {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:#?}");
        seen.into_iter().next().unwrap()
    }

    /// Ends one [`Step::Wait`].
    pub fn go_on(&self) {
        self.shared.go_on.notify_one();
    }

    /// Waits until so many connections were closed by the other side.
    pub async fn closed_by_peer(&self, count: usize) {
        let mut closed = self.shared.closed.subscribe();
        patiently("a closed connection", closed.wait_for(|closed| *closed >= count)).await.unwrap();
    }
}

async fn serve(mut stream: TcpStream, connection: usize, shared: Arc<Shared>) {
    let mut buffer = Vec::new();
    loop {
        let Some(seen) = read_request(&mut stream, &mut buffer, connection).await else {
            shared.closed.send_modify(|closed| *closed += 1);
            return;
        };
        let index = {
            let mut all = shared.seen.lock().unwrap();
            all.push(seen.clone());
            all.len() - 1
        };
        for step in (shared.script)(index, &seen) {
            let is_open = match step {
                Step::Write(bytes) => stream.write_all(&bytes).await.is_ok(),
                Step::Wait => {
                    shared.go_on.notified().await;
                    true
                }
                Step::Hang => {
                    let _ = stream.read_buf(&mut buffer).await;
                    false
                }
                Step::Close => return,
            };
            if !is_open {
                shared.closed.send_modify(|closed| *closed += 1);
                return;
            }
        }
    }
}

async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>, connection: usize) -> Option<Seen> {
    let find = |buffer: &[u8], what: &[u8]| buffer.windows(what.len()).position(|window| window == what);
    let head_end = loop {
        if let Some(at) = find(buffer, b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head: Vec<u8> = buffer.drain(..head_end).collect();
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.trim_end().split("\r\n");
    let line = lines.next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let mut seen = Seen { line, headers, body: Vec::new(), connection };
    let length = seen.header("content-length").map(|length| length.parse::<usize>().unwrap());
    let is_chunked = seen.header("transfer-encoding") == Some("chunked");
    loop {
        let end = match length {
            Some(length) => (buffer.len() >= length).then_some(length),
            None if is_chunked => find(buffer, b"0\r\n\r\n").map(|at| at + 5),
            None => Some(0),
        };
        if let Some(end) = end {
            seen.body = buffer.drain(..end).collect();
            return Some(seen);
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

/// A whole answer.
pub fn json_answer(status: u16, headers: &[(&str, &str)], body: &str) -> Step {
    let mut head = format!(
        "HTTP/1.1 {status} Whatever\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    Step::Write(format!("{head}\r\n{body}").into_bytes())
}

/// A chunked stream of these pieces, each written by itself.
pub fn event_stream(pieces: &[&str]) -> Vec<Step> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nx-request-id: req_7\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut steps = vec![Step::Write(head.as_bytes().to_vec())];
    steps.extend(pieces.iter().map(|piece| chunked(piece)));
    steps.push(Step::Write(b"0\r\n\r\n".to_vec()));
    steps
}

/// One chunk of a chunked body.
pub fn chunked(piece: &str) -> Step {
    Step::Write(format!("{:x}\r\n{piece}\r\n", piece.len()).into_bytes())
}
