//! Messages between Datadog's templates and Weir's.
//!
//! Weir reads Datadog's spelling, so most of a message stays as it is. What differs: `{{value}}` of an anomaly is the share
//! of unusual points in Datadog and the metric's value in Weir; Weir converts units and Datadog prints numbers; Datadog
//! has blocks and variables that Weir lacks. What Weir's own loader takes is kept, so a variable that it learns needs no
//! change here.

mod annotations;
mod read;

use std::fmt::Write as _;

use weir_types::TagKey;

use super::loss::Losses;
use crate::template::{NoticeState, Part, Template, Variable};

pub(super) use annotations::from_prometheus;
pub(super) use read::from_datadog;

/// What `{value}` is on the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// The same.
    Value,
    /// The share of unusual points.
    Fraction,
    /// A quotient for a change in percent.
    Quotient,
}

/// What messages of an exported monitor must know of its query.
pub(super) struct Saying {
    pub(super) shown: Shown,
    /// The tags that groups are named by, and how the query spells them.
    pub(super) tags: Vec<(TagKey, String)>,
}

impl Saying {
    /// Of a query that went along as it is.
    pub(super) fn plain() -> Self {
        Self { shown: Shown::Value, tags: Vec::new() }
    }

    fn tag<'a>(&'a self, key: &'a TagKey) -> &'a str {
        self.tags.iter().find(|(known, _)| known == key).map_or(key.as_str(), |(_, spelled)| spelled)
    }
}

/// A message for Datadog.
pub(super) fn to_datadog(message: &Template, saying: &Saying, losses: &mut Losses) -> String {
    let mut text = String::new();
    datadog_parts(&mut text, message.parts(), saying, losses);
    text
}

fn datadog_parts(text: &mut String, parts: &[Part], saying: &Saying, losses: &mut Losses) {
    for part in parts {
        match part {
            Part::Text(literal) => text.push_str(literal),
            Part::Comparator => text.push_str("{{comparator}}"),
            Part::Tag(key) => {
                let tag = saying.tag(key);
                let is_path = tag.contains(['.', '@', '-']);
                // Writing to a String cannot fail, here and below.
                let _ = if is_path {
                    write!(text, "{{{{[{tag}].name}}}}")
                } else {
                    write!(text, "{{{{{tag}.name}}}}")
                };
            }
            Part::Block { state, is_negated, then, otherwise } => {
                let (name, mark) = (state_name(*state), if *is_negated { '^' } else { '#' });
                let _ = write!(text, "{{{{{mark}{name}}}}}");
                datadog_parts(text, then, saying, losses);
                if !otherwise.is_empty() {
                    text.push_str("{{else}}");
                    datadog_parts(text, otherwise, saying, losses);
                }
                let _ = write!(text, "{{{{/{name}}}}}");
            }
            Part::Number { variable, factor } => {
                if let Some(number) = datadog_number(*variable, *factor, saying.shown) {
                    text.push_str(&number);
                    continue;
                }
                let name = variable_name(*variable);
                losses.add(
                    format!("{{{name}}} in the message"),
                    "Datadog's messages cannot say it; `{{value}}` is the share of unusual points there",
                    "the graph of the notice shows it",
                );
                let _ = write!(text, "({name}: see the graph)");
            }
        }
    }
}

fn datadog_number(variable: Variable, factor: f64, shown: Shown) -> Option<String> {
    let name = match (variable, shown) {
        (Variable::Value, Shown::Value | Shown::Quotient) | (Variable::Fraction, Shown::Fraction) => "value",
        (Variable::Threshold, _) => "threshold",
        (Variable::WarnThreshold, _) => "warn_threshold",
        _ => return None,
    };
    #[expect(clippy::float_cmp, reason = "a factor is one of a few constants")]
    let is_same = factor == 1.0;
    Some(match shown {
        Shown::Quotient => format!("{{{{eval \"{name}*100-100\"}}}}"),
        _ if is_same => format!("{{{{{name}}}}}"),
        _ if factor < 1.0 => format!("{{{{eval \"{name}/{}\"}}}}", (1.0 / factor).round()),
        _ => format!("{{{{eval \"{name}*{factor}\"}}}}"),
    })
}

/// A state as Datadog's blocks name it.
fn state_name(state: NoticeState) -> &'static str {
    match state {
        NoticeState::Alert => "is_alert",
        NoticeState::Warning => "is_warning",
        NoticeState::Recovery => "is_recovery",
        NoticeState::NoData => "is_no_data",
    }
}

pub(super) fn variable_name(variable: Variable) -> &'static str {
    match variable {
        Variable::Value => "value",
        Variable::Threshold => "threshold",
        Variable::WarnThreshold => "warn_threshold",
        Variable::Baseline => "baseline",
        Variable::Lower => "lower",
        Variable::Upper => "upper",
        Variable::Score => "score",
        Variable::Fraction => "fraction",
    }
}
