//! Weir's own gateway, as its judges and probes reach it: OpenAI chat completions over HTTP, marked with who asks.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use weir_types::{OwnMark, Secret, Source};

/// Bytes of an answer. A judge that quotes every claim of a long answer writes some tens of kilobytes.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// A client of a gateway.
pub(crate) struct Gateway {
    url: Uri,
    headers: HeaderMap,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// Why a question was not sent.
#[derive(Debug)]
pub(crate) enum Unsent {
    /// It is no request.
    Invalid(String),
    /// Nobody took it.
    Unreached(String),
}

impl Gateway {
    /// A client of the gateway at this address, such as `http://127.0.0.1:7070`, that sends these headers with every question.
    /// The key is a virtual one, or the provider's own where the gateway has none; without one the gateway's key is used. The
    /// mark proves that calls are of this source.
    pub(crate) fn new(
        address: &Uri,
        mut headers: HeaderMap,
        api_key: Option<&Secret>,
        source: Source,
        own_mark: Option<&OwnMark>,
    ) -> Result<Self, http::Error> {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(key) = api_key {
            let mut value = HeaderValue::try_from(format!("Bearer {}", key.expose()))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        if let Some(mark) = own_mark {
            let mut value = HeaderValue::try_from(mark.said_by(source))?;
            value.set_sensitive(true);
            headers.insert("weir-source", value);
        }
        let base = address.to_string();
        Ok(Self {
            url: Uri::try_from(format!("{}/v1/chat/completions", base.trim_end_matches('/')))?,
            headers,
            client: Client::builder(TokioExecutor::new()).build_http(),
        })
    }

    /// Sends a question, with more headers than usual. The answer's body is not read yet.
    pub(crate) async fn send(&self, body: &Value, more: HeaderMap) -> Result<Response<Incoming>, Unsent> {
        let mut request = Request::post(self.url.clone());
        if let Some(headers) = request.headers_mut() {
            headers.extend(self.headers.clone());
            headers.extend(more);
        }
        let request = request.body(Full::from(body.to_string()));
        let request = request.map_err(|error| Unsent::Invalid(error.to_string()))?;
        self.client.request(request).await.map_err(|error| Unsent::Unreached(error.to_string()))
    }
}

/// The body of an answer, as far as its limit goes; in words why it cannot be had.
pub(crate) async fn read(body: Incoming) -> Result<Bytes, String> {
    let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
    Ok(body.map_err(|error| error.to_string())?.to_bytes())
}

/// What the model said in a completion.
pub(crate) fn content(completion: &Value) -> Option<&str> {
    completion.pointer("/choices/0/message/content")?.as_str()
}

/// What a refusal says in words.
pub(crate) fn error_message(refusal: &Value) -> Option<&str> {
    refusal.pointer("/error/message")?.as_str()
}
