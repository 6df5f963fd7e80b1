//! The calendar of a time zone: local midnights, and moving by local days.
//!
//! A day is 23 or 25 hours long when clocks change, so "a week before" is not 168 hours: this is the one place that
//! knows. Instants are cut to whole minutes, because cells are minutes and no zone has been off by seconds since 1972.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use weir_types::UnixMicros;

use crate::error::{QueryError, QueryErrorKind};
use crate::name;

/// The first instant that a query may ask about: 1970.
pub(crate) const FIRST: UnixMicros = UnixMicros(0);

/// The last instant that a query may ask about: the end of 2199, far from where calendars end.
pub(crate) const LAST: UnixMicros = UnixMicros(7_258_118_400 * UnixMicros::SECOND);

/// A time zone.
#[derive(Debug, Clone)]
pub(crate) struct Calendar {
    zone: TimeZone,
}

impl Calendar {
    /// The calendar of an IANA time zone; UTC when there is none.
    pub(crate) fn new(zone: Option<&str>) -> Result<Self, QueryError> {
        let Some(zone_name) = zone else { return Ok(Self { zone: TimeZone::UTC }) };
        if let Ok(zone) = TimeZone::get(zone_name) {
            return Ok(Self { zone });
        }
        let message = format!("there is no time zone `{}`", name::shown(zone_name));
        let known: Vec<String> = jiff::tz::db().available().map(|zone| zone.as_str().to_owned()).collect();
        Err(QueryError::new(QueryErrorKind::Range, 0..0, message)
            .with_hint("time zones have names like Europe/Berlin or America/New_York")
            .with_hint_if(name::did_you_mean(zone_name, known.iter().map(String::as_str))))
    }

    /// The name of the zone.
    pub(crate) fn name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// The start of the period of `days` days that holds an instant. Periods are counted from a Monday, so that seven
    /// days are a week.
    pub(crate) fn start_of_period(&self, at: UnixMicros, days: i64) -> UnixMicros {
        let date = self.date(at);
        let since_monday = (date.duration_since(FIRST_MONDAY).as_hours() / 24).rem_euclid(days.max(1));
        self.midnight(date.saturating_sub(since_monday.days()))
    }

    /// The local midnight that is `days` days after the local midnight at or before an instant.
    pub(crate) fn midnight_after(&self, at: UnixMicros, days: i64) -> UnixMicros {
        self.midnight(self.date(at).saturating_add(days.days()))
    }

    /// The instant at which clocks show the same as at `at`, this many days earlier. Where clocks were put forward
    /// over that time of day, the instant as much later as they were put forward.
    pub(crate) fn days_before(&self, at: UnixMicros, days: i64) -> UnixMicros {
        let Ok(timestamp) = Timestamp::from_microsecond(at.0) else { return at };
        let earlier = timestamp.to_zoned_datetime(self.zone.clone()).saturating_sub(days.days());
        whole_minute(earlier.timestamp())
    }

    /// The local midnights of the month that holds an instant, and the one after its last day.
    pub(crate) fn days_of_month(&self, at: UnixMicros) -> Vec<UnixMicros> {
        let first = self.date(at).first_of_month();
        (0..=i64::from(first.days_in_month()))
            .map(|days| self.midnight(first.saturating_add(days.days())))
            .collect()
    }

    /// The name of a local day: `2026-11-01`.
    pub(crate) fn day_name(&self, at: UnixMicros) -> String {
        self.date(at).to_string()
    }

    /// How far local clocks are ahead of UTC at an instant, in microseconds.
    pub(crate) fn offset_us(&self, at: UnixMicros) -> i64 {
        let timestamp = Timestamp::from_microsecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH);
        i64::from(self.zone.to_offset(timestamp).seconds()) * UnixMicros::SECOND
    }

    fn date(&self, at: UnixMicros) -> Date {
        let timestamp = Timestamp::from_microsecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH);
        self.zone.to_datetime(timestamp).date()
    }

    /// The first instant of a local day, which is not midnight where clocks are put forward at midnight.
    fn midnight(&self, date: Date) -> UnixMicros {
        let start = date.to_datetime(jiff::civil::Time::midnight());
        let zoned = self.zone.to_ambiguous_zoned_datetime(start).compatible();
        zoned.map_or(UnixMicros(0), |zoned| whole_minute(zoned.timestamp()))
    }
}

const FIRST_MONDAY: Date = Date::constant(1970, 1, 5);

fn whole_minute(timestamp: Timestamp) -> UnixMicros {
    UnixMicros(timestamp.as_microsecond()).floor_to(UnixMicros::MINUTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UnixMicros {
        UnixMicros(text.parse::<Timestamp>().unwrap().as_microsecond())
    }

    #[test]
    fn a_week_before_crosses_the_change_of_clocks() {
        let berlin = Calendar::new(Some("Europe/Berlin")).unwrap();
        // Noon of the Wednesday after clocks were put forward, and noon of the Wednesday before.
        assert_eq!(berlin.days_before(at("2026-04-01T10:00:00Z"), 7), at("2026-03-25T11:00:00Z"));
        assert_eq!(
            Calendar::new(None).unwrap().days_before(at("2026-04-01T10:00:00Z"), 7),
            at("2026-03-25T10:00:00Z")
        );
    }

    #[test]
    fn a_time_of_day_that_was_skipped_is_moved_on() {
        let berlin = Calendar::new(Some("Europe/Berlin")).unwrap();
        // 02:30 did not happen on 29 March 2026.
        assert_eq!(berlin.days_before(at("2026-04-05T00:30:00Z"), 7), at("2026-03-29T01:30:00Z"));
    }

    #[test]
    fn days_start_at_local_midnight_and_weeks_on_monday() {
        let berlin = Calendar::new(Some("Europe/Berlin")).unwrap();
        let thursday = at("2026-07-09T15:00:00Z");
        assert_eq!(berlin.start_of_period(thursday, 1), at("2026-07-08T22:00:00Z"));
        assert_eq!(berlin.start_of_period(thursday, 7), at("2026-07-05T22:00:00Z"));
        assert_eq!(berlin.midnight_after(thursday, 1), at("2026-07-09T22:00:00Z"));
    }

    #[test]
    fn an_unknown_zone_names_the_one_that_was_meant() {
        let error = Calendar::new(Some("Europe/Berln")).unwrap_err();
        assert_eq!(error.hint.as_deref(), Some("did you mean `Europe/Berlin`?"));
    }
}
