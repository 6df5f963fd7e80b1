//! DogStatsD: metrics, events and service checks as lines of text in datagrams, over UDP or a unix socket.
//!
//! Nobody answers a datagram, so nothing can be pushed back: the receiver has to be faster than its clients. Each socket
//! has a thread of its own, which takes up to 64 datagrams with one system call, reads their lines in place, and merges
//! samples of one series until the next flush ([`FLUSH`]), when they go to the journal as one append.
//!
//! What a line says wrongly is refused, counted by reason, and the next line is read. What the kernel had no room for is
//! not seen here; the 8 MiB that are asked for hold about 40,000 small datagrams.

mod aggregate;
mod event;
mod line;
mod socket;

use std::io;
use std::net::UdpSocket;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;
use weir_types::{Record, UnixMicros};

use crate::Inlet;
pub use line::LineError;

use aggregate::Aggregate;

/// How receivers of this kind are named in counts of what was accepted and refused.
pub const RECEIVER: &str = "dogstatsd";

/// How long samples are merged before they are kept, and so the most that a crash can lose.
pub const FLUSH: Duration = Duration::from_millis(200);

/// Receives datagrams on this socket until `stopped` says so. The thread ends within [`FLUSH`] of that and keeps
/// everything it has read.
pub fn serve_udp(
    socket: UdpSocket,
    inlet: Arc<Inlet>,
    stopped: watch::Receiver<bool>,
) -> io::Result<JoinHandle<()>> {
    let socket = socket::Socket::new(socket.into())?;
    spawn("dogstatsd-udp", socket, inlet, stopped)
}

/// Receives datagrams on a unix socket at this path until `stopped` says so. A socket that a former process left there is
/// replaced; any other file is not.
pub fn serve_unix(
    path: &Path,
    inlet: Arc<Inlet>,
    stopped: watch::Receiver<bool>,
) -> io::Result<JoinHandle<()>> {
    let socket = socket::Socket::new(socket::bind_unix(path)?)?;
    spawn("dogstatsd-unix", socket, inlet, stopped)
}

fn spawn(
    name: &str,
    socket: socket::Socket,
    inlet: Arc<Inlet>,
    stopped: watch::Receiver<bool>,
) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || socket::receive(&socket, &inlet, &stopped))
}

/// The records of one datagram and what is refused of it, by reason. `now` stands in where a line states no time.
pub fn decode(datagram: &[u8], now: UnixMicros) -> (Vec<Record>, Vec<(&'static str, u64)>) {
    let mut aggregate = Aggregate::default();
    aggregate.datagram(datagram, now);
    let flushed = aggregate.flush();
    (flushed.records, flushed.refusals)
}
