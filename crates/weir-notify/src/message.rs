//! What there is to say about a notice, in words that every receiver's form is made of.

use std::fmt::Write as _;
use std::sync::Arc;

use jiff::Timestamp;
use weir_types::{AlertState, Notice, NoticeKind, UnixMicros};

/// Notices that one message tells one by one; the rest is counted.
pub(crate) const SHOWN_MAX: usize = 10;

/// Characters of a monitor's message that are told.
const TEXT_CHARS_MAX: usize = 2_000;

/// Lines of details that are told, and characters of each.
const DETAILS_MAX: usize = 12;
const DETAIL_CHARS_MAX: usize = 300;

/// Traces that are linked.
const TRACES_MAX: usize = 3;

/// What one delivery tells.
pub(crate) struct Message<'a> {
    pub(crate) delivery: &'a str,
    pub(crate) receiver: &'a str,
    pub(crate) created_at: UnixMicros,
    /// Whether the receiver has heard of it before.
    pub(crate) is_repeat: bool,
    /// At least one.
    pub(crate) notices: Vec<&'a Notice>,
    /// Where the dashboard is, without a slash at the end.
    pub(crate) base_url: &'a str,
}

impl<'a> Message<'a> {
    /// The notices as they are said.
    pub(crate) fn items(&self) -> impl Iterator<Item = Item<'a>> {
        let (base_url, is_repeat) = (self.base_url, self.is_repeat);
        self.notices.iter().map(move |notice| Item { notice, base_url, is_repeat })
    }

    /// One line: the only alert, or how many there are of what.
    pub(crate) fn title(&self) -> String {
        if let [only] = &self.notices[..] {
            return Item { notice: only, base_url: self.base_url, is_repeat: self.is_repeat }.title();
        }
        let mut monitors: Vec<&str> = self.notices.iter().map(|notice| &*notice.transition.monitor).collect();
        monitors.sort_unstable();
        monitors.dedup();
        let firing = self.notices.iter().filter(|notice| notice.transition.to != AlertState::Ok).count();
        let worst = self.notices.iter().map(|notice| notice.transition.to).max().unwrap_or_default();
        let names = if monitors.len() > 3 {
            format!("{} and {} more", monitors[..2].join(", "), monitors.len() - 2)
        } else {
            monitors.join(", ")
        };
        let resolved = self.notices.len() - firing;
        let counts = match (firing, resolved) {
            (firing, 0) => format!("{firing} firing"),
            (0, resolved) => format!("{resolved} resolved"),
            (firing, resolved) => format!("{firing} firing, {resolved} resolved"),
        };
        format!("[{}] {names}: {counts}", state_word(worst))
    }

    /// What is said about the notices that are not shown; empty when all are.
    pub(crate) fn rest(&self) -> String {
        match self.notices.len().saturating_sub(SHOWN_MAX) {
            0 => String::new(),
            more => format!("and {more} more: {}", self.base_url),
        }
    }
}

/// One notice, as it is said.
#[derive(Clone, Copy)]
pub(crate) struct Item<'a> {
    pub(crate) notice: &'a Notice,
    base_url: &'a str,
    is_repeat: bool,
}

impl Item<'_> {
    /// `[ALERT] p95-latency-per-model model:gpt-4o`.
    pub(crate) fn title(&self) -> String {
        let transition = &self.notice.transition;
        let group = self.group();
        let space = if group.is_empty() { "" } else { " " };
        format!("[{}] {}{space}{group}", self.state(), transition.monitor)
    }

    /// `ALERT`, `STILL ALERT`, `OK`.
    pub(crate) fn state(&self) -> String {
        let word = state_word(self.notice.transition.to);
        let is_repeat = self.is_repeat || self.notice.kind == NoticeKind::Repeat;
        if is_repeat && !self.is_over() { format!("STILL {word}") } else { word.to_owned() }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.notice.transition.to == AlertState::Ok
    }

    /// `model:gpt-4o team:payments`; empty where the monitor does not group.
    pub(crate) fn group(&self) -> String {
        let pairs = self.notice.transition.group.iter().map(|(key, value)| format!("{key}:{value}"));
        pairs.collect::<Vec<_>>().join(" ")
    }

    /// What the monitor says.
    pub(crate) fn text(&self) -> String {
        cut(&self.notice.transition.message, TEXT_CHARS_MAX)
    }

    /// Names and values of what is known, for tables: value, threshold, since, and the like.
    pub(crate) fn facts(&self) -> Vec<(&'static str, String)> {
        let judgement = &self.notice.transition.judgement;
        let unit = &*self.notice.unit;
        let mut facts = Vec::new();
        let mut add = |name, value: Option<f64>| {
            if let Some(value) = value {
                facts.push((name, with_unit(value, unit)));
            }
        };
        add("Value", judgement.value);
        add("Baseline", judgement.baseline);
        // An anomaly's threshold is a share of points, and says nothing beside the band.
        if judgement.baseline.is_none() {
            add("Threshold", judgement.threshold);
        }
        if let (Some(lower), Some(upper)) = (judgement.lower, judgement.upper) {
            facts.push(("Expected", format!("{} to {}", with_unit(lower, unit), with_unit(upper, unit))));
        }
        facts.push(("Since", time_text(self.notice.since)));
        if self.is_over() {
            facts.push(("Over", time_text(self.notice.transition.at)));
        }
        if self.notice.is_catching_up {
            facts.push(("Note", "found while Weir caught up after it had been away".to_owned()));
        }
        facts
    }

    pub(crate) fn details(&self) -> impl Iterator<Item = String> {
        self.notice.transition.details.iter().take(DETAILS_MAX).map(|line| cut(line, DETAIL_CHARS_MAX))
    }

    /// Where the dashboard shows it.
    pub(crate) fn url(&self) -> String {
        format!("{}{}", self.base_url, self.notice.path)
    }

    /// Ids of traces that show it, and where.
    pub(crate) fn traces(&self) -> impl Iterator<Item = (String, String)> {
        let ids = self.notice.transition.exemplars.iter().take(TRACES_MAX);
        let at = self.notice.score.as_ref().map(|score| format!("?score={score}")).unwrap_or_default();
        ids.map(move |id| (id.to_string(), format!("{}/traces/{id}{at}", self.base_url)))
    }

    /// Everything as plain lines.
    pub(crate) fn plain(&self) -> String {
        let mut text = self.title();
        for line in std::iter::once(self.text()).filter(|text| !text.is_empty()) {
            let _ = write!(text, "\n{line}");
        }
        for (name, value) in self.facts() {
            let _ = write!(text, "\n{name}: {value}");
        }
        for line in self.details() {
            let _ = write!(text, "\n{line}");
        }
        let _ = write!(text, "\n{}", self.url());
        for (_, url) in self.traces() {
            let _ = write!(text, "\nTrace: {url}");
        }
        text
    }
}

/// `ALERT`, `WARN`, `NO DATA`, `OK`.
pub(crate) fn state_word(state: AlertState) -> &'static str {
    match state {
        AlertState::Ok => "OK",
        AlertState::NoData => "NO DATA",
        AlertState::Warn => "WARN",
        AlertState::Alert => "ALERT",
    }
}

/// At most so many characters, with an ellipsis in place of what is cut.
pub(crate) fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text.to_owned(),
        Some(_) => text.chars().take(chars_max.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// An instant as RFC 3339 to the second.
pub(crate) fn time_text(at: UnixMicros) -> String {
    Timestamp::from_second(at.0.div_euclid(UnixMicros::SECOND))
        .map_or_else(|_| "?".to_owned(), |t| t.to_string())
}

/// A number in its unit: `5.34%`, `12500 ms`, `$3.20`.
pub(crate) fn with_unit(value: f64, unit: &str) -> String {
    match unit {
        "ratio" => format!("{}%", number(value * 100.0)),
        "percent" => format!("{}%", number(value)),
        "ms" => format!("{} ms", number(value)),
        "tokens" => format!("{} tokens", number(value)),
        "usd" if value < 0.0 => format!("-${}", money(-value)),
        "usd" => format!("${}", money(value)),
        "per_second" => format!("{}/s", number(value)),
        _ => number(value),
    }
}

fn money(value: f64) -> String {
    if value < 0.01 && value > 0.0 { format!("{value:.6}") } else { format!("{value:.2}") }
}

/// At most two decimals, and of small numbers four significant digits.
fn number(value: f64) -> String {
    if !value.is_finite() {
        return value.to_string();
    }
    let text = if value != 0.0 && value.abs() < 1.0 {
        #[expect(clippy::cast_possible_truncation, reason = "the logarithm of a finite number is small")]
        let leading_zeros = (-value.abs().log10()).floor() as i32;
        let decimals = usize::try_from(leading_zeros + 4).unwrap_or(4).min(12);
        format!("{value:.decimals$}")
    } else {
        format!("{value:.2}")
    };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A notice such as receivers get to try them out.
pub(crate) fn sample(now: UnixMicros) -> Notice {
    let text = |text: &str| Arc::<str>::from(text);
    Notice {
        id: text("sample"),
        alert_id: Arc::from(format!("sample-{}", now.0)),
        kind: NoticeKind::Trigger,
        transition: weir_types::Transition {
            monitor: text("notify-test"),
            revision: text(""),
            group: [("model", "gpt-4o")].into_iter().collect(),
            seq: 1,
            alert_id: Arc::from(format!("sample-{}", now.0)),
            at: now,
            from: AlertState::Ok,
            to: AlertState::Warn,
            reason: weir_types::TransitionReason::Crossed,
            judgement: weir_types::Judgement {
                value: Some(6_200.0),
                threshold: Some(5_000.0),
                samples: 120,
                ..weir_types::Judgement::default()
            },
            message: text("This is a test of the receiver. Nothing is wrong."),
            exemplars: Vec::new(),
            details: vec![text("It was sent by hand, to see that messages arrive.")],
        },
        since: now,
        unit: text("ms"),
        labels: weir_types::Tags::new(),
        notify: Vec::new(),
        path: text("/monitors"),
        score: None,
        is_catching_up: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_in_their_unit() {
        for (value, unit, expected) in [
            (0.0534, "ratio", "5.34%"),
            (0.0, "ratio", "0%"),
            (31.456, "percent", "31.46%"),
            (12_500.0, "ms", "12500 ms"),
            (3.2, "usd", "$3.20"),
            (-3.2, "usd", "-$3.20"),
            (0.000_123, "usd", "$0.000123"),
            (0.123_456, "none", "0.1235"),
            (0.000_012_345_6, "none", "0.00001235"),
            (1_200.0, "tokens", "1200 tokens"),
            (f64::INFINITY, "none", "inf"),
        ] {
            assert_eq!(with_unit(value, unit), expected);
        }
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        assert_eq!(cut("größer", 6), "größer");
        assert_eq!(cut("größer", 4), "grö…");
    }
}
