//! Remembers for which applications it was said in this minute that nothing was found.
//!
//! Monitors must tell "nothing found" from "nobody looked", and one sample in a minute is enough for that. What is forgotten is
//! said again, which costs a row.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Applications that are remembered; when there are more all are forgotten.
const REMEMBERED_MAX: usize = 1_024;

/// The minute of each application's last sample.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    minutes: Mutex<HashMap<Arc<str>, i64>>,
}

impl Recent {
    /// Whether this is the first call of the application in this minute, as far as is known.
    pub(crate) fn is_first(&self, app: &str, minute: i64) -> bool {
        // The map is whole after every step, so a panic elsewhere leaves nothing half-done in it.
        let mut minutes = self.minutes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = minutes.get_mut(app) {
            return std::mem::replace(known, minute) != minute;
        }
        if minutes.len() >= REMEMBERED_MAX {
            minutes.clear();
        }
        minutes.insert(Arc::from(app), minute);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_is_first_once_in_a_minute() {
        let recent = Recent::default();
        let first = [("a", 1), ("a", 1), ("b", 1), ("a", 2), ("a", 2)]
            .map(|(app, minute)| recent.is_first(app, minute));
        assert_eq!(first, [true, false, true, true, false]);
    }
}
