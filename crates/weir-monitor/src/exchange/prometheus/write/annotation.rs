//! Messages as annotations. A rule fires in one state, so blocks are resolved here; thresholds are numbers of the rule.

use std::fmt::Write as _;

use super::super::names;
use crate::condition::Comparison;
use crate::exchange::loss::Losses;
use crate::exchange::message::variable_name;
use crate::template::{NoticeState, Part, Template, Variable};

/// What a message may name of its rule.
pub(super) struct About {
    pub(super) threshold: Option<f64>,
    pub(super) warning: Option<f64>,
    pub(super) comparison: Option<Comparison>,
}

/// The text of the annotation of the rule for one state.
pub(super) fn text(message: &Template, state: NoticeState, about: &About, losses: &mut Losses) -> String {
    let mut writer = Writer { text: String::new(), unit: Unit::Same, state, about, losses };
    writer.parts(message.parts());
    writer.text
}

/// What is done with the unit that follows a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Same,
    /// The value says its percent sign itself.
    Percent,
    /// The value is in milliseconds, and seconds are written.
    Millis,
}

struct Writer<'a> {
    text: String,
    unit: Unit,
    state: NoticeState,
    about: &'a About,
    losses: &'a mut Losses,
}

impl Writer<'_> {
    fn parts(&mut self, parts: &[Part]) {
        for part in parts {
            match part {
                Part::Text(literal) => self.literal(literal),
                Part::Comparator => {
                    // Writing to a String cannot fail, here and below.
                    let _ =
                        self.about.comparison.map_or(Ok(()), |comparison| write!(self.text, "{comparison}"));
                }
                Part::Tag(key) => {
                    let _ = write!(self.text, "{{{{ $labels.{} }}}}", names::plain(key.as_str()));
                }
                Part::Number { variable, factor } => self.number(*variable, *factor),
                Part::Block { state, is_negated, then, otherwise } => {
                    if !is_negated && matches!(state, NoticeState::Recovery | NoticeState::NoData) {
                        self.losses.add(
                            "what the message says when all is well or data is missing",
                            "annotations are those of a firing alert",
                            "",
                        );
                    }
                    let holds = (*state == self.state) != *is_negated;
                    self.parts(if holds { then } else { otherwise });
                }
            }
        }
    }

    fn literal(&mut self, literal: &str) {
        let unit = std::mem::replace(&mut self.unit, Unit::Same);
        let trimmed = literal.strip_prefix(' ').unwrap_or(literal);
        let literal = match unit {
            Unit::Percent => trimmed.strip_prefix('%').unwrap_or(literal).to_owned(),
            Unit::Millis => {
                trimmed.strip_prefix('s').map_or_else(|| literal.to_owned(), |rest| format!("ms{rest}"))
            }
            Unit::Same => literal.to_owned(),
        };
        // Two braces would start an action of the template.
        self.text.push_str(&literal.replace("{{", "{{\"{{\"}}"));
    }

    fn number(&mut self, variable: Variable, factor: f64) {
        let literal = match variable {
            Variable::Threshold => self.about.threshold,
            Variable::WarnThreshold => self.about.warning,
            _ => None,
        };
        if let Some(number) = literal {
            // Twelve digits: the noise of floats is behind them.
            let _ = write!(self.text, "{}", (number * factor * 1e12).round() / 1e12);
        } else if variable == Variable::Value {
            self.text.push_str(if factor > 1.0 {
                "{{ $value | humanizePercentage }}"
            } else {
                "{{ $value }}"
            });
            self.unit = match factor {
                factor if factor > 1.0 => Unit::Percent,
                factor if factor < 1.0 => Unit::Millis,
                _ => Unit::Same,
            };
        } else {
            let name = variable_name(variable);
            self.losses.add(format!("{{{name}}} in the message"), "annotations cannot say it", "");
            let _ = write!(self.text, "({name})");
        }
    }
}
