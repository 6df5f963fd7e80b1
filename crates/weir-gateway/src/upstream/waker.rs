//! A waker for a connection that is driven by whoever uses it.
//!
//! The two halves of a `hyper` connection (the driver and the body or response future) wake each other through
//! channels. When both are polled in the same breath these wakes would only schedule the task that is running already,
//! once more for nothing. So while the connection is being polled a wake is remembered, and leads to another round at
//! once; at all other times it goes to the task.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Rounds after which the task yields, so that one connection cannot keep a worker for itself.
const ROUNDS_MAX: usize = 32;

pub(super) struct InlineWaker {
    task: Mutex<Waker>,
    is_polling: AtomicBool,
    is_woken: AtomicBool,
}

impl InlineWaker {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            task: Mutex::new(Waker::noop().clone()),
            is_polling: AtomicBool::new(false),
            is_woken: AtomicBool::new(false),
        })
    }

    /// Polls until `round` is ready or nothing wakes it any more. `waker` must be made of `self`.
    pub(super) fn poll<R>(
        &self,
        waker: &Waker,
        cx: &mut Context<'_>,
        mut round: impl FnMut(&mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        self.set_task(cx.waker());
        let inner = &mut Context::from_waker(waker);
        for _ in 0..ROUNDS_MAX {
            self.is_woken.store(false, Ordering::SeqCst);
            self.is_polling.store(true, Ordering::SeqCst);
            let polled = round(inner);
            self.is_polling.store(false, Ordering::SeqCst);
            // A wake from another thread sets `is_woken` before it reads `is_polling`, so it is seen here or there.
            if polled.is_ready() || !self.is_woken.load(Ordering::SeqCst) {
                return polled;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Wakes nobody from now on, and keeps no task's memory alive.
    pub(super) fn rest(&self) {
        self.set_task(Waker::noop());
    }

    fn set_task(&self, waker: &Waker) {
        self.task.lock().unwrap_or_else(PoisonError::into_inner).clone_from(waker);
    }
}

impl Wake for InlineWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::SeqCst);
        if !self.is_polling.load(Ordering::SeqCst) {
            self.task.lock().unwrap_or_else(PoisonError::into_inner).wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn wakes_within_a_round_lead_to_another_round_and_leave_the_task_alone() {
        let (task, inline) = (Arc::new(Counter::default()), InlineWaker::new());
        let (task_waker, waker) = (Waker::from(task.clone()), Waker::from(inline.clone()));
        let mut rounds = 0;
        let polled = inline.poll(&waker, &mut Context::from_waker(&task_waker), |cx| {
            rounds += 1;
            if rounds < 3 {
                cx.waker().wake_by_ref();
            }
            Poll::<()>::Pending
        });
        assert!(polled.is_pending());
        assert_eq!((rounds, task.0.load(Ordering::SeqCst)), (3, 0));
        waker.wake_by_ref();
        assert_eq!(task.0.load(Ordering::SeqCst), 1, "a wake between polls goes to the task");
    }

    #[test]
    fn a_connection_that_never_rests_yields() {
        let (task, inline) = (Arc::new(Counter::default()), InlineWaker::new());
        let (task_waker, waker) = (Waker::from(task.clone()), Waker::from(inline.clone()));
        let polled = inline.poll(&waker, &mut Context::from_waker(&task_waker), |cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        assert!(polled.is_pending());
        assert_eq!(task.0.load(Ordering::SeqCst), 1);
    }
}
