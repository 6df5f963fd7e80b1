//! The journal: where a record is before anything else happens to it.
//!
//! An append encodes its records into one frame outside of any lock, then takes the lock for one `write`. When that
//! returns the operating system has the frame, so it survives `kill -9`; the [`sync`] thread brings it to the disk within
//! 100 ms, or before the append returns where the configuration asks for that. The recorder reads what is appended from
//! the segments, which are in the page cache then.
//!
//! Why a lock and not a queue with a writer thread: a queue is a window in which an acknowledged record is only in
//! memory. Why not one writer for many appenders ("flat combining"): measured, see `docs/reference/journal.md`; the
//! lock is held for one `write` to the page cache, and there is nothing to win.
//!
//! Behaviour on failure: a write that fails half-way is cut off again and the caller gets the error; where even cutting
//! fails the segment is left to its torn end and the next append begins a new one. A segment that is damaged loses
//! what follows the damage, into a side file, and nothing before it.

mod decode;
mod encode;
mod frame;
mod group;
mod open;
mod replay;
mod segment;
mod spool;
mod sync;
mod wire;
mod writer;

pub use frame::{Frame, FrameFault};
pub use group::DecodeError;
pub use replay::{SegmentEnd, SegmentReplay, replay_segment};

pub(crate) use replay::SegmentReader;
pub(crate) use segment::{SegmentFile, list_segments, quarantine};
pub(crate) use writer::{Journal, JournalConfig};
