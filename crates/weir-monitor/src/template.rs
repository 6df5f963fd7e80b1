//! Messages: text with placeholders that know their units.
//!
//! `{value}`, `{{value}}` and Datadog's `{{model_name.name}}` are placeholders, `{{#is_alert}}…{{else}}…{{/is_alert}}`
//! and `{{^is_alert}}` are blocks. A placeholder that a unit follows is converted: the ratio 0.0534 in `{value}%` is
//! 5.34, five thousand milliseconds in `{value}s` are 5. A placeholder that cannot have a value, and a unit that the value
//! does not have, are errors when the monitor is loaded; what was loaded renders without failing.

mod parse;

use std::fmt::Write as _;

use weir_types::TagKey;

use crate::condition::Comparison;

pub(crate) use parse::{Known, parse, placeholder};

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    parts: Vec<Part>,
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part {
    /// As it is.
    Text(String),
    /// A number.
    Number {
        /// Which.
        variable: Variable,
        /// What the number is multiplied by, to be in the unit that follows.
        factor: f64,
    },
    /// The comparison of the condition.
    Comparator,
    /// The group's value of a tag.
    Tag(TagKey),
    /// For one kind of notice.
    Block { state: NoticeState, is_negated: bool, then: Vec<Part>, otherwise: Vec<Part> },
}

/// A number that a message may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variable {
    /// The value that was judged; for an anomaly the metric itself.
    Value,
    /// The threshold that was crossed.
    Threshold,
    /// Where a warning starts.
    WarnThreshold,
    /// What was expected.
    Baseline,
    /// The lower edge of the band.
    Lower,
    /// The upper edge of the band.
    Upper,
    /// How unusual the value is.
    Score,
    /// The share of points outside of the band.
    Fraction,
}

/// Which kind of notice a message is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeState {
    /// An alert.
    Alert,
    /// A warning.
    Warning,
    /// All is well again.
    Recovery,
    /// Values stopped to come.
    NoData,
}

/// What a message is filled with.
pub struct Facts<'a> {
    /// The kind of notice.
    pub state: NoticeState,
    /// The comparison of the condition, where it has one.
    pub comparison: Option<Comparison>,
    /// The numbers that are known, in the units of the condition.
    pub number: &'a dyn Fn(Variable) -> Option<f64>,
    /// The values of tags of the group.
    pub tag: &'a dyn Fn(&TagKey) -> Option<String>,
}

impl Template {
    /// Its parts, for writing it in another system's language.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The text of a message. What is not known is `unknown`.
    pub fn render(&self, facts: &Facts<'_>) -> String {
        let mut text = String::new();
        render(&mut text, &self.parts, facts);
        text
    }
}

fn render(text: &mut String, parts: &[Part], facts: &Facts<'_>) {
    let unknown = || "unknown".to_owned();
    for part in parts {
        match part {
            Part::Text(literal) => text.push_str(literal),
            Part::Number { variable, factor } => {
                let shown =
                    (facts.number)(*variable).map_or_else(unknown, |value| shown_number(value * factor));
                text.push_str(&shown);
            }
            Part::Comparator => {
                // Writing to a String cannot fail.
                let _ = facts.comparison.map_or(Ok(()), |comparison| write!(text, "{comparison}"));
            }
            Part::Tag(key) => text.push_str(&(facts.tag)(key).unwrap_or_else(unknown)),
            Part::Block { state, is_negated, then, otherwise } => {
                let holds = (*state == facts.state) != *is_negated;
                render(text, if holds { then } else { otherwise }, facts);
            }
        }
    }
}

/// A number with four significant digits, and never fewer digits than stand before the point.
fn shown_number(value: f64) -> String {
    if !value.is_finite() {
        return "unknown".to_owned();
    }
    let mut decimals = 3;
    let mut bound = 10.0;
    while decimals > 0 && value.abs() >= bound {
        decimals -= 1;
        bound *= 10.0;
    }
    let mut small = 1.0;
    while value != 0.0 && value.abs() < small && decimals < 9 {
        decimals += 1;
        small /= 10.0;
    }
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_significant_digits_and_no_padding() {
        for (value, expected) in [
            (5000.0, "5000"),
            (5230.6, "5231"),
            (1_234_567.8, "1234568"),
            (37.5, "37.5"),
            (5.34, "5.34"),
            (0.712_49, "0.7125"),
            (0.000_123_56, "0.0001236"),
            (0.0, "0"),
            (-0.000_000_000_1, "0"),
            (-12.0, "-12"),
        ] {
            assert_eq!(shown_number(value), expected);
        }
    }
}
