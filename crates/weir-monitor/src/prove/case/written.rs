//! The keys of a file of tests, as TOML has them. Spans are kept, so that whatever does not hold is told with its line.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileText {
    #[serde(default)]
    pub(super) monitors: Vec<String>,
    #[serde(default)]
    pub(super) start: Option<Datetime>,
    #[serde(default)]
    pub(super) tz: Option<String>,
    #[serde(default)]
    pub(super) tests: Vec<CaseText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseText {
    pub(super) name: Spanned<String>,
    pub(super) monitor: Spanned<String>,
    #[serde(default)]
    pub(super) start: Option<Datetime>,
    #[serde(default)]
    pub(super) tz: Option<String>,
    #[serde(default)]
    pub(super) history: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) until: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) series: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    pub(super) expect: BTreeMap<String, Spanned<Vec<String>>>,
    #[serde(default)]
    pub(super) notifications: Option<Vec<Spanned<NotificationText>>>,
    #[serde(default)]
    pub(super) faults: Vec<Spanned<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NotificationText {
    #[serde(default)]
    pub(super) at: Option<String>,
    #[serde(default)]
    pub(super) kind: Option<String>,
    #[serde(default)]
    pub(super) text: Option<String>,
}

/// The line, counted from one, that holds a place of a text.
pub(super) fn line_of(text: &str, place: usize) -> usize {
    1 + text.bytes().take(place).filter(|byte| *byte == b'\n').count()
}
