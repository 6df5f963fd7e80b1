//! PromQL into a tree: as much of the language as rules are written in.
//!
//! The whole grammar of expressions is read, so that what cannot be translated is refused by its name and not as a
//! mistake of syntax: subqueries, `@`, `without`, `group_left` are in the tree. Depth is bounded; every loop consumes.

mod lexer;

use lexer::{Lexer, Token};

/// How deep expressions nest; the parser recurses, so it is bounded.
const DEPTH_MAX: usize = 64;

/// A node of the tree.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// A constant.
    Number(f64),
    /// A text, an argument of few functions.
    Text(String),
    /// `metric{label="value"}[5m] offset 1h`
    Selector(Selector),
    /// `rate(…)`
    Call {
        /// The function.
        name: String,
        /// Its arguments.
        args: Vec<Node>,
    },
    /// `sum by (label) (…)`
    Aggregate {
        /// The operator.
        name: String,
        /// The labels that are kept, `None` when nothing is said of them.
        by: Option<Vec<String>>,
        /// Whether the labels are those that are left out.
        is_without: bool,
        /// What is aggregated; `topk` and `quantile` have a number before it.
        args: Vec<Node>,
    },
    /// `a + b`, `a and on (label) b`
    Binary {
        /// The operator.
        operator: String,
        /// Whether a comparison gives 0 and 1.
        is_bool: bool,
        /// `on (…)`, `ignoring (…)` and `group_…`, as written.
        matching: Option<String>,
        /// Its left side.
        left: Box<Node>,
        /// Its right side.
        right: Box<Node>,
    },
    /// `-a`
    Negate(Box<Node>),
    /// What is read and never translated: a subquery, `@`.
    Other(&'static str),
}

/// A selector of series.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Selector {
    /// The metric.
    pub(super) metric: String,
    /// Label, operator and value of each condition.
    pub(super) matchers: Vec<(String, &'static str, String)>,
    /// The range in microseconds, of a range vector.
    pub(super) range_us: Option<i64>,
    /// How much earlier, in microseconds.
    pub(super) offset_us: i64,
}

/// Operators that aggregate over series.
const AGGREGATES: [&str; 14] = [
    "sum",
    "avg",
    "min",
    "max",
    "count",
    "stddev",
    "stdvar",
    "group",
    "count_values",
    "bottomk",
    "topk",
    "quantile",
    "limitk",
    "limit_ratio",
];

/// Parses an expression; an error says what is wrong.
pub(super) fn parse(text: &str) -> Result<Node, String> {
    let mut parser = Parser { lexer: Lexer::new(text), depth: 0 };
    let node = parser.expression(0)?;
    match parser.lexer.next()? {
        Token::End => Ok(node),
        other => Err(format!("expected an operator or the end, found {other}")),
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    depth: usize,
}

/// How tightly an operator binds, and whether it binds to the right.
fn power(operator: &str) -> Option<(u8, bool)> {
    Some(match operator {
        "or" => (1, false),
        "and" | "unless" => (2, false),
        "==" | "!=" | ">" | ">=" | "<" | "<=" => (3, false),
        "+" | "-" => (4, false),
        "*" | "/" | "%" | "atan2" => (5, false),
        "^" => (7, true),
        _ => return None,
    })
}

/// A minus before an operand binds more than `*` and less than `^`.
const NEGATE_POWER: u8 = 6;

impl Parser<'_> {
    fn peek(&self) -> Result<Token, String> {
        let mut ahead = self.lexer;
        ahead.next()
    }

    fn take(&mut self, symbol: &str) -> Result<bool, String> {
        let found = self.peek()? == Token::Symbol(symbol.to_owned());
        if found {
            self.lexer.next()?;
        }
        Ok(found)
    }

    fn expect(&mut self, symbol: &str) -> Result<(), String> {
        let token = self.lexer.next()?;
        if token == Token::Symbol(symbol.to_owned()) {
            return Ok(());
        }
        Err(format!("expected `{symbol}`, found {token}"))
    }

    fn take_word(&mut self, words: &[&str]) -> Result<Option<String>, String> {
        match self.peek()? {
            Token::Word(word) if words.contains(&word.to_lowercase().as_str()) => {
                self.lexer.next()?;
                Ok(Some(word.to_lowercase()))
            }
            _ => Ok(None),
        }
    }

    fn expression(&mut self, power_min: u8) -> Result<Node, String> {
        if self.depth == DEPTH_MAX {
            return Err(format!("it nests deeper than {DEPTH_MAX} levels"));
        }
        self.depth += 1;
        let mut left = self.operand()?;
        loop {
            let operator = match self.peek()? {
                Token::Symbol(symbol) => symbol,
                Token::Word(word) => word.to_lowercase(),
                _ => break,
            };
            let Some((own, is_right)) = power(&operator).filter(|(own, _)| *own >= power_min) else { break };
            self.lexer.next()?;
            let is_bool = self.take_word(&["bool"])?.is_some();
            let matching = self.matching()?;
            let right = self.expression(if is_right { own } else { own + 1 })?;
            left = Node::Binary { operator, is_bool, matching, left: Box::new(left), right: Box::new(right) };
        }
        self.depth -= 1;
        Ok(left)
    }

    /// `on (a, b) group_left (c)`
    fn matching(&mut self) -> Result<Option<String>, String> {
        let Some(word) = self.take_word(&["on", "ignoring"])? else { return Ok(None) };
        let mut text = format!("{word} ({})", self.labels()?.join(", "));
        if let Some(group) = self.take_word(&["group_left", "group_right"])? {
            text = format!("{text} {group}");
            if self.peek()? == Token::Symbol("(".to_owned()) {
                self.labels()?;
            }
        }
        Ok(Some(text))
    }

    /// `(a, b)`
    fn labels(&mut self) -> Result<Vec<String>, String> {
        self.expect("(")?;
        let mut labels = Vec::new();
        while !self.take(")")? {
            match self.lexer.next()? {
                Token::Word(label) | Token::Text(label) => labels.push(label),
                other => return Err(format!("expected a label, found {other}")),
            }
            if !self.take(",")? {
                self.expect(")")?;
                break;
            }
        }
        Ok(labels)
    }

    fn operand(&mut self) -> Result<Node, String> {
        let node = match self.lexer.next()? {
            Token::Number(number) => Node::Number(number),
            Token::Duration(us) => Node::Number(us as f64 / 1e6),
            Token::Text(text) => Node::Text(text),
            Token::Symbol(symbol) if symbol == "-" => Node::Negate(Box::new(self.expression(NEGATE_POWER)?)),
            Token::Symbol(symbol) if symbol == "+" => self.expression(NEGATE_POWER)?,
            Token::Symbol(symbol) if symbol == "(" => {
                let inner = self.expression(0)?;
                self.expect(")")?;
                inner
            }
            Token::Symbol(symbol) if symbol == "{" => self.selector(String::new())?,
            Token::Word(word) => self.named(word)?,
            other => return Err(format!("expected an expression, found {other}")),
        };
        self.modified(node)
    }

    fn named(&mut self, word: String) -> Result<Node, String> {
        let lower = word.to_lowercase();
        if matches!(lower.as_str(), "inf" | "nan") {
            return Ok(Node::Number(if lower == "inf" { f64::INFINITY } else { f64::NAN }));
        }
        let next = self.peek()?;
        let is_aggregate = AGGREGATES.contains(&lower.as_str())
            && (next == Token::Symbol("(".to_owned())
                || matches!(&next, Token::Word(next) if next.eq_ignore_ascii_case("by") || next.eq_ignore_ascii_case("without")));
        if is_aggregate {
            let mut labels = self.grouping()?;
            let args = self.args()?;
            if labels.is_none() {
                labels = self.grouping()?;
            }
            let is_without = labels.as_ref().is_some_and(|(is_without, _)| *is_without);
            return Ok(Node::Aggregate {
                name: lower,
                by: labels.map(|(_, labels)| labels),
                is_without,
                args,
            });
        }
        if next == Token::Symbol("(".to_owned()) {
            return Ok(Node::Call { name: word, args: self.args()? });
        }
        if self.take("{")? {
            return self.selector(word);
        }
        Ok(Node::Selector(Selector { metric: word, ..Selector::default() }))
    }

    /// `by (a)` or `without (a)`: whether the labels are left out, and which.
    fn grouping(&mut self) -> Result<Option<(bool, Vec<String>)>, String> {
        match self.take_word(&["by", "without"])? {
            Some(word) => Ok(Some((word == "without", self.labels()?))),
            None => Ok(None),
        }
    }

    fn args(&mut self) -> Result<Vec<Node>, String> {
        self.expect("(")?;
        let mut args = Vec::new();
        if self.take(")")? {
            return Ok(args);
        }
        loop {
            args.push(self.expression(0)?);
            if !self.take(",")? {
                self.expect(")")?;
                return Ok(args);
            }
        }
    }

    /// What follows `{`.
    fn selector(&mut self, metric: String) -> Result<Node, String> {
        let mut selector = Selector { metric, ..Selector::default() };
        while !self.take("}")? {
            let (label, is_quoted) = match self.lexer.next()? {
                Token::Word(label) => (label, false),
                Token::Text(label) => (label, true),
                other => return Err(format!("expected a label, found {other}")),
            };
            let operator = match self.peek()? {
                Token::Symbol(symbol) => ["=~", "!~", "!=", "="].into_iter().find(|known| *known == symbol),
                _ => None,
            };
            match operator {
                Some(operator) => {
                    self.lexer.next()?;
                    match self.lexer.next()? {
                        Token::Text(value) if label == "__name__" && operator == "=" => {
                            selector.metric = value;
                        }
                        Token::Text(value) => selector.matchers.push((label, operator, value)),
                        other => return Err(format!("expected a value in quotes, found {other}")),
                    }
                }
                // `{"metric.with.dots", label="value"}`
                None if is_quoted => selector.metric = label,
                None => return Err(format!("expected a comparison after the label {label}")),
            }
            if !self.take(",")? {
                self.expect("}")?;
                break;
            }
        }
        Ok(Node::Selector(selector))
    }

    /// `[5m]`, `[1h:5m]`, `offset 1w`, `@ end()`
    fn modified(&mut self, mut node: Node) -> Result<Node, String> {
        loop {
            if self.take("[")? {
                let range = self.duration()?;
                if self.take(":")? {
                    if !self.take("]")? {
                        self.duration()?;
                        self.expect("]")?;
                    }
                    node = Node::Other("a subquery");
                    continue;
                }
                self.expect("]")?;
                match &mut node {
                    Node::Selector(selector) => selector.range_us = Some(range),
                    _ => return Err("only a selector has a range".to_owned()),
                }
            } else if self.take_word(&["offset"])?.is_some() {
                let is_ahead = self.take("-")?;
                let us = self.duration()?;
                match &mut node {
                    Node::Selector(selector) => selector.offset_us = if is_ahead { -us } else { us },
                    _ => node = Node::Other("an offset of a subquery"),
                }
            } else if self.take("@")? {
                self.expression(NEGATE_POWER)?;
                node = Node::Other("a fixed time after `@`");
            } else {
                return Ok(node);
            }
        }
    }

    fn duration(&mut self) -> Result<i64, String> {
        match self.lexer.next()? {
            Token::Duration(us) => Ok(us),
            #[expect(clippy::cast_possible_truncation, reason = "bounded just before")]
            Token::Number(seconds) if (0.0..1e9).contains(&seconds) => Ok((seconds * 1e6) as i64),
            other => Err(format!("expected a length of time, found {other}")),
        }
    }
}
