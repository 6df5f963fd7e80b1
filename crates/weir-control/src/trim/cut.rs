//! Cutting one text in its middle, with a mark where it was cut.
//!
//! Beginning and end stay, because the one says what a document is and the other is where questions and errors stand.
//! Only as much of the text is decoded and encoded as stays.

use weir_dialect::Edit;

use super::scale::Scale;

/// Tokens left free, because cut ends and the mark may be split otherwise than the text was.
const SLACK_TOKENS: u64 = 4;

/// Bytes of decoded text in which the tokens of a beginning are looked for. A text with longer tokens (runs of spaces)
/// becomes a little shorter than it might have been.
const TOKEN_BYTES: usize = 16;

/// Bytes in which a border between two words is looked for at the beginning of an end.
const WORD_BYTES_MAX: usize = 64;

/// The least tokens that a text can sensibly be cut to: the mark and a few words on each side.
pub(super) const TEXT_TOKENS_MIN: u64 = 32;

/// The mark that stands for this many bytes, as it is written in JSON.
fn mark(bytes: usize) -> String {
    format!(r"\n\n[... {bytes} bytes cut here ...]\n\n")
}

/// What cutting a text to `tokens` means: the edit, and the tokens it has afterwards. `None` when there is nothing to cut.
pub(super) fn cut(scale: &Scale<'_>, text: usize, tokens: u64) -> Option<(Edit, u64)> {
    let literal = scale.literal(text);
    let counter = &scale.counter;
    let of_mark = {
        let mark = mark(literal.len());
        counter.of_bytes(mark.len()).or_else(|| counter.text_within(&mark.replace(r"\n", "\n"), u64::MAX))?
    };
    let free = tokens.saturating_sub(of_mark + SLACK_TOKENS);
    let (to_head, to_tail) = (free.div_ceil(2), free / 2);

    let (head_end, of_head) = if let Some(bytes) = counter.bytes_of(to_head) {
        (literal.floor(bytes.min(literal.len())), to_head)
    } else {
        let window = usize::try_from(to_head).unwrap_or(usize::MAX).saturating_mul(TOKEN_BYTES);
        let said = literal.decode(0..literal.floor(window.min(literal.len())));
        let head = counter.head(&said, to_head);
        (literal.place_of(0, head.bytes), head.tokens)
    };
    let (tail_start, of_tail) = if let Some(bytes) = counter.bytes_of(to_tail) {
        (literal.ceil(literal.len().saturating_sub(bytes)), to_tail)
    } else {
        // About as many bytes as the beginning has for as many tokens, and some more to choose from.
        let window = head_end + head_end / 8 + WORD_BYTES_MAX;
        let from = literal.ceil(literal.len().saturating_sub(window));
        let said = literal.decode(from..literal.len());
        let from_word = border(&said);
        let tail = counter.tail(&said[from_word..], to_tail);
        (literal.place_of(from, said.len() - tail.bytes), tail.tokens)
    };
    let tail_start = literal.ceil(tail_start.max(head_end));
    let mark = mark(tail_start - head_end);
    if tail_start - head_end <= mark.len() {
        return None;
    }
    let inner = scale.texts[text].text.at.start + 1;
    let edit = Edit { at: inner + head_end..inner + tail_start, text: mark };
    Some((edit, of_head + of_mark + of_tail))
}

/// Where a token surely begins near the beginning of a text: at a space after a letter, where every encoding splits.
fn border(text: &str) -> usize {
    let mut before = ' ';
    for (at, char) in text.char_indices().take_while(|(at, _)| *at < WORD_BYTES_MAX) {
        if char == ' ' && before.is_alphabetic() {
            return at;
        }
        before = char;
    }
    0
}
