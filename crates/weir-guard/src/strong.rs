//! Searches one text for the rules of the strong pack.
//!
//! One pass finds the anchors of all rules. Where matches of a rule begin with an anchor, its pattern is tried there, and mostly fails
//! at the next word. Otherwise it runs over the surroundings of its own anchors. Where
//! surroundings overlap they become one, so that a rule reads no byte twice, however often its anchors stand there: the work
//! is linear in the text whatever the text is.
//!
//! The same pass looks for words that tell that a text is written backwards or in rot13, so that those views are only made of texts that
//! are.

use aho_corasick::{AhoCorasick, Input as Hay, MatchKind};
use regex_automata::{Anchored, Input};

use crate::GuardError;
use crate::rules::{Rule, Scope};

/// Places at which one rule is told of in one text. More say nothing new.
pub(crate) const MATCHES_OF_RULE_MAX: usize = 4;

/// Words of attacks backwards.
const BACKWARDS: [&str; 9] = [
    "erongi",
    "snoitcurtsni",
    "tpmorp",
    "suoiverp",
    "dragersid",
    "laever",
    "drowssap",
    "tegrof",
    "kaerbliaj",
];
/// Words of attacks in rot13.
const ROTATED: [&str; 9] =
    ["vtaber", "vafgehpgvba", "cebzcg", "cerivbhf", "qvfertneq", "erirny", "cnffjbeq", "sbetrg", "wnvyoernx"];

/// Which other views of a text may hold something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Hints {
    /// It may be written backwards.
    pub(crate) backwards: bool,
    /// It may be in rot13.
    pub(crate) rotated: bool,
}

/// Rules with what finds them.
#[derive(Debug, Clone)]
pub(crate) struct Strong {
    rules: Vec<Rule>,
    anchors: AhoCorasick,
    /// Rules by anchor.
    rules_of: Vec<Vec<usize>>,
}

/// Where a rule is to be searched for next.
#[derive(Debug, Clone, Copy, Default)]
struct Surroundings {
    start: usize,
    end: usize,
    found: usize,
}

impl Strong {
    /// Prepares rules to be searched for.
    pub(crate) fn new(rules: Vec<Rule>) -> Result<Self, GuardError> {
        let mut anchors: Vec<&str> = Vec::new();
        let mut rules_of: Vec<Vec<usize>> = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            for anchor in &rule.anchors {
                let at = anchors.iter().position(|known| known == anchor).unwrap_or_else(|| {
                    anchors.push(anchor);
                    rules_of.push(Vec::new());
                    anchors.len() - 1
                });
                rules_of[at].push(index);
            }
        }
        anchors.extend(BACKWARDS);
        anchors.extend(ROTATED);
        let anchors = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(aho_corasick::AhoCorasickKind::DFA))
            .build(&anchors)
            .map_err(|error| GuardError::Data { name: "strong.toml", reason: error.to_string() })?;
        Ok(Self { rules, anchors, rules_of })
    }

    /// The rule of an index that [`search`](Self::search) told.
    pub(crate) fn rule(&self, index: usize) -> &Rule {
        &self.rules[index]
    }

    /// Calls `found` with rule, start and end of what matches in a text in lower case, rules in no certain order.
    pub(crate) fn search(
        &self,
        text: &str,
        is_foreign: bool,
        mut found: impl FnMut(usize, usize, usize),
    ) -> Hints {
        let mut hints = Hints::default();
        let mut open: Vec<Surroundings> = Vec::new();
        for hit in self.anchors.find_overlapping_iter(Hay::new(text)) {
            let anchor = hit.pattern().as_usize();
            let Some(rules) = self.rules_of.get(anchor) else {
                let is_rotated = anchor >= self.rules_of.len() + BACKWARDS.len();
                hints.rotated |= is_rotated;
                hints.backwards |= !is_rotated;
                continue;
            };
            if open.is_empty() {
                open = vec![Surroundings::default(); self.rules.len()];
            }
            for &index in rules {
                let rule = &self.rules[index];
                if rule.scope == Scope::Foreign && !is_foreign {
                    continue;
                }
                let around = &mut open[index];
                if rule.at_start {
                    self.search_at(index, text, hit.start(), around, &mut found);
                    continue;
                }
                let start = hit.start().saturating_sub(rule.reach_bytes);
                if start > around.end {
                    self.search_around(index, text, around, &mut found);
                    around.start = start;
                }
                around.end = (hit.end() + rule.reach_bytes).min(text.len());
            }
        }
        for (index, around) in open.iter_mut().enumerate() {
            if !self.rules[index].at_start {
                self.search_around(index, text, around, &mut found);
            }
        }
        hints
    }

    /// Tries a pattern at one place. A pattern has an end, which bounds what it reads from there.
    fn search_at(
        &self,
        index: usize,
        text: &str,
        start: usize,
        around: &mut Surroundings,
        found: &mut impl FnMut(usize, usize, usize),
    ) {
        if around.found >= MATCHES_OF_RULE_MAX || start < around.end {
            return;
        }
        let rule = &self.rules[index];
        let end = text.ceil_char_boundary(start + 2 * rule.reach_bytes);
        let input = Input::new(text).range(start..end).anchored(Anchored::Yes);
        if let Some(at) = rule.regex.search(&input) {
            found(index, at.start(), at.end());
            around.found += 1;
            around.end = at.end();
        }
    }

    fn search_around(
        &self,
        index: usize,
        text: &str,
        around: &mut Surroundings,
        found: &mut impl FnMut(usize, usize, usize),
    ) {
        if around.end == 0 || around.found >= MATCHES_OF_RULE_MAX {
            return;
        }
        let (start, end) = (text.floor_char_boundary(around.start), text.ceil_char_boundary(around.end));
        for at in self.rules[index].regex.find_iter(Input::new(text).range(start..end)) {
            found(index, at.start(), at.end());
            around.found += 1;
            if around.found >= MATCHES_OF_RULE_MAX {
                return;
            }
        }
    }
}
