//! A place in the text of a condition, moved on word by word. Expressions are read by the query language.

use std::ops::Range;

use weir_query::{
    Expr, ExprKind, Number, Prefix, QueryError, QueryErrorKind, Suffix, check_time_zone, parse_prefix,
};

use super::{Comparison, Hinted as _, located, syntax};

/// The most microseconds that a length of time may have: 400 days, for which cells are kept.
const LENGTH_US_MAX: f64 = 400.0 * 86_400e6;

/// What a condition may compare with.
const COMPARISONS: &str = "values are compared with >, >=, < or <=";

#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// Where the next thing starts.
    pub(super) fn place(&self) -> usize {
        self.at + self.text[self.at..].len() - self.rest().len()
    }

    /// The character that is next; empty at the end.
    pub(super) fn here(&self) -> Range<usize> {
        let start = self.place();
        start..start + self.rest().chars().next().map_or(0, char::len_utf8)
    }

    /// What is left, without white space before it.
    pub(super) fn rest(&self) -> &'a str {
        self.text[self.at..].trim_start()
    }

    pub(super) fn at_end(&self) -> bool {
        self.rest().is_empty()
    }

    /// Moves on to a byte of the text.
    pub(super) fn jump(&mut self, at: usize) {
        self.at = at;
    }

    /// The next word: letters, digits, `_` and `-`.
    pub(super) fn peek_word(&self) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').unwrap_or(rest.len());
        &rest[..length]
    }

    /// Takes the next word, which may be empty.
    pub(super) fn word(&mut self) -> (&'a str, Range<usize>) {
        let (start, word) = (self.place(), self.peek_word());
        self.at = start + word.len();
        (word, start..self.at)
    }

    /// Takes a text if it is next.
    pub(super) fn take(&mut self, wanted: &str) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at = self.place() + wanted.len();
        }
        found
    }

    /// Takes the text that must be next; `what` says where, for the error.
    pub(super) fn expect(&mut self, wanted: &str, what: &str) -> Result<(), QueryError> {
        if self.take(wanted) {
            return Ok(());
        }
        Err(self.unexpected(&format!("expected `{wanted}` {what}")))
    }

    /// An error about what is next.
    pub(super) fn unexpected(&self, message: &str) -> QueryError {
        let start = self.place();
        let word = self.peek_word();
        let found = match (word, self.rest().chars().next()) {
            ("", None) => "the end".to_owned(),
            ("", Some(c)) => format!("`{c}`"),
            (word, _) => format!("`{}`", shown(word)),
        };
        let length = word.len().max(self.rest().chars().next().map_or(0, char::len_utf8));
        syntax(start..start + length, format!("{message}, found {found}"))
    }

    pub(super) fn expect_end(&self) -> Result<(), QueryError> {
        if self.at_end() {
            return Ok(());
        }
        let error = self.unexpected("expected the end of the condition");
        Err(match self.rest() {
            rest if rest.starts_with("&&") || rest.starts_with("||") => {
                error.hinted("conditions are joined by name: define two monitors, and a third one `@a && @b`")
            }
            _ => error,
        })
    }

    /// A text in single or double quotes.
    pub(super) fn quoted(&mut self, what: &str) -> Result<(String, Range<usize>), QueryError> {
        let start = self.place();
        let quote = self.rest().chars().next().filter(|c| "'\"".contains(*c));
        let Some(quote) = quote else { return Err(self.unexpected(&format!("expected {what} in quotes"))) };
        let mut text = String::new();
        let mut chars = self.text[start + 1..].char_indices();
        while let Some((offset, c)) = chars.next() {
            if c == quote {
                self.at = start + 1 + offset + 1;
                return Ok((text, start..self.at));
            }
            match c {
                '\\' => text.extend(chars.next().map(|(_, escaped)| escaped)),
                other => text.push(other),
            }
        }
        Err(syntax(start..start + 1, "this quote is never closed"))
    }

    /// The expression that is next.
    pub(super) fn expression(&mut self, is_argument: bool) -> Result<Prefix, QueryError> {
        let prefix = parse_prefix(self.text, self.place(), is_argument);
        let prefix = prefix.map_err(|error| match self.text.get(error.span.clone()) {
            Some("=") => syntax(error.span, "expected a comparison, found `=`").hinted(COMPARISONS),
            _ => error,
        })?;
        self.at = prefix.end;
        Ok(prefix)
    }

    /// The number that is next, with its sign and unit.
    pub(super) fn number(&mut self, what: &str) -> Result<(bool, Number, Range<usize>), QueryError> {
        let start = self.place();
        if !self.rest().starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '.' || c == '+') {
            return Err(self.unexpected(&format!("expected a number {what}")));
        }
        let prefix = parse_prefix(self.text, start, true)?;
        let span = start..prefix.end;
        let Some((is_negative, number)) = constant(prefix.query.expr()) else {
            return Err(syntax(span, format!("expected a number {what}, found an expression"))
                .hinted("what is computed stands before the comparison"));
        };
        self.at = prefix.end;
        Ok((is_negative, number, span))
    }

    /// The length of time that is next, in microseconds.
    pub(super) fn length(&mut self, what: &str) -> Result<i64, QueryError> {
        let (is_negative, number, span) = self.number(what)?;
        let us = length_us(number).filter(|_| !is_negative);
        us.ok_or_else(|| {
            located(
                QueryErrorKind::Argument,
                span,
                format!("expected a length of time {what}, found {number}"),
            )
            .hinted("lengths of time are written 30s, 5m, 2h, 7d; the most is 400d")
        })
    }

    /// The time zone that is next, in quotes.
    pub(super) fn time_zone(&mut self) -> Result<String, QueryError> {
        let (name, place) = self.quoted("a time zone")?;
        checked_zone(name, place)
    }

    pub(super) fn comparison(&mut self) -> Result<Comparison, QueryError> {
        for (symbol, comparison) in [
            (">=", Comparison::AtLeast),
            ("<=", Comparison::AtMost),
            (">", Comparison::Above),
            ("<", Comparison::Below),
        ] {
            if self.take(symbol) {
                return Ok(comparison);
            }
        }
        let error = self.unexpected("expected a comparison");
        Err(match self.rest().chars().next() {
            Some('=' | '!') => error.hinted(COMPARISONS),
            None => error.hinted("say when to alert, for example `> 0.05`"),
            _ => error,
        })
    }
}

/// A time zone that exists.
pub(super) fn checked_zone(name: String, place: Range<usize>) -> Result<String, QueryError> {
    match check_time_zone(&name) {
        Ok(()) => Ok(name),
        Err(error) => Err(QueryError { span: place, ..error }),
    }
}

/// A length of time in microseconds; `None` for other units and beyond the limit.
#[expect(clippy::cast_possible_truncation, reason = "bounded just before")]
pub(super) fn length_us(number: Number) -> Option<i64> {
    let is_time = matches!(
        number.suffix,
        Suffix::Seconds | Suffix::Minutes | Suffix::Hours | Suffix::Days | Suffix::Weeks | Suffix::Millis
    );
    let us = (number.base_value() * 1e3).round();
    (is_time && us <= LENGTH_US_MAX).then_some(us as i64)
}

fn constant(expr: &Expr) -> Option<(bool, Number)> {
    match &expr.kind {
        ExprKind::Number(number) => Some((false, *number)),
        ExprKind::Negate(inner) => constant(inner).map(|(negative, number)| (!negative, number)),
        _ => None,
    }
}

/// A word for an error text: cut, because it may be as long as the condition.
pub(super) fn shown(word: &str) -> String {
    const CHARS_MAX: usize = 60;
    if word.chars().count() <= CHARS_MAX {
        word.to_owned()
    } else {
        word.chars().take(CHARS_MAX).collect::<String>() + "…"
    }
}
