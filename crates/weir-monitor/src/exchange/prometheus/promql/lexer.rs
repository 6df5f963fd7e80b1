//! PromQL into tokens, on demand. Copying the lexer is how the parser looks ahead.

use std::fmt;

/// One token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A number.
    Number(f64),
    /// A length of time in microseconds.
    Duration(i64),
    /// A text in quotes, unescaped.
    Text(String),
    /// A name or a keyword.
    Word(String),
    /// An operator, a parenthesis, a comma.
    Symbol(String),
    /// The end.
    End,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "`{number}`"),
            Self::Duration(_) => f.write_str("a length of time"),
            Self::Text(_) => f.write_str("a text in quotes"),
            Self::Word(word) => write!(f, "`{}`", word.chars().take(60).collect::<String>()),
            Self::Symbol(symbol) => write!(f, "`{symbol}`"),
            Self::End => f.write_str("the end"),
        }
    }
}

/// Reads tokens from a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lexer<'a> {
    rest: &'a str,
}

/// Units of lengths of time, in microseconds; longer spellings first.
const UNITS: [(&str, f64); 7] = [
    ("ms", 1e3),
    ("s", 1e6),
    ("m", 60e6),
    ("h", 3_600e6),
    ("d", 86_400e6),
    ("w", 604_800e6),
    ("y", 31_536_000e6),
];

/// The longest length of time, in microseconds: a century.
const DURATION_US_MAX: f64 = 100.0 * 31_536_000e6;

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    /// The next token; at the end it is [`Token::End`], again and again.
    pub(super) fn next(&mut self) -> Result<Token, String> {
        loop {
            self.rest = self.rest.trim_start();
            let Some(comment) = self.rest.strip_prefix('#') else { break };
            self.rest = comment.find('\n').map_or("", |end| &comment[end..]);
        }
        let Some(first) = self.rest.chars().next() else { return Ok(Token::End) };
        if first.is_ascii_digit() || first == '.' && self.rest[1..].starts_with(|c: char| c.is_ascii_digit())
        {
            return self.number();
        }
        if first.is_alphabetic() || first == '_' {
            // Colons are part of the names of recording rules.
            let word = self.run(|c| c.is_alphanumeric() || c == '_' || c == ':');
            return Ok(Token::Word(word.to_owned()));
        }
        if "\"'`".contains(first) {
            return self.quoted(first);
        }
        for symbol in ["=~", "!~", "!=", "==", ">=", "<="] {
            if let Some(rest) = self.rest.strip_prefix(symbol) {
                self.rest = rest;
                return Ok(Token::Symbol(symbol.to_owned()));
            }
        }
        self.rest = &self.rest[first.len_utf8()..];
        Ok(Token::Symbol(first.to_string()))
    }

    fn run(&mut self, keep: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !keep(c)).unwrap_or(self.rest.len());
        let (run, rest) = self.rest.split_at(end);
        self.rest = rest;
        run
    }

    /// `0.5`, `1e3`, `0x1f`, `1_000`, `1h30m`
    fn number(&mut self) -> Result<Token, String> {
        if let Some(hex) = self.rest.strip_prefix("0x").or_else(|| self.rest.strip_prefix("0X")) {
            self.rest = hex;
            let digits = self.run(|c| c.is_ascii_hexdigit());
            let value = u32::from_str_radix(digits, 16).map_err(|_| "no such number".to_owned())?;
            return Ok(Token::Number(f64::from(value)));
        }
        let mut us = 0.0;
        let mut is_duration = false;
        loop {
            let before = self.rest;
            let digits = self.decimal();
            let Ok(value) = digits.parse::<f64>() else {
                self.rest = before;
                break;
            };
            let unit = UNITS.iter().find(|(unit, _)| {
                self.rest
                    .strip_prefix(unit)
                    .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphabetic() || c == '_'))
            });
            match unit {
                Some((unit, size)) => {
                    us += value * size;
                    is_duration = true;
                    self.rest = &self.rest[unit.len()..];
                }
                None if is_duration => {
                    self.rest = before;
                    break;
                }
                None => return Ok(Token::Number(value)),
            }
        }
        if !is_duration || !(0.0..=DURATION_US_MAX).contains(&us) {
            return Err("expected a number".to_owned());
        }
        #[expect(clippy::cast_possible_truncation, reason = "bounded just before")]
        Ok(Token::Duration(us as i64))
    }

    fn decimal(&mut self) -> String {
        let mut digits = self.run(|c| c.is_ascii_digit() || c == '_' || c == '.').replace('_', "");
        if let Some(after) = self.rest.strip_prefix(['e', 'E']) {
            let power = after.strip_prefix(['+', '-']).unwrap_or(after);
            if power.starts_with(|c: char| c.is_ascii_digit()) {
                digits.push('e');
                digits.push_str(&after[..after.len() - power.len()]);
                self.rest = power;
                digits.push_str(self.run(|c| c.is_ascii_digit()));
            }
        }
        digits
    }

    fn quoted(&mut self, quote: char) -> Result<Token, String> {
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            if c == quote {
                self.rest = &self.rest[at + c.len_utf8()..];
                return Ok(Token::Text(text));
            }
            match c {
                '\\' if quote != '`' => match chars.next().map(|(_, escaped)| escaped) {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some(escaped) => text.push(escaped),
                    None => break,
                },
                c => text.push(c),
            }
        }
        Err("a quote is never closed".to_owned())
    }
}
