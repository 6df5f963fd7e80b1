//! Orders of lists, and the places in them where pages end.
//!
//! A place is the value that is sorted by, and names that make it unique; a page starts behind the place where the one
//! before it ended, so rows that come in meanwhile neither repeat nor hide others. A place carries the order it belongs
//! to: one of another order would silently list something else.

use weir_types::{BrowseError, SortOrder, SpanSort, TraceSort};

use crate::browse::selection::TOKENS_SQL;
use crate::derived::CALLS_SQL;

/// What a list is sorted by, as SQL.
pub(crate) trait SortKey: Copy {
    /// The name of the order in a place.
    fn name(self) -> &'static str;

    /// The integer that is sorted by; `NULL` where it is not stated.
    fn sql(self) -> String;
}

impl SortKey for SpanSort {
    fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Duration => "duration",
            Self::Cost => "cost",
            Self::Tokens => "tokens",
            Self::TimeToFirstToken => "ttft",
        }
    }

    fn sql(self) -> String {
        let sql = match self {
            Self::Start => "epoch_us(start_time)",
            Self::Duration => "duration_us",
            Self::Cost => "cost_nano_usd",
            Self::Tokens => TOKENS_SQL,
            Self::TimeToFirstToken => "ttft_us",
        };
        sql.to_owned()
    }
}

impl SortKey for TraceSort {
    fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Duration => "duration",
            Self::Cost => "cost",
            Self::Tokens => "tokens",
            Self::Spans => "spans",
        }
    }

    /// Of rows of the table `traces`.
    fn sql(self) -> String {
        let sql = match self {
            Self::Start => "epoch_us(start_time)",
            Self::Duration => "duration_us",
            Self::Cost => "(CASE WHEN priced_calls > 0 THEN cost_nano_usd END)",
            Self::Tokens => "(CASE WHEN calls > 0 THEN tokens END)",
            Self::Spans => "spans",
        };
        sql.to_owned()
    }
}

/// When the first span of a group started.
pub(crate) const TRACE_START_SQL: &str = "epoch_us(min(start_time))";

/// When the last span of a group ended. A duration that nobody means would leave the integers.
pub(crate) const TRACE_END_SQL: &str = "max(epoch_us(start_time) + least(duration_us, 1000000000000000000))";

/// An aggregate over the calls of a group: agents repeat what their calls state.
pub(crate) fn of_calls(aggregate: &str) -> String {
    format!("{aggregate} FILTER (WHERE {CALLS_SQL})")
}

/// The name of an order: `start`, `-cost`.
fn name<K: SortKey>(order: SortOrder<K>) -> String {
    format!("{}{}", if order.descending { "-" } else { "" }, order.by.name())
}

/// What stands for a value that is not stated, so that it comes last from either end.
pub(crate) const fn absent<K: Copy>(order: SortOrder<K>) -> i64 {
    if order.descending { i64::MIN } else { i64::MAX }
}

/// The direction of an order, and the comparison that holds for what comes after a place.
pub(crate) const fn direction<K: Copy>(order: SortOrder<K>) -> (&'static str, &'static str) {
    if order.descending { ("DESC", "<") } else { ("ASC", ">") }
}

/// Where a page ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place<const NAMES: usize> {
    /// The value that is sorted by.
    pub value: i64,
    /// What tells equal values apart, in the order in which they are compared: hexadecimal digits.
    pub names: [String; NAMES],
}

impl<const NAMES: usize> Place<NAMES> {
    /// Reads what [`Self::show`] wrote for the same order.
    pub(crate) fn parse<K: SortKey>(text: &str, order: SortOrder<K>) -> Result<Self, BrowseError> {
        let parse = || {
            let mut parts = text.split('.');
            if parts.next()? != name(order) {
                return None;
            }
            let value = parts.next()?.parse().ok()?;
            let names: Vec<String> = parts.map(str::to_owned).collect();
            let are_names = names.iter().all(|name| {
                (1..=32).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_hexdigit())
            });
            are_names.then_some(Self { value, names: names.try_into().ok()? })
        };
        parse().ok_or_else(|| {
            let order = name(order);
            BrowseError::Invalid(format!("`after` is {text:?}, which is not the `next` of a page by {order}"))
        })
    }

    /// The place as text.
    pub(crate) fn show<K: SortKey>(&self, order: SortOrder<K>) -> String {
        format!("{}.{}.{}", name(order), self.value, self.names.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_round_trips_in_its_own_order_and_anything_else_is_refused() {
        let place = Place { value: -5, names: ["0a".to_owned(), "ff".to_owned()] };
        let cost = SortOrder { by: SpanSort::Cost, descending: true };
        assert_eq!(Place::parse(&place.show(cost), cost), Ok(place.clone()));
        let other = SortOrder { by: SpanSort::Cost, descending: false };
        for text in ["", "-cost", "-cost.1.a", "-cost.1.a.b.c", "-cost.x.a.b", "-cost.1.a.b'", "cost.1.a.b"] {
            assert!(Place::<2>::parse(text, cost).is_err(), "{text}");
        }
        assert!(Place::<2>::parse(&place.show(cost), other).is_err());
    }
}
