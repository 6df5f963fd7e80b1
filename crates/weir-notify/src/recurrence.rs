//! Recurrence rules: the part of RFC 5545 that downtimes need, over civil time.
//!
//! `FREQ` is `DAILY`, `WEEKLY` or `MONTHLY`, with `INTERVAL`, `BYDAY` (in months also `1MO`, `-1FR`), `BYMONTHDAY`,
//! `BYMONTH`, `BYHOUR`, `BYMINUTE`, `WKST`, `UNTIL` and `COUNT`. Everything else is refused by name: a downtime that is
//! understood wrongly is worse than none. A crate for the whole of RFC 5545 exists and brings a second library for time
//! zones with it.
//!
//! A rule is counted on the calendar of its time zone, so 02:00 stays 02:00 when clocks change. A start that falls into
//! the hour that is left out is as much later as clocks go forward; one in the hour that is there twice is the first.
//! An occurrence lasts an exact length of time.

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use weir_types::UnixMicros;

/// Days that are looked at to find the last occurrence of a rule with `COUNT`: fifty years.
const DAYS_MAX: i32 = 50 * 366;

/// The longest occurrence, in days: those that may still last are looked for one by one.
const LENGTH_DAYS_MAX: i64 = 366;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frequency {
    Daily,
    Weekly,
    Monthly,
}

/// A rule with its first start and the length of each occurrence.
#[derive(Debug, Clone)]
pub(crate) struct Recurrence {
    start: DateTime,
    length_us: i64,
    tz: TimeZone,
    frequency: Frequency,
    interval: i32,
    by_day: Vec<(i8, Weekday)>,
    by_month_day: Vec<i8>,
    by_month: Vec<i8>,
    by_hour: Vec<i8>,
    by_minute: Vec<i8>,
    week_start: Weekday,
    /// The last instant at which an occurrence may start.
    until: Option<Timestamp>,
}

impl Recurrence {
    /// Reads a rule. `starts_at` is the first start and `ends_at` its end.
    pub(crate) fn parse(
        rule: &str,
        starts_at: UnixMicros,
        ends_at: UnixMicros,
        tz: &TimeZone,
    ) -> Result<Self, String> {
        let start = timestamp(starts_at)?.to_zoned_datetime(tz.clone()).datetime();
        let length_us = ends_at.0.saturating_sub(starts_at.0);
        if length_us <= 0 || length_us > LENGTH_DAYS_MAX * UnixMicros::DAY {
            return Err(format!(
                "an occurrence lasts longer than nothing and at most {LENGTH_DAYS_MAX} days"
            ));
        }
        let mut recurrence = Self {
            start,
            length_us,
            tz: tz.clone(),
            frequency: Frequency::Daily,
            interval: 1,
            by_day: Vec::new(),
            by_month_day: Vec::new(),
            by_month: Vec::new(),
            by_hour: Vec::new(),
            by_minute: Vec::new(),
            week_start: Weekday::Monday,
            until: None,
        };
        let mut count = None;
        let mut has_frequency = false;
        let rule = rule.trim();
        for part in rule.strip_prefix("RRULE:").unwrap_or(rule).split(';').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| format!("`{part}` is not NAME=VALUE"))?;
            match name.to_ascii_uppercase().as_str() {
                "FREQ" => {
                    has_frequency = true;
                    recurrence.frequency = frequency(value)?;
                }
                "INTERVAL" => recurrence.interval = i32::from(number(name, value, 1, 1_000)?),
                "COUNT" => count = Some(number(name, value, 1, 10_000)?),
                "UNTIL" => recurrence.until = Some(until(value, tz)?),
                "BYDAY" => recurrence.by_day = list(value, by_day)?,
                "BYMONTHDAY" => recurrence.by_month_day = list(value, month_day)?,
                "BYMONTH" => recurrence.by_month = list(value, |v| small(name, v, 1, 12))?,
                "BYHOUR" => recurrence.by_hour = list(value, |v| small(name, v, 0, 23))?,
                "BYMINUTE" => recurrence.by_minute = list(value, |v| small(name, v, 0, 59))?,
                "WKST" => recurrence.week_start = weekday(value)?,
                other => {
                    return Err(format!(
                        "`{other}` is not supported: a rule has FREQ, INTERVAL, BYDAY, BYMONTHDAY, BYMONTH, BYHOUR, \
                         BYMINUTE, WKST, UNTIL and COUNT"
                    ));
                }
            }
        }
        if !has_frequency {
            return Err("a rule needs FREQ=DAILY, WEEKLY or MONTHLY".to_owned());
        }
        recurrence.check(count.is_some())?;
        if let Some(count) = count {
            recurrence.until = Some(recurrence.nth_start(usize::from(count))?);
        }
        Ok(recurrence)
    }

    /// The end of the occurrence that this instant is in.
    pub(crate) fn active_until(&self, now: UnixMicros) -> Option<UnixMicros> {
        let at = timestamp(now).ok()?;
        let today = at.to_zoned_datetime(self.tz.clone()).date();
        // A day more than it lasts, because clocks may change.
        let days = i32::try_from(self.length_us / UnixMicros::DAY).ok()? + 2;
        let mut latest = None;
        for back in 0..=days {
            let Ok(date) = today.checked_sub(back.days()) else { break };
            for start in self.starts_on(date) {
                let start = UnixMicros(start.as_microsecond());
                let end = start.saturating_add_us(self.length_us);
                if start <= now && now < end {
                    latest = latest.max(Some(end));
                }
            }
        }
        latest
    }

    /// The first instant after `now` at which the answer of [`Self::active_until`] may change by a start, within a year.
    #[cfg(test)]
    fn next_start(&self, now: UnixMicros) -> Option<UnixMicros> {
        let today = timestamp(now).ok()?.to_zoned_datetime(self.tz.clone()).date();
        (0..=366)
            .filter_map(|forward: i32| today.checked_add(forward.days()).ok())
            .flat_map(|date| self.starts_on(date))
            .map(|start| UnixMicros(start.as_microsecond()))
            .find(|start| *start > now)
    }

    fn check(&self, has_count: bool) -> Result<(), String> {
        if has_count && self.until.is_some() {
            return Err("a rule has UNTIL or COUNT, not both".to_owned());
        }
        if self.frequency != Frequency::Monthly && self.by_day.iter().any(|(nth, _)| *nth != 0) {
            return Err("numbered days such as 1MO need FREQ=MONTHLY".to_owned());
        }
        if self.frequency == Frequency::Weekly && !self.by_month_day.is_empty() {
            return Err("BYMONTHDAY needs FREQ=DAILY or MONTHLY".to_owned());
        }
        Ok(())
    }

    /// The starts on a day, in order; none before the first or after the last.
    fn starts_on(&self, date: Date) -> Vec<Timestamp> {
        if date < self.start.date() || !self.occurs_on(date) {
            return Vec::new();
        }
        let hours = or_own(&self.by_hour, self.start.hour());
        let minutes = or_own(&self.by_minute, self.start.minute());
        let mut starts = Vec::with_capacity(hours.len() * minutes.len());
        for hour in &hours {
            for minute in &minutes {
                let civil = date.at(*hour, *minute, self.start.second(), 0);
                if civil < self.start {
                    continue;
                }
                if let Ok(zoned) = civil.to_zoned_datetime(self.tz.clone()) {
                    starts.push(zoned.timestamp());
                }
            }
        }
        starts.sort();
        starts.dedup();
        starts.retain(|start| self.until.is_none_or(|until| *start <= until));
        starts
    }

    fn occurs_on(&self, date: Date) -> bool {
        let first = self.start.date();
        if !self.by_month.is_empty() && !self.by_month.contains(&date.month()) {
            return false;
        }
        match self.frequency {
            Frequency::Daily => {
                days_between(first, date) % self.interval == 0
                    && self.has_month_day(date, true)
                    && self.has_day(date, true)
            }
            Frequency::Weekly => {
                let weeks = days_between(self.week_of(first), self.week_of(date)) / 7;
                let own = date.weekday() == first.weekday();
                weeks % self.interval == 0 && self.has_day(date, own)
            }
            Frequency::Monthly => {
                let months = (i32::from(date.year()) - i32::from(first.year())) * 12
                    + i32::from(date.month())
                    - i32::from(first.month());
                let has_rule = !self.by_day.is_empty() || !self.by_month_day.is_empty();
                let own = has_rule || date.day() == first.day();
                months % self.interval == 0
                    && own
                    && self.has_month_day(date, true)
                    && self.has_day(date, true)
            }
        }
    }

    /// Whether the weekday is one of the rule's; `otherwise` where it names none.
    fn has_day(&self, date: Date, otherwise: bool) -> bool {
        if self.by_day.is_empty() {
            return otherwise;
        }
        self.by_day.iter().any(|(nth, weekday)| {
            *weekday == date.weekday()
                && match nth {
                    0 => true,
                    1.. => (date.day() - 1) / 7 + 1 == *nth,
                    _ => (date.days_in_month() - date.day()) / 7 + 1 == -nth,
                }
        })
    }

    fn has_month_day(&self, date: Date, otherwise: bool) -> bool {
        if self.by_month_day.is_empty() {
            return otherwise;
        }
        let from_end = date.day() - date.days_in_month() - 1;
        self.by_month_day.iter().any(|day| *day == date.day() || *day == from_end)
    }

    /// The first day of the week that a day is in.
    fn week_of(&self, date: Date) -> Date {
        let into = date.weekday().since(self.week_start);
        date.checked_sub(i32::from(into).days()).unwrap_or(date)
    }

    fn nth_start(&self, count: usize) -> Result<Timestamp, String> {
        let mut seen = 0;
        for forward in 0..DAYS_MAX {
            let Ok(date) = self.start.date().checked_add(forward.days()) else { break };
            let starts = self.starts_on(date);
            if let Some(last) = starts.get(count - seen - 1) {
                return Ok(*last);
            }
            seen += starts.len();
        }
        Err(format!("the rule has fewer than {count} occurrences in fifty years"))
    }
}

/// The time zone with this name.
pub(crate) fn time_zone(name: Option<&str>) -> Result<TimeZone, String> {
    match name {
        None => Ok(TimeZone::UTC),
        Some(name) => TimeZone::get(name)
            .map_err(|_| format!("there is no time zone {name:?}; names are such as \"Europe/Berlin\"")),
    }
}

pub(crate) fn timestamp(at: UnixMicros) -> Result<Timestamp, String> {
    Timestamp::from_microsecond(at.0).map_err(|_| "a time is too far away".to_owned())
}

fn or_own(listed: &[i8], own: i8) -> Vec<i8> {
    if listed.is_empty() { vec![own] } else { listed.to_vec() }
}

fn days_between(from: Date, to: Date) -> i32 {
    from.until(to).map_or(0, |span| span.get_days())
}

fn list<T>(value: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    value.split(',').map(|item| read(item.trim())).collect()
}

fn number(name: &str, value: &str, min: u16, max: u16) -> Result<u16, String> {
    let number = value.parse().ok().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| format!("{name} is a number from {min} to {max}, not `{value}`"))
}

fn small(name: &str, value: &str, min: i8, max: i8) -> Result<i8, String> {
    let number = value.parse().ok().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| format!("{name} has numbers from {min} to {max}, not `{value}`"))
}

fn month_day(value: &str) -> Result<i8, String> {
    match small("BYMONTHDAY", value, -31, 31)? {
        0 => Err("BYMONTHDAY has no day 0".to_owned()),
        day => Ok(day),
    }
}

fn frequency(value: &str) -> Result<Frequency, String> {
    match value.to_ascii_uppercase().as_str() {
        "DAILY" => Ok(Frequency::Daily),
        "WEEKLY" => Ok(Frequency::Weekly),
        "MONTHLY" => Ok(Frequency::Monthly),
        _ => Err(format!("FREQ is DAILY, WEEKLY or MONTHLY, not `{value}`")),
    }
}

fn by_day(value: &str) -> Result<(i8, Weekday), String> {
    let wrong = || format!("`{value}` is no day: expected such as MO, or 1MO and -1FR in months");
    let at = value.len().checked_sub(2).filter(|at| value.is_char_boundary(*at)).ok_or_else(wrong)?;
    let (nth, day) = value.split_at(at);
    let nth = if nth.is_empty() { 0 } else { nth.parse().map_err(|_| wrong())? };
    if !(-5..=5).contains(&nth) {
        return Err(wrong());
    }
    Ok((nth, weekday(day)?))
}

fn weekday(value: &str) -> Result<Weekday, String> {
    Ok(match value.to_ascii_uppercase().as_str() {
        "MO" => Weekday::Monday,
        "TU" => Weekday::Tuesday,
        "WE" => Weekday::Wednesday,
        "TH" => Weekday::Thursday,
        "FR" => Weekday::Friday,
        "SA" => Weekday::Saturday,
        "SU" => Weekday::Sunday,
        _ => return Err(format!("`{value}` is no day: expected MO, TU, WE, TH, FR, SA or SU")),
    })
}

/// `20261231T235959Z`, `20261231T235959` or `20261231`: the last two in the rule's time zone.
fn until(value: &str, tz: &TimeZone) -> Result<Timestamp, String> {
    let wrong = || format!("UNTIL is such as 20261231T235959Z or 20261231, not `{value}`");
    if let Some(utc) = value.strip_suffix('Z') {
        let civil: DateTime = utc.parse().map_err(|_| wrong())?;
        return civil.to_zoned_datetime(TimeZone::UTC).map(|zoned| zoned.timestamp()).map_err(|_| wrong());
    }
    let civil = if value.contains('T') {
        value.parse::<DateTime>().map_err(|_| wrong())?
    } else {
        value.parse::<Date>().map_err(|_| wrong())?.at(23, 59, 59, 999_999_999)
    };
    civil.to_zoned_datetime(tz.clone()).map(|zoned| zoned.timestamp()).map_err(|_| wrong())
}

#[cfg(test)]
mod tests;
