//! Searches of events as Datadog writes them: `source:ci status:error "deploy failed" -team:batch`.
//!
//! A search becomes a scope over the metric of events, so that it is counted, kept and judged as any series. Words are looked
//! for in titles and texts, whatever their case; tags must match as they are written. Terms that stand side by side must
//! all be found. Both generations are read: `sources:a,b`, `priority:all` and `tags:key:value` as well as
//! `source:a`, `key:(a OR b)` and `@key:value`.
//!
//! What cannot be searched (ranges, single unknown characters) is an error at its place. Places are those of the quoted text
//! in the condition; where the text has escapes before them they are off by these.

use std::ops::Range;
use std::sync::Arc;

use weir_query::{QueryError, QueryErrorKind};
use weir_types::{Event, Scope, TagKey};

use super::{Hinted as _, located};

/// Parentheses and negations within one another; more is no search that anyone wrote.
const DEPTH_MAX: usize = 32;

/// The scope of a search; `place` is where it stands, quotes included.
pub(super) fn scope(search: &str, place: &Range<usize>) -> Result<Scope, QueryError> {
    let mut reader = Reader { text: search, at: 0, place, depth: 0 };
    if reader.rest().is_empty() {
        return Ok(Scope::All);
    }
    let scope = reader.any()?;
    if reader.rest().is_empty() { Ok(scope) } else { Err(reader.error("this parenthesis was never opened")) }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    place: &'a Range<usize>,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn rest(&mut self) -> &'a str {
        let rest = self.text[self.at..].trim_start();
        self.at = self.text.len() - rest.len();
        rest
    }

    fn error(&self, message: &str) -> QueryError {
        let start = (self.place.start + 1 + self.at).min(self.place.end);
        let next = self.text[self.at..].chars().next().map_or(0, char::len_utf8);
        located(QueryErrorKind::Syntax, start..(start + next).min(self.place.end), message)
    }

    fn take(&mut self, symbol: &str) -> bool {
        let is_next = self.rest().starts_with(symbol);
        if is_next {
            self.at += symbol.len();
        }
        is_next
    }

    /// Whether this operator comes next, and not a longer word that begins like it.
    fn is_at_word(&mut self, word: &str) -> bool {
        let after = self.rest().strip_prefix(word);
        after.is_some_and(|after| {
            after.is_empty() || after.starts_with(|c: char| c.is_whitespace() || "()\"".contains(c))
        })
    }

    /// Takes the next word if it is this operator.
    fn take_word(&mut self, word: &str) -> bool {
        let is_next = self.is_at_word(word);
        if is_next {
            self.at += word.len();
        }
        is_next
    }

    fn any(&mut self) -> Result<Scope, QueryError> {
        let mut parts = vec![self.all()?];
        while self.take_word("OR") {
            parts.push(self.all()?);
        }
        Ok(if parts.contains(&Scope::All) { Scope::All } else { joined(parts, Scope::Or) })
    }

    fn all(&mut self) -> Result<Scope, QueryError> {
        let mut parts = vec![self.term()?];
        loop {
            let has_word = self.take_word("AND");
            let is_over = self.rest().is_empty() || self.rest().starts_with(')') || self.is_at_word("OR");
            if !has_word && is_over {
                parts.retain(|part| *part != Scope::All);
                return Ok(if parts.is_empty() { Scope::All } else { joined(parts, Scope::And) });
            }
            parts.push(self.term()?);
        }
    }

    fn term(&mut self) -> Result<Scope, QueryError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error("the search is nested too deeply"));
        }
        let term = self.one_term();
        self.depth -= 1;
        term
    }

    fn one_term(&mut self) -> Result<Scope, QueryError> {
        if self.take_word("NOT") || self.take("-") || self.take("!") {
            return Ok(Scope::Not(Box::new(self.term()?)));
        }
        if self.take("(") {
            let inner = self.any()?;
            return if self.take(")") { Ok(inner) } else { Err(self.error("a `)` is missing")) };
        }
        let start = self.at;
        if self.rest().starts_with('"') {
            let text = self.quoted()?;
            return self.words(start, &text, false);
        }
        let word = self.bare(|c| c.is_whitespace() || "()\":".contains(c))?;
        if !self.text[self.at..].starts_with(':') {
            return if word == "*" { Ok(Scope::All) } else { self.words(start, word, true) };
        }
        self.at += 1;
        self.facet(word.trim_start_matches('@'))
    }

    /// What follows the name of a tag or of what every event has.
    fn facet(&mut self, name: &str) -> Result<Scope, QueryError> {
        let Some(next) = self.text[self.at..].chars().next().filter(|c| !c.is_whitespace()) else {
            return Err(self.error("a value is missing after the `:`").hinted("write `key:*` for any"));
        };
        if "<>=[{".contains(next) {
            return Err(self
                .error("events are found by whole values, not by ranges")
                .hinted("send what is compared as a metric, and watch that"));
        }
        // Of the older generation: `sources:a,b`.
        let is_list = matches!(name, "sources" | "tags" | "hosts" | "priority" | "status");
        let mut values = Vec::new();
        if self.take("(") {
            loop {
                values.push(self.value(false)?);
                if self.take(")") {
                    break;
                }
                if !self.take_word("OR") {
                    return Err(self
                        .error("expected OR or `)` between values")
                        .hinted("for example `team:(a OR b)`"));
                }
            }
        } else {
            values.push(self.value(is_list)?);
            while is_list && self.text[self.at..].starts_with(',') {
                self.at += 1;
                values.push(self.value(true)?);
            }
        }
        Ok(joined(values.iter().map(|value| matching(name, value)).collect(), Scope::Or))
    }

    fn value(&mut self, is_of_list: bool) -> Result<String, QueryError> {
        if self.rest().starts_with('"') {
            return self.quoted();
        }
        let value = self.bare(|c| c.is_whitespace() || "()\"".contains(c) || is_of_list && c == ',')?;
        Ok(value.to_owned())
    }

    fn quoted(&mut self) -> Result<String, QueryError> {
        let inner = &self.text[self.at + 1..];
        let Some(length) = inner.find('"') else { return Err(self.error("this quote is never closed")) };
        self.at += length + 2;
        Ok(inner[..length].to_owned())
    }

    /// Text up to what ends it.
    fn bare(&mut self, ends: impl Fn(char) -> bool) -> Result<&'a str, QueryError> {
        let rest = self.rest();
        let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
        if let Some(offset) = word.find('?') {
            self.at += offset;
            return Err(self
                .error("`?` stands for nothing here")
                .hinted("`*` stands for any run of characters"));
        }
        if word.is_empty() {
            return Err(self.error("expected a word, a `\"text\"` or a `key:value`"));
        }
        self.at += word.len();
        Ok(word)
    }

    /// The condition that words stand in a title or text, one after the other.
    fn words(&mut self, start: usize, text: &str, has_wildcards: bool) -> Result<Scope, QueryError> {
        let parts: Vec<String> = if has_wildcards {
            text.split('*').map(Event::normalised).collect()
        } else {
            vec![Event::normalised(text)]
        };
        if parts.iter().all(String::is_empty) {
            self.at = start;
            return Err(self.error("there is no word to look for"));
        }
        Ok(Scope::Is(TagKey::new("words"), Arc::from(format!("* {} *", parts.join("*")))))
    }
}

/// The condition that a tag, or what every event has, is a value.
fn matching(name: &str, value: &str) -> Scope {
    let is = |key: &str, value: &str| Scope::Is(TagKey::new(key), Arc::from(value));
    match name {
        "source" | "sources" => is("source", value),
        "status" | "alert_type" | "level" => is(
            "level",
            match value {
                "warn" => "warning",
                "err" | "critical" => "error",
                "ok" => "success",
                other => other,
            },
        ),
        "priority" if value == "all" => Scope::All,
        // What says nothing of it is of normal priority.
        "priority" if value == "normal" => {
            Scope::Or(vec![is("priority", "normal"), Scope::Not(Box::new(is("priority", "*")))])
        }
        "hosts" => is("host", value),
        "tags" => match value.split_once(':') {
            Some((key, value)) => is(key, value),
            None => is(value, "*"),
        },
        key => is(key, value),
    }
}

fn joined(mut parts: Vec<Scope>, join: fn(Vec<Scope>) -> Scope) -> Scope {
    if parts.len() == 1 { parts.swap_remove(0) } else { join(parts) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(search: &str) -> String {
        match scope(search, &(0..search.len() + 2)) {
            Ok(scope) => scope.to_string(),
            Err(error) => format!("{} at {:?}", error.message, error.span),
        }
    }

    #[test]
    fn both_generations_of_searches_are_read() {
        for (search, expected) in [
            ("", "*"),
            ("*", "*"),
            ("sources:weir \"Prompt injection\"", "(source:weir AND words:\"* prompt injection *\")"),
            ("priority:all status:error", "level:error"),
            ("priority:all tags:role:db,env:prod", "(role:db OR env:prod)"),
            ("source:(ci OR cd) AND -team:batch", "((source:ci OR source:cd) AND !team:batch)"),
            ("deploy* NOT @evt.name:\"roll back\"", "(words:\"* deploy* *\" AND !evt.name:\"roll back\")"),
            ("a OR b c", "(words:\"* a *\" OR (words:\"* b *\" AND words:\"* c *\"))"),
            ("a OR\"b\"", "(words:\"* a *\" OR words:\"* b *\")"),
            ("gpt-4o", "words:\"* gpt 4o *\""),
            ("status:warn ORDER", "(level:warning AND words:\"* order *\")"),
        ] {
            assert_eq!(read(search), expected, "{search}");
        }
    }

    #[test]
    fn what_cannot_be_searched_is_told_at_its_place() {
        for (search, expected) in [
            ("(a", "a `)` is missing at 3..3"),
            ("a)", "this parenthesis was never opened at 2..3"),
            ("a \"b", "this quote is never closed at 3..4"),
            ("@duration:>5", "events are found by whole values, not by ranges at 11..12"),
            ("te?m", "`?` stands for nothing here at 3..4"),
            ("team:", "a value is missing after the `:` at 6..6"),
            ("a \"!!\"", "there is no word to look for at 3..4"),
            ("a OR", "expected a word, a `\"text\"` or a `key:value` at 5..5"),
        ] {
            assert_eq!(read(search), expected, "{search}");
        }
    }
}
