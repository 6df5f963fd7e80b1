//! A JSON string looked at in pieces: where it may be cut, and what a piece of it says.
//!
//! A document of megabytes stands in a request as one string, escapes and all. Whoever shortens it needs a few kilobytes
//! from its beginning and its end; decoding all of it would cost more than the rest of the work. So pieces are decoded,
//! and places in a piece are translated back to places in the string.
//!
//! Invariants: a place that [`Literal::floor`] or [`Literal::ceil`] gives is between two characters of the text that the
//! string means: never inside an escape, nor between the halves of a surrogate pair.

use std::borrow::Cow;
use std::ops::Range;

use crate::text;

/// Bytes of `\uXXXX`.
const UNICODE_ESCAPE_BYTES: usize = 6;

/// The inside of a JSON string: what stands between its quotes, escapes as they are written.
#[derive(Clone, Copy, Default)]
pub struct Literal<'a>(&'a str);

impl<'a> Literal<'a> {
    /// The inside of this JSON value; `None` when it is no string. `json` must be one valid JSON value.
    pub fn of(json: &'a str) -> Option<Self> {
        Some(Self(json.strip_prefix('"')?.strip_suffix('"')?))
    }

    /// As it is written.
    pub fn as_written(self) -> &'a str {
        self.0
    }

    /// How many bytes it has as it is written.
    pub fn len(self) -> usize {
        self.0.len()
    }

    /// Whether it says nothing.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The last place at or before `at` where the string may be cut.
    pub fn floor(self, at: usize) -> usize {
        let at = self.0.floor_char_boundary(at);
        let Some(escape) = self.escape_around(at) else { return at };
        self.start_of_pair(escape)
    }

    /// The first place at or after `at` where the string may be cut.
    pub fn ceil(self, at: usize) -> usize {
        let at = self.0.ceil_char_boundary(at.min(self.0.len()));
        let Some(escape) = self.escape_around(at) else { return at };
        let start = self.start_of_pair(escape);
        (start + self.escape_len(start)).min(self.0.len())
    }

    /// What a piece of it says. Both ends must be places where it may be cut.
    pub fn decode(self, piece: Range<usize>) -> Cow<'a, str> {
        let written = self.0.get(piece).unwrap_or_default();
        if memchr::memchr(b'\\', written.as_bytes()).is_none() {
            return Cow::Borrowed(written);
        }
        text::decode(&format!("\"{written}\"")).map(Cow::into_owned).unwrap_or_default().into()
    }

    /// Where the character stands that begins at byte `offset` of what is said from `start` on.
    pub fn place_of(self, start: usize, offset: usize) -> usize {
        let (mut at, mut said) = (start, 0);
        while said < offset && at < self.0.len() {
            let plain = memchr::memchr(b'\\', &self.0.as_bytes()[at..]).unwrap_or(self.0.len() - at);
            if said + plain >= offset {
                return at + (offset - said);
            }
            (at, said) = (at + plain, said + plain);
            let escape = at..(at + self.escape_len(at)).min(self.0.len());
            said += self.decode(escape.clone()).len();
            at = escape.end;
        }
        at
    }

    /// The beginning of the escape that a place is within or, for the second half of a pair, right before.
    fn escape_around(self, at: usize) -> Option<usize> {
        let bytes = self.0.as_bytes();
        let near = at.saturating_sub(UNICODE_ESCAPE_BYTES - 1);
        if let Some(found) = memchr::memrchr(b'\\', &bytes[near..at])
            && let Some(start) = self.escape_at(near + found)
            && at < start + self.single_len(start)
        {
            return Some(start);
        }
        // Right before the second half of a pair.
        (self.start_of_pair(at) != at).then_some(at)
    }

    /// The beginning of the escape that a backslash belongs to as its first byte; `None` for the second of `\\`.
    fn escape_at(self, backslash: usize) -> Option<usize> {
        let before = self.0.as_bytes()[..backslash].iter().rev().take_while(|byte| **byte == b'\\').count();
        (before % 2 == 0).then_some(backslash)
    }

    /// Where the pair begins whose second half begins here; the place itself when there is none.
    fn start_of_pair(self, at: usize) -> usize {
        let is_low = self.unit(at).is_some_and(|unit| (0xDC00..0xE000).contains(&unit));
        let Some(before) = at.checked_sub(UNICODE_ESCAPE_BYTES).filter(|_| is_low) else { return at };
        let is_high = self.unit(before).is_some_and(|unit| (0xD800..0xDC00).contains(&unit));
        if is_high && self.escape_at(before).is_some() { before } else { at }
    }

    /// The number that `\uXXXX` at this place names.
    fn unit(self, at: usize) -> Option<u16> {
        let escape = self.0.as_bytes().get(at..at + UNICODE_ESCAPE_BYTES)?;
        let digits = std::str::from_utf8(escape.strip_prefix(b"\\u")?).ok()?;
        u16::from_str_radix(digits, 16).ok()
    }

    /// Bytes of the escape here, a pair as two.
    fn single_len(self, at: usize) -> usize {
        if self.unit(at).is_some() { UNICODE_ESCAPE_BYTES } else { 2 }
    }

    /// Bytes of the escape here, a pair as one.
    fn escape_len(self, at: usize) -> usize {
        let after = at + self.single_len(at);
        if self.unit(after).is_some() && self.start_of_pair(after) == at {
            after + UNICODE_ESCAPE_BYTES - at
        } else {
            after - at
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use proptest::prelude::*;

    fn literal(json: &str) -> Literal<'_> {
        Literal::of(json).unwrap()
    }

    #[test]
    fn no_cut_goes_through_an_escape_or_a_pair() {
        let text = literal(r#""ab\u00e9\\\n\ud83d\ude00é""#);
        let cuts: Vec<usize> = (0..=text.len()).map(|at| text.floor(at)).collect();
        let mut places = cuts.clone();
        places.dedup();
        let pieces: Vec<_> = places.windows(2).map(|pair| text.decode(pair[0]..pair[1])).collect();
        assert_eq!(pieces, ["a", "b", "é", "\\", "\n", "😀", "é"]);
    }

    #[test]
    fn half_a_pair_is_a_character_of_its_own() {
        let text = literal(r#""\ud83dx\ude00""#);
        assert_eq!([text.floor(3), text.floor(6), text.floor(7), text.floor(9)], [0, 6, 7, 7]);
        assert_eq!(text.ceil(1), 6);
    }

    /// The string escaped in one of three ways, as different clients do it.
    fn written(text: &str, way: u8) -> String {
        if way == 0 {
            return text::encode(text);
        }
        let mut out = String::from('"');
        for char in text.chars() {
            if way == 1 && char.is_ascii() && char >= ' ' && char != '"' && char != '\\' {
                out.push(char);
            } else {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
        out + "\""
    }

    proptest! {
        #[test]
        fn the_two_sides_of_a_cut_say_what_the_whole_says(text in r#"([a-z"\\\n é😀€]|\PC){0,40}"#, way in 0_u8..3, at in 0_usize..300) {
            let json = written(&text, way);
            let literal = literal(&json);
            for at in [literal.floor(at), literal.ceil(at)] {
                let (before, after) = (literal.decode(0..at), literal.decode(at..literal.len()));
                prop_assert_eq!(format!("{before}{after}"), text.as_str());
                prop_assert_eq!(literal.place_of(0, before.len()), at);
                prop_assert_eq!((literal.floor(at), literal.ceil(at)), (at, at));
            }
            prop_assert!(literal.floor(at) <= at.min(literal.len()) && literal.ceil(at) >= at.min(literal.len()));
        }
    }
}
