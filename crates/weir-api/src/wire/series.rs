//! Answers of the expression language, and the list of metrics it can be asked about.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, ArrayItems, ObjectBuilder, SchemaType, Type,
};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::UnitName;

/// What an expression evaluates to: one series for each group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QueryAnswer {
    /// One for each group, in the order that the expression asks for.
    pub series: Vec<SeriesItem>,
    /// What the values measure.
    #[schema(inline = false)]
    pub unit: UnitName,
    /// The time between two points, in milliseconds.
    pub step_ms: i64,
    /// What a reader should know: groups left out, data that has expired, …
    pub notes: Vec<String>,
}

/// One series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SeriesItem {
    /// The tags that name the group, in the order of `by`; `null` where a tag is absent.
    pub tags: TagMap,
    /// The values, earliest first.
    pub points: Vec<DataPoint>,
}

/// What an expression evaluates to over one window of time: one value for each group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InstantQueryAnswer {
    /// One for each group, in the order that the expression asks for.
    pub values: Vec<ValueItem>,
    /// What the values measure.
    #[schema(inline = false)]
    pub unit: UnitName,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// The value of one group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ValueItem {
    /// The tags that name the group, in the order of `by`; `null` where a tag is absent.
    pub tags: TagMap,
    /// The value; `null` where there is none.
    pub value: Option<f64>,
}

/// The start of a bucket in Unix milliseconds, and the value; `null` where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DataPoint(pub i64, pub Option<f64>);

impl PartialSchema for DataPoint {
    fn schema() -> RefOr<Schema> {
        let value = SchemaType::from_iter([Type::Number, Type::Null]);
        ArrayBuilder::new()
            .description(Some(
                "The start of a bucket in Unix milliseconds, and the value; `null` where there is none.",
            ))
            .prefix_items([
                Schema::from(ObjectBuilder::new().schema_type(Type::Integer)),
                Schema::from(ObjectBuilder::new().schema_type(value)),
            ])
            .items(ArrayItems::False)
            .min_items(Some(2))
            .max_items(Some(2))
            .into()
    }
}

impl ToSchema for DataPoint {}

/// Tags in a meaningful order: a JSON object whose members keep it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TagMap(pub Vec<(String, Option<String>)>);

impl PartialSchema for TagMap {
    fn schema() -> RefOr<Schema> {
        let value = SchemaType::from_iter([Type::String, Type::Null]);
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("Tags by name; `null` where a tag is absent."))
            .additional_properties(Some(AdditionalProperties::RefOr(
                ObjectBuilder::new().schema_type(value).into(),
            )))
            .into()
    }
}

impl ToSchema for TagMap {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Tags")
    }
}

impl Serialize for TagMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for TagMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = TagMap;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tags")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TagMap, A::Error> {
                let mut tags = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    tags.push(pair);
                }
                Ok(TagMap(tags))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// Every metric that can be asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MetricList {
    /// By name.
    pub metrics: Vec<MetricItem>,
}

/// One metric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MetricItem {
    /// The canonical name.
    pub name: String,
    /// What its values measure.
    #[schema(inline = false)]
    pub unit: UnitName,
    /// The tags by which it can be grouped quickly, by name.
    pub tags: Vec<String>,
}
