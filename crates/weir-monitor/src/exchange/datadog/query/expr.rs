//! Expressions in Datadog's spelling: `sum:m{a:b} by {c}.as_count()`.
//!
//! Tags are spelled as the condition spells them: `model_name` is `model` in Weir, and still `model_name` where Datadog
//! has the metric from.

use weir_query::{Aggregator, Call, Expr, ExprKind, Leaf, Place, rate_terms};
use weir_types::{Scope, TagKey};

use crate::condition::Rule;

/// Binds more tightly than any operator.
const UNARY_POWER: u8 = 30;

/// Prints the expressions of one condition.
pub(super) struct Printer<'a> {
    /// The condition as written, for the spelling of tags.
    pub(super) text: &'a str,
    /// Whether totals are taken of the whole window, before anything is divided.
    pub(super) is_as_count: bool,
    /// The distance of points in microseconds, where it is not the usual one.
    pub(super) rollup: Option<i64>,
    /// Whether a point without values is zero.
    pub(super) is_zero_filled: bool,
}

impl Printer<'_> {
    pub(super) fn print(&self, expr: &Expr) -> Result<String, String> {
        self.bound(expr, 0)
    }

    /// As one side of a division.
    pub(super) fn operand(&self, expr: &Expr) -> Result<String, String> {
        self.bound(expr, 20)
    }

    fn bound(&self, expr: &Expr, power: u8) -> Result<String, String> {
        let wrapped = |own: u8, text: String| if own < power { format!("({text})") } else { text };
        match &expr.kind {
            ExprKind::Number(number) => Ok(number.base_value().to_string()),
            ExprKind::Leaf(leaf) => Ok(self.leaf(leaf, None)),
            ExprKind::Call(call) => self.call(call, power),
            ExprKind::Negate(inner) if matches!(inner.kind, ExprKind::Number(_)) => {
                Ok(format!("-{}", self.bound(inner, UNARY_POWER)?))
            }
            ExprKind::Negate(inner) => Ok(wrapped(20, format!("-1 * {}", self.bound(inner, 21)?))),
            ExprKind::Binary { operator, left, right } => {
                let own = if "+-".contains(operator.symbol()) { 10 } else { 20 };
                let (left, right) = (self.bound(left, own)?, self.bound(right, own + 1)?);
                Ok(wrapped(own, format!("{left} {} {right}", operator.symbol())))
            }
        }
    }

    fn call(&self, call: &Call, power: u8) -> Result<String, String> {
        let wrapped = |text: String| if power > 20 { format!("({text})") } else { text };
        let arg =
            |at: usize| call.args.get(at).ok_or_else(|| format!("{} lacks an argument", call.function.name));
        match call.function.name {
            "default_zero" | "hour_before" | "day_before" | "week_before" | "month_before" | "abs"
            | "exclude_null" => Ok(format!("{}({})", call.function.name, self.print(arg(0)?)?)),
            "timeshift" => {
                let seconds = shift_seconds(arg(1)?).ok_or("its timeshift is no length of time")?;
                Ok(format!("timeshift({}, -{seconds})", self.print(arg(0)?)?))
            }
            "per_second" => match &arg(0)?.kind {
                ExprKind::Leaf(leaf) if is_additive(leaf.aggregator) => Ok(self.leaf(leaf, Some("as_rate"))),
                _ => Ok(format!("per_second({})", self.print(arg(0)?)?)),
            },
            "rate" => {
                let (hits, cases) = rate_terms(call).ok_or("its rate is of no outcome")?;
                let cases: Vec<String> = cases.iter().map(|case| self.leaf(case, None)).collect();
                let all = cases.join(" + ");
                let all = if cases.len() > 1 { format!("({all})") } else { all };
                Ok(wrapped(format!("default_zero({}) / {all}", self.leaf(&hits, None))))
            }
            "ratio" => Ok(wrapped(format!(
                "default_zero({}) / {}",
                self.print(arg(0)?)?,
                self.bound(arg(1)?, UNARY_POWER)?
            ))),
            "week_over_week_change" | "day_over_day_change" => {
                Err(format!("Datadog cannot compute with the result of {}", call.function.name))
            }
            other => Err(format!("Datadog's monitors have no function {other}")),
        }
    }

    fn leaf(&self, leaf: &Leaf, method: Option<&str>) -> String {
        let by = if leaf.by.is_empty() { String::new() } else { format!(" by {{{}}}", self.by(leaf)) };
        let aggregator = match leaf.aggregator {
            Aggregator::CountAbove(bound) => format!("count(v: v>{})", bound.base_value()),
            other => other.to_string(),
        };
        let as_count = (self.is_as_count && is_additive(leaf.aggregator)).then_some("as_count");
        let method = method.or(as_count).map_or_else(String::new, |method| format!(".{method}()"));
        let rollup = self.rollup.map_or_else(String::new, |us| {
            let aggregator = if let Aggregator::CountAbove(_) = leaf.aggregator {
                "sum".to_owned()
            } else {
                aggregator.clone()
            };
            format!(".rollup({aggregator}, {})", us / 1_000_000)
        });
        let fill = if self.is_zero_filled { ".fill(zero)" } else { "" };
        format!("{aggregator}:{}{{{}}}{by}{method}{rollup}{fill}", leaf.metric, self.scope(leaf))
    }

    fn by(&self, leaf: &Leaf) -> String {
        let keys = leaf.by.iter().zip(&leaf.by_places).map(|(key, place)| spelling(self.text, key, *place));
        keys.collect::<Vec<_>>().join(",")
    }

    fn scope(&self, leaf: &Leaf) -> String {
        let mut places = leaf.scope_places.iter().copied();
        match &leaf.scope {
            Scope::All => "*".to_owned(),
            // Commas as most people write them; Datadog takes them or words, but not both.
            Scope::And(parts) if parts.iter().all(is_simple) => {
                let parts: Vec<String> =
                    parts.iter().map(|part| self.condition(part, &mut places, "!", 0)).collect();
                parts.join(",")
            }
            scope if is_simple(scope) => self.condition(scope, &mut places, "!", 0),
            scope => self.condition(scope, &mut places, "NOT ", 0),
        }
    }

    /// A condition on tags; `places` are those of its tags, which are taken in order.
    fn condition(
        &self,
        scope: &Scope,
        places: &mut impl Iterator<Item = Place>,
        not: &str,
        power: u8,
    ) -> String {
        let mut tag = |key: &TagKey| spelling(self.text, key, places.next().unwrap_or_default());
        match scope {
            Scope::All => "*".to_owned(),
            Scope::Is(key, value) => format!("{}:{}", tag(key), shown_value(value)),
            Scope::In(key, values) => format!("{} IN {}", tag(key), list(values)),
            Scope::Not(inner) => match &**inner {
                Scope::In(key, values) => format!("{} NOT IN {}", tag(key), list(values)),
                inner => format!("{not}{}", self.condition(inner, places, not, 3)),
            },
            Scope::And(parts) => self.joined(parts, places, not, " AND ", (2, power)),
            Scope::Or(parts) => self.joined(parts, places, not, " OR ", (1, power)),
        }
    }

    fn joined(
        &self,
        parts: &[Scope],
        places: &mut impl Iterator<Item = Place>,
        not: &str,
        word: &str,
        (own, power): (u8, u8),
    ) -> String {
        // `dyn` ends the recursion of types that `impl` would begin.
        let mut places: &mut dyn Iterator<Item = Place> = places;
        let parts: Vec<String> =
            parts.iter().map(|part| self.condition(part, &mut places, not, own + 1)).collect();
        let text = parts.join(word);
        if own < power { format!("({text})") } else { text }
    }
}

fn is_simple(scope: &Scope) -> bool {
    match scope {
        Scope::Is(..) => true,
        Scope::Not(inner) => matches!(**inner, Scope::Is(..)),
        _ => false,
    }
}

fn list(values: &[std::sync::Arc<str>]) -> String {
    let values: Vec<String> = values.iter().map(|value| shown_value(value)).collect();
    format!("({})", values.join(","))
}

/// A value, in quotes when it has characters that end one.
fn shown_value(value: &str) -> String {
    let is_bare = !value.is_empty() && value.chars().all(|c| c.is_alphanumeric() || "_-./*@:".contains(c));
    if is_bare {
        value.to_owned()
    } else {
        format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// A tag as the condition spells it at a place; its own name when it does not stand there.
pub(super) fn spelling(text: &str, key: &TagKey, place: Place) -> String {
    let written = text.get(place.range()).map(|written| written.trim_matches(['`', '"', '\'']));
    written.filter(|written| TagKey::new(written) == *key).unwrap_or(key.as_str()).to_owned()
}

pub(super) fn is_additive(aggregator: Aggregator) -> bool {
    matches!(aggregator, Aggregator::Sum | Aggregator::Count | Aggregator::CountAbove(_))
}

/// Whether something is taken for each second, which cannot be counted over a window.
pub(super) fn has_rates(expr: &Expr) -> bool {
    calls(expr).iter().any(|call| call.function.name == "per_second")
}

fn calls(expr: &Expr) -> Vec<&Call> {
    match &expr.kind {
        ExprKind::Number(_) | ExprKind::Leaf(_) => Vec::new(),
        ExprKind::Call(call) => std::iter::once(call).chain(call.args.iter().flat_map(calls)).collect(),
        ExprKind::Negate(inner) => calls(inner),
        ExprKind::Binary { left, right, .. } => [calls(left), calls(right)].concat(),
    }
}

/// The seconds that a `timeshift` looks back.
fn shift_seconds(expr: &Expr) -> Option<f64> {
    match &expr.kind {
        ExprKind::Negate(inner) => shift_seconds(inner),
        ExprKind::Number(number) => Some(match number.suffix {
            weir_query::Suffix::Plain => number.value,
            _ => number.base_value() / 1_000.0,
        }),
        _ => None,
    }
}

/// Functions that Weir has and Datadog has not, or has under other names.
const OWN_FUNCTIONS: [&str; 6] =
    ["rate", "ratio", "top", "bottom", "week_over_week_change", "day_over_day_change"];

/// Whether a condition is a Datadog query to the letter: Weir reads its own expressions in Datadog's frame too.
pub(super) fn is_datadog(text: &str, rule: &Rule) -> bool {
    let expr = rule.query.expr();
    let follows = |end: usize, wanted: char| text[end..].trim_start().starts_with(wanted);
    let is_leaf = |leaf: &&Leaf| {
        let (aggregator, metric) = (leaf.aggregator_place.range(), leaf.metric_place.range());
        let is_prefixed = !aggregator.is_empty()
            && (follows(aggregator.end, ':') || matches!(leaf.aggregator, Aggregator::CountAbove(_)));
        let has_braced_by =
            leaf.by_places.first().is_none_or(|first| text[..first.range().start].trim_end().ends_with('{'));
        let is_alone = text.get(metric.clone()).is_some_and(|written| written == &*leaf.metric);
        is_prefixed && has_braced_by && is_alone && follows(metric.end, '{')
    };
    let has_own = calls(expr).iter().any(|call| OWN_FUNCTIONS.contains(&call.function.name));
    let number = text.rfind(['>', '<', '=']).map_or("", |at| &text[at + 1..]);
    let is_plain = number.trim().parse::<f64>().is_ok();
    let is_named = !text.contains(" where ") && !text.contains("anomaly(");
    is_plain && is_named && !has_own && expr.leaves().iter().all(is_leaf)
}
