//! Numbers and times of a condition that were changed from outside, so that a monitor need not be copied to move its
//! threshold. They follow the same rules as the clauses of the language.

use weir_query::{QueryError, QueryErrorKind};
use weir_types::metric::Unit;

use super::cursor::{Cursor, checked_zone};
use super::{Filled, Hinted as _, Rule, Rules, Shape, Threshold, located, threshold};

/// A setting by which a written condition is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setting {
    Threshold,
    Warning,
    Critical,
    Recovery,
    For,
    KeepFiring,
    Every,
    MinSamples,
    Confidence,
    Tz,
}

impl Setting {
    /// Its key in a definition.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Threshold => "threshold",
            Self::Warning => "warning",
            Self::Critical => "critical",
            Self::Recovery => "recovery",
            Self::For => "for",
            Self::KeepFiring => "keep_firing",
            Self::Every => "every",
            Self::MinSamples => "min_samples",
            Self::Confidence => "confidence",
            Self::Tz => "tz",
        }
    }
}

impl Rule {
    /// The unit of what is compared with the threshold.
    pub fn judged_unit(&self) -> Unit {
        if let Some(burn) = self.burn {
            return burn.unit();
        }
        match &self.shape {
            Shape::Change(change) if change.is_percent => Unit::Percent,
            Shape::Anomaly(_) | Shape::Outliers(_) => Unit::Ratio,
            Shape::Value(_) | Shape::Change(_) | Shape::Forecast(_) => self.query.unit(),
        }
    }

    /// Whether the threshold is about how unusual values are, and not about values.
    pub fn judges_the_unusual(&self) -> bool {
        matches!(self.shape, Shape::Anomaly(_) | Shape::Outliers(_))
    }

    /// Changes one setting; places of an error are those of `text`.
    pub(crate) fn set(&mut self, setting: Setting, text: &str) -> Result<(), QueryError> {
        let unit = self.judged_unit();
        let mut cursor = Cursor::new(text);
        let written = |value| Filled { value, is_written: true };
        let rules = &mut self.rules;
        match setting {
            Setting::Threshold => rules.threshold = number(&mut cursor, unit)?,
            Setting::Warning => rules.warning = Some(number(&mut cursor, unit)?),
            Setting::Critical => rules.critical = Some(number(&mut cursor, unit)?),
            Setting::Recovery => rules.recovery = Some(number(&mut cursor, unit)?),
            Setting::For => rules.for_us = written(cursor.length("here")?),
            Setting::KeepFiring => rules.keep_firing_us = written(cursor.length("here")?),
            Setting::Every => rules.every_us = written(super::weir::whole_minutes(&mut cursor, "every")?),
            Setting::MinSamples => {
                let samples = super::weir::count(&mut cursor)?;
                rules.min_samples = Filled { value: samples, is_written: true };
            }
            Setting::Confidence => {
                rules.confidence = Some(super::weir::confidence(&mut cursor)?);
                self.check_confidence(0..text.len())?;
            }
            Setting::Tz => {
                rules.tz = Some(checked_zone(text.to_owned(), 0..text.len())?);
                cursor.jump(text.len());
            }
        }
        cursor.expect_end()
    }
}

fn number(cursor: &mut Cursor<'_>, unit: Unit) -> Result<Threshold, QueryError> {
    let (is_negative, number, span) = cursor.number("here")?;
    threshold::in_unit(is_negative, number, unit, span)
}

impl Rules {
    /// What a recovery undoes: the alert where it has a level of its own, and the threshold otherwise.
    fn ends(&self) -> Threshold {
        self.critical.unwrap_or(self.threshold)
    }

    /// Whether warning, threshold, alert and recovery are in an order in which each can be reached, and no value alerts
    /// and recovers at once.
    pub(crate) fn check_order(&self) -> Result<(), String> {
        let is_worse =
            |a: Threshold, b: Threshold| if self.comparison.is_upward() { a.0 > b.0 } else { a.0 < b.0 };
        if let Some(warning) = self.warning.filter(|warning| is_worse(*warning, self.threshold)) {
            return Err(format!(
                "the warning at {} starts after the alert at {}",
                warning.0, self.threshold.0
            ));
        }
        if let Some(critical) = self.critical.filter(|critical| is_worse(self.threshold, *critical)) {
            return Err(format!(
                "the alert at {} starts before the threshold {}",
                critical.0, self.threshold.0
            ));
        }
        match self.recovery.filter(|recovery| self.comparison.holds(recovery.0, self.ends().0)) {
            Some(recovery) => {
                Err(format!("a value could alert and recover at once: recovery {}", recovery.0))
            }
            None => Ok(()),
        }
    }
}

/// The error for a setting that a condition of this kind does not have.
pub(crate) fn not_of_this_kind(text: &str) -> QueryError {
    located(QueryErrorKind::Argument, 0..text.len(), "only conditions on metrics have this setting")
        .hinted("write it in the condition itself")
}
