//! Remembers what was found in an input before its call went out, until the call is recorded.
//!
//! Where the guard is to flag or to block, a prompt is inspected before the call goes out, and the record of the call says what was found
//! there. The same text need not be read twice for that. What is remembered goes by the text itself, so that a text of which something
//! was taken out, or which was cut, is never told with another one's places.
//!
//! Invariant: what is remembered has an end. What is forgotten is inspected again, which costs microseconds.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};

use crate::Report;
use crate::guard::worst;

/// Calls under way that are remembered; when there are more all are forgotten. Most reports are of a hundred bytes.
const REMEMBERED_MAX: usize = 4_096;

/// What was found in an input, by turns.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judgement {
    /// In what was said before; `None` when that was not looked at.
    pub(crate) old: Option<Report>,
    /// In what is said now.
    pub(crate) new: Report,
}

impl Judgement {
    /// What was found in all that was looked at.
    pub(crate) fn whole(&self) -> Report {
        match &self.old {
            Some(old) => worst(old.clone(), self.new.clone()),
            None => self.new.clone(),
        }
    }
}

/// What was found in inputs whose calls are under way.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    /// Keyed, so that nobody outside can make two texts look the same.
    hasher: RandomState,
    judgements: Mutex<HashMap<(u64, usize), Judgement>>,
}

impl Judged {
    /// Remembers what was found in a text.
    pub(crate) fn put(&self, text: &str, judgement: Judgement) {
        let key = self.key(text);
        // The map is whole after every step, so a panic elsewhere leaves nothing half-done in it.
        let mut judgements = self.judgements.lock().unwrap_or_else(PoisonError::into_inner);
        if judgements.len() >= REMEMBERED_MAX {
            judgements.clear();
        }
        judgements.insert(key, judgement);
    }

    /// What was found in this text, once: a call is recorded once.
    pub(crate) fn take(&self, text: &str) -> Option<Judgement> {
        let key = self.key(text);
        self.judgements.lock().unwrap_or_else(PoisonError::into_inner).remove(&key)
    }

    fn key(&self, text: &str) -> (u64, usize) {
        (self.hasher.hash_one(text), text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judgement(score: f64) -> Judgement {
        Judgement { old: None, new: Report { strong: Some(score), ..Report::default() } }
    }

    #[test]
    fn what_was_found_is_told_once_and_of_the_same_text_alone() {
        let judged = Judged::default();
        judged.put("a", judgement(0.1));
        judged.put("b", judgement(0.2));
        assert_eq!(judged.take("c"), None);
        assert_eq!(judged.take("b"), Some(judgement(0.2)));
        assert_eq!(judged.take("b"), None);
        assert_eq!(judged.take("a"), Some(judgement(0.1)));
    }

    #[test]
    fn calls_that_are_never_recorded_do_not_pile_up() {
        let judged = Judged::default();
        for number in 0..=2 * REMEMBERED_MAX {
            judged.put(&number.to_string(), judgement(0.5));
        }
        assert!(judged.judgements.lock().unwrap().len() <= REMEMBERED_MAX);
    }
}
