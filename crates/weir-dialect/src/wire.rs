//! Reading JSON that others wrote: borrowed, in one pass, and without insisting.
//!
//! serde's derived structs reject a whole document when one field has an unexpected type or occurs twice. A gateway
//! must not: it forwards what it is given, and a field that it cannot understand is merely one that it does not know.
//! So every wire struct here is declared with [`wire!`]: unknown members are skipped without being parsed, the last of
//! several members of one name wins (as in most JSON parsers), and a member of the wrong type is absent.
//!
//! Invariants: nothing is copied but strings that hold escapes; only syntax errors are errors.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use smallvec::{Array, SmallVec};

use crate::text;

/// JSON text of one value, borrowed from the document.
pub(crate) type Raw<'a> = &'a RawValue;

/// A value that is read without insisting on its type.
///
/// Values are filled in place and not returned: nested structs of a chunk would otherwise be moved once per level,
/// which costs more than reading them.
pub(crate) trait Wire<'de> {
    /// Reads the value; it becomes the default when it has another type.
    fn fill<D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error>;
}

/// A wire struct: the object's members by name. Implemented by [`wire!`].
pub(crate) trait WireObject<'de>: Default {
    /// Reads one member, or skips it when its name is unknown.
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error>;
}

/// Reads a document into `object`, which holds the default. Fails on syntax errors only; answers whether the document
/// is an object.
pub(crate) fn fill<'a, T: WireObject<'a>>(json: &'a str, object: &mut T) -> Result<bool, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let is_object = deserializer.deserialize_any(ObjectVisitor(object))?;
    deserializer.end()?;
    Ok(is_object)
}

/// Reads a document; `None` when it is not a JSON object.
pub(crate) fn read<'a, T: WireObject<'a>>(json: &'a str) -> Option<T> {
    let mut object = T::default();
    fill(json, &mut object).ok()?.then_some(object)
}

/// Reads a value that is already known to be JSON; the default when it is not an object.
pub(crate) fn read_raw<'a, T: WireObject<'a>>(raw: Raw<'a>) -> T {
    read(raw.get()).unwrap_or_default()
}

/// Reads an array that is already known to be JSON; no elements when it is something else.
pub(crate) fn read_list<'a, A: Array>(raw: Raw<'a>) -> SmallVec<A>
where
    A::Item: WireObject<'a>,
{
    let mut list = List::<A>::default();
    let mut deserializer = serde_json::Deserializer::from_str(raw.get());
    // What is known to be JSON cannot fail.
    let _ = list.fill(&mut deserializer);
    list.items
}

/// Calls [`Wire::fill`] where serde wants a seed.
pub(crate) struct Seed<'a, T>(pub(crate) &'a mut T);

impl<'de, T: Wire<'de>> DeserializeSeed<'de> for Seed<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.fill(deserializer)
    }
}

/// Declares a wire struct: each field with its type and the members that fill it.
macro_rules! wire {
    ($(#[$doc:meta])* $vis:vis struct $name:ident $(<$lt:lifetime>)? {
        $($(#[$field_doc:meta])* $field:ident: $ty:ty = $($key:literal)|+),+ $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Default)]
        $vis struct $name $(<$lt>)? {
            $($(#[$field_doc])* pub(crate) $field: $ty),+
        }

        impl<'de $(: $lt, $lt)?> $crate::wire::WireObject<'de> for $name $(<$lt>)?
        $(where $lt: 'de)?
        {
            fn member<A: ::serde::de::MapAccess<'de>>(
                &mut self,
                name: &str,
                map: &mut A,
            ) -> Result<(), A::Error> {
                match name {
                    $($($key)|+ => map.next_value_seed($crate::wire::Seed(&mut self.$field)),)+
                    _ => map.next_value::<::serde::de::IgnoredAny>().map(drop),
                }
            }
        }
    };
}
pub(crate) use wire;

/// Visitor methods for every scalar, all answering the default: the value is there but of another type.
macro_rules! scalars_are_default {
    () => {
        fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
            Ok(Default::default())
        }
        fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
            Ok(Default::default())
        }
        fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
            Ok(Default::default())
        }
        fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
            Ok(Default::default())
        }
        fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
            Ok(Default::default())
        }
        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(Default::default())
        }
    };
}

/// Reads members into an object; answers whether there was one.
struct ObjectVisitor<'a, T>(&'a mut T);

impl<'de, T: WireObject<'de>> Visitor<'de> for ObjectVisitor<'_, T> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        while let Some(name) = map.next_key_seed(Name)? {
            self.0.member(&name, &mut map)?;
        }
        Ok(true)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(false)
    }

    scalars_are_default!();
}

/// The same for an object that is only made when there is one.
struct OptionVisitor<'a, T>(&'a mut Option<T>);

impl<'de, T: WireObject<'de>> Visitor<'de> for OptionVisitor<'_, T> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<bool, A::Error> {
        ObjectVisitor(self.0.insert(T::default())).visit_map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(false)
    }

    scalars_are_default!();
}

/// A member's name: borrowed unless it holds escapes. A name that is no text (half a surrogate pair) is the one thing
/// that is refused although it is JSON; [`Raw`] names would allow it and cost a quarter of the whole reading.
pub(crate) struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

impl<'de, T: WireObject<'de>> Wire<'de> for Option<T> {
    fn fill<D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
        *self = None;
        deserializer.deserialize_any(OptionVisitor(self)).map(drop)
    }
}

/// A boxed object is filled where it is.
impl<'de, T: WireObject<'de>> WireObject<'de> for Box<T> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        (**self).member(name, map)
    }
}

/// An array of objects; elements of other types are skipped. Tells an empty array from no array.
pub(crate) struct List<A: Array> {
    pub(crate) items: SmallVec<A>,
    pub(crate) is_array: bool,
}

impl<A: Array> Default for List<A> {
    fn default() -> Self {
        Self { items: SmallVec::new(), is_array: false }
    }
}

struct ListVisitor<'a, A: Array>(&'a mut List<A>);

impl<'de, L: Array> Visitor<'de> for ListVisitor<'_, L>
where
    L::Item: WireObject<'de>,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.0.is_array = true;
        while seq.next_element_seed(ElementSeed(&mut self.0.items))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }

    scalars_are_default!();
}

/// Adds an element, if it is an object.
struct ElementSeed<'a, A: Array>(&'a mut SmallVec<A>);

impl<'de, L: Array> DeserializeSeed<'de> for ElementSeed<'_, L>
where
    L::Item: WireObject<'de>,
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let length = self.0.len();
        self.0.push(L::Item::default());
        let is_object = deserializer.deserialize_any(ObjectVisitor(&mut self.0[length]))?;
        if !is_object {
            self.0.truncate(length);
        }
        Ok(())
    }
}

impl<'de, L: Array> Wire<'de> for List<L>
where
    L::Item: WireObject<'de>,
{
    fn fill<D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
        *self = Self::default();
        deserializer.deserialize_any(ListVisitor(self))
    }
}

impl<'de> Wire<'de> for Option<Raw<'de>> {
    fn fill<D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
        let raw = Raw::deserialize(deserializer)?;
        *self = (raw.get() != "null").then_some(raw);
        Ok(())
    }
}

impl<'de> Wire<'de> for Option<Cow<'de, str>> {
    fn fill<D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
        *self = text::decode(Raw::deserialize(deserializer)?.get());
        Ok(())
    }
}

/// A count: a whole number, also when spelt `12.0`.
impl<'de> Wire<'de> for Option<u64> {
    fn fill<D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
        let number = Raw::deserialize(deserializer)?.get();
        let whole = match number.split_once('.') {
            Some((whole, zeros)) if zeros.bytes().all(|digit| digit == b'0') => whole,
            _ => number,
        };
        *self = whole.parse().ok();
        Ok(())
    }
}

/// `true`; everything else is false.
impl<'de> Wire<'de> for bool {
    fn fill<D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
        *self = Raw::deserialize(deserializer)?.get() == "true";
        Ok(())
    }
}
