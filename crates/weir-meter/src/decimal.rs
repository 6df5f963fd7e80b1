//! Dollars that people write, read exactly.

/// Why a decimal number is refused; the text completes "x = "…" ".
pub(crate) type Reason = &'static str;

/// Reads a decimal number, such as `2.50`, as a whole number of units of 10^-`scale`. Exact or refused: nothing is
/// rounded. No sign, no exponent, `_` between digits is allowed.
pub(crate) fn parse(text: &str, scale: u32) -> Result<i64, Reason> {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    if whole.is_empty() && fraction.is_empty() {
        return Err("is empty; write a number of dollars such as \"2.50\"");
    }
    let mut value: i64 = 0;
    let mut push = |digit: u8| {
        value = value.checked_mul(10)?.checked_add(i64::from(digit))?;
        Some(())
    };
    for byte in whole.bytes().filter(|byte| *byte != b'_') {
        push(digit(byte)?).ok_or(TOO_LARGE)?;
    }
    let mut open = scale;
    for byte in fraction.bytes().filter(|byte| *byte != b'_') {
        match (digit(byte)?, open) {
            (0, 0) => {}
            (_, 0) => return Err("has more decimals than can be counted exactly"),
            (digit, _) => {
                push(digit).ok_or(TOO_LARGE)?;
                open -= 1;
            }
        }
    }
    for _ in 0..open {
        push(0).ok_or(TOO_LARGE)?;
    }
    Ok(value)
}

const TOO_LARGE: Reason = "is too large";

fn digit(byte: u8) -> Result<u8, Reason> {
    byte.is_ascii_digit()
        .then(|| byte - b'0')
        .ok_or("is not a plain decimal number; write dollars such as \"2.50\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_for_a_million_tokens_are_exact() {
        for (text, pico_per_token) in [
            ("2.50", 2_500_000),
            ("0.075", 75_000),
            ("0", 0),
            (".5", 500_000),
            ("1_000.", 1_000_000_000),
            ("0.000001", 1),
            ("0.0000010", 1),
            (" 3 ", 3_000_000),
        ] {
            assert_eq!(parse(text, 6), Ok(pico_per_token), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_exact_is_refused() {
        for text in ["", ".", "-1", "+1", "1e-3", "2,50", "$1", "0.0000001", "99999999999999", "١"] {
            assert!(parse(text, 6).is_err(), "{text}");
        }
    }
}
