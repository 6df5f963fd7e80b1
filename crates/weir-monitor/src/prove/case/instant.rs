//! When a test starts.

use toml::value::{Datetime, Offset};
use weir_query::Zone;
use weir_types::UnixMicros;

/// An instant of TOML; without an offset it is what clocks of the zone show.
pub(super) fn instant(text: &Datetime, zone: &Zone) -> Result<UnixMicros, String> {
    let date = text.date.ok_or("start is a date, and may have a time")?;
    let days = days_from_civil(i64::from(date.year), i64::from(date.month), i64::from(date.day));
    let time = text.time.map_or(0, |time| {
        i64::from(time.hour) * UnixMicros::HOUR + i64::from(time.minute) * UnixMicros::MINUTE
    });
    let local = UnixMicros(days * UnixMicros::DAY + time);
    let offset_us = match text.offset {
        Some(Offset::Z) => 0,
        Some(Offset::Custom { minutes }) => i64::from(minutes) * UnixMicros::MINUTE,
        // The offset near midnight before is that of the day but for the hours in which clocks change.
        None => zone.offset_us(local.saturating_add_us(-zone.offset_us(local))),
    };
    Ok(local.saturating_add_us(-offset_us))
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    // Years start in March, so that the day that some of them have more comes last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_with_an_offset_or_by_local_clocks() {
        let zone = Zone::named(Some("Europe/Berlin")).unwrap_or_else(|error| panic!("{error}"));
        for (text, seconds) in [
            ("2026-03-28T00:00:00+01:00", 1_774_652_400),
            ("2026-03-27T23:00:00Z", 1_774_652_400),
            ("2026-03-28", 1_774_652_400),
            ("2026-03-30T00:00:00", 1_774_821_600),
            ("1970-01-01T00:00:00Z", 0),
            ("2024-02-29T12:30:00Z", 1_709_209_800),
        ] {
            let parsed = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(instant(&parsed, &zone), Ok(UnixMicros(seconds * UnixMicros::SECOND)), "{text}");
        }
    }
}
