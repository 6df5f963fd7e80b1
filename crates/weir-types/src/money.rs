//! Money, without floats: amounts in nano-dollars, prices in pico-dollars for a token.
//!
//! The finest public prices are cents for a million tokens (10,000 pico-dollars for a token), so a price is exact in
//! pico-dollars; a product of price and tokens is rounded half up, once, to nano-dollars.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};

use serde::{Deserialize, Serialize};

/// An amount of US dollars in units of 1e-9. The range is ±9.2 billion dollars; sums stay within it by saturating.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NanoUsd(pub i64);

impl NanoUsd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The amount in dollars, for display and statistics only.
    pub fn as_usd(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The amount nearest to this many dollars; for amounts that users write in configuration.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "float to integer casts saturate, which is what a limit wants"
    )]
    pub fn from_usd(usd: f64) -> Self {
        Self((usd * 1e9).round() as i64)
    }
}

impl Add for NanoUsd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for NanoUsd {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl AddAssign for NanoUsd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for NanoUsd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for NanoUsd {
    /// Dollars with as many decimals as are needed, at least two: `$0.00`, `$12.50`, `$0.00003`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let amount = self.0.unsigned_abs();
        let mut rest = amount % 1_000_000_000;
        let mut decimals = [b'0'; 9];
        for digit in decimals.iter_mut().rev() {
            *digit += (rest % 10).to_le_bytes()[0];
            rest /= 10;
        }
        // Every call is answered with its cost, so the digits are made without an allocation.
        let shown = decimals.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1).max(2);
        let shown = std::str::from_utf8(&decimals[..shown]).map_err(|_| fmt::Error)?;
        write!(f, "{sign}${}.{shown}", amount / 1_000_000_000)
    }
}

/// The price of one token in units of 1e-12 US dollars. $1 for a million tokens is 1,000,000 of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PicoUsdPerToken(pub i64);

impl PicoUsdPerToken {
    /// The cost of this many tokens in pico-dollars, unrounded, so that parts can be added before rounding.
    pub fn times_pico(self, tokens: u64) -> i128 {
        i128::from(self.0) * i128::from(tokens)
    }

    /// Rounds a sum of [`Self::times_pico`] half up to nano-dollars.
    pub fn round_to_nano(pico_usd: i128) -> NanoUsd {
        let nano = (pico_usd + 500).div_euclid(1_000);
        NanoUsd(i64::try_from(nano).unwrap_or(if nano < 0 { i64::MIN } else { i64::MAX }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_as_dollars() {
        for (nano, text) in
            [(0, "$0.00"), (12_500_000_000, "$12.50"), (30_000, "$0.00003"), (-1, "-$0.000000001")]
        {
            assert_eq!(NanoUsd(nano).to_string(), text);
        }
    }

    #[test]
    fn rounding_happens_once_and_half_up() {
        let price = PicoUsdPerToken(150_000); // $0.15 for a million
        assert_eq!(PicoUsdPerToken::round_to_nano(price.times_pico(7)), NanoUsd(1_050));
        assert_eq!(PicoUsdPerToken::round_to_nano(1_500), NanoUsd(2));
        assert_eq!(PicoUsdPerToken::round_to_nano(1_499), NanoUsd(1));
    }
}
