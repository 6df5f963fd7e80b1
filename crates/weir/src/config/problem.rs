//! What is wrong with a configuration, told so that it can be mended: file, line, key, what was found and expected.

use std::fmt;
use std::ops::Range;

use super::Source;

/// Keys whose values are secrets.
const SECRET_KEYS: [&str; 5] = ["api_key", "admin_token", "routing_key", "token", "password"];

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where in the text, in bytes; `None` when the mistake is something that is missing from the whole.
    pub place: Option<Range<usize>>,
    /// The key, as a path: `providers.openai.base_url`.
    pub key: String,
    /// What was found and what was expected.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    /// A mistake at a place.
    pub fn at(place: Range<usize>, key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: Some(place), key: key.into(), message: message.into(), hint: None }
    }

    /// The same with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// All mistakes of one file, in the order of their places.
#[derive(Debug)]
pub struct Problems {
    source_name: String,
    text: String,
    list: Vec<Problem>,
}

impl Problems {
    pub(super) fn new(source: &Source, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.place.as_ref().map_or(usize::MAX, |place| place.start));
        Self { source_name: source.name(), text: source.text.clone(), list: problems }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.list.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            self.show(f, problem)?;
        }
        Ok(())
    }
}

impl Problems {
    /// A secret that was written into the file by mistake must not go into a log from here.
    fn is_secret(problem: &Problem) -> bool {
        let key = &problem.key;
        // The URL of a webhook is one too.
        let is_of_receiver = key.starts_with("receivers[")
            && (key.rsplit('.').next() == Some("url") || key.contains(".signing_secrets"));
        is_of_receiver || SECRET_KEYS.iter().any(|name| key.ends_with(name))
    }

    /// `weir.toml:12: providers.openai.base_url: …`, then the line with the place marked, then the hint.
    fn show(&self, f: &mut fmt::Formatter<'_>, problem: &Problem) -> fmt::Result {
        let key = if problem.key.is_empty() { String::new() } else { format!("{}: ", problem.key) };
        match &problem.place {
            None => writeln!(f, "{}: {key}{}", self.source_name, problem.message)?,
            Some(place) => {
                let start = floor_char_boundary(&self.text, place.start);
                let line_start = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
                let line = self.text[line_start..].lines().next().unwrap_or_default();
                let number = self.text[..line_start].matches('\n').count() + 1;
                let column = self.text[line_start..start].chars().count();
                let end = floor_char_boundary(
                    &self.text,
                    place.end.clamp(start, line_start + line.len()).max(start),
                );
                let width = self.text[start..end].chars().count().max(1);
                let line =
                    if Self::is_secret(problem) { line.split('=').next().unwrap_or_default() } else { line };
                let gutter = " ".repeat(number.to_string().len());
                writeln!(f, "{}:{number}: {key}{}", self.source_name, problem.message)?;
                writeln!(
                    f,
                    "{gutter} |\n{number} | {line}\n{gutter} | {}{}",
                    " ".repeat(column),
                    "^".repeat(width)
                )?;
            }
        }
        problem.hint.iter().try_for_each(|hint| writeln!(f, "  hint: {hint}"))
    }
}

fn floor_char_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
