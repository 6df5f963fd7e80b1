//! One metric of a rule: its name, the conditions on its labels, and how it is aggregated.

use weir_query::Percentile;

use super::super::names;
use super::super::promql::Selector;
use super::{Refusal, refusal};
use crate::condition::shown_length;
use crate::exchange::loss::Losses;

/// How a metric is aggregated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::exchange::prometheus) enum Kind {
    Sum,
    Count,
    Avg,
    Min,
    Max,
    Percentile(Percentile),
}

/// A metric, aggregated.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::exchange::prometheus) struct Leaf {
    pub(in crate::exchange::prometheus) kind: Kind,
    pub(in crate::exchange::prometheus) metric: String,
    scope: Vec<String>,
    pub(in crate::exchange::prometheus) by: Vec<String>,
    offset_us: i64,
    /// The upper edge of the one bucket that is counted.
    bucket: Option<f64>,
}

impl Leaf {
    pub(super) fn new(
        kind: Kind,
        selector: &Selector,
        by: Vec<String>,
        losses: &mut Losses,
    ) -> Result<Self, Refusal> {
        if selector.metric.is_empty() {
            return refusal("it selects series without naming a metric", "name the metric");
        }
        if selector.offset_us < 0 {
            return refusal("it looks into the future", "leave the rule out");
        }
        if selector.offset_us % 60_000_000 != 0 {
            return refusal("its offset is no whole number of minutes", "values are kept for each minute");
        }
        let mut bucket = None;
        let mut scope = Vec::new();
        let is_bucket = selector.metric.ends_with("_bucket");
        for (label, operator, value) in &selector.matchers {
            match (label.as_str(), *operator, value.parse::<f64>()) {
                ("le", "=", Ok(edge)) if is_bucket => bucket = Some(edge),
                ("le", ..) => {
                    return refusal("it selects several buckets", "take the quantile, or one bucket");
                }
                _ => scope.push(condition(label, operator, value, losses)?),
            }
        }
        let (metric, part) = names::to_weir(&selector.metric);
        let kind = match (part, kind) {
            (names::Part::Bucket, Kind::Percentile(_)) => kind,
            (names::Part::Bucket, Kind::Sum) if bucket.is_some() => Kind::Count,
            (names::Part::Bucket, _) => {
                return refusal("it counts the buckets of a histogram", "take the quantile, or one bucket");
            }
            (names::Part::Count, Kind::Sum) => Kind::Count,
            _ => kind,
        };
        // An edge without end holds all.
        let bucket = bucket.filter(|edge| edge.is_finite());
        Ok(Self { kind, metric, scope, by, offset_us: selector.offset_us, bucket })
    }

    /// The average that the quotient of a histogram's sum and count is.
    pub(super) fn average(part: &Self, whole: &Self) -> Option<Self> {
        let is_same = part.metric == whole.metric
            && part.scope == whole.scope
            && part.by == whole.by
            && part.offset_us == whole.offset_us;
        let is_average = part.kind == Kind::Sum && whole.kind == Kind::Count && whole.bucket.is_none();
        (is_same && is_average).then(|| Self { kind: Kind::Avg, ..part.clone() })
    }

    /// As an expression, its `by` within its parentheses.
    pub(super) fn text(&self) -> String {
        let name = quoted(&self.metric);
        let scope =
            if self.scope.is_empty() { String::new() } else { format!("{{{}}}", self.scope.join(" AND ")) };
        let by: Vec<String> = self.by.iter().map(|label| quoted(label)).collect();
        let by = if by.is_empty() { String::new() } else { format!(" by {{{}}}", by.join(", ")) };
        let word = match self.kind {
            Kind::Sum => "sum".to_owned(),
            Kind::Count => "count".to_owned(),
            Kind::Avg => "avg".to_owned(),
            Kind::Min => "min".to_owned(),
            Kind::Max => "max".to_owned(),
            Kind::Percentile(percentile) => percentile.to_string(),
        };
        let text = format!("{word}({name}{scope}{by})");
        // What a bucket holds is all but what is greater than its edge.
        let text = match self.bucket {
            Some(edge) => {
                let braces = if scope.is_empty() { "{*}" } else { &scope };
                format!("({text} - count(v: v > {edge}):{name}{braces}{by})")
            }
            None => text,
        };
        if self.offset_us == 0 {
            text
        } else {
            format!("timeshift({text}, -{})", shown_length(self.offset_us))
        }
    }
}

fn quoted(name: &str) -> String {
    let is_bare = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.')
        && !name.ends_with('.')
        && !["by", "where"].contains(&name.to_lowercase().as_str());
    if is_bare { name.to_owned() } else { format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`")) }
}

/// A condition on a label as one on a tag.
fn condition(label: &str, operator: &str, value: &str, losses: &mut Losses) -> Result<String, Refusal> {
    let tag = quoted(label);
    let is_negated = operator.starts_with('!');
    if value.is_empty() || operator.ends_with('~') && value == ".+" {
        // Without a value, or with any.
        let is_absent = value.is_empty() != is_negated;
        return Ok(format!("{}{tag}:*", if is_absent { "!" } else { "" }));
    }
    let found = if operator.ends_with('~') { patterns(value) } else { literal(value) };
    let Some(Patterns { values: patterns, is_exact }) = found else {
        return refusal(
            format!("the pattern {label}{operator}{value:?} is more than words and `.*`"),
            "name the values: `tag IN (a, b)`",
        );
    };
    if !is_exact {
        losses.add(
            format!("{label}{operator}{value:?}"),
            format!("a star stands for any number of characters: {}", patterns.join(", ")),
            "name the values where that is too much: `tag IN (a, b)`",
        );
    }
    Ok(match (&patterns[..], is_negated) {
        ([one], false) => format!("{tag}:{one}"),
        ([one], true) => format!("!{tag}:{one}"),
        (several, false) => format!("{tag} IN ({})", several.join(", ")),
        (several, true) => format!("{tag} NOT IN ({})", several.join(", ")),
    })
}

/// The values that a matcher takes, with stars in them.
struct Patterns {
    values: Vec<String>,
    /// Whether they are neither more nor fewer than those of the regular expression.
    is_exact: bool,
}

/// A value as it is; `None` when a star in it would be taken for a wildcard.
fn literal(value: &str) -> Option<Patterns> {
    (!value.contains('*')).then(|| Patterns { values: vec![shown(value)], is_exact: true })
}

fn shown(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The alternatives of a regular expression that are words with dots in them; `None` for more than that.
fn patterns(regex: &str) -> Option<Patterns> {
    let regex = regex.strip_prefix('^').unwrap_or(regex);
    let regex = regex.strip_suffix('$').unwrap_or(regex);
    let inner = regex.strip_prefix("(?:").or_else(|| regex.strip_prefix('('));
    let regex = inner.and_then(|inner| inner.strip_suffix(')')).unwrap_or(regex);
    let mut values = vec![String::new()];
    let mut is_exact = true;
    let mut chars = regex.chars().peekable();
    while let Some(c) = chars.next() {
        let value = values.last_mut()?;
        match c {
            '|' => values.push(String::new()),
            '.' => {
                if chars.next_if_eq(&'*').is_none() {
                    // One character or more, of which a star is the nearest.
                    chars.next_if_eq(&'+');
                    is_exact = false;
                }
                if !value.ends_with('*') {
                    value.push('*');
                }
            }
            '\\' => value.push(chars.next().filter(|c| !c.is_alphanumeric() && *c != '*')?),
            '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '^' | '$' => return None,
            c => value.push(c),
        }
    }
    let is_whole = values.iter().all(|value| !value.is_empty());
    is_whole.then(|| Patterns { values: values.iter().map(|value| shown(value)).collect(), is_exact })
}
