//! Names: which ones exist, how they are written, and which one was probably meant.

use std::borrow::Cow;

/// The tags of spans, by which derived metrics can be grouped and filtered; those beyond [`weir_types::metric::CELL_TAGS`] are
/// answered from rows. The names are those of `Span::tag`; a test holds the two together.
pub const SPAN_TAGS: [&str; 20] = [
    "agent",
    "app",
    "cache",
    "client",
    "env",
    "error_type",
    "finish_reason",
    "key_id",
    "kind",
    "model",
    "name",
    "provider",
    "response_id",
    "response_model",
    "service",
    "session",
    "source",
    "status",
    "team",
    "user",
];

/// Whether a character may start a bare name.
pub(crate) fn starts_name(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

/// Whether a character may go on in a bare name outside of braces, where `-` and `/` are operators.
pub(crate) fn continues_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '.'
}

/// Whether a character may be in a bare tag within braces.
pub(crate) fn in_scope_word(c: char) -> bool {
    c.is_alphanumeric() || "_-./*@".contains(c)
}

/// Whether a character may be in a bare value of a tag: what [`weir_types::Scope`] prints without quotes.
pub(crate) fn in_scope_value(c: char) -> bool {
    in_scope_word(c) || c == ':'
}

/// Words that end or join expressions and so cannot be bare names.
pub(crate) const RESERVED: [&str; 2] = ["by", "where"];

/// A name as an expression writes it: bare where it may be, in backticks otherwise.
pub(crate) fn quoted_name(name: &str) -> Cow<'_, str> {
    let bare = name.starts_with(starts_name)
        && name.chars().all(continues_name)
        && !name.ends_with('.')
        && !RESERVED.iter().any(|word| word.eq_ignore_ascii_case(name));
    if bare {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`")))
    }
}

/// The candidate that is most like `name`, when one is like enough to be a slip of the finger.
pub(crate) fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let length = lower.chars().count();
    // One slip in a short word, one in three characters of a longer one.
    let slips_max = (length / 3).clamp(1, 4);
    candidates
        .into_iter()
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= slips_max)
        .map(|candidate| (strsim::osa_distance(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(slips, candidate)| *slips <= slips_max && *slips < candidate.chars().count())
        .min()
        .map(|(_, candidate)| candidate)
}

/// `did you mean x?`, when something is close enough.
pub fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    closest(name, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

/// A name for an error text: cut, because it may be as long as the query.
pub(crate) fn shown(name: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 60;
    if name.chars().count() <= SHOWN_CHARS_MAX {
        return name.to_owned();
    }
    let cut: String = name.chars().take(SHOWN_CHARS_MAX).collect();
    format!("{cut}…")
}

#[cfg(test)]
mod tests {
    use weir_types::metric;

    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_different_word_is_not() {
        assert_eq!(closest("modle", SPAN_TAGS), Some("model"));
        assert_eq!(closest("Team", SPAN_TAGS), Some("team"));
        assert_eq!(closest("x", SPAN_TAGS), None);
        assert_eq!(closest("colour", SPAN_TAGS), None);
    }

    #[test]
    fn span_tags_are_sorted_and_canonical() {
        assert!(SPAN_TAGS.is_sorted());
        assert!(SPAN_TAGS.iter().all(|tag| metric::canonical_tag(tag) == *tag));
    }

    #[test]
    fn every_cell_tag_is_a_span_tag() {
        assert!(metric::CELL_TAGS.iter().all(|tag| SPAN_TAGS.contains(tag)));
    }
}
