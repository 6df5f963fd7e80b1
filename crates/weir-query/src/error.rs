//! What is wrong with a query, and where.
//!
//! A query is text that a person wrote, so an error names the place (a byte range of the text), what is wrong there,
//! and what would be right. [`QueryError::render`] draws it for a terminal or an editor. Building an error has no side
//! effect, and no error text holds more of the query than the name or number that it is about.

use std::fmt::Write as _;
use std::ops::Range;

use weir_types::ScanError;

/// Which kind of mistake an error is; callers choose a status or a colour by it, people read the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QueryErrorKind {
    /// The text does not follow the grammar.
    Syntax,
    /// A function, metric, tag or unit that does not exist.
    Name,
    /// The number or the kind of a function's arguments.
    Argument,
    /// Units that do not go together.
    Unit,
    /// Groups that cannot be joined.
    Grouping,
    /// The time range, the step or the time zone.
    Range,
    /// Larger than a named limit allows.
    Limit,
    /// The store took too long.
    Timeout,
    /// The store failed: not the query's fault.
    Store,
}

/// Why a query was refused or failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct QueryError {
    /// Which kind of mistake it is.
    pub kind: QueryErrorKind,
    /// What is wrong, in lower case, without the place.
    pub message: String,
    /// The bytes of the query that it is about; empty at the end of the text when something is missing there.
    pub span: Range<usize>,
    /// What would be right, where that can be said.
    pub hint: Option<String>,
}

impl QueryError {
    pub(crate) fn new(kind: QueryErrorKind, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), span, hint: None }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn with_hint_if(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }

    /// A failure of the store while it answered the part of the query at `span`.
    pub(crate) fn of_scan(error: &ScanError, span: Range<usize>) -> Self {
        let kind = match error {
            ScanError::TagNotInCells { .. } => QueryErrorKind::Name,
            ScanError::TooManyRows { .. } => QueryErrorKind::Limit,
            ScanError::TimedOut { .. } => QueryErrorKind::Timeout,
            ScanError::Store(_) => QueryErrorKind::Store,
        };
        Self::new(kind, span, error.to_string())
    }

    /// The error as text of several lines: the message, the line of the query with carets under the place, the hint.
    /// `source` is the text that was parsed; a place outside of it is drawn at its end.
    pub fn render(&self, source: &str) -> String {
        let start = floor_to_char(source, self.span.start);
        let end = floor_to_char(source, self.span.end).max(start);
        let line_start = source[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = source[start..].find('\n').map_or(source.len(), |at| start + at);
        let line_number = source[..line_start].matches('\n').count() + 1;
        let column = source[line_start..start].chars().count();
        let width = source[start..end.min(line_end)].chars().count().max(1);

        let label = line_number.to_string();
        let margin = " ".repeat(label.len());
        let shown: String = source[line_start..line_end].chars().map(printable).collect();
        let mut text = format!("error: {}\n", self.message);
        let _ = writeln!(text, "{margin} |");
        let _ = writeln!(text, "{label} | {shown}");
        let _ = writeln!(text, "{margin} | {}{}", " ".repeat(column), "^".repeat(width));
        if let Some(hint) = &self.hint {
            let _ = writeln!(text, "{margin} = hint: {hint}");
        }
        text
    }
}

/// The last character boundary at or before `at`.
fn floor_to_char(source: &str, at: usize) -> usize {
    let mut at = at.min(source.len());
    while !source.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Control characters (tabs among them) would move the caret, so each is drawn as one space.
fn printable(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}
