//! Reads the rules of the strong pack from their file, and checks them, but for their patterns: those are compiled
//! when they are first tried, and a test compiles them all.
//!
//! Rules are data, because people who know attacks must be able to read and extend them without knowing this program. A rule
//! is a pattern with words that it cannot match without (`anchors`): all texts are searched for all anchors at once, and a
//! pattern only runs around its own.
//!
//! Patterns are written for texts in lower case. `{name}` stands for an entry of `[words]`; entries may use earlier ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use regex_automata::hybrid::dfa::DFA;
use regex_automata::meta;
use serde::Deserialize;

use crate::GuardError;
use crate::anchors::PREFIX;
use crate::fold::fold_pattern;
use crate::machine::{self, Lazily};

/// How far before an anchor a match may begin, and after it end, in bytes, unless the rule says so.
const REACH_BYTES: usize = 160;
/// What patterns begin with that only match where a word begins.
const WORD_BEGINS: &str = "{b}";

/// Where a rule holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scope {
    /// In all texts that the model is given as something to answer or to read.
    #[default]
    All,
    /// Only in texts that neither the application nor its user wrote.
    Foreign,
}

/// A rule, ready to search.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) name: Arc<str>,
    pub(crate) category: Arc<str>,
    pub(crate) weight: f64,
    pub(crate) scope: Scope,
    pub(crate) reach_bytes: usize,
    pub(crate) anchors: Vec<String>,
    pub(crate) search: Search,
}

/// How a rule is searched for around an anchor.
#[derive(Debug, Clone)]
pub(crate) enum Search {
    /// A match begins with the anchor. The automaton tells its end, and mostly that there is none, after a few bytes.
    There(Arc<Lazily<DFA>>),
    /// The same, and the anchor begins a word.
    AtWord(Arc<Lazily<DFA>>),
    /// A match may begin before the anchor.
    Around(Arc<Lazily<meta::Regex>>),
}

/// A rule as it stands in the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleEntry {
    name: String,
    category: String,
    weight: f64,
    #[serde(default)]
    scope: Scope,
    reach_bytes: Option<usize>,
    #[serde(default)]
    at_start: bool,
    anchors: Vec<String>,
    pattern: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    version: u32,
    #[serde(default)]
    words: toml::Table,
    rules: Vec<RuleEntry>,
}

/// Reads a file of rules. Returns its version and the rules in its order. Patterns are not compiled yet.
pub(crate) fn read(text: &str) -> Result<(u32, Vec<Rule>), GuardError> {
    let file: RuleFile = toml::from_str(text)
        .map_err(|error| GuardError::Data { name: "strong.toml", reason: error.to_string() })?;
    let mut words = BTreeMap::new();
    for (name, value) in &file.words {
        let pattern = value.as_str().unwrap_or_default();
        let expanded = format!("(?:{})", expand(name, pattern, &words)?);
        words.insert(name.clone(), expanded);
    }
    let rules = file.rules.into_iter().map(|entry| rule(entry, &words)).collect::<Result<_, _>>()?;
    Ok((file.version, rules))
}

fn rule(entry: RuleEntry, words: &BTreeMap<String, String>) -> Result<Rule, GuardError> {
    let refuse = |reason: &str| GuardError::Rule { rule: entry.name.clone(), reason: reason.to_owned() };
    if !(0.0..=1.0).contains(&entry.weight) {
        return Err(refuse("its weight must be a number from 0 to 1"));
    }
    if entry.anchors.is_empty() || entry.anchors.iter().any(|anchor| anchor.len() < PREFIX) {
        return Err(refuse("it needs anchors, each of three bytes at least"));
    }
    let pattern = fold_pattern(&expand(&entry.name, &entry.pattern, words)?);
    let search = match (entry.at_start, entry.pattern.starts_with(WORD_BEGINS)) {
        (false, _) => Search::Around(Arc::new(Lazily::new(pattern, machine::compile))),
        (true, false) => Search::There(Arc::new(Lazily::new(pattern, machine::automaton))),
        (true, true) => Search::AtWord(Arc::new(Lazily::new(pattern, machine::automaton))),
    };
    Ok(Rule {
        name: entry.name.into(),
        category: entry.category.into(),
        weight: entry.weight,
        scope: entry.scope,
        reach_bytes: entry.reach_bytes.unwrap_or(REACH_BYTES),
        anchors: entry.anchors.iter().map(|anchor| fold_pattern(anchor)).collect(),
        search,
    })
}

/// Replaces each `{name}` by its words. `{2,4}` and `\p{L}` are left to the regular expression.
fn expand(rule: &str, pattern: &str, words: &BTreeMap<String, String>) -> Result<String, GuardError> {
    let mut out = String::with_capacity(pattern.len() * 2);
    let mut rest = pattern;
    while let Some(open) = rest.find('{') {
        let (before, after) = rest.split_at(open);
        out.push_str(before);
        let Some(close) = after.find('}') else { break };
        let name = &after[1..close];
        let is_name = name.starts_with(|letter: char| letter.is_ascii_lowercase() || letter == '_')
            && !before.ends_with("\\p")
            && !before.ends_with("\\x");
        if is_name {
            let Some(word) = words.get(name) else {
                let reason =
                    format!("{{{name}}} stands for nothing; entries of [words] may only use earlier ones");
                return Err(GuardError::Pattern { rule: rule.to_owned(), reason });
            };
            out.push_str(word);
        } else {
            out.push_str(&after[..=close]);
        }
        rest = &after[close + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_of_the_pack_compiles() {
        let (_, rules) = read(crate::packs::STRONG_RULES).unwrap();
        assert!(!rules.is_empty());
        for rule in rules {
            let checked = match &rule.search {
                Search::There(dfa) | Search::AtWord(dfa) => dfa.check(),
                Search::Around(regex) => regex.check(),
            };
            assert_eq!(checked, Ok(()), "{}", rule.name);
        }
    }
}
