//! Segment files: their names, their creation, and what becomes of damaged ones.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::StoreError;
use crate::journal::frame::{SEGMENT_HEADER_BYTES, segment_header};

const EXTENSION: &str = "wj";

/// A segment file of a journal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SegmentFile {
    /// The position in its name: no frame in it is older.
    pub first_position: u64,
    pub path: PathBuf,
}

/// Every segment of the folder, oldest first.
pub(crate) fn list_segments(dir: &Path) -> Result<Vec<SegmentFile>, StoreError> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(dir).map_err(StoreError::journal("list", dir))? {
        let path = entry.map_err(StoreError::journal("list", dir))?.path();
        let is_segment = path.extension().is_some_and(|extension| extension == EXTENSION);
        let position = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        if let (true, Some(first_position)) = (is_segment, position) {
            segments.push(SegmentFile { first_position, path });
        }
    }
    segments.sort();
    Ok(segments)
}

/// A new segment, ready for frames from this position on. Its name is durable only after [`sync_dir`].
pub(crate) fn create_segment(dir: &Path, first_position: u64) -> io::Result<(SegmentFile, Arc<File>)> {
    let path = dir.join(format!("{first_position:020}.{EXTENSION}"));
    // A segment of this name can only be one that failed before its first frame.
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // In append mode a write goes to the end also after a failed one was cut off.
    let mut file = File::options().create_new(true).append(true).open(&path)?;
    file.write_all(&segment_header(first_position))?;
    Ok((SegmentFile { first_position, path }, Arc::new(file)))
}

/// Makes creations, renames and deletions of files in the folder durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Keeps bytes that could not be read beside the segment they were in, for a person to look at.
pub(crate) fn quarantine(segment: &SegmentFile, from: u64, bytes: &[u8]) -> Result<PathBuf, StoreError> {
    let path = segment.path.with_extension(format!("{from}.damaged"));
    fs::write(&path, bytes).map_err(StoreError::journal("write", &path))?;
    Ok(path)
}

/// The bytes a segment has before its first frame.
pub(crate) const fn empty_len() -> u64 {
    SEGMENT_HEADER_BYTES as u64
}
