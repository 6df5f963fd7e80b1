//! Bytes of the journal: segment headers and frames. Pure, no I/O; `docs/reference/journal.md` is the description.
//!
//! A frame is one `append`: all records of the call or none. Its checksum covers the payload first and the small
//! header last, so that the expensive part can be computed before the position is known, outside of any lock.
//!
//! Behaviour on failure: any bytes are either frames or a [`Step::Fault`] with a reason; nothing panics, and no frame
//! before the fault is affected.

use std::ops::Range;

use crate::journal::group;

/// The first bytes of a segment.
pub(crate) const SEGMENT_MAGIC: [u8; 8] = *b"weirjrnl";
/// The version of the format. Readers refuse segments of a newer one.
pub(crate) const FORMAT_VERSION: u32 = 1;
/// Magic, version, first position, checksum.
pub(crate) const SEGMENT_HEADER_BYTES: usize = 8 + 4 + 8 + 4;
/// Payload length, checksum, position, kind.
pub(crate) const FRAME_HEADER_BYTES: usize = 4 + 4 + 8 + 1;
/// The longest payload. A batch of records larger than this is refused; a length larger than this is not a length.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 256 * 1024 * 1024;
/// The kind of a frame that holds a group of records.
pub(crate) const KIND_GROUP: u8 = 1;

/// One frame of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The frame's number; they ascend through all segments.
    pub position: u64,
    /// What the payload is; 1 is a group of records.
    pub kind: u8,
    /// The payload, its checksum verified.
    pub payload: &'a [u8],
}

impl Frame<'_> {
    /// The records of the frame. A frame of a kind that this version does not know has none.
    pub fn records(&self) -> Result<Vec<weir_types::Record>, crate::journal::DecodeError> {
        if self.kind == KIND_GROUP { group::decode(self.payload) } else { Ok(Vec::new()) }
    }

    /// How many bytes the frame takes in a segment.
    pub(crate) fn encoded_len(&self) -> usize {
        FRAME_HEADER_BYTES + self.payload.len()
    }
}

/// Why bytes are not a frame, although there are enough of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    /// No frame is that long.
    #[error("the frame's length of {length} bytes is over the limit")]
    Length {
        /// The length it states.
        length: usize,
    },
    /// The bytes are not those that were written.
    #[error("the frame's checksum does not match")]
    Checksum,
    /// The frame is older than the one before it.
    #[error("the frame's position {position} does not follow {after}")]
    Position {
        /// The position it states.
        position: u64,
        /// The position before.
        after: u64,
    },
}

/// What is at the start of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    Frame(Frame<'a>),
    /// The bytes end before the frame does.
    Incomplete,
    Fault(FrameFault),
}

/// A frame that is encoded but for its position.
#[derive(Debug)]
pub(crate) struct UnplacedFrame {
    bytes: Vec<u8>,
    payload_crc: u32,
}

impl UnplacedFrame {
    /// Makes a frame of bytes that begin with [`FRAME_HEADER_BYTES`] of room for the header. `None` when the payload is
    /// over [`PAYLOAD_BYTES_MAX`].
    pub(crate) fn new(mut bytes: Vec<u8>, kind: u8) -> Option<Self> {
        let (header, payload) = bytes.split_at_mut_checked(FRAME_HEADER_BYTES)?;
        if payload.len() > PAYLOAD_BYTES_MAX {
            return None;
        }
        let length = u32::try_from(payload.len()).ok()?;
        let payload_crc = crc32c::crc32c(payload);
        header[0..4].copy_from_slice(&length.to_le_bytes());
        header[16] = kind;
        Some(Self { bytes, payload_crc })
    }

    /// Gives the frame its position; a few nanoseconds, because only the header is left to sum up.
    pub(crate) fn place(mut self, position: u64) -> Vec<u8> {
        let header = &mut self.bytes[..FRAME_HEADER_BYTES];
        header[8..16].copy_from_slice(&position.to_le_bytes());
        let crc = header_crc(self.payload_crc, header);
        header[4..8].copy_from_slice(&crc.to_le_bytes());
        self.bytes
    }
}

/// How many bytes are missing until a whole frame is there, as far as can be told; 0 when it can be read.
pub(crate) fn bytes_missing(bytes: &[u8]) -> usize {
    if bytes.len() < FRAME_HEADER_BYTES {
        return FRAME_HEADER_BYTES - bytes.len();
    }
    let length = stated_len(bytes);
    if length > PAYLOAD_BYTES_MAX { 0 } else { (FRAME_HEADER_BYTES + length).saturating_sub(bytes.len()) }
}

/// The payload length that a frame states; 0 when not even that is there.
pub(crate) fn stated_len(bytes: &[u8]) -> usize {
    if bytes.len() < 4 { 0 } else { u32_at(bytes, 0) as usize }
}

/// Whether bytes could be a whole frame, judged by the header alone.
pub(crate) fn looks_like_frame(bytes: &[u8], positions: &Range<u64>) -> bool {
    bytes.len() >= FRAME_HEADER_BYTES && bytes_missing(bytes) == 0 && positions.contains(&u64_at(bytes, 8))
}

/// Reads the frame at the start of `bytes`.
pub(crate) fn read_frame(bytes: &[u8]) -> Step<'_> {
    let Some((header, rest)) = bytes.split_at_checked(FRAME_HEADER_BYTES) else { return Step::Incomplete };
    let length = u32_at(header, 0) as usize;
    if length > PAYLOAD_BYTES_MAX {
        return Step::Fault(FrameFault::Length { length });
    }
    let Some(payload) = rest.get(..length) else { return Step::Incomplete };
    if header_crc(crc32c::crc32c(payload), header) != u32_at(header, 4) {
        return Step::Fault(FrameFault::Checksum);
    }
    Step::Frame(Frame { position: u64_at(header, 8), kind: header[16], payload })
}

/// The header of a segment whose first frame has this position.
pub(crate) fn segment_header(first_position: u64) -> [u8; SEGMENT_HEADER_BYTES] {
    let mut header = [0; SEGMENT_HEADER_BYTES];
    header[0..8].copy_from_slice(&SEGMENT_MAGIC);
    header[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    header[12..20].copy_from_slice(&first_position.to_le_bytes());
    let crc = crc32c::crc32c(&header[..20]);
    header[20..24].copy_from_slice(&crc.to_le_bytes());
    header
}

/// The first position of a segment; `None` when the bytes are not the header of a segment of a known version.
pub(crate) fn read_segment_header(bytes: &[u8]) -> Option<u64> {
    let header = bytes.get(..SEGMENT_HEADER_BYTES)?;
    let known = header[..8] == SEGMENT_MAGIC && u32_at(header, 8) <= FORMAT_VERSION;
    (known && crc32c::crc32c(&header[..20]) == u32_at(header, 20)).then(|| u64_at(header, 12))
}

/// The checksum of a whole frame from that of its payload: length, position and kind follow the payload.
fn header_crc(payload_crc: u32, header: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(payload_crc, &header[0..4]), &header[8..17])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut value = [0; 4];
    value.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(value)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut value = [0; 8];
    value.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(position: u64, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; FRAME_HEADER_BYTES];
        bytes.extend_from_slice(payload);
        UnplacedFrame::new(bytes, KIND_GROUP).unwrap().place(position)
    }

    #[test]
    fn a_segment_header_round_trips_and_any_changed_byte_is_noticed() {
        let header = segment_header(77);
        assert_eq!(read_segment_header(&header), Some(77));
        for at in 0..header.len() {
            let mut broken = header;
            broken[at] ^= 1;
            assert_eq!(read_segment_header(&broken), None, "byte {at}");
        }
    }

    #[test]
    fn a_page_of_zeros_is_no_frame() {
        assert_eq!(read_frame(&[0; 4096]), Step::Fault(FrameFault::Checksum));
    }

    proptest! {
        #[test]
        fn frames_round_trip_and_every_changed_bit_is_noticed(
            position in any::<u64>(),
            payload in prop::collection::vec(any::<u8>(), 0..200),
            flip in any::<prop::sample::Index>(),
            bit in 0..8u8,
        ) {
            let mut bytes = frame(position, &payload);
            prop_assert_eq!(
                read_frame(&bytes),
                Step::Frame(Frame { position, kind: KIND_GROUP, payload: &payload })
            );
            let at = flip.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(!matches!(read_frame(&bytes), Step::Frame(_)));
        }

        #[test]
        fn a_cut_frame_is_incomplete(payload in prop::collection::vec(any::<u8>(), 0..100)) {
            let bytes = frame(1, &payload);
            for end in 0..bytes.len() {
                prop_assert_eq!(read_frame(&bytes[..end]), Step::Incomplete);
            }
        }
    }
}
