//! Reads the journal's files from a position on, also the segment that is being appended to.
//!
//! Its end may be a frame that is half written, or one that failed and is cut off again while it is read. So nothing that
//! was read beyond the last whole frame is kept from one look to the next.
//!
//! Behaviour on failure: a frame that cannot be decoded is left out and counted. A damaged segment is read up to the
//! damage; the rest is put aside, and reading goes on with the next segment.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::StoreError;
use crate::journal::{self, SegmentEnd, SegmentFile, SegmentReader};
use crate::recorder::batch::Batch;
use crate::stats::Counters;

/// Where reading is.
pub(crate) struct FileSource {
    dir: PathBuf,
    counters: Arc<Counters>,
    current: Option<Current>,
}

struct Current {
    segment: SegmentFile,
    reader: SegmentReader<File>,
    /// The position of the last frame that was given out.
    position: u64,
}

impl FileSource {
    pub(crate) fn new(dir: PathBuf, counters: Arc<Counters>) -> Self {
        Self { dir, counters, current: None }
    }

    /// The records after a position, about as many as are asked for; `None` when the files hold no more of them.
    pub(crate) fn read(&mut self, after: u64, records_max: usize) -> Result<Option<Batch>, StoreError> {
        match &mut self.current {
            Some(current) if current.position == after => current.look_again()?,
            _ => {
                self.current = None;
                if !self.open(after)? {
                    return Ok(None);
                }
            }
        }
        let mut batch = Batch { position: after, records: Vec::new() };
        while batch.records.len() < records_max {
            let Some(current) = &mut self.current else { break };
            if current.read_frame(after, &mut batch, &self.counters)? {
                continue;
            }
            // When there is a next segment nothing is appended to this one any more. It may have been until a moment ago,
            // so it is left only if another look finds nothing.
            let next = next_segment(&self.dir, &current.segment)?;
            current.look_again()?;
            if current.read_frame(after, &mut batch, &self.counters)? {
                continue;
            }
            let Some(next) = next else { break };
            let next = Current::open(next, current.position)?;
            std::mem::replace(current, next).judge(&self.counters)?;
        }
        Ok((batch.position > after).then_some(batch))
    }

    /// Whether the newest segment holds something that is no frame.
    pub(crate) fn is_stuck(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.reader.is_broken())
    }

    /// Puts the damaged end of the current segment aside.
    pub(crate) fn skip_damage(&mut self) -> Result<(), StoreError> {
        match self.current.take() {
            Some(current) => current.judge(&self.counters),
            None => Ok(()),
        }
    }

    /// Opens the segment that has the frame after this position. False when there is none.
    fn open(&mut self, after: u64) -> Result<bool, StoreError> {
        let segments = journal::list_segments(&self.dir)?;
        let next = segments.partition_point(|segment| segment.first_position <= after + 1);
        let Some(segment) = segments.get(next.saturating_sub(1)) else { return Ok(false) };
        self.current = Some(Current::open(segment.clone(), after)?);
        Ok(true)
    }
}

/// The segment after another one; `None` when there is none yet.
fn next_segment(dir: &Path, segment: &SegmentFile) -> Result<Option<SegmentFile>, StoreError> {
    let segments = journal::list_segments(dir)?;
    Ok(segments.into_iter().find(|next| next.first_position > segment.first_position))
}

impl Current {
    fn open(segment: SegmentFile, position: u64) -> Result<Self, StoreError> {
        let file = File::open(&segment.path).map_err(StoreError::journal("open", &segment.path))?;
        Ok(Self { segment, reader: SegmentReader::new(file), position })
    }

    /// Goes back to the end of the last whole frame.
    fn look_again(&mut self) -> Result<(), StoreError> {
        self.reader.look_again().map_err(StoreError::journal("read", &self.segment.path))
    }

    /// Adds the next frame to the batch, unless it is stored already. False when there is no whole frame.
    fn read_frame(&mut self, after: u64, batch: &mut Batch, counters: &Counters) -> Result<bool, StoreError> {
        let fail = StoreError::journal("read", &self.segment.path);
        let Some(frame) = self.reader.next_frame().map_err(fail)? else { return Ok(false) };
        if frame.position <= after {
            return Ok(true);
        }
        match frame.records() {
            Ok(records) => batch.records.extend(records),
            Err(error) => {
                counters.undecodable_frames.add(1);
                tracing::error!(position = frame.position, %error, segment = ?self.segment.path, "frame left out");
            }
        }
        batch.position = frame.position;
        self.position = frame.position;
        Ok(true)
    }

    /// Looks at what follows the last frame of a segment that is not appended to any more.
    fn judge(self, counters: &Counters) -> Result<(), StoreError> {
        let segment = self.segment;
        let (replay, rest) = self.reader.finish().map_err(StoreError::journal("read", &segment.path))?;
        match replay.end {
            SegmentEnd::Clean => {}
            SegmentEnd::Torn => counters.torn_tails.add(1),
            SegmentEnd::Corrupt(_) | SegmentEnd::NotASegment => {
                let side_file = journal::quarantine(&segment, replay.valid_bytes, &rest)?;
                counters.quarantined_bytes.add(rest.len() as u64);
                tracing::error!(segment = ?segment.path, end = ?replay.end, ?side_file, "journal segment is damaged");
            }
        }
        Ok(())
    }
}
