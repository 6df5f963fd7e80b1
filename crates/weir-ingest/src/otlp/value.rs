//! Reading attribute values: clients write numbers as text, text as JSON, and one word as a list.

use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize as _;
use serde::de::IgnoredAny;

use super::wire::{AnyValue, KeyValue, Value};

/// The text of a value; for a list its first text, for a number its digits. MLflow writes texts as JSON; their quotes are
/// removed.
pub(crate) fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Text(text) if text.is_empty() => None,
        Value::Text(text) if text.len() > 1 && text.starts_with('"') && text.ends_with('"') => {
            Some(serde_json::from_str::<String>(text).map_or(Cow::Borrowed(text), Cow::Owned))
        }
        Value::Text(text) => Some(Cow::Borrowed(text)),
        Value::Bool(value) => Some(Cow::Owned(value.to_string())),
        Value::Int(number) => Some(Cow::Owned(number.to_string())),
        Value::Double(number) => Some(Cow::Owned(number.to_string())),
        Value::Array(list) => list.values.iter().find_map(|item| text(item.value.as_ref()?)),
        Value::Map(_) | Value::Bytes(_) => None,
    }
}

/// A count; `None` for what is negative or no number.
pub(crate) fn count(value: &Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        Value::Double(number) => whole(*number),
        Value::Text(text) => text.trim().parse().ok().or_else(|| whole(text.trim().parse().ok()?)),
        _ => None,
    }
}

/// A number that is whole, not negative, and exact as a float.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
pub(crate) fn whole(number: f64) -> Option<u64> {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0; // 2^53
    ((0.0..=EXACT_MAX).contains(&number) && number.fract() == 0.0).then_some(number as u64)
}

/// A number; `None` where it is not finite.
pub(crate) fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Int(number) => *number as f64,
        Value::Double(number) => *number,
        Value::Text(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// A yes or no.
pub(crate) fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Text(text) => text.trim().to_ascii_lowercase().parse().ok(),
        _ => None,
    }
}

/// Writes a value as JSON. A text that holds a JSON object or list becomes that, because that is how the conventions
/// carry structure; any other text becomes a JSON text.
pub(crate) fn write_content(value: &Value, out: &mut String) {
    match value {
        Value::Text(text) if holds_json(text) => out.push_str(text.trim()),
        other => write_json(other, out),
    }
}

/// Writes a value as JSON, texts as texts. The depth is bounded by the decoders.
pub(crate) fn write_json(value: &Value, out: &mut String) {
    match value {
        Value::Text(text) => write_text(text, out),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        // Writing to a String cannot fail.
        Value::Int(number) => _ = write!(out, "{number}"),
        Value::Double(number) if number.is_finite() => {
            // serde_json's way, so that a reader gets the same number back.
            out.push_str(&serde_json::to_string(number).unwrap_or_default());
        }
        Value::Double(_) => out.push_str("null"),
        Value::Array(list) => {
            out.push('[');
            for (at, item) in list.values.iter().enumerate() {
                separate(at, out);
                write_optional(item, out);
            }
            out.push(']');
        }
        Value::Map(map) => write_object(&map.values, out),
        Value::Bytes(bytes) => write_text(&STANDARD.encode(bytes), out),
    }
}

/// Writes attributes as a JSON object. A key that comes twice is kept twice, as the client sent it.
pub(crate) fn write_object(pairs: &[KeyValue], out: &mut String) {
    out.push('{');
    for (at, pair) in pairs.iter().enumerate() {
        separate(at, out);
        write_text(&pair.key, out);
        out.push(':');
        match &pair.value {
            Some(value) => write_optional(value, out),
            None => out.push_str("null"),
        }
    }
    out.push('}');
}

/// Writes a JSON text.
pub(crate) fn write_text(text: &str, out: &mut String) {
    let is_plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    if text.bytes().all(is_plain) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&serde_json::to_string(text).unwrap_or_else(|_| "null".to_owned()));
    }
}

/// Writes the comma before every member but the first.
pub(crate) fn separate(at: usize, out: &mut String) {
    if at > 0 {
        out.push(',');
    }
}

fn write_optional(value: &AnyValue, out: &mut String) {
    match &value.value {
        Some(value) => write_json(value, out),
        None => out.push_str("null"),
    }
}

/// Whether a text is a JSON object or list, whole.
pub(crate) fn holds_json(text: &str) -> bool {
    let text = text.trim();
    if !text.starts_with(['{', '[']) {
        return false;
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    IgnoredAny::deserialize(&mut reader).is_ok() && reader.end().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_whatever_carries_them() {
        for value in [Value::Int(7), Value::Double(7.0), Value::Text("7".into()), Value::Text(" 7.0 ".into())]
        {
            assert_eq!(count(&value), Some(7), "{value:?}");
        }
        for value in [Value::Int(-1), Value::Double(0.5), Value::Double(f64::NAN), Value::Text("x".into())] {
            assert_eq!(count(&value), None, "{value:?}");
        }
    }

    #[test]
    fn json_within_text_becomes_json_and_other_text_stays_text() {
        let content = |text: &str| {
            let mut out = String::new();
            write_content(&Value::Text(text.to_owned()), &mut out);
            out
        };
        assert_eq!(content(r#" [{"role":"user"}] "#), r#"[{"role":"user"}]"#);
        assert_eq!(content("[not json"), r#""[not json""#);
        assert_eq!(content("{} {}"), r#""{} {}""#);
        assert_eq!(content("say \"hi\"\n"), r#""say \"hi\"\n""#);
    }

    #[test]
    fn quotes_that_json_put_around_a_word_are_removed() {
        assert_eq!(text(&Value::Text("\"CHAT_MODEL\"".into())).as_deref(), Some("CHAT_MODEL"));
        assert_eq!(text(&Value::Text("\"".into())).as_deref(), Some("\""));
        assert_eq!(text(&Value::Text(String::new())), None);
    }
}
