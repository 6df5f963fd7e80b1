//! Runs the store's blocking calls, a bounded number at a time, off the async threads.
//!
//! Why a bound of its own: tokio's blocking pool grows to hundreds of threads, and each analytical query already uses
//! every core; more than a few at once only make all of them slow and large. What is over the bound waits, and what is
//! over the length of the queue is refused at once with an error that clients retry on.
//!
//! When a client goes away its request is dropped: a call that still waits is never made, and a call that runs sees
//! [`Abandoned::yes`] between its steps, and runs under a [`Cancel`] by which the store interrupts its query. The place in the bound is given back when the call really ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;
use tokio::sync::Semaphore;
use weir_types::Cancel;

use crate::answer::JsonText;
use crate::error::ApiError;

/// Calls that run at once. A dashboard asks for about ten panels together; each query uses all cores for a short time.
const RUNNING_MAX: usize = 4;

/// Calls that wait. At 100 ms a call the last one waits under two seconds; longer is better told than waited for.
const WAITING_MAX: usize = 64;

/// Whether nobody waits for the answer any more.
#[derive(Debug, Clone, Default)]
pub(crate) struct Abandoned(Cancel);

impl Abandoned {
    /// True once the client has gone.
    pub fn yes(&self) -> bool {
        self.0.is_cancelled()
    }
}

/// The gate that blocking calls pass.
#[derive(Debug)]
pub(crate) struct Gate {
    running: Arc<Semaphore>,
    waiting: AtomicUsize,
    waiting_max: usize,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new(RUNNING_MAX, WAITING_MAX)
    }
}

impl Gate {
    fn new(running_max: usize, waiting_max: usize) -> Self {
        Self { running: Arc::new(Semaphore::new(running_max)), waiting: AtomicUsize::new(0), waiting_max }
    }

    /// Runs `call` on a blocking thread when there is room, and writes its answer there.
    pub async fn answer<T, F>(&self, call: F) -> Result<JsonText, ApiError>
    where
        T: Serialize,
        F: FnOnce(&Abandoned) -> Result<T, ApiError> + Send + 'static,
    {
        self.run(|abandoned| JsonText::of(&call(abandoned)?)).await
    }

    /// Runs `call` on a blocking thread when there is room.
    pub async fn run<T, F>(&self, call: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&Abandoned) -> Result<T, ApiError> + Send + 'static,
    {
        let permit = {
            let _place = Place::take(&self.waiting, self.waiting_max).ok_or_else(ApiError::overloaded)?;
            let running = Arc::clone(&self.running);
            running.acquire_owned().await.map_err(|error| ApiError::internal("waiting", error.to_string()))?
        };
        let abandoned = Abandoned::default();
        let watch = CancelOnDrop(abandoned.clone());
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            abandoned.0.clone().scope(|| call(&abandoned))
        });
        let outcome = task.await;
        drop(watch);
        outcome.map_err(|error| ApiError::internal("answering", error.to_string()))?
    }
}

/// A place in the queue, given back when the waiting ends in whatever way.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, max: usize) -> Option<Self> {
        let place = Self(waiting);
        (waiting.fetch_add(1, Ordering::Relaxed) < max).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Cancels the call when its client goes away.
struct CancelOnDrop(Abandoned);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.0.cancel();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Polls a future once, so that it takes its place in the gate.
    async fn begun<F: Future + Unpin>(future: &mut F) -> bool {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(context).is_pending())
        })
        .await
    }

    #[tokio::test]
    async fn a_call_that_waits_is_never_made_when_its_client_goes_away() {
        let gate = Gate::new(1, 1);
        let (release, held) = mpsc::channel::<()>();
        let mut first = Box::pin(gate.run(move |_| Ok(held.recv().is_ok())));
        assert!(begun(&mut first).await);
        let (made, was_made) = mpsc::channel();
        let mut second = Box::pin(gate.run(move |_| Ok(made.send(()).is_ok())));
        assert!(begun(&mut second).await);
        drop(second);
        release.send(()).unwrap();
        assert_eq!(first.await, Ok(true));
        assert!(was_made.recv().is_err(), "the sender was dropped without being used");
        assert_eq!(gate.run(|_| Ok(1)).await, Ok(1), "its place in the queue is free again");
    }

    #[tokio::test]
    async fn a_call_that_runs_sees_that_its_client_has_gone() {
        let gate = Gate::new(1, 1);
        let (saw, seen) = mpsc::channel();
        let (drop_was_seen, client_went) = mpsc::channel::<()>();
        let mut call = Box::pin(gate.run(move |abandoned| {
            let tell = |saw: &mpsc::Sender<bool>| {
                saw.send(abandoned.yes()).map_err(|error| ApiError::internal("telling", error.to_string()))
            };
            tell(&saw)?;
            let _ = client_went.recv();
            tell(&saw)
        }));
        assert!(begun(&mut call).await);
        let (at_first, seen) = tokio::task::spawn_blocking(move || (seen.recv(), seen)).await.unwrap();
        assert_eq!(at_first, Ok(false));
        drop(call);
        drop_was_seen.send(()).unwrap();
        assert_eq!(tokio::task::spawn_blocking(move || seen.recv()).await.unwrap(), Ok(true));
    }

    #[tokio::test]
    async fn what_is_over_the_queue_is_refused_at_once() {
        let gate = Gate::new(1, 1);
        let (release, held) = mpsc::channel::<()>();
        let mut first = Box::pin(gate.run(move |_| Ok(held.recv().is_ok())));
        assert!(begun(&mut first).await);
        let mut second = Box::pin(gate.run(|_| Ok(2)));
        assert!(begun(&mut second).await);
        assert_eq!(gate.run(|_| Ok(3)).await, Err(ApiError::overloaded()));
        release.send(()).unwrap();
        assert_eq!((first.await, second.await), (Ok(true), Ok(2)));
    }

    #[tokio::test]
    async fn a_call_that_panics_fails_alone() {
        let gate = Gate::new(1, 1);
        let failed: Result<(), _> = gate.run(|_| panic!("no")).await;
        assert!(failed.unwrap_err().to_string().contains("answering failed"));
        assert_eq!(gate.run(|_| Ok(1)).await, Ok(1));
    }
}
