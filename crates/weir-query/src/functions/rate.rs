//! `rate`: which share of all cases had an outcome.

use std::sync::Arc;

use weir_types::{Scope, TagKey, metric};

use super::{Bare, FunctionSpec, VALUES};
use crate::ast::{Aggregator, Call, ExprKind, Leaf};
use crate::check::Checked;
use crate::error::{QueryError, QueryErrorKind};
use crate::eval::Evaluator;
use crate::grid::Grid;
use crate::measure::Measure;
use crate::series::Value;

/// `rate(metric)`
pub(crate) static RATE: FunctionSpec = FunctionSpec {
    name: "rate",
    parameters: &[VALUES],
    summary: "the share of cases that had an outcome: errors by requests",
    doc: "\
The sum of an outcome metric divided by the sum of the cases it is an outcome of, in the same step and group: \
`rate(llm.request.error)` is errors by requests, a ratio from 0 to 1. Both are summed before they are divided, so a \
rate over a day is not an average of rates. A step with requests and no errors has the rate 0; a step without requests \
has none. Tags that only the outcome has (`error_type`, `status`) narrow and group the errors and not the requests, so \
`rate(llm.request.error) by error_type` adds up to the whole error rate.

Outcome metrics are `llm.request.error` and `llm.request.unpriced` (of `llm.request.count`), \
`custom.llm.prompt_truncated` (of `llm.request.count`), and `custom.llm.cache_hit` and `custom.llm.cache_miss` (of both \
together). For any other pair write `ratio(a, b)`; for things in a second write `per_second(x)`.",
    examples: &["rate(llm.request.error) by model", "rate(llm.request.error{error_type:timeout}) where {team:payments}"],
    bare: Bare::Sum,
    check,
    eval,
};

/// Each outcome and the cases that it is an outcome of.
const OUTCOMES: [(&str, &[&str]); 5] = [
    (metric::LLM_REQUEST_ERROR, &[metric::LLM_REQUEST_COUNT]),
    (metric::LLM_REQUEST_UNPRICED, &[metric::LLM_REQUEST_COUNT]),
    (metric::PROMPT_TRUNCATED, &[metric::LLM_REQUEST_COUNT]),
    (metric::CACHE_HIT, &[metric::CACHE_HIT, metric::CACHE_MISS]),
    (metric::CACHE_MISS, &[metric::CACHE_HIT, metric::CACHE_MISS]),
];

/// Tags that say how a case ended: a case that ended otherwise has another value or none.
const OUTCOME_TAGS: [&str; 2] = ["error_type", "status"];

/// The outcome and its cases; an error names what is wrong with the argument.
fn outcome(call: &Call) -> Result<(&Leaf, &'static [&'static str]), QueryError> {
    let error =
        |message: String| QueryError::new(QueryErrorKind::Argument, call.args[0].place.range(), message);
    let ExprKind::Leaf(leaf) = &call.args[0].kind else {
        return Err(error("rate takes a metric, not an expression".to_owned()).with_hint(
            "write `ratio(a, b)` for the share of b that is a, `per_second(x)` for things in a second",
        ));
    };
    if !matches!(leaf.aggregator, Aggregator::Sum | Aggregator::Count) {
        return Err(error(format!("rate takes a metric or its sum, not its {}", leaf.aggregator))
            .with_hint(format!("write `rate({})`", leaf.metric)));
    }
    let cases = OUTCOMES.iter().find(|(outcome, _)| **outcome == *leaf.metric);
    let Some((_, cases)) = cases else {
        return Err(error(format!("{} is not an outcome of anything, so it has no rate", leaf.metric))
            .with_hint(format!(
                "for things in a second write `per_second({})`, for a share write `ratio({}, …)`",
                leaf.metric, leaf.metric
            )));
    };
    Ok((leaf, cases))
}

fn check(call: &Call, args: Vec<Checked>) -> Result<Checked, QueryError> {
    let (leaf, _) = outcome(call)?;
    without_outcome(&leaf.scope).ok_or_else(|| {
        QueryError::new(
            QueryErrorKind::Argument,
            call.args[0].place.range(),
            "a rate cannot be narrowed by an alternative of outcome and other tags",
        )
        .with_hint("join the condition on error_type or status with AND, not with OR")
    })?;
    let keys = args.into_iter().next().and_then(|arg| arg.keys);
    Ok(Checked { measure: Measure::SHARE, keys, additive: false })
}

fn eval(evaluator: &mut Evaluator<'_>, call: &Call, grid: &Grid) -> Result<Value, QueryError> {
    let (leaf, cases) = outcome(call)?;
    let mut hits = evaluator.leaf(leaf, grid)?;
    fill_gaps(&mut hits.series);
    hits.absent = Some(0.0);
    let mut of_all: Option<Value> = None;
    for case in cases {
        let mut set = evaluator.leaf(&cases_of(leaf, case), grid)?;
        if cases.len() > 1 {
            fill_gaps(&mut set.series);
            set.absent = Some(0.0);
        }
        let value = Value::Series(set);
        of_all = Some(match of_all {
            Some(sum) => sum.join(value, |a, b| a + b),
            None => value,
        });
    }
    let of_all = of_all.unwrap_or(Value::Constant(f64::NAN));
    Ok(Value::Series(hits).join(of_all, |hits, all| hits / all))
}

/// What a `rate` divides: the outcome, and its cases, which are added up; `None` for other calls.
pub fn rate_terms(call: &Call) -> Option<(Leaf, Vec<Leaf>)> {
    if call.function.name != RATE.name {
        return None;
    }
    let (leaf, cases) = outcome(call).ok()?;
    Some((leaf.clone(), cases.iter().map(|case| cases_of(leaf, case)).collect()))
}

/// A step without an outcome had none: zero, not unknown.
fn fill_gaps(series: &mut [(crate::series::Group, crate::series::Points)]) {
    for point in series.iter_mut().flat_map(|(_, points)| points) {
        point.get_or_insert(0.0);
    }
}

/// The cases that an outcome is counted among: the same, but for tags that say how a case ended.
fn cases_of(leaf: &Leaf, metric: &str) -> Leaf {
    let scope = without_outcome(&leaf.scope).unwrap_or_default();
    let by: Vec<TagKey> = leaf.by.iter().filter(|key| !is_outcome_tag(key)).cloned().collect();
    Leaf { metric: Arc::from(metric), scope, by, ..leaf.clone() }
}

fn is_outcome_tag(key: &TagKey) -> bool {
    OUTCOME_TAGS.contains(&key.as_str())
}

/// A scope without its conditions on outcome tags; `None` when they cannot be taken out because they are part of an
/// alternative with other tags.
fn without_outcome(scope: &Scope) -> Option<Scope> {
    let keys = scope.keys();
    if !keys.iter().any(|key| is_outcome_tag(key)) {
        return Some(scope.clone());
    }
    if keys.iter().all(|key| is_outcome_tag(key)) {
        return Some(Scope::All);
    }
    match scope {
        Scope::And(parts) => {
            let kept: Option<Vec<Scope>> = parts.iter().map(without_outcome).collect();
            Some(kept?.into_iter().fold(Scope::All, Scope::and))
        }
        _ => None,
    }
}
