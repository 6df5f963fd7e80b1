//! When a monitor is judged: at its turns, and between them when that is owed.
//!
//! A judgement is owed while a definition was not judged yet or nothing was found to judge, and when a group has become old
//! enough to alert: a monitor with a turn each half an hour would otherwise say for as long that all is well.
//!
//! Invariant: what is owed follows from what was judged before, which digests and groups tell, and from nothing else. So a
//! restart, a test, a backtest and a proof judge the same times as a Weir that never stopped.

use std::sync::Arc;

use weir_types::UnixMicros;

use crate::engine::digest::{DigestText, revision_digits};

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Turns {
    /// The time from turn to turn, in microseconds.
    pub(super) every_us: i64,
    last: Option<Last>,
    /// When the next group is old enough to alert that was not at the last judgement.
    matures_at: Option<UnixMicros>,
}

/// What is known of the last judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Last {
    /// The beginning of the revision that it was made by.
    revision: Arc<str>,
    /// Whether there was nothing to judge.
    is_empty: bool,
}

impl Turns {
    /// Those of a monitor that was never judged.
    pub(super) fn new(every_us: i64) -> Self {
        Self { every_us, last: None, matures_at: None }
    }

    /// Those of the same monitor after its definition was changed.
    pub(super) fn of_successor(&self, every_us: i64) -> Self {
        Self { every_us, ..self.clone() }
    }

    /// Whether a monitor with this revision is judged at an instant.
    pub(super) fn is_due(&self, at: UnixMicros, revision: &str) -> bool {
        let is_owed = |last: &Last| last.is_empty || *last.revision != *revision_digits(revision);
        at.0.rem_euclid(self.every_us) == 0
            || self.last.as_ref().is_none_or(is_owed)
            || self.matures_at.is_some_and(|matures_at| matures_at <= at)
    }

    /// Notes what was judged last.
    pub(super) fn note(&mut self, digest: DigestText<'_>) {
        self.last = Some(Last { revision: Arc::from(digest.revision), is_empty: digest.is_of_nothing() });
    }

    /// Forgets how old groups are, before those of a judgement are noted.
    pub(super) fn forget_ages(&mut self) {
        self.matures_at = None;
    }

    /// Notes when a group is old enough to alert; one that is so at an instant already owes nothing.
    pub(super) fn note_age(&mut self, at: UnixMicros, matures_at: UnixMicros) {
        if matures_at > at && self.matures_at.is_none_or(|known| matures_at < known) {
            self.matures_at = Some(matures_at);
        }
    }
}
