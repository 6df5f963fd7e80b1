//! Events and service checks as records, and the tags of all lines.

use std::sync::Arc;

use weir_types::{Event, EventLevel, Point, PointKind, Record, TagKey, Tags, UnixMicros, limits};

use super::line::{self, LineError, TAGS_MAX};

/// Who says so, where an event does not.
const SOURCE: &str = "dogstatsd";

/// Bytes of an event's text. Datadog keeps 4,000; a unix datagram may bring more.
const TEXT_BYTES_MAX: usize = 16 * 1024;

/// An event as a record.
pub(super) fn record_of_event(event: &line::Event<'_>, now: UnixMicros) -> Result<Record, LineError> {
    let mut tags = tags(event.tags)?;
    for (key, value) in [("host", event.host), ("aggregation_key", event.key), ("priority", event.priority)] {
        if let Some(value) = value {
            tags.set(TagKey::new(key), cut(value, limits::TAG_VALUE_BYTES_MAX));
        }
    }
    let level = match event.level {
        Some("error") => EventLevel::Error,
        Some("warning") => EventLevel::Warning,
        Some("success") => EventLevel::Success,
        _ => EventLevel::Info,
    };
    Ok(Record::Event(Box::new(Event {
        time: time_or(event.time_s, now),
        title: unescaped(event.title),
        text: unescaped(event.text),
        level,
        source: Arc::from(event.source.unwrap_or(SOURCE)),
        tags,
    })))
}

/// A service check is a level that changes (0 ok, 1 warning, 2 critical, 3 unknown), so it is a gauge of its name. What
/// is not ok and says why is an event too.
pub(super) fn records_of_check(
    check: &line::Check<'_>,
    name: Arc<str>,
    now: UnixMicros,
) -> Result<(Record, Option<Record>), LineError> {
    let mut tags = tags(check.tags)?;
    if let Some(host) = check.host {
        tags.set(TagKey::new("host"), cut(host, limits::TAG_VALUE_BYTES_MAX));
    }
    let time = time_or(check.time_s, now);
    let level = match check.status {
        0 => None,
        1 => Some(EventLevel::Warning),
        2 => Some(EventLevel::Error),
        _ => Some(EventLevel::Info),
    };
    let event = level.zip(check.message).map(|(level, message)| {
        Record::Event(Box::new(Event {
            time,
            title: Arc::clone(&name),
            text: unescaped(message),
            level,
            source: Arc::from(SOURCE),
            tags: tags.clone(),
        }))
    });
    let value = f64::from(check.status);
    let point = Record::Point(Box::new(Point { time, name, kind: PointKind::Gauge, value, weight: 1, tags }));
    Ok((point, event))
}

/// Tags as a set. A tag without a value says that something is so; its value is `true`.
pub(super) fn tags(text: &str) -> Result<Tags, LineError> {
    let mut tags = Tags::new();
    for (index, tag) in text.split(',').filter(|tag| !tag.is_empty()).enumerate() {
        if index == TAGS_MAX {
            return Err(LineError::TooManyTags);
        }
        let (key, value) = match tag.split_once(':') {
            Some((key, value)) if !value.is_empty() => (key, value),
            Some((key, _)) => (key, "true"),
            None => (tag, "true"),
        };
        if !key.is_empty() {
            let key = cut(key, limits::TAG_VALUE_BYTES_MAX);
            tags.set(TagKey::new(key), cut(value, limits::TAG_VALUE_BYTES_MAX));
        }
    }
    Ok(tags)
}

/// The stated time, or now.
pub(super) fn time_or(time_s: Option<i64>, now: UnixMicros) -> UnixMicros {
    time_s.map_or(now, |seconds| UnixMicros(seconds.saturating_mul(UnixMicros::SECOND)))
}

/// The first bytes of a text, whole characters.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// A text with `\n` as line ends.
fn unescaped(text: &str) -> Arc<str> {
    let text = cut(text, TEXT_BYTES_MAX);
    if text.contains("\\n") { Arc::from(text.replace("\\n", "\n")) } else { Arc::from(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_without_a_value_are_true_and_aliases_are_resolved() {
        let tags = tags("index:faq,bare,,empty:,url:http://x,model_name:m").unwrap();
        let pairs: Vec<_> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(pairs, ["bare=true", "empty=true", "index=faq", "model=m", "url=http://x"]);
    }

    #[test]
    fn more_tags_than_anyone_needs_are_refused() {
        let many: Vec<_> = (0..=TAGS_MAX).map(|i| format!("t{i}")).collect();
        assert_eq!(tags(&many.join(",")), Err(LineError::TooManyTags));
        assert!(tags(&many[1..].join(",")).is_ok());
    }

    #[test]
    fn a_check_that_is_not_ok_and_says_why_is_an_event_too() {
        let check =
            line::Check { name: "db", status: 2, message: Some("down\\nagain"), ..Default::default() };
        let (_, event) = records_of_check(&check, Arc::from("db"), UnixMicros(5)).unwrap();
        let Some(Record::Event(event)) = event else { panic!("{event:?}") };
        assert_eq!((&*event.text, event.level), ("down\nagain", EventLevel::Error));
        let fine = line::Check { status: 0, ..check };
        assert_eq!(records_of_check(&fine, Arc::from("db"), UnixMicros(5)).unwrap().1, None);
    }
}
