//! What a monitor says that was given no message: its name, what it saw in the unit of that, what that is held against, and
//! the group.
//!
//! It is written as people write messages, and read by the same reader, so it is shown, changed and exported as theirs.
//!
//! Invariant: it names nothing that the condition does not know, so it is never a mistake.

use weir_types::metric::Unit;

use crate::condition::{Condition, Judged, Shape};
use crate::template::Known;

/// Milliseconds from which on a threshold is better read in seconds.
const SECONDS_FROM_MS: f64 = 1_000.0;

/// The message of a monitor with this name and condition that was given none.
pub fn default_message(name: &str, condition: &Condition) -> String {
    let known = super::known(condition);
    let Some(rule) = condition.judged.rule() else {
        return match &condition.judged {
            // Neither has numbers: the condition is what there is to say.
            Judged::Composite(_) => format!("{name}: what it is made of holds"),
            Judged::Events(_) | Judged::Metric(_) | Judged::Budget(_) => {
                format!("{name}: its condition holds")
            }
        };
    };
    let in_seconds = rule.rules.threshold.0.abs() >= SECONDS_FROM_MS;
    let number = |variable: &str, unit: Unit| written(variable, unit, in_seconds);
    let value = number("value", known.value_unit);
    let held_against = format!("threshold {{comparator}} {}", number("threshold", known.threshold_unit));
    let saw = match (&rule.shape, rule.burn) {
        (Shape::Anomaly(_), _) => {
            let (baseline, lower) = (number("baseline", known.value_unit), number("lower", known.value_unit));
            let upper = number("upper", known.value_unit);
            format!("unusual at {value}, expected {baseline} (between {lower} and {upper})")
        }
        (Shape::Outliers(_), _) => format!("unlike the others at {value}"),
        (Shape::Forecast(_), _) => format!("expected to reach {value} ({held_against})"),
        (_, Some(burn)) if burn.short_us.is_some() => {
            format!("burns its error budget {value} times as fast as it may ({held_against})")
        }
        (_, Some(_)) => format!("{value} of the error budget are spent ({held_against})"),
        (Shape::Value(_) | Shape::Change(_), None) => format!("{value} ({held_against})"),
    };
    let saw = format!("{{{{#is_no_data}}}}no values{{{{else}}}}{saw}{{{{/is_no_data}}}}");
    format!("{name}{}: {saw}", groups(&known))
}

/// A placeholder in the unit that people read.
fn written(variable: &str, unit: Unit, in_seconds: bool) -> String {
    match unit {
        Unit::Ratio | Unit::Percent => format!("{{{variable}}}%"),
        Unit::Millis if in_seconds => format!("{{{variable}}}s"),
        Unit::Millis => format!("{{{variable}}}ms"),
        Unit::Tokens => format!("{{{variable}}} tokens"),
        Unit::Usd => format!("${{{variable}}}"),
        Unit::PerSecond => format!("{{{variable}}}/s"),
        Unit::None | Unit::Count => format!("{{{variable}}}"),
    }
}

/// The tags that tell groups apart: ` for model {model}`.
fn groups(known: &Known) -> String {
    if known.tags.is_empty() {
        return String::new();
    }
    let tags = known.tags.iter().map(|key| format!("{} {{{{[{}].name}}}}", key.as_str(), key.as_str()));
    format!(" for {}", tags.collect::<Vec<_>>().join(", "))
}
