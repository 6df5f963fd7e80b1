//! The journal: a segment that was written whole is replayed whole; one that was damaged or cut is replayed up to the
//! damage, the same way every time; and no payload makes decoding panic.
//!
//! Segments are made here, by the description of the format and not by the store's own code, because a checksum is
//! nothing that a fuzzer guesses.

#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use weir_store::{Frame, SegmentEnd, SegmentReplay, replay_segment};

#[derive(Debug, Arbitrary)]
struct Input {
    first_position: u32,
    frames: Vec<Written>,
    /// Bytes that change after writing: where, and by which bits.
    damage: Vec<(u16, u8)>,
    /// How many bytes are missing at the end.
    cut: u16,
    /// What follows the last frame.
    tail: Vec<u8>,
}

#[derive(Debug, Arbitrary)]
struct Written {
    is_group: bool,
    kind: u8,
    payload: Vec<u8>,
}

impl Input {
    /// The segment as it was written: magic, version, first position and their checksum; then the frames.
    fn segment(&self) -> Vec<u8> {
        let mut bytes = Vec::from(*b"weirjrnl");
        bytes.extend(1_u32.to_le_bytes());
        bytes.extend(u64::from(self.first_position).to_le_bytes());
        bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
        for (written, position) in self.frames.iter().zip(u64::from(self.first_position)..) {
            bytes.extend(frame(position, written));
        }
        bytes
    }
}

/// Length, checksum, position, kind, payload. The checksum covers the payload first, then the rest in order.
fn frame(position: u64, written: &Written) -> Vec<u8> {
    let length = u32::try_from(written.payload.len()).expect("inputs are small").to_le_bytes();
    let kind = if written.is_group { 1 } else { written.kind };
    let crc = [&length, position.to_le_bytes().as_slice(), &[kind]]
        .iter()
        .fold(crc32c::crc32c(&written.payload), |crc, part| crc32c::crc32c_append(crc, part));
    [&length, crc.to_le_bytes().as_slice(), &position.to_le_bytes(), &[kind], &written.payload].concat()
}

fn replay(bytes: &[u8]) -> (SegmentReplay, Vec<(u64, Vec<u8>)>) {
    let mut frames = Vec::new();
    let replayed = replay_segment(bytes, |frame: Frame<'_>| {
        let _ = frame.records();
        frames.push((frame.position, frame.payload.to_vec()));
    });
    (replayed, frames)
}

fuzz_target!(|input: Input| {
    let mut segment = input.segment();
    let (replayed, frames) = replay(&segment);
    assert_eq!(replayed.end, SegmentEnd::Clean);
    assert_eq!(replayed.valid_bytes, segment.len() as u64);
    assert_eq!(frames.len(), input.frames.len());
    for (written, (_, payload)) in input.frames.iter().zip(&frames) {
        assert_eq!(payload, &written.payload);
    }

    segment.truncate(segment.len().saturating_sub(usize::from(input.cut)));
    segment.extend(&input.tail);
    for (at, bits) in &input.damage {
        if let Some(byte) = segment.get_mut(usize::from(*at)) {
            *byte ^= bits;
        }
    }
    let (damaged, frames) = replay(&segment);
    assert!(damaged.valid_bytes <= segment.len() as u64);
    assert_eq!(damaged.frames, frames.len() as u64);
    assert!(frames.windows(2).all(|pair| pair[0].0 < pair[1].0), "positions ascend");

    // What is good stays good once the rest is cut off, as recovery does.
    let good = usize::try_from(damaged.valid_bytes).expect("it is within the segment");
    let (again, frames_again) = replay(&segment[..good]);
    assert_eq!(frames_again, frames);
    assert_eq!(again.valid_bytes, damaged.valid_bytes);
});
