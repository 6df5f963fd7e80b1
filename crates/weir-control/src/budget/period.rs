//! When a limit's periods begin and end.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use weir_types::UnixMicros;

/// How long a period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Period {
    /// Now: for calls under way.
    AtOnce,
    /// A minute of the clock.
    Minute,
    /// An hour of the clock.
    Hour,
    /// A calendar day, from midnight to midnight.
    Day,
    /// A week from Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
}

/// One period: from its beginning to before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// Its beginning.
    pub from: UnixMicros,
    /// Its end.
    pub to: UnixMicros,
}

impl Window {
    /// Whether a time is in it.
    pub fn contains(&self, time: UnixMicros) -> bool {
        self.from <= time && time < self.to
    }
}

impl Period {
    /// Its name in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AtOnce => "at_once",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The period that a time is in. A day in which clocks change has 23 or 25 hours. A time that no calendar has is in a
    /// period without end, which is also what `AtOnce` gives.
    pub fn window(self, time: UnixMicros, zone: &TimeZone) -> Window {
        self.of_calendar(time, zone)
            .filter(|window| window.contains(time))
            .unwrap_or(Window { from: UnixMicros(i64::MIN), to: UnixMicros(i64::MAX) })
    }

    fn of_calendar(self, time: UnixMicros, zone: &TimeZone) -> Option<Window> {
        let timestamp = Timestamp::from_microsecond(time.0).ok()?;
        let of_clock = |length: i64| {
            // Whole hours of the zone's clock: some zones are half an hour off.
            let offset = i64::from(zone.to_offset(timestamp).seconds()) * UnixMicros::SECOND;
            let from = time.saturating_add_us(offset).floor_to(length).saturating_add_us(-offset);
            Some(Window { from, to: from.saturating_add_us(length) })
        };
        let today = zone.to_datetime(timestamp).date();
        let of_days = |first: Date, after: Date| {
            Some(Window { from: start_of_day(first, zone)?, to: start_of_day(after, zone)? })
        };
        match self {
            Self::AtOnce => None,
            Self::Minute => of_clock(UnixMicros::MINUTE),
            Self::Hour => of_clock(UnixMicros::HOUR),
            Self::Day => of_days(today, today.tomorrow().ok()?),
            Self::Week => {
                let back = i64::from(today.weekday().since(Weekday::Monday));
                let monday = today.checked_sub(back.days()).ok()?;
                of_days(monday, monday.checked_add(7.days()).ok()?)
            }
            Self::Month => {
                let first = today.first_of_month();
                of_days(first, first.checked_add(1.month()).ok()?)
            }
        }
    }
}

/// The first instant of a local day, which is not midnight where clocks are put forward at midnight.
fn start_of_day(date: Date, zone: &TimeZone) -> Option<UnixMicros> {
    let start = date.to_zoned_datetime(zone.clone()).ok()?;
    Some(UnixMicros(start.timestamp().as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UnixMicros {
        UnixMicros(text.parse::<Timestamp>().unwrap().as_microsecond())
    }

    fn window(period: Period, time: &str, zone: &str) -> (String, String) {
        let window = period.window(at(time), &TimeZone::get(zone).unwrap());
        let text = |time: UnixMicros| Timestamp::from_microsecond(time.0).unwrap().to_string();
        (text(window.from), text(window.to))
    }

    #[test]
    fn periods_are_those_of_the_zones_calendar() {
        let cases = [
            (Period::Minute, "2026-11-27T12:34:56Z", "UTC", "2026-11-27T12:34:00Z", "2026-11-27T12:35:00Z"),
            (Period::Hour, "2026-11-27T12:34:56Z", "UTC", "2026-11-27T12:00:00Z", "2026-11-27T13:00:00Z"),
            (
                Period::Hour,
                "2026-11-27T12:34:56Z",
                "Asia/Kolkata",
                "2026-11-27T12:30:00Z",
                "2026-11-27T13:30:00Z",
            ),
            (
                Period::Day,
                "2026-11-27T22:30:00Z",
                "Europe/Berlin",
                "2026-11-26T23:00:00Z",
                "2026-11-27T23:00:00Z",
            ),
            (
                Period::Day,
                "2026-11-27T23:30:00Z",
                "Europe/Berlin",
                "2026-11-27T23:00:00Z",
                "2026-11-28T23:00:00Z",
            ),
            // Clocks go back, and the day has 25 hours.
            (
                Period::Day,
                "2026-10-25T12:00:00Z",
                "Europe/Berlin",
                "2026-10-24T22:00:00Z",
                "2026-10-25T23:00:00Z",
            ),
            (Period::Week, "2026-11-27T12:00:00Z", "UTC", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"),
            (Period::Week, "2026-11-23T00:00:00Z", "UTC", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"),
            (Period::Month, "2026-12-31T23:30:00Z", "UTC", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            (
                Period::Month,
                "2026-11-30T23:30:00Z",
                "Asia/Tokyo",
                "2026-11-30T15:00:00Z",
                "2026-12-31T15:00:00Z",
            ),
        ];
        for (period, time, zone, from, to) in cases {
            assert_eq!(
                window(period, time, zone),
                (from.to_owned(), to.to_owned()),
                "{period:?} {time} {zone}"
            );
        }
    }

    #[test]
    fn what_is_under_way_has_no_period() {
        let window = Period::AtOnce.window(UnixMicros(1), &TimeZone::UTC);
        assert!(window.contains(UnixMicros(0)) && window.contains(UnixMicros(i64::MAX - 1)));
    }
}
