//! Answers that are asked for several times at once.
//!
//! A page asks for the median, p95 and p99 of a metric side by side, each by a request of its own, and all of them are
//! read off the same histograms. The first one that asks scans; the others wait for its answer and get a copy. What was
//! answered is also kept until the tables change, a few MiB at most: with traffic that is a fraction of a second, which
//! is how long a page's requests are apart.
//!
//! Invariant: nobody gets an answer that is older than the last transaction whose end was told when he asked. The
//! recorder calls [`Answers::forget`] between the end of a transaction and telling of it.
//!
//! On failure: who waited for a scan that took too long gets its error, since another try would take as long; after any
//! other failure, such as a client that has gone, the next one scans.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use weir_types::{ScanError, ScanRequest, ScanRow};

use crate::stats::lock;

/// Memory for all answers, and for one: a series of histograms has a quarter of a MiB.
const BYTES_MAX: usize = 4 * 1024 * 1024;
const BYTES_EACH_MAX: usize = 1024 * 1024;

/// Questions that are remembered; a page has about thirty.
const QUESTIONS_MAX: usize = 64;

/// Answers since the tables changed.
#[derive(Debug, Default)]
pub(crate) struct Answers(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    slots: HashMap<ScanRequest, Kept>,
    /// The questions, the oldest first.
    order: VecDeque<ScanRequest>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Kept {
    slot: Arc<Slot>,
    /// What its answer adds to the bytes of all; none until there is one.
    bytes: usize,
}

/// Held while the question is answered, so that others wait.
type Slot = Mutex<State>;

#[derive(Debug, Default)]
enum State {
    /// Nobody has answered yet.
    #[default]
    Open,
    Answered(Vec<ScanRow>),
    /// Each one who asks scans.
    TooLarge,
    Failed(ScanError),
}

impl Answers {
    /// The answer to a question: from whoever asked it before, or by scanning.
    pub(crate) fn get_or_scan(
        &self,
        request: &ScanRequest,
        scan: impl FnOnce() -> Result<Vec<ScanRow>, ScanError>,
    ) -> Result<Vec<ScanRow>, ScanError> {
        let slot = lock(&self.0).slot(request);
        let mut state = lock(&slot);
        match &*state {
            State::Answered(rows) => return Ok(rows.clone()),
            State::Failed(error) => return Err(error.clone()),
            State::TooLarge => {
                drop(state);
                return scan();
            }
            State::Open => {}
        }
        let answer = scan();
        match &answer {
            Ok(rows) => {
                let bytes = rows.iter().map(bytes_of).sum();
                let is_kept = bytes <= BYTES_EACH_MAX;
                *state = if is_kept { State::Answered(rows.clone()) } else { State::TooLarge };
                drop(state);
                if is_kept {
                    lock(&self.0).keep(request, &slot, bytes);
                }
            }
            Err(error) => {
                if matches!(error, ScanError::TimedOut { .. }) {
                    *state = State::Failed(error.clone());
                }
                drop(state);
                lock(&self.0).remove(request, &slot);
            }
        }
        answer
    }

    /// Forgets all answers: the tables have changed. Scans that are under way answer those who wait and nobody else.
    pub(crate) fn forget(&self) {
        *lock(&self.0) = Known::default();
    }
}

impl Known {
    fn slot(&mut self, request: &ScanRequest) -> Arc<Slot> {
        if let Some(kept) = self.slots.get(request) {
            return Arc::clone(&kept.slot);
        }
        if self.order.len() >= QUESTIONS_MAX {
            self.drop_oldest();
        }
        let kept = Kept::default();
        let slot = Arc::clone(&kept.slot);
        self.slots.insert(request.clone(), kept);
        self.order.push_back(request.clone());
        slot
    }

    /// Counts an answer, and drops the oldest ones while all are too large. One that was dropped meanwhile goes with those
    /// who wait for it.
    fn keep(&mut self, request: &ScanRequest, slot: &Arc<Slot>, bytes: usize) {
        let Some(kept) = self.slots.get_mut(request).filter(|kept| Arc::ptr_eq(&kept.slot, slot)) else {
            return;
        };
        kept.bytes = bytes;
        self.bytes += bytes;
        while self.bytes > BYTES_MAX && self.order.len() > 1 {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(kept) = self.order.pop_front().and_then(|request| self.slots.remove(&request)) {
            self.bytes -= kept.bytes;
        }
    }

    /// Forgets a question that was not answered.
    fn remove(&mut self, request: &ScanRequest, slot: &Arc<Slot>) {
        if self.slots.get(request).is_some_and(|kept| Arc::ptr_eq(&kept.slot, slot)) {
            self.order.retain(|known| known != request);
            self.slots.remove(request);
        }
    }
}

/// About the memory of a row.
fn bytes_of(row: &ScanRow) -> usize {
    const BUCKET: usize = size_of::<(i16, u64)>();
    size_of::<ScanRow>() + row.group.len() * 32 + row.cell.histogram.values().count() * BUCKET
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Barrier, mpsc};

    use weir_types::{Cell, Need, ScanSource, Scope, TimeRange, UnixMicros};

    use super::*;

    fn request(to: i64) -> ScanRequest {
        ScanRequest {
            metric: Arc::from("llm.request.count"),
            scope: Scope::All,
            by: Vec::new(),
            range: TimeRange { from: UnixMicros(0), to: UnixMicros(to) },
            step_us: None,
            origin: UnixMicros(0),
            need: Need::Totals,
            source: ScanSource::Cells,
        }
    }

    fn rows(count: u64) -> Vec<ScanRow> {
        vec![ScanRow { group: Vec::new(), bucket: UnixMicros(0), cell: Cell { count, ..Cell::default() } }]
    }

    #[test]
    fn a_question_is_answered_once_until_the_tables_change() {
        let answers = Answers::default();
        let ask = |count| answers.get_or_scan(&request(1), || Ok(rows(count))).unwrap();
        assert_eq!((ask(1), ask(2)), (rows(1), rows(1)));
        assert_eq!(answers.get_or_scan(&request(2), || Ok(rows(7))).unwrap(), rows(7), "another question");
        answers.forget();
        assert_eq!(ask(3), rows(3));
    }

    #[test]
    fn who_asks_while_another_scans_waits_for_the_answer() {
        let answers = Answers::default();
        let (scans, begun) = (AtomicUsize::new(0), Barrier::new(2));
        std::thread::scope(|scope| {
            let first = scope.spawn(|| {
                answers.get_or_scan(&request(1), || {
                    scans.fetch_add(1, Ordering::Relaxed);
                    begun.wait();
                    Ok(rows(5))
                })
            });
            let second = scope.spawn(|| {
                begun.wait();
                answers.get_or_scan(&request(1), || {
                    scans.fetch_add(1, Ordering::Relaxed);
                    Ok(rows(6))
                })
            });
            assert_eq!((first.join().unwrap(), second.join().unwrap()), (Ok(rows(5)), Ok(rows(5))));
        });
        assert_eq!(scans.into_inner(), 1);
    }

    #[test]
    fn an_answer_from_before_a_change_reaches_nobody_who_asks_after_it() {
        let answers = Answers::default();
        let (tell, changed) = mpsc::channel();
        std::thread::scope(|scope| {
            let old = scope.spawn(|| {
                answers.get_or_scan(&request(1), move || {
                    changed.recv().unwrap();
                    Ok(rows(1))
                })
            });
            while lock(&answers.0).slots.is_empty() {
                std::thread::yield_now();
            }
            answers.forget();
            assert_eq!(answers.get_or_scan(&request(1), || Ok(rows(2))), Ok(rows(2)));
            tell.send(()).unwrap();
            assert_eq!(old.join().unwrap(), Ok(rows(1)));
        });
        assert_eq!(answers.get_or_scan(&request(1), || Ok(rows(3))), Ok(rows(2)));
    }

    #[test]
    fn a_failure_is_forgotten() {
        let answers = Answers::default();
        for error in [ScanError::TimedOut { seconds: 1 }, ScanError::Store("gone".to_owned())] {
            let failed = answers.get_or_scan(&request(1), || Err(error.clone()));
            assert_eq!(failed, Err(error));
        }
        assert_eq!(answers.get_or_scan(&request(1), || Ok(rows(4))), Ok(rows(4)));
    }

    #[test]
    fn memory_has_a_limit() {
        let answers = Answers::default();
        let large = vec![rows(1).remove(0); BYTES_EACH_MAX / 2 / size_of::<ScanRow>()];
        for number in 0..200 {
            answers.get_or_scan(&request(number), || Ok(large.clone())).unwrap();
        }
        let known = lock(&answers.0);
        assert!(known.bytes <= BYTES_MAX && known.bytes > BYTES_MAX / 2, "{}", known.bytes);
        assert_eq!(known.slots.len(), known.order.len());
        drop(known);
        let too_large = vec![rows(1).remove(0); BYTES_EACH_MAX / size_of::<ScanRow>() + 1];
        for count in [1, 2] {
            let answer = answers.get_or_scan(&request(-1), || Ok([too_large.clone(), rows(count)].concat()));
            assert_eq!(answer.unwrap().last().unwrap().cell.count, count, "each one scans");
        }
    }
}
