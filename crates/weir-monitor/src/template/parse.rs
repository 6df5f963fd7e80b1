//! Reads messages, and holds their placeholders against what the monitor can know.

use weir_query::did_you_mean;
use weir_types::TagKey;
use weir_types::metric::Unit;

use super::{NoticeState, Part, Template, Variable};

/// Blocks within blocks; people stop reading at three.
const DEPTH_MAX: usize = 8;

/// What a message of a monitor can know.
pub(crate) struct Known {
    /// The unit of the value; for an anomaly of the metric.
    pub(crate) value_unit: Unit,
    /// The unit of the threshold.
    pub(crate) threshold_unit: Unit,
    /// Whether there is a band, a score and a fraction.
    pub(crate) has_band: bool,
    /// Whether there are numbers at all: a composite has none.
    pub(crate) has_numbers: bool,
    /// The tags that groups are named by.
    pub(crate) tags: Vec<TagKey>,
}

/// Reads a message; the error says what is wrong with it.
pub(crate) fn parse(text: &str, known: &Known) -> Result<Template, String> {
    let mut reader = Reader { rest: text, known, depth: 0 };
    let (parts, end) = reader.parts(None)?;
    match end {
        End::Text => Ok(Template { parts }),
        End::Else => Err("`{{else}}` stands outside of a block".to_owned()),
        End::Close => Err("a block is closed that was never opened".to_owned()),
    }
}

/// How a list of parts ended.
#[derive(PartialEq, Eq)]
enum End {
    Text,
    Else,
    Close,
}

struct Reader<'a> {
    rest: &'a str,
    known: &'a Known,
    depth: usize,
}

impl<'a> Reader<'a> {
    /// Parts up to the end of the text, or within the block `open` up to its end.
    fn parts(&mut self, open: Option<&str>) -> Result<(Vec<Part>, End), String> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        loop {
            let Some(at) = self.rest.find('{') else {
                literal.push_str(self.rest);
                self.rest = "";
                push_text(&mut parts, &mut literal);
                return match open {
                    Some(open) => Err(format!("the block `{{{{#{open}}}}}` is never closed")),
                    None => Ok((parts, End::Text)),
                };
            };
            literal.push_str(&self.rest[..at]);
            self.rest = &self.rest[at..];
            let Some((inside, after)) = placeholder(self.rest) else {
                literal.push('{');
                self.rest = &self.rest[1..];
                continue;
            };
            self.rest = after;
            let is_dollars = literal.ends_with('$');
            push_text(&mut parts, &mut literal);
            if inside == "else" {
                return Ok((parts, End::Else));
            }
            if let Some(name) = inside.strip_prefix('/') {
                return match open {
                    Some(open) if open != name.trim() => {
                        Err(format!("`{{{{/{name}}}}}` closes a block that `{{{{#{open}}}}}` opened"))
                    }
                    _ => Ok((parts, End::Close)),
                };
            }
            parts.push(match inside.strip_prefix(['#', '^']) {
                Some(name) => self.block(name.trim(), inside.starts_with('^'))?,
                None => self.variable(inside, is_dollars)?,
            });
        }
    }

    fn block(&mut self, name: &'a str, is_negated: bool) -> Result<Part, String> {
        const STATES: [(&str, NoticeState); 4] = [
            ("is_alert", NoticeState::Alert),
            ("is_warning", NoticeState::Warning),
            ("is_recovery", NoticeState::Recovery),
            ("is_no_data", NoticeState::NoData),
        ];
        let state = STATES.iter().find(|(known, _)| *known == name).map(|(_, state)| *state);
        let state = state.ok_or_else(|| {
            let hint = did_you_mean(name, STATES.iter().map(|(known, _)| *known))
                .unwrap_or_else(|| "blocks are is_alert, is_warning, is_recovery, is_no_data".to_owned());
            format!("there is no block `{name}`; {hint}")
        })?;
        if self.depth == DEPTH_MAX {
            return Err(format!("blocks nest deeper than {DEPTH_MAX} levels"));
        }
        self.depth += 1;
        let (then, end) = self.parts(Some(name))?;
        let otherwise = if end == End::Else {
            let (otherwise, end) = self.parts(Some(name))?;
            if end == End::Else {
                return Err(format!("the block `{name}` has two `{{{{else}}}}`"));
            }
            otherwise
        } else {
            Vec::new()
        };
        self.depth -= 1;
        Ok(Part::Block { state, is_negated, then, otherwise })
    }

    fn variable(&self, name: &str, is_dollars: bool) -> Result<Part, String> {
        let written = name;
        let name = name.strip_suffix(".name").unwrap_or(name);
        let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        if name == "comparator" && self.known.has_numbers {
            return Ok(Part::Comparator);
        }
        let key = TagKey::new(name);
        if self.known.tags.contains(&key) {
            return Ok(Part::Tag(key));
        }
        let numbers = self.numbers();
        let Some((_, variable, unit)) = numbers.iter().find(|(known, ..)| *known == name) else {
            let names =
                || numbers.iter().map(|(known, ..)| *known).chain(self.known.tags.iter().map(TagKey::as_str));
            let hint = did_you_mean(name, names()).unwrap_or_else(|| {
                let all: Vec<&str> = names().collect();
                if all.is_empty() {
                    "this monitor has none".to_owned()
                } else {
                    format!("there are {}", all.join(", "))
                }
            });
            return Err(format!("`{{{written}}}` has no value here; {hint}"));
        };
        let factor = factor(self.rest, is_dollars, *unit)
            .map_err(|suffix| format!("`{{{written}}}{suffix}`: the value is {}", unit_words(*unit)))?;
        Ok(Part::Number { variable: *variable, factor })
    }

    /// The numbers that there are, and their units.
    fn numbers(&self) -> Vec<(&'static str, Variable, Unit)> {
        let (value, threshold) = (self.known.value_unit, self.known.threshold_unit);
        if !self.known.has_numbers {
            return Vec::new();
        }
        let mut numbers = vec![
            ("value", Variable::Value, value),
            ("threshold", Variable::Threshold, threshold),
            ("warn_threshold", Variable::WarnThreshold, threshold),
        ];
        if self.known.has_band {
            numbers.extend([
                ("baseline", Variable::Baseline, value),
                ("lower", Variable::Lower, value),
                ("upper", Variable::Upper, value),
                ("score", Variable::Score, Unit::None),
                ("fraction", Variable::Fraction, Unit::Ratio),
            ]);
        }
        numbers
    }
}

fn push_text(parts: &mut Vec<Part>, literal: &mut String) {
    if !literal.is_empty() {
        parts.push(Part::Text(std::mem::take(literal)));
    }
}

/// What stands in the braces that a text starts with, and what follows them; `None` when they hold no placeholder.
pub(crate) fn placeholder(text: &str) -> Option<(&str, &str)> {
    let braces = text.bytes().take(3).take_while(|byte| *byte == b'{').count();
    let close = &"}}}"[..braces];
    let end = text[braces..].find(close)? + braces;
    let inside = text[braces..end].trim();
    let is_word = |c: char| c.is_alphanumeric() || "_.-[]".contains(c);
    let bare = inside.strip_prefix(['#', '^', '/']).map_or(inside, str::trim);
    let is_placeholder = if braces == 1 {
        // JSON and code have single braces too: only a plain name is a placeholder.
        inside.starts_with(|c: char| c.is_alphabetic())
            && inside.chars().all(is_word)
            && inside.len() == end - 1
    } else {
        !bare.is_empty() && bare.chars().all(is_word)
    };
    is_placeholder.then(|| (inside, &text[end + braces..]))
}

/// What a number in a unit is multiplied by to be in the unit that is written after it; an error is that unit.
fn factor(after: &str, is_dollars: bool, unit: Unit) -> Result<f64, &'static str> {
    let after = after.strip_prefix(' ').unwrap_or(after);
    let is_word = |word: &str| {
        after
            .strip_prefix(word)
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    };
    match unit {
        Unit::None | Unit::Count => Ok(1.0),
        Unit::Ratio if after.starts_with('%') => Ok(100.0),
        Unit::Percent if after.starts_with('%') => Ok(1.0),
        _ if after.starts_with('%') => Err("%"),
        Unit::Millis if is_word("s") => Ok(0.001),
        Unit::Millis => Ok(1.0),
        _ if is_word("ms") => Err("ms"),
        _ if is_word("s") => Err("s"),
        Unit::Usd => Ok(1.0),
        _ if is_dollars => Err(" after $"),
        _ => Ok(1.0),
    }
}

fn unit_words(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "a count",
        Unit::None => "a number",
        Unit::Ratio => "a ratio; write `{value}%` for percent",
        Unit::Percent => "a percentage; write `{value}%`",
        Unit::Millis => "in milliseconds; write `{value}ms` or `{value}s`",
        Unit::Tokens => "in tokens",
        Unit::Usd => "in US dollars; write `${value}`",
        Unit::PerSecond => "in things per second",
    }
}
