//! Searches one text for the rules of the strong pack.
//!
//! One pass finds the anchors of all rules. Where matches of a rule begin with an anchor, its pattern is tried there, and mostly fails
//! at the next word. Otherwise it runs over the surroundings of its own anchors. Where
//! surroundings overlap they become one, so that a rule reads no byte twice, however often its anchors stand there: the work
//! is linear in the text whatever the text is.
//!
//! The same pass looks for words that tell that a text is written backwards or in rot13, so that those views are only made of texts that
//! are.

use std::sync::Arc;

use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::util::pool::Pool;
use regex_automata::{Anchored, Input};

use crate::anchors::{Anchors, Counts};
use crate::rules::{Rule, Scope, Search};
use crate::seed;

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
    /// A pattern of the seed stands in it.
    pub(crate) seed: bool,
}

/// Rules with what finds them.
#[derive(Debug, Clone)]
pub(crate) struct Strong {
    rules: Vec<Rule>,
    anchors: Anchors,
    /// What each anchor says.
    meanings: Vec<Meaning>,
    /// The automata's states by rule, made when they are needed. One set for each thread that searches at the time.
    states: Arc<Pool<States, fn() -> States>>,
}

type States = Vec<Option<Cache>>;

/// What it means that an anchor is in a text.
#[derive(Debug, Clone)]
enum Meaning {
    /// These rules may match there.
    Rules(Vec<usize>),
    Backwards,
    Rotated,
    Seed,
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
    pub(crate) fn new(rules: Vec<Rule>) -> Self {
        let mut words: Vec<(&str, Counts)> = Vec::new();
        let mut meanings: Vec<Meaning> = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            let at_word = matches!(rule.search, Search::AtWord(_));
            let counts = Counts { at_word, foreign: rule.scope == Scope::Foreign };
            for anchor in &rule.anchors {
                let known = words.iter().position(|known| *known == (anchor, counts));
                if let Some(Meaning::Rules(known)) = known.map(|at| &mut meanings[at]) {
                    known.push(index);
                } else {
                    words.push((anchor, counts));
                    meanings.push(Meaning::Rules(vec![index]));
                }
            }
        }
        let seed = seed::PATTERNS.map(|(_, _, pattern)| pattern.to_ascii_lowercase());
        let seed = seed.each_ref().map(String::as_str);
        let hints = [
            (&BACKWARDS[..], Meaning::Backwards),
            (&ROTATED[..], Meaning::Rotated),
            (&seed[..], Meaning::Seed),
        ];
        for (hinting, meaning) in hints {
            words.extend(hinting.iter().map(|word| (*word, Counts::default())));
            meanings.extend(hinting.iter().map(|_| meaning.clone()));
        }
        let anchors = Anchors::new(words);
        Self { rules, anchors, meanings, states: Arc::new(Pool::new(Vec::new as fn() -> States)) }
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
        work::add(text.len());
        let mut hints = Hints::default();
        let mut open: Vec<Surroundings> = Vec::new();
        let mut states = None;
        self.anchors.find(text, is_foreign, |number, hit, hit_end| {
            let rules = match &self.meanings[number] {
                Meaning::Rules(rules) => rules,
                Meaning::Backwards => return hints.backwards = true,
                Meaning::Rotated => return hints.rotated = true,
                Meaning::Seed => return hints.seed = true,
            };
            for &index in rules {
                let rule = &self.rules[index];
                if open.is_empty() {
                    open = vec![Surroundings::default(); self.rules.len()];
                }
                let around = &mut open[index];
                if let Search::There(dfa) | Search::AtWord(dfa) = &rule.search {
                    let Some(dfa) = dfa.get() else { continue };
                    let states = states.get_or_insert_with(|| {
                        let mut states = self.states.get();
                        states.resize_with(self.rules.len(), || None);
                        states
                    });
                    let cache = states[index].get_or_insert_with(|| dfa.create_cache());
                    let mut found = |start, end| found(index, start, end);
                    search_at(dfa, cache, text, (hit, rule.reach_bytes), around, &mut found);
                    continue;
                }
                let start = hit.saturating_sub(rule.reach_bytes);
                if start > around.end {
                    self.search_around(index, text, around, &mut found);
                    around.start = start;
                }
                around.end = around.end.max((hit_end + rule.reach_bytes).min(text.len()));
            }
        });
        for (index, around) in open.iter_mut().enumerate() {
            self.search_around(index, text, around, &mut found);
        }
        hints
    }

    fn search_around(
        &self,
        index: usize,
        text: &str,
        around: &mut Surroundings,
        found: &mut impl FnMut(usize, usize, usize),
    ) {
        let Search::Around(regex) = &self.rules[index].search else { return };
        if around.end == 0 || around.found >= MATCHES_OF_RULE_MAX {
            return;
        }
        let Some(regex) = regex.get() else { return };
        let (start, end) = (text.floor_char_boundary(around.start), text.ceil_char_boundary(around.end));
        work::add(end - start);
        for at in regex.find_iter(Input::new(text).range(start..end)) {
            found(index, at.start(), at.end());
            around.found += 1;
            if around.found >= MATCHES_OF_RULE_MAX {
                return;
            }
        }
    }
}

/// Tries a pattern at one place. A pattern has an end, which bounds what is read from there.
fn search_at(
    dfa: &DFA,
    cache: &mut Cache,
    text: &str,
    (start, reach_bytes): (usize, usize),
    around: &mut Surroundings,
    found: &mut impl FnMut(usize, usize),
) {
    if around.found >= MATCHES_OF_RULE_MAX || start < around.end {
        return;
    }
    let end = text.ceil_char_boundary((start + 2 * reach_bytes).min(text.len()));
    work::add(end - start);
    let input = Input::new(text).range(start..end).anchored(Anchored::Yes);
    // An automaton only gives up at bytes or limits that it was told of, and it was told of none.
    if let Ok(Some(at)) = dfa.try_search_fwd(cache, &input) {
        found(start, at.offset());
        around.found += 1;
        around.end = at.offset();
    }
}

/// Counts the bytes that are read, at most, so that tests can tell how they grow.
pub(crate) mod work {
    #[cfg(test)]
    thread_local! {
        static BYTES: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
    }

    #[cfg(test)]
    pub(crate) fn add(bytes: usize) {
        BYTES.with(|all| all.set(all.get() + bytes));
    }

    /// What was read since this was asked the last time.
    #[cfg(test)]
    pub(crate) fn take() -> usize {
        BYTES.with(std::cell::Cell::take)
    }

    #[cfg(not(test))]
    #[inline]
    pub(super) const fn add(_: usize) {}
}
