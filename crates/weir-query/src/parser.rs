//! Text into a syntax tree: a Pratt parser over tokens that are read on demand.
//!
//! How clauses bind. `by` and `where` bind more loosely than every operator: they apply to the whole expression on
//! their left, that is, to each metric of it that has none of its own yet. So `sum(a) / sum(b) by model` groups both
//! sides, `sum(a) by model / sum(b) by model` does the same, and a share of a total is
//! `sum(a) by model / (sum(a))`. Datadog's `sum:a{…} by {model}` binds to its own metric.
//!
//! Never panics and never runs away: text, depth and number of nodes are bounded ([`crate::limits`]), and every loop
//! consumes a token.

mod call;
mod clause;
mod scope;

use crate::ast::{BinaryOperator, Expr, ExprKind};
use crate::error::{QueryError, QueryErrorKind};
use crate::lexer::{Lexer, Mode, Token};
use crate::limits;
use crate::place::Place;
use crate::prefix::SeriesMethod;

/// How tightly a unary minus binds: more than `*`.
const NEGATE_POWER: u8 = 30;

/// How tightly `by` and `where` bind: less than every operator.
const CLAUSE_POWER: u8 = 1;

/// Parses a whole text as one expression; names of functions are resolved, units are not checked.
pub(crate) fn parse_expression(source: &str) -> Result<Expr, QueryError> {
    let mut parser = Parser::new(source)?;
    if source.trim().is_empty() {
        return Err(syntax(Place::default(), "the query is empty")
            .with_hint("for example `p95(llm.request.duration) by model`"));
    }
    let expr = parser.expression(0)?;
    parser.expect_end()?;
    Ok(expr)
}

/// Parses a whole text as a scope, with or without braces; an empty text is everything. With it come the places of its
/// tags, in the order of [`weir_types::Scope::keys`].
pub(crate) fn parse_whole_scope(source: &str) -> Result<(weir_types::Scope, Vec<Place>), QueryError> {
    let parsed = Parser::new(source)?.bare_or_braced_scope()?;
    Ok((parsed.scope, parsed.places))
}

/// Parses the expression that starts at a byte of a text and ends where no more of it follows.
pub(crate) fn parse_prefix(source: &str, start: usize, is_argument: bool) -> Result<ExprPrefix, QueryError> {
    let mut parser = Parser::new(source)?;
    parser.lexer = Lexer::starting_at(source, start);
    parser.series_methods = Some(Vec::new());
    parser.surrounding = if is_argument { Surrounding::Arguments } else { Surrounding::Nothing };
    let expr = parser.expression(0)?;
    Ok(ExprPrefix { expr, end: parser.last.range().end, methods: parser.series_methods.unwrap_or_default() })
}

/// An expression at the start of a longer text.
pub(crate) struct ExprPrefix {
    pub(crate) expr: Expr,
    pub(crate) end: usize,
    pub(crate) methods: Vec<SeriesMethod>,
}

/// What surrounds an expression; inside of a call a comma separates arguments and so ends a list of tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Surrounding {
    Nothing,
    Arguments,
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    /// Where the last token that was taken stands.
    last: Place,
    depth: usize,
    nodes: usize,
    surrounding: Surrounding,
    /// Datadog's methods on points, where they are allowed.
    series_methods: Option<Vec<SeriesMethod>>,
}

impl<'a> Parser<'a> {
    fn new(source: &'a str) -> Result<Self, QueryError> {
        if source.len() > limits::QUERY_BYTES_MAX {
            return Err(QueryError::new(
                QueryErrorKind::Limit,
                limits::QUERY_BYTES_MAX..source.len(),
                format!("the query has {} bytes; the most is {}", source.len(), limits::QUERY_BYTES_MAX),
            ));
        }
        Ok(Self {
            lexer: Lexer::new(source),
            last: Place::default(),
            depth: 0,
            nodes: 0,
            surrounding: Surrounding::Nothing,
            series_methods: None,
        })
    }

    /// The next token, which stays where it is.
    fn peek(&self) -> Result<(Token, Place), QueryError> {
        let mut ahead = self.lexer;
        ahead.next(Mode::Expression)
    }

    /// Takes the next token.
    fn take(&mut self) -> Result<(Token, Place), QueryError> {
        let (token, place) = self.lexer.next(Mode::Expression)?;
        self.last = place;
        Ok((token, place))
    }

    /// Takes the next token if it is this symbol.
    fn take_symbol(&mut self, symbol: char) -> Result<bool, QueryError> {
        let found = self.peek()?.0 == Token::Symbol(symbol);
        if found {
            self.take()?;
        }
        Ok(found)
    }

    /// Takes the symbol that must be next; `what` says where, for the error.
    fn expect_symbol(&mut self, symbol: char, what: &str) -> Result<Place, QueryError> {
        let (token, place) = self.take()?;
        if token == Token::Symbol(symbol) {
            return Ok(place);
        }
        Err(syntax(place, format!("expected `{symbol}` {what}, found {}", token.describe())))
    }

    fn expect_end(&self) -> Result<(), QueryError> {
        let (token, place) = self.peek()?;
        let message = format!("expected an operator or the end of the query, found {}", token.describe());
        let error = syntax(place, message);
        Err(match token {
            Token::End => return Ok(()),
            Token::Comparison(_) => syntax(place, "a comparison belongs to a monitor, not to a query")
                .with_hint("ask for the expression before it, and draw the threshold in the chart"),
            Token::Logic(_) => syntax(place, "monitors are joined with && and ||, values are not")
                .with_hint("in a scope write AND and OR: `{team:a AND env:prod}`"),
            Token::Symbol(')') => error.with_hint("this parenthesis was never opened"),
            Token::Symbol('{') => {
                error.with_hint("a scope follows a metric, as in `sum(m{team:a})`, or the word `where`")
            }
            Token::Symbol(':') => error.with_hint(
                "a window such as `avg(last_5m):` belongs to a monitor; ask for the part after it",
            ),
            Token::Symbol(',') => error.with_hint("one query asks for one expression"),
            Token::Name(word) if word.eq_ignore_ascii_case("group") => {
                error.with_hint("groups are written `by model`")
            }
            Token::Name(word) if matches!(&*word, "over" | "for" | "warn" | "crit" | "every" | "recover") => {
                error.with_hint(
                    "that clause belongs to a monitor; a query takes its time range from the outside",
                )
            }
            _ => error,
        })
    }

    /// Runs `parse` one level deeper.
    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, QueryError>) -> Result<T, QueryError> {
        if self.depth == limits::DEPTH_MAX {
            let place = self.peek()?.1;
            return Err(QueryError::new(
                QueryErrorKind::Limit,
                place.range(),
                format!("the query nests deeper than {} levels", limits::DEPTH_MAX),
            ));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    /// Runs `parse` in a surrounding of its own.
    fn within<T>(
        &mut self,
        surrounding: Surrounding,
        parse: impl FnOnce(&mut Self) -> Result<T, QueryError>,
    ) -> Result<T, QueryError> {
        let outer = std::mem::replace(&mut self.surrounding, surrounding);
        let result = parse(self);
        self.surrounding = outer;
        result
    }

    /// Builds a node, as long as there are not too many.
    fn node(&mut self, kind: ExprKind, place: Place) -> Result<Expr, QueryError> {
        self.nodes += 1;
        if self.nodes > limits::NODES_MAX {
            return Err(QueryError::new(
                QueryErrorKind::Limit,
                place.range(),
                format!("the query has more than {} numbers, metrics and operators", limits::NODES_MAX),
            ));
        }
        Ok(Expr::new(kind, place))
    }

    /// An expression whose operators bind at least as tightly as `power_min`.
    fn expression(&mut self, power_min: u8) -> Result<Expr, QueryError> {
        self.deeper(|parser| {
            let mut left = parser.operand()?;
            // How tightly the operator binds that made `left`, and whether a clause has closed it since.
            let (mut made_with, mut closed) = (u8::MAX, false);
            loop {
                let (token, place) = parser.peek()?;
                left = match token {
                    Token::Symbol('.') => parser.method(left)?,
                    Token::Symbol(symbol) => {
                        let Some(operator) = BinaryOperator::of_symbol(symbol) else { return Ok(left) };
                        if operator.binding_power() < power_min {
                            return Ok(left);
                        }
                        if closed && made_with < operator.binding_power() {
                            return Err(ambiguous(operator, place));
                        }
                        made_with = operator.binding_power();
                        parser.binary(left, operator)?
                    }
                    Token::Name(word) if power_min <= CLAUSE_POWER && is_word(&word, "by") => {
                        closed = true;
                        parser.by(left)?
                    }
                    Token::Name(word) if power_min <= CLAUSE_POWER && is_word(&word, "where") => {
                        closed = true;
                        parser.narrowed(left)?
                    }
                    _ => return Ok(left),
                };
            }
        })
    }

    fn binary(&mut self, left: Expr, operator: BinaryOperator) -> Result<Expr, QueryError> {
        self.take()?;
        let right = self.expression(operator.binding_power() + 1)?;
        let place = left.place.to(right.place);
        self.node(ExprKind::Binary { operator, left: Box::new(left), right: Box::new(right) }, place)
    }

    /// What stands between operators.
    fn operand(&mut self) -> Result<Expr, QueryError> {
        let (token, place) = self.take()?;
        match token {
            Token::Number(number) => self.node(ExprKind::Number(number), place),
            Token::Symbol('-') => {
                let inner = self.expression(NEGATE_POWER)?;
                let whole = place.to(inner.place);
                self.node(ExprKind::Negate(Box::new(inner)), whole)
            }
            Token::Symbol('(') => {
                let inner = self.within(Surrounding::Nothing, |parser| parser.expression(0))?;
                self.expect_symbol(')', "to close the parenthesis")?;
                Ok(inner)
            }
            Token::Name(word) if is_word(&word, "by") || is_word(&word, "where") => {
                Err(syntax(place, format!("expected an expression before `{word}`")))
            }
            Token::Name(word) => self.named(&word, place),
            Token::Backticked(metric) => self.bare_metric(&metric, place),
            other => Err(Self::no_operand(&other, place)),
        }
    }

    fn no_operand(token: &Token, place: Place) -> QueryError {
        let error = syntax(place, format!("expected an expression, found {}", token.describe()));
        match token {
            Token::Symbol('+') => error.with_hint("leave the plus sign out"),
            Token::Symbol('{') => {
                error.with_hint("a scope follows a metric: `sum(llm.request.count{team:a})`")
            }
            Token::Text(_) => error.with_hint("metrics are written without quotes, or in backticks"),
            Token::Symbol('!') => error.with_hint("`!` belongs in a scope: `{!team:a}`"),
            _ => error,
        }
    }
}

/// Whether a bare word is this keyword, in capital letters or not.
fn is_word(word: &str, keyword: &str) -> bool {
    word.eq_ignore_ascii_case(keyword)
}

/// After `a + b by model` the sum is closed; `* c` would apply to all of it, which is not what it looks like.
fn ambiguous(operator: BinaryOperator, place: Place) -> QueryError {
    let symbol = operator.symbol();
    syntax(place, format!("it is not clear what `{symbol}` applies to after the clause before it"))
        .with_hint("put parentheses around what belongs together, and `by` or `where` at the end")
}

fn syntax(place: Place, message: impl Into<String>) -> QueryError {
    QueryError::new(QueryErrorKind::Syntax, place.range(), message)
}
