//! Policies of the gateway that are set while it runs: by monitors, and for a limited time.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use crate::{Scope, UnixMicros};

/// What the gateway does with a call that a policy is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum PolicyAction {
    /// Lets so many calls through in a minute and refuses the others.
    Throttle {
        /// Calls in a minute.
        calls_per_minute: u32,
    },
    /// Refuses the call.
    Block,
    /// Sends the call to another model of the same provider's dialect.
    CheaperModel {
        /// The model.
        model: Arc<str>,
    },
    /// Answers from the cache, and refuses what is not in it.
    CacheOnly,
}

/// A policy that is in force.
#[derive(Debug, Clone, PartialEq)]
pub struct ActivePolicy {
    /// Stable: a hash of monitor, group and the alert that set it.
    pub id: Arc<str>,
    /// The monitor that set it; what spans and refusals name.
    pub monitor: Arc<str>,
    /// Which calls, by the tags of their spans.
    pub scope: Scope,
    /// What is done.
    pub action: PolicyAction,
    /// From when.
    pub since: UnixMicros,
    /// Until when at the latest.
    pub until: UnixMicros,
    /// Whether it is only noted on the span what would have been done.
    pub is_dry_run: bool,
}

/// What happened to a policy, for the audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActionRecord {
    /// The policy.
    pub id: Arc<str>,
    /// The monitor.
    pub monitor: Arc<str>,
    /// Which calls, as text.
    pub scope: Arc<str>,
    /// What is done.
    pub action: PolicyAction,
    /// Whether it is only noted.
    pub is_dry_run: bool,
    /// When it was set.
    pub set_at: UnixMicros,
    /// Until when at the latest.
    pub until: UnixMicros,
    /// When and why it ended: `recovered`, `expired`, `changed`; `None` while it is in force.
    pub ended: Option<(UnixMicros, Arc<str>)>,
}

/// Tells the gateway which policies are in force. Asked on every call: an implementation answers from memory.
pub trait PolicyBoard: Send + Sync {
    /// Whether no policy is in force, which is the usual case and must cost next to nothing.
    fn is_empty(&self) -> bool;

    /// The policies in force, those that were set first first. One whose time is over may still be among them; the gateway
    /// does not follow it.
    fn active(&self) -> Arc<[ActivePolicy]>;
}

/// A board with nothing on it.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPolicies;

impl PolicyBoard for NoPolicies {
    fn is_empty(&self) -> bool {
        true
    }

    fn active(&self) -> Arc<[ActivePolicy]> {
        Arc::from([])
    }
}

/// A board in memory: whoever judges sets what is in force, the gateway reads it. An empty one costs a call one atomic
/// load; one with policies on it a lock that is held for as long as a reference count takes.
#[derive(Default)]
pub struct SharedPolicies {
    has_any: AtomicBool,
    policies: RwLock<Arc<[ActivePolicy]>>,
}

impl SharedPolicies {
    /// Puts these policies in force, in this order, in place of all that were there. Calls that come after this follow them.
    pub fn set(&self, policies: Arc<[ActivePolicy]>) {
        let mut current = self.policies.write().unwrap_or_else(PoisonError::into_inner);
        self.has_any.store(!policies.is_empty(), Ordering::Release);
        *current = policies;
    }
}

impl PolicyBoard for SharedPolicies {
    fn is_empty(&self) -> bool {
        !self.has_any.load(Ordering::Acquire)
    }

    fn active(&self) -> Arc<[ActivePolicy]> {
        Arc::clone(&self.policies.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for SharedPolicies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.active().iter()).finish()
    }
}
