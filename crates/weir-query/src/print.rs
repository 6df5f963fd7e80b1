//! The canonical text of an expression: parsing it gives the same tree again.
//!
//! Weir's own form is printed, whichever was written. A `by` that all metrics share stands once, at the end; otherwise
//! each metric has its own. Scopes stand at their metric. Parentheses stand only where they change the tree.

use std::fmt;

use weir_types::{Scope, TagKey};

use crate::ast::{Aggregator, BinaryOperator, Call, Expr, ExprKind, Leaf};
use crate::functions::Bare;
use crate::name::{self, quoted_name};

/// Binds more tightly than any operator.
const UNARY_POWER: u8 = 30;

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let leaves = self.leaves();
        let is_shared = |by: &[TagKey]| !by.is_empty() && leaves.iter().all(|leaf| leaf.by == by);
        // `count(v: …):m` is Datadog's form: a `by` after it would be its own only.
        let binds_by = |leaf: &&Leaf| matches!(leaf.aggregator, Aggregator::CountAbove(_));
        let first = leaves.first().map(|leaf| &leaf.by[..]);
        let shared = first.filter(|by| is_shared(by) && !leaves.iter().any(binds_by));
        write_expr(f, self, 0, shared.is_some())?;
        shared.map_or(Ok(()), |by| write_by(f, by))
    }
}

/// Writes an expression whose surrounding binds with `power`; `is_grouped` says that `by` stands elsewhere.
fn write_expr(f: &mut fmt::Formatter<'_>, expr: &Expr, power: u8, is_grouped: bool) -> fmt::Result {
    match &expr.kind {
        ExprKind::Number(number) => write!(f, "{number}"),
        ExprKind::Leaf(leaf) => parenthesised(f, power > 0 && !leaf.by.is_empty() && !is_grouped, |f| {
            write_leaf(f, leaf)?;
            if is_grouped { Ok(()) } else { write_by(f, &leaf.by) }
        }),
        ExprKind::Call(call) => write_call(f, call, is_grouped),
        ExprKind::Negate(inner) => parenthesised(f, power > UNARY_POWER, |f| {
            f.write_str("-")?;
            write_expr(f, inner, UNARY_POWER, is_grouped)
        }),
        ExprKind::Binary { operator, left, right } => {
            let own = operator.binding_power();
            parenthesised(f, own < power, |f| {
                write_expr(f, left, own, is_grouped)?;
                write!(f, " {} ", operator.symbol())?;
                write_expr(f, right, own + 1, is_grouped)
            })
        }
    }
}

fn parenthesised(
    f: &mut fmt::Formatter<'_>,
    needed: bool,
    inner: impl FnOnce(&mut fmt::Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    if needed {
        f.write_str("(")?;
    }
    inner(f)?;
    if needed { f.write_str(")") } else { Ok(()) }
}

fn write_leaf(f: &mut fmt::Formatter<'_>, leaf: &Leaf) -> fmt::Result {
    if let Aggregator::CountAbove(_) = leaf.aggregator {
        write!(f, "{}:", leaf.aggregator)?;
        return write_selected(f, leaf);
    }
    write!(f, "{}(", leaf.aggregator)?;
    write_selected(f, leaf)?;
    f.write_str(")")
}

/// The metric and its scope.
fn write_selected(f: &mut fmt::Formatter<'_>, leaf: &Leaf) -> fmt::Result {
    f.write_str(&quoted_name(&leaf.metric))?;
    match &leaf.scope {
        Scope::All => Ok(()),
        Scope::And(parts) | Scope::Or(parts) if parts.len() > 1 => {
            // The braces do what the parentheses of a scope's own text would.
            let text = leaf.scope.to_string();
            let inner = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
            write!(f, "{{{}}}", inner.unwrap_or(&text))
        }
        scope => write!(f, "{{{scope}}}"),
    }
}

/// ` by model` or ` by {model, team}`, or nothing.
fn write_by(f: &mut fmt::Formatter<'_>, by: &[TagKey]) -> fmt::Result {
    let is_bare = |key: &TagKey| matches!(quoted_name(key.as_str()), std::borrow::Cow::Borrowed(_));
    match by {
        [] => Ok(()),
        [key] if is_bare(key) => write!(f, " by {key}"),
        keys => {
            f.write_str(" by {")?;
            for (i, key) in keys.iter().enumerate() {
                let is_word = key.as_str() != "*" && key.as_str().chars().all(name::in_scope_word);
                let text = if is_word { key.as_str().to_owned() } else { quoted_in_backticks(key.as_str()) };
                write!(f, "{}{text}", if i > 0 { ", " } else { "" })?;
            }
            f.write_str("}")
        }
    }
}

fn quoted_in_backticks(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

fn write_call(f: &mut fmt::Formatter<'_>, call: &Call, is_grouped: bool) -> fmt::Result {
    write!(f, "{}(", call.function.name)?;
    for (i, arg) in call.args.iter().enumerate() {
        if i > 0 {
            f.write_str(", ")?;
        }
        match &arg.kind {
            ExprKind::Leaf(leaf) if leaf.aggregator == filled_in(call, leaf) => {
                write_selected(f, leaf)?;
                if !is_grouped {
                    write_by(f, &leaf.by)?;
                }
            }
            _ => write_expr(f, arg, 0, is_grouped)?,
        }
    }
    f.write_str(")")
}

/// The aggregator that a metric without one would get among the arguments of a call.
fn filled_in(call: &Call, leaf: &Leaf) -> Aggregator {
    match call.function.bare {
        Bare::Sum => Aggregator::Sum,
        Bare::Usual => Aggregator::of_bare(&leaf.metric),
    }
}

impl fmt::Display for BinaryOperator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.symbol())
    }
}
