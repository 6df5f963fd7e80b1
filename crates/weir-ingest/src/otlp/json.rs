//! How OTLP's JSON differs from what serde expects: ids in hexadecimal, 64-bit numbers as text or as numbers, numbers
//! that JSON cannot write (`"NaN"`), enumerations as numbers or, from careless clients, by name.
//!
//! Source: OpenTelemetry specification, "OTLP/HTTP, JSON Protobuf Encoding".

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, de};

use super::wire::{self, ArrayValue, KeyValueList, Value};

/// A value in JSON: an object with one key that names the type.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the fields are the protocol's own")]
pub struct AnyValue {
    string_value: Option<String>,
    bool_value: Option<bool>,
    #[serde(deserialize_with = "optional_number")]
    int_value: Option<i64>,
    #[serde(deserialize_with = "optional_double")]
    double_value: Option<f64>,
    array_value: Option<ArrayValue>,
    kvlist_value: Option<KeyValueList>,
    #[serde(deserialize_with = "base64")]
    bytes_value: Option<Vec<u8>>,
}

impl From<AnyValue> for wire::AnyValue {
    fn from(json: AnyValue) -> Self {
        let value = json.string_value.map(Value::Text);
        let value = value.or(json.bool_value.map(Value::Bool)).or(json.int_value.map(Value::Int));
        let value = value.or(json.double_value.map(Value::Double)).or(json.array_value.map(Value::Array));
        Self { value: value.or(json.kvlist_value.map(Value::Map)).or(json.bytes_value.map(Value::Bytes)) }
    }
}

fn base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| STANDARD.decode(text).map_err(D::Error::custom)).transpose()
}

/// Bytes of an id. The length is checked where all ids are, whatever they came in.
pub fn hex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some((digit(*high)? << 4) | digit(*low)?),
        _ => None,
    });
    bytes.collect::<Option<_>>().ok_or_else(|| D::Error::custom("an id is not hexadecimal"))
}

/// A number, or a text that holds one.
struct Lenient<T>(PhantomData<T>);

impl<T> Visitor<'_> for Lenient<T>
where
    T: FromStr + TryFrom<i64> + TryFrom<u64>,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a 64-bit number, or a text that holds one")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        T::try_from(number).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(number), &self))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        T::try_from(number).map_err(|_| E::invalid_value(de::Unexpected::Signed(number), &self))
    }

    #[expect(clippy::cast_possible_truncation, reason = "the cast is checked by casting back")]
    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        let whole = number as i64;
        let is_whole = (whole as f64).to_bits() == number.to_bits();
        let refuse = || E::invalid_value(de::Unexpected::Float(number), &self);
        if is_whole { T::try_from(whole).map_err(|_| refuse()) } else { Err(refuse()) }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.trim().parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

/// A [`Lenient`] number as a type of its own, for lists and options.
struct Number<T>(T);

impl<'de, T> Deserialize<'de> for Number<T>
where
    T: FromStr + TryFrom<i64> + TryFrom<u64>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Lenient(PhantomData)).map(Self)
    }
}

/// An unsigned number.
pub fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Number::deserialize(deserializer).map(|number| number.0)
}

/// A list of unsigned numbers.
pub fn numbers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
    let numbers = Vec::<Number<u64>>::deserialize(deserializer)?;
    Ok(numbers.into_iter().map(|number| number.0).collect())
}

/// A signed number.
pub fn optional_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    Ok(Option::<Number<i64>>::deserialize(deserializer)?.map(|number| number.0))
}

/// A floating-point number, or a text such as `"NaN"` or `"-Infinity"`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Double {
    Number(f64),
    Text(String),
}

impl Double {
    fn value<E: Error>(self) -> Result<f64, E> {
        match self {
            Self::Number(number) => Ok(number),
            Self::Text(text) => text.trim().parse().map_err(|_| E::custom("a text is not a number")),
        }
    }
}

/// A floating-point number.
pub fn optional_double<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Option::<Double>::deserialize(deserializer)?.map(Double::value).transpose()
}

/// A list of floating-point numbers.
pub fn doubles<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    Vec::<Double>::deserialize(deserializer)?.into_iter().map(Double::value).collect()
}

/// A member of an enumeration, by number or by name.
#[derive(Deserialize)]
#[serde(untagged)]
enum Member {
    Number(i32),
    Name(String),
}

fn member<'de, D: Deserializer<'de>>(
    deserializer: D,
    named: impl Fn(&str) -> Option<i32>,
) -> Result<i32, D::Error> {
    match Member::deserialize(deserializer)? {
        Member::Number(number) => Ok(number),
        Member::Name(name) => Ok(named(&name).or_else(|| name.parse().ok()).unwrap_or_default()),
    }
}

/// How a span ended.
pub fn status_code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    member(deserializer, |name| (name == "STATUS_CODE_ERROR").then_some(wire::STATUS_ERROR))
}

/// From when data counts.
pub fn temporality<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    member(deserializer, |name| match name {
        "AGGREGATION_TEMPORALITY_DELTA" => Some(wire::DELTA),
        "AGGREGATION_TEMPORALITY_CUMULATIVE" => Some(wire::CUMULATIVE),
        _ => None,
    })
}

/// How bad a log record is.
pub fn severity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    member(deserializer, |_| None)
}
