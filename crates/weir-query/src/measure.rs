//! The algebra of units: what a value measures, and what sums, products and quotients of values measure.
//!
//! [`Unit`] is what an answer is shown with; it cannot say "tokens per millisecond". Between the leaves and the answer
//! a measure keeps the powers of the units, so that `sum(usd) / sum(tokens) * sum(tokens)` is dollars again and adding
//! milliseconds to dollars is refused. Where nothing is known (metrics that users send carry no unit) everything goes.

use weir_types::metric::Unit;

use crate::number::{Number, Suffix};

/// What a value measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Measure {
    powers: Powers,
    /// What it is when all powers are zero.
    plain: Plain,
    /// Whether it is a hundred times what it would be: that makes a percentage of a share.
    hundredfold: bool,
}

/// The power of each unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Powers {
    tokens: i8,
    usd: i8,
    millis: i8,
    seconds: i8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plain {
    /// A number of which no unit is known.
    Any,
    /// A count of things.
    Count,
    /// A part of a whole.
    Share,
}

/// Two measures that add up to a third, after each side is multiplied.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sum {
    pub(crate) measure: Measure,
    pub(crate) left_factor: f64,
    pub(crate) right_factor: f64,
}

impl Measure {
    /// A number of which no unit is known.
    pub(crate) const ANY: Self = Self::plain(Plain::Any);
    /// A count of things.
    pub(crate) const COUNT: Self = Self::plain(Plain::Count);
    /// A part of a whole.
    pub(crate) const SHARE: Self = Self::plain(Plain::Share);
    /// A part of a whole in hundredths.
    pub(crate) const PERCENT: Self = Self { hundredfold: true, ..Self::SHARE };

    const fn plain(plain: Plain) -> Self {
        Self { powers: Powers { tokens: 0, usd: 0, millis: 0, seconds: 0 }, plain, hundredfold: false }
    }

    fn of_powers(powers: Powers) -> Self {
        Self { powers, ..Self::ANY }
    }

    pub(crate) fn of_unit(unit: Unit) -> Self {
        let zero = Powers::default();
        match unit {
            Unit::None => Self::ANY,
            Unit::Count => Self::COUNT,
            Unit::Ratio => Self::SHARE,
            Unit::Percent => Self::PERCENT,
            Unit::Millis => Self::of_powers(Powers { millis: 1, ..zero }),
            Unit::Tokens => Self::of_powers(Powers { tokens: 1, ..zero }),
            Unit::Usd => Self::of_powers(Powers { usd: 1, ..zero }),
            Unit::PerSecond => Self { powers: Powers { seconds: -1, ..zero }, ..Self::COUNT },
        }
    }

    /// The measure of a constant after [`Number::base_value`].
    pub(crate) fn of_number(number: Number) -> Self {
        Self::of_unit(match number.suffix {
            Suffix::Plain => Unit::None,
            Suffix::Percent => Unit::Ratio,
            Suffix::Usd => Unit::Usd,
            Suffix::Tokens => Unit::Tokens,
            Suffix::PerSecond => Unit::PerSecond,
            Suffix::Nanos
            | Suffix::Micros
            | Suffix::Millis
            | Suffix::Seconds
            | Suffix::Minutes
            | Suffix::Hours
            | Suffix::Days
            | Suffix::Weeks => Unit::Millis,
        })
    }

    fn is_powerless(self) -> bool {
        self.powers == Powers::default()
    }

    /// Whether nothing is known of it, so that it goes with everything.
    pub(crate) fn is_any(self) -> bool {
        self.is_powerless() && self.plain == Plain::Any
    }

    /// What both sides of a `+` or `-` give; `None` when they do not go together.
    pub(crate) fn add(self, other: Self) -> Option<Sum> {
        let same = |measure| Some(Sum { measure, left_factor: 1.0, right_factor: 1.0 });
        if self.is_any() {
            return same(other);
        }
        if other.is_any() {
            return same(self);
        }
        if self.powers != other.powers || self.is_powerless() && self.plain != other.plain {
            return None;
        }
        if self.plain != Plain::Share || self.hundredfold == other.hundredfold {
            return same(self);
        }
        let factor = |side: Self| if side.hundredfold { 1.0 } else { 100.0 };
        Some(Sum { measure: Self::PERCENT, left_factor: factor(self), right_factor: factor(other) })
    }

    pub(crate) fn multiply(self, other: Self) -> Self {
        let plain = match (self.plain, other.plain) {
            (Plain::Any, plain) | (plain, Plain::Any) => plain,
            (Plain::Share, Plain::Share) => Plain::Share,
            (Plain::Count, Plain::Share) | (Plain::Share, Plain::Count) => Plain::Count,
            (Plain::Count, Plain::Count) => Plain::Any,
        };
        Self {
            powers: self.powers.combine(other.powers, i8::saturating_add),
            plain,
            hundredfold: self.hundredfold != other.hundredfold,
        }
    }

    pub(crate) fn divide(self, other: Self) -> Self {
        let powers = self.powers.combine(other.powers, i8::saturating_sub);
        let is_same_thing = self.powers == other.powers && !self.is_powerless();
        let plain = match (self.plain, other.plain) {
            _ if is_same_thing => Plain::Share,
            (Plain::Count, Plain::Count) | (Plain::Share, Plain::Share) if self.powers == other.powers => {
                Plain::Share
            }
            // Dollars per call are dollars, calls per dollar are neither.
            (Plain::Any, Plain::Any | Plain::Share) if !self.is_powerless() => Plain::Any,
            (plain, Plain::Any | Plain::Share) => plain,
            (_, Plain::Count) => Plain::Any,
        };
        Self { powers, plain, hundredfold: self.hundredfold && !other.hundredfold }
    }

    /// The measure after a multiplication by 100, which is how people write percentages.
    pub(crate) fn times_hundred(self) -> Self {
        Self { hundredfold: true, ..self }
    }

    /// The measure after a division by 100.
    pub(crate) fn by_hundred(self) -> Self {
        Self { hundredfold: false, ..self }
    }

    /// So much in each second.
    pub(crate) fn per_second(self) -> Self {
        let seconds = self.powers.seconds.saturating_sub(1);
        Self { powers: Powers { seconds, ..self.powers }, ..self }
    }

    /// The unit that a value is shown with.
    pub(crate) fn unit(self) -> Unit {
        let Powers { tokens, usd, millis, seconds } = self.powers;
        match (tokens, usd, millis, seconds, self.plain) {
            (0, 0, 0, 0, Plain::Any) => Unit::None,
            (0, 0, 0, 0, Plain::Count) => Unit::Count,
            (0, 0, 0, 0, Plain::Share) if self.hundredfold => Unit::Percent,
            (0, 0, 0, 0, Plain::Share) => Unit::Ratio,
            (1, 0, 0, 0, _) => Unit::Tokens,
            (0, 1, 0, 0, _) => Unit::Usd,
            (0, 0, 1, 0, _) => Unit::Millis,
            (0 | 1, 0, 0, -1, _) | (0, 1, 0, -1, _) => Unit::PerSecond,
            _ => Unit::None,
        }
    }

    /// The measure in words, for errors.
    pub(crate) fn describe(self) -> String {
        let Powers { tokens, usd, millis, seconds } = self.powers;
        let parts = [("tokens", tokens), ("usd", usd), ("ms", millis), ("s", seconds)];
        let written =
            |sign: i8| {
                let of_sign = parts.iter().filter(|(_, power)| power.signum() == sign);
                of_sign
                    .map(|(name, power)| {
                        if power.abs() == 1 { (*name).to_owned() } else { format!("{name}^{}", power.abs()) }
                    })
                    .collect::<Vec<_>>()
                    .join("·")
            };
        match (written(1), written(-1)) {
            (above, below) if above.is_empty() && below.is_empty() => match self.plain {
                Plain::Any => "a number".to_owned(),
                Plain::Count => "a count".to_owned(),
                Plain::Share if self.hundredfold => "a percentage".to_owned(),
                Plain::Share => "a ratio".to_owned(),
            },
            (above, below) if below.is_empty() => above,
            (above, below) if above.is_empty() && below == "s" => "req/s".to_owned(),
            (above, below) if above.is_empty() => format!("1/{below}"),
            (above, below) => format!("{above}/{below}"),
        }
    }
}

impl Powers {
    fn combine(self, other: Self, with: fn(i8, i8) -> i8) -> Self {
        Self {
            tokens: with(self.tokens, other.tokens),
            usd: with(self.usd, other.usd),
            millis: with(self.millis, other.millis),
            seconds: with(self.seconds, other.seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unit_survives_the_way_through_a_measure() {
        for unit in [
            Unit::None,
            Unit::Count,
            Unit::Ratio,
            Unit::Percent,
            Unit::Millis,
            Unit::Tokens,
            Unit::Usd,
            Unit::PerSecond,
        ] {
            assert_eq!(Measure::of_unit(unit).unit(), unit);
        }
    }

    #[test]
    fn quotients_and_products_undo_each_other() {
        let usd = Measure::of_unit(Unit::Usd);
        let tokens = Measure::of_unit(Unit::Tokens);
        assert_eq!(usd.divide(tokens).unit(), Unit::None);
        assert_eq!(usd.divide(tokens).multiply(tokens).unit(), Unit::Usd);
        assert_eq!(usd.divide(usd).unit(), Unit::Ratio);
        assert_eq!(usd.divide(Measure::COUNT).unit(), Unit::Usd);
        assert_eq!(Measure::COUNT.divide(Measure::COUNT).unit(), Unit::Ratio);
    }

    #[test]
    fn tokens_for_each_millisecond_are_not_tokens_for_each_second() {
        let tokens = Measure::of_unit(Unit::Tokens);
        assert_eq!(tokens.per_second().unit(), Unit::PerSecond);
        assert_eq!(tokens.divide(Measure::of_unit(Unit::Millis)).unit(), Unit::None);
    }

    #[test]
    fn a_share_of_a_percentage_is_a_percentage() {
        assert_eq!(Measure::PERCENT.multiply(Measure::SHARE).unit(), Unit::Percent);
        assert_eq!(Measure::PERCENT.divide(Measure::PERCENT).unit(), Unit::Ratio);
    }

    #[test]
    fn a_ratio_added_to_a_percentage_is_multiplied_by_a_hundred() {
        let sum = Measure::SHARE.add(Measure::PERCENT).unwrap();
        assert_eq!((sum.measure.unit(), sum.left_factor, sum.right_factor), (Unit::Percent, 100.0, 1.0));
    }
}
