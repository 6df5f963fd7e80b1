//! Brings the journal to the disk: within 100 ms in the background, or as fast as the disk goes for appenders that wait.
//!
//! Group commit without a linger timer: while one `fdatasync` runs, appends gather; the next one covers them all.
//!
//! Behaviour on failure: after a failed `fdatasync` the kernel may have dropped the pages, so nothing can be said about
//! the file any more. Appenders that wait for it get the error, and the journal goes on in a new segment.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::stats::lock;

/// The longest that a relaxed append is in memory only.
pub(crate) const SYNC_INTERVAL: Duration = Duration::from_millis(100);

/// How far the disk is.
#[derive(Debug, Default)]
struct Progress {
    synced: u64,
    /// Positions up to this one were under way when a sync failed, and why.
    failed: Option<(u64, String)>,
}

/// What appenders and the sync thread tell each other.
#[derive(Debug, Default)]
pub(crate) struct SyncState {
    dirty: AtomicBool,
    wake: Mutex<Wake>,
    woken: Condvar,
    progress: Mutex<Progress>,
    progressed: Condvar,
}

#[derive(Debug, Default)]
struct Wake {
    dirty: bool,
    stop: bool,
}

impl SyncState {
    /// Notes that something was written. Cheap while a sync is due anyway.
    pub(crate) fn mark_dirty(&self) {
        if !self.dirty.swap(true, Ordering::AcqRel) {
            lock(&self.wake).dirty = true;
            self.woken.notify_one();
        }
    }

    /// Tells the thread to sync a last time and end.
    pub(crate) fn stop(&self) {
        lock(&self.wake).stop = true;
        self.woken.notify_one();
    }

    /// Waits until something is to be synced, and then for as long as more may gather. False when it is time to end.
    pub(crate) fn wait_for_work(&self, gather: Duration) -> bool {
        let mut wake = lock(&self.wake);
        while !wake.dirty && !wake.stop {
            wake = self.woken.wait(wake).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        let until = Instant::now() + gather;
        while !wake.stop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            wake = self.woken.wait_timeout(wake, left).unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
        // From here on an append makes work again; what was written before is covered by the sync that follows.
        wake.dirty = false;
        self.dirty.store(false, Ordering::Release);
        !wake.stop
    }

    /// Tells waiting appenders how a sync of everything up to a position went.
    pub(crate) fn finish(&self, position: u64, result: Result<(), String>) {
        let mut progress = lock(&self.progress);
        match result {
            Ok(()) => progress.synced = progress.synced.max(position),
            Err(message) => progress.failed = Some((position, message)),
        }
        self.progressed.notify_all();
    }

    pub(crate) fn synced_position(&self) -> u64 {
        lock(&self.progress).synced
    }

    /// Waits until a position is on the disk.
    pub(crate) fn wait_for(&self, position: u64) -> Result<(), String> {
        let mut progress = lock(&self.progress);
        loop {
            if progress.synced >= position {
                return Ok(());
            }
            if let Some((up_to, message)) = &progress.failed
                && *up_to >= position
            {
                return Err(message.clone());
            }
            progress = self.progressed.wait(progress).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }
}
