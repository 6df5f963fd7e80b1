//! An event: something that happened once.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{TagKey, Tags, UnixMicros, metric};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventLevel {
    /// Good news.
    Success,
    /// Worth knowing.
    Info,
    /// Worth a look.
    Warning,
    /// Needs a person.
    Error,
}

impl EventLevel {
    /// How it is written wherever it is a text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Something that happened once: a deployment, a price change, a warning that a client sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When it happened.
    pub time: UnixMicros,
    /// One line.
    pub title: Arc<str>,
    /// The rest.
    pub text: Arc<str>,
    /// How bad it is.
    pub level: EventLevel,
    /// Who says so: `weir`, `dogstatsd`, …
    pub source: Arc<str>,
    /// Tags.
    pub tags: Tags,
}

impl Event {
    /// The tags of the series that the event is counted in: its own, and those of [`metric::EVENT_TAGS`] over them.
    pub fn series(&self) -> Tags {
        let mut tags = self.tags.clone();
        let values: [Arc<str>; metric::EVENT_TAGS.len()] = [
            Arc::from(self.level.as_str()),
            Arc::clone(&self.source),
            Arc::clone(&self.title),
            Arc::from(Self::words(&self.title, &self.text)),
        ];
        for (key, value) in metric::EVENT_TAGS.into_iter().zip(values) {
            tags.set(TagKey::new(key), value);
        }
        tags
    }

    /// What a search for words looks at: title and text in small letters, each word between single spaces. ASCII's
    /// punctuation parts words, and only ASCII's letters have small ones, so that a store can say the same in its own language.
    pub fn words(title: &str, text: &str) -> String {
        let mut words = String::with_capacity(title.len() + text.len() + 3);
        words.push(' ');
        words.push_str(&Self::normalised(&format!("{title} {text}")));
        words.push(' ');
        words
    }

    /// Words as [`Event::words`] has them, without a space at either end.
    pub fn normalised(text: &str) -> String {
        let mut words = String::with_capacity(text.len());
        let parted = text.split(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric() && c != '_');
        for word in parted.filter(|word| !word.is_empty()) {
            if !words.is_empty() {
                words.push(' ');
            }
            words.push_str(&word.to_ascii_lowercase());
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_small_and_stand_between_single_spaces() {
        assert_eq!(Event::words("Prompt  injection!", "(score_v2: 0.9)"), " prompt injection score_v2 0 9 ");
        assert_eq!(Event::words("Über", ""), " Über ", "letters beyond ASCII stay as they are");
        assert_eq!(Event::words("", "…?"), " … ");
        assert_eq!(Event::words("", ""), "  ");
    }

    #[test]
    fn what_every_event_has_holds_over_tags_of_that_name() {
        let event = Event {
            time: UnixMicros(0),
            title: Arc::from("Deployed"),
            text: Arc::from("v2"),
            level: EventLevel::Info,
            source: Arc::from("ci"),
            tags: [("source", "me"), ("team", "a")].into_iter().collect(),
        };
        let series = event.series();
        assert_eq!((series.get("source"), series.get("team")), (Some("ci"), Some("a")));
        assert_eq!((series.get("level"), series.get("words")), (Some("info"), Some(" deployed v2 ")));
    }
}
