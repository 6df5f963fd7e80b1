//! Looks for drift while Weir serves: once when everything that was received is stored, and then at even times.
//!
//! Failure: what the store does not answer is logged and looked for the next time; nothing else waits for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use weir_evaluate::drift::{DriftConfig, look};
use weir_types::{Clock, Record, RecordSink, Scan};

use crate::even_times::{EvenTimes, WAKE_EVERY};

/// What looking needs.
pub struct DriftingParts {
    /// Answers what is compared.
    pub scan: Arc<dyn Scan>,
    /// Where what is found is kept.
    pub sink: Arc<dyn RecordSink>,
    /// Says when it is time.
    pub clock: Arc<dyn Clock>,
    /// What is compared.
    pub config: DriftConfig,
    /// How often.
    pub every: Duration,
    /// Whether the store has all that was in the journal when Weir started.
    pub is_recovered: Box<dyn Fn() -> bool + Send + Sync>,
}

/// What looks.
pub struct Drifting {
    task: JoinHandle<()>,
    end: oneshot::Sender<()>,
}

impl Drifting {
    /// Begins to look.
    pub fn start(parts: DriftingParts) -> Self {
        let (end, ended) = oneshot::channel();
        Self { task: tokio::spawn(run(Arc::new(parts), ended)), end }
    }

    /// Ends when a look that is under way has ended, so that nothing holds the store after it.
    pub async fn stop(self) {
        // A task that is gone has ended already.
        let _ = self.end.send(());
        if self.task.await.is_err() {
            tracing::error!("drift was not looked for since an earlier failure");
        }
    }
}

async fn run(parts: Arc<DriftingParts>, mut ended: oneshot::Receiver<()>) {
    let mut wake = tokio::time::interval(WAKE_EVERY);
    let mut times = EvenTimes::every(parts.every);
    loop {
        tokio::select! {
            _ = &mut ended => return,
            _ = wake.tick() => {}
        }
        if !(parts.is_recovered)() || !times.has_come(parts.clock.now()) {
            continue;
        }
        let parts = Arc::clone(&parts);
        if tokio::task::spawn_blocking(move || write(&parts)).await.is_err() {
            tracing::error!("looking for drift failed; it is looked for again");
        }
    }
}

fn write(parts: &DriftingParts) {
    let now = parts.clock.now();
    let (found, failed) = look(&*parts.scan, &parts.config, now);
    for (feature, error) in failed {
        tracing::warn!(%feature, %error, "drift is not known");
    }
    let points = found.iter().flat_map(|drift| drift.points(now));
    let records: Vec<Record> = points.map(|point| Record::Point(Box::new(point))).collect();
    if records.is_empty() {
        return;
    }
    if let Err(error) = parts.sink.append(&records) {
        tracing::warn!(%error, "drift is not recorded");
    }
}
