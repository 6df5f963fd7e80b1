//! Values that are given the name of a secret: `password=…`, `"api_key": "…"`, `client_secret: …`.
//!
//! The name alone proves nothing: prose, code and schemas are full of it. So a value counts only when it looks like one that a
//! machine or a careful person made, and not when it stands for another (`${PASSWORD}`, `<token>`).

use super::kind::Kind;
use super::{Finding, run};

/// Bytes of a name that may follow the word: `secret_access_key`, `token-v2`.
const REST_OF_NAME_BYTES_MAX: usize = 24;

/// Bytes of a value by which it is judged. It is taken whole, however long it is.
const JUDGED_BYTES_MAX: usize = 128;

/// Bytes that the value of a member may have to be a secret.
const NAMED_BYTES_MAX: usize = 4_096;

const SECRET_BYTES_MIN: usize = 12;
const PASSWORD_BYTES_MIN: usize = 6;

/// Bits for each byte that a secret has at least; English has about 4.1 over long texts, and short words much less.
const SECRET_BITS_MIN: f64 = 3.0;
const PASSWORD_BITS_MIN: f64 = 2.2;

/// Names of what only looks like a secret: the place where a list goes on.
const HARMLESS: [&str; 5] = ["page", "next", "cursor", "continuation", "sync"];

/// The value after a name that begins at `at`.
pub(super) fn after(text: &str, at: usize, begins: usize, kind: Kind) -> Option<Finding> {
    let bytes = text.as_bytes();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let name_end = bytes.len().min(at + begins + REST_OF_NAME_BYTES_MAX);
    let mut next = at + begins + run(&bytes[..name_end], at + begins, is_name);
    let quotes = |byte: u8| matches!(byte, b'"' | b'\'' | b'\\' | b'`' | b' ');
    next += run(bytes, next, quotes).min(4);
    let separators = run(bytes, next, |byte| matches!(byte, b'=' | b':' | b'>')).min(2);
    if separators == 0 || bytes[next] == b'>' || is_harmless(&text[near(text, at)..at]) {
        return None;
    }
    next += separators;
    next += run(bytes, next, quotes).min(4);
    let judged_end = bytes.len().min(next + JUDGED_BYTES_MAX);
    let judged_end = next + run(&bytes[..judged_end], next, is_value);
    // What is called or looked up is code.
    let is_code = matches!(bytes.get(judged_end), Some(b'(' | b'['));
    if is_code || !looks_like(kind, &bytes[next..judged_end]) {
        return None;
    }
    Some(Finding { kind, at: next..judged_end + run(bytes, judged_end, is_value) })
}

/// What the value of a member is by the member's name.
pub(super) fn named(name: &str, value: &str) -> Option<Kind> {
    let ends = |end: &str| {
        name.len() >= end.len()
            && name.is_char_boundary(name.len() - end.len())
            && name[name.len() - end.len()..].eq_ignore_ascii_case(end)
    };
    let kind = if ["password", "passwd", "pwd"].iter().any(|end| ends(end)) {
        Kind::Password
    } else if ["secret", "token", "api_key", "api-key", "apikey", "access_key"].iter().any(|end| ends(end)) {
        Kind::Assigned
    } else {
        return None;
    };
    let is_one = value.len() <= NAMED_BYTES_MAX && value.bytes().all(is_value);
    (is_one && !is_harmless(name) && looks_like(kind, value.as_bytes())).then_some(kind)
}

/// Whether a value is written in place of the real one: a variable, a blank, something redacted.
pub(super) fn stands_for_another(value: &[u8]) -> bool {
    let marks = [&b"[redacted"[..], b"$", b"<", b"{", b"%", b"***", b"xxx", b"..."];
    marks.iter().any(|mark| value.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark)))
}

fn is_harmless(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    HARMLESS.iter().any(|harmless| name.contains(harmless))
}

/// Where the part of a name begins that stands before the word in it: `next_page_` of `next_page_token`.
fn near(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    at - bytes[at.saturating_sub(REST_OF_NAME_BYTES_MAX)..at]
        .iter()
        .rev()
        .take_while(|byte| is_name(byte))
        .count()
}

fn is_value(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(byte, b'"' | b'\'' | b'\\' | b'`' | b',' | b';' | b'(' | b')' | b'[' | b'<' | b'>')
}

fn looks_like(kind: Kind, value: &[u8]) -> bool {
    let has = |is_in: fn(&u8) -> bool| value.iter().any(is_in);
    let (least, bits) = match kind {
        Kind::Password => (PASSWORD_BYTES_MIN, PASSWORD_BITS_MIN),
        _ => (SECRET_BYTES_MIN, SECRET_BITS_MIN),
    };
    value.len() >= least
        && has(u8::is_ascii_alphabetic)
        && (has(u8::is_ascii_digit) || kind == Kind::Password && has(|byte| b"!@#$^&*+".contains(byte)))
        && !stands_for_another(value)
        // An address, a path or a date is no secret.
        && !value.windows(3).any(|part| part == b"://")
        && bits_of(value) >= bits
}

/// Shannon's entropy for each byte.
fn bits_of(value: &[u8]) -> f64 {
    let mut counts = [0_u32; 128];
    for byte in value {
        counts[usize::from(byte & 0x7f)] += 1;
    }
    let total = value.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / total)
        .map(|p| -p * p.log2())
        .sum()
}
