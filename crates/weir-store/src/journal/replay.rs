//! Reads a segment frame by frame. One implementation for files and for bytes in memory, so that what is fuzzed is
//! what runs.
//!
//! Behaviour on failure: reading stops at the first thing that is not a frame, and says what it was. Everything before
//! it has been visited.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};

use crate::journal::frame::{self, Frame, FrameFault, SEGMENT_HEADER_BYTES, Step};

/// How the reading of a segment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmentEnd {
    /// After a whole frame, or after the header.
    Clean,
    /// Within a frame, or in zeros: what a crash leaves of a write that was never acknowledged.
    Torn,
    /// At bytes that are not what was written.
    Corrupt(FrameFault),
    /// At once: this is not a segment, or one of a newer version.
    NotASegment,
}

/// What a segment held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentReplay {
    /// The position in the segment's header; 0 when it has none.
    pub first_position: u64,
    /// How many frames were visited.
    pub frames: u64,
    /// The position of the last frame; `None` when there was none.
    pub last_position: Option<u64>,
    /// How many bytes, from the start, are good.
    pub valid_bytes: u64,
    /// How it ended.
    pub end: SegmentEnd,
}

/// Visits every frame of a segment, in order. Never panics and never allocates more than a few times the bytes it is
/// given.
pub fn replay_segment(bytes: &[u8], mut visit: impl FnMut(Frame<'_>)) -> SegmentReplay {
    let mut reader = SegmentReader::new(bytes);
    // Reading from memory does not fail, so an error is an end like any other.
    while let Ok(Some(frame)) = reader.next_frame() {
        visit(frame);
    }
    let so_far = reader.state;
    reader.finish().map_or(so_far, |(replay, _)| replay)
}

/// How much is read from a file at once.
const READ_BYTES: usize = 256 * 1024;

/// How many times a torn end is searched for a frame behind it. A user's text may be full of what looks like headers.
const SEARCHES_MAX: usize = 1_000;

/// Reads a segment from anything that gives bytes. After `Ok(None)` more frames may follow when the file has grown.
#[derive(Debug)]
pub(crate) struct SegmentReader<R> {
    source: R,
    /// Bytes read; those before `start` are consumed.
    buffer: Vec<u8>,
    start: usize,
    header_seen: bool,
    state: SegmentReplay,
}

impl<R: Read> SegmentReader<R> {
    pub(crate) fn new(source: R) -> Self {
        let state = SegmentReplay {
            first_position: 0,
            frames: 0,
            last_position: None,
            valid_bytes: 0,
            end: SegmentEnd::Clean,
        };
        Self { source, buffer: Vec::new(), start: 0, header_seen: false, state }
    }

    /// The next frame; `None` when there is no whole good frame (yet).
    pub(crate) fn next_frame(&mut self) -> io::Result<Option<Frame<'_>>> {
        if self.is_broken() || !self.read_header()? {
            return Ok(None);
        }
        loop {
            let missing = frame::bytes_missing(&self.buffer[self.start..]);
            if missing == 0 {
                break;
            }
            if !self.fill(missing)? {
                return Ok(None);
            }
        }
        let fault = match frame::read_frame(&self.buffer[self.start..]) {
            Step::Incomplete => return Ok(None),
            Step::Fault(fault) => fault,
            Step::Frame(frame) => {
                let last = self.state.last_position;
                if frame.position >= self.state.first_position && last.is_none_or(|l| frame.position > l) {
                    self.start += frame.encoded_len();
                    self.state.valid_bytes += frame.encoded_len() as u64;
                    self.state.frames += 1;
                    self.state.last_position = Some(frame.position);
                    return Ok(Some(frame));
                }
                FrameFault::Position {
                    position: frame.position,
                    after: last.unwrap_or(self.state.first_position),
                }
            }
        };
        self.state.end = SegmentEnd::Corrupt(fault);
        Ok(None)
    }

    /// Whether reading met something that is not a frame.
    pub(crate) fn is_broken(&self) -> bool {
        self.state.end != SegmentEnd::Clean
    }

    /// Judges what follows the last good frame, and returns it.
    pub(crate) fn finish(mut self) -> io::Result<(SegmentReplay, Vec<u8>)> {
        while self.fill(READ_BYTES)? {}
        let rest = self.buffer.split_off(self.start.min(self.buffer.len()));
        let zeros = rest.iter().all(|byte| *byte == 0);
        self.state.end = match self.state.end {
            SegmentEnd::Clean if self.header_seen && rest.is_empty() => SegmentEnd::Clean,
            // A file system may have grown the file without having written it.
            _ if zeros => SegmentEnd::Torn,
            SegmentEnd::Clean if self.frame_follows(&rest) => {
                // A torn write has nothing behind it: here the length itself is wrong.
                SegmentEnd::Corrupt(FrameFault::Length { length: frame::stated_len(&rest) })
            }
            SegmentEnd::Clean => SegmentEnd::Torn,
            broken => broken,
        };
        Ok((self.state, rest))
    }

    /// Whether a good frame begins somewhere within bytes that do not begin with one.
    fn frame_follows(&self, rest: &[u8]) -> bool {
        let last = self.state.last_position.unwrap_or(self.state.first_position);
        let plausible = last..last.saturating_add(1 << 32);
        (1..rest.len())
            .filter(|at| frame::looks_like_frame(&rest[*at..], &plausible))
            .take(SEARCHES_MAX)
            .any(|at| matches!(frame::read_frame(&rest[at..]), Step::Frame(_)))
    }

    fn read_header(&mut self) -> io::Result<bool> {
        if self.header_seen {
            return Ok(true);
        }
        while self.buffer.len() < SEGMENT_HEADER_BYTES {
            if !self.fill(SEGMENT_HEADER_BYTES)? {
                return Ok(false);
            }
        }
        let Some(first_position) = frame::read_segment_header(&self.buffer) else {
            self.state.end = SegmentEnd::NotASegment;
            return Ok(false);
        };
        self.state.first_position = first_position;
        self.state.valid_bytes = SEGMENT_HEADER_BYTES as u64;
        self.start = SEGMENT_HEADER_BYTES;
        self.header_seen = true;
        Ok(true)
    }

    /// Reads more bytes, at least one; false at the end of the file. `wanted` is how many would be of use.
    fn fill(&mut self, wanted: usize) -> io::Result<bool> {
        self.buffer.drain(..self.start);
        self.start = 0;
        // Doubling at most: a length that is wrong must not make us reserve what is not there.
        let room = wanted.clamp(READ_BYTES, READ_BYTES.max(self.buffer.len()));
        let read = Read::take(&mut self.source, room as u64).read_to_end(&mut self.buffer)?;
        Ok(read > 0)
    }
}

impl SegmentReader<File> {
    /// Goes back to the end of the last whole frame, and forgets what was found behind it.
    pub(crate) fn look_again(&mut self) -> io::Result<()> {
        self.source.seek(SeekFrom::Start(self.state.valid_bytes))?;
        self.buffer.clear();
        (self.start, self.state.end) = (0, SegmentEnd::Clean);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::journal::frame::{FRAME_HEADER_BYTES, KIND_GROUP, UnplacedFrame, segment_header};

    /// A segment of these payloads, and where each frame ends.
    fn segment(payloads: &[Vec<u8>]) -> (Vec<u8>, Vec<usize>) {
        let mut bytes = segment_header(1).to_vec();
        let mut ends = Vec::new();
        for (position, payload) in (1..).zip(payloads) {
            let mut frame = vec![0; FRAME_HEADER_BYTES];
            frame.extend_from_slice(payload);
            bytes.extend(UnplacedFrame::new(frame, KIND_GROUP).unwrap().place(position));
            ends.push(bytes.len());
        }
        (bytes, ends)
    }

    fn payloads_of(bytes: &[u8]) -> (Vec<Vec<u8>>, SegmentReplay) {
        let mut payloads = Vec::new();
        let replay = replay_segment(bytes, |frame| payloads.push(frame.payload.to_vec()));
        (payloads, replay)
    }

    #[test]
    fn a_wrong_length_with_frames_behind_it_is_corruption_and_not_a_torn_end() {
        let (mut bytes, ends) = segment(&[vec![1; 10], vec![2; 10], vec![3; 10]]);
        bytes[ends[0] + 1] = 1; // the second frame now claims 266 bytes
        let (payloads, replay) = payloads_of(&bytes);
        assert_eq!(payloads, [vec![1; 10]]);
        assert_eq!(replay.end, SegmentEnd::Corrupt(FrameFault::Length { length: 266 }));
        assert_eq!(replay.valid_bytes, ends[0] as u64);
    }

    #[test]
    fn zeros_after_the_last_frame_are_a_torn_end() {
        let (mut bytes, ends) = segment(&[vec![1; 10]]);
        bytes.resize(8192, 0);
        let (payloads, replay) = payloads_of(&bytes);
        assert_eq!((payloads.len(), replay.end, replay.valid_bytes), (1, SegmentEnd::Torn, ends[0] as u64));
    }

    #[test]
    fn frames_that_go_back_are_corruption() {
        let (mut bytes, ends) = segment(&[vec![1; 3], vec![2; 3]]);
        let again = bytes[SEGMENT_HEADER_BYTES..ends[0]].to_vec();
        bytes.extend(again);
        let (payloads, replay) = payloads_of(&bytes);
        assert_eq!(payloads.len(), 2);
        assert_eq!(replay.end, SegmentEnd::Corrupt(FrameFault::Position { position: 1, after: 2 }));
    }

    proptest! {
        #[test]
        fn a_segment_cut_anywhere_gives_the_frames_before_the_cut(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..8),
        ) {
            let (bytes, ends) = segment(&payloads);
            for cut in 0..=bytes.len() {
                let (seen, replay) = payloads_of(&bytes[..cut]);
                let whole = ends.iter().filter(|end| **end <= cut).count();
                prop_assert_eq!(&seen, &payloads[..whole]);
                let at_edge = cut == SEGMENT_HEADER_BYTES || ends.contains(&cut);
                prop_assert_eq!(replay.end == SegmentEnd::Clean, at_edge);
                prop_assert!(matches!(replay.end, SegmentEnd::Clean | SegmentEnd::Torn));
            }
        }

        #[test]
        fn a_changed_byte_loses_nothing_before_it(
            payloads in prop::collection::vec(prop::collection::vec(1..=255u8, 1..50), 1..8),
            at in any::<prop::sample::Index>(),
        ) {
            let (mut bytes, ends) = segment(&payloads);
            let at = SEGMENT_HEADER_BYTES + at.index(bytes.len() - SEGMENT_HEADER_BYTES);
            bytes[at] ^= 0x55;
            let before = ends.iter().filter(|end| **end <= at).count();
            let (seen, replay) = payloads_of(&bytes);
            prop_assert_eq!(&seen, &payloads[..before]);
            prop_assert_ne!(replay.end, SegmentEnd::Clean);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut with_header = segment_header(5).to_vec();
            with_header.extend_from_slice(&bytes);
            for bytes in [&bytes, &with_header] {
                replay_segment(bytes, |frame| {
                    let _ = frame.records();
                });
            }
        }
    }
}
