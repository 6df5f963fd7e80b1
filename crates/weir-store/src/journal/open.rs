//! Opening a journal after whatever ended the process before: the last segment is read to its end, what a crash left
//! of an unacknowledged write is cut off, damage is set aside and reported.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use crate::StoreError;
use crate::journal::replay::{SegmentEnd, SegmentReader, SegmentReplay};
use crate::journal::segment::{self, SegmentFile};
use crate::stats::Counters;

/// Where appending goes on.
#[derive(Debug)]
pub(crate) struct Tail {
    pub segment: SegmentFile,
    pub file: Arc<File>,
    /// How long the segment is.
    pub len: u64,
    /// The position of the next frame.
    pub next_position: u64,
    /// The length of all segments together.
    pub total_len: u64,
    /// Whether there may be frames that are not stored yet.
    pub has_frames: bool,
}

/// Finds the end of the journal in this folder, or begins one whose first frame has at least the position `floor`.
pub(crate) fn open_tail(dir: &Path, floor: u64, counters: &Counters) -> Result<Tail, StoreError> {
    let segments = segment::list_segments(dir)?;
    let mut total_len = 0;
    for older in &segments {
        total_len += std::fs::metadata(&older.path).map_err(StoreError::journal("read", &older.path))?.len();
    }
    let Some(last) = segments.last() else { return begin(dir, floor, 0, false) };
    let replay = repair(last, counters)?;
    let next_position = replay.last_position.map_or(last.first_position, |p| p + 1).max(floor);
    let has_frames = segments.len() > 1 || replay.frames > 0;
    if replay.end == SegmentEnd::NotASegment || next_position < floor {
        return begin(dir, next_position, total_len, has_frames);
    }
    let file =
        File::options().append(true).open(&last.path).map_err(StoreError::journal("open", &last.path))?;
    Ok(Tail {
        segment: last.clone(),
        file: Arc::new(file),
        len: replay.valid_bytes,
        next_position,
        total_len,
        has_frames,
    })
}

fn begin(dir: &Path, position: u64, total_len: u64, has_frames: bool) -> Result<Tail, StoreError> {
    let (segment, file) =
        segment::create_segment(dir, position).map_err(StoreError::journal("create a segment in", dir))?;
    segment::sync_dir(dir).map_err(StoreError::journal("sync", dir))?;
    let len = segment::empty_len();
    Ok(Tail { segment, file, len, next_position: position, total_len: total_len + len, has_frames })
}

/// Reads a segment to its end and makes it end after its last good frame.
fn repair(last: &SegmentFile, counters: &Counters) -> Result<SegmentReplay, StoreError> {
    let read = StoreError::journal("read", &last.path);
    let file = File::options()
        .read(true)
        .write(true)
        .open(&last.path)
        .map_err(StoreError::journal("open", &last.path))?;
    let mut reader = SegmentReader::new(&file);
    let finished = loop {
        match reader.next_frame() {
            Ok(Some(_)) => {}
            Ok(None) => break reader.finish(),
            Err(error) => break Err(error),
        }
    };
    let (mut replay, rest) = finished.map_err(read)?;
    match replay.end {
        SegmentEnd::Clean => return Ok(replay),
        SegmentEnd::Torn => counters.torn_tails.add(1),
        SegmentEnd::Corrupt(_) | SegmentEnd::NotASegment => {
            let side_file = segment::quarantine(last, replay.valid_bytes, &rest)?;
            counters.quarantined_bytes.add(rest.len() as u64);
            tracing::error!(segment = ?last.path, end = ?replay.end, ?side_file, "journal segment is damaged");
        }
    }
    if replay.valid_bytes == 0 {
        // Not even the header is whole: there is nothing in it, and it is never appended to.
        replay.end = SegmentEnd::NotASegment;
        std::fs::remove_file(&last.path).map_err(StoreError::journal("remove", &last.path))?;
        return Ok(replay);
    }
    file.set_len(replay.valid_bytes).map_err(StoreError::journal("truncate", &last.path))?;
    file.sync_all().map_err(StoreError::journal("sync", &last.path))?;
    Ok(replay)
}
