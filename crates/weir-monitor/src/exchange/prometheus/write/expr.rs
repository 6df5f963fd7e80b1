//! Expressions of Weir as PromQL.

use weir_query::{Aggregator, Call, Expr, ExprKind, Leaf, rate_terms};
use weir_types::metric::{self, Unit};
use weir_types::{Scope, TagKey};

use super::super::names;
use crate::condition::shown_length;
use crate::exchange::loss::Losses;

const DAY_US: i64 = 86_400_000_000;

/// A printed expression, and how tightly its outermost operator binds.
pub(super) struct Printed {
    text: String,
    power: u8,
}

impl Printed {
    pub(super) fn atom(text: String) -> Self {
        Self { text, power: u8::MAX }
    }

    /// A product or a quotient.
    pub(super) fn binary(text: String) -> Self {
        Self { text, power: 20 }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// As a side of an operator that binds with this power.
    pub(super) fn operand(&self, power: u8) -> String {
        if self.power < power { format!("({})", self.text) } else { self.text.clone() }
    }
}

/// Prints expressions over one window.
#[derive(Clone, Copy)]
pub(super) struct Printer {
    pub(super) window_us: i64,
    pub(super) offset_us: i64,
    pub(super) is_zero_filled: bool,
}

impl Printer {
    /// Prints an expression; an error says why PromQL cannot have it.
    pub(super) fn print(&self, expr: &Expr, losses: &mut Losses) -> Result<Printed, String> {
        match &expr.kind {
            ExprKind::Number(number) => Ok(Printed::atom(number.base_value().to_string())),
            ExprKind::Leaf(leaf) => {
                let printed = self.leaf(leaf, losses)?;
                Ok(if self.is_zero_filled { zero(printed, &leaf.by, losses) } else { printed })
            }
            ExprKind::Call(call) => self.call(call, losses),
            ExprKind::Negate(inner) => {
                Ok(Printed::binary(format!("-{}", self.print(inner, losses)?.operand(30))))
            }
            ExprKind::Binary { operator, left, right } => {
                let power = if "+-".contains(operator.symbol()) { 10 } else { 20 };
                let (left, right) = (self.print(left, losses)?, self.print(right, losses)?);
                let text =
                    format!("{} {} {}", left.operand(power), operator.symbol(), right.operand(power + 1));
                Ok(Printed { text, power })
            }
        }
    }

    fn call(&self, call: &Call, losses: &mut Losses) -> Result<Printed, String> {
        let name = call.function.name;
        let arg = |at: usize| call.args.get(at).ok_or_else(|| format!("{name} lacks an argument"));
        let earlier = |us: i64| Self { offset_us: self.offset_us + us, ..*self };
        match name {
            "rate" => {
                let (hits, cases) = rate_terms(call).ok_or("its rate is of no outcome")?;
                let hits = self.leaf(&hits, losses)?;
                let cases: Result<Vec<String>, String> =
                    cases.iter().map(|case| Ok(self.leaf(case, losses)?.text)).collect();
                let cases = cases?;
                let all = if cases.len() > 1 { format!("({})", cases.join(" + ")) } else { cases.join("") };
                Ok(Printed::binary(format!("{} / {all}", hits.operand(20))))
            }
            "ratio" => {
                let (part, whole) = (self.print(arg(0)?, losses)?, self.print(arg(1)?, losses)?);
                Ok(Printed::binary(format!("{} / {}", part.operand(20), whole.operand(21))))
            }
            "per_second" => match &arg(0)?.kind {
                ExprKind::Leaf(leaf) if leaf.aggregator == Aggregator::Sum => {
                    Ok(Printed::atom(self.series("sum", "rate", &names::total(&leaf.metric), leaf, "")?))
                }
                _ => {
                    let total = self.print(arg(0)?, losses)?;
                    Ok(Printed::binary(format!("{} / {}", total.operand(20), self.window_us as f64 / 1e6)))
                }
            },
            "default_zero" => {
                let printed = self.print(arg(0)?, losses)?;
                let by: Vec<TagKey> = arg(0)?.leaves().iter().flat_map(|leaf| leaf.by.clone()).collect();
                Ok(zero(printed, &by, losses))
            }
            "hour_before" => earlier(DAY_US / 24).print(arg(0)?, losses),
            "day_before" => earlier(DAY_US).print(arg(0)?, losses),
            "week_before" => earlier(7 * DAY_US).print(arg(0)?, losses),
            "month_before" => earlier(28 * DAY_US).print(arg(0)?, losses),
            "timeshift" => {
                earlier(shift_us(arg(1)?).ok_or("its timeshift is no length of time")?).print(arg(0)?, losses)
            }
            "week_over_week_change" => self.change(7 * DAY_US, arg(0)?, losses),
            "day_over_day_change" => self.change(DAY_US, arg(0)?, losses),
            "top" | "bottom" => {
                let (number, of) = (self.print(arg(0)?, losses)?, self.print(arg(1)?, losses)?);
                Ok(Printed::atom(format!("{name}k({}, {})", number.text, of.text)))
            }
            "abs" => Ok(Printed::atom(format!("abs({})", self.print(arg(0)?, losses)?.text))),
            "exclude_null" => self.print(arg(0)?, losses),
            other => Err(format!("PromQL has no counterpart of {other}")),
        }
    }

    fn change(&self, period_us: i64, of: &Expr, losses: &mut Losses) -> Result<Printed, String> {
        losses.add("days of the change", "they end now and are those of UTC; Weir's end on a whole hour", "");
        let now = Self { window_us: period_us, ..*self };
        let before = Self { offset_us: self.offset_us + period_us, ..now };
        let (now, before) = (now.print(of, losses)?, before.print(of, losses)?);
        Ok(Printed::binary(format!("100 * ({} / {} - 1)", now.operand(20), before.operand(21))))
    }

    fn leaf(&self, leaf: &Leaf, losses: &mut Losses) -> Result<Printed, String> {
        let known = metric::derived(&leaf.metric);
        let histogram = names::histogram(&leaf.metric);
        let part = |suffix: &str| format!("{histogram}_{suffix}");
        let is_total = known.is_none() || names::is_total(&leaf.metric);
        let count =
            if known.is_some_and(|info| info.is_count) { names::total(&leaf.metric) } else { part("count") };
        Ok(Printed::atom(match leaf.aggregator {
            Aggregator::Sum => {
                if known.is_none() {
                    losses.add(
                        format!("sum of {}", leaf.metric),
                        "it is taken for a counter; Prometheus cannot sum the values of a gauge",
                        "",
                    );
                }
                let name = if is_total { names::total(&leaf.metric) } else { part("sum") };
                self.series("sum", "increase", &name, leaf, "")?
            }
            Aggregator::Count => self.series("sum", "increase", &count, leaf, "")?,
            Aggregator::Avg if known.is_some() => {
                let (sum, count) = (
                    self.series("sum", "increase", &part("sum"), leaf, "")?,
                    self.series("sum", "increase", &part("count"), leaf, "")?,
                );
                return Ok(Printed::binary(format!("{sum} / {count}")));
            }
            Aggregator::Avg => self.series("avg", "avg_over_time", &histogram, leaf, "")?,
            Aggregator::Min => self.series("min", "min_over_time", &histogram, leaf, "")?,
            Aggregator::Max => self.series("max", "max_over_time", &histogram, leaf, "")?,
            Aggregator::Percentile(percentile) => {
                let by: Vec<String> = std::iter::once("le".to_owned())
                    .chain(leaf.by.iter().map(|key| names::plain(key.as_str())))
                    .collect();
                let range = self.range("rate", &part("bucket"), leaf, "")?;
                format!("histogram_quantile({}, sum by ({}) ({range}))", percentile.quantile(), by.join(", "))
            }
            Aggregator::CountAbove(bound) => {
                losses.add(
                    format!("count above {bound}"),
                    "a histogram counts at its edges only",
                    "make sure that a bucket ends there",
                );
                let all = self.series("sum", "increase", &part("count"), leaf, "")?;
                let edge = format!("le=\"{}\"", bound.base_value());
                let below = self.series("sum", "increase", &part("bucket"), leaf, &edge)?;
                format!("({all} - {below})")
            }
        }))
    }

    /// How many values an expression is made of, where it is one metric or a rate.
    pub(super) fn samples(&self, expr: &Expr) -> Option<String> {
        let leaf = match &expr.kind {
            ExprKind::Leaf(leaf) => leaf.clone(),
            ExprKind::Call(call) => {
                let (hits, cases) = rate_terms(call)?;
                let [case] = &cases[..] else { return None };
                // The number of cases has no groups of outcomes.
                (hits.by == case.by).then(|| case.clone())?
            }
            _ => return None,
        };
        let known = metric::derived(&leaf.metric);
        let (function, name) = match known {
            Some(info) if info.is_count => ("increase", names::total(info.name)),
            Some(info) if info.unit == Unit::Millis => ("increase", names::histogram(info.name) + "_count"),
            Some(_) => return None,
            None => match leaf.aggregator {
                Aggregator::Percentile(_) => ("increase", names::histogram(&leaf.metric) + "_count"),
                _ => ("count_over_time", names::histogram(&leaf.metric)),
            },
        };
        self.series("sum", function, &name, &leaf, "").ok()
    }

    /// `sum by (a) (increase(m[5m]))`
    fn series(
        &self,
        outer: &str,
        inner: &str,
        name: &str,
        leaf: &Leaf,
        more: &str,
    ) -> Result<String, String> {
        let range = self.range(inner, name, leaf, more)?;
        if leaf.by.is_empty() {
            return Ok(format!("{outer}({range})"));
        }
        let by: Vec<String> = leaf.by.iter().map(|key| names::plain(key.as_str())).collect();
        Ok(format!("{outer} by ({}) ({range})", by.join(", ")))
    }

    /// `increase(m{a="b"}[5m] offset 1d)`
    fn range(&self, function: &str, name: &str, leaf: &Leaf, more: &str) -> Result<String, String> {
        let mut matchers = Vec::new();
        matchers_of(&leaf.scope, false, &mut matchers)?;
        matchers.extend((!more.is_empty()).then(|| more.to_owned()));
        let matchers =
            if matchers.is_empty() { String::new() } else { format!("{{{}}}", matchers.join(",")) };
        let offset = if self.offset_us == 0 {
            String::new()
        } else {
            format!(" offset {}", shown_length(self.offset_us))
        };
        Ok(format!("{function}({}{matchers}[{}]{offset})", name, shown_length(self.window_us)))
    }
}

/// Zero where there is nothing, which PromQL can say of a value without groups.
fn zero(printed: Printed, by: &[TagKey], losses: &mut Losses) -> Printed {
    if by.is_empty() {
        return Printed::atom(format!("({} or vector(0))", printed.text));
    }
    losses.add("zero where nothing was seen", "PromQL cannot name groups that have no values", "");
    printed
}

/// A scope as matchers, all of which hold; an error when it has alternatives of several tags.
fn matchers_of(scope: &Scope, is_negated: bool, matchers: &mut Vec<String>) -> Result<(), String> {
    match scope {
        Scope::All if !is_negated => {}
        Scope::Is(key, value) => matchers.push(matcher(key, &[value], is_negated)),
        Scope::In(key, values) => {
            let values: Vec<&str> = values.iter().map(|value| &**value).collect();
            matchers.push(matcher(key, &values, is_negated));
        }
        Scope::Not(inner) => matchers_of(inner, !is_negated, matchers)?,
        Scope::And(parts) if !is_negated => {
            for part in parts {
                matchers_of(part, false, matchers)?;
            }
        }
        Scope::Or(parts) if is_negated => {
            for part in parts {
                matchers_of(part, true, matchers)?;
            }
        }
        Scope::Or(parts) => {
            let mut values = Vec::new();
            let mut of: Option<&TagKey> = None;
            for part in parts {
                let (key, more): (&TagKey, Vec<&str>) = match part {
                    Scope::Is(key, value) => (key, vec![value]),
                    Scope::In(key, values) => (key, values.iter().map(|value| &**value).collect()),
                    _ => return Err(alternatives()),
                };
                if of.is_some_and(|of| of != key) {
                    return Err(alternatives());
                }
                of = Some(key);
                values.extend(more);
            }
            matchers.extend(of.map(|key| matcher(key, &values, false)));
        }
        Scope::All | Scope::And(_) => return Err(alternatives()),
    }
    Ok(())
}

fn alternatives() -> String {
    "its scope has alternatives of several tags, which a selector of PromQL cannot have".to_owned()
}

fn matcher(key: &TagKey, values: &[&str], is_negated: bool) -> String {
    let label = names::plain(key.as_str());
    let is_plain = |value: &&str| !value.contains('*');
    let (operator, value) = match (values, is_negated) {
        ([value], false) if is_plain(value) => ("=", (*value).to_owned()),
        ([value], true) if is_plain(value) => ("!=", (*value).to_owned()),
        (values, is_negated) => {
            let regex: Vec<String> = values.iter().map(|value| pattern(value)).collect();
            (if is_negated { "!~" } else { "=~" }, regex.join("|"))
        }
    };
    format!("{label}{operator}\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

/// A value with wildcards as a regular expression. A star alone is any value, but not none.
fn pattern(value: &str) -> String {
    if value == "*" {
        return ".+".to_owned();
    }
    let mut regex = String::new();
    for c in value.chars() {
        match c {
            '*' => regex.push_str(".*"),
            c if "\\.+?()|[]{}^$".contains(c) => {
                regex.push('\\');
                regex.push(c);
            }
            c => regex.push(c),
        }
    }
    regex
}

/// How far a `timeshift` looks back, in microseconds.
#[expect(clippy::cast_possible_truncation, reason = "the query language bounds it by 400 days")]
fn shift_us(expr: &Expr) -> Option<i64> {
    match &expr.kind {
        ExprKind::Negate(inner) => shift_us(inner),
        ExprKind::Number(number) => Some(match number.suffix {
            weir_query::Suffix::Plain => (number.value * 1e6) as i64,
            _ => (number.base_value() * 1e3) as i64,
        }),
        _ => None,
    }
}
