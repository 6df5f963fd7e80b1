//! Answers cut into claims, for judging without a model: one claim for each sentence that states something.
//!
//! A model makes finer ones (a sentence may claim two things). Sentences are what can be cut reliably without one, and they keep
//! their place in the answer exactly.

use std::ops::Range;

/// Words after which a full stop ends no sentence.
const ABBREVIATIONS: [&str; 22] = [
    "mr", "mrs", "ms", "dr", "prof", "sr", "jr", "st", "vs", "etc", "e.g", "i.e", "inc", "ltd", "co", "no",
    "approx", "u.s", "fig", "al", "ca", "dept",
];

/// A sentence shorter than this many words of content states nothing that could be looked up.
const WORDS_MIN: usize = 2;

/// Words that carry no content of their own.
pub(crate) const STOP_WORDS: [&str; 130] = [
    "a",
    "about",
    "above",
    "after",
    "again",
    "all",
    "also",
    "am",
    "an",
    "and",
    "any",
    "are",
    "as",
    "at",
    "be",
    "because",
    "been",
    "before",
    "being",
    "below",
    "between",
    "both",
    "but",
    "by",
    "can",
    "could",
    "did",
    "do",
    "does",
    "doing",
    "down",
    "during",
    "each",
    "few",
    "for",
    "from",
    "further",
    "had",
    "has",
    "have",
    "having",
    "he",
    "her",
    "here",
    "hers",
    "him",
    "his",
    "how",
    "i",
    "if",
    "in",
    "into",
    "is",
    "it",
    "its",
    "itself",
    "just",
    "may",
    "me",
    "might",
    "more",
    "most",
    "must",
    "my",
    "now",
    "of",
    "off",
    "on",
    "once",
    "only",
    "or",
    "other",
    "our",
    "ours",
    "out",
    "over",
    "own",
    "per",
    "same",
    "shall",
    "she",
    "should",
    "so",
    "some",
    "such",
    "than",
    "that",
    "the",
    "their",
    "theirs",
    "them",
    "then",
    "there",
    "these",
    "they",
    "this",
    "those",
    "through",
    "to",
    "too",
    "under",
    "until",
    "up",
    "us",
    "very",
    "was",
    "we",
    "were",
    "what",
    "when",
    "where",
    "which",
    "while",
    "who",
    "whom",
    "whose",
    "why",
    "will",
    "with",
    "within",
    "would",
    "you",
    "your",
    "yours",
    "according",
    "document",
    "documents",
    "context",
    "provided",
    "based",
];

/// Beginnings of sentences that are manners, not claims.
const MANNERS: [&str; 12] = [
    "sure",
    "certainly",
    "of course",
    "i hope",
    "let me know",
    "feel free",
    "please let",
    "happy to",
    "here is",
    "here are",
    "great question",
    "thank you",
];

/// The sentences of an answer that state something, as ranges of bytes.
pub(crate) fn claims(answer: &str) -> Vec<Range<usize>> {
    sentences(answer).into_iter().filter(|range| states_something(&answer[range.clone()])).collect()
}

/// All sentences: they end with `.`, `!`, `?` or their wider forms before white space, and with a line.
pub(crate) fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        let ends = match char {
            '\n' | '。' | '！' | '？' => true,
            '!' | '?' => next.is_none_or(char::is_whitespace),
            '.' => next.is_none_or(char::is_whitespace) && !is_abbreviated(&text[start..at]),
            _ => false,
        };
        if ends {
            push(text, start..at + char.len_utf8(), &mut found);
            start = at + char.len_utf8();
        }
    }
    push(text, start..text.len(), &mut found);
    found
}

/// Keeps a sentence without the white space and list marks around it.
fn push(text: &str, range: Range<usize>, found: &mut Vec<Range<usize>>) {
    let whole = &text[range.clone()];
    let bare =
        whole.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '-' | '*' | '•' | '#' | '>'));
    let start = range.start + (whole.len() - bare.len());
    let end = start + bare.trim_end().len();
    if text[start..end].chars().any(char::is_alphanumeric) {
        found.push(start..end);
    }
}

/// Whether the text up to a full stop ends with an abbreviation, a single letter or the number of a list.
fn is_abbreviated(before: &str) -> bool {
    let word = before.rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
    let is_initial = word.chars().count() == 1 && word.chars().all(char::is_alphabetic);
    let is_list_number = before.trim() == word && word.len() <= 3 && word.bytes().all(|b| b.is_ascii_digit());
    is_initial || is_list_number || ABBREVIATIONS.contains(&word.to_lowercase().as_str())
}

fn states_something(sentence: &str) -> bool {
    let lower = sentence.to_lowercase();
    let is_manners = MANNERS.iter().any(|words| lower.starts_with(words));
    let content = crate::text::words(sentence);
    let content = content.iter().filter(|word| !STOP_WORDS.contains(&word.as_str())).count();
    content >= WORDS_MIN && !sentence.ends_with(['?', ':']) && !(is_manners && content < 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(answer: &str, expected: &[&str]) {
        let found: Vec<&str> = claims(answer).into_iter().map(|range| &answer[range]).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn each_sentence_that_states_something_is_a_claim() {
        check(
            "Sure! Refunds take 3.5 days, e.g. for cards. Dr. Meyer signs them.\n- Shipping is free above $50.\n1. Keep the \
             receipt. Does that help?",
            &[
                "Refunds take 3.5 days, e.g. for cards.",
                "Dr. Meyer signs them.",
                "Shipping is free above $50.",
                "1. Keep the receipt.",
            ],
        );
        check("", &[]);
        check("Yes.", &[]);
        check("I hope this helps!", &[]);
    }

    #[test]
    fn wide_marks_end_sentences_too() {
        check("退款需要三天 工作日。", &["退款需要三天 工作日。"]);
    }
}
