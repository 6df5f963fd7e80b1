//! The HTTP client of notifications: one request, one connection, to checked addresses only.
//!
//! Notifications are few, so connections are not kept. Redirects are not followed: where a message goes is what was
//! configured. Names are resolved here and every address is checked before it is connected to. What is said about a
//! failure names the host and never the URL, because the URL of a webhook is often its secret.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use rustls::{ClientConfig, RootCertStore};
use tower::{Service, ServiceExt as _};

use crate::guard::{self, NotAllowed};

/// From the start of the connection to the end of the answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of an answer that are read: enough for any word of explanation.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Where requests go.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) uri: Uri,
    pub(crate) allow_private: bool,
}

impl Endpoint {
    /// The host, for messages.
    pub(crate) fn host(&self) -> &str {
        self.uri.host().unwrap_or("?")
    }

    /// The same endpoint with something after its path.
    pub(crate) fn with_path(&self, path: &str) -> Self {
        let mut parts = self.uri.clone().into_parts();
        let joined = format!("{}{path}", self.uri.path().trim_end_matches('/'));
        if let Ok(path) = joined.parse() {
            parts.path_and_query = Some(path);
        }
        let uri = Uri::from_parts(parts).unwrap_or_else(|_| self.uri.clone());
        Self { uri, allow_private: self.allow_private }
    }
}

/// What a server said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: String,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) struct NoAnswer {
    pub(crate) message: String,
    /// Whether another attempt would end the same way.
    pub(crate) is_final: bool,
}

/// Sends requests. Clones share the root certificates.
#[derive(Clone)]
pub(crate) struct HttpClient {
    public: HttpsConnector<HttpConnector<CheckedResolver>>,
    any: HttpsConnector<HttpConnector<CheckedResolver>>,
}

impl HttpClient {
    /// A client; `for_https` loads the system's root certificates.
    pub(crate) fn new(for_https: bool) -> std::io::Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(std::io::Error::other)?;
        let tls = if for_https {
            builder.with_native_roots()?.with_no_client_auth()
        } else {
            builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
        };
        let connector = |allow_private| {
            let mut tcp = HttpConnector::new_with_resolver(CheckedResolver { allow_private });
            tcp.enforce_http(false);
            tcp.set_nodelay(true);
            hyper_rustls::HttpsConnectorBuilder::new()
                .with_tls_config(tls.clone())
                .https_or_http()
                .enable_http1()
                .wrap_connector(tcp)
        };
        Ok(Self { public: connector(false), any: connector(true) })
    }

    /// Posts a body of JSON and reads the answer.
    pub(crate) async fn post(
        &self,
        endpoint: &Endpoint,
        headers: HeaderMap,
        body: impl Into<Bytes>,
    ) -> Result<Answer, NoAnswer> {
        let host = endpoint.host();
        let exchange = self.exchange(endpoint, headers, body.into());
        match tokio::time::timeout(TIMEOUT, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(NoAnswer {
                message: format!("{host} did not answer within {} s", TIMEOUT.as_secs()),
                is_final: false,
            }),
        }
    }

    async fn exchange(
        &self,
        endpoint: &Endpoint,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, NoAnswer> {
        let host = endpoint.host().to_owned();
        let failed = |what: &str, error: &(dyn std::error::Error + 'static)| NoAnswer {
            message: format!("{what} {host}: {}", innermost(error)),
            is_final: is_not_allowed(error),
        };
        // Addresses that are written out are not resolved, and so not checked by the resolver.
        if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
            let one = std::iter::once(SocketAddr::new(address, 0));
            guard::allowed(&host, one, endpoint.allow_private)
                .map_err(|error| NoAnswer { message: error.to_string(), is_final: true })?;
        }
        let mut connector = if endpoint.allow_private { self.any.clone() } else { self.public.clone() };
        let connecting = async { connector.ready().await?.call(endpoint.uri.clone()).await };
        let stream = connecting.await.map_err(|error| failed("cannot connect to", &*error))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream)
            .await
            .map_err(|error| failed("cannot speak HTTP to", &error))?;
        let request = request(endpoint, headers, body)
            .map_err(|error| NoAnswer { message: format!("cannot ask {host}: {error}"), is_final: true })?;
        let answering = async {
            let response =
                sender.send_request(request).await.map_err(|error| failed("no answer from", &error))?;
            let (head, body) = response.into_parts();
            // A body that cannot be read says nothing, and what counts is the status.
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
            let body = body.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned());
            Ok(Answer {
                status: head.status.as_u16(),
                retry_after: retry_after(&head.headers),
                body: body.unwrap_or_default(),
            })
        };
        tokio::pin!(answering);
        let mut connection = std::pin::pin!(connection);
        let mut is_open = true;
        loop {
            tokio::select! {
                biased;
                answer = &mut answering => return answer,
                // How the connection ended is told by the answer or its absence.
                _ = &mut connection, if is_open => is_open = false,
            }
        }
    }
}

fn request(
    endpoint: &Endpoint,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Request<Full<Bytes>>, http::Error> {
    let path = endpoint.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let mut request = Request::builder().method(Method::POST).uri(path).body(Full::new(body))?;
    let authority = endpoint.uri.authority().map_or("", http::uri::Authority::as_str);
    *request.headers_mut() = headers;
    request.headers_mut().insert(HOST, HeaderValue::from_str(authority)?);
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    request
        .headers_mut()
        .insert(USER_AGENT, HeaderValue::from_static(concat!("weir/", env!("CARGO_PKG_VERSION"))));
    Ok(request)
}

/// A header that holds a secret; `None` when the secret cannot be one.
pub(crate) fn secret_header(prefix: &str, secret: &weir_types::Secret) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("{prefix}{}", secret.expose())).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Headers of a request from pairs; what is no header is left out.
pub(crate) fn headers(pairs: impl IntoIterator<Item = (&'static str, Option<HeaderValue>)>) -> HeaderMap {
    let present = pairs.into_iter().filter_map(|(name, value)| Some((HeaderName::from_static(name), value?)));
    present.collect()
}

/// `Retry-After` in seconds; dates are not worth a parser here, because pauses double anyway.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse::<u64>().ok()?;
    Some(Duration::from_secs(seconds))
}

fn causes<'e>(
    error: &'e (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'e (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

fn is_not_allowed(error: &(dyn std::error::Error + 'static)) -> bool {
    causes(error).any(<dyn std::error::Error>::is::<NotAllowed>)
}

/// Resolves names by the system and drops addresses that are not allowed.
#[derive(Clone)]
struct CheckedResolver {
    allow_private: bool,
}

impl Service<Name> for CheckedResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(guard::allowed(name.as_str(), addresses, allow_private)?.into_iter())
        })
    }
}
