//! A model of daily spend: a recent level times a factor of the weekday.
//!
//! Spend on models follows the working week, drifts with adoption, and has days that mean nothing (a batch job, an outage).
//! So: the factor of a weekday is the trimmed mean of its share in the last weeks, drawn towards 1 while weeks are few; the
//! level is what the last weeks come to without their weekdays' factors, each weighing twice the one before it, with outliers
//! cut to what the spread of the others allows. There is no trend term: over a month's horizon it overshoots more than it helps, which
//! is what the back-test on real series shows (`bench/`).
//!
//! The model says how wrong it is: [`Seasonal::backtest`] repeats on the past what is done for the future.

/// Days that the weekday's factors are made of.
const FACTOR_DAYS: usize = 8 * 7;

/// Days that the level is made of.
const LEVEL_DAYS: usize = 28;

/// How much a week weighs in the level against the one after it.
const WEEK_WEIGHT: f64 = 0.5;

/// A weekday on which hardly anything is spent says hardly anything about the level.
const FACTOR_MIN: f64 = 0.05;

/// The fewest days for weekdays to be told apart: each must have been twice.
const WEEKLY_FROM_DAYS: usize = 14;

/// The days that each forecast of a sum of the past is based on, at least.
pub(crate) const BACKTEST_BASIS_DAYS: usize = 14;

/// The same for single days.
const REACH_BASIS_DAYS: usize = 7;

/// How far from the median a day may lie, in standard deviations estimated from the median distance.
const OUTLIER_DEVIATIONS: f64 = 3.0;

/// No day within this share of the median is strange, however alike the others are.
const REACH_SHARE_MIN: f64 = 0.1;

/// The median distance from the median of normal values is this part of their standard deviation.
const MEDIAN_DISTANCE_SHARE: f64 = 0.674_489_75;

/// A fitted model. Amounts are in whatever unit the days came in.
#[derive(Debug, Clone, PartialEq)]
pub struct Seasonal {
    level: f64,
    /// By day of the week, the first being that of the first day.
    factors: [f64; 7],
    days: usize,
}

/// How wrong the model was on the past, relative to what it expected.
#[derive(Debug, Clone, PartialEq)]
pub struct BacktestError {
    /// The sizes of the errors, ascending.
    sizes: Vec<f64>,
}

impl BacktestError {
    /// How many times the past was forecast.
    pub fn count(&self) -> usize {
        self.sizes.len()
    }

    /// The mean size of an error; `None` when nothing was forecast.
    pub fn mean(&self) -> Option<f64> {
        (!self.sizes.is_empty()).then(|| self.sizes.iter().sum::<f64>() / self.sizes.len() as f64)
    }

    /// The size that at least this share of errors did not exceed, counting the one to come (split conformal).
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank among few")]
    pub fn within(&self, share: f64) -> Option<f64> {
        let rank = ((self.sizes.len() + 1) as f64 * share).ceil() as usize;
        self.sizes.get(rank.checked_sub(1)?).copied()
    }
}

impl Seasonal {
    /// Fits the model to whole days, oldest first; `None` without days.
    pub fn fit(days: &[f64]) -> Option<Self> {
        if days.is_empty() {
            return None;
        }
        let plain = plain_factors(days);
        let first = days.len().saturating_sub(LEVEL_DAYS);
        let recent: Vec<_> = (first..days.len()).map(|day| (days[day], plain.by_weekday[day % 7])).collect();
        Some(Self { level: level(&recent), factors: plain.cautious(), days: days.len() })
    }

    /// What is expected of a day, by its number: 0 is the first day after those that were fitted.
    pub fn expect(&self, day: usize) -> f64 {
        self.level * self.factors[(self.days + day) % 7]
    }

    /// What is expected of the next days together.
    pub fn expect_sum(&self, days: usize) -> f64 {
        (0..days).map(|day| self.expect(day)).sum()
    }

    /// How far the sum of the next days may be from what is expected of it, relative to that, in this share of cases: as far
    /// as it was on the past. Errors of single days say the least of it, since overlapping sums of a short past hardly
    /// differ. `None` when the past is too short even for single days.
    pub fn reach(days: &[f64], horizon: usize, share: f64) -> Option<f64> {
        let of_days = Self::backtest(days, REACH_BASIS_DAYS, 1).within(share)?;
        // Errors of days partly cancel each other in a sum; that of the level does not.
        let least = of_days * (1.0 / (horizon.max(1) as f64).sqrt() + 1.0 / (days.len() as f64).sqrt());
        let of_sums = Self::backtest(days, BACKTEST_BASIS_DAYS, horizon).within(share).unwrap_or(0.0);
        Some(of_sums.max(least))
    }

    /// Forecasts the sum of `horizon` days from every day of the past that has `basis` days before it, and compares.
    pub fn backtest(days: &[f64], basis: usize, horizon: usize) -> BacktestError {
        let horizon = horizon.max(1);
        let origins = basis.max(1)..(days.len() + 1).saturating_sub(horizon);
        let errors = origins.filter_map(|origin| {
            let expected = Self::fit(&days[..origin])?.expect_sum(horizon);
            let actual: f64 = days[origin..origin + horizon].iter().sum();
            (expected > 0.0).then(|| ((actual - expected) / expected).abs())
        });
        let mut sizes: Vec<f64> = errors.collect();
        sizes.sort_by(f64::total_cmp);
        BacktestError { sizes }
    }
}

/// What weekdays were in the past.
struct Factors {
    /// The trimmed mean of each weekday's share of its week; their mean is about 1.
    by_weekday: [f64; 7],
    /// How many weeks that is from.
    weeks: usize,
}

impl Factors {
    /// The factors to expect of the future, with a mean of 1: as if one more week had been without a pattern.
    fn cautious(&self) -> [f64; 7] {
        let weeks = self.weeks as f64;
        let drawn = self.by_weekday.map(|factor| (factor * weeks + 1.0) / (weeks + 1.0));
        let mean = drawn.iter().sum::<f64>() / 7.0;
        drawn.map(|factor| factor / mean)
    }
}

fn plain_factors(days: &[f64]) -> Factors {
    let weeks = if days.len() < WEEKLY_FROM_DAYS { 0 } else { days.len().min(FACTOR_DAYS) / 7 };
    let mut shares: [Vec<f64>; 7] = Default::default();
    // Whole weeks, counted back from the last day, so that each has every weekday once.
    for week in (1..=weeks).map(|back| days.len() - 7 * back..days.len() - 7 * (back - 1)) {
        let mean = days[week.clone()].iter().sum::<f64>() / 7.0;
        if mean > 0.0 {
            for day in week {
                shares[day % 7].push(days[day] / mean);
            }
        }
    }
    Factors { by_weekday: shares.map(trimmed_mean), weeks }
}

/// The mean without the least and the greatest, where there are enough.
fn trimmed_mean(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let kept = if values.len() >= 4 { &values[1..values.len() - 1] } else { &values[..] };
    if kept.is_empty() { 1.0 } else { kept.iter().sum::<f64>() / kept.len() as f64 }
}

/// What a day without a factor comes to, from days with their factors. A quotient of sums and not a mean of quotients: in
/// whole weeks, in which every weekday weighs the same, errors of the factors cancel.
fn level(days: &[(f64, f64)]) -> f64 {
    let plain = |(amount, factor): (f64, f64)| amount / factor.max(FACTOR_MIN);
    let middle = median(days.iter().map(|day| plain(*day)).collect());
    let distance = median(days.iter().map(|day| (plain(*day) - middle).abs()).collect());
    let spread = OUTLIER_DEVIATIONS * distance / MEDIAN_DISTANCE_SHARE;
    // Where most days have no spend, those that have some are what there is to know.
    let reach = if middle > 0.0 { spread.max(REACH_SHARE_MIN * middle) } else { 0.0 };
    let (mut amounts, mut factors) = (0.0, 0.0);
    for (age, day) in days.iter().rev().enumerate() {
        let (amount, factor) = *day;
        let is_outlier = reach > 0.0 && (plain(*day) - middle).abs() > reach;
        let cut =
            if is_outlier { plain(*day).clamp(middle - reach, middle + reach) * factor } else { amount };
        let weight = WEEK_WEIGHT.powi(i32::try_from(age / 7).unwrap_or(i32::MAX));
        amounts += weight * cut;
        factors += weight * factor;
    }
    if factors > 0.0 { (amounts / factors).max(0.0) } else { 0.0 }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        count if count % 2 == 1 => values[count / 2],
        count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WEEK: [f64; 7] = [100.0, 110.0, 120.0, 110.0, 90.0, 20.0, 10.0];

    fn weeks(count: usize) -> Vec<f64> {
        WEEK.iter().copied().cycle().take(7 * count).collect()
    }

    #[test]
    fn a_week_that_repeats_is_learnt() {
        let model = Seasonal::fit(&weeks(8)).unwrap();
        for (day, amount) in WEEK.iter().enumerate() {
            assert!((model.expect(day) - amount).abs() < 0.15 * 80.0, "{day}: {}", model.expect(day));
        }
        assert!((model.expect_sum(7) - 560.0).abs() < 6.0, "{}", model.expect_sum(7));
    }

    #[test]
    fn weekdays_keep_their_places_when_the_first_week_is_not_whole() {
        let mut days = weeks(8);
        days.drain(..3);
        let model = Seasonal::fit(&days).unwrap();
        assert!(model.expect(6) < 0.5 * model.expect(0), "the weekend is the weekend");
        assert!((model.expect_sum(7) - 560.0).abs() < 12.0, "{}", model.expect_sum(7));
    }

    #[test]
    fn one_strange_day_changes_little() {
        let mut days = weeks(8);
        let calm = Seasonal::fit(&days).unwrap().expect_sum(30);
        let place = days.len() - 4;
        days[place] = 10_000.0;
        let shaken = Seasonal::fit(&days).unwrap().expect_sum(30);
        assert!((shaken / calm - 1.0).abs() < 0.25, "{calm} became {shaken}");
    }

    #[test]
    fn the_level_follows_a_step_within_weeks() {
        let days: Vec<f64> = weeks(6).into_iter().chain(weeks(3).into_iter().map(|day| 2.0 * day)).collect();
        let sum = Seasonal::fit(&days).unwrap().expect_sum(7);
        assert!((950.0..1_180.0).contains(&sum), "{sum}");
    }

    #[test]
    fn what_repeats_exactly_is_forecast_with_hardly_an_error() {
        let errors = Seasonal::backtest(&weeks(10), 28, 7);
        assert_eq!(errors.count(), 36);
        assert!(errors.mean().unwrap() < 0.05, "{errors:?}");
        assert!(errors.within(0.8).unwrap() >= errors.mean().unwrap() * 0.5);
        assert_eq!(Seasonal::backtest(&weeks(2), 28, 7).mean(), None);
    }

    proptest! {
        #[test]
        fn a_forecast_is_never_negative_and_scales_with_its_days(
            days in prop::collection::vec(0.0..1e9f64, 1..80),
            scale in 0.1..10.0f64,
        ) {
            let sum = Seasonal::fit(&days).unwrap().expect_sum(30);
            prop_assert!(sum.is_finite() && sum >= 0.0, "{}", sum);
            let scaled: Vec<f64> = days.iter().map(|day| day * scale).collect();
            let of_scaled = Seasonal::fit(&scaled).unwrap().expect_sum(30);
            prop_assert!((of_scaled - sum * scale).abs() <= 1e-6 * (1.0 + of_scaled), "{} {}", of_scaled, sum);
        }
    }
}
