//! The syntax tree of an expression.
//!
//! One tree for every way of writing: Weir's own form `p95(m) by model where {team:a}` and Datadog's
//! `p95:m{team:a} by {model}` make the same tree, clauses that apply to several parts are already handed down to each
//! part, and aliases are resolved. So everything behind the parser knows one form only. Monitors wrap an [`Expr`] in
//! a comparison and clauses of their own; nothing here needs to change for them.

use std::fmt;
use std::sync::Arc;

use weir_types::metric::{self, Unit};
use weir_types::{Scope, TagKey};

use crate::functions::FunctionSpec;
use crate::number::Number;
use crate::place::Place;

/// An expression and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub place: Place,
}

/// The kinds of expressions.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// A constant.
    Number(Number),
    /// An aggregated metric: what the store is asked for.
    Leaf(Leaf),
    /// A call of a function.
    Call(Call),
    /// `-x`
    Negate(Box<Expr>),
    /// `a + b` and the like.
    Binary {
        /// The operator.
        operator: BinaryOperator,
        /// Its left side.
        left: Box<Expr>,
        /// Its right side.
        right: Box<Expr>,
    },
}

/// A metric, aggregated over time and over the series that a scope selects, for each group.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf {
    /// How values become one.
    pub aggregator: Aggregator,
    /// Where the aggregator stands; empty when a bare metric was written and the aggregator was filled in.
    pub aggregator_place: Place,
    /// The metric's canonical name.
    pub metric: Arc<str>,
    /// Where the metric stands.
    pub metric_place: Place,
    /// Which series.
    pub scope: Scope,
    /// Where each tag of the scope stands, in the order of [`Scope::keys`].
    pub scope_places: Vec<Place>,
    /// The tags to group by.
    pub by: Vec<TagKey>,
    /// Where each of them stands.
    pub by_places: Vec<Place>,
    /// Where the `where` clause that applies stands; empty when none does.
    pub(crate) where_place: Place,
}

impl Leaf {
    pub(crate) fn new(
        aggregator: Aggregator,
        aggregator_place: Place,
        metric: &str,
        metric_place: Place,
    ) -> Self {
        Self {
            aggregator,
            aggregator_place,
            metric: Arc::from(metric::canonical_metric(metric)),
            metric_place,
            scope: Scope::All,
            scope_places: Vec::new(),
            by: Vec::new(),
            by_places: Vec::new(),
            where_place: Place::default(),
        }
    }

    /// Narrows the series down further.
    pub(crate) fn narrow(&mut self, scope: &Scope, places: &[Place]) {
        self.scope = std::mem::take(&mut self.scope).and(scope.clone());
        self.scope_places.extend_from_slice(places);
    }
}

/// How the values of a group within a step become one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Aggregator {
    /// Their sum.
    Sum,
    /// Sum by count.
    Avg,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// How many there are.
    Count,
    /// The value that a share of them does not exceed.
    Percentile(Percentile),
    /// How many are greater than a bound.
    CountAbove(Number),
}

impl Aggregator {
    /// The aggregators that are plain words.
    pub(crate) const NAMED: [(&'static str, Self); 5] = [
        ("sum", Self::Sum),
        ("avg", Self::Avg),
        ("min", Self::Min),
        ("max", Self::Max),
        ("count", Self::Count),
    ];

    /// The aggregator with this name; percentiles are `p50`, `p99.9` or `p999`.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let lower = name.to_ascii_lowercase();
        let named = Self::NAMED.iter().find(|(word, _)| *word == lower).map(|(_, aggregator)| *aggregator);
        named.or_else(|| Percentile::parse(&lower).map(Self::Percentile))
    }

    /// What a metric stands for when no aggregator is written: its total where totals have a meaning, its average
    /// otherwise.
    pub(crate) fn of_bare(metric: &str) -> Self {
        match metric::derived(metric).map(|info| info.unit) {
            Some(Unit::Count | Unit::Tokens | Unit::Usd) => Self::Sum,
            _ => Self::Avg,
        }
    }

    /// Whether values of parts of the time add up to the value of the whole.
    pub(crate) fn is_additive(self) -> bool {
        matches!(self, Self::Sum | Self::Count | Self::CountAbove(_))
    }

    /// Whether it is made from histograms.
    pub(crate) fn needs_histogram(self) -> bool {
        matches!(self, Self::Percentile(_) | Self::CountAbove(_))
    }
}

impl fmt::Display for Aggregator {
    /// The word before the metric; the bound of `count(v: v > N)` is included.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percentile(percentile) => write!(f, "{percentile}"),
            Self::CountAbove(bound) => write!(f, "count(v: v > {bound})"),
            other => {
                let named = Self::NAMED.iter().find(|(_, aggregator)| aggregator == other);
                f.write_str(named.map_or("", |(word, _)| word))
            }
        }
    }
}

/// A percentile, in hundredths of a percent: 1 to 9,999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Percentile(u16);

impl Percentile {
    /// Reads `p50`, `p99.9`, `p99.99`; and, as is common, `p999` for 99.9 and `p9999` for 99.99.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('p')?;
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) || digits.ends_with('.') {
            return None;
        }
        let (whole, fraction) = match whole.len() {
            1 | 2 => (whole, fraction),
            3 | 4 if whole.starts_with("99") && fraction.is_empty() => whole.split_at(2),
            _ => return None,
        };
        if fraction.len() > 2 {
            return None;
        }
        let hundredths: u16 = format!("{whole}{fraction:0<2}").parse().ok()?;
        (1..=9_999).contains(&hundredths).then_some(Self(hundredths))
    }

    /// The percentile of this many hundredths of a percent, if there is one.
    pub fn from_hundredths(hundredths: u16) -> Option<Self> {
        (1..=9_999).contains(&hundredths).then_some(Self(hundredths))
    }

    /// The quantile: 0.95 for `p95`.
    pub fn quantile(self) -> f64 {
        f64::from(self.0) / 10_000.0
    }
}

impl fmt::Display for Percentile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / 100, self.0 % 100);
        match fraction {
            0 => write!(f, "p{whole}"),
            tenths if tenths % 10 == 0 => write!(f, "p{whole}.{}", tenths / 10),
            hundredths => write!(f, "p{whole}.{hundredths:02}"),
        }
    }
}

/// A call of a function.
#[derive(Debug, Clone)]
pub struct Call {
    /// The function.
    pub function: &'static FunctionSpec,
    /// Where its name stands.
    pub name_place: Place,
    /// What it is given: as many as the function has parameters, each of the parameter's kind.
    pub args: Vec<Expr>,
}

impl PartialEq for Call {
    fn eq(&self, other: &Self) -> bool {
        self.function.name == other.function.name && self.args == other.args
    }
}

/// The operators between two expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BinaryOperator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
}

impl BinaryOperator {
    /// The operator that a character writes.
    pub(crate) fn of_symbol(symbol: char) -> Option<Self> {
        Some(match symbol {
            '+' => Self::Add,
            '-' => Self::Subtract,
            '*' => Self::Multiply,
            '/' => Self::Divide,
            _ => return None,
        })
    }

    /// The character that writes it.
    pub const fn symbol(self) -> char {
        match self {
            Self::Add => '+',
            Self::Subtract => '-',
            Self::Multiply => '*',
            Self::Divide => '/',
        }
    }

    /// How tightly it binds: more binds first.
    pub(crate) const fn binding_power(self) -> u8 {
        match self {
            Self::Add | Self::Subtract => 10,
            Self::Multiply | Self::Divide => 20,
        }
    }
}

impl Expr {
    pub(crate) fn new(kind: ExprKind, place: Place) -> Self {
        Self { kind, place }
    }

    /// The aggregated metrics of the expression, from left to right.
    pub fn leaves(&self) -> Vec<&Leaf> {
        let mut leaves = Vec::new();
        self.visit_leaves(&mut |leaf| leaves.push(leaf));
        leaves
    }

    fn visit_leaves<'a>(&'a self, visit: &mut impl FnMut(&'a Leaf)) {
        match &self.kind {
            ExprKind::Number(_) => {}
            ExprKind::Leaf(leaf) => visit(leaf),
            ExprKind::Call(call) => call.args.iter().for_each(|arg| arg.visit_leaves(visit)),
            ExprKind::Negate(inner) => inner.visit_leaves(visit),
            ExprKind::Binary { left, right, .. } => {
                left.visit_leaves(visit);
                right.visit_leaves(visit);
            }
        }
    }

    pub(crate) fn visit_leaves_mut(&mut self, visit: &mut impl FnMut(&mut Leaf)) {
        match &mut self.kind {
            ExprKind::Number(_) => {}
            ExprKind::Leaf(leaf) => visit(leaf),
            ExprKind::Call(call) => call.args.iter_mut().for_each(|arg| arg.visit_leaves_mut(visit)),
            ExprKind::Negate(inner) => inner.visit_leaves_mut(visit),
            ExprKind::Binary { left, right, .. } => {
                left.visit_leaves_mut(visit);
                right.visit_leaves_mut(visit);
            }
        }
    }

    /// Every call in the expression.
    pub(crate) fn visit_calls<'a>(&'a self, visit: &mut impl FnMut(&'a Call)) {
        match &self.kind {
            ExprKind::Number(_) | ExprKind::Leaf(_) => {}
            ExprKind::Call(call) => {
                visit(call);
                call.args.iter().for_each(|arg| arg.visit_calls(visit));
            }
            ExprKind::Negate(inner) => inner.visit_calls(visit),
            ExprKind::Binary { left, right, .. } => {
                left.visit_calls(visit);
                right.visit_calls(visit);
            }
        }
    }

    /// The number that the expression is, with its sign, when it is one.
    pub(crate) fn as_constant(&self) -> Option<(bool, Number)> {
        match &self.kind {
            ExprKind::Number(number) => Some((false, *number)),
            ExprKind::Negate(inner) => inner.as_constant().map(|(negative, number)| (!negative, number)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_have_one_spelling_each() {
        for (written, canonical) in [
            ("p50", "p50"),
            ("p5", "p5"),
            ("p99.9", "p99.9"),
            ("p999", "p99.9"),
            ("p9999", "p99.99"),
            ("p99.90", "p99.9"),
            ("p0.5", "p0.5"),
            ("p99.05", "p99.05"),
        ] {
            assert_eq!(Percentile::parse(written).unwrap().to_string(), canonical, "{written}");
        }
        for wrong in ["p", "p0", "p100", "p500", "p99.", "p99.999", "p-5", "px", "q95", "p1e1", "p٣"] {
            assert_eq!(Percentile::parse(wrong), None, "{wrong}");
        }
    }
}
