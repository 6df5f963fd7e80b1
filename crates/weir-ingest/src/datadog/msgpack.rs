//! A reader of msgpack that nothing in the input can hurt: it borrows, never recurses to skip, and believes no length
//! before the bytes for it are there.
//!
//! Reading is by token, so that a field of an unexpected type is stepped over and the rest of its record is kept.
//! [`write_json`] turns a value into JSON text, which is how LLM Observability's payload joins the path of its JSON twin.

use std::borrow::Cow;

use rmp::Marker;

/// Levels of nesting that [`write_json`] follows. Tool arguments nest a dozen deep at most.
const DEPTH_MAX: usize = 64;

/// Why bytes are not msgpack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MsgpackError {
    /// The input ends within a value.
    #[error("the input ends at byte {at}, within a value")]
    Truncated {
        /// Where.
        at: usize,
    },
    /// Another type than this place needs.
    #[error("expected {expected} at byte {at}")]
    Unexpected {
        /// What the place needs.
        expected: &'static str,
        /// Where.
        at: usize,
    },
    /// Nested deeper than 64 levels.
    #[error("nested deeper than {DEPTH_MAX} levels at byte {at}")]
    TooDeep {
        /// Where.
        at: usize,
    },
    /// More spans, tags and texts than one payload can mean.
    #[error("more than {max} entries in one payload")]
    TooMany {
        /// How many are taken.
        max: usize,
    },
}

/// One value, or the head of one that holds others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token<'a> {
    Nil,
    Bool(bool),
    Uint(u64),
    Int(i64),
    Float(f64),
    Str(&'a [u8]),
    Bin(&'a [u8]),
    Array(usize),
    /// How many pairs.
    Map(usize),
}

/// Reads tokens one after another.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    len: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, len: bytes.len() }
    }

    pub(super) fn at(&self) -> usize {
        self.len - self.rest.len()
    }

    pub(super) fn token(&mut self) -> Result<Token<'a>, MsgpackError> {
        let marker = Marker::from_u8(self.take(1)?[0]);
        Ok(match marker {
            Marker::FixPos(value) => Token::Uint(u64::from(value)),
            Marker::FixNeg(value) => Token::Int(i64::from(value)),
            Marker::Null | Marker::Reserved => Token::Nil,
            Marker::True => Token::Bool(true),
            Marker::False => Token::Bool(false),
            Marker::U8 => Token::Uint(self.uint(1)?),
            Marker::U16 => Token::Uint(self.uint(2)?),
            Marker::U32 => Token::Uint(self.uint(4)?),
            Marker::U64 => Token::Uint(self.uint(8)?),
            Marker::I8 => Token::Int(self.int(1)?),
            Marker::I16 => Token::Int(self.int(2)?),
            Marker::I32 => Token::Int(self.int(4)?),
            Marker::I64 => Token::Int(self.int(8)?),
            Marker::F32 => Token::Float(f64::from(f32::from_be_bytes(self.array()?))),
            Marker::F64 => Token::Float(f64::from_be_bytes(self.array()?)),
            Marker::FixStr(len) => Token::Str(self.take(usize::from(len))?),
            Marker::Str8 => Token::Str(self.sized(1)?),
            Marker::Str16 => Token::Str(self.sized(2)?),
            Marker::Str32 => Token::Str(self.sized(4)?),
            Marker::Bin8 => Token::Bin(self.sized(1)?),
            Marker::Bin16 => Token::Bin(self.sized(2)?),
            Marker::Bin32 => Token::Bin(self.sized(4)?),
            Marker::FixExt1 => Token::Bin(&self.take(2)?[1..]),
            Marker::FixExt2 => Token::Bin(&self.take(3)?[1..]),
            Marker::FixExt4 => Token::Bin(&self.take(5)?[1..]),
            Marker::FixExt8 => Token::Bin(&self.take(9)?[1..]),
            Marker::FixExt16 => Token::Bin(&self.take(17)?[1..]),
            Marker::Ext8 => self.ext(1)?,
            Marker::Ext16 => self.ext(2)?,
            Marker::Ext32 => self.ext(4)?,
            Marker::FixArray(len) => self.container(Token::Array, u64::from(len), 1)?,
            Marker::Array16 => {
                let len = self.uint(2)?;
                self.container(Token::Array, len, 1)?
            }
            Marker::Array32 => {
                let len = self.uint(4)?;
                self.container(Token::Array, len, 1)?
            }
            Marker::FixMap(len) => self.container(Token::Map, u64::from(len), 2)?,
            Marker::Map16 => {
                let len = self.uint(2)?;
                self.container(Token::Map, len, 2)?
            }
            Marker::Map32 => {
                let len = self.uint(4)?;
                self.container(Token::Map, len, 2)?
            }
        })
    }

    /// How many elements the array here has.
    pub(super) fn array_len(&mut self) -> Result<usize, MsgpackError> {
        let at = self.at();
        match self.token()? {
            Token::Array(len) => Ok(len),
            // Some tracers write nothing as nil.
            Token::Nil => Ok(0),
            _ => Err(MsgpackError::Unexpected { expected: "an array", at }),
        }
    }

    /// The text here; `None`, with the value stepped over, when it is something else.
    pub(super) fn text(&mut self) -> Result<Option<Cow<'a, str>>, MsgpackError> {
        let token = self.token()?;
        self.skip_rest(token)?;
        Ok(token.text())
    }

    /// Steps over what a token that was read holds.
    pub(super) fn skip_rest(&mut self, token: Token<'a>) -> Result<(), MsgpackError> {
        let mut open = token.values_within();
        while open > 0 {
            open = open - 1 + self.token()?.values_within();
        }
        Ok(())
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], MsgpackError> {
        let (taken, rest) =
            self.rest.split_at_checked(len).ok_or(MsgpackError::Truncated { at: self.len })?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], MsgpackError> {
        let at = self.len;
        self.take(N)?.try_into().map_err(|_| MsgpackError::Truncated { at })
    }

    fn uint(&mut self, len: usize) -> Result<u64, MsgpackError> {
        Ok(self.take(len)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    fn int(&mut self, len: usize) -> Result<i64, MsgpackError> {
        let bytes = self.take(len)?;
        let sign = if bytes[0] >= 0x80 { -1 } else { 0 };
        Ok(bytes.iter().fold(sign, |value, byte| value << 8 | i64::from(*byte)))
    }

    fn sized(&mut self, len_bytes: usize) -> Result<&'a [u8], MsgpackError> {
        let len = self.uint(len_bytes)?;
        self.take(usize::try_from(len).unwrap_or(usize::MAX))
    }

    fn ext(&mut self, len_bytes: usize) -> Result<Token<'a>, MsgpackError> {
        let len = self.uint(len_bytes)?;
        self.take(1)?;
        self.take(usize::try_from(len).unwrap_or(usize::MAX)).map(Token::Bin)
    }

    /// The head of a container. Every value within takes a byte at least, so a length beyond the input is a lie.
    fn container(
        &self,
        head: fn(usize) -> Token<'a>,
        len: u64,
        values: usize,
    ) -> Result<Token<'a>, MsgpackError> {
        let truncated = MsgpackError::Truncated { at: self.len };
        let len = usize::try_from(len).map_err(|_| truncated)?;
        if len.saturating_mul(values) > self.rest.len() { Err(truncated) } else { Ok(head(len)) }
    }
}

impl<'a> Token<'a> {
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Str(bytes) | Self::Bin(bytes) => Some(String::from_utf8_lossy(bytes)),
            _ => None,
        }
    }

    pub(super) fn uint(self) -> Option<u64> {
        match self {
            Self::Uint(value) => Some(value),
            // Tracers without unsigned integers send ids as signed ones.
            Self::Int(value) => Some(value.cast_unsigned()),
            Self::Float(value) => whole(value).map(i64::cast_unsigned),
            _ => None,
        }
    }

    pub(super) fn int(self) -> Option<i64> {
        match self {
            Self::Uint(value) => i64::try_from(value).ok(),
            Self::Int(value) => Some(value),
            Self::Float(value) => whole(value),
            Self::Bool(value) => Some(i64::from(value)),
            _ => None,
        }
    }

    pub(super) fn float(self) -> Option<f64> {
        match self {
            Self::Uint(value) => Some(value as f64),
            Self::Int(value) => Some(value as f64),
            Self::Float(value) => Some(value),
            _ => None,
        }
    }

    fn values_within(self) -> usize {
        match self {
            Self::Array(len) => len,
            Self::Map(len) => len.saturating_mul(2),
            _ => 0,
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "float to integer casts saturate, and whole numbers stay"
)]
fn whole(value: f64) -> Option<i64> {
    (value.fract() == 0.0).then_some(value as i64)
}

/// Appends the next value as JSON. Bytes become text, keys that are no texts become texts, and what JSON has no number
/// for becomes null.
pub(super) fn write_json(reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<(), MsgpackError> {
    write_level(reader, out, DEPTH_MAX)
}

fn write_level(reader: &mut Reader<'_>, out: &mut Vec<u8>, depth: usize) -> Result<(), MsgpackError> {
    let depth = depth.checked_sub(1).ok_or(MsgpackError::TooDeep { at: reader.at() })?;
    match reader.token()? {
        Token::Array(len) => {
            out.push(b'[');
            for position in 0..len {
                separate(position, out);
                write_level(reader, out, depth)?;
            }
            out.push(b']');
        }
        Token::Map(len) => {
            out.push(b'{');
            for position in 0..len {
                separate(position, out);
                write_key(reader, out)?;
                out.push(b':');
                write_level(reader, out, depth)?;
            }
            out.push(b'}');
        }
        scalar => write_scalar(scalar, out),
    }
    Ok(())
}

fn separate(position: usize, out: &mut Vec<u8>) {
    if position > 0 {
        out.push(b',');
    }
}

fn write_key(reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<(), MsgpackError> {
    let token = reader.token()?;
    reader.skip_rest(token)?;
    match token {
        Token::Str(_) | Token::Bin(_) => write_scalar(token, out),
        _ => {
            let mut text = Vec::new();
            write_scalar(token, &mut text);
            write_scalar(Token::Str(&text), out);
        }
    }
    Ok(())
}

fn write_scalar(token: Token<'_>, out: &mut Vec<u8>) {
    let text = match token {
        Token::Str(bytes) | Token::Bin(bytes) => serde_json::to_string(&String::from_utf8_lossy(bytes)),
        Token::Uint(value) => serde_json::to_string(&value),
        Token::Int(value) => serde_json::to_string(&value),
        Token::Float(value) => serde_json::to_string(&value),
        Token::Bool(value) => serde_json::to_string(&value),
        Token::Nil | Token::Array(_) | Token::Map(_) => Ok("null".to_owned()),
    };
    out.extend_from_slice(text.as_deref().unwrap_or("null").as_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn json_of(bytes: &[u8]) -> Result<Value, MsgpackError> {
        let mut out = Vec::new();
        write_json(&mut Reader::new(bytes), &mut out)?;
        Ok(serde_json::from_slice(&out).expect("what is written is JSON"))
    }

    fn skip(reader: &mut Reader<'_>) -> Result<(), MsgpackError> {
        let token = reader.token()?;
        reader.skip_rest(token)
    }

    #[test]
    fn every_type_becomes_its_json() {
        let bytes = [
            0x89, 0xa1, b'a', 0x01, 0xa1, b'b', 0xff, 0xa1, b'c', 0xc3, 0xa1, b'd', 0xc0, // fixed
            0xa1, b'e', 0x92, 0xcc, 200, 0xd1, 0xff, 0x38, // [200, -200]
            0xa1, b'f', 0xcb, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0, // 0.5
            0xa1, b'g', 0xc4, 2, b'"', b'\n', // bytes
            0x07, 0xd4, 1, b'x', // a key that is a number, an extension
            0xa1, b'h', 0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        ];
        let expected = json!({
            "a": 1, "b": -1, "c": true, "d": null, "e": [200, -200], "f": 0.5, "g": "\"\n", "7": "x",
            "h": u64::MAX,
        });
        assert_eq!(json_of(&bytes), Ok(expected));
    }

    #[test]
    fn lengths_that_the_input_does_not_hold_are_refused_at_once() {
        for bytes in [
            &[0xdd, 0xff, 0xff, 0xff, 0xff, 0xc0][..],
            &[0xdf, 0xff, 0xff, 0xff, 0xff],
            &[0xdb, 0x7f, 0, 0, 0],
        ] {
            assert!(matches!(json_of(bytes), Err(MsgpackError::Truncated { .. })), "{bytes:?}");
        }
    }

    #[test]
    fn nesting_without_an_end_is_refused_and_can_be_stepped_over() {
        let deep = [vec![0x91; 100_000], vec![0xc0]].concat();
        assert!(matches!(json_of(&deep), Err(MsgpackError::TooDeep { .. })));
        let mut reader = Reader::new(&deep);
        assert_eq!(skip(&mut reader), Ok(()));
        assert_eq!(reader.at(), deep.len());
    }

    proptest! {
        #[test]
        fn bytes_of_any_kind_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = json_of(&bytes);
            let mut reader = Reader::new(&bytes);
            while skip(&mut reader).is_ok() && reader.at() < bytes.len() {}
        }

        #[test]
        fn what_is_skipped_is_as_long_as_what_is_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let (mut skipped, mut read) = (Reader::new(&bytes), Reader::new(&bytes));
            if write_json(&mut read, &mut Vec::new()).is_ok() {
                prop_assert_eq!(skip(&mut skipped), Ok(()));
                prop_assert_eq!(skipped.at(), read.at());
            }
        }
    }
}
