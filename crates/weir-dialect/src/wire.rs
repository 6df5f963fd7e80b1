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
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use smallvec::{Array, SmallVec};

use crate::text;

/// JSON text of one value, borrowed from the document.
pub(crate) type Raw<'a> = &'a RawValue;

/// A value that is read without insisting on its type.
pub(crate) trait Wire<'de>: Sized {
    /// Reads the value; the default when it has another type.
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

/// A wire struct: the object's members by name. Implemented by [`wire!`].
pub(crate) trait WireObject<'de>: Default {
    /// Reads one member, or skips it when its name is unknown.
    fn member<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error>;
}

/// Reads a document. Fails on syntax errors only; a document that is not an object reads as `None`.
pub(crate) fn read<'a, T: WireObject<'a>>(json: &'a str) -> Result<Option<T>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let value = Option::<T>::read(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Reads a value that is already known to be JSON.
pub(crate) fn read_raw<'a, T: WireObject<'a>>(raw: Raw<'a>) -> T {
    read(raw.get()).ok().flatten().unwrap_or_default()
}

/// Reads an array that is already known to be JSON.
pub(crate) fn read_list<'a, A: Array>(raw: Raw<'a>) -> SmallVec<A>
where
    A::Item: WireObject<'a>,
{
    let mut deserializer = serde_json::Deserializer::from_str(raw.get());
    List::<A>::read(&mut deserializer).map(|list| list.items).unwrap_or_default()
}

/// Calls [`Wire::read`] where serde wants a seed.
pub(crate) struct Seed<T>(PhantomData<T>);

impl<T> Seed<T> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<'de, T: Wire<'de>> DeserializeSeed<'de> for Seed<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::read(deserializer)
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
                    $($($key)|+ => self.$field = map.next_value_seed($crate::wire::Seed::<$ty>::new())?,)+
                    _ => {
                        map.next_value::<::serde::de::IgnoredAny>()?;
                    }
                }
                Ok(())
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

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: WireObject<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut object = T::default();
        while let Some(name) = map.next_key::<Raw<'de>>()? {
            object.member(&text::decode(name.get()).unwrap_or_default(), &mut map)?;
        }
        Ok(Some(object))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    scalars_are_default!();
}

impl<'de, T: WireObject<'de>> Wire<'de> for Option<T> {
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ObjectVisitor(PhantomData))
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

struct ListVisitor<A>(PhantomData<A>);

impl<'de, L: Array> Visitor<'de> for ListVisitor<L>
where
    L::Item: WireObject<'de>,
{
    type Value = List<L>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = SmallVec::new();
        while let Some(item) = seq.next_element_seed(Seed::<Option<L::Item>>::new())? {
            items.extend(item);
        }
        Ok(List { items, is_array: true })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(List::default())
    }

    scalars_are_default!();
}

impl<'de, L: Array> Wire<'de> for List<L>
where
    L::Item: WireObject<'de>,
{
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

impl<'de> Wire<'de> for Option<Raw<'de>> {
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Raw::deserialize(deserializer)?;
        Ok((raw.get() != "null").then_some(raw))
    }
}

impl<'de> Wire<'de> for Option<Cow<'de, str>> {
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(text::decode(Raw::deserialize(deserializer)?.get()))
    }
}

/// A count: a whole number, also when spelt `12.0`.
impl<'de> Wire<'de> for Option<u64> {
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = Raw::deserialize(deserializer)?.get();
        let whole = match number.split_once('.') {
            Some((whole, zeros)) if zeros.bytes().all(|digit| digit == b'0') => whole,
            _ => number,
        };
        Ok(whole.parse().ok())
    }
}

/// `true`; everything else is false.
impl<'de> Wire<'de> for bool {
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Raw::deserialize(deserializer)?.get() == "true")
    }
}
