//! Whether an expression makes sense: units that go together, groups that can be joined, tags that exist.
//!
//! Everything here is known without a store, so it runs when a query is parsed and a panel or a monitor with a mistake
//! is refused when it is saved. What only the store knows (metrics that users send) is checked when a query is asked.

use weir_types::metric::{self, MetricInfo, Unit};
use weir_types::{Scope, TagKey};

use crate::ast::{Aggregator, BinaryOperator, Expr, ExprKind, Leaf};
use crate::error::{QueryError, QueryErrorKind};
use crate::measure::Measure;
use crate::name;
use crate::number::{Number, Suffix};
use crate::place::Place;

/// What is known of an expression before it is evaluated.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Checked {
    /// What its values measure.
    pub(crate) measure: Measure,
    /// The tags that its series have; `None` when it is a constant.
    pub(crate) keys: Option<Vec<TagKey>>,
    /// Whether values of parts of the time add up to the value of the whole, so that a rate can be made of them.
    pub(crate) additive: bool,
}

/// Checks an expression and everything in it.
pub(crate) fn check(expr: &Expr) -> Result<Checked, QueryError> {
    match &expr.kind {
        ExprKind::Number(number) => Ok(constant(*number)),
        ExprKind::Leaf(leaf) => check_leaf(leaf),
        ExprKind::Negate(inner) => check(inner),
        ExprKind::Call(call) => {
            // Constants among the arguments were checked by the parser against the kind of the parameter.
            let args = call.args.iter().map(check).collect::<Result<Vec<_>, _>>()?;
            (call.function.check)(call, args)
        }
        ExprKind::Binary { operator, left, right } => joined(*operator, left, right),
    }
}

/// The two sides of a `+` or `-` after the units were made equal: what each is multiplied by.
pub(crate) fn sum_factors(left: &Expr, right: &Expr) -> Result<(f64, f64), QueryError> {
    let sum = check(left)?.measure.add(check(right)?.measure);
    Ok(sum.map_or((1.0, 1.0), |sum| (sum.left_factor, sum.right_factor)))
}

fn constant(number: Number) -> Checked {
    Checked { measure: Measure::of_number(number), keys: None, additive: false }
}

/// Whether each value of a metric is one occurrence: what it has is a sum.
pub(crate) fn is_occurrence(info: &MetricInfo) -> bool {
    info.is_count && info.unit == Unit::Count
}

fn check_leaf(leaf: &Leaf) -> Result<Checked, QueryError> {
    let info = metric::derived(&leaf.metric);
    if let Some(info) = info {
        let scope_keys = leaf.scope.keys();
        let named = leaf.by.iter().zip(&leaf.by_places).chain(scope_keys.into_iter().zip(&leaf.scope_places));
        check_tags(&leaf.metric, info.extra_tags, named)?;
    }
    if info.is_some_and(is_occurrence) && leaf.aggregator.needs_histogram() {
        let message = format!("each value of {} is 1, so it has no percentiles", leaf.metric);
        return Err(QueryError::new(QueryErrorKind::Argument, leaf.aggregator_place.range(), message)
            .with_hint("percentiles are of measurements such as llm.request.duration"));
    }
    let unit = Measure::of_unit(info.map_or(Unit::None, |info| info.unit));
    let measure = match leaf.aggregator {
        Aggregator::Count => Measure::COUNT,
        Aggregator::CountAbove(bound) => {
            if unit.add(Measure::of_number(bound)).is_none() {
                let message = format!(
                    "{} is in {}, the bound is in {}",
                    leaf.metric,
                    unit.describe(),
                    Measure::of_number(bound).describe()
                );
                return Err(QueryError::new(QueryErrorKind::Unit, leaf.aggregator_place.range(), message));
            }
            Measure::COUNT
        }
        _ => unit,
    };
    Ok(Checked { measure, keys: Some(leaf.by.clone()), additive: leaf.aggregator.is_additive() })
}

/// Checks that spans have every tag of a scope, each of which stands at one of the places.
pub(crate) fn check_span_tags(scope: &Scope, places: &[Place]) -> Result<(), QueryError> {
    check_tags("a span", &[], scope.keys().into_iter().zip(places))
}

/// Checks that `subject`, made of spans, has every tag.
fn check_tags<'a>(
    subject: &str,
    extra: &'static [&'static str],
    named: impl Iterator<Item = (&'a TagKey, &'a Place)>,
) -> Result<(), QueryError> {
    let known = || name::SPAN_TAGS.iter().chain(extra).copied();
    for (key, place) in named {
        if !known().any(|tag| tag == key.as_str()) {
            let message = format!("{subject} has no tag `{}`", name::shown(key.as_str()));
            return Err(QueryError::new(QueryErrorKind::Name, place.range(), message)
                .with_hint(format!("its tags are {}", known().collect::<Vec<_>>().join(", ")))
                .with_hint_if(name::did_you_mean(key.as_str(), known())));
        }
    }
    Ok(())
}

/// Checks two expressions that an operator joins.
pub(crate) fn joined(operator: BinaryOperator, left: &Expr, right: &Expr) -> Result<Checked, QueryError> {
    let (a, b) = (check(left)?, check(right)?);
    let keys = joined_keys(&a, &b, right)?;
    let (measure, additive) = match operator {
        BinaryOperator::Add | BinaryOperator::Subtract => {
            let sum = a.measure.add(b.measure).ok_or_else(|| not_addable(operator, &a, &b, right))?;
            (sum.measure, a.additive && b.additive)
        }
        BinaryOperator::Multiply if is_hundred(left) => (b.measure.times_hundred(), b.additive),
        BinaryOperator::Multiply if is_hundred(right) => (a.measure.times_hundred(), a.additive),
        BinaryOperator::Divide if is_hundred(right) => (a.measure.by_hundred(), a.additive),
        BinaryOperator::Multiply => {
            let one_scales = a.keys.is_none() && b.additive || b.keys.is_none() && a.additive;
            (a.measure.multiply(b.measure), one_scales)
        }
        BinaryOperator::Divide => (a.measure.divide(b.measure), a.additive && b.keys.is_none()),
    };
    Ok(Checked { measure, keys, additive })
}

/// Whether this is the plain number by which people make percentages.
fn is_hundred(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Number(Number { value, suffix: Suffix::Plain }) if value.total_cmp(&100.0).is_eq())
}

/// The tags of a join: those of the side with more. An error when neither side has all tags of the other.
fn joined_keys(a: &Checked, b: &Checked, right: &Expr) -> Result<Option<Vec<TagKey>>, QueryError> {
    let (Some(left_keys), Some(right_keys)) = (&a.keys, &b.keys) else {
        return Ok(a.keys.clone().or_else(|| b.keys.clone()));
    };
    if right_keys.iter().all(|key| left_keys.contains(key)) {
        Ok(Some(left_keys.clone()))
    } else if left_keys.iter().all(|key| right_keys.contains(key)) {
        Ok(Some(right_keys.clone()))
    } else {
        Err(not_joinable(left_keys, right_keys, right))
    }
}

fn not_joinable(left_keys: &[TagKey], right_keys: &[TagKey], right: &Expr) -> QueryError {
    let names = |keys: &[TagKey]| keys.iter().map(TagKey::as_str).collect::<Vec<_>>().join(", ");
    let message = format!("cannot join groups by {} with groups by {}", names(left_keys), names(right_keys));
    QueryError::new(QueryErrorKind::Grouping, right.place.range(), message)
        .with_hint("group both sides by the same tags, or one side by some of the tags of the other")
}

fn not_addable(operator: BinaryOperator, a: &Checked, b: &Checked, right: &Expr) -> QueryError {
    let (left_unit, right_unit) = (a.measure.describe(), b.measure.describe());
    let message = match operator {
        BinaryOperator::Subtract => format!("cannot subtract {right_unit} from {left_unit}"),
        _ => format!("cannot add {right_unit} to {left_unit}"),
    };
    QueryError::new(QueryErrorKind::Unit, right.place.range(), message)
        .with_hint("both sides must measure the same; divide them for a ratio, or ask two queries")
}
