//! Scopes: `{team:payments AND !model:gpt-*}`.
//!
//! `scope := or (',' or)* ; or := and (OR and)* ; and := not (AND not)* ; not := (NOT | !) not | '(' or ')' | '*'
//! | key ':' value | key [NOT] IN '(' value (',' value)* ')'`. A comma means AND, as Datadog has it, and binds least.

use std::sync::Arc;

use weir_types::{Scope, TagKey};

use super::{Parser, is_word, syntax};
use crate::error::QueryError;
use crate::lexer::{Mode, Token};
use crate::name;
use crate::place::Place;

/// A scope and where each of its tags stands, in the order of [`Scope::keys`].
pub(super) struct ParsedScope {
    pub(super) scope: Scope,
    pub(super) places: Vec<Place>,
}

impl Parser<'_> {
    /// `{…}`
    pub(super) fn braced_scope(&mut self) -> Result<ParsedScope, QueryError> {
        let open = self.expect_symbol('{', "to open the scope")?;
        let parsed = self.conditions('}')?;
        let (token, place) = self.take_in_scope()?;
        match token {
            Token::Symbol('}') => Ok(parsed),
            Token::End => {
                Err(syntax(open, "this brace is never closed").with_hint("add `}` where the scope ends"))
            }
            other => Err(Self::no_condition_end(&other, place)),
        }
    }

    /// A whole text, with or without braces.
    pub(super) fn bare_or_braced_scope(&mut self) -> Result<ParsedScope, QueryError> {
        let parsed = match self.peek_in_scope()?.0 {
            Token::Symbol('{') => self.braced_scope()?,
            _ => self.conditions('}')?,
        };
        match self.take_in_scope()? {
            (Token::End, _) => Ok(parsed),
            (other, place) => Err(Self::no_condition_end(&other, place)),
        }
    }

    fn no_condition_end(found: &Token, place: Place) -> QueryError {
        let error = syntax(
            place,
            format!("expected AND, OR, `,` or the end of the scope, found {}", found.describe()),
        );
        match found {
            Token::Logic("&&") => error.with_hint("write AND"),
            Token::Logic(_) => error.with_hint("write OR"),
            Token::Name(_) | Token::Text(_) => {
                error.with_hint("put a value that contains spaces in double quotes: `name:\"two words\"`")
            }
            _ => error,
        }
    }

    fn peek_in_scope(&self) -> Result<(Token, Place), QueryError> {
        let mut ahead = self.lexer;
        ahead.next(Mode::Scope)
    }

    fn take_in_scope(&mut self) -> Result<(Token, Place), QueryError> {
        let (token, place) = self.lexer.next(Mode::Scope)?;
        self.last = place;
        Ok((token, place))
    }

    /// Takes the next word if it is this keyword and not the name of a tag (`or:x`).
    fn take_keyword(&mut self, keyword: &str) -> Result<bool, QueryError> {
        let mut ahead = self.lexer;
        let (token, place) = ahead.next(Mode::Scope)?;
        let found = matches!(&token, Token::Name(word) if is_word(word, keyword))
            && ahead.next(Mode::Scope)?.0 != Token::Symbol(':');
        if found {
            self.take_in_scope()?;
            self.last = place;
        }
        Ok(found)
    }

    /// Conditions up to a closing symbol or the end, neither of which is taken.
    fn conditions(&mut self, close: char) -> Result<ParsedScope, QueryError> {
        let mut parsed = ParsedScope { scope: Scope::All, places: Vec::new() };
        let next = self.peek_in_scope()?.0;
        if next == Token::End || next == Token::Symbol(close) {
            return Ok(parsed);
        }
        loop {
            let condition = self.any_of(&mut parsed.places)?;
            parsed.scope = parsed.scope.and(condition);
            if self.peek_in_scope()?.0 != Token::Symbol(',') {
                return Ok(parsed);
            }
            self.take_in_scope()?;
        }
    }

    fn any_of(&mut self, places: &mut Vec<Place>) -> Result<Scope, QueryError> {
        let mut parts = vec![self.all_of(places)?];
        while self.take_keyword("or")? {
            parts.push(self.all_of(places)?);
        }
        Ok(if parts.len() == 1 { parts.swap_remove(0) } else { Scope::Or(parts) })
    }

    fn all_of(&mut self, places: &mut Vec<Place>) -> Result<Scope, QueryError> {
        let mut parts = vec![self.condition(places)?];
        while self.take_keyword("and")? {
            parts.push(self.condition(places)?);
        }
        Ok(if parts.len() == 1 { parts.swap_remove(0) } else { Scope::And(parts) })
    }

    fn condition(&mut self, places: &mut Vec<Place>) -> Result<Scope, QueryError> {
        self.deeper(|parser| {
            if parser.take_keyword("not")? {
                return Ok(Scope::Not(Box::new(parser.condition(places)?)));
            }
            let (token, place) = parser.take_in_scope()?;
            match token {
                Token::Symbol('!') => Ok(Scope::Not(Box::new(parser.condition(places)?))),
                Token::Symbol('(') => {
                    let inner = parser.any_of(places)?;
                    match parser.take_in_scope()? {
                        (Token::Symbol(')'), _) => Ok(inner),
                        (Token::End, _) => Err(syntax(place, "this parenthesis is never closed")),
                        (other, place) => Err(Self::no_condition_end(&other, place)),
                    }
                }
                Token::Name(word) if word == "*" && parser.peek_in_scope()?.0 != Token::Symbol(':') => {
                    Ok(Scope::All)
                }
                Token::Name(word) if word.starts_with('-') => {
                    Err(syntax(place, "a tag does not start with `-`")
                        .with_hint("a negation is written `!team:a`"))
                }
                Token::Name(key) | Token::Backticked(key) => parser.tag_condition(&key, place, places),
                other => Err(Self::no_condition(&other, place)),
            }
        })
    }

    fn no_condition(found: &Token, place: Place) -> QueryError {
        let error = syntax(place, format!("expected a condition on a tag, found {}", found.describe()));
        match found {
            Token::Text(_) => error.with_hint("a condition names its tag: `team:\"the value\"`"),
            _ => error.with_hint("for example `team:payments`"),
        }
    }

    /// What follows the name of a tag.
    fn tag_condition(
        &mut self,
        key: &str,
        place: Place,
        places: &mut Vec<Place>,
    ) -> Result<Scope, QueryError> {
        let tag = TagKey::new(key);
        places.push(place);
        let negated = self.take_keyword("not")?;
        if self.take_keyword("in")? {
            let condition = Scope::In(tag, self.values()?);
            return Ok(if negated { Scope::Not(Box::new(condition)) } else { condition });
        }
        let (token, at) = self.take_in_scope()?;
        if token == Token::Symbol(':') && !negated {
            return Ok(Scope::Is(tag, self.value()?));
        }
        let found = token.describe();
        let error =
            syntax(at, format!("expected `:` and a value after the tag {}, found {found}", name::shown(key)));
        Err(match token {
            _ if negated => error.with_hint(format!("write `!{key}:value` or `{key} NOT IN (a, b)`")),
            Token::Comparison(_) => {
                error.with_hint("tags are compared with `:` only; `*` stands for any text")
            }
            _ => error.with_hint(format!(
                "write `{}:value`, or `{}:*` for any",
                name::shown(key),
                name::shown(key)
            )),
        })
    }

    fn value(&mut self) -> Result<Arc<str>, QueryError> {
        let (token, place) = self.lexer.next(Mode::Value)?;
        self.last = place;
        match token {
            Token::Name(value) | Token::Text(value) | Token::Backticked(value) => Ok(Arc::from(value)),
            Token::Symbol('(') => Err(syntax(place, "expected one value, found `(`")
                .with_hint("for several write `team IN (a, b)`")),
            other => Err(syntax(place, format!("expected a value, found {}", other.describe()))
                .with_hint("put a value with unusual characters in double quotes")),
        }
    }

    /// `(a, b)`
    fn values(&mut self) -> Result<Vec<Arc<str>>, QueryError> {
        let (token, place) = self.take_in_scope()?;
        if token != Token::Symbol('(') {
            return Err(syntax(place, format!("expected `(` after IN, found {}", token.describe()))
                .with_hint("for example `team IN (payments, search)`"));
        }
        let mut values = vec![self.value()?];
        loop {
            match self.take_in_scope()? {
                (Token::Symbol(')'), _) => return Ok(values),
                (Token::Symbol(','), _) => values.push(self.value()?),
                (other, place) => {
                    let message =
                        format!("expected `,` or `)` in the list of values, found {}", other.describe());
                    return Err(syntax(place, message));
                }
            }
        }
    }
}
