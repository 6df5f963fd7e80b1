//! Regular expressions as the guard uses them: linear in the text, and without case, which the texts have lost before.
//!
//! Bytes outside of ASCII are letters of words for `\w` and `\b` here as far as they must be: classes of all of Unicode make
//! automata of tens of thousands of states, which a text in the way of a call cannot afford. So rules write classes themselves.

use regex_automata::meta;
use regex_automata::util::syntax;

/// Bytes that one compiled pattern may take. The largest rule takes a twentieth.
const PATTERN_BYTES_MAX: usize = 4 << 20;
/// Bytes that the states of one pattern may take while it is searched for; beyond, they are made anew.
const STATES_BYTES_MAX: usize = 1 << 20;

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
