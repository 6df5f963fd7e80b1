//! Names of metrics and tags, their aliases, and what Weir derives from spans.
//!
//! This is the one list of names: the recorder makes these metrics, the query language knows their units and which
//! tags their cells carry, and monitors refer to them.

use serde::{Deserialize, Serialize};

/// What a value measures. The query language checks it and every number is shown with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A count of things.
    Count,
    /// A number without a unit (scores).
    None,
    /// A share; 1 is all.
    Ratio,
    /// A share in hundredths; 100 is all.
    Percent,
    /// Milliseconds.
    #[serde(rename = "ms")]
    Millis,
    /// Tokens.
    Tokens,
    /// US dollars.
    #[serde(rename = "usd")]
    Usd,
    /// Things in a second.
    #[serde(rename = "per_second")]
    PerSecond,
}

/// Calls to models: one for each span of kind `llm`, `embedding` or `rerank`.
pub const LLM_REQUEST_COUNT: &str = "llm.request.count";
/// Calls that failed; carries the tag `error_type` beside the usual ones.
pub const LLM_REQUEST_ERROR: &str = "llm.request.error";
/// How long calls took, in milliseconds.
pub const LLM_REQUEST_DURATION: &str = "llm.request.duration";
/// Time until the first token of a stream, in milliseconds.
pub const LLM_TIME_TO_FIRST_TOKEN: &str = "llm.time_to_first_token";
/// Tokens that models read.
pub const LLM_TOKENS_INPUT: &str = "llm.tokens.input";
/// Tokens that models wrote.
pub const LLM_TOKENS_OUTPUT: &str = "llm.tokens.output";
/// Tokens read from providers' caches.
pub const LLM_TOKENS_CACHED: &str = "llm.tokens.cached";
/// Input and output tokens together.
pub const LLM_TOKENS_TOTAL: &str = "llm.tokens.total";
/// Money spent, in US dollars.
pub const LLM_COST_USD: &str = "llm.cost.usd";
/// Calls whose model has no price.
pub const LLM_REQUEST_UNPRICED: &str = "llm.request.unpriced";
/// Money that a policy saved, in US dollars; carries the tag `layer`.
pub const LLM_COST_SAVED_USD: &str = "llm.cost.saved_usd";
/// Cost that layers which only observe would have saved, with the tag `layer`.
pub const LLM_COST_WOULD_SAVE_USD: &str = "llm.cost.would_save_usd";
/// Answers served from Weir's cache.
pub const CACHE_HIT: &str = "custom.llm.cache_hit";
/// Answers looked for in Weir's cache and not found.
pub const CACHE_MISS: &str = "custom.llm.cache_miss";
/// Prompts that a token budget cut.
pub const PROMPT_TRUNCATED: &str = "custom.llm.prompt_truncated";

/// How much a prompt looks like an injection, 0 to 1; carries the tag `pack` where Weir's own guard says it.
pub const INJECTION_RISK: &str = "custom.llm.injection_risk_score";
/// Secrets that a call held; carries the tag `kind`.
pub const SECRET_FOUND: &str = "custom.llm.secret_found";
/// Personal data that a call held, likewise.
pub const PII_FOUND: &str = "custom.llm.pii_found";
/// An agent left its scope; carries the tag `what`.
pub const SCOPE_VIOLATION: &str = "custom.agent.scope_violation";

/// How much of a budget is used: 1 is all that is planned; a gauge that Weir makes itself.
pub const BUDGET_USED: &str = "weir.budget.used";
/// The share of calls of five minutes that went through the gateway; a gauge that Weir makes itself.
pub const COVERAGE_RATIO: &str = "weir.coverage.ratio";
/// The share of calls of five minutes that clients told of; a gauge that Weir makes itself.
pub const COVERAGE_TRACED_RATIO: &str = "weir.coverage.traced_ratio";

/// Events that were stored, each counted once. Its series are made of the events themselves: besides their own tags they
/// have those of [`EVENT_TAGS`].
pub const EVENTS: &str = "weir.events";
/// The tags that every event has; they hold over tags of the same name that were sent with it.
pub const EVENT_TAGS: [&str; 4] = ["level", "source", "title", "words"];

/// The tags that cells of derived metrics carry. Anything else about a span is found in its row.
pub const CELL_TAGS: [&str; 7] = ["agent", "app", "env", "model", "provider", "service", "team"];

/// What Weir knows about a metric that it derives itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricInfo {
    /// The metric's name.
    pub name: &'static str,
    /// The unit of its values.
    pub unit: Unit,
    /// Whether each sample is one occurrence (adding samples up is what is asked for when nothing else is said).
    pub is_count: bool,
    /// Tags of its cells beyond [`CELL_TAGS`].
    pub extra_tags: &'static [&'static str],
}

const fn count(name: &'static str) -> MetricInfo {
    MetricInfo { name, unit: Unit::Count, is_count: true, extra_tags: &[] }
}

const fn measure(name: &'static str, unit: Unit) -> MetricInfo {
    MetricInfo { name, unit, is_count: false, extra_tags: &[] }
}

/// Every metric that Weir derives from spans.
pub const DERIVED: [MetricInfo; 15] = [
    count(LLM_REQUEST_COUNT),
    MetricInfo { name: LLM_REQUEST_ERROR, unit: Unit::Count, is_count: true, extra_tags: &["error_type"] },
    measure(LLM_REQUEST_DURATION, Unit::Millis),
    measure(LLM_TIME_TO_FIRST_TOKEN, Unit::Millis),
    measure(LLM_TOKENS_INPUT, Unit::Tokens),
    measure(LLM_TOKENS_OUTPUT, Unit::Tokens),
    measure(LLM_TOKENS_CACHED, Unit::Tokens),
    measure(LLM_TOKENS_TOTAL, Unit::Tokens),
    measure(LLM_COST_USD, Unit::Usd),
    count(LLM_REQUEST_UNPRICED),
    MetricInfo { name: LLM_COST_SAVED_USD, unit: Unit::Usd, is_count: false, extra_tags: &["layer"] },
    MetricInfo { name: LLM_COST_WOULD_SAVE_USD, unit: Unit::Usd, is_count: false, extra_tags: &["layer"] },
    count(CACHE_HIT),
    count(CACHE_MISS),
    count(PROMPT_TRUNCATED),
];

/// What Weir knows about a derived metric, by canonical name.
pub fn derived(name: &str) -> Option<&'static MetricInfo> {
    DERIVED.iter().find(|info| info.name == name)
}

/// The canonical name of a metric: `token_spend` is what the field calls spend, which is money.
pub fn canonical_metric(name: &str) -> &str {
    match name {
        "token_spend" => LLM_COST_USD,
        other => other,
    }
}

/// The canonical name of a tag.
pub fn canonical_tag(name: &str) -> &str {
    match name {
        "model_name" => "model",
        "agent_id" => "agent",
        "ml_app" => "app",
        "session_id" => "session",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_derived_metric_is_found_by_its_name() {
        for info in &DERIVED {
            assert_eq!(derived(info.name), Some(info));
            assert_eq!(canonical_metric(info.name), info.name, "a metric's own name is canonical");
        }
    }

    #[test]
    fn cell_tags_are_sorted_and_canonical() {
        assert!(CELL_TAGS.is_sorted());
        assert!(CELL_TAGS.iter().all(|tag| canonical_tag(tag) == *tag));
    }
}
