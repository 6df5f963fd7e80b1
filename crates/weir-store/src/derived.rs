//! What each derived metric is, twice: as a function of a span, by which the recorder makes cells, and as SQL over the
//! table `spans`, by which a scan of rows answers. The two stand side by side because they must agree; a property test
//! holds them to it.
//!
//! Every value is an integer of some unit (microseconds, tokens, nano-dollars), so that sums are exact whatever the
//! order, and both ways divide only at the end.

mod savings;

use std::sync::Arc;

use weir_types::{CacheStatus, Cell, Span, SpanKind, SpanStatus, metric};

/// Which rows of `spans` are calls of a model; every derived metric is about calls. Agents and workflows repeat the
/// usage of the calls they made, and a second report of a call is `same_as` the first; neither must count twice.
pub const CALLS_SQL: &str = "kind IN ('llm', 'embedding', 'rerank') AND same_as IS NULL";

fn is_call(span: &Span) -> bool {
    matches!(span.kind, SpanKind::Llm | SpanKind::Embedding | SpanKind::Rerank) && span.same_as.is_none()
}

/// A metric made of calls.
pub(crate) struct DerivedMetric {
    pub name: &'static str,
    /// The integer that a call contributes; `None` when it contributes nothing.
    of_call: fn(&Span) -> Option<i128>,
    /// Where one call may contribute several times: what it contributes instead, with the values of the metric's own tag.
    parts_of_call: Option<fn(&Span) -> Vec<Part>>,
    /// Where its rows come from: the table of spans, or what has a row for each part of a call.
    pub from_sql: &'static str,
    /// Which calls contribute.
    pub filter_sql: &'static str,
    /// The same integer of a row.
    pub value_sql: &'static str,
    /// Parts of the integer, where summing each and adding the sums is cheaper: an addition of 128 bits for each row is not.
    addends_sql: &'static [&'static str],
    /// How many of the integer are one unit of the metric.
    per_unit: f64,
    /// What one of the integer adds to a cell's `sum_nano`.
    pub nano: i128,
    /// Whether percentiles are meaningful.
    pub has_histogram: bool,
    /// A tag that its cells carry beyond the usual ones.
    extra: Option<ExtraTag>,
}

/// The integer that a part of a call contributes, and the value of the metric's own tag.
type Part = (i128, Option<Arc<str>>);

struct ExtraTag {
    key: &'static str,
    of_call: fn(&Span) -> Option<Arc<str>>,
    sql: &'static str,
}

/// What one span contributes to one metric.
pub(crate) struct Sample {
    pub metric: &'static str,
    /// A tag of this metric alone.
    pub extra: Option<(&'static str, Arc<str>)>,
    pub cell: Cell,
}

/// Everything that a span contributes.
pub(crate) fn samples(span: &Span) -> impl Iterator<Item = Sample> {
    METRICS.iter().filter(|_| is_call(span)).flat_map(|metric| metric.samples(span))
}

impl DerivedMetric {
    /// The metric with this name.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        METRICS.iter().find(|metric| metric.name == name)
    }

    fn samples(&self, span: &Span) -> impl Iterator<Item = Sample> {
        let own_tag = self.extra.as_ref();
        let whole = (self.of_call)(span).filter(|_| self.parts_of_call.is_none());
        let whole = whole.map(|integer| (integer, own_tag.and_then(|extra| (extra.of_call)(span))));
        let parts = self.parts_of_call.map(|parts| parts(span)).unwrap_or_default();
        whole.into_iter().chain(parts).map(|(integer, value)| self.sample(integer, value))
    }

    fn sample(&self, integer: i128, own_tag: Option<Arc<str>>) -> Sample {
        let value = self.in_unit(integer);
        let mut cell = Cell {
            count: 1,
            sum_nano: integer.saturating_mul(self.nano),
            min: Some(value),
            max: Some(value),
            ..Cell::default()
        };
        if self.has_histogram {
            cell.histogram.record(value);
        }
        let extra = self.extra.as_ref().and_then(|extra| Some((extra.key, own_tag?)));
        Sample { metric: self.name, extra, cell }
    }

    /// An integer of this metric in the metric's unit.
    pub(crate) fn in_unit(&self, integer: i128) -> f64 {
        integer as f64 / self.per_unit
    }

    /// The value of a row in the metric's unit.
    pub(crate) fn unit_sql(&self) -> String {
        format!("({}::DOUBLE / {:?}::DOUBLE)", self.value_sql, self.per_unit)
    }

    /// The sum of a group's integers.
    pub(crate) fn sum_sql(&self) -> String {
        if self.value_sql == ONE {
            return "count(*)::HUGEINT".to_owned();
        }
        let own = [self.value_sql];
        let addends = if self.addends_sql.is_empty() { &own } else { self.addends_sql };
        let sums: Vec<_> = addends.iter().map(|addend| format!("sum({addend})::HUGEINT")).collect();
        sums.join(" + ")
    }

    /// The least (`min`) or greatest (`max`) value of a group in the metric's unit. Integers are compared, and the one
    /// that is left is divided: the order of both is the same.
    pub(crate) fn extreme_sql(&self, which: &str) -> String {
        if self.value_sql == ONE {
            return "CASE WHEN count(*) > 0 THEN 1::DOUBLE END".to_owned();
        }
        format!("({which}({})::DOUBLE / {:?}::DOUBLE)", self.value_sql, self.per_unit)
    }

    /// The metric's own tag: its key and its SQL.
    pub(crate) fn extra_tag(&self) -> Option<(&'static str, &'static str)> {
        self.extra.as_ref().map(|extra| (extra.key, extra.sql))
    }

    /// The SQL of the metric's own tag, when this is its key.
    pub(crate) fn extra_sql(&self, key: &str) -> Option<&'static str> {
        self.extra.as_ref().filter(|extra| extra.key == key).map(|extra| extra.sql)
    }
}

/// The value of each call of a metric that only counts.
const ONE: &str = "1";

const COUNT: DerivedMetric = DerivedMetric {
    name: "",
    of_call: |_| Some(1),
    parts_of_call: None,
    from_sql: "spans",
    filter_sql: "TRUE",
    value_sql: ONE,
    addends_sql: &[],
    per_unit: 1.0,
    nano: 1_000_000_000,
    has_histogram: false,
    extra: None,
};

const TOKENS: DerivedMetric = DerivedMetric { has_histogram: true, ..COUNT };
const MICROS_AS_MS: DerivedMetric = DerivedMetric { per_unit: 1e3, nano: 1_000_000, ..TOKENS };
const NANO_USD: DerivedMetric = DerivedMetric { per_unit: 1e9, nano: 1, ..TOKENS };

/// Every derived metric, in the order of [`metric::DERIVED`].
static METRICS: [DerivedMetric; 15] = [
    DerivedMetric { name: metric::LLM_REQUEST_COUNT, ..COUNT },
    DerivedMetric {
        name: metric::LLM_REQUEST_ERROR,
        of_call: |span| (span.status == SpanStatus::Error).then_some(1),
        filter_sql: "status = 'error'",
        extra: Some(ExtraTag {
            key: "error_type",
            of_call: |span| span.error_type.clone(),
            sql: "error_type",
        }),
        ..COUNT
    },
    DerivedMetric {
        name: metric::LLM_REQUEST_DURATION,
        of_call: |span| stored(Some(span.duration_us)),
        value_sql: "duration_us",
        ..MICROS_AS_MS
    },
    DerivedMetric {
        name: metric::LLM_TIME_TO_FIRST_TOKEN,
        of_call: |span| stored(span.ttft_us),
        filter_sql: "ttft_us IS NOT NULL",
        value_sql: "ttft_us",
        ..MICROS_AS_MS
    },
    DerivedMetric {
        name: metric::LLM_TOKENS_INPUT,
        of_call: |span| stored(span.tokens.input),
        filter_sql: "input_tokens IS NOT NULL",
        value_sql: "input_tokens",
        ..TOKENS
    },
    DerivedMetric {
        name: metric::LLM_TOKENS_OUTPUT,
        of_call: |span| stored(span.tokens.output),
        filter_sql: "output_tokens IS NOT NULL",
        value_sql: "output_tokens",
        ..TOKENS
    },
    DerivedMetric {
        name: metric::LLM_TOKENS_CACHED,
        of_call: |span| stored(span.tokens.cache_read),
        filter_sql: "cache_read_tokens IS NOT NULL",
        value_sql: "cache_read_tokens",
        ..TOKENS
    },
    DerivedMetric {
        name: metric::LLM_TOKENS_TOTAL,
        of_call: |span| match (stored(span.tokens.input), stored(span.tokens.output)) {
            (None, None) => None,
            (input, output) => Some(input.unwrap_or(0) + output.unwrap_or(0)),
        },
        filter_sql: "(input_tokens IS NOT NULL OR output_tokens IS NOT NULL)",
        value_sql: "(coalesce(input_tokens, 0)::HUGEINT + coalesce(output_tokens, 0))",
        addends_sql: &["coalesce(input_tokens, 0)", "coalesce(output_tokens, 0)"],
        ..TOKENS
    },
    DerivedMetric {
        name: metric::LLM_COST_USD,
        of_call: |span| span.cost.map(|cost| i128::from(cost.0)),
        filter_sql: "cost_nano_usd IS NOT NULL",
        value_sql: "cost_nano_usd",
        ..NANO_USD
    },
    DerivedMetric {
        name: metric::LLM_REQUEST_UNPRICED,
        of_call: |span| {
            let used = span.tokens.total().is_some_and(|tokens| tokens > 0);
            (span.cost.is_none() && used).then_some(1)
        },
        filter_sql: "cost_nano_usd IS NULL AND (input_tokens > 0 OR output_tokens > 0)",
        ..COUNT
    },
    DerivedMetric {
        name: metric::LLM_COST_SAVED_USD,
        parts_of_call: Some(savings::of_call),
        from_sql: savings::FROM_SQL,
        value_sql: "saving.nano",
        extra: Some(ExtraTag { key: "layer", of_call: |_| None, sql: "saving.layer" }),
        ..NANO_USD
    },
    DerivedMetric {
        name: metric::LLM_COST_WOULD_SAVE_USD,
        parts_of_call: Some(savings::would_be_of_call),
        from_sql: savings::WOULD_BE_FROM_SQL,
        value_sql: "saving.nano",
        extra: Some(ExtraTag { key: "layer", of_call: |_| None, sql: "saving.layer" }),
        ..NANO_USD
    },
    DerivedMetric {
        name: metric::CACHE_HIT,
        of_call: |span| is_hit(span.cache).then_some(1),
        filter_sql: "cache IN ('exact', 'semantic', 'coalesced')",
        ..COUNT
    },
    DerivedMetric {
        name: metric::CACHE_MISS,
        of_call: |span| (span.cache == Some(CacheStatus::Miss)).then_some(1),
        filter_sql: "cache = 'miss'",
        ..COUNT
    },
    DerivedMetric {
        name: metric::PROMPT_TRUNCATED,
        of_call: |span| span.policy.iter().any(|decision| &*decision.action == "truncated").then_some(1),
        // Quotes within texts are escaped in JSON, so this is found in no other place.
        filter_sql: r#"contains(policy, '"action":"truncated"')"#,
        ..COUNT
    },
];

/// An unsigned number as the tables hold it.
fn stored(number: Option<u64>) -> Option<i128> {
    number.map(|number| i128::from(i64::try_from(number).unwrap_or(i64::MAX)))
}

fn is_hit(cache: Option<CacheStatus>) -> bool {
    matches!(cache, Some(CacheStatus::Exact | CacheStatus::Semantic | CacheStatus::Coalesced))
}

#[cfg(test)]
mod tests {
    use weir_types::UnixMicros;

    use super::*;
    use crate::samples::plain_span;

    #[test]
    fn every_metric_that_types_promise_is_derived_with_its_own_tag() {
        let derived: Vec<_> =
            METRICS.iter().map(|m| (m.name, m.extra.iter().map(|e| e.key).collect::<Vec<_>>())).collect();
        let promised: Vec<_> = metric::DERIVED.iter().map(|m| (m.name, m.extra_tags.to_vec())).collect();
        assert_eq!(derived, promised);
    }

    #[test]
    fn a_plain_call_contributes_what_it_states_and_nothing_else() {
        let span = plain_span(UnixMicros(0));
        let sums: Vec<_> = samples(&span).map(|sample| (sample.metric, sample.cell.sum())).collect();
        assert_eq!(
            sums,
            [
                ("llm.request.count", 1.0),
                ("llm.request.duration", 250.0),
                ("llm.tokens.input", 100.0),
                ("llm.tokens.output", 20.0),
                ("llm.tokens.total", 120.0),
                ("llm.cost.usd", 0.000_001),
            ]
        );
    }

    #[test]
    fn each_layer_that_saved_on_a_call_is_a_sample_and_what_would_have_been_saved_is_one_of_another_metric() {
        let decision = |policy: &str, action: &str, saved| weir_types::PolicyDecision {
            policy: policy.into(),
            action: action.into(),
            detail: None,
            saved: Some(weir_types::NanoUsd(saved)),
        };
        let mut span = plain_span(UnixMicros(0));
        span.saved = Some(weir_types::NanoUsd(7));
        span.policy = vec![
            decision("token_budget", "truncated", 5),
            decision("cache", "would_answer", 90),
            decision("cheaper_model", "rerouted", 2),
        ];
        let by_layer = |span: &Span, name: &str| -> Vec<(Option<String>, i128)> {
            let of_metric = samples(span).filter(|sample| sample.metric == name);
            of_metric.map(|s| (s.extra.map(|(_, layer)| layer.to_string()), s.cell.sum_nano)).collect()
        };
        let saved = |span: &Span| by_layer(span, metric::LLM_COST_SAVED_USD);
        let would_save = by_layer(&span, metric::LLM_COST_WOULD_SAVE_USD);
        assert_eq!(would_save, [(Some("cache".to_owned()), 90)]);
        assert_eq!(
            saved(&span),
            [(Some("token_budget".to_owned()), 5), (Some("cheaper_model".to_owned()), 2)]
        );
        span.policy.iter_mut().for_each(|decision| decision.saved = None);
        assert_eq!(saved(&span), [(Some("token_budget".to_owned()), 7)], "as spans of before say it");
        span.cache = Some(CacheStatus::Exact);
        assert_eq!(saved(&span), [(Some("cache".to_owned()), 7)]);
    }

    #[test]
    fn an_agent_that_repeats_the_usage_of_its_calls_contributes_nothing() {
        let mut span = plain_span(UnixMicros(0));
        span.kind = SpanKind::Agent;
        assert_eq!(samples(&span).count(), 0);
    }
}
