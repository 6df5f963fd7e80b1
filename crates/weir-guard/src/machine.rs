//! Regular expressions as the guard uses them: linear in the text, and without case, which the texts have lost before.
//!
//! Bytes outside of ASCII are letters of words for `\w` and `\b` here as far as they must be: classes of all of Unicode make
//! automata of tens of thousands of states, which a text in the way of a call cannot afford. So rules write classes themselves.

use std::sync::OnceLock;

use regex_automata::hybrid::dfa::DFA;
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;
use regex_automata::{MatchKind, meta};

/// Bytes that one compiled pattern may take. The largest rule takes a twentieth.
const PATTERN_BYTES_MAX: usize = 4 << 20;
/// Bytes that the states of one pattern may take while it is searched for; beyond, they are made anew.
const STATES_BYTES_MAX: usize = 1 << 20;

/// A pattern that is compiled when it is first tried: most never are, and together they take megabytes.
///
/// Only for patterns that are known to compile, as a test does with those that come with Weir. One that does not
/// compile matches nothing.
#[derive(Debug)]
pub(crate) struct Lazily<T> {
    pattern: String,
    compile: fn(&str) -> Result<T, String>,
    compiled: OnceLock<Option<T>>,
}

impl<T> Lazily<T> {
    /// A pattern and what compiles it.
    pub(crate) fn new(pattern: String, compile: fn(&str) -> Result<T, String>) -> Self {
        Self { pattern, compile, compiled: OnceLock::new() }
    }

    /// The compiled pattern.
    pub(crate) fn get(&self) -> Option<&T> {
        let compile = || {
            let compiled = (self.compile)(&self.pattern);
            debug_assert!(compiled.is_ok(), "{}: {:?}", self.pattern, compiled.as_ref().err());
            compiled.ok()
        };
        self.compiled.get_or_init(compile).as_ref()
    }

    /// What is wrong with the pattern, if anything is.
    #[cfg(test)]
    pub(crate) fn check(&self) -> Result<(), String> {
        (self.compile)(&self.pattern).map(drop)
    }
}

/// Compiles one pattern.
pub(crate) fn compile(pattern: &str) -> Result<meta::Regex, String> {
    compile_many(&[pattern])
}

/// Compiles patterns that are looked for together.
pub(crate) fn compile_many<P: AsRef<str>>(patterns: &[P]) -> Result<meta::Regex, String> {
    meta::Regex::builder()
        .configure(
            meta::Config::new()
                .nfa_size_limit(Some(PATTERN_BYTES_MAX))
                .hybrid_cache_capacity(STATES_BYTES_MAX),
        )
        .syntax(syntax::Config::new())
        .build_many(patterns)
        .map_err(|error| reason(&error))
}

/// Compiles a pattern that is only tried at given places: an automaton whose states are made as they are needed.
pub(crate) fn automaton(pattern: &str) -> Result<DFA, String> {
    let mut builder = DFA::builder();
    builder
        .configure(
            DFA::config()
                .match_kind(MatchKind::LeftmostFirst)
                .cache_capacity(STATES_BYTES_MAX)
                .skip_cache_capacity_check(true),
        )
        .thompson(thompson::Config::new().nfa_size_limit(Some(PATTERN_BYTES_MAX)))
        .syntax(syntax::Config::new());
    // The other engine's errors are kinder, and what one cannot compile the other cannot either.
    builder.build(pattern).map_err(|error| compile(pattern).err().unwrap_or_else(|| error.to_string()))
}

/// What is wrong with a pattern, on one line, with a hint for what other engines have and a linear one cannot.
fn reason(error: &meta::BuildError) -> String {
    if let Some(limit) = error.size_limit() {
        return format!("it takes more than {limit} bytes; shorten its repetitions");
    }
    let Some(syntax) = error.syntax_error() else { return error.to_string() };
    // The long form draws the pattern with a caret over several lines; its last line says what is wrong.
    let text = syntax.to_string();
    let last = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
    if last.contains("look-around") || last.contains("backreference") {
        return format!("{last}; rules must be matched in linear time");
    }
    last
}
