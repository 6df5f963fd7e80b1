//! One line of DogStatsD, read in place: nothing is copied and nothing allocated.
//!
//! The grammar is that of the protocol's versions 1.0 to 1.3 and what newer clients add:
//!
//! ```text
//! name:value[:value…]|type[|@rate][|#tag,key:value…][|T<unix seconds>][|c:<container>][|e:<external>][|card:<cardinality>]
//! _e{<title bytes>,<text bytes>}:title|text[|d:<unix seconds>][|h:host][|k:key][|p:priority][|s:source][|t:level][|#tags]
//! _sc|name|status[|d:<unix seconds>][|h:host][|#tags][|m:message]
//! ```
//!
//! Container, external data and cardinality say where a sender runs, so that an agent can look up more tags. Weir has
//! nowhere to look, and takes them without keeping them. Fields that no version knows are skipped, as clients expect.

/// Why a line is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum LineError {
    /// Not UTF-8.
    #[error("the line is not UTF-8")]
    NotUtf8,
    /// No `name:value|type`, or an empty name.
    #[error("expected name:value|type")]
    BadMetric,
    /// A value that is no finite number.
    #[error("the value is not a finite number")]
    BadValue,
    /// A type other than `c`, `g`, `h`, `d`, `ms` and `s`.
    #[error("the type is none of c, g, h, d, ms, s")]
    BadType,
    /// A sample rate outside of 0 to 1.
    #[error("the sample rate is not above 0 and at most 1")]
    BadRate,
    /// A time that is no positive number of seconds.
    #[error("the time is not a positive number of seconds")]
    BadTime,
    /// An event whose lengths do not fit.
    #[error("expected _e{{title bytes,text bytes}}:title|text")]
    BadEvent,
    /// A service check without a name or with a status other than 0 to 3.
    #[error("expected _sc|name|status with a status of 0 to 3")]
    BadCheck,
    /// More tags than [`TAGS_MAX`].
    #[error("more than {TAGS_MAX} tags")]
    TooManyTags,
    /// The datagram did not fit the receiver's buffer.
    #[error("the datagram was cut")]
    Truncated,
}

impl LineError {
    /// The reason in a word, for counters.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotUtf8 => "not_utf8",
            Self::BadMetric => "bad_metric",
            Self::BadValue => "bad_value",
            Self::BadType => "bad_type",
            Self::BadRate => "bad_rate",
            Self::BadTime => "bad_time",
            Self::BadEvent => "bad_event",
            Self::BadCheck => "bad_check",
            Self::TooManyTags => "too_many_tags",
            Self::Truncated => "truncated",
        }
    }
}

/// Tags of one line. Datadog indexes 100 at most.
pub(super) const TAGS_MAX: usize = 100;

/// What kind of metric a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MetricType {
    Count,
    Gauge,
    /// Histograms, distributions and timings: all keep their values.
    Distribution,
    Set,
}

/// A line with values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Metric<'a> {
    pub name: &'a str,
    pub kind: MetricType,
    /// Values as text, `:` between them; of a set, one member.
    pub values: &'a str,
    /// How much of what happened was sent; 1 is all.
    pub rate: f64,
    /// Tags as text, `,` between them.
    pub tags: &'a str,
    pub time_s: Option<i64>,
}

/// A line of any kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Line<'a> {
    Metric(Metric<'a>),
    Event(Event<'a>),
    Check(Check<'a>),
}

/// An event. Texts still have their escapes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Event<'a> {
    pub title: &'a str,
    pub text: &'a str,
    pub time_s: Option<i64>,
    pub host: Option<&'a str>,
    pub key: Option<&'a str>,
    pub priority: Option<&'a str>,
    pub source: Option<&'a str>,
    pub level: Option<&'a str>,
    pub tags: &'a str,
}

/// A service check.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Check<'a> {
    pub name: &'a str,
    /// 0 ok, 1 warning, 2 critical, 3 unknown.
    pub status: u8,
    pub time_s: Option<i64>,
    pub host: Option<&'a str>,
    pub message: Option<&'a str>,
    pub tags: &'a str,
}

/// Reads one line, without its end.
pub(super) fn parse(line: &[u8]) -> Result<Line<'_>, LineError> {
    let line = std::str::from_utf8(line).map_err(|_| LineError::NotUtf8)?;
    if let Some(rest) = line.strip_prefix("_e{") {
        return event(rest).map(Line::Event);
    }
    if let Some(rest) = line.strip_prefix("_sc|") {
        return check(rest).map(Line::Check);
    }
    metric(line).map(Line::Metric)
}

fn metric(line: &str) -> Result<Metric<'_>, LineError> {
    let (name, rest) = line.split_once(':').ok_or(LineError::BadMetric)?;
    let (values, rest) = rest.split_once('|').ok_or(LineError::BadMetric)?;
    if name.is_empty() || name.contains('|') {
        return Err(LineError::BadMetric);
    }
    let (kind, mut rest) = split_field(rest);
    let kind = match kind {
        "c" => MetricType::Count,
        "g" => MetricType::Gauge,
        "h" | "d" | "ms" => MetricType::Distribution,
        "s" => MetricType::Set,
        _ => return Err(LineError::BadType),
    };
    let mut metric = Metric { name, kind, values, rate: 1.0, tags: "", time_s: None };
    while let Some(fields) = rest {
        let (field, after) = split_field(fields);
        rest = after;
        match field.as_bytes().first() {
            Some(b'@') => metric.rate = rate(&field[1..])?,
            Some(b'#') => metric.tags = &field[1..],
            Some(b'T') => metric.time_s = Some(seconds(&field[1..])?),
            _ => {}
        }
    }
    if metric.values.is_empty() {
        return Err(LineError::BadValue);
    }
    Ok(metric)
}

fn event(rest: &str) -> Result<Event<'_>, LineError> {
    let parts = || {
        let (lengths, rest) = rest.split_once("}:")?;
        let (title_bytes, text_bytes) = lengths.split_once(',')?;
        let (title_bytes, text_bytes): (usize, usize) = (title_bytes.parse().ok()?, text_bytes.parse().ok()?);
        let (title, rest) = (rest.get(..title_bytes)?, rest.get(title_bytes..)?.strip_prefix('|')?);
        Some((title, rest.get(..text_bytes)?, rest.get(text_bytes..)?))
    };
    let (title, text, rest) = parts().ok_or(LineError::BadEvent)?;
    if title.is_empty() {
        return Err(LineError::BadEvent);
    }
    let mut event = Event { title, text, ..Event::default() };
    let mut rest = match rest.strip_prefix('|') {
        Some(fields) => Some(fields),
        None if rest.is_empty() => None,
        None => return Err(LineError::BadEvent),
    };
    while let Some(fields) = rest {
        let (field, after) = split_field(fields);
        rest = after;
        if let Some(tags) = field.strip_prefix('#') {
            event.tags = tags;
            continue;
        }
        match field.split_once(':') {
            Some(("d", time)) => event.time_s = Some(seconds(time)?),
            Some(("h", host)) => event.host = Some(host),
            Some(("k", key)) => event.key = Some(key),
            Some(("p", priority)) => event.priority = Some(priority),
            Some(("s", source)) => event.source = Some(source),
            Some(("t", level)) => event.level = Some(level),
            _ => {}
        }
    }
    Ok(event)
}

fn check(rest: &str) -> Result<Check<'_>, LineError> {
    let (name, rest) = rest.split_once('|').ok_or(LineError::BadCheck)?;
    let (status, mut rest) = split_field(rest);
    let status = match status {
        "0" => 0,
        "1" => 1,
        "2" => 2,
        "3" => 3,
        _ => return Err(LineError::BadCheck),
    };
    if name.is_empty() {
        return Err(LineError::BadCheck);
    }
    let mut check = Check { name, status, ..Check::default() };
    while let Some(fields) = rest {
        // The message is the last field, and may hold anything.
        if let Some(message) = fields.strip_prefix("m:") {
            check.message = Some(message);
            break;
        }
        let (field, after) = split_field(fields);
        rest = after;
        match field.split_once(':') {
            _ if field.starts_with('#') => check.tags = &field[1..],
            Some(("d", time)) => check.time_s = Some(seconds(time)?),
            Some(("h", host)) => check.host = Some(host),
            _ => {}
        }
    }
    Ok(check)
}

/// The text up to the next `|`, and what is after it if there is one.
fn split_field(text: &str) -> (&str, Option<&str>) {
    match text.split_once('|') {
        Some((field, rest)) => (field, Some(rest)),
        None => (text, None),
    }
}

fn rate(text: &str) -> Result<f64, LineError> {
    text.parse().ok().filter(|rate| *rate > 0.0 && *rate <= 1.0).ok_or(LineError::BadRate)
}

fn seconds(text: &str) -> Result<i64, LineError> {
    text.parse().ok().filter(|seconds| *seconds > 0).ok_or(LineError::BadTime)
}

/// One value as a number.
pub(super) fn number(text: &str) -> Result<f64, LineError> {
    text.parse().ok().filter(|value: &f64| value.is_finite()).ok_or(LineError::BadValue)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric_of(line: &str) -> Metric<'_> {
        match parse(line.as_bytes()) {
            Ok(Line::Metric(metric)) => metric,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn every_field_of_a_metric_is_read() {
        let metric = metric_of(
            "a.b:1.5:2:-3|d|@0.5|#index:faq,bare|c:ci-abc|T1700000000|e:it-false,cn-x|card:low|z:later",
        );
        assert_eq!((metric.name, metric.values, metric.rate), ("a.b", "1.5:2:-3", 0.5));
        assert_eq!((metric.kind, metric.tags), (MetricType::Distribution, "index:faq,bare"));
        assert_eq!(metric.time_s, Some(1_700_000_000));
    }

    #[test]
    fn a_member_of_a_set_may_hold_colons() {
        assert_eq!(metric_of("users:a:b|s").values, "a:b");
    }

    #[test]
    fn every_field_of_an_event_is_read() {
        let line = "_e{6,9}:Grüß|a\\n|b ünd|d:1700000000|h:box|k:key|p:low|s:src|t:error|#a:b,c|c:ci-1";
        let line = line.replace("_e{6,9}", &format!("_e{{{},{}}}", "Grüß".len(), "a\\n|b ünd".len()));
        let Ok(Line::Event(event)) = parse(line.as_bytes()) else { panic!("{:?}", parse(line.as_bytes())) };
        assert_eq!((event.title, event.text, event.tags), ("Grüß", "a\\n|b ünd", "a:b,c"));
        assert_eq!((event.host, event.key, event.priority), (Some("box"), Some("key"), Some("low")));
        assert_eq!(
            (event.source, event.level, event.time_s),
            (Some("src"), Some("error"), Some(1_700_000_000))
        );
    }

    #[test]
    fn every_field_of_a_check_is_read_and_the_message_may_hold_bars() {
        let Ok(Line::Check(check)) = parse(b"_sc|db.up|2|d:1700000000|h:box|#a:b|m:no | answer") else {
            panic!()
        };
        assert_eq!((check.name, check.status, check.host), ("db.up", 2, Some("box")));
        assert_eq!((check.tags, check.message), ("a:b", Some("no | answer")));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, reason) in [
            ("abc", "bad_metric"),
            (":1|c", "bad_metric"),
            ("a:1", "bad_metric"),
            ("a|b:1|c", "bad_metric"),
            ("a:|c", "bad_value"),
            ("a:1|q", "bad_type"),
            ("a:1|c|@0", "bad_rate"),
            ("a:1|c|@1.5", "bad_rate"),
            ("a:1|c|@x", "bad_rate"),
            ("a:1|c|T0", "bad_time"),
            ("a:1|c|Tx", "bad_time"),
            ("_e{5,1}:abc|d", "bad_event"),
            ("_e{3,1}:abc|de", "bad_event"),
            ("_e{0,1}:|d", "bad_event"),
            ("_e{99999999999999999999,1}:a|d", "bad_event"),
            ("_sc|a|4", "bad_check"),
            ("_sc||0", "bad_check"),
        ] {
            assert_eq!(parse(line.as_bytes()).map_err(LineError::reason), Err(reason), "{line}");
        }
        assert_eq!(parse(b"a\xff:1|c"), Err(LineError::NotUtf8));
        assert_eq!(number("NaN"), Err(LineError::BadValue));
        assert_eq!(number("inf"), Err(LineError::BadValue));
    }
}
