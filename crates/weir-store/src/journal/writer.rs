//! Appending to the journal: the one place that writes segments.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use weir_types::{Record, RecordSink, SinkError, limits};

use crate::config::Durability;
use crate::journal::frame::{KIND_GROUP, PAYLOAD_BYTES_MAX, UnplacedFrame};
use crate::journal::segment::{self, SegmentFile};
use crate::journal::spool::{self, Fullness};
use crate::journal::sync::{SYNC_INTERVAL, SyncState};
use crate::journal::{encode, open};
use crate::recorder::Doorbell;
use crate::stats::{Counters, RecordCounts, lock};
use crate::{StoreError, thread};

/// A segment that is longer than this is closed. Long enough that files are few, short enough that space is given back
/// soon.
const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// How a journal is kept.
#[derive(Debug, Clone)]
pub(crate) struct JournalConfig {
    pub dir: PathBuf,
    pub durability: Durability,
    pub bytes_max: u64,
}

/// The journal. Shared by all who append.
#[derive(Debug)]
pub(crate) struct Journal {
    config: JournalConfig,
    /// The last position when the journal was opened: every later one is new.
    opened_at_position: u64,
    writer: Mutex<Writer>,
    last_position: AtomicU64,
    bytes: AtomicU64,
    sync: Arc<SyncState>,
    doorbell: Arc<Doorbell>,
    counters: Arc<Counters>,
}

#[derive(Debug)]
struct Writer {
    /// The segment that is appended to.
    segment: SegmentFile,
    file: Arc<File>,
    len: u64,
    next_position: u64,
    /// False after an error that leaves the end of the segment in doubt.
    usable: bool,
    closed: bool,
    /// Files that were left behind and not yet synced.
    retired: Vec<Arc<File>>,
    /// Whether a segment was made whose name is not on the disk yet.
    dir_dirty: bool,
}

impl Journal {
    /// Opens the journal in its folder, repairs its end, and starts the thread that syncs it. Frames get positions from
    /// `floor` on at least. Says whether there are frames that may not be stored yet.
    pub(crate) fn open(
        config: JournalConfig,
        floor: u64,
        doorbell: Arc<Doorbell>,
        counters: Arc<Counters>,
    ) -> Result<(Arc<Self>, thread::Owned, bool), StoreError> {
        let tail = open::open_tail(&config.dir, floor, &counters)?;
        let sync = Arc::new(SyncState::default());
        // What was found on opening has survived one end of the process; it is synced with the first new frame.
        sync.finish(tail.next_position - 1, Ok(()));
        let journal = Arc::new(Self {
            opened_at_position: tail.next_position - 1,
            last_position: AtomicU64::new(tail.next_position - 1),
            bytes: AtomicU64::new(tail.total_len),
            writer: Mutex::new(Writer {
                segment: tail.segment,
                file: tail.file,
                len: tail.len,
                next_position: tail.next_position,
                usable: true,
                closed: false,
                retired: Vec::new(),
                dir_dirty: false,
            }),
            config,
            sync,
            doorbell,
            counters,
        });
        let syncing = Arc::clone(&journal);
        let thread = thread::Owned::start("weir-journal", move || syncing.run_sync())?;
        Ok((journal, thread, tail.has_frames))
    }

    /// The position of the last frame that was written; the one before the first when there is none.
    pub(crate) fn last_position(&self) -> u64 {
        self.last_position.load(Ordering::Acquire)
    }

    /// The last position when the journal was opened.
    pub(crate) fn opened_at_position(&self) -> u64 {
        self.opened_at_position
    }

    pub(crate) fn synced_position(&self) -> u64 {
        self.sync.synced_position()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn dir(&self) -> &std::path::Path {
        &self.config.dir
    }

    /// Removes segments in which everything is stored.
    pub(crate) fn remove_stored(&self, stored: u64) -> Result<(), StoreError> {
        if self.bytes() <= SEGMENT_BYTES && self.last_position() > stored {
            return Ok(());
        }
        let segments = segment::list_segments(&self.config.dir)?;
        for pair in segments.windows(2) {
            // A segment holds what is before the next one's first position.
            if pair[1].first_position > stored + 1 {
                break;
            }
            let path = &pair[0].path;
            let len = std::fs::metadata(path).map_err(StoreError::journal("read", path))?.len();
            std::fs::remove_file(path).map_err(StoreError::journal("remove", path))?;
            self.bytes.fetch_sub(len, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Begins a new segment with the next append.
    pub(crate) fn leave_segment(&self) {
        lock(&self.writer).usable = false;
    }

    /// Refuses further appends.
    pub(crate) fn close(&self) {
        lock(&self.writer).closed = true;
    }

    /// After everything is stored: leaves one empty segment, so that the next start has nothing to read.
    pub(crate) fn clear(&self) -> Result<(), StoreError> {
        let position = {
            let mut writer = lock(&self.writer);
            if writer.len > segment::empty_len() {
                self.rotate(&mut writer)
                    .map_err(StoreError::journal("create a segment in", &self.config.dir))?;
            }
            writer.next_position - 1
        };
        self.remove_stored(position)
    }

    /// Ends the sync thread once what was written is on the disk.
    pub(crate) fn stop_sync(&self) {
        self.sync.stop();
    }

    fn run_sync(&self) {
        let gather = match self.config.durability {
            Durability::Relaxed => SYNC_INTERVAL,
            Durability::Fsync => Duration::ZERO,
        };
        loop {
            let go_on = self.sync.wait_for_work(gather);
            self.sync_once();
            if !go_on {
                return;
            }
        }
    }

    fn sync_once(&self) {
        let (files, dir_dirty, position) = {
            let mut writer = lock(&self.writer);
            let mut files = std::mem::take(&mut writer.retired);
            files.push(Arc::clone(&writer.file));
            (files, std::mem::take(&mut writer.dir_dirty), writer.next_position - 1)
        };
        let result = files
            .iter()
            .try_for_each(|file| file.sync_data())
            .and_then(|()| if dir_dirty { segment::sync_dir(&self.config.dir) } else { Ok(()) });
        if let Err(error) = &result {
            self.counters.sync_errors.add(1);
            tracing::error!(%error, dir = ?self.config.dir, "journal cannot be synced");
            let mut writer = lock(&self.writer);
            (writer.usable, writer.dir_dirty) = (false, true);
        }
        self.sync.finish(
            position,
            result.map_err(|error| format!("cannot sync {}: {error}", self.config.dir.display())),
        );
    }

    fn write(&self, frame: UnplacedFrame) -> Result<u64, SinkError> {
        let mut writer = lock(&self.writer);
        if writer.closed {
            return Err(SinkError::Closed);
        }
        if !writer.usable || writer.len >= SEGMENT_BYTES {
            self.rotate(&mut writer).map_err(|error| self.failed(&error))?;
        }
        let position = writer.next_position;
        let bytes = frame.place(position);
        if let Err(error) = (&*writer.file).write_all(&bytes) {
            // What was written of the frame is cut off again; where that fails, nothing more goes into this segment.
            writer.usable = writer.file.set_len(writer.len).is_ok();
            return Err(self.failed(&error));
        }
        writer.len += bytes.len() as u64;
        writer.next_position += 1;
        self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.last_position.store(position, Ordering::Release);
        Ok(position)
    }

    fn rotate(&self, writer: &mut Writer) -> io::Result<()> {
        let (segment, file) = segment::create_segment(&self.config.dir, writer.next_position)?;
        let old = std::mem::replace(&mut writer.file, file);
        writer.retired.push(old);
        writer.segment = segment;
        writer.len = segment::empty_len();
        (writer.usable, writer.dir_dirty) = (true, true);
        self.bytes.fetch_add(writer.len, Ordering::Relaxed);
        Ok(())
    }

    fn failed(&self, error: &io::Error) -> SinkError {
        SinkError::Journal(format!("cannot write to {}: {error}", self.config.dir.display()))
    }

    fn try_append(&self, records: &[Record]) -> Result<(), SinkError> {
        let fullness = Fullness::of(self.bytes(), self.config.bytes_max);
        if fullness == Fullness::Full {
            self.counters.dropped_records.add(records.len() as u64);
            return Err(SinkError::Journal(format!(
                "the journal in {} is at its limit of {} bytes, because DuckDB cannot be written: {}",
                self.config.dir.display(),
                self.config.bytes_max,
                self.counters.commit_error().unwrap_or_else(|| "it is too slow".to_owned()),
            )));
        }
        let (records, dropped_bodies) = spool::lighten(records, fullness);
        let (bytes, largest) = encode::encode(&records);
        if largest > limits::RECORD_BYTES_MAX {
            return Err(SinkError::TooLarge { bytes: largest, max: limits::RECORD_BYTES_MAX });
        }
        let len = bytes.len();
        let frame = UnplacedFrame::new(bytes, KIND_GROUP).ok_or_else(|| {
            SinkError::Journal(format!(
                "{len} bytes in one append are over the limit of {PAYLOAD_BYTES_MAX} bytes"
            ))
        })?;
        let mut counts = RecordCounts::default();
        records.iter().for_each(|record| counts.count(record));
        let position = self.write(frame)?;
        self.doorbell.ring(records.len());
        self.sync.mark_dirty();
        self.counters.appended.add(counts);
        self.counters.dropped_bodies.add(dropped_bodies);
        match self.config.durability {
            Durability::Relaxed => Ok(()),
            Durability::Fsync => self.sync.wait_for(position).map_err(SinkError::Journal),
        }
    }
}

impl RecordSink for Journal {
    fn append(&self, records: &[Record]) -> Result<(), SinkError> {
        if records.is_empty() {
            return Ok(());
        }
        self.try_append(records).inspect_err(|_| self.counters.append_errors.add(1))
    }
}
