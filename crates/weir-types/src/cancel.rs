//! Telling blocking work that nobody waits for its answer any more.
//!
//! Whoever starts blocking work runs it in [`Cancel::scope`]; whoever does it, however deep below, asks for
//! [`Cancel::current`] where it can stop. The token travels with the thread and not through every signature, because every
//! question to the store can be abandoned and none is about that: an interface that forgot to pass it on would silently
//! run on. Work that is not in a scope is never cancelled.
//!
//! Invariants: a hook runs at most once, on the thread that cancels, and never after it was dropped; so what a hook
//! interrupts can be handed to someone else once the hook is gone. A hook must not block, nor touch its own token.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

thread_local! {
    static CURRENT: RefCell<Option<Cancel>> = const { RefCell::new(None) };
}

/// A token that cancels the work that runs with it. Clones are the same token.
#[derive(Clone, Default)]
pub struct Cancel(Arc<Inner>);

#[derive(Default)]
struct Inner {
    cancelled: AtomicBool,
    hooks: Mutex<Hooks>,
}

#[derive(Default)]
struct Hooks {
    next: u64,
    by_number: BTreeMap<u64, Box<dyn FnOnce() + Send>>,
}

/// Something to do on cancellation; forgotten when this is dropped.
pub struct Hook {
    cancel: Cancel,
    number: u64,
}

impl Cancel {
    /// The token of the work that this thread does.
    pub fn current() -> Option<Self> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Does work under this token.
    pub fn scope<T>(&self, work: impl FnOnce() -> T) -> T {
        /// Puts back the token that was there before, also when the work panics.
        struct Restore(Option<Cancel>);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0.take());
            }
        }
        let _restore = Restore(CURRENT.replace(Some(self.clone())));
        work()
    }

    /// Cancels. Doing it twice is doing it once.
    pub fn cancel(&self) {
        let mut hooks = self.hooks();
        self.0.cancelled.store(true, Ordering::Release);
        for (_, hook) in std::mem::take(&mut hooks.by_number) {
            hook();
        }
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Acquire)
    }

    /// Does this on cancellation; at once when that has been already.
    pub fn on_cancel(&self, hook: impl FnOnce() + Send + 'static) -> Hook {
        let mut hooks = self.hooks();
        let number = hooks.next;
        hooks.next += 1;
        if self.is_cancelled() {
            hook();
        } else {
            hooks.by_number.insert(number, Box::new(hook));
        }
        drop(hooks);
        Hook { cancel: self.clone(), number }
    }

    fn hooks(&self) -> MutexGuard<'_, Hooks> {
        self.0.hooks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancel").field(&self.is_cancelled()).finish()
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.cancel.hooks().by_number.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn a_hook_runs_once_and_not_after_it_was_dropped() {
        let (cancel, ran) = (Cancel::default(), Arc::new(AtomicUsize::new(0)));
        let counted = |ran: &Arc<AtomicUsize>| {
            let ran = Arc::clone(ran);
            move || {
                ran.fetch_add(1, Ordering::Relaxed);
            }
        };
        let kept = cancel.on_cancel(counted(&ran));
        drop(cancel.on_cancel(counted(&ran)));
        cancel.cancel();
        cancel.cancel();
        drop(kept);
        assert_eq!((ran.load(Ordering::Relaxed), cancel.is_cancelled()), (1, true));
        drop(cancel.on_cancel(counted(&ran)));
        assert_eq!(ran.load(Ordering::Relaxed), 2, "what comes too late is done at once");
    }

    #[test]
    fn work_sees_its_own_token_and_leaves_none_behind() {
        assert!(Cancel::current().is_none());
        let (outer, inner) = (Cancel::default(), Cancel::default());
        outer.cancel();
        let current = || Cancel::current().map(|cancel| cancel.is_cancelled());
        let seen = outer.scope(|| (current(), inner.scope(current), current()));
        assert_eq!(seen, (Some(true), Some(false), Some(true)));
        assert!(std::panic::catch_unwind(|| Cancel::default().scope(|| panic!("no"))).is_err());
        assert!(Cancel::current().is_none());
    }
}
