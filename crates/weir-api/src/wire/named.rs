//! Closed sets of names on the wire. Each wraps the record's own enum, so that there is one list of spellings; what this
//! file adds is that the OpenAPI document lists them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use weir_types::metric::Unit;
use weir_types::{CacheStatus, Source, SpanKind, SpanStatus};

macro_rules! named {
    ($(#[$doc:meta])* $wrapper:ident($inner:ident), $schema_name:literal, $description:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $wrapper(pub $inner);

        impl PartialSchema for $wrapper {
            fn schema() -> RefOr<Schema> {
                names($description, $inner::ALL.iter().map(|member| member.as_str()))
            }
        }

        impl ToSchema for $wrapper {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed($schema_name)
            }
        }
    };
}

named!(
    /// What kind of work a span is.
    KindName(SpanKind),
    "SpanKind",
    "What kind of work a span is."
);
named!(
    /// How a span ended.
    StatusName(SpanStatus),
    "SpanStatus",
    "How a span ended."
);
named!(
    /// Who reported a span.
    SourceName(Source),
    "Source",
    "Who reported a span."
);
named!(
    /// What Weir's cache had to do with a call.
    CacheName(CacheStatus),
    "CacheStatus",
    "What Weir's cache had to do with a call."
);

/// What a value measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnitName(pub Unit);

/// Every unit. A unit that is missing here is missing in the OpenAPI document; a test compares the two.
const UNITS: [(Unit, &str); 8] = [
    (Unit::Count, "count"),
    (Unit::None, "none"),
    (Unit::Ratio, "ratio"),
    (Unit::Percent, "percent"),
    (Unit::Millis, "ms"),
    (Unit::Tokens, "tokens"),
    (Unit::Usd, "usd"),
    (Unit::PerSecond, "per_second"),
];

impl PartialSchema for UnitName {
    fn schema() -> RefOr<Schema> {
        names("What a value measures.", UNITS.iter().map(|(_, name)| *name))
    }
}

impl ToSchema for UnitName {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Unit")
    }
}

fn names(description: &str, members: impl Iterator<Item = &'static str>) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .enum_values(Some(members.collect::<Vec<_>>()))
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_spelt_in_the_document_as_on_the_wire() {
        for (unit, name) in UNITS {
            assert_eq!(serde_json::to_value(UnitName(unit)).unwrap(), name);
        }
    }
}
