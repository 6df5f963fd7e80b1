//! A client with one connection, for those who must know whether a request was sent.
//!
//! Pools retry behind the caller's back. Here a request is sent again only when hyper hands it back unsent, so that
//! "every call once" stays true: whatever else goes wrong is the caller's to report.

use std::time::Duration;

use bytes::Bytes;
use http::uri::Authority;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::DemoError;

/// Where calls go.
#[derive(Debug, Clone)]
pub(crate) struct Gateway {
    authority: Authority,
    host: HeaderValue,
    base_path: String,
}

impl Gateway {
    /// Reads `http://host:port[/base]`.
    pub(crate) fn parse(url: &str) -> Result<Self, DemoError> {
        let wrong = |reason: &str| DemoError::GatewayUrl { url: url.to_owned(), reason: reason.to_owned() };
        let uri: Uri = url.parse().map_err(|error: http::uri::InvalidUri| wrong(&error.to_string()))?;
        if uri.scheme_str() != Some("http") {
            return Err(wrong("only http:// is spoken here"));
        }
        let authority = uri.authority().ok_or_else(|| wrong("there is no host"))?.clone();
        let host =
            HeaderValue::from_str(authority.as_str()).map_err(|_| wrong("the host is no header value"))?;
        Ok(Self { authority, host, base_path: uri.path().trim_end_matches('/').to_owned() })
    }

    /// The start of a POST to a path below the gateway's base.
    pub(crate) fn post(&self, path: &str) -> http::request::Builder {
        Request::post(format!("{}{path}", self.base_path))
            .header(header::HOST, self.host.clone())
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
    }

    fn address(&self) -> (&str, u16) {
        (self.authority.host(), self.authority.port_u16().unwrap_or(80))
    }
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// Nothing was sent.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// It may have been sent.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// It may have been sent.
    #[error("no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
}

/// One keep-alive connection, made when it is needed.
pub(crate) struct Connection {
    gateway: Gateway,
    sender: Option<SendRequest<Full<Bytes>>>,
}

/// Connections that closed while idle are replaced this often for one request.
const ATTEMPTS_MAX: usize = 3;

impl Connection {
    pub(crate) fn new(gateway: Gateway) -> Self {
        Self { gateway, sender: None }
    }

    /// Sends a request once and returns the head of its answer.
    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, SendError> {
        let mut request = request;
        for _ in 0..ATTEMPTS_MAX {
            let mut sender = match self.sender.take().filter(|sender| !sender.is_closed()) {
                Some(sender) => sender,
                None => self.connect().await?,
            };
            if sender.ready().await.is_err() {
                continue;
            }
            match sender.try_send_request(request).await {
                Ok(response) => {
                    self.sender = Some(sender);
                    return Ok(response);
                }
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(SendError::Broken(error.into_error().to_string())),
                },
            }
        }
        Err(SendError::Connect(format!("{ATTEMPTS_MAX} connections closed before the request was sent")))
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, SendError> {
        let failed = |error: &dyn std::fmt::Display| SendError::Connect(error.to_string());
        let stream = TcpStream::connect(self.gateway.address()).await.map_err(|error| failed(&error))?;
        stream.set_nodelay(true).map_err(|error| failed(&error))?;
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
        // Ends when the sender is dropped; what breaks on the way is reported to whoever waits for an answer.
        tokio::spawn(connection);
        Ok(sender)
    }
}
