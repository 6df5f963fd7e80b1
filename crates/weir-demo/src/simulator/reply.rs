//! An answer on its way into a format: what all formats need to write it.

use super::answer::Answer;
use super::ask::Ask;
use super::identity::Identity;
use super::sse::LineStyle;

/// What to write.
pub(crate) struct Reply<'a> {
    pub ask: &'a Ask,
    pub answer: &'a Answer,
    /// What the model calls itself.
    pub model: &'a str,
    pub identity: Identity,
    pub lines: LineStyle,
    /// Whether a stream ends with its last event.
    pub done: bool,
}

/// Cuts the arguments of a call into the fragments that streams carry.
pub(crate) fn fragments(arguments: &str) -> impl Iterator<Item = &str> {
    const FRAGMENT_CHARS: usize = 6;
    let mut rest = arguments;
    std::iter::from_fn(move || {
        let end = rest.char_indices().nth(FRAGMENT_CHARS).map_or(rest.len(), |(at, _)| at);
        let (fragment, after) = rest.split_at(end);
        rest = after;
        (!fragment.is_empty()).then_some(fragment)
    })
}
