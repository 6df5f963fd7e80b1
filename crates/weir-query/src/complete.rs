//! Ways to go on at the cursor of an editor: functions, metrics, tags, units.
//!
//! Completion looks at the text before the cursor only, because the rest is usually wrong while someone types. It never
//! fails: where nothing fits the list is empty.

use std::ops::Range;

use weir_types::metric;

use crate::functions;
use crate::name;
use crate::number::Suffix;

/// One way to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// The text to put in place of `replace`.
    pub insert: String,
    /// What it is, in a few words.
    pub detail: String,
    /// The bytes of the text that it replaces.
    pub replace: Range<usize>,
}

/// Suggestions of one answer; a list of choices is scanned, not read.
const SUGGESTIONS_MAX: usize = 50;

/// Where the cursor is.
#[derive(Debug, PartialEq, Eq)]
enum Position {
    /// A function or a metric may stand here.
    Operand,
    /// A tag may stand here, followed by this.
    Tag(&'static str),
    /// A unit may follow the number that ends here.
    Unit,
    /// Nothing is suggested: values of tags are not known here.
    Elsewhere,
}

/// Ways to go on at `cursor`, a byte offset, given the metrics that the store has seen and the tags that exist.
/// Metrics and tags that Weir knows itself are added.
pub fn complete(text: &str, cursor: usize, metrics: &[&str], tags: &[&str]) -> Vec<Suggestion> {
    let mut cursor = cursor.min(text.len());
    while !text.is_char_boundary(cursor) {
        cursor -= 1;
    }
    let before = &text[..cursor];
    let typed = &before[before.trim_end_matches(name::continues_name).len()..];
    let replace = cursor - typed.len()..cursor;
    let (position, typed, replace) = match position(&before[..replace.start], typed) {
        Position::Unit => {
            let unit = typed.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '_');
            (Position::Unit, unit, cursor - unit.len()..cursor)
        }
        other => (other, typed, replace),
    };
    let candidates: Vec<(String, String)> = match position {
        Position::Operand => operands(metrics),
        Position::Tag(after) => {
            tag_names(tags).map(|tag| (format!("{tag}{after}"), "tag".to_owned())).collect()
        }
        Position::Unit => {
            Suffix::ALL.iter().map(|s| (s.as_str().to_owned(), s.summary().to_owned())).collect()
        }
        Position::Elsewhere => Vec::new(),
    };
    rank(candidates, typed, &replace)
}

fn operands(metrics: &[&str]) -> Vec<(String, String)> {
    let functions =
        functions::ALL.iter().map(|function| (format!("{}(", function.name), function.summary.to_owned()));
    let words = functions::AGGREGATORS
        .iter()
        .flat_map(|(words, detail)| words.split(", ").map(move |word| (word, detail)));
    let aggregators = words
        .filter(|(word, _)| !word.contains('('))
        .map(|(word, detail)| (format!("{word}("), (*detail).to_owned()));
    let derived = metric::DERIVED.iter().map(|info| info.name);
    let others = metrics.iter().copied().filter(|metric| metric::derived(metric).is_none());
    let metrics =
        derived.chain(others).map(|metric| (name::quoted_name(metric).into_owned(), "metric".to_owned()));
    functions.chain(aggregators).chain(metrics).collect()
}

fn tag_names<'a>(tags: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    let others = tags.iter().copied().filter(|tag| !name::SPAN_TAGS.contains(tag));
    name::SPAN_TAGS.into_iter().chain(others)
}

/// Those that start with what was typed first, then those that contain it.
fn rank(candidates: Vec<(String, String)>, typed: &str, replace: &Range<usize>) -> Vec<Suggestion> {
    let typed = typed.to_lowercase();
    let mut ranked: Vec<(bool, String, String)> = candidates
        .into_iter()
        .filter(|(insert, _)| !insert.is_empty() && insert.to_lowercase().contains(&typed))
        .map(|(insert, detail)| (!insert.to_lowercase().starts_with(&typed), insert, detail))
        .collect();
    ranked.sort();
    let suggestions =
        ranked.into_iter().map(|(_, insert, detail)| Suggestion { insert, detail, replace: replace.clone() });
    suggestions.take(SUGGESTIONS_MAX).collect()
}

/// What may stand after `before`, where `typed` has been begun.
fn position(before: &str, typed: &str) -> Position {
    if typed.starts_with(|c: char| c.is_ascii_digit()) {
        return Position::Unit;
    }
    let open = before.rfind('{').filter(|at| !before[*at..].contains('}'));
    let trimmed = before.trim_end();
    if let Some(open) = open {
        let is_by = last_word(&before[..open]).eq_ignore_ascii_case("by");
        return match trimmed.chars().last() {
            Some('{' | ',') if is_by => Position::Tag(""),
            Some('{' | ',' | '!') => Position::Tag(":"),
            Some('(') if !last_word(&trimmed[..trimmed.len() - 1]).eq_ignore_ascii_case("in") => {
                Position::Tag(":")
            }
            _ if ["and", "or", "not"].iter().any(|word| last_word(before).eq_ignore_ascii_case(word)) => {
                Position::Tag(":")
            }
            _ => Position::Elsewhere,
        };
    }
    if last_word(before).eq_ignore_ascii_case("by") || is_in_bare_by_list(trimmed) {
        return Position::Tag("");
    }
    match trimmed.chars().last() {
        None | Some('(' | ',' | '+' | '-' | '*' | '/' | ':') => Position::Operand,
        _ => Position::Elsewhere,
    }
}

/// The word that stands before the space at the end of a text.
fn last_word(text: &str) -> &str {
    let text = text.trim_end();
    &text[text.trim_end_matches(name::continues_name).len()..]
}

/// Whether a text ends in `by tag,`.
fn is_in_bare_by_list(text: &str) -> bool {
    let mut rest = text;
    while let Some(list) = rest.strip_suffix(',') {
        let tag = last_word(list);
        rest = list.trim_end()[..list.trim_end().len() - tag.len()].trim_end();
        if last_word(rest).eq_ignore_ascii_case("by") {
            return !tag.is_empty();
        }
    }
    false
}
