//! How others wake the recorder: appends that it shall read from the journal, and requests.
//!
//! Only numbers pass here, no records. The recorder reads those from the journal's files, which the page cache holds,
//! after a crash and at any other time alike; see `docs/decisions/0009-recorder-reads-the-journal.md`.
//!
//! An append rings on the way of a user's call, so it takes no lock and makes no system call but where the recorder
//! waits for exactly this one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::stats::lock;

/// What the recorder waits for when it does not wait.
const NEVER: usize = usize::MAX;

/// What others ask for.
#[derive(Debug, Default)]
struct Requests {
    /// Whether someone waits for everything to be stored.
    hurried: bool,
    upkeep_asked: bool,
    stop: bool,
}

/// The doorbell.
#[derive(Debug)]
pub(crate) struct Doorbell {
    /// Records that were appended since the recorder last went to read.
    records: AtomicUsize,
    /// At how many of them it is to be woken.
    wake_at: AtomicUsize,
    requests: Mutex<Requests>,
    changed: Condvar,
}

impl Default for Doorbell {
    fn default() -> Self {
        Self {
            records: AtomicUsize::new(0),
            wake_at: AtomicUsize::new(NEVER),
            requests: Mutex::default(),
            changed: Condvar::new(),
        }
    }
}

impl Doorbell {
    /// Says that so many records are in the journal now.
    pub(crate) fn ring(&self, records: usize) {
        // One order for all four operations, here and in `wait`: either this sees what the recorder waits for, or the
        // recorder sees these records before it sleeps.
        let before = self.records.fetch_add(records, Ordering::SeqCst);
        let wake_at = self.wake_at.load(Ordering::SeqCst);
        if before < wake_at && before.saturating_add(records) >= wake_at {
            drop(lock(&self.requests));
            self.changed.notify_one();
        }
    }

    /// Waits for this many records, until the deadline when there is one. Returns early when there is a reason not to
    /// wait; says whether there are records.
    pub(crate) fn wait(&self, deadline: Option<Instant>, enough: usize) -> bool {
        let mut requests = lock(&self.requests);
        self.wake_at.store(enough, Ordering::SeqCst);
        loop {
            let records = self.records.load(Ordering::SeqCst);
            let is_ready = records >= enough
                || requests.upkeep_asked
                || requests.stop
                || (requests.hurried && records > 0);
            let now = Instant::now();
            if is_ready || deadline.is_some_and(|deadline| deadline <= now) {
                self.wake_at.store(NEVER, Ordering::SeqCst);
                return records > 0;
            }
            requests = self.sleep(requests, deadline.map(|deadline| deadline - now));
        }
    }

    /// Forgets how many records there are, because the recorder goes to read them.
    pub(crate) fn take(&self) {
        self.records.store(0, Ordering::SeqCst);
    }

    /// Lets time pass, unless the recorder is to end.
    pub(crate) fn pause(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut requests = lock(&self.requests);
        while !requests.stop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            requests = self.sleep(requests, Some(left));
        }
    }

    /// Whether someone waits for records to be stored, so that the recorder does not wait for more of them.
    pub(crate) fn set_hurried(&self, hurried: bool) {
        lock(&self.requests).hurried = hurried;
        self.changed.notify_one();
    }

    /// Asks for roll-up and retention now.
    pub(crate) fn ask_for_upkeep(&self) {
        lock(&self.requests).upkeep_asked = true;
        self.changed.notify_one();
    }

    /// Whether someone asked for roll-up and retention; forgets it.
    pub(crate) fn take_upkeep_request(&self) -> bool {
        std::mem::take(&mut lock(&self.requests).upkeep_asked)
    }

    /// Asks the recorder to end.
    pub(crate) fn stop(&self) {
        lock(&self.requests).stop = true;
        self.changed.notify_one();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        lock(&self.requests).stop
    }

    fn sleep<'a>(
        &self,
        requests: MutexGuard<'a, Requests>,
        time: Option<Duration>,
    ) -> MutexGuard<'a, Requests> {
        match time {
            None => self.changed.wait(requests).unwrap_or_else(PoisonError::into_inner),
            Some(time) => self.changed.wait_timeout(requests, time).unwrap_or_else(PoisonError::into_inner).0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn no_ring_is_missed_however_it_meets_the_recorder() {
        const RINGS: usize = 20_000;
        let doorbell = Arc::new(Doorbell::default());
        let (heard, hearing) = std::sync::mpsc::sync_channel(1);
        let ringing = Arc::clone(&doorbell);
        let ringer = std::thread::spawn(move || {
            for _ in 0..RINGS {
                ringing.ring(1);
                // Each ring must be heard before the next: one that was missed would hang the test.
                hearing.recv().unwrap();
            }
        });
        for _ in 0..RINGS {
            assert!(doorbell.wait(None, 1));
            doorbell.take();
            heard.send(()).unwrap();
        }
        ringer.join().unwrap();
    }

    #[test]
    fn the_recorder_waits_for_enough_records_or_its_deadline() {
        let doorbell = Doorbell::default();
        let past = Some(Instant::now());
        assert!(!doorbell.wait(past, 1));
        doorbell.ring(2);
        assert!(doorbell.wait(past, 10));
        doorbell.ring(8);
        assert!(doorbell.wait(None, 10));
        doorbell.take();
        assert!(!doorbell.wait(past, 1));
    }
}
