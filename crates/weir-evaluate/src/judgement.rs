//! What evaluators say, and how it becomes records.

use std::sync::Arc;

use serde_json::{Map, Value};
use weir_types::{Content, Event, EventLevel, Record, Score, ScoreValue, Tags, UnixMicros};

use crate::Subject;

/// Who judges: an evaluator with its version, and by what means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgeName {
    /// The evaluator: `faithfulness`.
    pub evaluator: Arc<str>,
    /// Of its prompt and method: another version judges anew.
    pub version: u32,
    /// The model that was asked; `local` where none is.
    pub by: Arc<str>,
}

impl std::fmt::Display for JudgeName {
    /// As scores carry it: `weir/faithfulness@1 (gpt-4o-mini)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "weir/{}@{} ({})", self.evaluator, self.version, self.by)
    }
}

/// How many of these records are scores; the others are events that go with them.
pub(crate) fn scores_in(records: &[Record]) -> usize {
    records.iter().filter(|record| matches!(record, Record::Score(_))).count()
}

/// One thing that was said about a subject.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The metric.
    pub metric: Arc<str>,
    /// The number or label.
    pub value: ScoreValue,
    /// Why: a JSON object with a `summary` for people.
    pub rationale: Map<String, Value>,
    /// Tags beyond those that every score has.
    pub tags: Tags,
    /// A warning that goes with it: title and text.
    pub warning: Option<(Arc<str>, String)>,
}

impl Judgement {
    /// A judgement with this one sentence as its reason.
    pub fn new(metric: &str, value: ScoreValue, summary: impl Into<String>) -> Self {
        let mut rationale = Map::new();
        rationale.insert("summary".to_owned(), Value::String(summary.into()));
        Self { metric: Arc::from(metric), value, rationale, tags: Tags::new(), warning: None }
    }

    /// The same, with one more entry of the rationale.
    #[must_use]
    pub fn because(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.rationale.insert(key.to_owned(), value.into());
        self
    }

    /// The records of it: the score, and the event where there is a warning.
    pub fn records(self, subject: &Subject, judge: &str, now: UnixMicros) -> Vec<Record> {
        let span = &subject.span;
        let tags = self.tags;
        let of_span = ["app", "agent", "model", "env", "team"]
            .into_iter()
            .filter_map(|key| Some((key, span.tag(key)?)));
        let mut tags_of_score: Tags = of_span.collect();
        for (key, value) in tags.iter() {
            tags_of_score.set(key.clone(), Arc::clone(value));
        }
        let mut records = vec![Record::Score(Box::new(Score {
            time: now,
            trace_id: span.trace_id,
            span_id: Some(span.span_id),
            by_span_alone: false,
            name: self.metric,
            value: self.value,
            judge: Arc::from(judge),
            rationale: Some(Content::new(Value::Object(self.rationale).to_string())),
            tags: tags_of_score.clone(),
        }))];
        if let Some((title, text)) = self.warning {
            let mut tags = tags_of_score;
            tags.set(weir_types::TagKey::new("trace_id"), span.trace_id.to_string());
            let (level, source) = (EventLevel::Warning, Arc::from("weir"));
            records.push(Record::Event(Box::new(Event {
                time: now,
                title,
                text: Arc::from(text),
                level,
                source,
                tags,
            })));
        }
        records
    }
}
