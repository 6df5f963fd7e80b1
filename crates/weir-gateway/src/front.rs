//! The listener: accepts connections, hands them to worker threads, and sees them to their end.
//!
//! Every worker is a thread with an event loop of its own. Whoever accepts gives each new connection to the worker that
//! has the fewest; keep-alive connections live long, so this balances better than the kernel does between several
//! listening sockets (`SO_REUSEPORT` hashes addresses: 64 connections easily fall 24 to 40 on two workers).
//!
//! Requests for the gateway go to it; all others to the `fallback` service, which runs on the same thread and must keep its
//! blocking work off it.
//!
//! Against clients that send slowly or nothing: a request's head must be complete within `header_timeout_ms` (this is
//! also how long an idle connection is kept), it has a largest size, and bodies have a time limit of their own
//! ([`crate::GatewayLimits::request_ms_max`]). Over `connections_max` connections wait in the kernel's queue.
//!
//! Shutdown: no more connections are accepted, calls under way are finished, and what is not finished within
//! `shutdown_ms` is cut and recorded as cancelled.

mod body;
mod connection;
mod thread;

use std::convert::Infallible;
use std::net::TcpListener;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::Service;

use crate::error::GatewayError;
use crate::gateway::Gateway;
use thread::WorkerThread;

/// How the front behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrontConfig {
    /// Worker threads; zero for one per core.
    pub worker_threads: usize,
    /// Milliseconds for a request's head to arrive, idle time before it included.
    pub header_timeout_ms: u64,
    /// Bytes of a request's head; more is refused with 431. At least 8192.
    pub header_bytes_max: usize,
    /// Connections at one time.
    pub connections_max: usize,
    /// Milliseconds that calls under way are given when Weir shuts down.
    pub shutdown_ms: u64,
}

impl Default for FrontConfig {
    fn default() -> Self {
        Self {
            worker_threads: 0,
            header_timeout_ms: 75_000,
            header_bytes_max: 64 * 1024,
            connections_max: 10_000,
            shutdown_ms: 10_000,
        }
    }
}

/// What answers requests that are not for the gateway: an `axum::Router`, for one.
pub trait Fallback:
    Service<Request<Incoming>, Response = Response<Self::Body>, Error = Infallible, Future: 'static>
    + Clone
    + Send
    + 'static
{
    /// The body of its responses.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + 'static;
}

impl<S, B> Fallback for S
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: 'static>
        + Clone
        + Send
        + 'static,
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + 'static,
{
    type Body = B;
}

/// Serves until `shutdown` is ready and calls under way are over. Call it within a tokio runtime; it accepts there, and
/// serves on its own threads.
pub async fn serve<F: Fallback>(
    listeners: Vec<TcpListener>,
    gateway: Arc<Gateway>,
    fallback: F,
    config: FrontConfig,
    shutdown: impl Future<Output = ()>,
) -> Result<(), GatewayError> {
    let (stop, stopped) = watch::channel(false);
    let mut workers = Vec::new();
    for index in 0..worker_count(config.worker_threads) {
        workers.push(WorkerThread::start(index, &gateway, fallback.clone(), config, stopped.clone()).await?);
    }
    let places = Arc::new(Semaphore::new(config.connections_max));
    let workers = Arc::new(workers);
    let mut accepting = JoinSet::new();
    for listener in listeners {
        listener.set_nonblocking(true).map_err(GatewayError::Listen)?;
        let listener = tokio::net::TcpListener::from_std(listener).map_err(GatewayError::Listen)?;
        accepting.spawn(accept(listener, Arc::clone(&workers), Arc::clone(&places)));
    }
    shutdown.await;
    accepting.shutdown().await;
    // Nobody is left who could refuse to hear this but workers that have ended.
    let _ = stop.send(true);
    if let Some(workers) = Arc::into_inner(workers) {
        for worker in workers {
            worker.join().await;
        }
    }
    Ok(())
}

fn worker_count(configured: usize) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
    if configured == 0 { cores() } else { configured }
}

/// Accepts for ever. An error concerns one connection, or all for a while (no file descriptors left): it is logged, and
/// accepting goes on.
async fn accept(listener: tokio::net::TcpListener, workers: Arc<Vec<WorkerThread>>, places: Arc<Semaphore>) {
    /// Long enough for descriptors to become free, short enough for nobody to notice.
    const PAUSE: Duration = Duration::from_millis(50);
    loop {
        // The semaphore is never closed, so there is always a place sooner or later.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await.and_then(|(stream, peer)| Ok((stream.into_std()?, peer))) {
            Ok((stream, peer)) => {
                if let Some(worker) = workers.iter().min_by_key(|worker| worker.connections()) {
                    worker.give(stream, peer, place);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
