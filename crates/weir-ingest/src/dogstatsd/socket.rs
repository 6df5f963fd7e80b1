//! The thread that takes datagrams off a socket: many with each system call, merged, and kept at each flush.

use std::fs;
use std::io::{self, IoSliceMut};
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Instant;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, recvmmsg, setsockopt, sockopt};
use tokio::sync::watch;
use weir_types::Clock;

use super::aggregate::Aggregate;
use super::line::LineError;
use super::{FLUSH, RECEIVER};
use crate::Inlet;

/// Room for datagrams in the kernel. Clients do not wait, so this is what bridges a moment in which the thread does not
/// run. The kernel gives `net.core.rmem_max` at most, unless Weir may exceed it.
const BUFFER_BYTES: usize = 8 * 1024 * 1024;

/// Datagrams taken with one system call. More than this no longer makes the call noticeably cheaper for each.
const BATCH: usize = 64;

/// Bytes of the longest datagram that UDP can carry. Memory is only touched as far as datagrams reach.
const DATAGRAM_BYTES_MAX: usize = 65_536;

/// A bound datagram socket with a large buffer.
#[derive(Debug)]
pub(super) struct Socket(socket2::Socket);

impl Socket {
    pub(super) fn new(socket: socket2::Socket) -> io::Result<Self> {
        // Beyond the limit where Weir may (it is root, or has CAP_NET_ADMIN), else as far as the limit goes.
        if setsockopt(&socket, sockopt::RcvBufForce, &BUFFER_BYTES).is_err() {
            socket.set_recv_buffer_size(BUFFER_BYTES)?;
        }
        // The kernel doubles what is asked for, to have room for its own bookkeeping, and tells the doubled number.
        let granted = socket.recv_buffer_size()? / 2;
        if granted < BUFFER_BYTES {
            tracing::info!(
                granted,
                wanted = BUFFER_BYTES,
                "small socket buffer for dogstatsd; raise net.core.rmem_max if datagrams are lost"
            );
        }
        socket.set_nonblocking(false)?;
        // Wakes the thread for flushes and for the end, also when nothing arrives.
        socket.set_read_timeout(Some(FLUSH))?;
        Ok(Self(socket))
    }
}

/// Binds a unix datagram socket. What a former process left at the path is removed first.
pub(super) fn bind_unix(path: &Path) -> io::Result<socket2::Socket> {
    let is_left_over = |path: &Path| {
        fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket())
            && UnixDatagram::unbound().and_then(|probe| probe.connect(path)).is_err()
    };
    if is_left_over(path) {
        fs::remove_file(path)?;
    }
    let socket = UnixDatagram::bind(path)?;
    // Nothing is ever sent, and a client that waits for an answer should learn that.
    socket.shutdown(Shutdown::Write)?;
    Ok(std::os::fd::OwnedFd::from(socket).into())
}

/// Receives until `stopped` says so or nobody is left who could say it.
pub(super) fn receive(socket: &Socket, inlet: &Inlet, stopped: &watch::Receiver<bool>) {
    // Each made anew: a copy would touch all of its pages, and datagrams are mostly short.
    let mut buffers: Vec<_> = (0..BATCH).map(|_| vec![0u8; DATAGRAM_BYTES_MAX]).collect();
    // Who sent a datagram makes no difference, so no addresses are asked for.
    let mut headers = MultiHeaders::<()>::preallocate(BATCH, None);
    let mut aggregate = Aggregate::default();
    let mut flushed_at = Instant::now();
    loop {
        let received = take_batch(socket, &mut headers, &mut buffers, &mut aggregate, inlet.clock());
        let is_over = *stopped.borrow() || stopped.has_changed().is_err();
        if is_over || aggregate.is_full() || flushed_at.elapsed() >= FLUSH {
            keep(&mut aggregate, inlet);
            flushed_at = Instant::now();
        }
        if is_over {
            return;
        }
        match received {
            Ok(_) | Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot read a dogstatsd socket");
                // An error that stays must not keep a processor busy.
                std::thread::park_timeout(FLUSH);
            }
        }
    }
}

/// Waits for datagrams, at most for the socket's timeout, and merges those that are there.
fn take_batch(
    socket: &Socket,
    headers: &mut MultiHeaders<()>,
    buffers: &mut [Vec<u8>],
    aggregate: &mut Aggregate,
    clock: &dyn Clock,
) -> Result<usize, Errno> {
    let mut slices: Vec<_> = buffers.iter_mut().map(|buffer| [IoSliceMut::new(buffer)]).collect();
    let flags = MsgFlags::MSG_WAITFORONE;
    let messages = recvmmsg(socket.0.as_raw_fd(), headers, slices.iter_mut(), flags, None)?;
    // What was waited for came now, and not when the waiting began.
    let now = clock.now();
    let mut count = 0;
    for message in messages {
        count += 1;
        if message.flags.contains(MsgFlags::MSG_TRUNC) {
            aggregate.refuse(LineError::Truncated);
            continue;
        }
        for datagram in message.iovs() {
            aggregate.datagram(datagram, now);
        }
    }
    Ok(count)
}

/// Hands everything since the last flush to the inlet.
fn keep(aggregate: &mut Aggregate, inlet: &Inlet) {
    if aggregate.is_empty() {
        return;
    }
    let flushed = aggregate.flush();
    for (reason, count) in flushed.refusals {
        inlet.refuse(RECEIVER, reason, count);
    }
    if flushed.records.is_empty() {
        return;
    }
    match inlet.accept(flushed.records) {
        Ok(()) => inlet.count_accepted(RECEIVER, flushed.lines),
        Err(error) => {
            // There is nobody to send it again. What follows is tried anew.
            inlet.refuse(RECEIVER, "journal", flushed.lines);
            tracing::warn!(%error, lines = flushed.lines, "cannot keep dogstatsd samples");
        }
    }
}
