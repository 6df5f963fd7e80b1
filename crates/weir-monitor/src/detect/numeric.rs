//! Logarithm, exponential and the normal distribution, the same to the last bit on every machine.
//!
//! A band must give the same bits whenever its points are folded again, so nothing here calls the platform's
//! mathematics, whose last digits differ. Only additions, multiplications, divisions and square roots are used, which
//! IEEE 754 fixes. Errors are below 1e-9, which is far below what a band can know.
//!
//! Nothing fails: arguments outside of a function's domain give its limit.

/// The natural logarithm; of what is not positive, that of the smallest positive number.
pub(super) fn ln(x: f64) -> f64 {
    const MANTISSA: u64 = (1 << 52) - 1;
    let bits = x.max(f64::MIN_POSITIVE).to_bits();
    let exponent = i32::try_from(bits >> 52).unwrap_or(0) - 1023;
    let mantissa = f64::from_bits(bits & MANTISSA | 1023 << 52);
    // A mantissa around 1 keeps the series short.
    let (mantissa, exponent) = if mantissa > std::f64::consts::SQRT_2 {
        (0.5 * mantissa, exponent + 1)
    } else {
        (mantissa, exponent)
    };
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    let s = t * t;
    let series =
        1.0 + s * (1.0 / 3.0 + s * (1.0 / 5.0 + s * (1.0 / 7.0 + s * (1.0 / 9.0 + s * (1.0 / 11.0)))));
    2.0 * t * series + f64::from(exponent) * std::f64::consts::LN_2
}

/// The exponential, between those of -700 and 700.
pub(super) fn exp(x: f64) -> f64 {
    // Adding a number at which doubles are whole rounds.
    const WHOLE: f64 = 6_755_399_441_055_744.0;
    let x = x.clamp(-700.0, 700.0);
    let twos = (x * std::f64::consts::LOG2_E + WHOLE) - WHOLE;
    let r = x - twos * std::f64::consts::LN_2;
    let series = 1.0
        + r * (1.0
            + r * (0.5
                + r * (1.0 / 6.0
                    + r * (1.0 / 24.0
                        + r * (1.0 / 120.0
                            + r * (1.0 / 720.0 + r * (1.0 / 5040.0 + r * (1.0 / 40320.0))))))));
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to -1010..=1010 above"
    )]
    let power = f64::from_bits(((twos as i64 + 1023) as u64) << 52);
    series * power
}

/// The probability that a normal variable is greater than `z`, for `z` of at least zero.
pub(super) fn upper_tail(z: f64) -> f64 {
    // Abramowitz and Stegun 7.1.26 has an absolute error, so far out the continued fraction takes over.
    if z > 2.5 {
        let fraction = z + 1.0 / (z + 2.0 / (z + 3.0 / (z + 4.0 / (z + 5.0 / (z + 6.0 / (z + 7.0 / z))))));
        return exp(-0.5 * z * z) / (fraction * 2.506_628_274_631_000_5);
    }
    let x = z / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let polynomial = ((((1.061_405_429 * t - 1.453_152_027) * t + 1.421_413_741) * t - 0.284_496_736) * t
        + 0.254_829_592)
        * t;
    0.5 * polynomial * exp(-x * x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_and_exponentials_agree_with_the_platforms() {
        for step in -2000..2000 {
            let x = f64::from(step) / 100.0;
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-9, "exp {x}");
            assert!((ln(x.exp()) - x).abs() < 1e-9, "ln of exp {x}");
        }
        assert!(ln(0.0).is_finite() && ln(-1.0).is_finite());
    }

    #[test]
    fn the_normal_tail_has_its_known_values() {
        for (z, tail) in
            [(0.5, 0.308_538), (1.0, 0.158_655), (2.0, 0.022_750), (3.0, 0.001_349_9), (5.0, 2.866_5e-7)]
        {
            assert!((upper_tail(z) / tail - 1.0).abs() < 2e-4, "{z}: {}", upper_tail(z));
        }
    }
}
