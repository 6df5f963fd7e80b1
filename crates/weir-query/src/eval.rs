//! The evaluation of an expression on a grid.
//!
//! The same walk serves two ends. The planner walks with a source of cells that notes what is asked and answers
//! nothing; the executor walks with the cells that the store gave. So a function is written once, and what is planned
//! is what is used.

use crate::ast::{BinaryOperator, Expr, ExprKind, Leaf};
use crate::check::sum_factors;
use crate::error::QueryError;
use crate::grid::Grid;
use crate::series::{Group, Points, SeriesSet, Value};

/// Where the values of leaves come from. Two exist: the planner, which takes notes, and the answers of the store.
pub(crate) trait LeafSource {
    /// The values of a leaf on a grid, groups in their order.
    fn leaf(&mut self, leaf: &Leaf, grid: &Grid) -> Result<Vec<(Group, Points)>, QueryError>;
}

/// Evaluates expressions.
pub(crate) struct Evaluator<'a> {
    source: &'a mut dyn LeafSource,
    /// What a reader of the answer should know.
    pub(crate) notes: Vec<String>,
}

impl<'a> Evaluator<'a> {
    pub(crate) fn new(source: &'a mut dyn LeafSource) -> Self {
        Self { source, notes: Vec::new() }
    }

    /// The values of an expression.
    pub(crate) fn expr(&mut self, expr: &Expr, grid: &Grid) -> Result<Value, QueryError> {
        match &expr.kind {
            ExprKind::Number(number) => Ok(Value::Constant(number.base_value())),
            ExprKind::Leaf(leaf) => Ok(Value::Series(self.leaf(leaf, grid)?)),
            ExprKind::Negate(inner) => Ok(self.expr(inner, grid)?.map(|value| -value)),
            ExprKind::Call(call) => (call.function.eval)(self, call, grid),
            ExprKind::Binary { operator, left, right } => {
                let (a, b) = (self.expr(left, grid)?, self.expr(right, grid)?);
                Ok(match operator {
                    BinaryOperator::Multiply => a.join(b, |a, b| a * b),
                    BinaryOperator::Divide => a.join(b, |a, b| a / b),
                    BinaryOperator::Add | BinaryOperator::Subtract => {
                        let sign = if *operator == BinaryOperator::Add { 1.0 } else { -1.0 };
                        let (left_factor, right_factor) = sum_factors(left, right)?;
                        a.join(b, |a, b| a * left_factor + sign * b * right_factor)
                    }
                })
            }
        }
    }

    /// The values of an aggregated metric.
    pub(crate) fn leaf(&mut self, leaf: &Leaf, grid: &Grid) -> Result<SeriesSet, QueryError> {
        let series = self.source.leaf(leaf, grid)?;
        Ok(SeriesSet { keys: leaf.by.clone(), series, absent: None })
    }

    /// Adds a note, once.
    pub(crate) fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}
