//! Probes: questions that Weir itself asks on a schedule, with answers that are known to be right.
//!
//! Users' calls show what users ask; a probe shows whether a model still does what it did yesterday, also at night and for a model that
//! is only a fallback. It goes the way of every call, through Weir's own gateway, and is recorded as a span with
//! `source = probe`; what it met is the score `weir.probe.passed`, which a monitor can watch.
//!
//! | module | does |
//! |---|---|
//! | `expect` | what an answer must be like, and what it was not |
//! | `ask` | one call through the gateway |

mod ask;
mod expect;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use weir_types::{Content, Score, ScoreValue, TagKey, Tags, UnixMicros};

pub use ask::{Asked, ProbeClient};
pub use expect::{BadPattern, Expectation, Expected, ProbeAnswer};

/// The metric: 1 where an answer was as expected, 0 where not.
pub const METRIC_PASSED: &str = "weir.probe.passed";

/// The application that probes are charged to.
pub const APP: &str = "weir-probe";

/// A question that is asked on a schedule.
#[derive(Debug, Clone)]
pub struct Probe {
    /// Its name.
    pub name: Arc<str>,
    /// The model that is asked.
    pub model: Arc<str>,
    /// What the model is told to be.
    pub instructions: Option<String>,
    /// The question.
    pub prompt: String,
    /// How long the answer may be.
    pub max_tokens: u32,
    /// How often it is asked.
    pub every: Duration,
    /// How long the answer may take.
    pub timeout: Duration,
    /// What the answer must be like.
    pub expected: Expected,
}

impl Probe {
    /// What an answer, or what came in its place, is worth.
    pub fn score(&self, asked: &Asked, time: UnixMicros) -> Score {
        let failed = match &asked.answer {
            Ok(answer) => self.expected.unmet(answer),
            Err(reason) => vec![reason.clone()],
        };
        let summary = match failed.as_slice() {
            [] => "as expected".to_owned(),
            [one] => one.clone(),
            [first, more @ ..] => format!("{first}, and {} more", more.len()),
        };
        let mut tags = Tags::new();
        for (key, value) in [("probe", &self.name), ("model", &self.model)] {
            tags.set(TagKey::new(key), Arc::clone(value));
        }
        tags.set(TagKey::new("app"), APP);
        Score {
            time,
            trace_id: asked.trace_id,
            span_id: asked.span_id,
            by_span_alone: false,
            name: Arc::from(METRIC_PASSED),
            value: ScoreValue::Number(if failed.is_empty() { 1.0 } else { 0.0 }),
            judge: Arc::from("weir/probe@1"),
            rationale: Some(Content::new(json!({ "summary": summary, "failed": failed }).to_string())),
            tags,
        }
    }
}
