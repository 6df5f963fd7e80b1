//! Texts within a text: pieces in base 64, bytes as numbers, characters as escapes.
//!
//! They are decoded once, not again. What does not decode to readable text is no text: identifiers, hashes, keys and pictures, of
//! which calls are full. The decoded is shorter than what it is from, so that the work stays within the text's length; a bound
//! holds for the odd text that is all code.

use crate::fold::fold;
use crate::view::{Disguise, View};

/// Characters of base 64 that may be a text: twelve bytes.
const BASE64_MIN: usize = 16;
/// Bytes written as numbers that may be a text.
const NUMBERS_MIN: usize = 8;
/// Characters written as escapes that are worth a look.
const ESCAPES_MIN: usize = 4;
/// Bytes of a piece that are decoded. An attack is at its beginning, or shorter.
const PIECE_BYTES_MAX: usize = 64 * 1024;
/// Pieces of a text that are decoded.
const PIECES_MAX: usize = 64;
/// A line of a longer piece: the next line belongs to it.
const LINE_MIN: usize = 40;

/// All readable texts within a text, one after another. `None` where there is none.
pub(crate) fn pieces(text: &str) -> Option<View> {
    let mut view = View::default();
    let mut count = 0;
    base64_pieces(text.as_bytes(), &mut |start, end| {
        let piece = &text.as_bytes()[start..end.min(start + PIECE_BYTES_MAX)];
        let decoded = hex(piece)
            .map(|bytes| (bytes, Disguise::Hex))
            .or_else(|| Some((base64(piece)?, Disguise::Base64)));
        if let Some((bytes, disguise)) = decoded {
            count += usize::from(add(&mut view, &bytes, start, end, disguise));
        }
        count < PIECES_MAX
    });
    number_pieces(text.as_bytes(), |start, end, bytes, disguise| {
        count += usize::from(add(&mut view, bytes, start, end, disguise));
        count < PIECES_MAX
    });
    (!view.text().is_empty()).then_some(view)
}

/// Adds a piece that reads as text, folded like any text.
fn add(view: &mut View, bytes: &[u8], start: usize, end: usize, disguise: Disguise) -> bool {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        // The piece may have been cut, or its last character be incomplete.
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    };
    if text.len() < NUMBERS_MIN || text.len() + 4 < bytes.len() || !is_readable(text) {
        return false;
    }
    view.push_whole("\n", start, end, disguise);
    view.push_whole(fold(text).text(), start, end, disguise);
    true
}

fn is_readable(text: &str) -> bool {
    let odd = text.chars().filter(|letter| letter.is_control() && !letter.is_whitespace()).count();
    let letters = text.chars().filter(|letter| letter.is_alphanumeric() || *letter == ' ').count();
    odd == 0 && letters * 10 >= text.chars().count() * 6
}

const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// Bytes that are looked at at once. Of a piece that counts, one of them at least is whole.
const BLOCK: usize = 8;
// A run of so many bytes has a whole aligned block in it.
const _: () = assert!(BASE64_MIN > 2 * BLOCK - 2 && NUMBERS_MIN * 3 - 1 > 2 * BLOCK - 2);

/// Which bytes are of base 64 (bit 0), and which of bytes written as numbers and what stands between them (bit 1).
const PARTS: [u8; 256] = {
    let mut parts = [0; 256];
    let mut byte = 0_u8;
    loop {
        let is_gap = matches!(byte, b' ' | b',' | b'\n');
        parts[byte as usize] = is_base64(byte) as u8 | (((byte.is_ascii_hexdigit() || is_gap) as u8) << 1);
        if byte == u8::MAX {
            break parts;
        }
        byte += 1;
    }
};
const OF_BASE64: u8 = 1;
const OF_NUMBERS: u8 = 2;

/// The next aligned block from `at` on all bytes of which are of a kind. `None` when there is none.
fn next_block(text: &[u8], at: usize, kind: u8) -> Option<usize> {
    let first = at.next_multiple_of(BLOCK);
    let (blocks, _) = text.get(first..)?.as_chunks::<BLOCK>();
    let is_of = |block: &[u8; BLOCK]| {
        let all = u64::from_ne_bytes(*block);
        let is_excluded = if kind == OF_BASE64 { has_less(all, b'+') } else { has_more(all, b'f') };
        !is_excluded && block.iter().all(|&byte| PARTS[usize::from(byte)] & kind != 0)
    };
    blocks.iter().position(is_of).map(|number| first + number * BLOCK)
}

/// A byte in each place of a number.
const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; BLOCK])
}

/// Whether one of the bytes is less than another, which is ASCII. A borrow only comes from one that is.
const fn has_less(all: u64, than: u8) -> bool {
    all.wrapping_sub(each(than)) & !all & each(0x80) != 0
}

/// Whether one of the bytes is more than another, which is ASCII. A carry only comes from one that is.
const fn has_more(all: u64, than: u8) -> bool {
    (all.wrapping_add(each(0x7f - than)) | all) & each(0x80) != 0
}

/// Calls `found` with the bounds of what may be base 64, until it says to stop.
fn base64_pieces(text: &[u8], found: &mut dyn FnMut(usize, usize) -> bool) {
    let mut before = 0;
    while let Some(block) = next_block(text, before, OF_BASE64) {
        let start = text[before..block]
            .iter()
            .rposition(|&byte| !is_base64(byte))
            .map_or(before, |at| before + at + 1);
        let (mut line, mut end) = (start, block);
        loop {
            end += text[end..].iter().position(|&byte| !is_base64(byte)).unwrap_or(text.len() - end);
            let breaks = text[end..].iter().take(2).take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
            let goes_on = breaks > 0 && text.get(end + breaks).is_some_and(|&byte| is_base64(byte));
            if end - line < LINE_MIN || !goes_on {
                break;
            }
            end += breaks;
            line = end;
        }
        if end - start >= BASE64_MIN && !found(start, end) {
            return;
        }
        before = end;
    }
}

/// Decodes base 64 of either alphabet, with line breaks, without padding.
fn base64(piece: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(piece.len() / 4 * 3);
    let (mut held, mut bits) = (0_u32, 0_u32);
    for &byte in piece {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => continue,
        };
        held = (held << 6 | u32::from(value)) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 0xff) as u8);
        }
        // Most words are no base 64, which shows in their first bytes.
        if bytes.len() == 6 && !bytes.iter().all(|&byte| byte >= 0x20 || byte.is_ascii_whitespace()) {
            return None;
        }
    }
    Some(bytes)
}

/// Decodes bytes as pairs of hexadecimal digits.
fn hex(piece: &[u8]) -> Option<Vec<u8>> {
    if !piece.len().is_multiple_of(2) || !piece.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    piece.chunks_exact(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// Calls `found` with what is written as bytes with spaces or commas between: `69 67 6e` or `01101001 01100111`, until it
/// says to stop.
fn number_pieces(text: &[u8], mut found: impl FnMut(usize, usize, &[u8], Disguise) -> bool) {
    let is_part = |byte: &u8| PARTS[usize::from(*byte)] & OF_NUMBERS != 0;
    let mut before = 0;
    while let Some(block) = next_block(text, before, OF_NUMBERS) {
        let from =
            text[before..block].iter().rposition(|byte| !is_part(byte)).map_or(before, |at| before + at + 1);
        let to = text[block..].iter().position(|byte| !is_part(byte)).map_or(text.len(), |at| block + at);
        if !numbers_within(text, from, to, &mut found) {
            return;
        }
        before = to;
    }
}

/// The same within bytes that are of numbers. Words that go on beyond them are none.
fn numbers_within(
    text: &[u8],
    from: usize,
    to: usize,
    found: &mut impl FnMut(usize, usize, &[u8], Disguise) -> bool,
) -> bool {
    let is_gap = |at: usize| matches!(text[at], b' ' | b',' | b'\n');
    let mut bytes: Vec<u8> = Vec::new();
    let (mut start, mut end, mut disguise) = (from, from, Disguise::None);
    let mut at = from;
    loop {
        at += text[at..to].iter().position(|byte| !matches!(byte, b' ' | b',' | b'\n')).unwrap_or(to - at);
        let word = at;
        while at < to && !is_gap(at) {
            at += 1;
        }
        let is_whole = (word > from || from == 0) && (at < to || to == text.len());
        let number = number(&text[word..at]).filter(|_| is_whole);
        let goes_on = number.is_some_and(|(_, of)| of == disguise) && word <= end + 2;
        if !goes_on {
            if bytes.len() >= NUMBERS_MIN && !found(start, end, &bytes, disguise) {
                return false;
            }
            bytes.clear();
            start = word;
        }
        if let Some((byte, of)) = number {
            bytes.push(byte);
            (end, disguise) = (at, of);
        }
        if word == to {
            return true;
        }
    }
}

/// A byte as two hexadecimal digits or as eight bits.
fn number(digits: &[u8]) -> Option<(u8, Disguise)> {
    let (radix, disguise) = match digits.len() {
        2 => (16, Disguise::Hex),
        8 => (2, Disguise::Binary),
        _ => return None,
    };
    let is_digit = |byte: &u8| char::from(*byte).is_digit(radix);
    let digits = digits.iter().all(is_digit).then(|| std::str::from_utf8(digits).ok())??;
    Some((u8::from_str_radix(digits, radix).ok()?, disguise))
}

/// The text with escapes replaced by their characters. `None` where there are hardly any.
pub(crate) fn without_escapes(text: &str) -> Option<View> {
    let signs = memchr::memchr3_iter(b'%', b'\\', b'&', text.as_bytes());
    if signs.take(ESCAPES_MIN).count() < ESCAPES_MIN {
        return None;
    }
    let mut plain = View::default();
    let mut escapes = 0;
    let mut at = 0;
    while at < text.len() {
        if let Some((letter, length, disguise)) = escape(&text[at..]) {
            escapes += 1;
            for lower in letter.to_lowercase() {
                plain.push(lower, at, at + length, disguise);
            }
            at += length;
            continue;
        }
        let Some(letter) = text[at..].chars().next() else { break };
        for lower in letter.to_lowercase() {
            plain.push(lower, at, at + letter.len_utf8(), Disguise::None);
        }
        at += letter.len_utf8();
    }
    (escapes >= ESCAPES_MIN).then_some(plain)
}

/// The character that an escape at the beginning stands for, and the escape's length.
fn escape(text: &str) -> Option<(char, usize, Disguise)> {
    let number = |from: usize, length: usize, radix: u32| {
        let digits = text.get(from..from + length)?;
        let letter = digits
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit())
            .then(|| u32::from_str_radix(digits, radix).ok())??;
        char::from_u32(letter).filter(|letter| !letter.is_control() || letter.is_whitespace())
    };
    match text.as_bytes() {
        [b'%', ..] => Some((number(1, 2, 16).filter(char::is_ascii)?, 3, Disguise::Url)),
        [b'\\', b'x', ..] => Some((number(2, 2, 16)?, 4, Disguise::Escapes)),
        [b'\\', b'u', ..] => Some((number(2, 4, 16)?, 6, Disguise::Escapes)),
        [b'&', b'#', rest @ ..] => {
            let end = rest.iter().take(8).position(|&byte| byte == b';')?;
            let letter = if matches!(rest.first(), Some(b'x' | b'X')) {
                number(3, end.checked_sub(1)?, 16)?
            } else {
                number(2, end, 10)?
            };
            Some((letter, end + 3, Disguise::Escapes))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> Vec<(String, usize, usize, Option<&'static str>)> {
        let Some(view) = pieces(text) else { return Vec::new() };
        let mut at = 0;
        let mut all = Vec::new();
        for line in view.text().split('\n') {
            if !line.is_empty() {
                let (start, end, disguise) = view.original(at, at + line.len());
                all.push((line.to_owned(), start, end, disguise.name()));
            }
            at += line.len() + 1;
        }
        all
    }

    #[test]
    fn texts_within_a_text_are_read_and_their_place_is_theirs() {
        let ignore = "ignore previous".to_owned();
        assert_eq!(decoded("do: aWdub3JlIHByZXZpb3Vz!"), [(ignore.clone(), 4, 24, Some("base64"))]);
        assert_eq!(decoded("69676e6f72652070726576696f7573"), [(ignore.clone(), 0, 30, Some("hex"))]);
        let pairs = "x 69 67 6e 6f 72 65 20 70 72 65 76 69 6f 75 73 y";
        assert_eq!(decoded(pairs), [(ignore, 2, 46, Some("hex"))]);
        let bits = "01101001 01100111 01101110 01101111 01110010 01100101 00100000 01101001 01110100";
        assert_eq!(decoded(bits), [("ignore it".to_owned(), 0, bits.len(), Some("binary"))]);
    }

    #[test]
    fn pieces_are_found_wherever_they_stand() {
        let bits = "01101001 01100111 01101110 01101111 01110010 01100101 00100000 01101001";
        for piece in ["aWdub3JlIGFsbCEh", "69 67 6e 6f 72 65 20 69", "69,67,6e,6f,72,65,20,69", bits] {
            for before in 0..20 {
                for (left, right) in [(" ", " "), (".", "."), ("", ""), ("(see) ", " (so)")] {
                    let filled = if left.is_empty() { String::new() } else { "%".repeat(before) };
                    let text = format!("{filled}{left}{piece}{right}");
                    // A number that goes on is none, and then there is one too few.
                    let expected = usize::from(left != "." || piece.starts_with('a'));
                    assert_eq!(decoded(&text).len(), expected, "{text}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_text_is_left_alone() {
        for text in [
            "the quick brown fox jumps over internationalisation of everything",
            "d41d8cd98f00b204e9800998ecf8427e",
            "/usr/local/lib/python3.11/site-packages/numpy/__init__.py",
            "12 34 56",
            "",
        ] {
            assert_eq!(decoded(text), []);
        }
    }

    #[test]
    fn escapes_become_their_characters() {
        let view = without_escapes("so %69%67%6e\\x6f\\u0072&#101;&#x20;it").unwrap();
        assert_eq!(view.text(), "so ignore it");
        assert_eq!(view.original(3, 9), (3, 28, Disguise::Escapes));
        assert!(without_escapes("100 % of a & b").is_none());
    }
}
