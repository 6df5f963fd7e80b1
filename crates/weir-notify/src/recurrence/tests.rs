//! Rules against the calendar, clocks that change included.

use super::*;

fn at(text: &str) -> UnixMicros {
    UnixMicros(text.parse::<Timestamp>().unwrap().as_microsecond())
}

fn rule(rule: &str, starts_at: &str, hours: i64, tz: &str) -> Recurrence {
    let starts_at = at(starts_at);
    let ends_at = starts_at.saturating_add_us(hours * UnixMicros::HOUR);
    Recurrence::parse(rule, starts_at, ends_at, &time_zone(Some(tz)).unwrap()).unwrap()
}

/// The first starts after an instant, in local time.
fn starts(recurrence: &Recurrence, from: &str, count: usize) -> Vec<String> {
    let mut now = UnixMicros(at(from).0 - 1);
    let mut found = Vec::new();
    while found.len() < count {
        let Some(start) = recurrence.next_start(now) else { break };
        found.push(timestamp(start).unwrap().to_zoned_datetime(recurrence.tz.clone()).datetime().to_string());
        now = start;
    }
    found
}

#[test]
fn rules_follow_the_calendar() {
    for (text, first, expected) in [
        ("FREQ=DAILY;INTERVAL=3", "2026-01-30T02:00:00Z", ["2026-01-30", "2026-02-02", "2026-02-05"]),
        ("FREQ=WEEKLY;BYDAY=SA,SU", "2026-01-02T02:00:00Z", ["2026-01-03", "2026-01-04", "2026-01-10"]),
        ("FREQ=WEEKLY", "2026-01-02T02:00:00Z", ["2026-01-02", "2026-01-09", "2026-01-16"]),
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU",
            "2026-01-04T02:00:00Z",
            ["2026-01-04", "2026-01-12", "2026-01-18"],
        ),
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU",
            "2026-01-04T02:00:00Z",
            ["2026-01-04", "2026-01-05", "2026-01-18"],
        ),
        ("FREQ=MONTHLY;BYDAY=-1FR", "2026-01-01T02:00:00Z", ["2026-01-30", "2026-02-27", "2026-03-27"]),
        ("FREQ=MONTHLY;BYDAY=2TU", "2026-01-01T02:00:00Z", ["2026-01-13", "2026-02-10", "2026-03-10"]),
        ("FREQ=MONTHLY;BYMONTHDAY=31", "2026-01-01T02:00:00Z", ["2026-01-31", "2026-03-31", "2026-05-31"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-01-01T02:00:00Z", ["2026-01-31", "2026-02-28", "2026-03-31"]),
        ("FREQ=MONTHLY", "2026-01-15T02:00:00Z", ["2026-01-15", "2026-02-15", "2026-03-15"]),
        (
            "RRULE:FREQ=DAILY;BYMONTH=12;BYDAY=FR",
            "2026-01-15T02:00:00Z",
            ["2026-12-04", "2026-12-11", "2026-12-18"],
        ),
    ] {
        let found = starts(&rule(text, first, 1, "UTC"), first, 3);
        let expected: Vec<_> = expected.iter().map(|day| format!("{day}T02:00:00")).collect();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn the_end_of_a_rule_is_the_last_start() {
    let counted = rule("FREQ=DAILY;COUNT=2", "2026-01-30T02:00:00Z", 1, "UTC");
    assert_eq!(starts(&counted, "2026-01-30T00:00:00Z", 5).len(), 2);
    let until = rule("FREQ=DAILY;UNTIL=20260131", "2026-01-30T02:00:00Z", 1, "UTC");
    assert_eq!(starts(&until, "2026-01-30T00:00:00Z", 5).len(), 2);
    let until = rule("FREQ=DAILY;UNTIL=20260131T015959Z", "2026-01-30T02:00:00Z", 1, "UTC");
    assert_eq!(starts(&until, "2026-01-30T00:00:00Z", 5).len(), 1);
    let hours = rule("FREQ=DAILY;BYHOUR=2,14;BYMINUTE=0,30;COUNT=6", "2026-01-30T02:00:00Z", 1, "UTC");
    let found = starts(&hours, "2026-01-30T00:00:00Z", 9);
    assert_eq!(found.len(), 6);
    assert_eq!(found[5], "2026-01-31T02:30:00");
}

#[test]
fn a_time_of_day_stays_when_clocks_change() {
    // Clocks in Berlin go forward on 2026-03-29 at 02:00 and back on 2026-10-25 at 03:00.
    let nightly = rule("FREQ=DAILY", "2026-03-01T03:30:00Z", 2, "Europe/Berlin");
    for (instant, is_active) in [
        ("2026-03-28T03:29:59Z", false), // 04:29:59 local
        ("2026-03-28T03:30:00Z", true),
        ("2026-03-28T05:29:59Z", true),
        ("2026-03-28T05:30:00Z", false),
        ("2026-03-29T02:29:59Z", false), // an hour earlier in UTC, because summer time has begun
        ("2026-03-29T02:30:00Z", true),
        ("2026-03-29T04:30:00Z", false),
        ("2026-10-25T02:30:00Z", false),
        ("2026-10-25T03:30:00Z", true),
    ] {
        assert_eq!(nightly.active_until(at(instant)).is_some(), is_active, "{instant}");
    }
}

#[test]
fn a_start_in_the_hour_that_is_left_out_is_later_and_one_that_is_there_twice_is_the_first() {
    let nightly = rule("FREQ=DAILY", "2026-03-01T01:30:00Z", 1, "Europe/Berlin");
    assert_eq!(starts(&nightly, "2026-03-28T12:00:00Z", 2), ["2026-03-29T03:30:00", "2026-03-30T02:30:00"]);
    assert_eq!(nightly.active_until(at("2026-03-29T02:00:00Z")), Some(at("2026-03-29T02:30:00Z")));
    // 02:30 is there twice: at 00:30Z and at 01:30Z. The first starts it, and it lasts an hour.
    assert_eq!(nightly.active_until(at("2026-10-25T00:30:00Z")), Some(at("2026-10-25T01:30:00Z")));
    assert_eq!(nightly.active_until(at("2026-10-25T01:30:00Z")), None);
}

#[test]
fn an_occurrence_that_began_days_ago_still_lasts() {
    let weekend = rule("FREQ=WEEKLY;BYDAY=FR", "2026-01-02T18:00:00Z", 60, "UTC");
    assert_eq!(weekend.active_until(at("2026-01-12T05:00:00Z")), Some(at("2026-01-12T06:00:00Z")));
    assert_eq!(weekend.active_until(at("2026-01-12T06:00:00Z")), None);
    assert_eq!(weekend.active_until(at("2026-01-01T20:00:00Z")), None);
}

#[test]
fn what_is_not_understood_is_refused() {
    let start = at("2026-01-01T00:00:00Z");
    let end = start.saturating_add_us(UnixMicros::HOUR);
    for text in [
        "",
        "BYDAY=MO",
        "FREQ=YEARLY",
        "FREQ=DAILY;BYSETPOS=1",
        "FREQ=WEEKLY;BYDAY=1MO",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=WEEKLY;BYDAY=é",
        "FREQ=WEEKLY;BYMONTHDAY=3",
        "FREQ=MONTHLY;BYMONTHDAY=0",
        "FREQ=DAILY;COUNT=3;UNTIL=20270101",
        "FREQ=DAILY;UNTIL=tomorrow",
        "FREQ=DAILY;BYHOUR=24",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ",
        "FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=2;COUNT=1",
    ] {
        assert!(Recurrence::parse(text, start, end, &TimeZone::UTC).is_err(), "{text}");
    }
    assert!(Recurrence::parse("FREQ=DAILY", start, start, &TimeZone::UTC).is_err());
    assert!(time_zone(Some("Europe/Atlantis")).is_err());
}
