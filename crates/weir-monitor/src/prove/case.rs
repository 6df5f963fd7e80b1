//! Files of tests, as they are written.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use weir_query::Zone;
use weir_types::{CellKey, TagKey, Tags, UnixMicros, metric};

use super::expect::{ExpectedState, When};
use super::script::{Clock, minutes};
use crate::error::MonitorError;

/// Midnight before a Monday, when nothing else is said.
const START: UnixMicros = UnixMicros(1_772_409_600 * UnixMicros::SECOND);

/// What late values wait when a fault says how long.
const LATE_MINUTES_MAX: i64 = 24 * 60;

/// A file of tests.
#[derive(Debug, Clone, PartialEq)]
pub struct TestFile {
    /// Its name, for messages.
    pub name: String,
    /// Files of monitors that it names, relative to it; the bundled monitors are always there.
    pub monitors: Vec<String>,
    pub(super) cases: Vec<Case>,
}

/// One test.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) monitor: String,
    pub(super) start: UnixMicros,
    pub(super) series: Vec<Series>,
    /// How many ticks there are.
    pub(super) ticks: i64,
    /// By group as it is written; `*` is any group.
    pub(super) expected: Vec<(String, Vec<ExpectedState>)>,
    pub(super) notifications: Option<Vec<ExpectedNotification>>,
    pub(super) faults: Vec<Fault>,
}

/// What one series sees.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    pub(super) key: CellKey,
    pub(super) minutes: Vec<Vec<f64>>,
}

/// Something that people should hear.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ExpectedNotification {
    pub(super) when: Option<When>,
    /// `trigger`, `improve`, `recover` or `repeat`.
    pub(super) kind: Option<String>,
    pub(super) text: Option<String>,
}

/// Something that goes wrong, and should change nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Weir stops after so many ticks and starts again from what it kept.
    Restart { tick: i64 },
    /// Values of the so many minutes from one on come so many minutes late.
    Late { from: i64, by: i64 },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileText {
    #[serde(default)]
    monitors: Vec<String>,
    #[serde(default)]
    start: Option<toml::value::Datetime>,
    #[serde(default)]
    tz: Option<String>,
    #[serde(default)]
    tests: Vec<CaseText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseText {
    name: String,
    monitor: String,
    #[serde(default)]
    start: Option<toml::value::Datetime>,
    #[serde(default)]
    tz: Option<String>,
    #[serde(default)]
    until: Option<String>,
    #[serde(default)]
    series: BTreeMap<String, String>,
    #[serde(default)]
    expect: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    notifications: Option<Vec<NotificationText>>,
    #[serde(default)]
    faults: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NotificationText {
    #[serde(default)]
    at: Option<String>,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    text: Option<String>,
}

impl TestFile {
    /// Reads a file of `[[tests]]`.
    pub fn read(file: &str, text: &str) -> Result<Self, MonitorError> {
        let error = |message: String| MonitorError::File { file: file.to_owned(), message };
        let parsed: FileText = toml::from_str(text).map_err(|problem| error(problem.to_string()))?;
        let FileText { monitors, start, tz, tests } = parsed;
        let mut cases: Vec<Case> = Vec::new();
        for test in tests {
            let name = test.name.clone();
            if cases.iter().any(|case| case.name == name) {
                return Err(error(format!("two tests have the name \"{name}\"")));
            }
            let case = Case::of(test, start, tz.as_deref());
            cases.push(case.map_err(|message| error(format!("test \"{name}\": {message}")))?);
        }
        Ok(Self { name: file.to_owned(), monitors, cases })
    }
}

impl Case {
    fn of(text: CaseText, start: Option<toml::value::Datetime>, tz: Option<&str>) -> Result<Self, String> {
        let zone = Zone::named(text.tz.as_deref().or(tz)).map_err(|error| error.to_string())?;
        let start = text.start.or(start).map_or(Ok(START), |start| instant(&start, &zone))?;
        let clock = Clock { start, zone: &zone };
        let series = text.series.iter().map(|(key, script)| {
            let series = || Ok(Series { key: series_key(key)?, minutes: minutes(script, &clock)? });
            series().map_err(|error: String| format!("series {key}: {error}"))
        });
        let series: Vec<Series> = series.collect::<Result<_, _>>()?;
        let longest = series.iter().map(|series| series.minutes.len()).max().unwrap_or(0);
        let ticks = match &text.until {
            Some(until) => minutes_of(until)?,
            None => i64::try_from(longest).unwrap_or(i64::MAX),
        };
        if ticks == 0 {
            return Err("it has no series, and `until` does not say how long it is".to_owned());
        }
        let expected = text.expect.iter().map(|(group, states)| {
            let states = states.iter().map(|state| ExpectedState::parse(state));
            Ok((
                group.clone(),
                states.collect::<Result<_, String>>().map_err(|error| format!("expect: {error}"))?,
            ))
        });
        let notifications = text.notifications.map(|expected| {
            let notifications = expected.into_iter().map(|NotificationText { at, kind, text }| {
                let when = at.as_deref().map(When::parse).transpose()?;
                Ok(ExpectedNotification { when, kind, text })
            });
            notifications.collect::<Result<Vec<_>, String>>()
        });
        Ok(Self {
            expected: expected.collect::<Result<_, String>>()?,
            notifications: notifications.transpose()?,
            faults: text.faults.iter().map(|fault| Fault::parse(fault)).collect::<Result<_, _>>()?,
            name: text.name,
            monitor: text.monitor,
            start,
            series,
            ticks,
        })
    }
}

impl Fault {
    /// Reads `restart@15m` or `late(5m)@17m`.
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("fault `{text}` is not known; there are restart@15m, replica_switch@15m and late(5m)@17m")
        };
        let (what, at) = text.split_once('@').ok_or_else(wrong)?;
        let at = minutes_of(at)?;
        match what.trim() {
            // One Weir that takes over from another reads what the other kept, as after a restart.
            "restart" | "replica_switch" => Ok(Self::Restart { tick: at }),
            late => {
                let by = late.strip_prefix("late(").and_then(|by| by.strip_suffix(')')).ok_or_else(wrong)?;
                let by = minutes_of(by)?;
                if by > LATE_MINUTES_MAX {
                    Err("values are late by a day at most".to_owned())
                } else {
                    Ok(Self::Late { from: at, by })
                }
            }
        }
    }
}

fn minutes_of(text: &str) -> Result<i64, String> {
    let us = crate::condition::length_of_text(text.trim());
    us.map(|us| us / UnixMicros::MINUTE)
        .ok_or_else(|| format!("`{text}` is no length of time; lengths are written 30m, 2h, 7d"))
}

/// Reads `metric{tag="value", other=value}`.
fn series_key(text: &str) -> Result<CellKey, String> {
    let (name, tags) = match text.split_once('{') {
        None => (text, ""),
        Some((name, rest)) => (name, rest.trim_end().strip_suffix('}').ok_or("a `}` is missing")?),
    };
    let mut set = Tags::new();
    for tag in tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
        let (key, value) = tag.split_once(['=', ':']).ok_or_else(|| format!("tag `{tag}` has no value"))?;
        set.set(TagKey::new(metric::canonical_tag(key.trim())), value.trim().trim_matches('"'));
    }
    Ok(CellKey { metric: Arc::from(metric::canonical_metric(name.trim())), tags: set })
}

/// An instant of TOML; without an offset it is what clocks of the zone show.
fn instant(text: &toml::value::Datetime, zone: &Zone) -> Result<UnixMicros, String> {
    let date = text.date.ok_or("start is a date, and may have a time")?;
    let days = days_from_civil(i64::from(date.year), i64::from(date.month), i64::from(date.day));
    let time = text.time.map_or(0, |time| {
        i64::from(time.hour) * UnixMicros::HOUR + i64::from(time.minute) * UnixMicros::MINUTE
    });
    let local = UnixMicros(days * UnixMicros::DAY + time);
    let offset_us = match text.offset {
        Some(toml::value::Offset::Z) => 0,
        Some(toml::value::Offset::Custom { minutes }) => i64::from(minutes) * UnixMicros::MINUTE,
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

    #[test]
    fn mistakes_name_the_test() {
        for (text, wrong) in [
            ("[[tests]]\nname = 'a'\nmonitor = 'm'\nseries = { m = '1 x' }", "test \"a\": series m: `x`"),
            ("[[tests]]\nname = 'a'\nmonitor = 'm'", "it has no series"),
            (
                "[[tests]]\nname = 'a'\nmonitor = 'm'\nuntil = '5m'\nexpect = { '' = ['BAD'] }",
                "`BAD` is no state",
            ),
            ("[[tests]]\nname = 'a'\nmonitor = 'm'\nuntil = '5m'\nfaults = ['fire@3m']", "fault `fire@3m`"),
            ("[[tests]]\nname = 'a'\nmonitr = 'm'", "unknown field `monitr`"),
        ] {
            let error = TestFile::read("x.toml", text).expect_err(text).to_string();
            assert!(error.contains(wrong), "{error}");
        }
    }
}
