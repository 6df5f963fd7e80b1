//! What a limit is.

use std::sync::Arc;

use jiff::tz::TimeZone;
use smallvec::SmallVec;
use weir_types::{NanoUsd, wildcard_matches};

use super::{Payer, Period};
use crate::Mode;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Money, in nano-dollars.
    Usd,
    /// Tokens, in and out.
    Tokens,
    /// Calls.
    Calls,
    /// Calls under way.
    Concurrent,
}

/// How much of a measure: nano-dollars, tokens or calls.
pub type Amount = i64;

/// Whether a limit is a budget, which people plan and watch, or a rate limit, which protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LimitKind {
    /// A budget.
    Budget,
    /// A rate limit.
    Rate,
}

impl LimitKind {
    /// Its name on spans, in headers and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Budget => "budget",
            Self::Rate => "rate_limit",
        }
    }
}

/// What happens to calls when the limit is reached.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum OnShutoff {
    /// They are refused.
    #[default]
    Reject,
    /// They go to this model instead. What they cost there is counted and no longer held back.
    CheaperModel(Arc<str>),
    /// What the cache knows is answered, the rest is refused.
    CacheOnly,
}

/// What a limit can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dimension {
    /// The team that is charged.
    Team,
    /// The application.
    App,
    /// The agent.
    Agent,
    /// The end user.
    User,
    /// The virtual key's id.
    Key,
    /// The model asked for.
    Model,
    /// The provider that is asked first.
    Provider,
}

impl Dimension {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Team, Self::App, Self::Agent, Self::User, Self::Key, Self::Model, Self::Provider];

    /// Its name in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Team => "team",
            Self::App => "app",
            Self::Agent => "agent",
            Self::User => "user",
            Self::Key => "key",
            Self::Model => "model",
            Self::Provider => "provider",
        }
    }

    /// The tag of spans that holds it.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Key => "key_id",
            _ => self.as_str(),
        }
    }
}

/// Which calls a limit is about: all whose values match. A dimension with the pattern `*` has an account for each value;
/// other patterns (`gpt-4*`) share one. A call without a value for a dimension is not about it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ScopeRule(pub Vec<(Dimension, Arc<str>)>);

/// The values of a call for the `*` dimensions of a scope, in their order: which account it is charged to.
pub(crate) type AccountKey = SmallVec<[Arc<str>; 1]>;

impl ScopeRule {
    /// The account that a call is charged to; `None` when the scope is not about it.
    pub(crate) fn account_of(&self, payer: &Payer) -> Option<AccountKey> {
        let mut key = AccountKey::new();
        for (dimension, pattern) in &self.0 {
            let value = payer.value(*dimension)?;
            if &**pattern == "*" {
                key.push(Arc::clone(value));
            } else if !wildcard_matches(pattern, value) {
                return None;
            }
        }
        Some(key)
    }

    /// The dimensions that have an account for each value.
    pub fn each(&self) -> impl Iterator<Item = Dimension> {
        self.0.iter().filter(|(_, pattern)| &**pattern == "*").map(|(dimension, _)| *dimension)
    }
}

impl std::fmt::Display for ScopeRule {
    /// `team:payments agent:*`; `everything` when it is about all calls.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return f.write_str("everything");
        }
        f.write_str(&pairs_text(&self.0))
    }
}

/// `team:payments agent:*`.
pub(crate) fn pairs_text(pairs: &[(Dimension, Arc<str>)]) -> String {
    let pairs = pairs.iter().map(|(dimension, value)| format!("{}:{value}", dimension.as_str()));
    pairs.collect::<Vec<_>>().join(" ")
}

/// A limit.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitSpec {
    /// Unique among all limits.
    pub name: Arc<str>,
    /// Budget or rate limit.
    pub kind: LimitKind,
    /// Which calls.
    pub scope: ScopeRule,
    /// What is counted.
    pub measure: Measure,
    /// How much of it is planned for a period; more than 0.
    pub amount: Amount,
    /// How long a period is.
    pub period: Period,
    /// Where its days begin.
    pub timezone: TimeZone,
    /// Shares of the amount at which people are told, ascending.
    pub warn_at: Vec<f64>,
    /// The share of the amount that is never passed.
    pub shutoff_at: f64,
    /// What happens then.
    pub on_shutoff: OnShutoff,
    /// Whether it happens.
    pub mode: Mode,
}

/// Why a limit makes no sense.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SpecFault {
    /// Nothing may be spent.
    #[error("the amount is not more than 0")]
    AmountNotPositive,
    /// The shutoff is nowhere.
    #[error(
        "shutoff_at is {0}; it is a share of the amount and must be more than 0, for example 1.5 for 150 %"
    )]
    Shutoff(f64),
    /// A warning is nowhere.
    #[error(
        "warn_at has {0}; each is a share of the amount and must be more than 0, for example 0.8 for 80 %"
    )]
    WarnAt(f64),
    /// A dimension is named twice.
    #[error("the scope names {0} twice")]
    DimensionTwice(&'static str),
}

impl LimitSpec {
    /// The first thing that makes no sense.
    pub fn check(&self) -> Result<(), SpecFault> {
        if self.amount <= 0 {
            return Err(SpecFault::AmountNotPositive);
        }
        if !(self.shutoff_at.is_finite() && self.shutoff_at > 0.0) {
            return Err(SpecFault::Shutoff(self.shutoff_at));
        }
        if let Some(wrong) = self.warn_at.iter().find(|share| !(share.is_finite() && **share > 0.0)) {
            return Err(SpecFault::WarnAt(*wrong));
        }
        for (at, (dimension, _)) in self.scope.0.iter().enumerate() {
            if self.scope.0[..at].iter().any(|(earlier, _)| earlier == dimension) {
                return Err(SpecFault::DimensionTwice(dimension.as_str()));
            }
        }
        Ok(())
    }

    /// Whether both count the same, so that what one has counted holds for the other.
    pub fn counts_like(&self, other: &Self) -> bool {
        self.name == other.name
            && self.scope == other.scope
            && self.measure == other.measure
            && self.period == other.period
            && self.timezone == other.timezone
    }

    /// An amount as a share of what is planned: 1.0 is all of it.
    pub(crate) fn share_of(&self, amount: Amount) -> f64 {
        amount as f64 / self.amount as f64
    }

    /// The amount that is never passed.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "float to integer casts saturate, which is what a limit wants"
    )]
    pub fn limit(&self) -> Amount {
        ((self.amount as f64) * self.shutoff_at).floor() as Amount
    }

    /// An amount of this limit's measure, for people: `$12.50`, `1200 tokens`, `3 calls`.
    pub fn say(&self, amount: Amount) -> String {
        match self.measure {
            Measure::Usd => {
                let cents = NanoUsd(amount).as_usd();
                if cents.abs() >= 1.0 || amount == 0 {
                    format!("${cents:.2}")
                } else {
                    NanoUsd(amount).to_string()
                }
            }
            Measure::Tokens => format!("{amount} tokens"),
            Measure::Calls | Measure::Concurrent => format!("{amount} calls"),
        }
    }
}
