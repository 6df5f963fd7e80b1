//! Instants, ranges and steps as people write them in a query string.
//!
//! An instant is Unix milliseconds (`1700000000000`), RFC 3339 (`2023-11-14T22:13:20Z`), or relative to now (`now`,
//! `now-1h`, `now+30d`). A step is a length (`60s`, `5m`) or milliseconds. A `+` that was not percent-encoded arrives as
//! a space and is read as `+`: the meaning is clear, and the mistake is everyone's first.
//!
//! Pure: the time now is a parameter. Overflow is an error, never a wrap.

use serde::Deserialize;
use utoipa::IntoParams;
use weir_types::{TimeRange, UnixMicros};

use crate::error::ApiError;

/// What a message says an instant looks like.
const INSTANT_EXPECTED: &str =
    "unix milliseconds, RFC 3339 (2026-01-31T12:00:00Z), or an instant relative to now (now, now-1h, now-7d)";

/// What a message says a step looks like.
const STEP_EXPECTED: &str = "a positive length such as 60s, 5m, 1h or 1d, or milliseconds";

/// The range when nothing is asked for: what a dashboard opens with.
const RANGE_DEFAULT_US: i64 = UnixMicros::HOUR;

/// The units of a length and their microseconds; longer names first, so that `ms` is not read as `m`.
const UNITS: [(&str, i64); 6] = [
    ("ms", 1_000),
    ("s", UnixMicros::SECOND),
    ("m", UnixMicros::MINUTE),
    ("h", UnixMicros::HOUR),
    ("d", UnixMicros::DAY),
    ("w", 7 * UnixMicros::DAY),
];

/// The parameters of what takes a range and nothing else.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct RangeParams {
    /// The first instant; an hour before `to` unless said.
    #[param(example = "now-1d")]
    from: Option<String>,
    /// The first instant after the range; now unless said.
    #[param(example = "now")]
    to: Option<String>,
}

impl RangeParams {
    /// The range, read as [`range`] does.
    pub(crate) fn range(&self, now: UnixMicros) -> Result<TimeRange, ApiError> {
        range(self.from.as_deref(), self.to.as_deref(), now)
    }
}

/// Reads the parameters `from` and `to`. `to` is now unless said, `from` an hour before `to`.
pub(crate) fn range(from: Option<&str>, to: Option<&str>, now: UnixMicros) -> Result<TimeRange, ApiError> {
    let end = to.map_or(Ok(now), |text| instant("to", text, now))?;
    let start =
        from.map_or(Ok(end.saturating_add_us(-RANGE_DEFAULT_US)), |text| instant("from", text, now))?;
    if start >= end {
        let value = from.unwrap_or("an hour before `to`");
        let expected = format!("an instant before `to` ({})", to.unwrap_or("now"));
        return Err(ApiError::parameter("from", value, &expected));
    }
    Ok(TimeRange { from: start, to: end })
}

/// Reads `from` and `to` as the API does, for the command line: nothing said means the last hour. The error is a text for
/// people that names the parameter, the value and what was expected.
pub fn parse_range(from: Option<&str>, to: Option<&str>, now: UnixMicros) -> Result<TimeRange, String> {
    range(from, to, now).map_err(ApiError::into_message)
}

/// Reads `step` as the API does, in microseconds, for the command line. The error is as in [`parse_range`].
pub fn parse_step_us(text: &str) -> Result<i64, String> {
    step_us("step", text).map_err(ApiError::into_message)
}

/// Reads one instant; `name` is the parameter's, for the error.
pub(crate) fn instant(name: &str, text: &str, now: UnixMicros) -> Result<UnixMicros, ApiError> {
    parse_instant(text.trim(), now).ok_or_else(|| ApiError::parameter(name, text, INSTANT_EXPECTED))
}

/// Reads a step in microseconds.
pub(crate) fn step_us(name: &str, text: &str) -> Result<i64, ApiError> {
    let length = match text.parse::<i64>() {
        Ok(ms) => ms.checked_mul(1_000),
        Err(_) => parse_length(text),
    };
    length.filter(|us| *us > 0).ok_or_else(|| ApiError::parameter(name, text, STEP_EXPECTED))
}

fn parse_instant(text: &str, now: UnixMicros) -> Option<UnixMicros> {
    if let Some(offset) = text.strip_prefix("now") {
        return parse_offset(offset).and_then(|us| now.0.checked_add(us)).map(UnixMicros);
    }
    if let Ok(ms) = text.parse::<i64>() {
        return ms.checked_mul(1_000).map(UnixMicros);
    }
    let timestamp: jiff::Timestamp = text.parse().ok().or_else(|| restored_plus(text)?.parse().ok())?;
    Some(UnixMicros(timestamp.as_microsecond()))
}

/// The text with its last space read as the `+` it was before the query string was decoded.
fn restored_plus(text: &str) -> Option<String> {
    let (before, after) = text.rsplit_once(' ')?;
    Some(format!("{before}+{after}"))
}

/// Reads what follows `now`: nothing, or a sign and a length.
fn parse_offset(text: &str) -> Option<i64> {
    let Some(sign) = text.chars().next() else { return Some(0) };
    let length = parse_length(&text[sign.len_utf8()..])?;
    match sign {
        '-' => Some(-length),
        '+' | ' ' => Some(length),
        _ => None,
    }
}

/// Reads a length of one or more parts, such as `1h30m`.
fn parse_length(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let (unit, us) = UNITS.iter().find(|(unit, _)| rest.starts_with(unit))?;
        rest = &rest[unit.len()..];
        total = total.checked_add(number.checked_mul(*us)?)?;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: UnixMicros = UnixMicros(1_700_000_000_000_000);

    #[test]
    fn one_instant_has_many_spellings() {
        for text in [
            "1699996400000",
            "2023-11-14T21:13:20Z",
            "2023-11-14T23:13:20+02:00",
            "2023-11-14T23:13:20 02:00",
            "now-1h",
            "now-30m30m",
            "now-60m",
            "now-3600s",
            " now-3600000ms ",
        ] {
            assert_eq!(instant("from", text, NOW), Ok(UnixMicros(NOW.0 - UnixMicros::HOUR)), "{text}");
        }
    }

    #[test]
    fn a_plus_that_was_decoded_to_a_space_is_still_a_plus() {
        assert_eq!(instant("to", "now 1h", NOW), Ok(UnixMicros(NOW.0 + UnixMicros::HOUR)));
        assert_eq!(instant("to", "now+1h", NOW), Ok(UnixMicros(NOW.0 + UnixMicros::HOUR)));
    }

    #[test]
    fn other_texts_are_refused_with_name_value_and_expectation() {
        for text in [
            "",
            "yesterday",
            "now-",
            "now-1",
            "now-1y",
            "nowish",
            "now--1h",
            "2023-11-14",
            "99999999999999999999",
            "9223372036854775807",
            "now-9223372036854775807w",
            "1e3",
            "²",
        ] {
            let error = instant("from", text, NOW).unwrap_err().to_string();
            assert!(
                error.contains("`from`")
                    && error.contains("RFC 3339")
                    && error.contains(&format!("{text:?}")),
                "{error}"
            );
        }
    }

    #[test]
    fn the_default_range_is_the_last_hour() {
        let expected = TimeRange { from: UnixMicros(NOW.0 - UnixMicros::HOUR), to: NOW };
        assert_eq!(range(None, None, NOW), Ok(expected));
    }

    #[test]
    fn a_range_must_go_forward() {
        assert!(range(Some("now"), Some("now-1h"), NOW).is_err());
        assert!(range(Some("now"), None, NOW).is_err());
    }

    #[test]
    fn the_command_line_reads_as_the_api_does() {
        let hour = TimeRange { from: UnixMicros(NOW.0 - UnixMicros::HOUR), to: NOW };
        assert_eq!(parse_range(Some("now-1h"), None, NOW), Ok(hour));
        assert_eq!(parse_step_us("5m"), Ok(5 * UnixMicros::MINUTE));
        assert!(
            parse_range(Some("x"), None, NOW).unwrap_err().starts_with("parameter `from` is \"x\": expected")
        );
    }

    #[test]
    fn steps_are_lengths_or_milliseconds_and_positive() {
        for text in ["60000", "60s", "1m", "30s30s"] {
            assert_eq!(step_us("step", text), Ok(UnixMicros::MINUTE), "{text}");
        }
        for text in ["0", "-1", "-1m", "", "m", "1 m", "1M"] {
            assert!(step_us("step", text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = instant("from", &text, NOW);
            let _ = instant("from", &format!("now{text}"), NOW);
            let _ = step_us("step", &text);
        }

        #[test]
        fn milliseconds_read_back(ms in -62_135_596_800_000_i64..253_402_300_800_000) {
            prop_assert_eq!(instant("from", &ms.to_string(), NOW), Ok(UnixMicros(ms * 1_000)));
        }
    }
}
