//! The seed's five patterns, exactly as the article has them: what Python's `re.search` with `IGNORECASE` finds.
//!
//! They are kept as they are, so that a reader of the article finds its monitor here and its number means the same. What they
//! miss is the business of the strong pack.
//!
//! Python ignores case a little more widely than others do: `i` also stands for the Turkish `İ` and `ı`, `s` for the
//! long `ſ`, `k` for the sign of kelvin. So the patterns are not handed to another engine's flag, but spelled out.

use std::sync::Arc;

use regex_automata::{Input, meta};

use crate::machine;

/// The patterns, in the article's order: name, category, pattern.
pub const PATTERNS: [(&str, &str, &str); 5] = [
    ("ignore-previous-instructions", "override", "ignore previous instructions"),
    ("disregard-the-above", "override", "disregard the above"),
    ("you-are-now", "role_change", "you are now"),
    ("dan-mode", "jailbreak", "DAN mode"),
    ("jailbreak", "jailbreak", "jailbreak"),
];

/// The pack, ready to search.
#[derive(Debug, Clone)]
pub(crate) struct Seed {
    regex: meta::Regex,
    pub(crate) name: Arc<str>,
    /// Names and categories by pattern.
    pub(crate) rules: Vec<(Arc<str>, Arc<str>)>,
}

impl Seed {
    pub(crate) fn new() -> Self {
        let spelled: Vec<String> = PATTERNS.iter().map(|(_, _, pattern)| spelled_out(pattern)).collect();
        let Ok(regex) = machine::compile_many(&spelled) else {
            unreachable!("five literals are patterns; a test builds them")
        };
        Self {
            regex,
            name: "seed".into(),
            rules: PATTERNS.iter().map(|(name, category, _)| ((*name).into(), (*category).into())).collect(),
        }
    }

    /// Calls `found` with pattern, start and end of each place where one matches. No end of one pattern is the beginning of
    /// another, so that looking for all at once finds what looking for each would.
    pub(crate) fn search(&self, text: &str, mut found: impl FnMut(usize, usize, usize)) {
        for at in self.regex.find_iter(Input::new(text)) {
            found(at.pattern().as_usize(), at.start(), at.end());
        }
    }
}

/// A pattern of letters and spaces with every letter as the class of what Python takes for it.
fn spelled_out(pattern: &str) -> String {
    let mut out = String::new();
    for letter in pattern.chars() {
        match letter.to_ascii_lowercase() {
            'i' => out.push_str("[iIİı]"),
            's' => out.push_str("[sSſ]"),
            'k' => out.push_str("[kK\u{212a}]"),
            lower @ 'a'..='z' => {
                out.push('[');
                out.push(lower);
                out.push(lower.to_ascii_uppercase());
                out.push(']');
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(usize, usize, usize)> {
        let mut all = Vec::new();
        Seed::new().search(text, |pattern, start, end| all.push((pattern, start, end)));
        all
    }

    #[test]
    fn the_seeds_patterns_are_found_whatever_their_case_and_not_when_split() {
        assert_eq!(found("Please IGNORE previous Instructions"), [(0, 7, 35)]);
        assert_eq!(
            found("a Jailbreak into dan MODE: you are nowhere"),
            [(4, 2, 11), (3, 17, 25), (2, 27, 38)]
        );
        assert_eq!(found("ignore  previous instructions; ignore all previous instructions"), []);
    }

    #[test]
    fn letters_that_python_takes_for_the_same_are_the_same() {
        // In Python: re.search("jailbreak", "ja\u0130lbrea\u212a", re.IGNORECASE) and so on.
        assert_eq!(found("ja\u{130}lbrea\u{212a}"), [(4, 0, 12)]);
        assert_eq!(found("ıgnore previouſ inſtructions"), [(0, 0, 31)]);
        assert_eq!(found("dısregard the above"), [(1, 0, 20)]);
    }
}
