//! What a series of a test sees, minute by minute, from one line of text.
//!
//! Numbers are written as in Prometheus' tests (`1 2 3`, `5x9` is ten times 5, `1+2x3` is 1 3 5 7, `_x5` is five times
//! nothing). Generators make many values at once: `dist(lognormal, p50=900ms, p95=2s, n=40)x10` is ten minutes of forty
//! values that are spread so, `daily(shape=office, 1e6)x14d` two weeks in which each day adds up to a million. Nothing is
//! random: the values of a distribution are its quantiles, so a test says the same each time.

use weir_query::{Number, Suffix, Zone};
use weir_types::UnixMicros;

/// Minutes of one series; a year of them is a test that nobody waits for.
const MINUTES_MAX: usize = 120 * 24 * 60;

/// Values of one minute.
const VALUES_MAX: usize = 10_000;

/// How much more happens in the hours that a shape is about.
const SHAPE_FACTOR: f64 = 10.0;

/// When a script starts, and where.
pub(super) struct Clock<'a> {
    pub(super) start: UnixMicros,
    pub(super) zone: &'a Zone,
}

/// The values of each minute. The error says which part is wrong and how it is written.
pub(super) fn minutes(text: &str, clock: &Clock<'_>) -> Result<Vec<Vec<f64>>, String> {
    let mut minutes: Vec<Vec<f64>> = Vec::new();
    for term in terms(text) {
        add(&mut minutes, term, clock).map_err(|error| format!("`{term}`: {error}"))?;
        if minutes.len() > MINUTES_MAX {
            return Err(format!("`{term}`: a series has at most {} days", MINUTES_MAX / (24 * 60)));
        }
    }
    Ok(minutes)
}

/// The parts, which blanks outside of parentheses part.
fn terms(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0i32;
    let parts = text.split(move |c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth == 0 && c.is_whitespace()
    });
    parts.filter(|part| !part.is_empty())
}

fn add(minutes: &mut Vec<Vec<f64>>, term: &str, clock: &Clock<'_>) -> Result<(), String> {
    if let Some(times) = term.strip_prefix('_') {
        minutes.extend(std::iter::repeat_n(Vec::new(), repeated(times)?.unwrap_or(1)));
        return Ok(());
    }
    if let Some((name, rest)) = term.split_once('(') {
        let (arguments, times) = rest.rsplit_once(')').ok_or("a `)` is missing")?;
        let times = repeated(times)?.unwrap_or(1);
        let arguments = Arguments::of(arguments);
        match name {
            "dist" => minutes.extend(std::iter::repeat_n(distribution(&arguments)?, times)),
            "daily" => daily(minutes, &arguments, times, clock)?,
            _ => return Err("generators are `dist(…)` and `daily(…)`".to_owned()),
        }
        return Ok(());
    }
    let (first, rest) = number(term)?;
    let (step, rest) = match rest.chars().next() {
        Some('+' | '-') => number(rest)?,
        _ => (0.0, rest),
    };
    // As Prometheus counts: the first value and so many more.
    let more = repeated(rest)?.unwrap_or(0);
    minutes.extend((0..=more).map(|n| vec![first + step * n as f64]));
    Ok(())
}

/// `x10`, `x14d`; minutes.
fn repeated(text: &str) -> Result<Option<usize>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || format!("`{text}` is no repetition; write x10 for ten minutes, x14d for two weeks");
    let length = text.strip_prefix('x').ok_or_else(wrong)?;
    let minutes = if let Ok(minutes) = length.parse::<usize>() {
        minutes
    } else {
        let us = crate::condition::length_of_text(length).ok_or_else(wrong)?;
        usize::try_from(us / UnixMicros::MINUTE).map_err(|_| wrong())?
    };
    if minutes > MINUTES_MAX { Err(wrong()) } else { Ok(Some(minutes)) }
}

/// A number with its unit, and what follows it.
fn number(text: &str) -> Result<(f64, &str), String> {
    let wrong = || format!("`{text}` does not start with a number");
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut end = 0;
    let bytes = unsigned.as_bytes();
    while let Some(byte) = bytes.get(end) {
        let is_exponent =
            *byte == b'e' && bytes.get(end + 1).is_some_and(|next| next.is_ascii_digit() || *next == b'-');
        let is_sign = *byte == b'-' && end > 0 && bytes[end - 1] == b'e';
        if !(byte.is_ascii_digit() || *byte == b'.' || is_exponent || is_sign) {
            break;
        }
        end += 1;
    }
    let value: f64 = unsigned[..end].parse().map_err(|_| wrong())?;
    let rest = &unsigned[end..];
    let unit_end = rest.find(|c: char| !(c.is_ascii_alphabetic() || c == '%' || c == '/') || c == 'x');
    let (unit, rest) = rest.split_at(unit_end.unwrap_or(rest.len()));
    let suffix = Suffix::parse(unit).ok_or_else(|| format!("`{unit}` is no unit"))?;
    let base = Number { value, suffix }.base_value();
    Ok((if text.starts_with('-') { -base } else { base }, rest))
}

/// What stands between the parentheses of a generator.
struct Arguments<'a>(Vec<(Option<&'a str>, &'a str)>);

impl<'a> Arguments<'a> {
    fn of(text: &'a str) -> Self {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        Self(
            parts
                .map(|part| {
                    part.split_once('=').map_or((None, part), |(key, value)| (Some(key.trim()), value.trim()))
                })
                .collect(),
        )
    }

    fn word(&self) -> Option<&'a str> {
        self.0.iter().find(|(key, _)| key.is_none()).map(|(_, word)| *word)
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        self.0.iter().find(|(own, _)| *own == Some(key)).map(|(_, value)| *value)
    }

    fn number(&self, key: &str) -> Result<Option<f64>, String> {
        self.text(key).map(whole_number).transpose()
    }

    fn needed(&self, key: &str) -> Result<f64, String> {
        self.number(key)?.ok_or_else(|| format!("`{key}=…` is missing"))
    }
}

fn whole_number(text: &str) -> Result<f64, String> {
    match number(text)? {
        (value, "") => Ok(value),
        (_, rest) => Err(format!("`{rest}` after a number is not understood")),
    }
}

/// The values of one minute of `dist(…)`.
fn distribution(arguments: &Arguments<'_>) -> Result<Vec<f64>, String> {
    let count = arguments.number("n")?.unwrap_or(1.0);
    if !(0.0..=VALUES_MAX as f64).contains(&count) {
        return Err(format!("n is 0 to {VALUES_MAX}"));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within its bounds")]
    let count = count as usize;
    let quantiles = (0..count).map(|n| (n as f64 + 0.5) / count as f64);
    if let Some(value) = arguments.number("const")? {
        return Ok(vec![value; count]);
    }
    match arguments.word() {
        Some("lognormal") => {
            let (p50, p95) = (arguments.needed("p50")?, arguments.needed("p95")?);
            if p50 <= 0.0 || p95 < p50 {
                return Err("p50 is above zero, and p95 is not below it".to_owned());
            }
            let spread = (p95 / p50).ln() / normal_quantile(0.95);
            Ok(quantiles.map(|q| p50 * (spread * normal_quantile(q)).exp()).collect())
        }
        Some("normal") => {
            let (mean, spread) = (arguments.needed("mean")?, arguments.needed("sd")?);
            Ok(quantiles.map(|q| mean + spread * normal_quantile(q)).collect())
        }
        Some("uniform") => {
            let (min, max) = (arguments.needed("min")?, arguments.needed("max")?);
            Ok(quantiles.map(|q| min + q * (max - min)).collect())
        }
        _ => Err("write `lognormal, p50=…, p95=…`, `normal, mean=…, sd=…`, `uniform, min=…, max=…` or `const=…`, and n=…".to_owned()),
    }
}

/// One value a minute, which add up to a total each day, by local clocks.
fn daily(
    minutes: &mut Vec<Vec<f64>>,
    arguments: &Arguments<'_>,
    count: usize,
    clock: &Clock<'_>,
) -> Result<(), String> {
    let total = whole_number(arguments.word().ok_or("the total of a day is missing")?)?;
    let busy = match arguments.text("shape").unwrap_or("flat") {
        "flat" => 0..24,
        "office" => 9..17,
        "evening" => 17..24,
        "night" => 0..6,
        other => return Err(format!("`{other}` is no shape; there are flat, office, evening and night")),
    };
    let busy_minutes = (busy.end - busy.start) as f64 * 60.0;
    let weight = total / (busy_minutes * SHAPE_FACTOR + (1_440.0 - busy_minutes));
    for _ in 0..count {
        let passed_us = i64::try_from(minutes.len()).unwrap_or(i64::MAX).saturating_mul(UnixMicros::MINUTE);
        let at = clock.start.saturating_add_us(passed_us);
        let local = at.saturating_add_us(clock.zone.offset_us(at));
        let hour = local.0.rem_euclid(UnixMicros::DAY) / UnixMicros::HOUR;
        minutes.push(vec![if busy.contains(&hour) { weight * SHAPE_FACTOR } else { weight }]);
    }
    Ok(())
}

/// The quantile of the standard normal distribution, within 1e-9 (Acklam's approximation is within 1.2e-9).
fn normal_quantile(q: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] =
        [7.784_695_709_041_462e-3, 3.224_671_290_700_398e-1, 2.445_134_137_142_996, 3.754_408_661_907_416];
    const TAIL: f64 = 0.024_25;
    let polynomial = |coefficients: &[f64], x: f64| coefficients.iter().fold(0.0, |sum, c| sum * x + c);
    let tail = |q: f64| {
        let x = (-2.0 * q.ln()).sqrt();
        polynomial(&C, x) / (polynomial(&D, x) * x + 1.0)
    };
    if q < TAIL {
        tail(q)
    } else if q > 1.0 - TAIL {
        -tail(1.0 - q)
    } else {
        let x = q - 0.5;
        let r = x * x;
        polynomial(&A, r) * x / (polynomial(&B, r) * r + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<Vec<f64>>, String> {
        let zone = Zone::named(Some("Europe/Berlin")).unwrap_or_else(|error| panic!("{error}"));
        // Midnight in Berlin, 28 March 2026, the day before clocks are put forward.
        let start = UnixMicros(1_774_652_400 * UnixMicros::SECOND);
        minutes(text, &Clock { start, zone: &zone })
    }

    #[test]
    fn numbers_are_written_as_in_prometheus_tests() {
        let single = |values: &[f64]| values.iter().map(|value| vec![*value]).collect::<Vec<_>>();
        assert_eq!(of("1 2.5 -3"), Ok(single(&[1.0, 2.5, -3.0])));
        assert_eq!(of("5x2"), Ok(single(&[5.0, 5.0, 5.0])));
        assert_eq!(of("1+2x3"), Ok(single(&[1.0, 3.0, 5.0, 7.0])));
        assert_eq!(of("1-2x2"), Ok(single(&[1.0, -1.0, -3.0])));
        assert_eq!(of("2s+500msx1"), Ok(single(&[2_000.0, 2_500.0])));
        assert_eq!(of("1e3 _x2 7%"), Ok(vec![vec![1e3], vec![], vec![], vec![0.07]]));
    }

    #[test]
    fn distributions_are_their_quantiles() {
        assert_eq!(of("dist(const=12s, n=3)x2"), Ok(vec![vec![12_000.0; 3]; 2]));
        assert_eq!(of("dist(uniform, min=0, max=10, n=5)"), Ok(vec![vec![1.0, 3.0, 5.0, 7.0, 9.0]]));
        let values = of("dist(lognormal, p50=900ms, p95=2s, n=1000)").unwrap_or_default().concat();
        let above = |bound: f64| values.iter().filter(|value| **value > bound).count();
        assert_eq!((above(900.0), above(2_000.0)), (500, 50));
        assert!((normal_quantile(0.975) - 1.959_963_985).abs() < 1e-8);
    }

    #[test]
    fn days_add_up_by_local_clocks() {
        let minutes = of("daily(shape=office, 1440)x2d").unwrap_or_default().concat();
        let sum = |range: std::ops::Range<usize>| minutes[range].iter().sum::<f64>();
        assert!((sum(0..1_440) - 1_440.0).abs() < 1e-6);
        let busy = |minute: usize| minutes[minute] > 1.0;
        assert!(busy(9 * 60) && !busy(9 * 60 - 1) && !busy(17 * 60));
        // The second day has 23 hours, and the office opens an hour earlier by a clock that does not know.
        assert!(busy(1_440 + 8 * 60) && !busy(1_440 + 8 * 60 - 1));
    }

    #[test]
    fn mistakes_name_their_part() {
        for (text, wrong) in [
            ("1 two 3", "`two`"),
            ("5y3", "`y` is no unit"),
            ("dist(weird)x3", "write `lognormal"),
            ("dist(lognormal, p50=1s)", "`p95=…` is missing"),
            ("daily(shape=round, 5)", "no shape"),
            ("ramp(1)", "generators are"),
            ("1x9999999", "no repetition"),
        ] {
            let error = of(text).expect_err(text);
            assert!(error.contains(wrong), "{text}: {error}");
        }
    }
}
