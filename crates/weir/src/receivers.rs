//! Opens the doors for telemetry and serves each receiver behind its own.
//!
//! A standard port that another program holds is not a fault: an agent or a collector may run there. Weir says so in its
//! log, in `/api/status` and in `weir doctor`, and goes on without. An address that someone wrote into `weir.toml` must be
//! free, or Weir does not start.
//!
//! Order: doors are opened before anything is written, served once the store is open, and closed before it is closed.

use std::fmt::Display;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::Context as _;
use axum::Router;
use tokio::sync::watch;
use tokio::task::JoinSet;
use weir_api::wire::{ReceiverState, ReceiverStatus, RefusalCount};
use weir_ingest::{HttpListener, Inlet, datadog, dogstatsd, mlflow, otlp};
use weir_types::Browse;

use crate::config::listeners::{Door, Listeners, Place};
use crate::receiver_access;

/// The receiver of datagrams; all others take connections.
const DOGSTATSD: &str = "dogstatsd";
/// The receiver that is a Datadog trace agent.
const DATADOG: &str = "datadog";

/// What the receivers that speak HTTP answer with.
pub struct Routers {
    /// OTLP over gRPC and HTTP: each of its two ports takes both.
    otlp: Router,
    /// The Datadog trace agent.
    datadog: Router,
    /// An MLflow tracking server.
    mlflow: Router,
}

impl Routers {
    /// All of them before one inlet; `browse` reads back what MLflow clients ask for.
    pub fn new(inlet: &Arc<Inlet>, browse: Arc<dyn Browse>, receivers: &Receivers) -> Self {
        let info = datadog::DatadogInfo {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            statsd_port: receivers.statsd_port(),
        };
        let known = Arc::new(mlflow::Known::default());
        Self {
            otlp: otlp::router(Arc::clone(inlet), Arc::clone(&known)),
            datadog: datadog::router(Arc::clone(inlet), info),
            mlflow: mlflow::router(Arc::clone(inlet), browse, known),
        }
    }

    /// What Weir's own address takes of it.
    pub fn shared_port(&self) -> Router {
        self.otlp.clone().merge(self.mlflow.clone())
    }
}

/// A socket that is open.
enum Socket {
    Connections(HttpListener),
    Datagrams(UdpSocket),
    /// A path: whoever reads the datagrams makes the socket.
    DatagramPath(PathBuf),
}

/// Doors that are open and not served yet.
pub struct Receivers {
    open: Vec<(&'static str, Socket)>,
    doors: Arc<[OpenedDoor]>,
    /// The paths of unix sockets, which must be removed at the end.
    paths: Vec<PathBuf>,
}

/// What became of a door.
#[derive(Debug, Clone)]
pub struct OpenedDoor {
    name: &'static str,
    address: Option<String>,
    state: ReceiverState,
}

impl Receivers {
    /// Opens all doors.
    pub fn open(listeners: &Listeners) -> anyhow::Result<Self> {
        let (mut open, mut doors, mut paths) = (Vec::new(), Vec::new(), Vec::new());
        for door in listeners.doors() {
            let opened = match open_door(door)? {
                Some((address, socket)) => {
                    tracing::info!(receiver = door.name, address, "receiver listens");
                    open.push((door.name, socket));
                    OpenedDoor { name: door.name, address: Some(address), state: ReceiverState::Listening }
                }
                None => unopened(door),
            };
            if let Place::Socket(path) = &door.place {
                paths.push(path.clone());
            }
            doors.push(opened);
        }
        Ok(Self { open, doors: doors.into(), paths })
    }

    /// What became of every door.
    pub fn doors(&self) -> Arc<[OpenedDoor]> {
        Arc::clone(&self.doors)
    }

    /// Where DogStatsD is received by UDP, if it is.
    pub fn statsd_port(&self) -> Option<u16> {
        self.open.iter().find_map(|(_, socket)| match socket {
            Socket::Datagrams(socket) => Some(socket.local_addr().ok()?.port()),
            _ => None,
        })
    }

    /// Serves all open doors. Call it within a tokio runtime.
    pub fn serve(self, routers: &Routers, inlet: &Arc<Inlet>) -> anyhow::Result<ServedReceivers> {
        let (stop, stopped) = watch::channel(false);
        let (mut tasks, mut threads) = (JoinSet::new(), Vec::new());
        for (name, socket) in self.open {
            let (inlet, stopped) = (Arc::clone(inlet), stopped.clone());
            match socket {
                Socket::Connections(listener) => {
                    let router = if name == DATADOG { &routers.datadog } else { &routers.otlp };
                    let router = receiver_access::for_own_port(router.clone());
                    tasks.spawn(async move {
                        if let Err(error) = weir_ingest::serve_http(listener, router, stopped).await {
                            tracing::error!(receiver = name, %error, "the receiver cannot be served");
                        }
                    });
                }
                Socket::Datagrams(socket) => threads.push(dogstatsd::serve_udp(socket, inlet, stopped)?),
                Socket::DatagramPath(path) => {
                    let served = dogstatsd::serve_unix(&path, inlet, stopped);
                    threads.push(served.with_context(|| {
                        format!("cannot listen on {}: is another process there?", path.display())
                    })?);
                }
            }
        }
        Ok(ServedReceivers { stop, tasks, threads, paths: self.paths })
    }
}

/// Receivers at work.
pub struct ServedReceivers {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    threads: Vec<JoinHandle<()>>,
    paths: Vec<PathBuf>,
}

impl ServedReceivers {
    /// Closes all doors; returns when what was under way is finished.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
        let threads = self.threads;
        let joined = tokio::task::spawn_blocking(move || {
            threads.into_iter().map(JoinHandle::join).filter(Result::is_err).count()
        });
        if joined.await.is_ok_and(|panicked| panicked > 0) {
            tracing::error!("a receiver ended by a fault; what it had not kept yet is lost");
        }
        for path in self.paths {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// The lines of `/api/status` about receivers.
pub fn status(doors: &[OpenedDoor], inlet: &Inlet) -> Vec<ReceiverStatus> {
    let counts = inlet.refusals();
    let line = |name: &str, address, state| {
        let refusals: Vec<RefusalCount> = counts
            .iter()
            .filter(|count| count.receiver == name)
            .map(|count| RefusalCount { reason: count.reason.to_owned(), count: count.count })
            .collect();
        let refused = refusals.iter().map(|refusal| refusal.count).sum();
        ReceiverStatus {
            name: name.to_owned(),
            address,
            state,
            accepted: inlet.accepted(name),
            refused,
            refusals,
        }
    };
    let doors = doors.iter().map(|door| line(door.name, door.address.clone(), door.state));
    // MLflow's is always there, on Weir's own address.
    doors.chain([line(mlflow::RECEIVER, None, ReceiverState::Listening)]).collect()
}

fn unopened(door: &Door) -> OpenedDoor {
    if door.place == Place::Off {
        return OpenedDoor { name: door.name, address: None, state: ReceiverState::Off };
    }
    let address = shown(door, &door.place);
    tracing::warn!(
        receiver = door.name,
        address,
        "the standard address is in use by another program, so this receiver is off; free it, or choose another in \
         [listeners]"
    );
    OpenedDoor { name: door.name, address: Some(address), state: ReceiverState::Taken }
}

/// A socket and the address that it really has; `None` when nothing is to be opened, or nothing can be and nobody asked.
fn open_door(door: &Door) -> anyhow::Result<Option<(String, Socket)>> {
    let opened = match &door.place {
        Place::Off => return Ok(None),
        Place::Address(address) => open_address(door, *address),
        Place::Socket(path) => open_path(door, path),
    };
    match opened {
        Ok(opened) => Ok(Some(opened)),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && !door.is_written => Ok(None),
        Err(error) => Err(error).with_context(|| {
            format!(
                "cannot listen on {} for {}: free the address, or change it in [listeners]",
                door.place, door.name
            )
        }),
    }
}

fn open_address(door: &Door, address: SocketAddr) -> io::Result<(String, Socket)> {
    if door.name == DOGSTATSD {
        let socket = UdpSocket::bind(address)?;
        return Ok((shown(door, socket.local_addr()?), Socket::Datagrams(socket)));
    }
    let listener = TcpListener::bind(address)?;
    Ok((shown(door, listener.local_addr()?), Socket::Connections(HttpListener::Tcp(listener))))
}

/// A socket file that nobody listens on is what a crash leaves behind; it is replaced.
fn open_path(door: &Door, path: &Path) -> io::Result<(String, Socket)> {
    if door.name == DOGSTATSD {
        return Ok((shown(door, &door.place), Socket::DatagramPath(path.to_path_buf())));
    }
    let is_left_over = std::os::unix::net::UnixStream::connect(path)
        .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
    if is_left_over {
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    Ok((shown(door, &door.place), Socket::Connections(HttpListener::Unix(listener))))
}

fn shown(door: &Door, address: impl Display) -> String {
    let is_udp = door.name == DOGSTATSD && matches!(door.place, Place::Address(_));
    if is_udp { format!("udp://{address}") } else { address.to_string() }
}
