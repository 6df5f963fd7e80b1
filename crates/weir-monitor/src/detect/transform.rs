//! How values are changed before a band is learned, and back.
//!
//! Counts scatter with the square root of their size and latencies in proportion to it. After a square root or a logarithm
//! both scatter alike on quiet and on busy hours, so that one scale serves all day.
//!
//! Every transform is odd and increasing, so negative values of metrics that users send are no special case.

use std::fmt;

use weir_types::metric::Unit;

use super::numeric::{exp, ln};

/// How values are changed before a band is learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transform {
    /// Not at all: scores and shares.
    Identity,
    /// The square root: counts, tokens, money.
    Sqrt,
    /// The logarithm of one more: durations in milliseconds.
    Log,
}

impl Transform {
    /// What suits values of a unit.
    pub const fn of_unit(unit: Unit) -> Self {
        match unit {
            Unit::None | Unit::Ratio | Unit::Percent => Self::Identity,
            Unit::Count | Unit::Tokens | Unit::Usd | Unit::PerSecond => Self::Sqrt,
            Unit::Millis => Self::Log,
        }
    }

    /// A value as the band learns it.
    pub fn apply(self, value: f64) -> f64 {
        match self {
            Self::Identity => value,
            Self::Sqrt => value.abs().sqrt().copysign(value),
            Self::Log => ln(1.0 + value.abs()).copysign(value),
        }
    }

    /// The value that [`Transform::apply`] made this of.
    pub fn invert(self, learned: f64) -> f64 {
        match self {
            Self::Identity => learned,
            Self::Sqrt => (learned * learned).copysign(learned),
            Self::Log => (exp(learned.abs()) - 1.0).copysign(learned),
        }
    }
}

impl fmt::Display for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identity => "values as they are",
            Self::Sqrt => "square roots, since counts scatter with the root of their size",
            Self::Log => "logarithms, since durations scatter in proportion to their size",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_transformed_comes_back() {
        for transform in [Transform::Identity, Transform::Sqrt, Transform::Log] {
            for value in [-1e6, -3.5, -1e-6, 0.0, 1e-6, 0.7, 12.0, 5000.0, 1e9] {
                let back = transform.invert(transform.apply(value));
                assert!((back - value).abs() <= 1e-6 * value.abs().max(1e-3), "{transform:?} {value} {back}");
            }
        }
    }
}
