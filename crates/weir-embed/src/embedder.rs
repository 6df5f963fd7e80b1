//! Threads that embed for others.
//!
//! Two kinds of work come in: what somebody waits for, and what can wait. The first goes first. Both queues have an end: who
//! comes when it is full is told so at once. What nobody waits for any more is not done.
//!
//! Invariant: nothing here blocks who asks, but for the moment that the lock is held to put work down or pick it up.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::{Embed, EmbedError};

/// Texts that wait, and jobs that wait. A text takes about ten milliseconds, so the last waits a third of a second: longer
/// than it is worth to whoever looks for a cached answer.
pub const QUEUE_MAX: usize = 32;

/// Jobs that can wait. They hold texts of calls that have ended.
const JOBS_MAX: usize = 512;

type Job = Box<dyn FnOnce(&dyn Embed) + Send>;

/// Threads with a model.
pub struct Embedder {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    model: Box<dyn Embed>,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    awaited: VecDeque<Job>,
    patient: VecDeque<Job>,
    is_ended: bool,
}

/// Work that somebody waits for.
pub struct Running<T>(oneshot::Receiver<T>);

impl Embedder {
    /// Starts threads, one at least. Fails when the system gives none.
    pub fn start(model: Box<dyn Embed>, threads: usize) -> std::io::Result<Arc<Self>> {
        let shared = Arc::new(Shared { model, queue: Mutex::default(), changed: Condvar::new() });
        let mut embedder = Self { shared, threads: Vec::new() };
        for number in 0..threads.max(1) {
            let shared = Arc::clone(&embedder.shared);
            let thread = std::thread::Builder::new().name(format!("embed-{number}"));
            embedder.threads.push(thread.spawn(move || shared.work())?);
        }
        Ok(Arc::new(embedder))
    }

    /// The model's name.
    pub fn name(&self) -> &str {
        self.shared.model.name()
    }

    /// Does something with the model that somebody waits for; not at all when nobody waits any more at its turn.
    pub fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&dyn Embed) -> T + Send + 'static,
    ) -> Result<Running<T>, EmbedError> {
        let (sender, receiver) = oneshot::channel();
        let job = move |model: &dyn Embed| {
            if !sender.is_closed() {
                // Whoever stopped waiting in between does not hear of it.
                let _ = sender.send(job(model));
            }
        };
        self.put(Box::new(job), QUEUE_MAX, |queue| &mut queue.awaited)?;
        Ok(Running(receiver))
    }

    /// Does something with the model when no text is waited for.
    pub fn later(&self, job: impl FnOnce(&dyn Embed) + Send + 'static) -> Result<(), EmbedError> {
        self.put(Box::new(job), JOBS_MAX, |queue| &mut queue.patient)
    }

    fn put(
        &self,
        job: Job,
        jobs_max: usize,
        lane: fn(&mut Queue) -> &mut VecDeque<Job>,
    ) -> Result<(), EmbedError> {
        let mut queue = self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let jobs = lane(&mut queue);
        if jobs.len() >= jobs_max {
            return Err(EmbedError::Busy);
        }
        jobs.push_back(job);
        drop(queue);
        self.shared.changed.notify_one();
        Ok(())
    }
}

impl Drop for Embedder {
    /// What waits is let go of, and what is under way is waited for.
    fn drop(&mut self) {
        {
            let mut queue = self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.is_ended = true;
        }
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            // A job may have held the last reference: a thread cannot wait for itself.
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

impl Shared {
    fn work(&self) {
        while let Some(job) = self.next() {
            // A job that panics is lost; its caller sees an embedding that ended. The thread lives on.
            let _ = catch_unwind(AssertUnwindSafe(|| job(&*self.model)));
        }
    }

    fn next(&self) -> Option<Job> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if queue.is_ended {
                return None;
            }
            let next = queue.awaited.pop_front();
            if let Some(job) = next.or_else(|| queue.patient.pop_front()) {
                return Some(job);
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<T> Future for Running<T> {
    type Output = Result<T, EmbedError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|result| result.map_err(|_| EmbedError::Ended))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::Vector;

    /// Says nothing before it is told to, and then the length of the text.
    struct Gated(Mutex<mpsc::Receiver<()>>);

    impl Embed for Gated {
        fn name(&self) -> &'static str {
            "gated"
        }

        fn embed(&self, text: &str) -> Result<Vector, EmbedError> {
            self.0.lock().unwrap().recv().unwrap();
            Ok(vec![text.len() as f32].into())
        }
    }

    fn gated() -> (Arc<Embedder>, mpsc::Sender<()>) {
        let (gate, opened) = mpsc::channel();
        (Embedder::start(Box::new(Gated(Mutex::new(opened))), 1).unwrap(), gate)
    }

    #[tokio::test]
    async fn who_comes_when_the_queue_is_full_is_told_at_once() {
        let (embedder, gate) = gated();
        let mut waiting = Vec::new();
        let refused = loop {
            match embedder.run(|model| model.embed("four")) {
                Ok(embedding) => waiting.push(embedding),
                Err(error) => break error,
            }
        };
        assert_eq!(refused, EmbedError::Busy);
        assert!(waiting.len() == QUEUE_MAX || waiting.len() == QUEUE_MAX + 1, "{}", waiting.len());
        for embedding in waiting {
            gate.send(()).unwrap();
            assert_eq!(&*embedding.await.unwrap().unwrap(), [4.0]);
        }
    }

    #[tokio::test]
    async fn what_is_waited_for_goes_before_what_can_wait() {
        let (embedder, gate) = gated();
        let (noted, notes) = mpsc::channel();
        // The thread is kept busy while the rest is put down.
        let first = embedder.run(|model| model.embed("")).unwrap();
        let patient = noted.clone();
        embedder.later(move |_| patient.send("patient").unwrap()).unwrap();
        let awaited = noted.clone();
        let second = embedder.run(move |_| awaited.send("awaited").unwrap()).unwrap();
        drop(embedder.run(|_| panic!("nobody waits for this")).unwrap());
        gate.send(()).unwrap();
        first.await.unwrap().unwrap();
        second.await.unwrap();
        assert_eq!(notes.iter().take(2).collect::<Vec<_>>(), ["awaited", "patient"]);
    }

    #[tokio::test]
    async fn a_job_that_panics_takes_nobody_with_it() {
        let (embedder, gate) = gated();
        embedder.later(|_| panic!("on purpose")).unwrap();
        let lost = embedder.run(|_| panic!("on purpose too")).unwrap();
        let embedding = embedder.run(|model| model.embed("abc")).unwrap();
        gate.send(()).unwrap();
        assert_eq!(lost.await.err(), Some(EmbedError::Ended));
        assert_eq!(&*embedding.await.unwrap().unwrap(), [3.0]);
    }
}
