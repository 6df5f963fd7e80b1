//! PromQL as expressions of Weir.
//!
//! Rules judge what happened in a range: `sum by (k) (rate(m[5m]))` is Weir's `per_second(sum(m)) by k` over five minutes,
//! `histogram_quantile(0.95, …)` is `p95(m)`. All ranges of a rule must be the same, because a condition has one window.
//! Whatever has no exact counterpart is refused with its name; what is near is translated, and noted.

mod leaf;

use super::promql::{Node, Selector};
use crate::condition::shown_length;
use crate::exchange::loss::Losses;
use leaf::{Kind, Leaf};

/// The window of a value at an instant, in microseconds: Weir keeps values for each minute.
const INSTANT_US: i64 = 60_000_000;

/// Why a rule is not translated: why, and what to do instead.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) why: String,
    pub(super) instead: &'static str,
}

/// Builds a refusal.
pub(super) fn refusal<T>(why: impl Into<String>, instead: &'static str) -> Result<T, Refusal> {
    Err(Refusal { why: why.into(), instead })
}

/// A translated expression.
pub(super) struct Value {
    pub(super) text: String,
    /// Whether it is a number.
    is_number: bool,
    /// Whether it is for each second, which is not written yet.
    is_rate: bool,
    /// The single metric that it is.
    pub(super) leaf: Option<Leaf>,
}

/// Translates one rule.
#[derive(Default)]
pub(super) struct Translator {
    /// The one range of the rule.
    pub(super) window_us: Option<i64>,
    /// The metrics of the rule, for what goes with them.
    pub(super) metrics: Vec<String>,
    /// The labels that the annotations name: what tells series apart where the expression does not say.
    pub(super) told_apart_by: Vec<String>,
}

impl Translator {
    /// The expression, finished: what is for each second says so.
    pub(super) fn whole(&mut self, node: &Node, losses: &mut Losses) -> Result<Value, Refusal> {
        let value = self.value(node, losses)?;
        if value.is_number {
            return refusal("it compares numbers", "leave the rule out");
        }
        Ok(self.finished(value))
    }

    fn finished(&self, value: Value) -> Value {
        if !value.is_rate {
            return value;
        }
        let whole = format!("per_second({})", value.text);
        let seconds = self.window_us.unwrap_or(INSTANT_US) as f64 / 1e6;
        // Only totals can be taken for each second; all else is divided by the seconds of the window.
        let text =
            if weir_query::parse(&whole).is_ok() { whole } else { format!("({}) / {seconds}", value.text) };
        Value { text, is_rate: false, ..value }
    }

    fn value(&mut self, node: &Node, losses: &mut Losses) -> Result<Value, Refusal> {
        match node {
            Node::Number(number) if number.is_finite() => {
                let text = if *number < 0.0 { format!("({number})") } else { number.to_string() };
                Ok(Value { text, is_number: true, is_rate: false, leaf: None })
            }
            Node::Number(_) => refusal("it computes with infinity", "leave the rule out"),
            Node::Negate(inner) => {
                let value = self.value(inner, losses)?;
                Ok(Value { text: format!("(-{})", value.text), leaf: None, ..value })
            }
            Node::Binary { operator, is_bool, matching, left, right } => {
                self.binary(operator, *is_bool, matching.as_deref(), (left, right), losses)
            }
            Node::Aggregate { name, by, is_without, args } => {
                if *is_without {
                    return refusal(
                        format!("{name} without (…) keeps labels that the rule does not name"),
                        "name the labels that are kept: `by (…)`",
                    );
                }
                let [arg] = &args[..] else {
                    return refusal(format!("{name} has no counterpart in conditions"), "judge every group");
                };
                self.aggregate(name, by.clone(), arg, losses)
            }
            Node::Call { name, args } if name == "histogram_quantile" => self.quantile(args, losses),
            Node::Call { .. } | Node::Selector(_) => {
                let leaf = self.aggregate("", Some(self.told_apart_by.clone()), node, losses)?;
                self.note_groups(losses);
                Ok(leaf)
            }
            Node::Text(_) => refusal("a text is no value", "leave the rule out"),
            Node::Other(what) => refusal(format!("{what} has no counterpart"), "write the condition by hand"),
        }
    }

    /// In Prometheus each series is judged; Weir must know by which tags.
    fn note_groups(&self, losses: &mut Losses) {
        let (why, instead) = if self.told_apart_by.is_empty() {
            (
                "the rule does not say by which labels they are told apart, and Weir makes one value of all",
                "add `by` with the tags that matter",
            )
        } else {
            (
                "the rule does not say by which labels they are told apart; those that its annotations name are taken",
                "",
            )
        };
        losses.add("each series on its own", why, instead);
    }

    fn binary(
        &mut self,
        operator: &str,
        is_bool: bool,
        matching: Option<&str>,
        (left, right): (&Node, &Node),
        losses: &mut Losses,
    ) -> Result<Value, Refusal> {
        if !matches!(operator, "+" | "-" | "*" | "/") || is_bool {
            return refusal(
                format!("`{operator}` within an expression has no counterpart"),
                "make a monitor of each side, and a composite of both: `@a && @b`",
            );
        }
        if let Some(matching) = matching {
            if matching.contains("group_") {
                return refusal(
                    format!("`{matching}` has no counterpart"),
                    "group both sides by the same tags",
                );
            }
            losses.add(
                matching,
                "groups meet where the tags that both sides have are equal",
                "check that these are the same",
            );
        }
        let (mut left, mut right) = (self.value(left, losses)?, self.value(right, losses)?);
        if operator == "/"
            && let (Some(part), Some(whole)) = (&left.leaf, &right.leaf)
            && let Some(average) = Leaf::average(part, whole).filter(|_| left.is_rate == right.is_rate)
        {
            return Ok(Self::of_leaf(average, false));
        }
        let is_rate = match operator {
            "/" if left.is_rate && right.is_rate => false,
            "/" => left.is_rate && right.is_number,
            "*" => left.is_rate && right.is_number || right.is_rate && left.is_number,
            _ => left.is_rate && right.is_rate,
        };
        let is_settled = is_rate || operator == "/" && left.is_rate && right.is_rate;
        if !is_settled {
            (left, right) = (self.finished(left), self.finished(right));
        }
        let is_number = left.is_number && right.is_number;
        Ok(Value {
            text: format!("({} {operator} {})", left.text, right.text),
            is_number,
            is_rate,
            leaf: None,
        })
    }

    fn of_leaf(leaf: Leaf, is_rate: bool) -> Value {
        Value { text: leaf.text(), is_number: false, is_rate, leaf: Some(leaf) }
    }

    /// An aggregation over series of an aggregation over time.
    fn aggregate(
        &mut self,
        outer: &str,
        by: Option<Vec<String>>,
        arg: &Node,
        losses: &mut Losses,
    ) -> Result<Value, Refusal> {
        let (inner, selector) = match arg {
            Node::Selector(selector) => ("", selector),
            Node::Call { name, args } => match &args[..] {
                [Node::Selector(selector)] => (name.as_str(), selector),
                [Node::Other(what)] => {
                    return refusal(format!("{what} has no counterpart"), "write the condition by hand");
                }
                _ => return refusal(format!("{name} has no counterpart"), "write the condition by hand"),
            },
            Node::Aggregate { name, .. } => {
                return refusal(format!("{outer} of {name} has no counterpart"), "aggregate once");
            }
            Node::Binary { .. } | Node::Negate(_) => {
                return refusal(
                    format!("{outer} of a computed value has no counterpart"),
                    "aggregate each metric first, and compute with the results",
                );
            }
            _ => return refusal("it aggregates no metric", "write the condition by hand"),
        };
        let (kind, is_rate) = match (outer, inner) {
            ("sum" | "", "rate" | "irate") => (Kind::Sum, true),
            ("sum" | "", "increase" | "sum_over_time") => (Kind::Sum, false),
            ("sum" | "", "count_over_time") => (Kind::Count, false),
            ("avg" | "", "avg_over_time" | "last_over_time" | "") => (Kind::Avg, false),
            ("max" | "", "max_over_time") | ("max", "" | "last_over_time") => (Kind::Max, false),
            ("min" | "", "min_over_time") | ("min", "" | "last_over_time") => (Kind::Min, false),
            ("sum", "") => {
                return refusal(
                    "a sum of gauges at one instant has no counterpart: Weir sums all values of a window",
                    "use avg or max, or send a total",
                );
            }
            ("count", _) => {
                return refusal("the number of series has no counterpart", "send it as a metric");
            }
            ("" | "sum", "absent" | "absent_over_time") => {
                return refusal("absence has no counterpart in conditions", "write `sum(METRIC) < 1`");
            }
            ("", name) => {
                return refusal(format!("{name} has no counterpart"), "write the condition by hand");
            }
            (outer, "") => {
                return refusal(format!("{outer} has no counterpart"), "write the condition by hand");
            }
            (outer, inner) => {
                return refusal(
                    format!("{outer} of {inner} has no counterpart"),
                    "write the condition by hand",
                );
            }
        };
        if inner == "irate" {
            losses.add("irate", "the rate of the last two values is taken for that of the window", "");
        }
        if inner.is_empty() {
            losses.add("a value at an instant", "it is taken for that of the last minute", "");
        }
        let leaf = self.leaf(kind, selector, by, losses)?;
        Ok(Self::of_leaf(leaf, is_rate))
    }

    fn leaf(
        &mut self,
        kind: Kind,
        selector: &Selector,
        by: Option<Vec<String>>,
        losses: &mut Losses,
    ) -> Result<Leaf, Refusal> {
        let leaf = Leaf::new(kind, selector, by.unwrap_or_default(), losses)?;
        let window = selector.range_us.unwrap_or(INSTANT_US);
        if window % INSTANT_US != 0 {
            return refusal(
                format!("its range of {} is no whole number of minutes", shown_length(window)),
                "values are kept for each minute",
            );
        }
        if self.window_us.is_some_and(|known| known != window) {
            return refusal(
                "its ranges differ, and a condition has one window",
                "make a monitor of each range, and a composite",
            );
        }
        self.window_us = Some(window);
        self.metrics.push(leaf.metric.clone());
        Ok(leaf)
    }

    /// `histogram_quantile(0.95, sum by (le, k) (rate(m_bucket[5m])))`
    fn quantile(&mut self, args: &[Node], losses: &mut Losses) -> Result<Value, Refusal> {
        let [Node::Number(quantile), of] = args else {
            return refusal("its quantile is no number", "write the condition by hand");
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float becomes the nearest u16"
        )]
        let percentile = weir_query::Percentile::from_hundredths((quantile * 1e4).round() as u16)
            .filter(|_| (0.0..1.0).contains(quantile));
        let Some(percentile) = percentile else {
            return refusal(format!("there is no quantile {quantile}"), "use one between 0.0001 and 0.9999");
        };
        let (by, inner) = match of {
            Node::Aggregate { name, by, is_without: false, args } if name == "sum" => {
                (by.clone().unwrap_or_default(), args.first())
            }
            Node::Call { .. } => {
                self.note_groups(losses);
                (self.told_apart_by.clone(), Some(of))
            }
            _ => return refusal("histogram_quantile of this has no counterpart", "sum the rates by (le, …)"),
        };
        let Some(Node::Call { name, args }) = inner else {
            return refusal("histogram_quantile of this has no counterpart", "sum the rates by (le, …)");
        };
        let ("rate" | "increase" | "irate", [Node::Selector(selector)]) = (name.as_str(), &args[..]) else {
            return refusal(format!("histogram_quantile of {name} has no counterpart"), "take rates");
        };
        let by = by.into_iter().filter(|label| label != "le").collect();
        let leaf = self.leaf(Kind::Percentile(percentile), selector, Some(by), losses)?;
        Ok(Self::of_leaf(leaf, false))
    }
}
