//! The clauses `by` and `where`, and how they are handed down to the metrics they apply to.

use weir_types::TagKey;

use super::{Parser, Surrounding, syntax};
use crate::ast::{Expr, Leaf};
use crate::error::{QueryError, QueryErrorKind};
use crate::lexer::{Mode, Token};
use crate::limits;
use crate::place::Place;

/// The tags of a `by` clause, each with its place.
pub(super) struct ByTags {
    pub(super) place: Place,
    pub(super) keys: Vec<TagKey>,
    pub(super) places: Vec<Place>,
}

impl ByTags {
    pub(super) fn give_to(&self, leaf: &mut Leaf) {
        leaf.by.clone_from(&self.keys);
        leaf.by_places.clone_from(&self.places);
    }
}

impl Parser<'_> {
    /// `by …` after an expression: groups every metric of it that is not grouped yet.
    pub(super) fn by(&mut self, mut expr: Expr) -> Result<Expr, QueryError> {
        let by = self.by_clause()?;
        let (mut leaves, mut given) = (0, 0);
        expr.visit_leaves_mut(&mut |leaf| {
            leaves += 1;
            if leaf.by.is_empty() {
                by.give_to(leaf);
                given += 1;
            }
        });
        if leaves == 0 {
            return Err(syntax(by.place, "a number cannot be grouped"));
        }
        if given == 0 {
            return Err(syntax(by.place, "this is grouped already")
                .with_hint("name all tags in one clause: `by model, team`"));
        }
        Ok(expr)
    }

    /// `where {…}` after an expression: narrows every metric of it that no other `where` applies to.
    pub(super) fn narrowed(&mut self, mut expr: Expr) -> Result<Expr, QueryError> {
        let (_, word) = self.take()?;
        if self.peek()?.0 != Token::Symbol('{') {
            let (token, place) = self.peek()?;
            return Err(syntax(place, format!("expected `{{` after `where`, found {}", token.describe()))
                .with_hint("for example `where {team:payments}`"));
        }
        let parsed = self.braced_scope()?;
        let place = word.to(self.last);
        let (mut leaves, mut given) = (0, 0);
        expr.visit_leaves_mut(&mut |leaf| {
            leaves += 1;
            if leaf.where_place.is_empty() {
                leaf.narrow(&parsed.scope, &parsed.places);
                leaf.where_place = place;
                given += 1;
            }
        });
        if leaves == 0 {
            return Err(syntax(place, "a number cannot be narrowed down"));
        }
        if given == 0 {
            return Err(syntax(place, "this has a `where` already").with_hint("join the conditions with AND"));
        }
        Ok(expr)
    }

    /// `by model`, `by model, team` or `by {model, team}`. Within a call a bare list ends at the first comma.
    pub(super) fn by_clause(&mut self) -> Result<ByTags, QueryError> {
        let (_, start) = self.take()?;
        let mut by = ByTags { place: start, keys: Vec::new(), places: Vec::new() };
        if self.take_symbol('{')? {
            loop {
                self.by_tag(Mode::Scope, &mut by)?;
                if self.take_symbol('}')? {
                    break;
                }
                self.expect_symbol(',', "or `}` in the list of tags")?;
            }
        } else {
            self.by_tag(Mode::Expression, &mut by)?;
            while self.surrounding == Surrounding::Nothing && self.take_symbol(',')? {
                self.by_tag(Mode::Expression, &mut by)?;
            }
        }
        by.place = start.to(self.last);
        Ok(by)
    }

    fn by_tag(&mut self, mode: Mode, by: &mut ByTags) -> Result<(), QueryError> {
        let (token, place) = self.lexer.next(mode)?;
        self.last = place;
        let name = match token {
            Token::Name(name) if name != "*" => name,
            Token::Backticked(name) | Token::Text(name) if !name.is_empty() => name,
            other => {
                return Err(syntax(place, format!("expected a tag to group by, found {}", other.describe()))
                    .with_hint("for example `by model` or `by {model, team}`"));
            }
        };
        let key = TagKey::new(&name);
        if by.keys.contains(&key) {
            return Err(syntax(place, format!("the tag {key} is named twice")));
        }
        if by.keys.len() == limits::GROUP_TAGS_MAX {
            let message = format!("more than {} tags to group by", limits::GROUP_TAGS_MAX);
            return Err(QueryError::new(QueryErrorKind::Limit, place.range(), message));
        }
        by.keys.push(key);
        by.places.push(place);
        Ok(())
    }
}
