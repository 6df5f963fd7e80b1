//! A provider's `/embeddings`, in OpenAI's dialect.
//!
//! For operators who would rather pay than keep a model. Calls go straight to the provider: they are Weir's own, not a
//! client's, so no span tells of them and no budget counts them.
//!
//! Failure: an answer that is late, long or no vector is an error, and the caller does without. Nothing is tried again, since
//! whoever waits would be waiting longer than a vector is worth.

use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use weir_types::Secret;

use crate::{Embed, EmbedError, Vector, normalised};

/// How long an answer may take. Providers take a tenth of a second.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Bytes of an answer. The longest vectors in use have 4,096 numbers of about 12 bytes.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of a text. Providers read 8,191 tokens and refuse what is longer; this stays below in any language.
const TEXT_BYTES_MAX: usize = 8_000;

/// Where vectors are had.
#[derive(Debug, Clone)]
pub struct EndpointConfig {
    /// What `/embeddings` is appended to: `https://api.openai.com/v1`.
    pub base_url: Uri,
    /// The provider's key, sent as bearer token.
    pub api_key: Option<Secret>,
    /// The model: `text-embedding-3-small`.
    pub model: String,
}

/// A provider's endpoint.
pub struct Endpoint {
    url: Uri,
    authorization: Option<HeaderValue>,
    model: String,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    runtime: Handle,
}

#[derive(Serialize)]
struct Question<'a> {
    model: &'a str,
    input: &'a str,
    encoding_format: &'static str,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Datum>,
}

#[derive(Deserialize)]
struct Datum {
    embedding: Vec<f32>,
}

impl Endpoint {
    /// An endpoint. Nothing is asked yet. Connections live on `runtime`, which must not be the caller's own single thread.
    pub fn new(config: &EndpointConfig, runtime: Handle) -> Result<Self, EmbedError> {
        let base = config.base_url.to_string();
        let url = format!("{}/embeddings", base.trim_end_matches('/'));
        let fault = |reason: String| EmbedError::Client { url: url.clone(), reason };
        let authorization = config.api_key.as_ref().map(|key| {
            let mut value = HeaderValue::try_from(format!("Bearer {}", key.expose()))?;
            value.set_sensitive(true);
            Ok::<_, http::header::InvalidHeaderValue>(value)
        });
        let authorization = authorization.transpose().map_err(|error| fault(error.to_string()))?;
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let tls = tls.map_err(|error| fault(error.to_string()))?;
        let tls = if config.base_url.scheme_str() == Some("https") {
            tls.with_native_roots().map_err(|error| fault(error.to_string()))?
        } else {
            tls.with_root_certificates(rustls::RootCertStore::empty())
        };
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls.with_no_client_auth())
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            authorization,
            model: config.model.clone(),
            runtime,
            url: url.parse().map_err(|error: http::uri::InvalidUri| fault(error.to_string()))?,
        })
    }

    fn fault(&self, reason: impl std::fmt::Display) -> EmbedError {
        EmbedError::Endpoint { url: self.url.to_string(), reason: reason.to_string() }
    }

    async fn ask(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        let question = Question { model: &self.model, input: text, encoding_format: "float" };
        let question = serde_json::to_vec(&question).map_err(|error| self.fault(error))?;
        let mut request = Request::post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request.body(Full::from(question)).map_err(|error| self.fault(error))?;
        let response = self.client.request(request).await.map_err(|error| self.fault(error))?;
        let status = response.status();
        if !status.is_success() {
            return Err(self.fault(format!("it answered {status}")));
        }
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| self.fault(error))?.to_bytes();
        let answer: Answer = serde_json::from_slice(&body).map_err(|error| self.fault(error))?;
        let vector = answer.data.into_iter().next().map(|datum| datum.embedding);
        vector.filter(|vector| !vector.is_empty()).ok_or_else(|| self.fault("its answer holds none"))
    }
}

impl Embed for Endpoint {
    fn name(&self) -> &str {
        &self.model
    }

    fn embed(&self, text: &str) -> Result<Vector, EmbedError> {
        if text.len() > TEXT_BYTES_MAX {
            let tokens_max = TEXT_BYTES_MAX;
            return Err(EmbedError::TooLong { tokens: text.len(), tokens_max });
        }
        let answer = async { tokio::time::timeout(ANSWER_MAX, self.ask(text)).await };
        let answer = self.runtime.block_on(answer);
        Ok(normalised(answer.map_err(|_| self.fault("no answer in time"))??))
    }
}
