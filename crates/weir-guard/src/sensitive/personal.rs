//! Personal data, by its form and its check digits.
//!
//! One pass over the bytes stops at what each kind begins with: an `@`, a digit, a plus, a bracket, two capital letters. What is
//! read from there has a bound of its own for each kind.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::kind::{Kind, Kinds};
use super::{Finding, begins_word, run};

/// Bytes before and after the `@` of an address, as RFC 5321 bounds them.
const LOCAL_BYTES_MAX: usize = 64;
const DOMAIN_BYTES_MAX: usize = 255;

/// Letters and digits of an account's number.
const IBAN_MIN: usize = 15;
const IBAN_MAX: usize = 34;

/// Digits of a card's number.
const CARD_MIN: usize = 13;
const CARD_MAX: usize = 19;

/// Digits of a telephone number with its country's code: E.164 allows 15.
const PHONE_MIN: usize = 8;
const PHONE_MAX: usize = 15;

/// Bytes of an address of IPv6.
const IPV6_BYTES_MAX: usize = 45;

/// Adds the personal data of a text, of the kinds that are asked for.
pub(super) fn find(text: &str, kinds: Kinds, found: &mut Vec<Finding>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let begins = bytes[at].is_ascii_alphanumeric() || matches!(bytes[at], b'+' | b'(' | b'@' | b':');
        let finding = if begins { at_byte(text, at, kinds) } else { None };
        match finding {
            Some(finding) => {
                at = finding.at.end.max(at + 1);
                found.push(finding);
            }
            None => at += 1,
        }
    }
}

fn at_byte(text: &str, at: usize, kinds: Kinds) -> Option<Finding> {
    let bytes = text.as_bytes();
    let wanted = |kind: Kind, find: fn(&[u8], usize) -> Option<usize>| {
        if !kinds.has(kind) {
            return None;
        }
        find(bytes, at).map(|end| Finding { kind, at: at..end })
    };
    match bytes[at] {
        b'@' => kinds.has(Kind::Email).then(|| email(bytes, at)).flatten(),
        byte if !begins_word(bytes, at) && byte != b':' => None,
        b'+' | b'(' => wanted(Kind::Phone, phone),
        b'0'..=b'9' => wanted(Kind::Ip, ip)
            .or_else(|| wanted(Kind::Ssn, ssn))
            .or_else(|| wanted(Kind::CreditCard, card))
            .or_else(|| wanted(Kind::Phone, phone)),
        b'A'..=b'Z' => wanted(Kind::Iban, iban).or_else(|| wanted(Kind::Ip, ip)),
        b'a'..=b'f' | b':' => wanted(Kind::Ip, ip),
        _ => None,
    }
}

/// The address around an `@`.
fn email(bytes: &[u8], at: usize) -> Option<Finding> {
    let is_local = |byte: &u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_{|}~-".contains(byte);
    let before = &bytes[at.saturating_sub(LOCAL_BYTES_MAX)..at];
    let mut start = at - before.iter().rev().take_while(|byte| is_local(byte)).count();
    // The letter of an escape before an address is not of it; nor are dots and quotes around it.
    if start > 0 && start < at && bytes[start - 1] == b'\\' {
        start += 1;
    }
    start += run(&bytes[..at], start, |byte| !byte.is_ascii_alphanumeric() && byte != b'_' && byte != b'+');
    let end_max = bytes.len().min(at + 1 + DOMAIN_BYTES_MAX);
    let is_domain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let mut end = at + 1 + run(&bytes[..end_max], at + 1, is_domain);
    while end > at + 1 && !bytes[end - 1].is_ascii_alphanumeric() {
        end -= 1;
    }
    let domain = &bytes[at + 1..end];
    let dot = memchr::memrchr(b'.', domain)?;
    let top = &domain[dot + 1..];
    let is_name = dot > 0 && top.len() >= 2 && top[0].is_ascii_alphabetic();
    (start < at && is_name).then_some(Finding { kind: Kind::Email, at: start..end })
}

fn ip(bytes: &[u8], at: usize) -> Option<usize> {
    let end = at + run(&bytes[..bytes.len().min(at + 16)], at, |byte| byte.is_ascii_digit() || byte == b'.');
    let v4 = std::str::from_utf8(&bytes[at..end]).ok().map(|text| text.trim_end_matches('.'));
    if let Some(v4) = v4
        && let Ok(address) = v4.parse::<Ipv4Addr>()
    {
        let end = at + v4.len();
        let is_told = !address.is_private()
            && !address.is_loopback()
            && !address.is_unspecified()
            && !address.is_broadcast()
            && !address.is_link_local();
        let is_alone = !bytes.get(end).is_some_and(u8::is_ascii_alphanumeric) && !is_after_dot(bytes, at);
        return (is_told && is_alone).then_some(end);
    }
    let end_max = bytes.len().min(at + IPV6_BYTES_MAX);
    let end = at + run(&bytes[..end_max], at, |byte| byte.is_ascii_hexdigit() || byte == b':');
    let text = std::str::from_utf8(&bytes[at..end]).ok()?;
    let text = text.strip_suffix(':').filter(|text| !text.ends_with(':')).unwrap_or(text);
    let groups = text.split(':').filter(|group| !group.is_empty()).count();
    if groups < 3 || !text.bytes().any(|byte| byte.is_ascii_digit()) || is_before_word(bytes, at + text.len())
    {
        return None;
    }
    let address: Ipv6Addr = text.parse().ok()?;
    let is_told = !address.is_loopback() && !address.is_unspecified() && !address.is_unique_local();
    is_told.then_some(at + text.len())
}

/// `ddd-dd-dddd`, with numbers that were given out.
fn ssn(bytes: &[u8], at: usize) -> Option<usize> {
    let text = bytes.get(at..at + 11)?;
    let shape = text.iter().enumerate().all(|(place, byte)| match place {
        3 | 6 => *byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    let area = text.get(..3)?;
    let is_given =
        area != b"000" && area != b"666" && area[0] != b'9' && &text[4..6] != b"00" && &text[7..] != b"0000";
    (shape && is_given && !is_before_word(bytes, at + 11)).then_some(at + 11)
}

/// The digits from here on with single separators between them: how many bytes, and the digits.
fn digits(bytes: &[u8], at: usize, max: usize, separators: &[u8]) -> (usize, Vec<u8>) {
    let (mut end, mut next, mut digits) = (at, at, Vec::with_capacity(max));
    while let Some(byte) = bytes.get(next) {
        if byte.is_ascii_digit() {
            if digits.len() > max {
                break;
            }
            digits.push(byte - b'0');
            end = next + 1;
        } else if !separators.contains(byte) || next != end {
            break;
        }
        next += 1;
    }
    (end, digits)
}

fn card(bytes: &[u8], at: usize) -> Option<usize> {
    let (end, digits) = digits(bytes, at, CARD_MAX, b" -");
    is_card(&digits).then_some(end).filter(|end| !is_before_word(bytes, *end))
}

/// Whether digits are a card's: a beginning and a length that some network gives out, and the check digit.
fn is_card(digits: &[u8]) -> bool {
    if !(CARD_MIN..=CARD_MAX).contains(&digits.len()) {
        return false;
    }
    let begins = digits[..4].iter().fold(0_u32, |number, digit| number * 10 + u32::from(*digit));
    let lengths: &[usize] = match begins {
        4000..=4999 => &[13, 16, 19],
        5100..=5599 | 2221..=2720 | 6011 | 6440..=6599 | 3528..=3589 => &[16],
        3400..=3499 | 3700..=3799 => &[15],
        3000..=3059 | 3600..=3699 | 3800..=3999 => &[14],
        _ => return false,
    };
    lengths.contains(&digits.len()) && luhn(digits)
}

fn luhn(digits: &[u8]) -> bool {
    let doubled = |digit: u8| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| u32::from(if place % 2 == 1 { doubled(*digit) } else { *digit }))
        .sum();
    sum.is_multiple_of(10)
}

/// Two letters, two check digits and the account, in groups of four or without spaces.
fn iban(bytes: &[u8], at: usize) -> Option<usize> {
    let head = bytes.get(at..at + 4)?;
    if !head[..2].iter().all(u8::is_ascii_uppercase) || !head[2..].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let (mut end, mut next, mut letters) = (at, at, Vec::with_capacity(IBAN_MAX));
    let mut best = None;
    while letters.len() <= IBAN_MAX {
        match bytes.get(next) {
            Some(byte) if byte.is_ascii_uppercase() || byte.is_ascii_digit() => {
                letters.push(*byte);
                end = next + 1;
            }
            Some(b' ') if next == end && letters.len() % 4 == 0 => {
                // What follows may be the next group or the next word.
                if is_iban(&letters) {
                    best = Some(end);
                }
            }
            _ => break,
        }
        next += 1;
    }
    if is_iban(&letters) && !is_before_word(bytes, end) { Some(end) } else { best }
}

/// ISO 13616: the remainder of the rearranged number by 97 is 1.
fn is_iban(letters: &[u8]) -> bool {
    if !(IBAN_MIN..=IBAN_MAX).contains(&letters.len()) {
        return false;
    }
    let rearranged = letters[4..].iter().chain(&letters[..4]);
    let rest = rearranged.fold(0_u32, |rest, letter| match letter {
        b'0'..=b'9' => (rest * 10 + u32::from(letter - b'0')) % 97,
        _ => (rest * 100 + u32::from(letter - b'A') + 10) % 97,
    });
    rest == 1
}

/// `+` and a number with its country's code, or ten digits as North America groups them.
fn phone(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes[at] == b'+' {
        let (mut end, mut next, mut count) = (at + 1, at + 1, 0);
        while let Some(byte) = bytes.get(next) {
            if byte.is_ascii_digit() {
                count += 1;
                end = next + 1;
            } else if !matches!(byte, b' ' | b'-' | b'.' | b'(' | b')' | b'/') || next > end + 1 {
                break;
            }
            if count > PHONE_MAX {
                return None;
            }
            next += 1;
        }
        let is_code = bytes.get(at + 1).is_some_and(|byte| matches!(byte, b'1'..=b'9'));
        return (is_code && count >= PHONE_MIN && !is_before_word(bytes, end)).then_some(end);
    }
    let mut next = at;
    let is_bracketed = bytes[at] == b'(';
    next += usize::from(is_bracketed);
    let three = |at: usize| run(&bytes[..bytes.len().min(at + 4)], at, |byte| byte.is_ascii_digit()) == 3;
    if !three(next) || !matches!(bytes[next], b'2'..=b'9') {
        return None;
    }
    next += 3;
    if is_bracketed {
        next = (bytes.get(next) == Some(&b')')).then_some(next + 1)?;
        next += usize::from(bytes.get(next) == Some(&b' '));
    } else {
        next = matches!(bytes.get(next), Some(b'-' | b'.' | b' ')).then_some(next + 1)?;
    }
    if !three(next) || !matches!(bytes.get(next + 3), Some(b'-' | b'.' | b' ')) {
        return None;
    }
    next += 4;
    let four = run(&bytes[..bytes.len().min(next + 5)], next, |byte| byte.is_ascii_digit()) == 4;
    (four && !is_before_word(bytes, next + 4)).then_some(next + 4)
}

fn is_before_word(bytes: &[u8], end: usize) -> bool {
    bytes.get(end).is_some_and(u8::is_ascii_alphanumeric)
}

/// Whether this continues a row of numbers: `1.2.3.4.5` is no address.
fn is_after_dot(bytes: &[u8], at: usize) -> bool {
    at > 1 && bytes[at - 1] == b'.' && bytes[at - 2].is_ascii_digit()
}
