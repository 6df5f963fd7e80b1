//! An HTTP server that keeps what it is sent and answers as it is told.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;

/// What arrived.
#[derive(Debug, Clone)]
pub struct Arrived {
    pub path: String,
    pub headers: HeaderMap,
    pub text: String,
}

impl Arrived {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no header {name}")).to_str().unwrap()
    }
}

#[derive(Default)]
struct State {
    arrived: Vec<Arrived>,
    answers: VecDeque<(u16, &'static str, &'static str)>,
}

/// A server on a free port, until the test ends.
#[derive(Clone)]
pub struct Server {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self { address: listener.local_addr().unwrap(), state: Arc::default() };
        let state = Arc::clone(&server.state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&state);
                let service = service_fn(move |request| answer(request, Arc::clone(&state)));
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
        server
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The next answers, in order: status, the value of a header `retry-after` or `location`, body. 200 after those.
    pub fn answer_next(&self, answers: impl IntoIterator<Item = (u16, &'static str, &'static str)>) {
        self.state.lock().unwrap().answers.extend(answers);
    }

    /// What arrived since the last time.
    pub fn take(&self) -> Vec<Arrived> {
        std::mem::take(&mut self.state.lock().unwrap().arrived)
    }
}

async fn answer(
    request: Request<Incoming>,
    state: Arc<Mutex<State>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    let mut state = state.lock().unwrap();
    state.arrived.push(Arrived { path: head.uri.path().to_owned(), headers: head.headers, text });
    let (status, header, body) = state.answers.pop_front().unwrap_or((200, "", ""));
    let name = if (300..400).contains(&status) { "location" } else { "retry-after" };
    let mut response = Response::builder().status(status);
    if !header.is_empty() {
        response = response.header(name, header);
    }
    Ok(response.body(Full::new(Bytes::from_static(body.as_bytes()))).unwrap())
}
