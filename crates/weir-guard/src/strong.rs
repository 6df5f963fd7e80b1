//! Searches one text for the rules of the strong pack.
//!
//! One pass finds the anchors of all rules; a rule's pattern then runs over the surroundings of its own anchors. Where
//! surroundings overlap they become one, so that a rule reads no byte twice, however often its anchors stand there: the work
//! is linear in the text whatever the text is.

use aho_corasick::{AhoCorasick, Input as Hay, MatchKind};
use regex_automata::Input;

use crate::GuardError;
use crate::rules::{Rule, Scope};

/// Places at which one rule is told of in one text. More say nothing new.
pub(crate) const MATCHES_OF_RULE_MAX: usize = 4;

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
    pub(crate) fn search(&self, text: &str, is_foreign: bool, mut found: impl FnMut(usize, usize, usize)) {
        let mut open: Vec<Surroundings> = Vec::new();
        for hit in self.anchors.find_overlapping_iter(Hay::new(text)) {
            if open.is_empty() {
                open = vec![Surroundings::default(); self.rules.len()];
            }
            for &index in &self.rules_of[hit.pattern().as_usize()] {
                let rule = &self.rules[index];
                if rule.scope == Scope::Foreign && !is_foreign {
                    continue;
                }
                let around = &mut open[index];
                let start = hit.start().saturating_sub(rule.reach_bytes);
                if start > around.end {
                    self.search_around(index, text, around, &mut found);
                    around.start = start;
                }
                around.end = (hit.end() + rule.reach_bytes).min(text.len());
            }
        }
        for (index, around) in open.iter_mut().enumerate() {
            self.search_around(index, text, around, &mut found);
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
