//! JSON objects whose members are looked at one by one and kept as they came.
//!
//! Members stay text until someone asks for them as a type, so that a message of a megabyte is copied once and never
//! becomes a tree, and a member of an unexpected type costs its own field and nothing else.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Members of one object that are kept. Metadata with more is a program's mistake.
const MEMBERS_MAX: usize = 1_024;

/// An object's members in their order; of equal names the last counts.
#[derive(Debug, Default)]
pub(super) struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Object<'a> {
    /// The object of this text; empty when it is something else.
    pub(super) fn of(raw: &'a RawValue) -> Self {
        serde_json::from_str(raw.get()).unwrap_or_default()
    }

    pub(super) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        let found = self.0.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, raw)| *raw).filter(|raw| raw.get() != "null")
    }

    /// The member as an object; empty when it is none.
    pub(super) fn object(&self, name: &str) -> Object<'a> {
        self.raw(name).map(Object::of).unwrap_or_default()
    }

    /// The member as a list; empty when it is none.
    pub(super) fn list(&self, name: &str) -> Vec<&'a RawValue> {
        self.raw(name).map(list).unwrap_or_default()
    }

    /// The member as a text that is not empty. Numbers and truths are taken as they are written.
    pub(super) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.raw(name).and_then(text).filter(|text| !text.is_empty())
    }

    pub(super) fn number(&self, name: &str) -> Option<f64> {
        self.text(name)?.parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// The member as a count: a whole number that is not negative, also when written as `15.0`.
    pub(super) fn count(&self, name: &str) -> Option<u64> {
        let text = self.text(name)?;
        text.parse().ok().or_else(|| text.parse().ok().and_then(count_of))
    }

    pub(super) fn truth(&self, name: &str) -> Option<bool> {
        match self.raw(name)?.get() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    pub(super) fn members(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(name, raw)| (&**name, *raw))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A scalar as text; `None` for objects, lists and null.
pub(super) fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    match raw.get().as_bytes().first()? {
        b'"' => {
            // Borrowed where there are no escapes.
            #[derive(serde::Deserialize)]
            struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
            serde_json::from_str::<Text<'_>>(raw.get()).ok().map(|text| text.0)
        }
        b'{' | b'[' | b'n' => None,
        _ => Some(Cow::Borrowed(raw.get())),
    }
}

/// The elements of a list; none when it is something else.
pub(super) fn list(raw: &RawValue) -> Vec<&RawValue> {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

/// A float as a count, when it is one.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and casts saturate")]
pub(super) fn count_of(number: f64) -> Option<u64> {
    (number >= 0.0 && number.fract() == 0.0).then_some(number as u64)
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(name) = map.next_key::<Name<'de>>()? {
                    if members.len() == MEMBERS_MAX {
                        map.next_value::<IgnoredAny>()?;
                    } else {
                        members.push((name.0, map.next_value::<&RawValue>()?));
                    }
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Members).map(Self)
    }
}

/// A member's name, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_taken_as_what_they_are_asked_for() {
        let raw: &RawValue = serde_json::from_str(
            r#"{"a":"x\ny","n":15.0,"m":7,"f":0.5,"t":true,"z":null,"o":{"k":[1,"2"]},"m":8}"#,
        )
        .unwrap();
        let object = Object::of(raw);
        assert_eq!(object.text("a").as_deref(), Some("x\ny"));
        assert_eq!((object.count("n"), object.count("m"), object.count("f")), (Some(15), Some(8), None));
        assert_eq!((object.number("f"), object.truth("t"), object.text("z")), (Some(0.5), Some(true), None));
        let inner =
            object.object("o").list("k").into_iter().map(|raw| raw.get().to_owned()).collect::<Vec<_>>();
        assert_eq!(inner, ["1", "\"2\""]);
    }

    #[test]
    fn other_types_are_empty_objects_and_lists() {
        let raw: &RawValue = serde_json::from_str("[1]").unwrap();
        assert!(Object::of(raw).is_empty());
        assert!(Object::of(raw).list("a").is_empty());
    }
}
