//! Trace and span identifiers, as W3C Trace Context spells them.
//!
//! Identifiers that Weir makes are ordered by time: neighbours in time are neighbours in the store, which keeps
//! compression good and look-ups by id narrow. Identifiers that clients bring are kept as they are.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::UnixMicros;

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} hexadecimal digits, not all zero; got {got:?}")]
pub struct IdParseError {
    expected: usize,
    got: String,
}

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// The identifier with these bytes, most significant first.
            pub const fn from_bytes(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// The bytes, most significant first.
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                let mut text = [0u8; $bytes * 2];
                for (i, byte) in self.0.iter().enumerate() {
                    text[2 * i] = DIGITS[usize::from(byte >> 4)];
                    text[2 * i + 1] = DIGITS[usize::from(byte & 15)];
                }
                f.pad(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = IdParseError;

            fn from_str(text: &str) -> Result<Self, IdParseError> {
                let fail = || IdParseError { expected: $bytes * 2, got: text.chars().take(64).collect() };
                let digits = text.as_bytes();
                if digits.len() != $bytes * 2 {
                    return Err(fail());
                }
                let mut bytes = [0u8; $bytes];
                for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
                    let nibble = |digit: u8| char::from(digit).to_digit(16);
                    let (Some(high), Some(low)) = (nibble(pair[0]), nibble(pair[1])) else { return Err(fail()) };
                    *byte = u8::try_from(high * 16 + low).map_err(|_| fail())?;
                }
                if bytes == [0u8; $bytes] { Err(fail()) } else { Ok(Self(bytes)) }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

hex_id!(
    /// Sixteen bytes that name a trace; 32 lowercase hexadecimal digits in text.
    TraceId,
    16
);
hex_id!(
    /// Eight bytes that name a span within its trace; 16 lowercase hexadecimal digits in text.
    SpanId,
    8
);

/// Makes identifiers ordered by time.
///
/// A span id is 41 bits of milliseconds and 23 bits of a sequence that starts at a random place: two ids of one
/// generator are equal only after 8,388,608 spans within one millisecond. A trace id has the layout of UUID version 7.
#[derive(Debug)]
pub struct IdGenerator {
    sequence: AtomicU64,
}

const SEQUENCE_BITS: u32 = 23;

impl IdGenerator {
    /// A generator whose sequence starts at a random place, so that two processes do not meet.
    pub fn new() -> Self {
        Self { sequence: AtomicU64::new(fastrand::u64(..)) }
    }

    /// A new span id for a span that starts now.
    pub fn span_id(&self, now: UnixMicros) -> SpanId {
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed) & ((1 << SEQUENCE_BITS) - 1);
        SpanId(((unix_ms(now) << SEQUENCE_BITS) | sequence).to_be_bytes())
    }

    /// A new trace id for a trace that starts now.
    pub fn trace_id(&self, now: UnixMicros) -> TraceId {
        const VERSION_7: u128 = 7 << 76;
        const VARIANT_RFC: u128 = 2 << 62;
        const RANDOM_MASK: u128 = !((0xffff_ffff_ffff << 80) | (0xf << 76) | (3 << 62));
        let random = fastrand::u128(..) & RANDOM_MASK;
        let time = u128::from(unix_ms(now) & 0xffff_ffff_ffff) << 80;
        TraceId((time | VERSION_7 | VARIANT_RFC | random).to_be_bytes())
    }
}

impl Default for IdGenerator {
    fn default() -> Self {
        Self::new()
    }
}

fn unix_ms(now: UnixMicros) -> u64 {
    u64::try_from(now.0 / 1_000).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_agree() {
        let id: TraceId = "0af7651916cd43dd8448eb211c80319c".parse().unwrap();
        assert_eq!(id.to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(id.as_bytes()[0], 0x0a);
    }

    #[test]
    fn zero_short_and_foreign_texts_are_refused() {
        for text in ["", "00f067aa0ba902b", "0000000000000000", "00f067aa0ba902bz", "00f067aa0ba902b77"] {
            assert!(text.parse::<SpanId>().is_err(), "{text}");
        }
    }

    #[test]
    fn later_ids_sort_after_earlier_ones() {
        let ids = IdGenerator::new();
        let early = UnixMicros(1_700_000_000_000_000);
        let late = UnixMicros(1_700_000_000_001_000);
        assert!(ids.span_id(early) < ids.span_id(late));
        assert!(ids.trace_id(early) < ids.trace_id(late));
    }

    #[test]
    fn ids_of_one_millisecond_differ() {
        let ids = IdGenerator::new();
        let now = UnixMicros(1_700_000_000_000_000);
        let unique: std::collections::HashSet<_> = (0..100_000).map(|_| ids.span_id(now)).collect();
        assert_eq!(unique.len(), 100_000);
    }
}
