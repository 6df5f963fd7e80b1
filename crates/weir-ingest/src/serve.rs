//! Serves a receiver's routes on a socket of its own.
//!
//! Telemetry clients hold few connections for a long time and speak HTTP/1.1 or, for gRPC, HTTP/2 without TLS; both are
//! taken on every such socket. Bodies are read and bounded by the routes themselves.
//!
//! Against clients that do nothing: the head of a request must arrive in time, a silent HTTP/2 connection is asked
//! whether it is alive, and over [`CONNECTIONS_MAX`] new connections wait in the kernel's queue. Requests under way are
//! finished when the receiver is stopped, for as long as [`SHUTDOWN`].

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Connections of one receiver at one time. A client process holds one or two.
const CONNECTIONS_MAX: usize = 4096;

/// How long the head of a request may take, idle time before it included: exporters that flush once a minute keep their
/// connection.
const HEAD_MAX: Duration = Duration::from_secs(75);

/// When a silent HTTP/2 connection is asked whether it is alive.
const PING_AFTER: Duration = Duration::from_mins(1);

/// How long requests under way may take when the receiver is stopped.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// How long accepting pauses after an error: long enough for descriptors to become free.
const PAUSE: Duration = Duration::from_millis(50);

/// A socket that takes connections.
pub enum HttpListener {
    /// An address.
    Tcp(std::net::TcpListener),
    /// A path.
    Unix(std::os::unix::net::UnixListener),
}

/// Serves until `stopped` says so. Call it within a tokio runtime.
pub async fn serve_http(
    listener: HttpListener,
    router: Router,
    mut stopped: watch::Receiver<bool>,
) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let listener = AsyncListener::new(listener)?;
    loop {
        let accepted = tokio::select! {
            () = until_stopped(&mut stopped) => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept(&places) => accepted,
        };
        match accepted {
            Ok((stream, place)) => {
                let (router, stopped) = (router.clone(), stopped.clone());
                connections.spawn(async move {
                    match stream {
                        Stream::Tcp(stream) => serve_connection(stream, router, stopped).await,
                        Stream::Unix(stream) => serve_connection(stream, router, stopped).await,
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection of a receiver");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    while connections.join_next().await.is_some() {}
    Ok(())
}

async fn until_stopped(stopped: &mut watch::Receiver<bool>) {
    // An error means that whoever could stop us is gone, which is the same.
    let _ = stopped.wait_for(|is_stopped| *is_stopped).await;
}

enum AsyncListener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

enum Stream {
    Tcp(tokio::net::TcpStream),
    Unix(tokio::net::UnixStream),
}

impl AsyncListener {
    fn new(listener: HttpListener) -> io::Result<Self> {
        Ok(match listener {
            HttpListener::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                Self::Tcp(TcpListener::from_std(listener)?)
            }
            HttpListener::Unix(listener) => {
                listener.set_nonblocking(true)?;
                Self::Unix(UnixListener::from_std(listener)?)
            }
        })
    }

    /// The next connection, once there is a place for it. Nothing is lost when this is dropped before it is ready.
    async fn accept(
        &self,
        places: &Arc<Semaphore>,
    ) -> io::Result<(Stream, tokio::sync::OwnedSemaphorePermit)> {
        let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
        let stream = match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Stream::Tcp(stream)
            }
            Self::Unix(listener) => Stream::Unix(listener.accept().await?.0),
        };
        Ok((stream, place))
    }
}

async fn serve_connection<S>(stream: S, router: Router, mut stopped: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_MAX);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(PING_AFTER);
    let mut connection =
        pin!(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)));
    // How a connection ended is no news: clients close them as they like.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = until_stopped(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(SHUTDOWN, connection).await;
        }
    }
}
