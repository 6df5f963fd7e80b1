//! A worker thread: an event loop, a [`crate::Worker`], and the connections given to it.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::connection::serve_connection;
use super::{Fallback, FrontConfig};
use crate::error::GatewayError;
use crate::gateway::Gateway;

/// How long a client may leave what was sent to it unacknowledged, or its receive window shut, before the connection is
/// given up: one that vanished without a word, or reads nothing on purpose, would hold its call's connection to the
/// provider for a quarter of an hour.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED_MAX: Duration = Duration::from_mins(2);

/// When a silent client is asked whether it is still there. Calls take minutes, and a client that vanished while it waits
/// is noticed by nothing else.
const KEEPALIVE: Duration = Duration::from_mins(1);

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
    Builder::new_current_thread().enable_all().build_local(LocalOptions::default())
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
        let open = Open::new(Arc::clone(&gateway), Arc::clone(&connections), place);
        tasks.spawn_local(async move {
            match ready(stream) {
                Ok(stream) => serve_connection(stream, peer, worker, fallback, config, stopped).await,
                Err(error) => tracing::warn!(%error, "cannot serve a connection"),
            }
            drop(open);
        });
    }
    while tasks.join_next().await.is_some() {}
    sweeper.abort();
}

/// An open connection is counted as long as this lives, and holds its place.
struct Open {
    gateway: Arc<Gateway>,
    connections: Arc<AtomicUsize>,
    _place: OwnedSemaphorePermit,
}

impl Open {
    fn new(gateway: Arc<Gateway>, connections: Arc<AtomicUsize>, place: OwnedSemaphorePermit) -> Self {
        gateway.counters.connections_open.fetch_add(1, Ordering::Relaxed);
        Self { gateway, connections, _place: place }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.gateway.counters.connections_open.fetch_sub(1, Ordering::Relaxed);
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// `TCP_NODELAY`: a stream is many small writes, each of which would wait for the peer's delayed acknowledgement.
fn ready(stream: TcpStream) -> std::io::Result<tokio::net::TcpStream> {
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    let socket = SockRef::from(&stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX))?;
    tokio::net::TcpStream::from_std(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_clients_connection_is_set_up_before_it_is_served() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let stream = ready(listener.accept().unwrap().0).unwrap();
        assert!(stream.nodelay().unwrap());
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().unwrap());
        #[cfg(target_os = "linux")]
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(UNACKNOWLEDGED_MAX));
    }
}
