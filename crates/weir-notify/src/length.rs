//! Lengths of time as the configuration writes them: `90s`, `5m`, `4h`, `2d`, `1w`.

use weir_types::UnixMicros;

/// The length in microseconds; `None` for what is no length of at most ten years.
pub(crate) fn length_us(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let unit_us = match unit.trim() {
        "s" => UnixMicros::SECOND,
        "m" => UnixMicros::MINUTE,
        "h" => UnixMicros::HOUR,
        "d" => UnixMicros::DAY,
        "w" => 7 * UnixMicros::DAY,
        _ => return None,
    };
    let us = number.parse::<i64>().ok()?.checked_mul(unit_us)?;
    (us <= 3_660 * UnixMicros::DAY).then_some(us)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_a_unit() {
        assert_eq!(length_us("10s"), Some(10_000_000));
        assert_eq!(length_us("0s"), Some(0));
        assert_eq!(length_us("1w"), Some(7 * UnixMicros::DAY));
        for wrong in ["", "10", "s", "-1s", "1y", "99999999999999999999s", "9999d"] {
            assert_eq!(length_us(wrong), None, "{wrong}");
        }
    }
}
