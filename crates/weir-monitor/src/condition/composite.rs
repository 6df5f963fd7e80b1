//! Conditions on other monitors: `@latency && !@deploy`, `12345 && (67890 || 222)`. `!` binds most, `||` least.

use weir_query::{QueryError, QueryErrorKind};

use super::cursor::Cursor;
use super::{Composite, Hinted as _, MonitorRef, located};

/// How deep parentheses and negations nest; the parser recurses, so it is bounded.
const DEPTH_MAX: usize = 32;

/// How many monitors one composite may name. Datadog takes ten; twice that is still read by people.
const MONITORS_MAX: usize = 20;

/// Whether the text names monitors and not metrics: after `(` and `!` comes `@`, or a whole number that nothing but an
/// operator, a parenthesis or the end follows.
pub(super) fn is_composite(cursor: &Cursor<'_>) -> bool {
    let text = cursor.rest().trim_start_matches(|c: char| c == '(' || c == '!' || c.is_whitespace());
    let after_number = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let follows = after_number.trim_start();
    text.starts_with('@')
        || after_number.len() < text.len()
            && (follows.is_empty() || ["&&", "||", ")"].iter().any(|next| follows.starts_with(next)))
}

pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Composite, QueryError> {
    let mut parser = Parser { cursor, depth: 0, monitors: 0 };
    parser.any_of()
}

struct Parser<'c, 'a> {
    cursor: &'c mut Cursor<'a>,
    depth: usize,
    monitors: usize,
}

impl Parser<'_, '_> {
    fn any_of(&mut self) -> Result<Composite, QueryError> {
        let mut left = self.all_of()?;
        while self.cursor.take("||") {
            left = Composite::Or(Box::new(left), Box::new(self.all_of()?));
        }
        Ok(left)
    }

    fn all_of(&mut self) -> Result<Composite, QueryError> {
        let mut left = self.operand()?;
        while self.cursor.take("&&") {
            left = Composite::And(Box::new(left), Box::new(self.operand()?));
        }
        Ok(left)
    }

    fn operand(&mut self) -> Result<Composite, QueryError> {
        let here = self.cursor.here();
        if self.depth == DEPTH_MAX {
            let message = format!("the condition nests deeper than {DEPTH_MAX} levels");
            return Err(located(QueryErrorKind::Limit, here, message));
        }
        self.depth += 1;
        let operand = if self.cursor.take("!") {
            Composite::Not(Box::new(self.operand()?))
        } else if self.cursor.take("(") {
            let inner = self.any_of()?;
            self.cursor.expect(")", "to close the parenthesis")?;
            inner
        } else {
            Composite::Monitor(self.monitor()?)
        };
        self.depth -= 1;
        Ok(operand)
    }

    fn monitor(&mut self) -> Result<MonitorRef, QueryError> {
        let here = self.cursor.here();
        self.monitors += 1;
        if self.monitors > MONITORS_MAX {
            let message = format!("the condition names more than {MONITORS_MAX} monitors");
            return Err(located(QueryErrorKind::Limit, here, message));
        }
        let is_name = self.cursor.take("@");
        let (word, span) = self.cursor.word();
        match (is_name, word) {
            (_, "") => Err(self
                .cursor
                .unexpected("expected a monitor")
                .hinted("monitors are named `@name`, or by a Datadog id")),
            (true, name) => Ok(MonitorRef::Name(name.to_owned())),
            (false, word) => word.parse().map(MonitorRef::Id).map_err(|_| {
                located(QueryErrorKind::Name, span, "a monitor is `@name` or a whole number")
                    .hinted(format!("did you mean `@{}`?", super::cursor::shown(word)))
            }),
        }
    }
}
