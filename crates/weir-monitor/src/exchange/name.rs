//! Names: what other systems call monitors in free text, Weir calls by a word, so that composites can name them.

use std::collections::HashSet;

use crate::definition::{BUNDLED, BUNDLED_FILE, Definitions};

/// Characters of a name that was made from a title; longer ones are cut.
const NAME_CHARS_MAX: usize = 60;

/// Names that are taken: those of the bundled monitors, and those that were given.
pub(super) struct Names {
    taken: HashSet<String>,
}

impl Names {
    pub(super) fn new() -> Self {
        let bundled = Definitions::read(BUNDLED_FILE, BUNDLED).map(|bundled| bundled.entries);
        Self { taken: bundled.unwrap_or_default().into_iter().map(|entry| entry.name).collect() }
    }

    /// A name for a title that no other monitor has.
    pub(super) fn give(&mut self, title: &str) -> String {
        let base = word(title, '-');
        let base = if base.is_empty() { "monitor".to_owned() } else { base };
        let mut name = base.clone();
        let mut number = 2_u32;
        while !self.taken.insert(name.clone()) {
            name = format!("{base}-{number}");
            number += 1;
        }
        name
    }
}

/// A title as one word: lower case, everything but letters and digits as `joint`.
pub(super) fn word(title: &str, joint: char) -> String {
    let mut word = String::new();
    let mut is_after_lower = false;
    for c in title.chars().filter(|c| *c != '\'') {
        // `HighErrorRate` is three words.
        let starts = is_after_lower && c.is_uppercase() || !c.is_alphanumeric();
        if starts && !word.is_empty() && !word.ends_with(joint) {
            word.push(joint);
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase().filter(|c| c.is_alphanumeric()));
        }
        is_after_lower = c.is_lowercase();
    }
    let cut: String = word.chars().take(NAME_CHARS_MAX).collect();
    cut.trim_end_matches(joint).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_become_words_and_no_two_are_alike() {
        let mut names = Names::new();
        assert_eq!(names.give("[prod] CPU's high on {{host.name}}!"), "prod-cpus-high-on-host-name");
        assert_eq!(names.give("prod: CPUs high on host-name"), "prod-cpus-high-on-host-name-2");
        assert_eq!(names.give("HighErrorRate"), "high-error-rate");
        assert_eq!(names.give("***"), "monitor");
        assert_eq!(names.give("error-rate-spike"), "error-rate-spike-2", "the bundled one has the name");
    }
}
