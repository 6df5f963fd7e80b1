//! Strings in JSON text: decoded without copying where they hold no escapes, and never refused.
//!
//! serde_json refuses a string with half a surrogate pair. Servers that escape text and cut it between two deltas send
//! exactly that, and the call behind it is a good call, so such halves read as U+FFFD here.

use std::borrow::Cow;

/// The string that a JSON value is; `None` when it is not a string. `json` must be one valid JSON value.
pub(crate) fn decode(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    match serde_json::from_str(json) {
        Ok(text) => Some(Cow::Owned(text)),
        Err(_) => Some(Cow::Owned(decode_lossily(inner))),
    }
}

/// The JSON text of a string.
pub(crate) fn encode(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Decodes the inside of a JSON string; unpaired surrogates become U+FFFD.
fn decode_lossily(inner: &str) -> String {
    let mut text = String::with_capacity(inner.len());
    let mut units: Vec<u16> = Vec::new();
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at(at);
        if !plain.is_empty() {
            flush_units(&mut units, &mut text);
            text.push_str(plain);
        }
        let unit = escape.get(2..6).and_then(|digits| u16::from_str_radix(digits, 16).ok());
        if let (Some('u'), Some(unit)) = (escape[1..].chars().next(), unit) {
            units.push(unit);
            rest = &escape[6..];
            continue;
        }
        flush_units(&mut units, &mut text);
        let mut chars = escape[1..].chars();
        text.extend(chars.next().map(|escaped| match escaped {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\u{8}',
            'f' => '\u{c}',
            other => other,
        }));
        rest = chars.as_str();
    }
    flush_units(&mut units, &mut text);
    text.push_str(rest);
    text
}

fn flush_units(units: &mut Vec<u16>, text: &mut String) {
    text.extend(char::decode_utf16(units.drain(..)).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn half_a_surrogate_pair_does_not_lose_the_rest_of_the_text() {
        assert_eq!(decode(r#""a\ud83db\n\"""#).as_deref(), Some("a\u{fffd}b\n\""));
        assert_eq!(decode(r#""\ud83d\ude00\ud83d""#).as_deref(), Some("😀\u{fffd}"));
    }

    #[test]
    fn only_strings_are_text() {
        for json in ["1", "null", "{}", "[\"a\"]", "true"] {
            assert_eq!(decode(json), None, "{json}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_itself(text in any::<String>()) {
            let json = encode(&text);
            prop_assert_eq!(decode(&json).unwrap(), text.as_str());
        }

        #[test]
        fn the_lossy_way_agrees_with_the_strict_one_on_good_strings(text in any::<String>()) {
            let json = encode(&text);
            prop_assert_eq!(decode_lossily(&json[1..json.len() - 1]), text);
        }
    }
}
