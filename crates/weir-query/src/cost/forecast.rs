//! What the calendar month will come to.
//!
//! What was spent is exact; what is to come is a [`Seasonal`] model's expectation of the rest of today and the days after
//! it. The band is as wide as the model's own errors on the past, over as many days as are to come: it holds four times in
//! five where the future is like the past. With less than a week of past there is no projection at all: a number without a
//! basis would be believed.

use weir_types::metric::LLM_COST_USD;
use weir_types::{NanoUsd, Scan, Scope, TimeRange, UnixMicros};

use crate::calendar::Calendar;
use crate::cost::seasonal::{BACKTEST_BASIS_DAYS, Seasonal};
use crate::cost::totals;
use crate::error::QueryError;
use crate::grid::{Grid, Window};

/// Days before the month that are looked at: the model uses eight weeks, the rest is for testing it on the past.
const HISTORY_DAYS: i64 = 120;

/// The fewest whole days with spend behind them for a projection.
const BASIS_DAYS_MIN: usize = 7;

/// How often the month ends within the band.
pub(crate) const CONFIDENCE: f64 = 0.8;

/// The width of the band when the past says nothing: half as much or half as much again.
const REACH_UNKNOWN: f64 = 0.5;

/// The month around an instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// `2026-11`.
    pub month: String,
    /// What was spent so far.
    pub spent: NanoUsd,
    /// What the month will come to; an error says why that is not known.
    pub outlook: Result<Outlook, String>,
    /// Every day of the month.
    pub days: Vec<DayOutlook>,
    /// Whole days that the model is made of.
    pub basis_days: usize,
    /// The mean size of the errors of forecasts of the past over as many days as are to come, relative to the forecast.
    pub backtest_error: Option<f64>,
}

impl Forecast {
    /// How often the month ends within the band.
    pub const CONFIDENCE: f64 = CONFIDENCE;

    /// How the projection is made, in a few words.
    pub const METHOD: &str = "recent level times weekday factor, trimmed; band from back-tested errors";
}

/// A projection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlook {
    /// What is expected.
    pub projected: NanoUsd,
    /// The lower end of the band.
    pub low: NanoUsd,
    /// The upper end.
    pub high: NanoUsd,
}

/// One day of the month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayOutlook {
    /// `2026-11-01`.
    pub day: String,
    /// What was spent; `None` for days to come.
    pub spent: Option<NanoUsd>,
    /// What the whole day will come to; `None` for days that are over.
    pub outlook: Option<Outlook>,
}

/// Projects the calendar month of a time zone around `now`.
pub fn forecast(
    now: UnixMicros,
    tz: Option<&str>,
    scope: &Scope,
    scan: &dyn Scan,
) -> Result<Forecast, QueryError> {
    let calendar = Calendar::new(tz)?;
    let month = calendar.days_of_month(now);
    let history = read_days(now, &month, &calendar, scope, scan)?;
    let past = Past::of(&history, now, &month);
    let spent: i128 = past.month_spent.iter().sum();
    let names: Vec<_> = month[..month.len() - 1].iter().map(|start| calendar.day_name(*start)).collect();
    let (outlook, days) = match past.model() {
        Ok(model) => (Ok(model.month(spent)), model.days(&names)),
        Err(reason) => (Err(reason), past.days(&names)),
    };
    Ok(Forecast {
        month: names.first().map(|day| day.chars().take(7).collect()).unwrap_or_default(),
        spent: amount(spent as f64),
        outlook,
        days,
        basis_days: past.whole.len(),
        backtest_error: Seasonal::backtest(&past.whole, BACKTEST_BASIS_DAYS, past.days_to_come()).mean(),
    })
}

/// The spend of every local day from the start of the history to today.
fn read_days(
    now: UnixMicros,
    month: &[UnixMicros],
    calendar: &Calendar,
    scope: &Scope,
    scan: &dyn Scan,
) -> Result<Vec<i128>, QueryError> {
    let starts: Vec<_> = (-HISTORY_DAYS..0)
        .map(|days| calendar.midnight_after(month[0], days))
        .chain(month.iter().copied())
        .collect();
    let windows = starts.windows(2).filter(|day| day[0] <= now).map(|day| {
        let range = TimeRange { from: day[0], to: day[1] };
        Window { range, as_of: range.from, covered_us: range.len_us() }
    });
    let grid = Grid { windows: windows.collect(), calendar: calendar.clone(), to: now };
    let mut days = vec![0; grid.windows.len()];
    for row in totals(LLM_COST_USD, scope, &[], grid.buckets(), scan)? {
        let after = grid.windows.partition_point(|window| window.range.from <= row.bucket);
        if let Some(day) = after.checked_sub(1) {
            days[day] += row.cell.sum_nano;
        }
    }
    Ok(days)
}

/// What is known.
struct Past {
    /// The spend of whole days since there is any, oldest first.
    whole: Vec<f64>,
    /// The spend of the days of the month up to today.
    month_spent: Vec<i128>,
    /// How many days the month has.
    month_days: usize,
    /// How much of today is over, 0 to 1.
    today_over: f64,
}

impl Past {
    fn of(history: &[i128], now: UnixMicros, month: &[UnixMicros]) -> Self {
        let before = usize::try_from(HISTORY_DAYS).unwrap_or(0).min(history.len());
        let month_spent = history[before..].to_vec();
        let today = month_spent.len().saturating_sub(1);
        let whole = &history[..history.len().saturating_sub(1)];
        let first = whole.iter().position(|spent| *spent > 0).unwrap_or(whole.len());
        let of_today = TimeRange { from: month[today], to: month[today + 1] };
        let over = TimeRange { from: of_today.from, to: now };
        Self {
            whole: whole[first..].iter().map(|nano| *nano as f64).collect(),
            month_spent,
            month_days: month.len() - 1,
            today_over: (over.len_us() as f64 / of_today.len_us().max(1) as f64).clamp(0.0, 1.0),
        }
    }

    /// Days that are not over, today among them.
    fn days_to_come(&self) -> usize {
        self.month_days + 1 - self.month_spent.len()
    }

    fn model(&self) -> Result<Model<'_>, String> {
        let basis = self.whole.len();
        if basis < BASIS_DAYS_MIN {
            return Err(format!(
                "a projection needs {BASIS_DAYS_MIN} whole days since the first spend; there are {basis} so far"
            ));
        }
        let seasonal = Seasonal::fit(&self.whole).ok_or("there are no days")?;
        let reach = |days| Seasonal::reach(&self.whole, days, CONFIDENCE).unwrap_or(REACH_UNKNOWN);
        let (day_reach, reach) = (reach(1), reach(self.days_to_come()));
        Ok(Model { past: self, seasonal, day_reach, reach })
    }

    /// The days of the month without any expectation.
    fn days(&self, names: &[String]) -> Vec<DayOutlook> {
        let spent = |day: usize| self.month_spent.get(day).map(|nano| amount(*nano as f64));
        let day = |(number, name): (usize, &String)| DayOutlook {
            day: name.clone(),
            spent: spent(number),
            outlook: None,
        };
        names.iter().enumerate().map(day).collect()
    }
}

/// What is expected.
struct Model<'a> {
    past: &'a Past,
    seasonal: Seasonal,
    /// How far a day may be from what is expected of it, relative to that.
    day_reach: f64,
    /// The same for the sum of all days to come.
    reach: f64,
}

impl Model<'_> {
    /// What is still expected of a day to come, by its number from today.
    fn rest_of(&self, day: usize) -> f64 {
        let left = if day == 0 { 1.0 - self.past.today_over } else { 1.0 };
        self.seasonal.expect(day) * left
    }

    fn month(&self, spent: i128) -> Outlook {
        let rest: f64 = (0..self.past.days_to_come()).map(|day| self.rest_of(day)).sum();
        outlook(spent, rest, self.reach)
    }

    fn days(&self, names: &[String]) -> Vec<DayOutlook> {
        let today = self.past.month_spent.len() - 1;
        let mut days = self.past.days(names);
        for (from_today, day) in days.iter_mut().skip(today).enumerate() {
            let spent = if from_today == 0 { self.past.month_spent[today] } else { 0 };
            day.outlook = Some(outlook(spent, self.rest_of(from_today), self.day_reach));
        }
        days
    }
}

fn outlook(spent: i128, rest: f64, reach: f64) -> Outlook {
    let spent = spent as f64;
    Outlook {
        projected: amount(spent + rest),
        low: amount(spent + rest * (1.0 - reach).max(0.0)),
        high: amount(spent + rest * (1.0 + reach)),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "float to integer casts saturate")]
fn amount(nano: f64) -> NanoUsd {
    NanoUsd(nano.round() as i64)
}
