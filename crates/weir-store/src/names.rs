//! How the members of closed sets that have no spelling of their own in `weir-types` are spelt in the journal and in
//! the tables.

use weir_types::{EventLevel, PointKind};

pub(crate) fn of_point_kind(kind: PointKind) -> &'static str {
    match kind {
        PointKind::Count => "count",
        PointKind::Gauge => "gauge",
        PointKind::Distribution => "distribution",
        PointKind::Set => "set",
    }
}

/// The kind with this name. A kind of a newer version is taken for a gauge, the one of which least is assumed.
pub(crate) fn point_kind(name: &str) -> PointKind {
    match name {
        "count" => PointKind::Count,
        "distribution" => PointKind::Distribution,
        "set" => PointKind::Set,
        _ => PointKind::Gauge,
    }
}

/// The level with this name; a level of a newer version is taken for `info`.
pub(crate) fn event_level(name: &str) -> EventLevel {
    match name {
        "success" => EventLevel::Success,
        "warning" => EventLevel::Warning,
        "error" => EventLevel::Error,
        _ => EventLevel::Info,
    }
}
