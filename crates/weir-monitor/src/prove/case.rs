//! Files of tests, as they are meant.
//!
//! Every expectation knows its line. A file with a mistake is refused whole, with the line, the test and the part that is
//! wrong, because a test that is read otherwise than it was meant proves nothing.

mod instant;
mod written;

use std::sync::Arc;

use toml::Spanned;
use weir_query::Zone;
use weir_types::{CellKey, Event, TagKey, Tags, UnixMicros, metric};

use super::expect::{ExpectedState, When};
use super::script::{Clock, minutes};
use crate::error::MonitorError;
use instant::instant;
use written::{CaseText, FileText, NotificationText, line_of};

/// Midnight before a Monday, when nothing else is said.
const START: UnixMicros = UnixMicros(1_772_409_600 * UnixMicros::SECOND);

/// What late values wait when a fault says how long.
const LATE_MINUTES_MAX: i64 = 24 * 60;

/// The kinds of notifications, as tests name them.
pub(super) const KINDS: [&str; 4] = ["trigger", "improve", "recover", "repeat"];

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
    pub(super) line: usize,
    pub(super) monitor: String,
    /// The line that names the monitor.
    pub(super) monitor_line: usize,
    pub(super) start: UnixMicros,
    /// How many minutes of the series lie before the start.
    pub(super) history: i64,
    pub(super) series: Vec<Series>,
    /// How many ticks there are.
    pub(super) ticks: i64,
    pub(super) expected: Vec<ExpectedGroup>,
    pub(super) notifications: Option<Vec<ExpectedNotification>>,
    pub(super) faults: Vec<Fault>,
}

/// What one series sees, from the beginning of the history on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    pub(super) key: CellKey,
    pub(super) minutes: Vec<Vec<f64>>,
}

/// The states that a group should have.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ExpectedGroup {
    /// The group as it is written; `*` is any group.
    pub(super) group: String,
    pub(super) states: Vec<ExpectedState>,
    /// The states as they are written.
    pub(super) text: String,
    pub(super) line: usize,
}

/// Something that people should hear.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ExpectedNotification {
    pub(super) when: Option<When>,
    /// One of [`KINDS`].
    pub(super) kind: Option<String>,
    pub(super) text: Option<String>,
    /// When it should come, as it is written.
    pub(super) at: Option<String>,
    pub(super) line: usize,
}

/// Something that goes wrong, and should change nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Weir stops after so many ticks and starts again from what it kept.
    Restart { tick: i64 },
    /// Values of the so many minutes from one on come so many minutes late.
    Late { from: i64, by: i64 },
}

/// A mistake in one test, and where it is.
type Mistake = (usize, String);

impl TestFile {
    /// Reads a file of `[[tests]]`.
    pub fn read(file: &str, text: &str) -> Result<Self, MonitorError> {
        let error = |message: String| MonitorError::File { file: file.to_owned(), message };
        let parsed: FileText = toml::from_str(text).map_err(|problem| error(problem.to_string()))?;
        let FileText { monitors, start, tz, tests } = parsed;
        let mut cases: Vec<Case> = Vec::new();
        for test in tests {
            let (name, line) = (test.name.get_ref().clone(), line_of(text, test.name.span().start));
            let told = |line: usize, message: String| MonitorError::File {
                file: format!("{file}:{line}"),
                message: format!("test \"{name}\": {message}"),
            };
            if let Some(known) = cases.iter().find(|case| case.name == name) {
                return Err(told(line, format!("the test of line {} has the same name", known.line)));
            }
            let reader = Reader { text, zone: None, line };
            let case = reader.case(test, start, tz.as_deref());
            cases.push(case.map_err(|(line, message)| told(line, message))?);
        }
        Ok(Self { name: file.to_owned(), monitors, cases })
    }
}

/// Reads one test.
struct Reader<'a> {
    text: &'a str,
    zone: Option<Zone>,
    /// The line of its name, for mistakes that have no place of their own.
    line: usize,
}

impl Reader<'_> {
    fn line<T>(&self, spanned: &Spanned<T>) -> usize {
        line_of(self.text, spanned.span().start)
    }

    fn case(
        mut self,
        text: CaseText,
        start: Option<toml::value::Datetime>,
        tz: Option<&str>,
    ) -> Result<Case, Mistake> {
        let own = |message: String| (self.line, message);
        let zone = Zone::named(text.tz.as_deref().or(tz)).map_err(|error| own(error.to_string()))?;
        let start = text.start.or(start).map_or(Ok(START), |start| instant(&start, &zone)).map_err(own)?;
        let history = self.length(text.history.as_ref())?.unwrap_or(0);
        let until = self.length(text.until.as_ref())?;
        let clock = Clock { start: start.saturating_add_us(-history * UnixMicros::MINUTE), zone: &zone };
        let mut series = Vec::new();
        for (key, script) in &text.series {
            let read = || Ok(Series { key: series_key(key)?, minutes: minutes(script.get_ref(), &clock)? });
            let read: Result<Series, String> = read();
            series.push(read.map_err(|error| (self.line(script), format!("series {key}: {error}")))?);
        }
        let longest = series.iter().map(|series| series.minutes.len()).max().unwrap_or(0);
        let ticks = until.unwrap_or_else(|| i64::try_from(longest).unwrap_or(i64::MAX) - history);
        if ticks <= 0 {
            let what = "there is nothing to judge: it has no series that go on after its start";
            return Err(own(format!("{what}, and `until` does not say how long it is")));
        }
        self.zone = Some(zone);
        Ok(Case {
            expected: self.expected(&text)?,
            notifications: self.notifications(&text)?,
            faults: self.faults(&text)?,
            line: self.line,
            monitor_line: self.line(&text.monitor),
            name: text.name.into_inner(),
            monitor: text.monitor.into_inner(),
            start,
            history,
            series,
            ticks,
        })
    }

    /// A length of time in minutes.
    fn length(&self, text: Option<&Spanned<String>>) -> Result<Option<i64>, Mistake> {
        let read =
            |text: &Spanned<String>| minutes_of(text.get_ref()).map_err(|error| (self.line(text), error));
        text.map(read).transpose()
    }

    fn expected(&self, text: &CaseText) -> Result<Vec<ExpectedGroup>, Mistake> {
        let expected = text.expect.iter().map(|(group, states)| {
            let line = self.line(states);
            let read = states.get_ref().iter().map(|state| ExpectedState::parse(state));
            let read = read.collect::<Result<Vec<_>, String>>();
            let told = read.map_err(|error| (line, format!("expect: {error}")))?;
            Ok(ExpectedGroup { group: group.clone(), states: told, text: states.get_ref().join(", "), line })
        });
        expected.collect()
    }

    fn notifications(&self, text: &CaseText) -> Result<Option<Vec<ExpectedNotification>>, Mistake> {
        let Some(expected) = &text.notifications else { return Ok(None) };
        let read = expected.iter().map(|spanned| {
            let line = self.line(spanned);
            let NotificationText { at, kind, text } = spanned.get_ref().clone();
            let when = at.as_deref().map(When::parse).transpose();
            let when = when.map_err(|error| (line, format!("notifications: {error}")))?;
            if let Some(kind) = kind.as_deref().filter(|kind| !KINDS.contains(kind)) {
                let known = KINDS.join(", ");
                let message = format!("notifications: `{kind}` is no kind; there are {known}");
                return Err((line, message));
            }
            Ok(ExpectedNotification { when, kind, text, at, line })
        });
        read.collect::<Result<Vec<_>, Mistake>>().map(Some)
    }

    fn faults(&self, text: &CaseText) -> Result<Vec<Fault>, Mistake> {
        let read = |fault: &Spanned<String>| {
            Fault::parse(fault.get_ref()).map_err(|error| (self.line(fault), error))
        };
        text.faults.iter().map(read).collect()
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
    let name = metric::canonical_metric(name.trim());
    if name == metric::EVENTS {
        let words = Event::words(set.get("title").unwrap_or_default(), set.get("text").unwrap_or_default());
        set.set(TagKey::new("words"), words);
    }
    Ok(CellKey { metric: Arc::from(name), tags: set })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_name_the_file_the_line_and_the_test() {
        let head = "[[tests]]\nname = 'a'\nmonitor = 'm'\n";
        for (text, wrong) in [
            ("series = { m = '1 x' }", "x.toml:4: test \"a\": series m: `x`"),
            ("series = { 'm{a}' = '1' }", "x.toml:4: test \"a\": series m{a}: tag `a` has no value"),
            ("", "x.toml:2: test \"a\": there is nothing to judge"),
            ("history = '2m'\nseries = { m = '1 2' }", "x.toml:2: test \"a\": there is nothing to judge"),
            ("until = 'soon'", "x.toml:4: test \"a\": `soon` is no length"),
            ("until = '5m'\nexpect = { '' = ['BAD'] }", "x.toml:5: test \"a\": expect: `BAD` is no state"),
            ("until = '5m'\nfaults = [\n  'fire@3m']", "x.toml:6: test \"a\": fault `fire@3m`"),
            ("until = '5m'\n[[tests.notifications]]\nkind = 'x'", "notifications: `x` is no kind"),
            (
                "until = '5m'\n[[tests]]\nname = 'a'\nmonitor = 'm'",
                "x.toml:6: test \"a\": the test of line 2",
            ),
            ("monitr = 'm'", "unknown field `monitr`"),
        ] {
            let text = format!("{head}{text}");
            let error = TestFile::read("x.toml", &text).expect_err(&text).to_string();
            assert!(error.contains(wrong), "{error}");
        }
    }
}
