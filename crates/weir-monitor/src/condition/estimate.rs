//! What the value of a condition is an estimate of, where one can say how sure it is: what `confidence` is for.

use std::ops::Range;

use weir_query::{Aggregator, BinaryOperator, ExprKind, Leaf, QueryError, QueryErrorKind, rate_terms};
use weir_types::metric::{self, Unit};

use super::{Hinted as _, Reading, Rule, Shape, located};

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Estimate {
    /// The share of cases that had an outcome.
    Share,
    /// The mean of values.
    Mean,
    /// The value that this share of values does not exceed.
    Quantile(f64),
}

impl Rule {
    /// An error at this place when a confidence is asked for that nothing can be said of.
    pub(super) fn check_confidence(&self, place: Range<usize>) -> Result<(), QueryError> {
        if self.rules.confidence.is_none() || self.estimate().is_some() {
            return Ok(());
        }
        let message = "there is no saying how sure this value is";
        Err(located(QueryErrorKind::Argument, place, message)
            .hinted("confidence is for a rate, a ratio of two numbers of calls, an average or a percentile, in Weir's own form"))
    }

    /// What the value is an estimate of; `None` where there is no saying how sure it is: of sums, of what is combined of
    /// several metrics, and of points.
    pub(crate) fn estimate(&self) -> Option<Estimate> {
        if self.reading != Reading::Merged || !matches!(self.shape, Shape::Value(_)) {
            return None;
        }
        match &self.query.expr().kind {
            ExprKind::Leaf(leaf) => match leaf.aggregator {
                Aggregator::Avg => Some(Estimate::Mean),
                Aggregator::Percentile(percentile) => Some(Estimate::Quantile(percentile.quantile())),
                _ => None,
            },
            ExprKind::Call(call) if rate_terms(call).is_some() => Some(Estimate::Share),
            ExprKind::Call(call) if call.function.name == "ratio" => {
                call.args.iter().all(|arg| counts_calls(&arg.kind)).then_some(Estimate::Share)
            }
            ExprKind::Binary { operator: BinaryOperator::Divide, left, right } => {
                (counts_calls(&left.kind) && counts_calls(&right.kind)).then_some(Estimate::Share)
            }
            _ => None,
        }
    }
}

/// Whether each value is one case.
fn counts_calls(kind: &ExprKind) -> bool {
    let ExprKind::Leaf(Leaf { aggregator: Aggregator::Sum | Aggregator::Count, metric, .. }) = kind else {
        return false;
    };
    metric::derived(metric).is_some_and(|info| info.unit == Unit::Count)
}
