//! Text into tokens, on demand.
//!
//! Two alphabets meet in one query: in expressions `-` and `/` are operators, in scopes they are parts of tags and
//! values (`gpt-4o`, `meta/llama`). So the parser asks for tokens one at a time and says which alphabet it is in; there
//! is no separate pass. A token never fails later: numbers are finite, texts are closed and unescaped.

use crate::error::{QueryError, QueryErrorKind};
use crate::name::{self, continues_name, in_scope_value, in_scope_word, starts_name};
use crate::number::{Number, Suffix};
use crate::place::Place;

/// One token.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    /// A number with its unit.
    Number(Number),
    /// A bare name, or within a scope a word.
    Name(String),
    /// A name in backticks: never a keyword or a function.
    Backticked(String),
    /// A text in single or double quotes.
    Text(String),
    /// One of `( ) { } , : + - * / . !`.
    Symbol(char),
    /// A comparison: `>`, `>=`, `<`, `<=`, `==`, `!=`.
    Comparison(&'static str),
    /// `&&` or `||`.
    Logic(&'static str),
    /// The end of the text.
    End,
}

impl Token {
    /// The token as an error names it.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Number(number) => format!("`{}`", name::shown(&number.to_string())),
            Self::Name(text) | Self::Backticked(text) => format!("`{}`", name::shown(text)),
            Self::Text(_) => "a text in quotes".to_owned(),
            Self::Symbol(c) => format!("`{c}`"),
            Self::Comparison(text) | Self::Logic(text) => format!("`{text}`"),
            Self::End => "the end of the query".to_owned(),
        }
    }
}

/// Which alphabet is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Expressions.
    Expression,
    /// Scopes: words with `-`, `/` and `*` in them.
    Scope,
    /// The value after a tag's colon: as in a scope, and colons too.
    Value,
}

/// Reads tokens from a text. Copying it is how the parser looks ahead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lexer<'a> {
    source: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(source: &'a str) -> Self {
        Self { source, at: 0 }
    }

    /// Reads from a place within the text on; a place within a character is moved on to its end.
    pub(crate) fn starting_at(source: &'a str, start: usize) -> Self {
        let mut at = start.min(source.len());
        while !source.is_char_boundary(at) {
            at += 1;
        }
        Self { source, at }
    }

    /// The next token and where it stands. At the end of the text this is [`Token::End`], again and again.
    pub(crate) fn next(&mut self, mode: Mode) -> Result<(Token, Place), QueryError> {
        self.skip(char::is_whitespace);
        let start = self.at;
        let Some(first) = self.peek() else { return Ok((Token::End, Place::new(start, start))) };
        let token = match (mode, first) {
            (_, '"' | '\'') => Token::Text(self.quoted(first)?),
            (_, '`') => Token::Backticked(self.quoted(first)?),
            (Mode::Scope, c) if in_scope_word(c) => Token::Name(self.skip(in_scope_word).to_owned()),
            (Mode::Value, c) if in_scope_value(c) => Token::Name(self.skip(in_scope_value).to_owned()),
            (Mode::Expression, c) if starts_name(c) => Token::Name(self.bare_name().to_owned()),
            (Mode::Expression, c) if c.is_ascii_digit() => Token::Number(self.number()?),
            (Mode::Expression, '.') if self.rest()[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                return Err(self.number_without_leading_zero());
            }
            _ => self.symbol(first)?,
        };
        Ok((token, Place::new(start, self.at)))
    }

    fn rest(&self) -> &'a str {
        &self.source[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Moves over the characters that satisfy `keep` and returns them.
    fn skip(&mut self, keep: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c| !keep(c)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn error(&self, start: usize, message: impl Into<String>) -> QueryError {
        QueryError::new(QueryErrorKind::Syntax, start..self.at, message)
    }

    /// A name does not end in a dot: that one calls a method.
    fn bare_name(&mut self) -> &'a str {
        let name = self.skip(continues_name);
        let trimmed = name.trim_end_matches('.');
        self.at -= name.len() - trimmed.len();
        trimmed
    }

    fn symbol(&mut self, first: char) -> Result<Token, QueryError> {
        let start = self.at;
        for text in [">=", "<=", "==", "!=", ">", "<"] {
            if self.rest().starts_with(text) {
                self.at += text.len();
                return Ok(Token::Comparison(text));
            }
        }
        for text in ["&&", "||"] {
            if self.rest().starts_with(text) {
                self.at += text.len();
                return Ok(Token::Logic(text));
            }
        }
        self.at += first.len_utf8();
        if "(){},:+-*/.!".contains(first) {
            return Ok(Token::Symbol(first));
        }
        let error = self.error(start, format!("unexpected character {first:?}"));
        Err(match first {
            '$' if self.rest().starts_with(|c: char| c.is_alphabetic()) => {
                error.with_hint("a dashboard fills `$` variables in; write the tag: `env:prod`")
            }
            '$' => error.with_hint("amounts are written `5usd`"),
            '=' => error.with_hint("a tag and its value are written `team:payments`"),
            '“' | '”' | '‘' | '’' => error.with_hint("use straight quotes, \" or '"),
            '−' | '–' | '—' => error.with_hint("use a plain minus, -"),
            _ => error,
        })
    }

    /// The content of a quoted text, unescaped. A backslash takes the next character as it is.
    fn quoted(&mut self, quote: char) -> Result<String, QueryError> {
        let start = self.at;
        let mut text = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((offset, c)) = chars.next() {
            if c == quote {
                self.at += offset + c.len_utf8();
                return Ok(text);
            }
            if c == '\\' {
                text.extend(chars.next().map(|(_, escaped)| escaped));
            } else {
                text.push(c);
            }
        }
        self.at = self.source.len();
        Err(QueryError::new(QueryErrorKind::Syntax, start..start + 1, "this quote is never closed")
            .with_hint(format!("add {quote} where the text ends")))
    }

    fn number(&mut self) -> Result<Number, QueryError> {
        let start = self.at;
        self.skip(|c| c.is_ascii_digit() || c == '_');
        if self.rest().starts_with('.') && self.rest()[1..].starts_with(|c: char| c.is_ascii_digit()) {
            self.at += 1;
            self.skip(|c| c.is_ascii_digit() || c == '_');
        }
        self.skip_exponent();
        let digits: String = self.source[start..self.at].chars().filter(|c| *c != '_').collect();
        let value = digits.parse::<f64>().unwrap_or(f64::INFINITY);
        if !value.is_finite() {
            return Err(self
                .error(start, format!("the number {} is too large", name::shown(&digits)))
                .with_hint("numbers go up to about 1.8e308"));
        }
        Ok(Number { value, suffix: self.suffix(start)? })
    }

    /// Moves over `e6` or `e-3`, but not over the start of a unit that begins with an e.
    fn skip_exponent(&mut self) {
        let Some(after_e) = self.rest().strip_prefix(['e', 'E']) else { return };
        let digits = after_e.strip_prefix(['+', '-']).unwrap_or(after_e);
        if digits.starts_with(|c: char| c.is_ascii_digit()) {
            self.at += 1 + (after_e.len() - digits.len());
            self.skip(|c| c.is_ascii_digit());
        }
    }

    /// The unit that follows a number without a space.
    fn suffix(&mut self, number_start: usize) -> Result<Suffix, QueryError> {
        let start = self.at;
        for spelling in ["%", Suffix::PerSecond.as_str()] {
            if self.rest().starts_with(spelling) {
                self.at += spelling.len();
                return Ok(Suffix::parse(spelling).unwrap_or(Suffix::Plain));
            }
        }
        let written = self.skip(|c| c.is_alphanumeric() || c == '_');
        Suffix::parse(written).ok_or_else(|| {
            let spellings =
                || Suffix::ALL.iter().map(|suffix| suffix.as_str()).filter(|text| !text.is_empty());
            let meant = suffix_synonym(written).or_else(|| name::closest(written, spellings()));
            let number = &self.source[number_start..start];
            let hint = match meant {
                Some(meant) => format!("did you mean `{}{meant}`?", name::shown(number)),
                None => format!("units are {}", spellings().collect::<Vec<_>>().join(", ")),
            };
            self.error(start, format!("`{}` is not a unit", name::shown(written))).with_hint(hint)
        })
    }

    fn number_without_leading_zero(&mut self) -> QueryError {
        let start = self.at;
        self.at += 1;
        let digits = self.skip(|c| c.is_ascii_digit());
        self.error(start, "a number starts with a digit")
            .with_hint(format!("write `0.{}`", name::shown(digits)))
    }
}

/// The unit that someone means by a longer word.
fn suffix_synonym(written: &str) -> Option<&'static str> {
    Some(match written.to_lowercase().as_str() {
        "msec" | "msecs" | "millis" | "milliseconds" => "ms",
        "sec" | "secs" | "second" | "seconds" => "s",
        "min" | "mins" | "minute" | "minutes" => "m",
        "hr" | "hrs" | "hour" | "hours" => "h",
        "day" | "days" => "d",
        "wk" | "week" | "weeks" => "w",
        "dollar" | "dollars" => "usd",
        "token" | "tok" => "tokens",
        "rps" | "qps" | "per_second" => "req/s",
        "percent" | "pct" => "%",
        _ => return None,
    })
}
