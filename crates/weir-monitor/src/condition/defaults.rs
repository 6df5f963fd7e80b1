//! What is not written: the window, how often, how many values, for each kind of question.

use weir_query::{Aggregator, Expr, ExprKind, Query};
use weir_types::{UnixMicros, metric};

use super::{Comparison, Dialect, Filled, Reading, Rule, Rules, Shape, Threshold, Window};

/// Fewer values than this say little about a percentile or a rate: the 95th percentile of 20 values is their second
/// greatest.
const SAMPLES_OF_SPREAD: u64 = 20;

/// Fewer scores than this say little about their average.
const SAMPLES_OF_SCORES: u64 = 10;

/// A condition whose defaults are not filled in yet.
pub(super) struct Draft {
    dialect: Dialect,
    pub(super) shape: Shape,
    query: Query,
    pub(super) comparison: Comparison,
    pub(super) threshold: Threshold,
    pub(super) window: Option<Window>,
    pub(super) reading: Option<Reading>,
    pub(super) zero_fill: bool,
    pub(super) warning: Option<Threshold>,
    pub(super) critical: Option<Threshold>,
    pub(super) recovery: Option<Threshold>,
    pub(super) for_us: Option<i64>,
    pub(super) keep_firing_us: Option<i64>,
    pub(super) every_us: Option<i64>,
    pub(super) offset_us: Option<i64>,
    pub(super) min_samples: Option<u64>,
    pub(super) confidence: Option<f64>,
    pub(super) tz: Option<String>,
}

impl Draft {
    pub(super) fn new(
        dialect: Dialect,
        shape: Shape,
        query: Query,
        comparison: Comparison,
        threshold: Threshold,
    ) -> Self {
        Self {
            dialect,
            shape,
            query,
            comparison,
            threshold,
            window: None,
            reading: None,
            zero_fill: false,
            warning: None,
            critical: None,
            recovery: None,
            for_us: None,
            keep_firing_us: None,
            every_us: None,
            offset_us: None,
            min_samples: None,
            confidence: None,
            tz: None,
        }
    }

    pub(super) fn filled(self) -> Rule {
        let kind = Kind::of(&self.shape, self.query.expr());
        let window = Filled::or(self.window, || Window::Last(kind.window_us()));
        // Datadog has no such gate, so its queries get none.
        let samples = if self.dialect == Dialect::Datadog { 0 } else { kind.min_samples() };
        let min_samples = Filled::or(self.min_samples, || samples);
        Rule {
            reading: self.reading.unwrap_or(Reading::Merged),
            zero_fill: self.zero_fill,
            burn: None,
            rules: Rules {
                comparison: self.comparison,
                threshold: self.threshold,
                warning: self.warning,
                critical: self.critical,
                recovery: self.recovery,
                for_us: Filled::or(self.for_us, || 0),
                keep_firing_us: Filled::or(self.keep_firing_us, || 0),
                every_us: Filled::or(self.every_us, || every_us(window.value, kind)),
                offset_us: Filled::or(self.offset_us, || 0),
                min_samples,
                confidence: self.confidence,
                tz: self.tz,
            },
            shape: self.shape,
            query: self.query,
            window,
        }
    }
}

/// What kind of question a condition asks, as far as its defaults depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// How unusual something is.
    Detection {
        /// Over which time points are counted.
        alert_window_us: i64,
    },
    /// Whole days against earlier ones.
    Days(i64),
    /// Scores and measurements that users send: they come late and there are few.
    Scores,
    /// How values are spread, or which share of them had an outcome.
    Spread,
    /// Totals, extremes and all else.
    Plain,
}

impl Kind {
    fn of(shape: &Shape, expr: &Expr) -> Self {
        if let Shape::Anomaly(anomaly) = shape {
            return Self::Detection { alert_window_us: anomaly.alert_window_us.value };
        }
        if let Some(days) = super::days_back(expr) {
            return Self::Days(days);
        }
        let leaves = expr.leaves();
        let is_spread = |aggregator| matches!(aggregator, Aggregator::Percentile(_));
        if leaves
            .iter()
            .any(|leaf| leaf.aggregator == Aggregator::Avg && metric::derived(&leaf.metric).is_none())
        {
            return Self::Scores;
        }
        let is_share =
            matches!(&expr.kind, ExprKind::Call(call) if ["rate", "ratio"].contains(&call.function.name));
        let is_average = leaves.iter().any(|leaf| leaf.aggregator == Aggregator::Avg);
        if is_share || is_average || leaves.iter().any(|leaf| is_spread(leaf.aggregator)) {
            return Self::Spread;
        }
        Self::Plain
    }

    fn window_us(self) -> i64 {
        match self {
            Self::Detection { alert_window_us } => alert_window_us,
            Self::Days(days) => days * UnixMicros::DAY,
            Self::Scores => 15 * UnixMicros::MINUTE,
            Self::Spread | Self::Plain => 5 * UnixMicros::MINUTE,
        }
    }

    fn min_samples(self) -> u64 {
        match self {
            Self::Spread => SAMPLES_OF_SPREAD,
            Self::Scores => SAMPLES_OF_SCORES,
            Self::Detection { .. } | Self::Days(_) | Self::Plain => 0,
        }
    }
}

/// How often: each minute, and less often the longer the window is, as Datadog does.
fn every_us(window: Window, kind: Kind) -> i64 {
    let us = match (window, kind) {
        (_, Kind::Days(_)) => return 10 * UnixMicros::MINUTE,
        (Window::Last(us), _) => us,
        (Window::Current(_), _) => 0,
    };
    match us {
        us if us < UnixMicros::DAY => UnixMicros::MINUTE,
        us if us < 2 * UnixMicros::DAY => 10 * UnixMicros::MINUTE,
        _ => 30 * UnixMicros::MINUTE,
    }
}

/// The name of each function of an expression, from the outside in.
pub(super) fn visit_functions(expr: &Expr, visit: &mut impl FnMut(&'static str)) {
    match &expr.kind {
        ExprKind::Number(_) | ExprKind::Leaf(_) => {}
        ExprKind::Call(call) => {
            visit(call.function.name);
            call.args.iter().for_each(|arg| visit_functions(arg, visit));
        }
        ExprKind::Negate(inner) => visit_functions(inner, visit),
        ExprKind::Binary { left, right, .. } => {
            visit_functions(left, visit);
            visit_functions(right, visit);
        }
    }
}
