//! Budgets and rate limits as people write them, in `weir.toml` and through the API.

use std::sync::Arc;

use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weir_types::NanoUsd;

use super::{Amount, Dimension, LimitKind, LimitSpec, Measure, OnShutoff, Period, ScopeRule};
use crate::Mode;

/// Which calls: all whose values match. `*` alone stands for each value by itself, `gpt-4*` for all that begin so. Empty is
/// every call.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ScopeEntry {
    /// The team that is charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// The application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// The agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The end user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The virtual key's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The model asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The provider that is asked first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
}

/// How long a budget's period is; it begins where the calendar's does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PeriodEntry {
    /// An hour of the clock.
    Hour,
    /// A calendar day.
    #[default]
    Day,
    /// Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
}

/// What happens to calls when nothing is left.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnShutoffEntry {
    /// They are refused with 429.
    #[default]
    Reject,
    /// What the cache knows is answered, the rest is refused.
    CacheOnly,
    /// They go to this model instead, and are counted.
    CheaperModel(String),
}

/// A budget: how much some calls may cost in a period. The most that a call can cost is reserved before it goes out and
/// settled after it, so that calls under way cannot jointly pass it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BudgetEntry {
    /// Its name, unique among budgets and rate limits; made of scope and period when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Which calls, such as { team = "payments" }: any of team, app, agent, user, key, model, provider; all calls when
    /// absent. "*" gives each value a budget of its own.
    pub scope: ScopeEntry,
    /// "hour", "day", "week" or "month".
    pub period: PeriodEntry,
    /// The time zone in which days begin, such as "Europe/Berlin"; UTC when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// How many dollars are planned for a period; this or `amount_tokens`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount_usd: Option<f64>,
    /// How many tokens, in and out, are planned for a period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount_tokens: Option<u64>,
    /// Shares of the amount at which people are told; [0.8, 1.0] when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warn_at: Option<Vec<f64>>,
    /// The share of the amount that is never passed; 1.5 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shutoff_at: Option<f64>,
    /// What happens then: "reject", "cache_only" or { cheaper_model = "gpt-4o-mini" }.
    pub on_shutoff: OnShutoffEntry,
    /// "observe", "warn" or "enforce".
    pub mode: Mode,
}

/// A rate limit: how fast some calls may come, and how many at once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimitEntry {
    /// Its name, unique among budgets and rate limits; made of the scope when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Which calls, as for budgets.
    pub scope: ScopeEntry,
    /// Calls in a minute of the clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u64>,
    /// Tokens, in and out, in a minute of the clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<u64>,
    /// Calls under way at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrent: Option<u64>,
    /// "observe", "warn" or "enforce".
    pub mode: Mode,
}

/// What is wrong with an entry: the key, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {message}")]
pub struct EntryFault {
    /// The key within the entry; empty for the whole.
    pub key: &'static str,
    /// What was found and expected.
    pub message: String,
}

/// Shares at which people are told when nothing is said: the seed's 80 and 100 %.
const WARN_AT: [f64; 2] = [0.8, 1.0];
/// The share that is never passed when nothing is said: the seed's automated shutoff.
const SHUTOFF_AT: f64 = 1.5;

impl ScopeEntry {
    fn rule(&self) -> ScopeRule {
        let values = [&self.team, &self.app, &self.agent, &self.user, &self.key, &self.model, &self.provider];
        let named = Dimension::ALL.into_iter().zip(values);
        ScopeRule(
            named.filter_map(|(dimension, value)| Some((dimension, Arc::from(&**value.as_ref()?)))).collect(),
        )
    }
}

impl BudgetEntry {
    /// The name it has.
    pub fn name(&self) -> String {
        let made = || format!("{} a {}", self.scope.rule(), self.period.period().as_str());
        self.name.clone().unwrap_or_else(made)
    }

    /// The limit that it means.
    pub fn resolve(&self) -> Result<LimitSpec, EntryFault> {
        let (measure, amount) = match (self.amount_usd, self.amount_tokens) {
            (Some(usd), None) => (Measure::Usd, NanoUsd::from_usd(usd).0),
            (None, Some(tokens)) => (Measure::Tokens, Amount::try_from(tokens).unwrap_or(Amount::MAX)),
            (Some(_), Some(_)) => {
                return Err(fault(
                    "amount_tokens",
                    "a budget is of dollars or of tokens; give one of amount_usd and amount_tokens",
                ));
            }
            (None, None) => {
                return Err(fault(
                    "",
                    "has no amount; give amount_usd = 200.0, or amount_tokens = 1_000_000",
                ));
            }
        };
        let spec = LimitSpec {
            name: Arc::from(self.name()),
            kind: LimitKind::Budget,
            scope: self.scope.rule(),
            measure,
            amount,
            period: self.period.period(),
            timezone: self.zone()?,
            warn_at: self.warnings(),
            shutoff_at: self.shutoff_at.unwrap_or(SHUTOFF_AT),
            on_shutoff: self.on_shutoff.resolve(),
            mode: self.mode,
        };
        checked(spec)
    }

    fn zone(&self) -> Result<TimeZone, EntryFault> {
        let Some(name) = &self.timezone else { return Ok(TimeZone::UTC) };
        let wrong = |_| {
            fault("timezone", format!("there is no time zone {name:?}; they have names like Europe/Berlin"))
        };
        TimeZone::get(name).map_err(wrong)
    }

    fn warnings(&self) -> Vec<f64> {
        let mut warn_at = self.warn_at.clone().unwrap_or_else(|| WARN_AT.to_vec());
        warn_at.sort_by(f64::total_cmp);
        warn_at
    }
}

impl RateLimitEntry {
    /// The name it has; each of its limits adds what it limits.
    pub fn name(&self) -> String {
        self.name.clone().unwrap_or_else(|| format!("{} rate", self.scope.rule()))
    }

    /// The limits that it means: one for each number.
    pub fn resolve(&self) -> Result<Vec<LimitSpec>, EntryFault> {
        let numbers = [
            ("requests_per_minute", "requests", self.requests_per_minute, Measure::Calls, Period::Minute),
            ("tokens_per_minute", "tokens", self.tokens_per_minute, Measure::Tokens, Period::Minute),
            ("concurrent", "concurrent", self.concurrent, Measure::Concurrent, Period::AtOnce),
        ];
        let mut specs = Vec::new();
        for (key, word, number, measure, period) in numbers {
            let Some(number) = number else { continue };
            let spec = LimitSpec {
                name: Arc::from(format!("{} {word}", self.name())),
                kind: LimitKind::Rate,
                scope: self.scope.rule(),
                measure,
                amount: Amount::try_from(number).unwrap_or(Amount::MAX),
                period,
                timezone: TimeZone::UTC,
                warn_at: Vec::new(),
                shutoff_at: 1.0,
                on_shutoff: OnShutoff::Reject,
                mode: self.mode,
            };
            specs.push(checked(spec).map_err(|wrong| EntryFault { key, ..wrong })?);
        }
        if specs.is_empty() {
            return Err(fault(
                "",
                "limits nothing; give requests_per_minute, tokens_per_minute or concurrent",
            ));
        }
        Ok(specs)
    }
}

fn checked(spec: LimitSpec) -> Result<LimitSpec, EntryFault> {
    use super::SpecFault::{AmountNotPositive, DimensionTwice, Shutoff, WarnAt};
    match spec.check() {
        Ok(()) => Ok(spec),
        Err(wrong) => {
            let key = match wrong {
                AmountNotPositive => "",
                Shutoff(_) => "shutoff_at",
                WarnAt(_) => "warn_at",
                DimensionTwice(_) => "scope",
            };
            Err(fault(key, wrong.to_string()))
        }
    }
}

fn fault(key: &'static str, message: impl Into<String>) -> EntryFault {
    EntryFault { key, message: message.into() }
}

impl PeriodEntry {
    const fn period(self) -> Period {
        match self {
            Self::Hour => Period::Hour,
            Self::Day => Period::Day,
            Self::Week => Period::Week,
            Self::Month => Period::Month,
        }
    }
}

impl OnShutoffEntry {
    fn resolve(&self) -> OnShutoff {
        match self {
            Self::Reject => OnShutoff::Reject,
            Self::CacheOnly => OnShutoff::CacheOnly,
            Self::CheaperModel(model) => OnShutoff::CheaperModel(Arc::from(&**model)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_has_the_seeds_defaults_and_a_name_of_what_it_is_about() {
        let entry = BudgetEntry {
            scope: ScopeEntry {
                team: Some("payments".into()),
                user: Some("*".into()),
                ..ScopeEntry::default()
            },
            amount_usd: Some(200.0),
            ..BudgetEntry::default()
        };
        let spec = entry.resolve().unwrap();
        assert_eq!(&*spec.name, "team:payments user:* a day");
        assert_eq!((spec.amount, spec.limit()), (200_000_000_000, 300_000_000_000));
        assert_eq!((spec.warn_at.as_slice(), spec.mode), ([0.8, 1.0].as_slice(), Mode::Enforce));
        let all = BudgetEntry { amount_tokens: Some(5), ..BudgetEntry::default() }.resolve().unwrap();
        assert_eq!((&*all.name, all.measure), ("everything a day", Measure::Tokens));
    }

    #[test]
    fn what_makes_no_sense_is_told_at_its_key() {
        let usd = |usd| BudgetEntry { amount_usd: Some(usd), ..BudgetEntry::default() };
        let cases = [
            (BudgetEntry::default(), ""),
            (usd(0.0), ""),
            (usd(f64::NAN), ""),
            (BudgetEntry { amount_tokens: Some(1), ..usd(1.0) }, "amount_tokens"),
            (BudgetEntry { timezone: Some("Mars/Base".into()), ..usd(1.0) }, "timezone"),
            (BudgetEntry { shutoff_at: Some(0.0), ..usd(1.0) }, "shutoff_at"),
            (BudgetEntry { warn_at: Some(vec![0.5, -1.0]), ..usd(1.0) }, "warn_at"),
        ];
        for (entry, key) in cases {
            assert_eq!(entry.resolve().unwrap_err().key, key, "{entry:?}");
        }
        assert!(RateLimitEntry::default().resolve().is_err());
        let zero = RateLimitEntry { concurrent: Some(0), ..RateLimitEntry::default() };
        assert_eq!(zero.resolve().unwrap_err().key, "concurrent");
    }
}
