//! Why spend changed and what the month will come to, on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use weir_query::cost::{CostChange, DayOutlook, Forecast, ValueChange};
use weir_types::NanoUsd;

/// How spend changed against the time before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CostChangeAnswer {
    /// The start of the period, in Unix milliseconds.
    pub from_ms: i64,
    /// Its end.
    pub to_ms: i64,
    /// The start of the period before, which ends where the period starts.
    pub before_from_ms: i64,
    /// Spend of the period before, in US dollars.
    pub before_usd: f64,
    /// Spend of the period.
    pub after_usd: f64,
    /// Their difference.
    pub change_usd: f64,
    /// What the change is due to; the parts add up to it.
    pub parts: ChangeParts,
    /// What the parts leave: always 0.
    pub unexplained_usd: f64,
    /// The same exactly.
    pub nano_usd: ChangeNanoUsd,
    /// Spend of each value of the tag; those that changed most first.
    pub by: Vec<ValueChangeItem>,
}

/// The parts of a change, in US dollars. Each is the factor's Shapley value; see `docs/reference/cost.md`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChangeParts {
    /// More or fewer calls.
    pub volume: f64,
    /// More or fewer tokens in a call.
    pub tokens_per_call: f64,
    /// Other models.
    pub model_mix: f64,
    /// Other prices.
    pub price: f64,
    /// More or less read from providers' caches.
    pub cache: f64,
}

/// The amounts of a change in billionths of a US dollar, exactly: the parts add up to `change` to the last digit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangeNanoUsd {
    /// Spend of the period before.
    #[schema(pattern = "^-?[0-9]+$")]
    pub before: String,
    /// Spend of the period.
    #[schema(pattern = "^-?[0-9]+$")]
    pub after: String,
    /// Their difference.
    #[schema(pattern = "^-?[0-9]+$")]
    pub change: String,
    /// More or fewer calls.
    #[schema(pattern = "^-?[0-9]+$")]
    pub volume: String,
    /// More or fewer tokens in a call.
    #[schema(pattern = "^-?[0-9]+$")]
    pub tokens_per_call: String,
    /// Other models.
    #[schema(pattern = "^-?[0-9]+$")]
    pub model_mix: String,
    /// Other prices.
    #[schema(pattern = "^-?[0-9]+$")]
    pub price: String,
    /// More or less read from providers' caches.
    #[schema(pattern = "^-?[0-9]+$")]
    pub cache: String,
}

/// How the spend of one value changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ValueChangeItem {
    /// The value; `null` where the tag is absent.
    pub value: Option<String>,
    /// Spend of the period before, in US dollars.
    pub before_usd: f64,
    /// Spend of the period.
    pub after_usd: f64,
    /// Their difference.
    pub change_usd: f64,
}

/// What the calendar month will come to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ForecastAnswer {
    /// The month: `2026-11`.
    pub month: String,
    /// What was spent so far, in US dollars.
    pub spent_usd: f64,
    /// What the month will come to; `null` when there is too little to tell, and `reason` says so.
    pub projected_usd: Option<f64>,
    /// The lower end of the band.
    pub low_usd: Option<f64>,
    /// The upper end of the band.
    pub high_usd: Option<f64>,
    /// How often the month ends within the band, 0 to 1.
    pub confidence: f64,
    /// Every day of the month.
    pub days: Vec<ForecastDay>,
    /// Whole days that the projection is made of.
    pub basis_days: usize,
    /// How the projection is made, in a few words.
    pub method: String,
    /// How far off forecasts of the past over as many days would have been, on average, as a share of the forecast.
    pub backtest_error: Option<f64>,
    /// Why there is no projection.
    pub reason: Option<String>,
}

/// One day of the month.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ForecastDay {
    /// The day: `2026-11-01`.
    pub day: String,
    /// What was spent, today so far; `null` for days to come.
    pub spent_usd: Option<f64>,
    /// What the whole day will come to; `null` for days that are over.
    pub expected_usd: Option<f64>,
    /// The lower end of that.
    pub low_usd: Option<f64>,
    /// The upper end of that.
    pub high_usd: Option<f64>,
}

impl From<CostChange> for CostChangeAnswer {
    fn from(change: CostChange) -> Self {
        let difference = change.after - change.before;
        let [volume, model_mix, tokens_per_call, price, cache] = change.parts;
        let text = |amount: NanoUsd| amount.0.to_string();
        Self {
            from_ms: change.range.from.as_millis(),
            to_ms: change.range.to.as_millis(),
            before_from_ms: change.before_range.from.as_millis(),
            before_usd: change.before.as_usd(),
            after_usd: change.after.as_usd(),
            change_usd: difference.as_usd(),
            parts: ChangeParts {
                volume: volume.as_usd(),
                tokens_per_call: tokens_per_call.as_usd(),
                model_mix: model_mix.as_usd(),
                price: price.as_usd(),
                cache: cache.as_usd(),
            },
            unexplained_usd: (difference - change.parts.into_iter().sum()).as_usd(),
            nano_usd: ChangeNanoUsd {
                before: text(change.before),
                after: text(change.after),
                change: text(difference),
                volume: text(volume),
                tokens_per_call: text(tokens_per_call),
                model_mix: text(model_mix),
                price: text(price),
                cache: text(cache),
            },
            by: change.by.into_iter().map(ValueChangeItem::from).collect(),
        }
    }
}

impl From<ValueChange> for ValueChangeItem {
    fn from(change: ValueChange) -> Self {
        Self {
            value: change.value.as_deref().map(str::to_owned),
            before_usd: change.before.as_usd(),
            after_usd: change.after.as_usd(),
            change_usd: (change.after - change.before).as_usd(),
        }
    }
}

impl From<Forecast> for ForecastAnswer {
    fn from(forecast: Forecast) -> Self {
        let outlook = forecast.outlook.as_ref().ok();
        Self {
            month: forecast.month,
            spent_usd: forecast.spent.as_usd(),
            projected_usd: outlook.map(|outlook| outlook.projected.as_usd()),
            low_usd: outlook.map(|outlook| outlook.low.as_usd()),
            high_usd: outlook.map(|outlook| outlook.high.as_usd()),
            confidence: Forecast::CONFIDENCE,
            days: forecast.days.into_iter().map(ForecastDay::from).collect(),
            basis_days: forecast.basis_days,
            method: Forecast::METHOD.to_owned(),
            backtest_error: forecast.backtest_error,
            reason: forecast.outlook.err(),
        }
    }
}

impl From<DayOutlook> for ForecastDay {
    fn from(day: DayOutlook) -> Self {
        Self {
            day: day.day,
            spent_usd: day.spent.map(NanoUsd::as_usd),
            expected_usd: day.outlook.map(|outlook| outlook.projected.as_usd()),
            low_usd: day.outlook.map(|outlook| outlook.low.as_usd()),
            high_usd: day.outlook.map(|outlook| outlook.high.as_usd()),
        }
    }
}
