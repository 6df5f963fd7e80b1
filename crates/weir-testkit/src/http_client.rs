//! A small HTTP/1.1 client: one connection for each request, nothing retried, nothing hidden.

use std::fmt::Write as _;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::TestError;

/// Sends requests.
#[derive(Debug, Clone, Copy, Default)]
pub struct HttpClient;

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, byte for byte.
    pub body: Bytes,
}

/// An answer whose body is still coming. Dropping it closes the connection.
pub struct OpenAnswer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    body: Incoming,
    url: String,
}

impl HttpClient {
    /// Sends a GET and reads the answer.
    pub async fn get(&self, url: &str) -> Result<Answer, TestError> {
        self.open(Method::GET, url, &[], Bytes::new()).await?.read().await
    }

    /// Posts JSON and reads the answer.
    pub async fn post(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Answer, TestError> {
        self.open_post(url, headers, body).await?.read().await
    }

    /// Posts JSON and returns as soon as the head of the answer is there.
    pub async fn open_post(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<OpenAnswer, TestError> {
        self.open(Method::POST, url, headers, body.into()).await
    }

    /// Sends any request and returns as soon as the head of the answer is there.
    pub async fn open(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<OpenAnswer, TestError> {
        let failed = |reason: String| failed(&method, url, reason);
        let uri: Uri = url.parse().map_err(|error: http::uri::InvalidUri| failed(error.to_string()))?;
        let authority = uri.authority().ok_or_else(|| failed("the URL has no host".to_owned()))?;
        let stream =
            TcpStream::connect(authority.as_str()).await.map_err(|error| failed(error.to_string()))?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(error.to_string()))?;
        tokio::spawn(connection);
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = Request::builder().method(&method).uri(path).header("host", authority.as_str());
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body)).map_err(|error| failed(error.to_string()))?;
        let response = sender.send_request(request).await.map_err(|error| failed(chain(&error)))?;
        let (head, body) = response.into_parts();
        Ok(OpenAnswer { status: head.status, headers: head.headers, body, url: url.to_owned() })
    }
}

impl OpenAnswer {
    /// The next piece of the body; `None` at its end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, TestError> {
        loop {
            let Some(frame) = self.body.frame().await else { return Ok(None) };
            let frame = frame.map_err(|error| failed(&Method::POST, &self.url, chain(&error)))?;
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
    }

    /// Reads the rest of the body.
    pub async fn read(self) -> Result<Answer, TestError> {
        let Self { status, headers, body, url } = self;
        let body = body.collect().await.map_err(|error| failed(&Method::POST, &url, chain(&error)))?;
        Ok(Answer { status, headers, body: body.to_bytes() })
    }
}

impl Answer {
    /// The body as text; bytes that are no UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; `null` when it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A header as text; empty when it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

fn failed(method: &Method, url: &str, reason: String) -> TestError {
    TestError::Http { method: method.to_string(), url: url.to_owned(), reason }
}

/// An error with its causes, which hyper keeps apart.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        // Writing into a string cannot fail.
        let _ = write!(text, ": {inner}");
        cause = inner.source();
    }
    text
}
