//! A worker thread: an event loop, a [`crate::Worker`], and the connections given to it.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::connection::serve_connection;
use super::{Fallback, FrontConfig};
use crate::error::GatewayError;
use crate::gateway::Gateway;

/// Events handled between two looks at the sockets. Calls are short, so more would only delay what has arrived.
const EVENT_INTERVAL: u32 = 31;

/// A connection on its way to a worker. Its place is free again when it is dropped.
struct Accepted {
    stream: TcpStream,
    peer: SocketAddr,
    place: OwnedSemaphorePermit,
}

/// A running worker thread.
pub(super) struct WorkerThread {
    /// Bounded by `connections_max`: everything in the queue holds a place.
    accepted: mpsc::UnboundedSender<Accepted>,
    connections: Arc<AtomicUsize>,
    ended: oneshot::Receiver<()>,
}

impl WorkerThread {
    /// Starts a thread; returns when its event loop runs.
    pub(super) async fn start<F: Fallback>(
        index: usize,
        gateway: &Arc<Gateway>,
        fallback: F,
        config: FrontConfig,
        stopped: watch::Receiver<bool>,
    ) -> Result<Self, GatewayError> {
        let (accepted, incoming) = mpsc::unbounded_channel();
        let (ready, is_ready) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let connections = Arc::new(AtomicUsize::new(0));
        let (gateway, counter) = (Arc::clone(gateway), Arc::clone(&connections));
        let fault = |source| GatewayError::Worker { index, source };
        let thread = std::thread::Builder::new().name(format!("weir-worker-{index}"));
        let run = move || match runtime() {
            Err(error) => drop(ready.send(Err(error))),
            Ok(runtime) => {
                let _ = ready.send(Ok(()));
                runtime.block_on(run(gateway, fallback, config, stopped, incoming, counter));
                drop(runtime);
                let _ = end.send(());
            }
        };
        // Whoever waits for the thread does so through `ended`, without blocking.
        drop(thread.spawn(run).map_err(fault)?);
        match is_ready.await {
            Ok(started) => started.map_err(fault)?,
            Err(_) => return Err(fault(std::io::Error::other("the thread ended at once"))),
        }
        Ok(Self { accepted, connections, ended })
    }

    /// How many connections it has.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Gives it a connection.
    pub(super) fn give(&self, stream: TcpStream, peer: SocketAddr, place: OwnedSemaphorePermit) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        // A worker that has ended drops the connection, which closes it.
        let _ = self.accepted.send(Accepted { stream, peer, place });
    }

    /// Waits until its connections are served. The front must have been stopped.
    pub(super) async fn join(self) {
        drop(self.accepted);
        let _ = self.ended.await;
    }
}

fn runtime() -> std::io::Result<LocalRuntime> {
    Builder::new_current_thread()
        .enable_all()
        .event_interval(EVENT_INTERVAL)
        .build_local(LocalOptions::default())
}

async fn run<F: Fallback>(
    gateway: Arc<Gateway>,
    fallback: F,
    config: FrontConfig,
    stopped: watch::Receiver<bool>,
    mut incoming: mpsc::UnboundedReceiver<Accepted>,
    connections: Arc<AtomicUsize>,
) {
    let worker = gateway.worker();
    let sweeper = {
        let worker = worker.clone();
        tokio::task::spawn_local(async move { worker.sweep().await })
    };
    let mut tasks = JoinSet::new();
    loop {
        let Accepted { stream, peer, place } = tokio::select! {
            accepted = incoming.recv() => match accepted {
                Some(accepted) => accepted,
                None => break,
            },
            // What has ended is taken out, so that the set does not grow.
            Some(_) = tasks.join_next() => continue,
        };
        let (worker, fallback, stopped) = (worker.clone(), fallback.clone(), stopped.clone());
        let (gateway, connections) = (Arc::clone(&gateway), Arc::clone(&connections));
        tasks.spawn_local(async move {
            gateway.counters.connections_open.fetch_add(1, Ordering::Relaxed);
            match ready(stream) {
                Ok(stream) => serve_connection(stream, peer, worker, fallback, config, stopped).await,
                Err(error) => tracing::warn!(%error, "cannot serve a connection"),
            }
            gateway.counters.connections_open.fetch_sub(1, Ordering::Relaxed);
            connections.fetch_sub(1, Ordering::Relaxed);
            drop(place);
        });
    }
    while tasks.join_next().await.is_some() {}
    sweeper.abort();
}

/// `TCP_NODELAY`: a stream is many small writes, each of which would wait for the peer's delayed acknowledgement.
fn ready(stream: TcpStream) -> std::io::Result<tokio::net::TcpStream> {
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    tokio::net::TcpStream::from_std(stream)
}
