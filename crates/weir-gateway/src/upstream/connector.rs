//! Opens connections to providers: name, TCP with `TCP_NODELAY`, TLS where the scheme asks for it.
//!
//! TLS is rustls with ring and the system's root certificates, loaded once for all workers and only when some provider
//! is reached by https. Names are resolved by the system, off the worker's thread.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;

/// What a connection is made over.
pub(crate) type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// When TCP asks whether an idle peer is still there: sooner than the five minutes after which cloud NATs forget.
const TCP_KEEPALIVE: Duration = Duration::from_mins(1);

#[derive(Clone)]
pub(crate) struct Connector(TowerToHyperService<HttpsConnector<HttpConnector>>);

impl Connector {
    /// A connector; `for_https` loads the system's root certificates, without which every https connection fails.
    pub(crate) fn new(for_https: bool) -> io::Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let tls = if for_https {
            builder.with_native_roots()?.with_no_client_auth()
        } else {
            builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
        };
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(TCP_KEEPALIVE));
        let https = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Ok(Self(TowerToHyperService::new(https)))
    }

    /// Opens a connection to `scheme://host:port`.
    pub(crate) async fn connect(&self, origin: &Uri) -> Result<Stream, ConnectError> {
        hyper::service::Service::call(&self.0, origin.clone()).await.map_err(ConnectError)
    }
}

/// Why no connection could be made.
#[derive(Debug)]
pub(crate) struct ConnectError(Box<dyn std::error::Error + Send + Sync>);

impl std::fmt::Display for ConnectError {
    /// The whole chain of causes: `tcp connect error: Connection refused (os error 111)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_providers_connection_does_not_wait_for_acknowledgements() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let connected = Connector::new(false).unwrap().connect(&origin).await.unwrap();
        let MaybeHttpsStream::Http(stream) = connected else { panic!("plain HTTP has no TLS") };
        assert!(stream.inner().nodelay().unwrap());
    }
}
