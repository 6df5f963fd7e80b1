//! What to forward for one piece of the stream.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

use super::Fate;

/// Bytes up to which what is left after a cut is copied into one piece. Copying a few kilobytes is cheaper than sending
/// them as several frames.
const JOIN_BYTES_MAX: usize = 16 * 1024;

/// What to send to the client.
#[derive(Debug)]
pub enum StreamForward {
    /// Nothing, for now or at all.
    None,
    /// The piece as it was pushed.
    Same(Bytes),
    /// These pieces, in order.
    Parts(SmallVec<[Bytes; 4]>),
}

/// Collects what one push changes: bytes held back earlier that go first, and ranges of the piece that do not go.
#[derive(Debug, Default)]
pub(super) struct Forward {
    held: SmallVec<[Bytes; 2]>,
    cuts: SmallVec<[Range<usize>; 4]>,
}

impl Forward {
    /// This range of the pushed piece is not forwarded (now). Ranges must come in order.
    pub(super) fn cut(&mut self, at: Range<usize>) {
        if !at.is_empty() {
            self.cuts.push(at);
        }
    }

    /// An event within the pushed piece, which begins there at `offset`, meets its fate.
    pub(super) fn apply(&mut self, fate: Fate, event: &[u8], offset: usize) {
        match fate {
            Fate::Keep => {}
            Fate::Remove => self.cut(offset + content_start(event)..offset + event.len()),
            Fate::Cut(at) => self.cut(offset + at.start..offset + at.end),
        }
    }

    /// An event that was held back meets its fate.
    pub(super) fn hold(&mut self, event: Vec<u8>, fate: Fate) {
        let event = Bytes::from(event);
        let kept = match fate {
            Fate::Keep => [event, Bytes::new()],
            Fate::Remove => [event.slice(..content_start(&event)), Bytes::new()],
            Fate::Cut(at) => [event.slice(..at.start), event.slice(at.end..)],
        };
        self.held.extend(kept.into_iter().filter(|piece| !piece.is_empty()));
    }

    /// The pieces to send.
    pub(super) fn materialise(self, chunk: Bytes) -> StreamForward {
        if self.held.is_empty() && self.cuts.is_empty() {
            return if chunk.is_empty() { StreamForward::None } else { StreamForward::Same(chunk) };
        }
        let mut parts: SmallVec<[Bytes; 4]> = self.held.into_iter().collect();
        let mut kept_from = 0;
        for cut in self.cuts {
            if kept_from < cut.start {
                parts.push(chunk.slice(kept_from..cut.start));
            }
            kept_from = cut.end;
        }
        if kept_from < chunk.len() {
            parts.push(chunk.slice(kept_from..));
        }
        let total: usize = parts.iter().map(Bytes::len).sum();
        match parts.len() {
            0 => StreamForward::None,
            1 => StreamForward::Parts(parts),
            _ if total <= JOIN_BYTES_MAX => StreamForward::Parts(SmallVec::from_iter([join(&parts, total)])),
            _ => StreamForward::Parts(parts),
        }
    }
}

fn join(parts: &[Bytes], total: usize) -> Bytes {
    let mut joined = BytesMut::with_capacity(total);
    for part in parts {
        joined.extend_from_slice(part);
    }
    joined.freeze()
}

/// Where an event's own bytes begin: blank lines before it belong to nobody and stay.
fn content_start(event: &[u8]) -> usize {
    event.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(event.len())
}
