//! Service level objectives: which share of all that happens must be good, and over which time.
//!
//! An objective is an entry `[[slos]]` beside the monitors. What may be bad is its error budget: of a target of 99.9 % one in a
//! thousand. `error_budget("name")` is how much of that is spent in percent, `burn_rate("name")` how many times as fast as
//! it may be. Both are conditions on the share of bad, a query as any other, so they are judged, tested and judged
//! anew by the same fold.
//!
//! On failure every mistake of every objective is reported at once, with its key.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weir_query::{Query, QueryError, QueryErrorKind, did_you_mean};
use weir_types::UnixMicros;
use weir_types::metric::Unit;

use crate::condition::{BudgetRule, Burn, length_of_text, share_of_text};
use crate::definition::Amount;
use crate::error::MonitorError;

/// The time over which an objective must be met, where nothing is said.
const WINDOW_US: i64 = 30 * UnixMicros::DAY;

/// The longest: hour cells are kept for 13 months.
const WINDOW_US_MAX: i64 = 366 * UnixMicros::DAY;

/// A service level objective, as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SloEntry {
    /// What it is called. Conditions name it: `burn_rate("name")`.
    pub name: String,
    /// How much of the total was good, such as "sum(llm.request.count{status:ok})"; or say `bad`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good: Option<String>,
    /// How much of the total was bad, such as "llm.request.error"; or say `good`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bad: Option<String>,
    /// How much there was, such as "llm.request.count".
    pub total: String,
    /// The share that must be good: "99.9%" or 0.999.
    pub target: Amount,
    /// The time over which it must be, such as "7d"; "30d" when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
}

/// A service level objective.
#[derive(Debug, Clone, PartialEq)]
pub struct Slo {
    /// Its name.
    pub name: String,
    /// The share that was bad.
    pub bad_share: Query,
    /// The share that must be good, above 0 and below 1.
    pub target: f64,
    /// The time over which it must be, in microseconds.
    pub window_us: i64,
}

impl Slo {
    /// The share that may be bad. Rounded, because one less 0.999 is not quite a thousandth.
    pub fn allowed(&self) -> f64 {
        const PLACES: f64 = 1e12;
        ((1.0 - self.target) * PLACES).round() / PLACES
    }

    /// Reads an entry.
    pub(crate) fn of(entry: &SloEntry) -> Result<Self, MonitorError> {
        let fail = |key: &'static str, message: String| MonitorError::Objective {
            objective: entry.name.clone(),
            key,
            message,
        };
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        if entry.name.is_empty() || !entry.name.chars().all(is_word) {
            return Err(fail("name", "a name has letters, digits, `-` and `_` only".to_owned()));
        }
        // Each part by itself first, so that a mistake is shown at its place in what was written.
        let part = |key: &'static str, text: &str| match weir_query::parse(text) {
            Err(error) if weir_query::parse(&format!("ratio({text}, {text})")).is_err() => {
                Err(fail(key, format!("\n{}", error.render(text).trim_end())))
            }
            _ => Ok(()),
        };
        part("total", &entry.total)?;
        let (key, text, share) = match (&entry.good, &entry.bad) {
            (Some(good), None) => ("good", good, format!("1 - ratio({good}, {})", entry.total)),
            (None, Some(bad)) => ("bad", bad, format!("ratio({bad}, {})", entry.total)),
            (Some(_), Some(_)) => {
                return Err(fail("bad", "good and bad say the same; write one of them".to_owned()));
            }
            (None, None) => {
                return Err(fail("good", "nothing says what is good; write `good` or `bad`".to_owned()));
            }
        };
        part(key, text)?;
        let bad_share = weir_query::parse(&share)
            .map_err(|error| fail(key, format!("\n{}", error.render(&share).trim_end())))?;
        if bad_share.unit() != Unit::Ratio {
            return Err(fail(
                key,
                "it must measure the same as the total, so that it is a share of it".to_owned(),
            ));
        }
        let text = entry.target.text();
        let target = share_of_text(&text).map_err(|error| fail("target", error.to_string()))?;
        if !(target > 0.0 && target < 1.0) {
            return Err(fail(
                "target",
                format!("`{text}` is no share between 0 and 1; write \"99.9%\" or 0.999"),
            ));
        }
        let window_us = match &entry.window {
            None => WINDOW_US,
            Some(text) => length_of_text(text)
                .filter(|us| *us % UnixMicros::MINUTE == 0 && *us <= WINDOW_US_MAX)
                .ok_or_else(|| {
                    fail("window", format!("`{text}` is no length of time; write \"7d\" or \"30d\""))
                })?,
        };
        Ok(Self { name: entry.name.clone(), bad_share, target, window_us })
    }
}

/// Reads the objectives of all files. A name that is there twice is a mistake.
pub(crate) fn read<'a>(entries: impl Iterator<Item = &'a SloEntry>) -> (Vec<Slo>, Vec<MonitorError>) {
    let (mut slos, mut errors): (Vec<Slo>, Vec<MonitorError>) = (Vec::new(), Vec::new());
    for entry in entries {
        match Slo::of(entry) {
            Ok(slo) if slos.iter().any(|known| known.name == slo.name) => {
                errors.push(MonitorError::Objective {
                    objective: slo.name,
                    key: "name",
                    message: "it is defined twice".to_owned(),
                });
            }
            Ok(slo) => slos.push(slo),
            Err(error) => errors.push(error),
        }
    }
    (slos, errors)
}

/// Says what a condition on an objective evaluates. A name that is almost one of those that are defined is a mistake.
pub(crate) fn resolve(rule: &mut BudgetRule, slos: &[Slo]) -> Result<(), QueryError> {
    let Some(slo) = slos.iter().find(|slo| slo.name == rule.objective) else {
        let hint = did_you_mean(&rule.objective, slos.iter().map(|slo| slo.name.as_str()));
        // What was imported names objectives of another system. It is not evaluated, and says so, until they are defined.
        let Some(hint) = hint else { return Ok(()) };
        return Err(QueryError {
            kind: QueryErrorKind::Name,
            message: format!("there is no objective `{}`", rule.objective),
            span: rule.place.clone(),
            hint: Some(hint),
        });
    };
    let over_us = rule.over_us.unwrap_or(slo.window_us);
    let short_us = rule.burn_windows_us.map(|(_, short_us)| short_us);
    let burn = Burn { allowed: slo.allowed(), short_us };
    rule.evaluate(slo.bad_share.clone(), burn, over_us);
    Ok(())
}
